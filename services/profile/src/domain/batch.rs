//! A unit of work over some persons: what a transaction reads, what it decides, what it writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune_aggregate::Scratch;
use attune_kernel::Timestamp;

use super::document::{Document, Observed};
use super::event::Event;
use super::judge::Touched;
use super::origin::Parting;
use super::rules::{self, Rules};
use super::settle::{Due, Judging, Memory, settle};
use super::tag::TagMove;

pub use super::settle::Move;

/// What is done with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Read,
    /// Written only if a membership changes.
    Evaluate,
    Change,
}

/// A document under way.
#[derive(Debug)]
struct Held {
    document: Document,
    used: Use,
    touched: Touched,
}

impl Held {
    /// Marks the document as one of which anything may change.
    fn change(&mut self) -> &mut Document {
        (self.used, self.touched.all) = (Use::Change, true);
        &mut self.document
    }
}

/// Documents under way within one transaction.
#[derive(Debug)]
pub struct Batch {
    held: Vec<Held>,
    places: BTreeMap<String, usize>,
    sweep: bool,
    observed: Observed,
    rules: Arc<Rules>,
    /// The persons in force by the ids asked for, where they are others.
    aliases: BTreeMap<String, String>,
    scratch: Scratch,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            held: Vec::new(),
            places: BTreeMap::new(),
            sweep: false,
            observed: Observed::default(),
            rules: rules::none(),
            aliases: BTreeMap::new(),
            scratch: Scratch::default(),
        }
    }
}

/// The events of a person after a split.
#[derive(Debug, Default)]
pub struct Parted {
    /// Ids that are the split person's from now on.
    pub ids: BTreeSet<String>,
    /// Events that went, with their new person and origin.
    pub moved: Vec<Event>,
    /// Events that stayed and of which the origin is another one now.
    pub renamed: Vec<Event>,
}

/// What a unit of work writes.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The documents to write.
    pub documents: Vec<Document>,
    /// Entries into and exits from segments.
    pub moves: Vec<Move>,
    /// Tags that rules and bands put on or took off.
    pub tag_moves: Vec<TagMove>,
    /// Persons who are to be looked at again at another time than before.
    pub due: Vec<Due>,
    /// Attributes of events that found no room in a document or were kept aside.
    pub observed: Observed,
}

impl Batch {
    /// A batch over documents as they are stored.
    #[must_use]
    pub fn new(documents: Vec<Document>) -> Self {
        let mut batch = Self::default();
        for document in documents {
            batch.hold(document, Use::Read);
        }
        batch
    }

    fn hold(&mut self, document: Document, used: Use) -> usize {
        let place = self.held.len();
        self.places.insert(document.person_id.clone(), place);
        self.held.push(Held { document, used, touched: Touched::default() });
        place
    }

    /// The same under rules, which say what becomes of the attributes of events.
    #[must_use]
    pub fn under(mut self, rules: &Arc<Rules>) -> Self {
        self.rules = Arc::clone(rules);
        self
    }

    /// The same with the persons in force by the ids that were asked for.
    #[must_use]
    pub fn known_as(mut self, aliases: BTreeMap<String, String>) -> Self {
        self.aliases = aliases;
        self
    }

