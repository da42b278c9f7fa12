//! A unit of work over some persons: what a transaction reads, what it decides, what it writes.

use std::collections::BTreeMap;

use attune_kernel::Timestamp;

use super::document::Document;
use super::event::Event;
use super::segment::{Reading, Segment};

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

/// Documents under way within one transaction, by person id.
#[derive(Debug, Default)]
pub struct Batch {
    documents: BTreeMap<String, (Document, bool)>,
    moves: Vec<Move>,
}

impl Batch {
    /// A batch over documents as they are stored.
    #[must_use]
    pub fn new(documents: Vec<Document>) -> Self {
        let documents = documents.into_iter().map(|one| (one.person_id.clone(), (one, false))).collect();
        Self { documents, moves: Vec::new() }
    }

    /// The document of a person, to be changed.
    pub fn change(&mut self, person_id: &str) -> &mut Document {
        let entry = self.documents.entry(person_id.to_owned()).or_insert_with(|| (Document::empty(person_id), true));
        entry.1 = true;
        &mut entry.0
    }

    /// The document of a person.
    #[must_use]
    pub fn get(&self, person_id: &str) -> Option<&Document> {
        self.documents.get(person_id).map(|(document, _)| document)
    }

    /// The person of a batch over exactly one.
    #[must_use]
    pub fn only(&self) -> Option<String> {
        let mut persons = self.documents.keys();
        persons.next().filter(|_| persons.next().is_none()).cloned()
    }

    /// Takes in events that are new on the timelines.
    pub fn observe(&mut self, events: &[Event], now: Timestamp) {
        for event in events {
            self.change(&event.person_id).observe(event, now);
        }
    }

    /// Ends the work: evaluates the segments of every changed person and raises revisions. Answers the changed documents
    /// and the moves.
    #[must_use]
    pub fn finish(mut self, segments: &[Segment], now: Timestamp) -> (Vec<Document>, Vec<Move>) {
        let mut changed = Vec::new();
        for (person_id, (mut document, is_changed)) in self.documents {
            if !is_changed {
                continue;
            }
            let reading = Reading::new(&document, now);
            for segment in segments {
                let holds = segment.holds(&reading);
                if holds != document.segments.contains(&segment.id) {
                    if holds {
                        document.segments.insert(segment.id.clone());
                    } else {
                        document.segments.remove(&segment.id);
                    }
                    let move_ = Move {
                        segment_id: segment.id.clone(),
                        person_id: person_id.clone(),
                        entered: holds,
                        time: now,
                    };
                    self.moves.push(move_);
                }
            }
            // A segment that was deleted has no members.
            document.segments.retain(|id| segments.iter().any(|segment| segment.id == *id));
            document.revision += 1;
            document.updated = now;
            changed.push(document);
        }
        (changed, self.moves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entering_and_leaving_is_told_once() {
        let segments = vec![Segment::new("buyers", "1", "'buyer' in tags").unwrap()];
        let tag = || super::super::document::Tag { source: String::new(), added: Timestamp::default() };
        let mut batch = Batch::default();
        batch.change("p").tags.insert("buyer".to_owned(), tag());
        let (documents, moves) = batch.finish(&segments, Timestamp::default());
        assert_eq!(moves.len(), 1);
        assert!(moves[0].entered);
        let mut batch = Batch::new(documents);
        batch.change("p");
        let (documents, moves) = batch.finish(&segments, Timestamp::default());
        assert!(moves.is_empty());
        let mut batch = Batch::new(documents);
        batch.change("p").tags.clear();
        let (documents, moves) = batch.finish(&segments, Timestamp::default());
        assert_eq!(moves.len(), 1);
        assert!(!moves[0].entered && documents[0].segments.is_empty());
        assert_eq!(documents[0].revision, 3);
    }

    #[test]
    fn who_was_not_touched_is_not_written() {
        let (documents, moves) = Batch::new(vec![Document::empty("p")]).finish(&[], Timestamp::default());
        assert!(documents.is_empty() && moves.is_empty());
    }
}
