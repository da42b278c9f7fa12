//! The pieces of a document as bytes.

use attune_kernel::Timestamp;

use super::wire::{Broken, Reader, Writer};
use crate::domain::consent::{Consent, Kind};
use crate::domain::document::{Attribute, Tag};
use crate::domain::history::Stay;
use crate::domain::origin::Part;
use crate::domain::quiet::Quiet;
use crate::domain::score::{Reason, Score};
use crate::domain::tally::{Said, Tally};

const OBSERVED: u64 = 1;
const TALLIED: u64 = 2;
const CONFIDENCE: u64 = 4;
const LINEAGE: u64 = 8;
const RANK: u64 = 16;

fn put_word(out: &mut Writer, one: &Attribute) {
    let mut flags = 0;
    for (flag, set) in [
        (OBSERVED, one.observed),
        (TALLIED, one.tallied),
        (CONFIDENCE, one.confidence.is_some()),
        (LINEAGE, !one.lineage.is_empty()),
        (RANK, one.rank > 0),
    ] {
        flags |= if set { flag } else { 0 };
    }
    out.number(flags);
    out.value(&one.value);
    out.text(&one.source);
    out.time(one.event_time);
    // Mostly close to the time of the event.
    out.signed(one.received.as_micros().wrapping_sub(one.event_time.as_micros()));
    if let Some(confidence) = one.confidence {
        out.number(confidence.into());
    }
    if !one.lineage.is_empty() {
        out.text(&one.lineage);
    }
    if one.rank > 0 {
        out.number(u64::from(u32::MAX - one.rank));
    }
}

fn word(from: &mut Reader<'_>) -> Result<Attribute, Broken> {
    let flags = from.number()?;
    let (value, source, event_time) = (from.value()?, from.text()?, from.time()?);
    let received = Timestamp::from_micros(event_time.as_micros().wrapping_add(from.signed()?));
    let narrow = |number: u64| u32::try_from(number).map_err(|_| Broken("a number is too large".to_owned()));
    Ok(Attribute {
        value,
        source,
        event_time,
        received,
        observed: flags & OBSERVED > 0,
        tallied: flags & TALLIED > 0,
        confidence: if flags & CONFIDENCE > 0 { Some(u16::try_from(from.number()?).unwrap_or(1000)) } else { None },
        lineage: if flags & LINEAGE > 0 { from.text()? } else { String::new() },
        rank: if flags & RANK > 0 { u32::MAX - narrow(from.number()?)? } else { 0 },
    })
}

pub(super) fn put_attribute(out: &mut Writer, (name, one): (&String, &Attribute)) {
    out.text(name);
    put_word(out, one);
}

pub(super) fn attribute(from: &mut Reader<'_>) -> Result<(String, Attribute), Broken> {
    Ok((from.text()?, word(from)?))
}

pub(super) fn put_tag(out: &mut Writer, (name, one): (&String, &Tag)) {
    out.text(name);
    out.text(&one.source);
    out.time(one.added);
}

pub(super) fn tag(from: &mut Reader<'_>) -> Result<(String, Tag), Broken> {
    Ok((from.text()?, Tag { source: from.text()?, added: from.time()? }))
}

pub(super) fn put_consent(out: &mut Writer, one: &Consent) {
    out.byte(one.kind as u8);
    out.text(&one.purpose);
    out.text(&one.channel);
    out.byte(u8::from(one.granted));
    out.time(one.time);
    out.text(&one.source);
    out.text(&one.proof);
    out.text(&one.basis);
    out.option(one.until, Writer::time);
}

pub(super) fn consent(from: &mut Reader<'_>) -> Result<Consent, Broken> {
    Ok(Consent {
        kind: match from.byte()? {
            0 => Kind::Word,
            1 => Kind::Pending,
            2 => Kind::Suppression,
            other => return Err(Broken(format!("unknown kind of consent {other}"))),
        },
        purpose: from.text()?,
        channel: from.text()?,
        granted: from.byte()? != 0,
        time: from.time()?,
        source: from.text()?,
        proof: from.text()?,
        basis: from.text()?,
        until: from.option(Reader::time)?,
    })
}

