//! Under which id things were recorded, so that a merge can be taken back.
//!
//! A person who was never merged has no parts: everything is theirs. A merged person has one [`Part`] for each id that is in
//! them, with what was written under it, and the document's own attributes, tags and consents are the view over all parts
//! and over what events say. A part is never changed by what is written under another id, so it can be given back as it
//! would be if the merge had never been. Events carry an [`Origin`] where it is not the person they lie with.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::consent::Consent;
use super::document::{Attribute, Document, Tag};
use super::event::Event;
use super::history::Stay;
use super::quiet::Quiet;
use super::score::Score;
use super::tally::Tally;

/// The id under which an event was recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The id; empty for the person with whom the event lies.
    pub id: String,
    /// Whether others were merged into that id at that time: then the identifier by which it came tells whose it is.
    pub shared: bool,
}

impl Origin {
    /// The same when the event no longer lies with `holder`.
    #[must_use]
    pub fn away_from(mut self, holder: &str) -> Self {
        if self.id.is_empty() {
            holder.clone_into(&mut self.id);
        }
        self
    }
}

/// What was written under one id of a merged person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The id into which this one was merged; empty for the person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub into: String,
    /// Attributes written without an event, removals included.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
    /// What was written of names that are tallied.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tallies: BTreeMap<String, Tally>,
    /// Tags put on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Tag>,
    /// Words on consent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<Consent>,
    /// Tags taken off under this id, with the other ids which hold them: they keep them, and get them back with a split.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hidden: BTreeMap<String, BTreeSet<String>>,
    /// Scores.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, Score>,
    /// When not to disturb.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// The tags that the person had before they were merged; of the person's own id in the document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Stay>,
}

impl Part {
    /// Forgets tags taken off of ids that are elsewhere.
    fn hide_only(&mut self, keep: impl Fn(&str) -> bool) {
        self.hidden.retain(|_, ids| {
            ids.retain(|id| keep(id));
            !ids.is_empty()
        });
    }
}

/// A split as it is applied to the events of a person.
#[derive(Debug)]
pub struct Parting<'a> {
    /// Who keeps the id.
    pub person: &'a str,
    /// Who goes.
    pub split: &'a str,
    /// Ids that go with them.
    pub ids: BTreeSet<String>,
    /// Namespace and value of the identifiers that go.
    pub via: &'a [(String, String)],
    /// The ids of the person before, with the id into which each was merged.
    pub tree: BTreeMap<String, String>,
}

impl Parting<'_> {
    /// Whether an event goes.
    ///
    /// One that was recorded under an id that stood for one person is that person's. One that came while others were merged
    /// into its id goes by its identifier; where that is none of those that go, or there is none, by the ids it may be of.
    /// A split that gives no id back takes the whole history of its identifiers.
    #[must_use]
    pub fn takes(&self, event: &Event) -> bool {
        let by_via = event.via.as_ref().map(|via| self.via.contains(via.expose()));
        let id = if event.origin.id.is_empty() { self.person } else { &event.origin.id };
        if self.ids.is_empty() || (event.origin.shared && by_via == Some(true)) {
            return by_via == Some(true);
        }
        let within = self.ids.contains(id);
        if !event.origin.shared || by_via.is_none() {
            return within;
        }
        within && self.tree.keys().all(|one| !self.is_in(one, id) || self.ids.contains(one))
    }

    /// Whether an id was merged into another, directly or through others.
    fn is_in(&self, one: &str, other: &str) -> bool {
        let mut at = one;
        for _ in 0..=self.tree.len() {
            if at == other {
                return true;
            }
            match self.tree.get(at) {
                Some(next) if !next.is_empty() => at = next,
                _ => break,
            }
        }
        false
    }
}

/// The nearest id above `from` that is kept.
fn above(tree: &BTreeMap<String, String>, from: &str, kept: impl Fn(&str) -> bool) -> Option<String> {
    let mut at = from;
    for _ in 0..=tree.len() {
        if at.is_empty() {
            break;
        }
        if kept(at) {
            return Some(at.to_owned());
        }
        at = tree.get(at)?;
    }
    None
}

impl Document {
    /// Which ids are in the person, each with the id into which it was merged; none for a person who was never merged.
    #[must_use]
    pub fn tree(&self) -> BTreeMap<String, String> {
        self.parts.iter().map(|(id, part)| (id.clone(), part.into.clone())).collect()
    }

    /// What was written under each id that is in the person; nothing for a person who was never merged.
    pub fn parts(&self) -> impl Iterator<Item = (&String, &Part)> {
        self.parts.iter()
    }

    /// The origin of what is recorded under an id of this person.
    #[must_use]
    pub fn origin_of(&self, named: &str) -> Origin {
        self.settle(Origin { id: named.to_owned(), shared: true })
    }

