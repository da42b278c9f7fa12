//! What a person allowed or forbade, and whether a contact is allowed, with what would have to change.

use std::collections::BTreeMap;

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::quiet::{Quiet, Why};

/// What a word is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Kind {
    /// A consent or its withdrawal.
    #[default]
    Word,
    /// A consent that is to be confirmed; not granted when it was confirmed or taken back.
    Pending,
    /// Nothing may be sent, whatever is allowed; granted when it was lifted. An empty purpose or channel is every one.
    Suppression,
}

/// A word of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The purpose.
    pub purpose: String,
    /// The channel; empty for all.
    pub channel: String,
    /// Whether it is allowed.
    pub granted: bool,
    /// When the person said so.
    pub time: Timestamp,
    /// Where.
    pub source: String,
    /// A reference to the proof; of a pending one the hash of its token.
    pub proof: String,
    /// What it is about.
    #[serde(default)]
    pub kind: Kind,
    /// The legal basis, such as `consent` or `contract`; empty for not said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub basis: String,
    /// From when on it says nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Consent {
    fn key(&self) -> (Kind, &str, &str) {
        (self.kind, &self.purpose, &self.channel)
    }

    /// Whether it is about a purpose on a channel.
    fn covers(&self, purpose: &str, channel: &str) -> bool {
        let one = |said: &str, asked: &str| said.is_empty() || said == asked;
        let purposes =
            if self.kind == Kind::Suppression { one(&self.purpose, purpose) } else { self.purpose == purpose };
        purposes && one(&self.channel, channel)
    }

    fn is_valid(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Records a word; a later one of the same kind, purpose and channel wins, at the same time a refusal, then the greater of
/// what else it says, so that the order of arrival does not matter. Answers whether anything changed.
pub fn record(consents: &mut Vec<Consent>, word: Consent) -> bool {
    let beats = |one: &Consent, two: &Consent| {
        (one.time, !one.granted, &one.source, &one.proof, &one.basis, one.until)
            > (two.time, !two.granted, &two.source, &two.proof, &two.basis, two.until)
    };
    match consents.iter_mut().find(|known| known.key() == word.key()) {
        Some(known) => {
            let newer = beats(&word, known);
            if newer {
                *known = word;
            }
            newer
        }
        None => {
            consents.push(word);
            consents.sort_by(|one, two| one.key().cmp(&two.key()));
            true
        }
    }
}

/// A contact that is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its purpose.
    pub purpose: &'a str,
    /// Its channel.
    pub channel: &'a str,
    /// When it is to be.
    pub time: Timestamp,
    /// Whether the address that it is to go to is on a list of those who may not be written to.
    pub address_suppressed: bool,
}

/// Whether a contact is allowed, and what decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Whether it is.
    pub allowed: bool,
    /// `CONSENT_GRANTED` or `DEFAULT` when it is; otherwise `SUPPRESSED`, `ADDRESS_SUPPRESSED`, `CONSENT_WITHDRAWN`,
    /// `CONSENT_EXPIRED`, `CONSENT_PENDING`, `DEFAULT`, `PAUSED`, `QUIET_HOURS` or `QUIET_DAY`.
    pub reason: &'static str,
    /// The word that decided.
    pub consent: Option<&'a Consent>,
    /// What would have to change; empty when it is allowed.
    pub remedy: &'static str,
    /// From when on it is allowed as things are, when only time is missing.
    pub allowed_from: Option<Timestamp>,
}

impl<'a> Answer<'a> {
    const fn yes(reason: &'static str, consent: Option<&'a Consent>) -> Self {
        Self { allowed: true, reason, consent, remedy: "", allowed_from: None }
    }

    const fn no(reason: &'static str, consent: Option<&'a Consent>, remedy: &'static str) -> Self {
        Self { allowed: false, reason, consent, remedy, allowed_from: None }
    }
}

