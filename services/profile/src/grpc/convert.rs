//! Between the contract's messages and the domain.

use attune_kernel::{Timestamp, Violation};
use attune_proto::profile::v1 as proto;

use crate::domain::catalogue::Catalogue;
use crate::domain::consent::{Consent, Kind};
use crate::domain::document::{Attribute, Document};
use crate::domain::quiet::Quiet;
use crate::domain::score::Score;
use crate::store::body;

pub(super) fn stamp(time: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = time.to_seconds_nanos();
    prost_types::Timestamp { seconds, nanos }
}

/// A time that the field rules have accepted.
pub(super) fn time(field: &str, time: Option<&prost_types::Timestamp>) -> Result<Option<Timestamp>, Violation> {
    time.map(|time| Timestamp::from_seconds_nanos(time.seconds, time.nanos))
        .transpose()
        .map_err(|error| Violation::new(field, error.to_string()))
}

pub(super) fn profile(document: &Document, catalogue: &Catalogue, now: Timestamp) -> proto::Profile {
    let traits = document.traits.at(catalogue, now);
    proto::Profile {
        person_id: document.person_id.clone(),
        attributes: document.values().map(|(name, one)| (name.clone(), attribute(one))).collect(),
        traits: traits.iter().map(|(name, value)| (name.clone(), body::value(value))).collect(),
        tags: tags(document),
        segments: document.segments.iter().cloned().collect(),
        consents: consents(document),
        etag: document.revision.to_string(),
        update_time: (!document.is_new()).then(|| stamp(document.updated)),
        scores: document.scores.iter().filter(|(_, one)| one.is_valid(now)).map(score).collect(),
        quiet_preference: document.quiet.as_ref().map(quiet),
    }
}

fn attribute(one: &Attribute) -> proto::Attribute {
    proto::Attribute {
        value: Some(body::value(&one.value)),
        source: one.source.clone(),
        event_time: Some(stamp(one.event_time)),
        receive_time: Some(stamp(one.received)),
        confidence: one.confidence.map(|thousandths| f64::from(thousandths) / 1000.0),
        lineage: one.lineage.clone(),
    }
}

/// The words on consent, without what is pending and what is suppressed.
pub(super) fn consents(document: &Document) -> Vec<proto::Consent> {
    document.consents.iter().filter(|one| one.kind == Kind::Word).map(consent).collect()
}

pub(super) fn tags(document: &Document) -> Vec<proto::Tag> {
    let one = |(name, tag): (&String, &crate::domain::document::Tag)| proto::Tag {
        tag: name.clone(),
        source: tag.source.clone(),
        add_time: Some(stamp(tag.added)),
    };
    let by_rule = |(name, since): (&String, &Timestamp)| proto::Tag {
        tag: name.clone(),
        source: "rule".to_owned(),
        add_time: Some(stamp(*since)),
    };
    let own = document.rule_tags.iter().filter(|(name, _)| !document.tags.contains_key(*name));
    let mut tags: Vec<proto::Tag> = document.tags.iter().map(one).chain(own.map(by_rule)).collect();
    tags.sort_by(|one, two| one.tag.cmp(&two.tag));
    tags
}

pub(super) fn consent(one: &Consent) -> proto::Consent {
    proto::Consent {
        purpose: one.purpose.clone(),
        channel: one.channel.clone(),
        granted: one.granted,
        time: Some(stamp(one.time)),
        source: one.source.clone(),
        // Of one that waits it is the hash of the token, which is nobody's to see.
        proof: if one.kind == Kind::Pending { String::new() } else { one.proof.clone() },
        legal_basis: one.basis.clone(),
        expire_time: one.until.map(stamp),
    }
}

fn score((model, one): (&String, &Score)) -> proto::Score {
    let reason = |one: &crate::domain::score::Reason| proto::ScoreReason {
        name: one.name.clone(),
        contribution: one.contribution,
    };
    proto::Score {
        person_id: String::new(),
        model_id: model.clone(),
        value: one.value,
        model_version: one.version.clone(),
        time: Some(stamp(one.time)),
        receive_time: Some(stamp(one.received)),
        expire_time: one.until.map(stamp),
        reasons: one.reasons.iter().map(reason).collect(),
    }
}

pub(super) fn quiet(one: &Quiet) -> proto::QuietPreference {
    proto::QuietPreference {
        time_zone: one.zone.clone(),
        from_minute: one.from_minute.into(),
        until_minute: one.until_minute.into(),
        weekdays: (1..=7).filter(|day| one.weekdays >> (day - 1) & 1 == 1).collect(),
        pause_until: one.pause_until.map(stamp),
        time: Some(stamp(one.time)),
        source: one.source.clone(),
    }
}