    /// An origin as it is kept for an event that lies with this person.
    #[must_use]
    pub fn settle(&self, origin: Origin) -> Origin {
        if self.parts.is_empty() {
            return Origin::default();
        }
        let known = self.parts.contains_key(&origin.id);
        let id = if known { origin.id } else { self.person_id.clone() };
        let shared = (origin.shared || !known) && self.parts.values().any(|part| part.into == id);
        let id = if id == self.person_id && !shared { String::new() } else { id };
        Origin { id, shared }
    }

    /// The id under which a write is kept.
    pub(super) fn written_under(&self, named: &str) -> String {
        if self.parts.contains_key(named) { named.to_owned() } else { self.person_id.clone() }
    }

    /// What was written, as parts.
    pub(super) fn take_parts(&mut self) -> BTreeMap<String, Part> {
        if !self.parts.is_empty() {
            return std::mem::take(&mut self.parts);
        }
        let written = self.attributes.iter().filter(|(_, one)| !one.observed && !one.tallied);
        let mut attributes: BTreeMap<String, Attribute> =
            written.map(|(name, one)| (name.clone(), one.clone())).collect();
        attributes.append(&mut self.shadowed);
        let part = Part {
            attributes,
            tallies: std::mem::take(&mut self.written),
            tags: self.tags.clone(),
            consents: self.consents.clone(),
            scores: self.scores.clone(),
            quiet: self.quiet.clone(),
            history: self.history.clone(),
            ..Part::default()
        };
        BTreeMap::from([(self.person_id.clone(), part)])
    }

    /// Takes this person apart: what was written under `ids` (and under the id of `split`) becomes that of `split`. What
    /// events say of both is forgotten and to be observed anew. Answers the ids that went.
    pub fn part(&mut self, split: &mut Self, ids: &BTreeSet<String>) -> BTreeSet<String> {
        let tree = self.tree();
        let goes = |id: &str| id != self.person_id && (ids.contains(id) || id == split.person_id);
        let gone: BTreeSet<String> = self.parts.keys().filter(|id| goes(id)).cloned().collect();
        if !gone.is_empty() {
            let mut theirs = split.take_parts();
            if let Some(part) = self.parts.get_mut(&split.person_id) {
                split.history.append(&mut part.history);
            }
            for id in &gone {
                if let Some(part) = self.parts.remove(id) {
                    theirs.insert(id.clone(), part);
                }
            }
            for part in self.parts.values_mut() {
                part.into = above(&tree, &part.into, |id| !gone.contains(id)).unwrap_or_default();
                part.hide_only(|id| !gone.contains(id));
            }
            let kept: BTreeSet<String> = theirs.keys().cloned().collect();
            for id in &gone {
                let Some(part) = theirs.get_mut(id) else { continue };
                part.into = if *id == split.person_id {
                    String::new()
                } else {
                    above(&tree, &part.into, |one| gone.contains(one)).unwrap_or_else(|| split.person_id.clone())
                };
                part.hide_only(|id| kept.contains(id));
            }
            split.parts = theirs;
        }
        self.settle_parts();
        split.settle_parts();
        gone
    }

    /// Computes the view from the parts, without what events say; a single part is the person again.
    fn settle_parts(&mut self) {
        self.forget_observed();
        if self.parts.is_empty() {
            return;
        }
        self.consents.clear();
        let words: Vec<Consent> = self.parts.values().flat_map(|part| part.consents.iter().cloned()).collect();
        for word in words {
            super::consent::record(&mut self.consents, word);
        }
        self.refresh_tags();
        self.refresh_scores();
        self.refresh_quiet();
        if self.parts.len() == 1
            && let Some((_, part)) = self.parts.pop_first()
        {
            self.written = part.tallies;
        }
    }

    /// Computes the tags that are seen: those of every part that no other part took off, the earliest of each name.
    pub(super) fn refresh_tags(&mut self) {
        let hidden: BTreeSet<(&str, &str)> = self
            .parts
            .values()
            .flat_map(|part| &part.hidden)
            .flat_map(|(name, ids)| ids.iter().map(move |id| (id.as_str(), name.as_str())))
            .collect();
        let mut tags: BTreeMap<String, Tag> = BTreeMap::new();
        for (id, part) in &self.parts {
            for (name, tag) in part.tags.iter().filter(|(name, _)| !hidden.contains(&(id.as_str(), name.as_str()))) {
                let kept = tags.entry(name.clone()).or_insert_with(|| tag.clone());
                if (tag.added, &tag.source) < (kept.added, &kept.source) {
                    kept.clone_from(tag);
                }
            }
        }
        self.tags = tags;
    }
}