    /// The rules it is under.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules)
    }

    fn at(&mut self, person_id: &str) -> &mut Held {
        let place = match self.places.get(person_id) {
            Some(place) => *place,
            None => self.hold(Document::empty(person_id), Use::Read),
        };
        &mut self.held[place]
    }

    /// The document of a person, to be changed.
    pub fn change(&mut self, person_id: &str) -> &mut Document {
        self.at(person_id).change()
    }

    /// Evaluates every document that was ever written, against rules that are all there are: a membership of one that is not
    /// among them ends.
    pub fn sweep(&mut self) {
        self.sweep = true;
        for held in &mut self.held {
            if held.used == Use::Read && !held.document.is_new() {
                (held.used, held.touched.all) = (Use::Evaluate, true);
            }
        }
    }

    /// The persons whose traits lack history.
    pub fn lacking(&mut self) -> Vec<String> {
        let catalogue = self.rules.catalogue();
        let lacks = self
            .held
            .iter_mut()
            .filter_map(|held| held.document.traits.lacks(catalogue).then(|| held.document.person_id.clone()));
        lacks.collect()
    }

    /// Fills what the traits of a person lack from all their events.
    pub fn fill(&mut self, person_id: &str, events: &[Event]) {
        let rules = self.rules();
        self.change(person_id).traits.fill(events, rules.catalogue());
    }

    /// Adds all that is known of a person who is merged into another.
    pub fn absorb(&mut self, person_id: &str, other: Document) {
        let rules = self.rules();
        self.change(person_id).absorb(other, rules.catalogue());
    }

    /// The document of a person.
    #[must_use]
    pub fn get(&self, person_id: &str) -> Option<&Document> {
        self.held.get(*self.places.get(person_id)?).map(|held| &held.document)
    }

    /// Changes the document of a batch over exactly one person; `change` answers whether it did. Whoever does nothing raises
    /// no revision.
    ///
    /// # Errors
    /// Those of `change`.
    pub fn change_only<E>(&mut self, change: impl FnOnce(&mut Document) -> Result<bool, E>) -> Result<(), E> {
        if let Some(held) = self.held.first_mut()
            && change(&mut held.document)?
        {
            held.change();
        }
        Ok(())
    }

    /// Changes the document of a person by an id that was asked for; `change` answers whether it did, as this does.
    ///
    /// # Errors
    /// Those of `change`.
    pub fn change_named<E>(
        &mut self,
        asked: &str,
        change: impl FnOnce(&mut Document) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let person = self.aliases.get(asked).map_or(asked, String::as_str);
        let held = self.places.get(person).and_then(|place| self.held.get_mut(*place));
        let Some(held) = held else { return Ok(false) };
        let changed = change(&mut held.document)?;
        if changed {
            held.change();
        }
        Ok(changed)
    }

    /// Takes in events that are new on the timelines.
    pub fn observe(&mut self, events: &[Event]) {
        let rules = self.rules();
        let mut scratch = std::mem::take(&mut self.scratch);
        for event in events {
            let number = rules.catalogue().event(&event.name);
            let held = self.at(&event.person_id);
            held.used = Use::Change;
            held.touched.attributes |= event.attributes().next().is_some();
            if !held.touched.events.contains(&number) {
                held.touched.events.push(number);
            }
            let observed = held.document.observe(event, rules.registry(), rules.catalogue(), &mut scratch);
            self.observed.refused += observed.refused;
            self.observed.aside += observed.aside;
        }
        self.scratch = scratch;
    }

    /// Takes a person apart, given all their events: what was recorded under `ids` (and the id of `split`), and what came by
    /// the identifiers `via` while the id stood for several, becomes that of `split`. Both documents must be in the batch.
    pub fn take_apart(
        &mut self,
        events: Vec<Event>,
        person: &str,
        split: &str,
        ids: &BTreeSet<String>,
        via: &[(String, String)],
    ) -> Parted {
        let rules = self.rules();
        let mut target = std::mem::take(self.change(split));
        let source = self.change(person);
        let tree = source.tree();
        let ids = source.part(&mut target, ids);
        let parting = Parting { person, split, ids, via, tree };
        let mut scratch = Scratch::default();
        let mut parted = Parted::default();
        for mut event in events {
            let goes = parting.takes(&event);
            let before = event.origin.clone();
            let holder = if goes { &mut target } else { &mut *source };
            event.origin = holder.settle(before.clone().away_from(person));
            holder.person_id.clone_into(&mut event.person_id);
            // What finds no room or is kept aside was said when it came.
            holder.observe(&event, rules.registry(), rules.catalogue(), &mut scratch);
            if goes {
                parted.moved.push(event);
            } else if event.origin != before {
                parted.renamed.push(event);
            }
        }
        parted.ids = parting.ids;
        *self.change(split) = target;
        parted
    }

    /// Ends the work: evaluates the tags and segments of every changed person that the change may concern and raises revisions.
    ///
    /// A membership of a segment that is not given stays, unless this is a [`sweep`](Self::sweep).
    #[must_use]
    pub fn finish(self, now: Timestamp) -> Outcome {
        let judging = Judging { rules: &self.rules, now, sweep: self.sweep };
        let mut outcome = Outcome { observed: self.observed, ..Outcome::default() };
        let mut memory = Memory::default();
        for Held { mut document, used, touched } in self.held {
            if used == Use::Read {
                continue;
            }
            let settled = settle(&mut document, used == Use::Change, touched, judging, &mut memory);
            outcome.moves.extend(settled.moves);
            outcome.tag_moves.extend(settled.tag_moves);
            outcome.due.extend(settled.due);
            if settled.write {
                outcome.documents.push(document);
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::document::Tag;
    use crate::domain::segment::Segment;

    fn buyers() -> Arc<Rules> {
        Arc::new(vec![Segment::new("buyers", "'buyer' in tags").unwrap()].into())
    }

    fn buyer() -> Document {
        let mut document = Document::empty("p");
        document.tags.insert("buyer".to_owned(), Tag { source: String::new(), added: Timestamp::default() });
        document
    }

    fn written(document: Document, rules: &Arc<Rules>) -> Document {
        let mut batch = Batch::default().under(rules);
        *batch.change("p") = document;
        batch.finish(Timestamp::default()).documents.remove(0)
    }

    #[test]
    fn entering_and_leaving_is_told_once() {
        let mut batch = Batch::default();
        *batch.change("p") = buyer();
        let outcome = batch.under(&buyers()).finish(Timestamp::default());
        assert_eq!(outcome.moves.len(), 1);
        assert!(outcome.moves[0].entered);
        let mut batch = Batch::new(outcome.documents);
        batch.change("p");
        let outcome = batch.under(&buyers()).finish(Timestamp::default());
        assert!(outcome.moves.is_empty());
        let mut batch = Batch::new(outcome.documents);
        batch.change("p").tags.clear();
        let outcome = batch.under(&buyers()).finish(Timestamp::default());
        assert_eq!(outcome.moves.len(), 1);
        assert!(!outcome.moves[0].entered && outcome.documents[0].segments.is_empty());
        assert_eq!(outcome.documents[0].revision, 3);
    }

    #[test]
    fn who_was_not_touched_or_not_changed_is_not_written() {
        let outcome = Batch::new(vec![Document::empty("p")]).under(&buyers()).finish(Timestamp::default());
        assert!(outcome.documents.is_empty() && outcome.moves.is_empty());
        let mut batch = Batch::new(vec![buyer()]);
        batch.change_only(|_| Ok::<_, ()>(false)).unwrap();
        assert!(batch.under(&buyers()).finish(Timestamp::default()).documents.is_empty());
        let mut batch = Batch::new(vec![buyer()]);
        assert!(batch.change_only(|_| Err(())).is_err());
    }

    #[test]
    fn a_sweep_writes_only_whom_it_moves() {
        let known = written(buyer(), &Arc::default());
        let mut batch = Batch::new(vec![known, Document::empty("q")]);
        batch.sweep();
        let outcome = batch.under(&buyers()).finish(Timestamp::default());
        assert_eq!((outcome.documents.len(), outcome.moves.len(), outcome.documents[0].revision), (1, 1, 2));
        let mut batch = Batch::new(outcome.documents);
        batch.sweep();
        assert!(batch.under(&buyers()).finish(Timestamp::default()).documents.is_empty());
    }

    #[test]
    fn a_segment_that_is_not_given_ends_in_a_sweep_only() {
        let member = written(buyer(), &buyers());
        assert_eq!(member.segments.len(), 1);
        let mut batch = Batch::new(vec![member.clone()]);
        batch.change("p");
        let outcome = batch.finish(Timestamp::default());
        assert!(outcome.moves.is_empty() && outcome.documents[0].segments.len() == 1);
        let mut batch = Batch::new(vec![member]);
        batch.sweep();
        let outcome = batch.finish(Timestamp::default());
        assert!(outcome.documents[0].segments.is_empty());
        assert!(outcome.moves.len() == 1 && !outcome.moves[0].entered);
    }
}
