//! The texts of a state, each once.

use crate::codec::{Reader, put};
use crate::hash::hash;

/// Bytes of a text that are kept; a longer one is taken for its beginning.
pub(crate) const MAX_TEXT: usize = 256;

/// The beginning of a text that is kept.
pub(crate) fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u64,
    start: u32,
    length: u32,
}

/// Texts by number, found by their hash.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dictionary {
    text: String,
    entries: Vec<Entry>,
    /// Numbers in the order of their hashes.
    order: Vec<u32>,
}

impl Dictionary {
    /// The number of a text, given one when it has none. The hash is that of the text.
    pub(crate) fn intern(&mut self, hash: u64, text: &str) -> u32 {
        match self.order.binary_search_by_key(&hash, |number| self.entries[*number as usize].hash) {
            Ok(place) => self.order[place],
            Err(place) => {
                let number = self.push(hash, text);
                self.order.insert(place, number);
                number
            }
        }
    }

    fn push(&mut self, hash: u64, text: &str) -> u32 {
        let number = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        let start = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.text.push_str(text);
        self.entries.push(Entry { hash, start, length: u32::try_from(text.len()).unwrap_or(0) });
        number
    }

    /// The number of a text that is known.
    pub(crate) fn find(&self, hash: u64) -> Option<u32> {
        let place = self.order.binary_search_by_key(&hash, |number| self.entries[*number as usize].hash).ok()?;
        self.order.get(place).copied()
    }

    pub(crate) fn hash(&self, number: u32) -> u64 {
        self.entries.get(number as usize).map_or(0, |entry| entry.hash)
    }

    pub(crate) fn text(&self, number: u32) -> &str {
        let entry = self.entries.get(number as usize);
        entry.and_then(|entry| self.text.get(entry.start as usize..(entry.start + entry.length) as usize)).unwrap_or("")
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether numbers stand in the order of the hashes.
    pub(crate) fn is_sorted(&self) -> bool {
        self.order.iter().zip(0..).all(|(number, place)| *number == place)
    }

    /// Keeps the texts that are used, in the order of their hashes; answers the new number of each old one.
    pub(crate) fn compact(&mut self, used: &[bool]) -> Vec<u32> {
        let mut numbers = vec![u32::MAX; self.entries.len()];
        let mut next = Self::default();
        for old in &self.order {
            if used.get(*old as usize) == Some(&true) {
                let number = next.push(self.hash(*old), self.text(*old));
                next.order.push(number);
                numbers[*old as usize] = number;
            }
        }
        *self = next;
        numbers
    }

    /// Appends the texts; they must be sorted.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put(out, self.entries.len() as u64);
        for entry in &self.entries {
            put(out, u64::from(entry.length));
        }
        // Numbers and texts were given in one order.
        out.extend_from_slice(self.text.as_bytes());
    }

    /// Reads texts in the place of those that are held.
    pub(crate) fn refill(&mut self, from: &mut Reader<'_>) -> Option<()> {
        let count = from.count(1)?;
        let Self { text, entries, order } = self;
        text.clear();
        entries.clear();
        entries.reserve(count);
        order.clear();
        let mut start = 0_u32;
        for _ in 0..count {
            let length = from.small()?;
            entries.push(Entry { hash: 0, start, length });
            start = start.checked_add(length)?;
        }
        text.push_str(std::str::from_utf8(from.take(start as usize)?).ok()?);
        let mut before = None;
        for entry in entries {
            let part = text.get(entry.start as usize..(entry.start + entry.length) as usize)?;
            entry.hash = hash(part.as_bytes());
            if before.is_some_and(|before| before >= entry.hash) {
                return None;
            }
            before = Some(entry.hash);
        }
        order.extend(0..u32::try_from(count).ok()?);
        Some(())
    }
}
