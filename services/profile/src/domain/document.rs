//! All that is known of a person, in one record.

use std::collections::{BTreeMap, BTreeSet};

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::consent::{self, Consent};
use super::event::Event;
use super::traits::Traits;

/// A value of a person with its lineage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    /// The value.
    pub value: Value,
    /// The system it came from.
    pub source: String,
    /// When it was true there; a later one wins.
    pub event_time: Timestamp,
    /// When it arrived.
    pub received: Timestamp,
    /// Whether an event set it: then it goes where the event goes.
    #[serde(default)]
    pub observed: bool,
}

impl Attribute {
    /// Whether it takes the place of a known one. At the same time the greater text wins, so that the order of arrival does
    /// not matter.
    fn beats(&self, known: &Self) -> bool {
        self.event_time
            .cmp(&known.event_time)
            .then_with(|| self.value.to_string().cmp(&known.value.to_string()))
            .is_gt()
    }
}

/// A mark on a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Who or what put it there.
    pub source: String,
    /// Since when.
    pub added: Timestamp,
}

/// The most attributes a person may have.
pub const MAX_ATTRIBUTES: usize = 2000;
/// The most tags a person may have.
pub const MAX_TAGS: usize = 1000;

/// All that is known of a person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The person.
    pub person_id: String,
    /// Values by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// Tags by name.
    pub tags: BTreeMap<String, Tag>,
    /// Consents by purpose and channel.
    pub consents: Vec<Consent>,
    /// The state of the computed traits.
    pub traits: Traits,
    /// The segments the person is in.
    pub segments: BTreeSet<String>,
    /// Rises with every change.
    pub revision: u64,
    /// When it last changed.
    pub updated: Timestamp,
}

impl Document {
    /// A document about which nothing is known.
    #[must_use]
    pub fn empty(person_id: &str) -> Self {
        Self { person_id: person_id.to_owned(), ..Self::default() }
    }

    /// Writes an attribute unless a later one is there. A null removes the value and is kept as the word that it is gone,
    /// so that an older value that comes late does not bring it back. Answers whether anything changed; a new name beyond
    /// [`MAX_ATTRIBUTES`] changes nothing.
    pub fn set_attribute(&mut self, name: &str, attribute: Attribute) -> bool {
        if let Some(known) = self.attributes.get(name) {
            if !attribute.beats(known) {
                return false;
            }
        } else if self.attributes.len() >= MAX_ATTRIBUTES {
            return false;
        }
        self.attributes.insert(name.to_owned(), attribute);
        true
    }

    /// Takes in an event that is new on the timeline. Answers how many of its attributes found no room.
    pub fn observe(&mut self, event: &Event) -> usize {
        self.traits.add(event);
        let mut refused = 0;
        for (name, value) in event.attributes.expose() {
            let attribute = Attribute {
                value: value.clone(),
                source: event.source.clone(),
                event_time: event.time,
                received: event.received,
                observed: true,
            };
            self.set_attribute(name, attribute);
            refused += usize::from(!self.attributes.contains_key(name));
        }
        refused
    }

    /// Forgets what events said, to take in those that remain after a split.
    pub fn forget_observed(&mut self) {
        self.traits = Traits::default();
        self.attributes.retain(|_, attribute| !attribute.observed);
    }

    /// Attributes that have a value.
    pub fn values(&self) -> impl Iterator<Item = (&String, &Attribute)> {
        self.attributes.iter().filter(|(_, one)| !one.value.is_null())
    }

    /// How many values, tags and consents it holds.
    #[must_use]
    pub fn held(&self) -> u64 {
        (self.values().count() + self.tags.len() + self.consents.len()) as u64
    }

    /// Whether nothing was ever written.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.revision == 0
    }

    /// Takes in all that is known of a person who was merged into this one. Memberships are evaluated anew by the caller.
    pub fn absorb(&mut self, other: Self) {
        for (name, attribute) in other.attributes {
            self.set_attribute(&name, attribute);
        }
        for (name, tag) in other.tags {
            if self.tags.len() < MAX_TAGS || self.tags.contains_key(&name) {
                let kept = self.tags.entry(name).or_insert_with(|| tag.clone());
                if tag.added < kept.added {
                    *kept = tag;
                }
            }
        }
        for word in other.consents {
            consent::record(&mut self.consents, word);
        }
        self.traits.absorb(&other.traits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(value: i64, millis: i64) -> Attribute {
        Attribute {
            value: value.into(),
            source: String::new(),
            event_time: Timestamp::from_millis(millis),
            received: Timestamp::default(),
            observed: false,
        }
    }

    #[test]
    fn the_latest_value_wins_in_any_order() {
        let values = [attribute(1, 10), attribute(2, 30), attribute(3, 20), attribute(4, 30)];
        for start in 0..values.len() {
            let mut document = Document::empty("p");
            for offset in 0..values.len() {
                document.set_attribute("a", values[(start + offset) % values.len()].clone());
            }
            assert_eq!(document.attributes["a"].value, Value::from(4));
        }
    }

    #[test]
    fn attributes_are_bounded_and_known_ones_still_change() {
        let mut document = Document::empty("p");
        for index in 0..MAX_ATTRIBUTES {
            assert!(document.set_attribute(&format!("a{index}"), attribute(1, 1)));
        }
        assert!(!document.set_attribute("one-more", attribute(1, 1)));
        assert!(document.set_attribute("a0", attribute(2, 2)));
    }
}
