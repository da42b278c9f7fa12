//! All that is known of a person, in one record.

use std::collections::{BTreeMap, BTreeSet};

use attune_aggregate::Scratch;
use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::catalogue::Catalogue;
use super::consent::{self, Consent};
use super::event::Event;
use super::heard::is_aside;
use super::history::Stay;
use super::origin::Part;
use super::quiet::Quiet;
use super::schema::Registry;
use super::score::Score;
use super::tally::Tally;
use super::traits::Traits;

/// A value of a person with its lineage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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
    /// How sure the source is, in thousandths; none for sure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u16>,
    /// The event or request that brought it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lineage: String,
    /// How far its source is trusted for it: a greater rank wins whatever the times.
    #[serde(default)]
    pub rank: u32,
    /// Whether it is the outcome of tallies and not a word of its own.
    #[serde(default)]
    pub tallied: bool,
}

impl Attribute {
    /// Whether it takes the place of a known one. At the same rank and time the greater text wins, then the greater source,
    /// what was written and the earlier arrival: an order of all values, so that the order of arrival does not matter.
    pub(super) fn beats(&self, known: &Self) -> bool {
        self.rank
            .cmp(&known.rank)
            .then_with(|| self.event_time.cmp(&known.event_time))
            .then_with(|| self.value.to_string().cmp(&known.value.to_string()))
            .then_with(|| self.source.cmp(&known.source))
            .then_with(|| known.observed.cmp(&self.observed))
            .then_with(|| known.received.cmp(&self.received))
            .then_with(|| self.lineage.cmp(&known.lineage))
            .then_with(|| self.confidence.cmp(&known.confidence))
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
/// The most consents on record: purposes and channels are a business's, not a person's.
pub const MAX_CONSENTS: usize = 1000;

/// A bound on what is written under one id is reached: what there is too much of, and the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full(pub &'static str, pub usize);

/// What became of the attributes of an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Observed {
    /// How many found no room.
    pub refused: usize,
    /// How many were kept aside.
    pub aside: usize,
}

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
    /// The latest score of each model.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, Score>,
    /// When not to disturb.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// Tags that a rule or band put on, each with since when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rule_tags: BTreeMap<String, Timestamp>,
    /// Which tags the person had, under their own id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) history: Vec<Stay>,
    /// The segments the person is in.
    pub segments: BTreeSet<String>,
    /// When time alone may change what rules say of the person; none when nothing is known to.
    #[serde(skip)]
    pub due: Option<Timestamp>,
    /// Rises with every change.
    pub revision: u64,
    /// When it last changed.
    pub updated: Timestamp,
    /// Written attributes behind a later value of an event; only of who has no parts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) shadowed: BTreeMap<String, Attribute>,
    /// What events said of names that are tallied.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) tallies: BTreeMap<String, Tally>,
    /// What was written of names that are tallied; only of who has no parts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) written: BTreeMap<String, Tally>,
    /// What was written under each id that is in the person; empty for a person who was never merged.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) parts: BTreeMap<String, Part>,
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
        let Some(known) = self.attributes.get(name) else {
            let room = self.attributes.len() < MAX_ATTRIBUTES;
            if room {
                self.attributes.insert(name.to_owned(), attribute);
            }
            return room;
        };
        let (wins, written) = (attribute.beats(known), !attribute.observed);
        if !self.parts.is_empty() || known.observed == attribute.observed {
            // Written values of a merged person are in the parts; here only the view changes.
        } else if written && !wins {
            let behind = self.shadowed.get(name);
            let keep = behind.is_none_or(|behind| attribute.beats(behind));
            if keep {
                self.shadowed.insert(name.to_owned(), attribute);
            }
            return keep;
        } else if written {
            self.shadowed.remove(name);
        } else if wins {
            self.shadowed.insert(name.to_owned(), known.clone());
        }
        if wins {
            self.attributes.insert(name.to_owned(), attribute);
        }
        wins
    }

    /// Writes an attribute without an event, under an id of this person. Answers whether anything changed.
    ///
    /// # Errors
    /// [`Full`] when the name is a new one beyond [`MAX_ATTRIBUTES`].
    pub fn write_attribute(&mut self, named: &str, name: &str, attribute: Attribute) -> Result<bool, Full> {
        let full = |known: &BTreeMap<String, Attribute>| known.len() >= MAX_ATTRIBUTES && !known.contains_key(name);
        let id = self.written_under(named);
        match self.parts.get_mut(&id) {
            None if full(&self.attributes) => Err(Full("attributes", MAX_ATTRIBUTES)),
            None => Ok(self.set_attribute(name, attribute)),
            Some(part) if full(&part.attributes) || full(&self.attributes) => Err(Full("attributes", MAX_ATTRIBUTES)),
            Some(part) => {
                let later = part.attributes.get(name).is_none_or(|known| attribute.beats(known));
                if later {
                    part.attributes.insert(name.to_owned(), attribute.clone());
                    self.set_attribute(name, attribute);
                }
                Ok(later)
            }
        }
    }

    /// Puts a tag on under an id of this person, unless it is there. Answers whether anything changed.
    ///
    /// # Errors
    /// [`Full`] when it is one more than [`MAX_TAGS`].
    pub fn add_tag(&mut self, named: &str, name: &str, tag: Tag) -> Result<bool, Full> {
        let id = self.written_under(named);
        let tags = self.parts.get_mut(&id).map_or(&mut self.tags, |part| &mut part.tags);
        let known = tags.contains_key(name);
        if !known && tags.len() >= MAX_TAGS {
            return Err(Full("tags", MAX_TAGS));
        }
        tags.entry(name.to_owned()).or_insert(tag);
        if self.parts.is_empty() {
            return Ok(!known);
        }
        // Put on again, it is seen again, whoever had taken it off.
        let mut shown = false;
        for part in self.parts.values_mut() {
            if let Some(ids) = part.hidden.get_mut(name) {
                shown |= ids.remove(&id);
            }
            part.hidden.retain(|_, ids| !ids.is_empty());
        }
        self.refresh_tags();
        Ok(!known || shown)
    }

    /// Takes a tag off under an id of this person, from all of the person: other ids get theirs back when they are split
    /// off. Answers whether anything changed.
    pub fn remove_tag(&mut self, named: &str, name: &str) -> bool {
        let id = self.written_under(named);
        if self.parts.is_empty() {
            return self.tags.remove(name).is_some();
        }
        let others = self.parts.iter().filter(|(other, part)| **other != id && part.tags.contains_key(name));
        let others: BTreeSet<String> = others.map(|(other, _)| other.clone()).collect();
        let Some(part) = self.parts.get_mut(&id) else { return false };
        let mut changed = part.tags.remove(name).is_some();
        if !others.is_empty() {
            let hidden = part.hidden.entry(name.to_owned()).or_default();
            changed |= !others.is_subset(hidden);
            hidden.extend(others);
        }
        self.refresh_tags();
        changed
    }

    /// Records a word on consent under an id of this person. Answers whether anything changed.
    ///
    /// # Errors
    /// [`Full`] when it is one more than [`MAX_CONSENTS`].
    pub fn record_consent(&mut self, named: &str, word: Consent) -> Result<bool, Full> {
        let id = self.written_under(named);
        let consents = self.parts.get_mut(&id).map_or(&mut self.consents, |part| &mut part.consents);
        let key = (word.kind, &word.purpose, &word.channel);
        let known = |one: &Consent| (one.kind, &one.purpose, &one.channel) == key;
        if consents.len() >= MAX_CONSENTS && !consents.iter().any(known) {
            return Err(Full("consents", MAX_CONSENTS));
        }
        let changed = consent::record(consents, word.clone());
        if !self.parts.is_empty() {
            consent::record(&mut self.consents, word);
        }
        Ok(changed)
    }

    /// Takes in an event that is new on the timeline.
    pub fn observe(
        &mut self,
        event: &Event,
        registry: &Registry,
        catalogue: &Catalogue,
        scratch: &mut Scratch,
    ) -> Observed {
        self.traits.add(event, catalogue, scratch);
        let mut observed = Observed::default();
        for (name, value) in event.attributes() {
            let attribute = Attribute {
                value: value.clone(),
                source: event.source.clone(),
                event_time: event.time,
                received: event.received,
                observed: true,
                lineage: event.event_id.clone(),
                ..Attribute::default()
            };
            match self.hear("", name, attribute, registry) {
                Ok(heard) => observed.aside += usize::from(heard.aside.is_some()),
                Err(_) => observed.refused += 1,
            }
        }
        observed
    }

    /// Forgets what events said, to take in those that remain after a split.
    pub fn forget_observed(&mut self) {
        self.traits = Traits::default();
        self.tallies.clear();
        self.attributes.retain(|_, attribute| !attribute.observed && !attribute.tallied);
        self.attributes.append(&mut self.shadowed);
        if self.parts.is_empty() {
            self.refresh_tallies();
            return;
        }
        self.attributes.clear();
        let written = |part: &Part| part.attributes.clone().into_iter();
        let written: Vec<(String, Attribute)> = self.parts.values().flat_map(written).collect();
        for (name, attribute) in written {
            self.set_attribute(&name, attribute);
        }
        self.refresh_tallies();
    }

    /// Attributes that have a value, without those that are kept aside.
    pub fn values(&self) -> impl Iterator<Item = (&String, &Attribute)> {
        self.attributes.iter().filter(|(name, one)| !one.value.is_null() && !is_aside(name))
    }

    /// How many values, tags, scores and words of the person it holds.
    #[must_use]
    pub fn held(&self) -> u64 {
        let values =
            self.values().count() + self.aside().count() + self.scores.len() + usize::from(self.quiet.is_some());
        (values + self.tags.len() + self.consents.len()) as u64
    }

    /// Whether nothing was ever written.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.revision == 0
    }

    /// Takes in all that is known of a person who was merged into this one. Memberships are evaluated anew by the caller.
    pub fn absorb(&mut self, mut other: Self, catalogue: &Catalogue) {
        let (mut parts, mut theirs) = (self.take_parts(), other.take_parts());
        if let Some(root) = theirs.get_mut(&other.person_id) {
            root.into.clone_from(&self.person_id);
        }
        parts.append(&mut theirs);
        self.parts = parts;
        for (name, attribute) in other.attributes.into_iter().filter(|(_, one)| !one.tallied) {
            self.set_attribute(&name, attribute);
        }
        for (name, tally) in other.tallies {
            self.tallies.entry(name).or_default().absorb(&tally);
        }
        self.refresh_tallies();
        for word in other.consents {
            consent::record(&mut self.consents, word);
        }
        self.refresh_tags();
        self.refresh_scores();
        self.refresh_quiet();
        self.traits.absorb(other.traits, catalogue);
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
            ..Attribute::default()
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