pub(super) fn put_tally(out: &mut Writer, (name, one): (&String, &Tally)) {
    out.text(name);
    out.byte(u8::from(one.union));
    out.option(one.cleared, Writer::time);
    out.items(one.said.values(), |out, said| {
        out.number(said.count);
        put_word(out, &said.last);
    });
}

pub(super) fn tally(from: &mut Reader<'_>) -> Result<(String, Tally), Broken> {
    let (name, union, cleared) = (from.text()?, from.byte()? != 0, from.option(Reader::time)?);
    let said = from.list(|from| {
        let said = Said { count: from.number()?, last: word(from)? };
        Ok((said.last.value.to_string(), said))
    })?;
    Ok((name, Tally { union, said, cleared }))
}

pub(super) fn put_score(out: &mut Writer, (model, one): (&String, &Score)) {
    out.text(model);
    out.double(one.value);
    out.text(&one.version);
    out.time(one.time);
    out.time(one.received);
    out.option(one.until, Writer::time);
    out.items(&one.reasons, |out, reason| {
        out.text(&reason.name);
        out.double(reason.contribution);
    });
}

pub(super) fn score(from: &mut Reader<'_>) -> Result<(String, Score), Broken> {
    let model = from.text()?;
    let score = Score {
        value: from.double()?,
        version: from.text()?,
        time: from.time()?,
        received: from.time()?,
        until: from.option(Reader::time)?,
        reasons: from.list(|from| Ok(Reason { name: from.text()?, contribution: from.double()? }))?,
    };
    Ok((model, score))
}

pub(super) fn put_quiet(out: &mut Writer, one: &Quiet) {
    out.text(&one.zone);
    out.number(one.from_minute.into());
    out.number(one.until_minute.into());
    out.byte(one.weekdays);
    out.option(one.pause_until, Writer::time);
    out.time(one.time);
    out.text(&one.source);
}

pub(super) fn quiet(from: &mut Reader<'_>) -> Result<Quiet, Broken> {
    let minute = |number: u64| u16::try_from(number).map_err(|_| Broken("a minute is too large".to_owned()));
    Ok(Quiet {
        zone: from.text()?,
        from_minute: minute(from.number()?)?,
        until_minute: minute(from.number()?)?,
        weekdays: from.byte()?,
        pause_until: from.option(Reader::time)?,
        time: from.time()?,
        source: from.text()?,
    })
}

pub(super) fn put_stay(out: &mut Writer, one: &Stay) {
    out.text(&one.tag);
    out.text(&one.by);
    out.time(one.since);
    out.option(one.until, Writer::time);
}

pub(super) fn stay(from: &mut Reader<'_>) -> Result<Stay, Broken> {
    Ok(Stay { tag: from.text()?, by: from.text()?, since: from.time()?, until: from.option(Reader::time)? })
}

pub(super) fn put_part(out: &mut Writer, (id, one): (&String, &Part)) {
    out.text(id);
    out.text(&one.into);
    out.items(&one.attributes, put_attribute);
    out.items(&one.tallies, put_tally);
    out.items(&one.tags, put_tag);
    out.items(&one.consents, put_consent);
    out.items(&one.hidden, |out, (name, ids)| {
        out.text(name);
        out.items(ids, |out, id| out.text(id));
    });
    out.items(&one.scores, put_score);
    out.option(one.quiet.as_ref(), put_quiet);
    out.items(&one.history, put_stay);
}

pub(super) fn part(from: &mut Reader<'_>) -> Result<(String, Part), Broken> {
    let id = from.text()?;
    let part = Part {
        into: from.text()?,
        attributes: from.list(attribute)?,
        tallies: from.list(tally)?,
        tags: from.list(tag)?,
        consents: from.list(consent)?,
        hidden: from.list(|from| Ok((from.text()?, from.list(Reader::text)?)))?,
        scores: from.list(score)?,
        quiet: from.option(quiet)?,
        history: from.list(stay)?,
    };
    Ok((id, part))
}