/// Whether one of these words is a suppression of a contact.
#[must_use]
pub fn suppressed(words: &[Consent], asked: &Asked<'_>) -> bool {
    suppressions(words, asked).next().is_some()
}

/// The suppressions that hold. Each stands for itself: one that was lifted lifts no other.
fn suppressions<'a>(words: &'a [Consent], asked: &Asked<'_>) -> impl Iterator<Item = &'a Consent> {
    let held = words.iter().filter(|one| one.kind == Kind::Suppression && !one.granted);
    held.filter(move |one| one.covers(asked.purpose, asked.channel) && one.is_valid(asked.time))
}

/// Whether a person may be contacted. A suppression comes before every consent. Of the words that apply the latest
/// decides, whether it is about the channel or about all, and a refusal where two are of the same time; decision reads
/// consents the same way. Without any word the purpose's default decides, and a purpose without a default is not allowed.
/// What is allowed waits for the end of quiet hours, unless the purpose is exempt.
#[must_use]
pub fn may_contact<'a>(
    consents: &'a [Consent],
    quiet: Option<&Quiet>,
    defaults: &BTreeMap<String, bool>,
    exempt: &[String],
    asked: &Asked<'_>,
) -> Answer<'a> {
    let of = |kind: Kind| {
        let words = consents.iter().filter(move |one| one.kind == kind && one.covers(asked.purpose, asked.channel));
        words.max_by_key(|one| (one.time, !one.granted))
    };
    let mut suppressions = suppressions(consents, asked);
    if let Some(one) = suppressions.next() {
        let last =
            std::iter::once(one).chain(suppressions).map(|one| one.until.unwrap_or(Timestamp::MAX_PLAUSIBLE)).max();
        let allowed_from = last.filter(|until| *until < Timestamp::MAX_PLAUSIBLE);
        return Answer { allowed_from, ..Answer::no("SUPPRESSED", Some(one), "the suppression must be lifted") };
    }
    if asked.address_suppressed {
        return Answer::no("ADDRESS_SUPPRESSED", None, "the address must be taken off the suppression list");
    }
    let default = defaults.get(asked.purpose).copied().unwrap_or(false);
    let answer = match of(Kind::Word) {
        Some(word) if word.is_valid(asked.time) && word.granted => Answer::yes("CONSENT_GRANTED", Some(word)),
        Some(word) if word.is_valid(asked.time) => {
            Answer::no("CONSENT_WITHDRAWN", Some(word), "the person must consent again, later than the withdrawal")
        }
        Some(word) if !default => Answer::no("CONSENT_EXPIRED", Some(word), "the person must consent again"),
        _ if default => Answer::yes("DEFAULT", None),
        _ => match of(Kind::Pending).filter(|one| one.granted && one.is_valid(asked.time)) {
            Some(word) => Answer::no("CONSENT_PENDING", Some(word), "the person must confirm the consent by its token"),
            None => Answer::no("DEFAULT", None, "the person must consent, or the purpose be allowed by default"),
        },
    };
    let why = quiet.filter(|_| answer.allowed && !exempt.iter().any(|one| one == asked.purpose));
    let Some((quiet, why)) = why.and_then(|quiet| Some((quiet, quiet.at(asked.time)?))) else { return answer };
    let (reason, remedy) = match why {
        Why::Paused => ("PAUSED", "the person's pause must end"),
        Why::Hours => ("QUIET_HOURS", "the person's quiet hours must end"),
        Why::Weekday => ("QUIET_DAY", "the person's quiet day must end"),
    };
    Answer { allowed_from: quiet.next(asked.time), ..Answer::no(reason, answer.consent, remedy) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(channel: &str, granted: bool, millis: i64) -> Consent {
        Consent {
            purpose: "marketing".to_owned(),
            channel: channel.to_owned(),
            granted,
            time: Timestamp::from_millis(millis),
            ..Consent::default()
        }
    }

    fn ask<'a>(consents: &'a [Consent], quiet: Option<&Quiet>, purpose: &str, channel: &str) -> Answer<'a> {
        let defaults = BTreeMap::from([("service".to_owned(), true)]);
        let asked = Asked { purpose, channel, time: Timestamp::from_millis(10), address_suppressed: false };
        may_contact(consents, quiet, &defaults, &["legal".to_owned()], &asked)
    }

    #[test]
    fn the_latest_word_wins_whatever_the_order_of_arrival() {
        let words = [word("", true, 1), word("", false, 3), word("", true, 2), word("", true, 3)];
        for start in 0..words.len() {
            let mut consents = Vec::new();
            for offset in 0..words.len() {
                record(&mut consents, words[(start + offset) % words.len()].clone());
            }
            assert_eq!(consents, vec![word("", false, 3)]);
        }
    }

    #[test]
    fn the_latest_word_that_applies_decides_and_the_default_comes_last() {
        let consents = vec![word("", false, 1), word("email", true, 2), word("push", true, 1)];
        assert!(ask(&consents, None, "marketing", "email").allowed);
        assert!(!ask(&consents, None, "marketing", "push").allowed);
        assert_eq!(ask(&consents, None, "marketing", "sms").reason, "CONSENT_WITHDRAWN");
        assert!(ask(&consents, None, "service", "sms").allowed);
        assert!(!ask(&consents, None, "unheard_of", "sms").allowed);
    }

    #[test]
    fn a_suppression_comes_before_every_consent_and_says_until_when() {
        let suppressed = |purpose: &str, granted, until| Consent {
            purpose: purpose.to_owned(),
            kind: Kind::Suppression,
            granted,
            until,
            ..word("", false, 1)
        };
        let until = Some(Timestamp::from_millis(20));
        let consents = vec![word("", true, 5), suppressed("", false, until)];
        let answer = ask(&consents, None, "marketing", "email");
        assert_eq!((answer.allowed, answer.reason, answer.allowed_from), (false, "SUPPRESSED", until));
        assert_eq!(ask(&consents, None, "service", "email").reason, "SUPPRESSED");
        for lifted in [suppressed("", true, None), suppressed("", false, Some(Timestamp::from_millis(10)))] {
            assert!(ask(&[word("", true, 5), lifted], None, "marketing", "email").allowed);
        }
        let other = [word("", true, 5), suppressed("research", false, None), suppressed("", true, None)];
        assert!(ask(&other, None, "marketing", "email").allowed);
        assert_eq!(ask(&other, None, "research", "email").reason, "SUPPRESSED");
    }

    #[test]
    fn what_is_pending_or_expired_is_not_allowed_yet() {
        let pending = Consent { kind: Kind::Pending, ..word("", true, 1) };
        assert_eq!(ask(std::slice::from_ref(&pending), None, "marketing", "email").reason, "CONSENT_PENDING");
        let over = Consent { until: Some(Timestamp::from_millis(9)), ..word("", true, 2) };
        assert_eq!(ask(&[over], None, "marketing", "email").reason, "CONSENT_EXPIRED");
        let taken_back = Consent { granted: false, ..pending };
        assert_eq!(ask(&[taken_back], None, "marketing", "email").reason, "DEFAULT");
    }

    #[test]
    fn what_is_allowed_waits_for_the_end_of_quiet_hours() {
        let until = Some(Timestamp::from_millis(60_000));
        let quiet = Quiet { pause_until: until, ..Quiet::default() };
        let consents = [word("", true, 5)];
        let answer = ask(&consents, Some(&quiet), "marketing", "email");
        assert_eq!((answer.allowed, answer.reason, answer.allowed_from), (false, "PAUSED", until));
        // What is not allowed anyway is not said to be allowed later.
        assert_eq!(ask(&[], Some(&quiet), "marketing", "email").allowed_from, None);
        let legal = Consent { purpose: "legal".to_owned(), ..word("", true, 5) };
        assert!(ask(&[legal], Some(&quiet), "legal", "letter").allowed);
    }
}
