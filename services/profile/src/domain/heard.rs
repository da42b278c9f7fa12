//! How a value that arrives finds its place: taken in under its policy, or kept aside with the reason.

use std::collections::BTreeSet;
use std::time::Duration;

use attune_kernel::Timestamp;

use super::document::{Attribute, Document, Full, MAX_ATTRIBUTES};
use super::schema::{Admission, Aside, Policy, Registry};
use super::tally::Tally;

/// Names of a person that may be kept aside; what comes beyond is counted only.
pub const MAX_ASIDE: usize = 64;

/// Before the name of a value that is kept aside: no name of a caller has it, so values aside merge and split as others.
const ASIDE: char = '\0';

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Whether the document is another one.
    pub changed: bool,
    /// Why it was kept aside, if it was.
    pub aside: Option<Aside>,
}

/// Whether a key of the attributes is that of a value kept aside.
#[must_use]
pub fn is_aside(key: &str) -> bool {
    key.starts_with(ASIDE)
}

fn aside_key(name: &str) -> String {
    format!("{ASIDE}{name}")
}

impl Document {
    /// Takes in a value of `name`: of an event, or written under an id of this person.
    ///
    /// # Errors
    /// [`Full`] when there is no room for a new name.
    pub fn hear(
        &mut self,
        named: &str,
        name: &str,
        mut attribute: Attribute,
        registry: &Registry,
    ) -> Result<Heard, Full> {
        let place = |document: &mut Self, key: &str, attribute: Attribute| {
            if !attribute.observed {
                return document.write_attribute(named, key, attribute);
            }
            let changed = document.set_attribute(key, attribute);
            if document.attributes.contains_key(key) { Ok(changed) } else { Err(Full("attributes", MAX_ATTRIBUTES)) }
        };
        match registry.admit(name, &attribute.value, &attribute.source) {
            Admission::Taken { value, rank, policy: Policy::Latest | Policy::SourcePriority } => {
                (attribute.value, attribute.rank) = (value, rank);
                Ok(Heard { changed: place(self, name, attribute)?, aside: None })
            }
            Admission::Taken { value, policy, .. } => {
                attribute.value = value;
                let changed = self.tally(named, name, attribute, policy == Policy::SetUnion)?;
                Ok(Heard { changed, aside: None })
            }
            Admission::Aside(why) => {
                let key = aside_key(name);
                let full = !self.attributes.contains_key(&key)
                    && self.attributes.keys().take_while(|key| is_aside(key)).count() >= MAX_ASIDE;
                if full {
                    return Err(Full("values kept aside", MAX_ASIDE));
                }
                Ok(Heard { changed: place(self, &key, attribute)?, aside: Some(why) })
            }
        }
    }

    fn tally(&mut self, named: &str, name: &str, word: Attribute, union: bool) -> Result<bool, Full> {
        if !self.attributes.contains_key(name) && self.attributes.len() >= MAX_ATTRIBUTES {
            return Err(Full("attributes", MAX_ATTRIBUTES));
        }
        let id = self.written_under(named);
        let tallies = match self.parts.get_mut(&id) {
            _ if word.observed => &mut self.tallies,
            Some(part) => &mut part.tallies,
            None => &mut self.written,
        };
        tallies.entry(name.to_owned()).or_default().add(union, word);
        self.refresh_tally(name);
        Ok(true)
    }

    /// Shows the outcome of all tallies of a name.
    fn refresh_tally(&mut self, name: &str) {
        let parts = self.parts.values().filter_map(|part| part.tallies.get(name));
        let all = self.tallies.get(name).into_iter().chain(self.written.get(name)).chain(parts);
        match Tally::together(all) {
            Some(shown) => {
                self.attributes.insert(name.to_owned(), shown);
            }
            None => {
                self.attributes.remove(name);
            }
        }
    }

    /// Shows the outcome of every tally.
    pub(super) fn refresh_tallies(&mut self) {
        self.attributes.retain(|_, one| !one.tallied);
        let parts = self.parts.values().flat_map(|part| part.tallies.keys());
        let names: BTreeSet<String> = self.tallies.keys().chain(self.written.keys()).chain(parts).cloned().collect();
        for name in &names {
            self.refresh_tally(name);
        }
    }

    /// The values kept aside, by name.
    pub fn aside(&self) -> impl Iterator<Item = (&str, &Attribute)> {
        let kept = self.attributes.iter().take_while(|(key, _)| is_aside(key));
        kept.filter(|(_, one)| !one.value.is_null()).map(|(key, one)| (&key[ASIDE.len_utf8()..], one))
    }

