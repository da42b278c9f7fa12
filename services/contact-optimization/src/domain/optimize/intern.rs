//! Texts stored once, numbered from 0 in the order of their arrival.

use std::hash::{DefaultHasher, Hasher as _};

const EMPTY: u32 = u32::MAX;

/// An arena of distinct texts with a hash table over it: about 12 bytes a text besides the text itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Interner {
    bytes: String,
    ends: Vec<u64>,
    /// Open addressing over the numbers; its length is a power of two.
    table: Vec<u32>,
}

impl Interner {
    /// How many distinct texts there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text with this number; empty when there is none.
    pub(super) fn get(&self, number: u32) -> &str {
        let number = number as usize;
        let end = self.ends.get(number).copied().unwrap_or(0);
        let start = if number == 0 { 0 } else { self.ends.get(number - 1).copied().unwrap_or(0) };
        usize::try_from(start).ok().zip(usize::try_from(end).ok()).and_then(|(a, b)| self.bytes.get(a..b)).unwrap_or("")
    }

    /// The number of a text that is stored.
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        if self.table.is_empty() {
            return None;
        }
        let found = self.table[self.slot(text)];
        (found != EMPTY).then_some(found)
    }

    /// The number of a text and whether it is new.
    pub(super) fn insert(&mut self, text: &str) -> (u32, bool) {
        if self.table.len() < 2 * (self.len() + 1) {
            self.grow();
        }
        let slot = self.slot(text);
        if self.table[slot] != EMPTY {
            return (self.table[slot], false);
        }
        // At most u32::MAX - 1 texts: the builder refuses more proposals long before.
        let number = u32::try_from(self.len()).unwrap_or(EMPTY);
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len() as u64);
        self.table[slot] = number;
        (number, true)
    }

    /// Drops the hash table; [`insert`](Self::insert) would build it again.
    pub(super) fn freeze(&mut self) {
        self.table = Vec::new();
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    fn slot(&self, text: &str) -> usize {
        let mask = self.table.len() - 1;
        let mut slot = hash(text) & mask;
        while self.table[slot] != EMPTY && self.get(self.table[slot]) != text {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        let length = (self.table.len() * 2).max(16).max((2 * (self.len() + 1)).next_power_of_two());
        self.table = vec![EMPTY; length];
        for number in 0..self.len() {
            let number = u32::try_from(number).unwrap_or(EMPTY);
            let mut slot = hash(self.get(number)) & (length - 1);
            while self.table[slot] != EMPTY {
                slot = (slot + 1) & (length - 1);
            }
            self.table[slot] = number;
        }
    }
}

fn hash(text: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash will do")]
    let hash = hasher.finish() as usize;
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stable_and_texts_come_back() {
        let mut names = Interner::default();
        for number in 0..1000u32 {
            assert_eq!(names.insert(&format!("name {number}")), (number, true));
        }
        assert_eq!(names.insert("name 7"), (7, false));
        assert_eq!((names.get(999), names.get(0), names.get(1000)), ("name 999", "name 0", ""));
        assert_eq!((names.find("name 42"), names.find("other")), (Some(42), None));
        assert_eq!(names.insert(""), (1000, true));
        names.freeze();
        assert_eq!(names.get(1000), "");
        assert_eq!(names.insert("name 7"), (7, false), "the table is built again on demand");
    }
}
