//! The records' own ids: every one is there once.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

/// Ids in the order of the records, with the line of each.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    text: String,
    /// Where each id ends in the text.
    ends: Vec<u32>,
    lines: Vec<u32>,
}

impl Ids {
    /// Takes the next record's id; nothing when there is more text than can be kept.
    pub(crate) fn push(&mut self, id: &str, line: u32) -> Option<()> {
        self.text.push_str(id);
        self.ends.push(u32::try_from(self.text.len()).ok()?);
        self.lines.push(line);
        Some(())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The id of a record.
    pub(crate) fn get(&self, record: usize) -> &str {
        let start = record.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[record] as usize]
    }

    /// The line of a record in its file.
    pub(crate) fn line(&self, record: usize) -> u32 {
        self.lines[record]
    }

    /// The first record whose id an earlier record has, behind that earlier one.
    pub(crate) fn duplicate(&self) -> Option<(usize, usize)> {
        // Sorting by hash takes less memory than a set, and no second copy of the text.
        let mut hashes: Vec<(u32, u32)> = (0..self.len() as u32).map(|record| (self.hash(record), record)).collect();
        hashes.sort_unstable();
        let mut first: Option<(usize, usize)> = None;
        for same in hashes.chunk_by(|one, other| one.0 == other.0) {
            for (at, (_, later)) in same.iter().enumerate().skip(1) {
                let later = *later as usize;
                let earlier = same[..at].iter().map(|(_, earlier)| *earlier as usize);
                if let Some(earlier) = earlier.into_iter().find(|earlier| self.get(*earlier) == self.get(later))
                    && first.is_none_or(|(_, known)| later < known)
                {
                    first = Some((earlier, later));
                }
            }
        }
        first
    }

    fn hash(&self, record: u32) -> u32 {
        let mut hasher = FxHasher::default();
        self.get(record as usize).hash(&mut hasher);
        (hasher.finish() >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn the_first_duplicate_is_found() {
        let mut ids = Ids::default();
        for number in 0..50_000u32 {
            ids.push(&format!("r{number}"), number + 2).unwrap();
        }
        assert_eq!(ids.duplicate(), None);
        assert_eq!((ids.get(0), ids.get(49_999), ids.line(7)), ("r0", "r49999", 9));
        ids.push("r700", 3).unwrap();
        ids.push("r5", 4).unwrap();
        ids.push("r700", 5).unwrap();
        assert_eq!(ids.duplicate(), Some((700, 50_000)));
        assert_eq!(ids.line(50_000), 3);
    }

    #[test]
    fn ids_are_texts_and_not_numbers() {
        let mut ids = Ids::default();
        for id in ["1", "01", "1 ", "é", "e"] {
            ids.push(id, 1).unwrap();
        }
        assert_eq!(ids.duplicate(), None);
    }
}
