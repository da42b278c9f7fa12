//! A unit of work over some persons: what a transaction reads, what it decides, what it writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune_kernel::Timestamp;

use super::document::{Document, Observed};
use super::event::Event;
use super::origin::Parting;
use super::rules::Rules;
use super::segment::Reading;
use super::tag::{self, TagMove};

/// A person entered or left a segment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Move {
    /// The segment.
    pub segment_id: String,
    /// The person.
    pub person_id: String,
    /// True on entry.
    pub entered: bool,
    /// When.
    pub time: Timestamp,
}

/// What is done with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Read,
    /// Written only if a membership changes.
    Evaluate,
    Change,
}

/// Documents under way within one transaction, by person id.
#[derive(Debug, Default)]
pub struct Batch {
    documents: BTreeMap<String, (Document, Use)>,
    sweep: bool,
    observed: Observed,
    rules: Arc<Rules>,
    /// The persons in force by the ids asked for, where they are others.
    aliases: BTreeMap<String, String>,
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
    /// Attributes of events that found no room in a document or were kept aside.
    pub observed: Observed,
}

impl Batch {
    /// A batch over documents as they are stored.
    #[must_use]
    pub fn new(documents: Vec<Document>) -> Self {
        let documents = documents.into_iter().map(|one| (one.person_id.clone(), (one, Use::Read))).collect();
        Self { documents, ..Self::default() }
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

    /// The document of a person, to be changed.
    pub fn change(&mut self, person_id: &str) -> &mut Document {
        let empty = || (Document::empty(person_id), Use::Change);
        let entry = self.documents.entry(person_id.to_owned()).or_insert_with(empty);
        entry.1 = Use::Change;
        &mut entry.0
    }

    /// Evaluates every document that was ever written, against segments that are all there are: a membership of one that is
    /// not among them ends.
    pub fn sweep(&mut self) {
        self.sweep = true;
        for (document, used) in self.documents.values_mut() {
            if *used == Use::Read && !document.is_new() {
                *used = Use::Evaluate;
            }
        }
    }

    /// The document of a person.
    #[must_use]
    pub fn get(&self, person_id: &str) -> Option<&Document> {
        self.documents.get(person_id).map(|(document, _)| document)
    }

    /// Changes the document of a batch over exactly one person; `change` answers whether it did. Whoever does nothing raises
    /// no revision.
    ///
    /// # Errors
    /// Those of `change`.
    pub fn change_only<E>(&mut self, change: impl FnOnce(&mut Document) -> Result<bool, E>) -> Result<(), E> {
        if let Some((document, used)) = self.documents.values_mut().next()
            && change(document)?
        {
            *used = Use::Change;
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
        let Some((document, used)) = self.documents.get_mut(person) else { return Ok(false) };
        let changed = change(document)?;
        if changed {
            *used = Use::Change;
        }
        Ok(changed)
    }

    /// Takes in events that are new on the timelines.
    pub fn observe(&mut self, events: &[Event]) {
        let rules = self.rules();
        for event in events {
            let observed = self.change(&event.person_id).observe(event, &rules.registry);
            self.add(observed);
        }
    }

    fn add(&mut self, observed: Observed) {
        self.observed.refused += observed.refused;
        self.observed.aside += observed.aside;
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
        let mut parted = Parted::default();
        for mut event in events {
            let goes = parting.takes(&event);
            let before = event.origin.clone();
            let holder = if goes { &mut target } else { &mut *source };
            event.origin = holder.settle(before.clone().away_from(person));
            holder.person_id.clone_into(&mut event.person_id);
            // What finds no room or is kept aside was said when it came.
            holder.observe(&event, &rules.registry);
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

    /// Ends the work: evaluates the segments of every changed person and raises revisions.
    ///
    /// A membership of a segment that is not given stays, unless this is a [`sweep`](Self::sweep): a process that has not
    /// yet heard of a new segment must not end what another one began.
    #[must_use]
    pub fn finish(self, now: Timestamp) -> Outcome {
        let rules = self.rules;
        let mut outcome = Outcome { observed: self.observed, ..Outcome::default() };
        for (person_id, (mut document, mut used)) in self.documents {
            if used == Use::Read {
                continue;
            }
            if document.replay(&rules.registry) | document.expire(&rules.registry, now) {
                used = Use::Change;
            }
            let before = outcome.moves.len() + outcome.tag_moves.len();
            for (tag, added, by) in tag::changes(&document, &rules.tags, now, self.sweep) {
                if added {
                    document.rule_tags.insert(tag.clone(), now);
                } else {
                    document.rule_tags.remove(&tag);
                }
                document.note_tag(&tag, by, added, now);
                outcome.tag_moves.push(TagMove { tag, person_id: person_id.clone(), added, time: now });
            }
            for (segment_id, entered) in changes(&document, &rules, now, self.sweep) {
                if entered {
                    document.segments.insert(segment_id.clone());
                } else {
                    document.segments.remove(&segment_id);
                }
                outcome.moves.push(Move { segment_id, person_id: person_id.clone(), entered, time: now });
            }
            if used == Use::Change || outcome.moves.len() + outcome.tag_moves.len() > before {
                document.revision += 1;
                document.updated = now;
                outcome.documents.push(document);
            }
        }
        outcome
    }
}

/// The segments that a person is to enter (true) or leave.
#[must_use]
pub fn changes(document: &Document, rules: &Rules, now: Timestamp, sweep: bool) -> Vec<(String, bool)> {
    let (mut out, segments) = (Vec::new(), &rules.segments);
    if !segments.is_empty() {
        let reading = Reading::new(document, now);
        let moved = segments.iter().map(|segment| (segment.id(), segment.holds(&reading)));
        let moved = moved.filter(|(id, holds)| *holds != document.segments.contains(*id));
        out.extend(moved.map(|(id, holds)| (id.to_owned(), holds)));
    }
    if sweep {
        let gone = document.segments.iter().filter(|id| !segments.iter().any(|segment| segment.id() == **id));
        out.extend(gone.map(|id| (id.clone(), false)));
    }
    out
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
