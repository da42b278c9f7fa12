//! What a person allowed or forbade, and whether a contact is allowed.

use std::collections::BTreeMap;

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// A word of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// A reference to the proof.
    pub proof: String,
}

/// Records a word; a later one wins, at the same time a refusal, then the greater source and proof, so that the order of
/// arrival does not matter. Answers whether anything changed.
pub fn record(consents: &mut Vec<Consent>, word: Consent) -> bool {
    let weight = |one: &Consent| (one.time, !one.granted, one.source.clone(), one.proof.clone());
    let at = consents.iter().position(|known| known.purpose == word.purpose && known.channel == word.channel);
    match at {
        Some(at) => {
            let newer = weight(&word) > weight(&consents[at]);
            if newer {
                consents[at] = word;
            }
            newer
        }
        None => {
            consents.push(word);
            consents.sort_by(|one, two| (&one.purpose, &one.channel).cmp(&(&two.purpose, &two.channel)));
            true
        }
    }
}

/// Whether a contact is allowed, and what decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Whether it is.
    pub allowed: bool,
    /// `CONSENT_GRANTED`, `CONSENT_WITHDRAWN` or `DEFAULT`.
    pub reason: &'static str,
    /// The word that decided.
    pub consent: Option<&'a Consent>,
}

/// Whether a person may be contacted for a purpose on a channel. The latest word that applies decides, whether it is
/// about the channel or about all, and a refusal where two are of the same time; decision reads consents the same way.
/// Without any word the purpose's default decides, and a purpose without a default is not allowed.
#[must_use]
pub fn may_contact<'a>(
    consents: &'a [Consent],
    defaults: &BTreeMap<String, bool>,
    purpose: &str,
    channel: &str,
) -> Answer<'a> {
    let words =
        consents.iter().filter(|one| one.purpose == purpose && (one.channel.is_empty() || one.channel == channel));
    match words.max_by_key(|one| (one.time, !one.granted)) {
        Some(consent) => Answer {
            allowed: consent.granted,
            reason: if consent.granted { "CONSENT_GRANTED" } else { "CONSENT_WITHDRAWN" },
            consent: Some(consent),
        },
        None => Answer { allowed: defaults.get(purpose).copied().unwrap_or(false), reason: "DEFAULT", consent: None },
    }
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
            source: String::new(),
            proof: String::new(),
        }
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
        let defaults = BTreeMap::from([("service".to_owned(), true)]);
        assert!(may_contact(&consents, &defaults, "marketing", "email").allowed);
        assert!(!may_contact(&consents, &defaults, "marketing", "push").allowed);
        assert_eq!(may_contact(&consents, &defaults, "marketing", "sms").reason, "CONSENT_WITHDRAWN");
        assert!(may_contact(&consents, &defaults, "service", "sms").allowed);
        assert!(!may_contact(&consents, &defaults, "unheard_of", "sms").allowed);
    }
}
