//! Which tags a person had, from when until when, and by what.

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::document::Document;

/// The most stays that are remembered of what is one id; the earliest ended ones are forgotten first.
pub const MAX_STAYS: usize = 500;

/// A time for which a person had a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// The tag.
    pub tag: String,
    /// What put it on: a source, `rule` or `band`.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when; open while the person has it.
    pub until: Option<Timestamp>,
}

/// Remembers that a tag came or went; what is so already is not remembered twice.
pub(super) fn note(history: &mut Vec<Stay>, tag: &str, by: &str, on: bool, now: Timestamp) {
    let open = history.iter_mut().rev().find(|one| one.tag == tag && one.until.is_none());
    match (open, on) {
        (Some(open), false) => open.until = Some(now.max(open.since)),
        (None, true) => {
            let (tag, by) = (tag.to_owned(), by.to_owned());
            history.push(Stay { tag, by, since: now, until: None });
        }
        _ => {}
    }
    while history.len() > MAX_STAYS {
        let ended = history.iter().enumerate().filter(|(_, one)| one.until.is_some());
        let at = ended.min_by_key(|(_, one)| one.until).map_or(0, |(at, _)| at);
        history.remove(at);
    }
}

impl Document {
    /// Remembers what became of the person's tags. It is the history of the person's own id: a split gives other ids back
    /// the history that they had.
    pub fn note_tag(&mut self, tag: &str, by: &str, on: bool, now: Timestamp) {
        note(&mut self.history, tag, by, on, now);
    }

    /// The stays of all ids in the person, the latest first.
    #[must_use]
    pub fn stays(&self) -> Vec<&Stay> {
        let own = self.person_id.as_str();
        let parts = self.parts().filter(|(id, _)| *id != own).flat_map(|(_, part)| &part.history);
        let mut all: Vec<&Stay> = self.history.iter().chain(parts).collect();
        all.sort_by(|one, two| two.since.cmp(&one.since).then_with(|| one.tag.cmp(&two.tag)));
        all
    }
}