    /// Whether a value that is kept aside would be taken in now.
    #[must_use]
    pub fn is_pending(&self, registry: &Registry) -> bool {
        self.aside().any(|(name, one)| matches!(registry.admit(name, &one.value, &one.source), Admission::Taken { .. }))
    }

    /// Takes in what was kept aside and is declared meanwhile. Answers whether anything changed.
    pub fn replay(&mut self, registry: &Registry) -> bool {
        let taken = |key: &str, one: &Attribute| {
            let name = key.strip_prefix(ASIDE)?;
            matches!(registry.admit(name, &one.value, &one.source), Admission::Taken { .. }).then(|| name.to_owned())
        };
        let mut found: Vec<(String, String, Attribute)> = Vec::new();
        let mut keep = |id: &str, name: String, one: &Attribute| found.push((id.to_owned(), name, one.clone()));
        for (id, part) in &self.parts {
            for (key, one) in &part.attributes {
                taken(key, one).into_iter().for_each(|name| keep(id, name, one));
            }
        }
        let own = self.person_id.clone();
        let merged = !self.parts.is_empty();
        for (key, one) in self.attributes.iter().chain(&self.shadowed).filter(|(_, one)| !merged || one.observed) {
            taken(key, one).into_iter().for_each(|name| keep(&own, name, one));
        }
        for (id, name, _) in &found {
            let key = aside_key(name);
            if let Some(part) = self.parts.get_mut(id) {
                part.attributes.remove(&key);
            }
            self.attributes.remove(&key);
            self.shadowed.remove(&key);
        }
        let any = !found.is_empty();
        for (id, name, one) in found {
            // The room that it had aside is free.
            let _ = self.hear(&id, &name, one, registry);
        }
        any
    }

    /// When the next value that is kept for a bounded time has served it; those behind a view are looked at too.
    #[must_use]
    pub fn next_over(&self, registry: &Registry, now: Timestamp) -> Option<Timestamp> {
        let kept = |name: &str, since: Timestamp| {
            // A value is over once it is older than that.
            Some(since.plus(registry.definition(name)?.retention?).plus(Duration::from_micros(1)))
        };
        let parts = self.parts.values();
        let lists = [&self.attributes, &self.shadowed].into_iter().chain(parts.clone().map(|part| &part.attributes));
        let values = lists.flatten().filter_map(|(name, one)| kept(name, one.event_time));
        let tallies = [&self.tallies, &self.written].into_iter().chain(parts.map(|part| &part.tallies));
        let said = tallies
            .flatten()
            .flat_map(|(name, tally)| tally.said.values().filter_map(move |said| kept(name, said.last.event_time)));
        values.chain(said).filter(|time| *time > now).min()
    }

    /// Forgets values that are kept for a bounded time. Answers whether anything changed.
    pub fn expire(&mut self, registry: &Registry, now: Timestamp) -> bool {
        if !registry.expires() {
            return false;
        }
        let limit = |name: &str| Some(now.minus(registry.definition(name)?.retention?));
        let over = |name: &str, one: &Attribute| limit(name).is_some_and(|limit| one.event_time < limit);
        let mut gone: BTreeSet<String> = BTreeSet::new();
        let lists = std::iter::once(&mut self.attributes).chain(std::iter::once(&mut self.shadowed));
        for list in lists.chain(self.parts.values_mut().map(|part| &mut part.attributes)) {
            list.retain(|name, one| {
                let goes = !one.tallied && over(name, one);
                if goes {
                    gone.insert(name.clone());
                }
                !goes
            });
        }
        let tallies = std::iter::once(&mut self.tallies).chain(std::iter::once(&mut self.written));
        for list in tallies.chain(self.parts.values_mut().map(|part| &mut part.tallies)) {
            for (name, tally) in list {
                let Some(limit) = limit(name) else { continue };
                let before = tally.said.len();
                tally.forget(limit);
                if tally.said.len() < before {
                    gone.insert(name.clone());
                }
            }
        }
        for name in gone.iter().filter(|name| !self.attributes.contains_key(*name)).cloned().collect::<Vec<_>>() {
            if let Some(behind) = self.shadowed.remove(&name) {
                self.attributes.insert(name.clone(), behind);
            }
            let written = self.parts.values().filter_map(|part| part.attributes.get(&name)).cloned();
            for one in written.collect::<Vec<_>>() {
                self.set_attribute(&name, one);
            }
        }
        if !gone.is_empty() {
            self.refresh_tallies();
        }
        !gone.is_empty()
    }
}
