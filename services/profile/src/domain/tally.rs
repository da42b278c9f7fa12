//! What was said of one name, for policies that look at more than the latest word.
//!
//! A tally is a commutative sum over words, so the order of arrival does not matter and the tallies of two merged persons
//! add up. What events said and what was written under each id are tallied apart, as a split needs it; what is shown is
//! the outcome over all of them.

use std::collections::BTreeMap;

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::document::Attribute;

/// A place in an order of texts that nobody chooses: the first 64 bits of the SHA-256.
fn rank(text: &str) -> u64 {
    let hash = Sha256::digest(text);
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(first)
}

/// Different values that a tally tells apart: those of the lowest rank, a hash of the value, so that no order of arrival
/// changes which.
pub const MAX_VALUES: usize = 256;

/// How often one value was said, and the word that said it last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// How often.
    pub count: u64,
    /// The last word.
    pub last: Attribute,
}

/// What was said of one name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// All values are shown instead of the most frequent.
    pub union: bool,
    /// What was said, by the text of the value.
    pub said: BTreeMap<String, Said>,
    /// The last removal: what was last said at or before it does not count.
    pub cleared: Option<Timestamp>,
}

impl Tally {
    /// Takes in a word. The word of a union says each element of its list.
    pub fn add(&mut self, union: bool, word: Attribute) {
        self.union |= union;
        match &word.value {
            Value::Null => self.cleared = self.cleared.max(Some(word.event_time)),
            Value::Array(items) if union => {
                for item in items {
                    self.count(1, Attribute { value: item.clone(), ..word.clone() });
                }
            }
            _ => self.count(1, word),
        }
        self.trim();
    }

    /// Takes in another tally of the same name.
    pub fn absorb(&mut self, other: &Self) {
        self.union |= other.union;
        self.cleared = self.cleared.max(other.cleared);
        for said in other.said.values() {
            self.count(said.count, said.last.clone());
        }
        self.trim();
    }

    fn count(&mut self, count: u64, last: Attribute) {
        match self.said.get_mut(&last.value.to_string()) {
            Some(known) => {
                known.count += count;
                if last.beats(&known.last) {
                    known.last = last;
                }
            }
            None => {
                self.said.insert(last.value.to_string(), Said { count, last });
            }
        }
    }

    fn trim(&mut self) {
        while self.said.len() > MAX_VALUES {
            let Some(last) = self.said.keys().max_by_key(|text| rank(text)).cloned() else { break };
            self.said.remove(&last);
        }
    }

    /// Forgets what was last said before a time.
    pub fn forget(&mut self, before: Timestamp) {
        self.said.retain(|_, said| said.last.event_time >= before);
    }

    /// What is shown; a removal that nothing followed is shown as a null.
    #[must_use]
    pub fn outcome(&self) -> Option<Attribute> {
        let alive = || self.said.values().filter(|said| Some(said.last.event_time) > self.cleared);
        let later = |one: &&Said, two: &&Said| {
            if one.last.beats(&two.last) { std::cmp::Ordering::Greater } else { std::cmp::Ordering::Less }
        };
        let shown = if self.union {
            let last = alive().max_by(later)?.last.clone();
            let all: Vec<Value> = alive().map(|said| said.last.value.clone()).collect();
            Some(Attribute { value: Value::Array(all), ..last })
        } else {
            alive()
                .max_by(|one, two| one.count.cmp(&two.count).then_with(|| later(one, two)))
                .map(|one| one.last.clone())
        };
        shown.map(|one| Attribute { tallied: true, ..one })
    }

    /// What is shown of several tallies of one name.
    #[must_use]
    pub fn together<'a>(tallies: impl Iterator<Item = &'a Self>) -> Option<Attribute> {
        let mut all = Self::default();
        tallies.for_each(|one| all.absorb(one));
        let gone = all.cleared.map(|event_time| Attribute { event_time, tallied: true, ..Attribute::default() });
        all.outcome().or(gone)
    }
}
