//! Texts as numbers.

use std::hash::BuildHasher as _;

use rustc_hash::FxBuildHasher;

use super::build::LogFull;

/// Texts numbered from 0: one after another in one buffer, found by open addressing.
#[derive(Debug, Default, Clone)]
pub struct Dictionary {
    text: String,
    /// Where each text ends in the buffer.
    ends: Vec<u32>,
    hashes: Vec<u32>,
    /// Codes plus 1 by hash; 0 is free. At most half is taken, and the length is a power of two.
    table: Vec<u32>,
}

impl Dictionary {
    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text of a code.
    #[must_use]
    pub fn text(&self, code: u32) -> Option<&str> {
        let at = code as usize;
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start as usize..end as usize)
    }

    /// The code of a text.
    #[must_use]
    pub fn code(&self, text: &str) -> Option<u32> {
        self.find(text, hash(text)).ok()
    }

    /// The texts in the order of their codes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let text = self.text.get(start..*end as usize).unwrap_or_default();
            start = *end as usize;
            text
        })
    }

    /// The code of a text, given one when it is new. `u32::MAX` is never given: columns mark absence with it.
    pub(crate) fn intern(&mut self, text: &str) -> Result<u32, LogFull> {
        if self.table.len() <= 2 * self.ends.len() {
            self.grow();
        }
        let hash = hash(text);
        match self.find(text, hash) {
            Ok(code) => Ok(code),
            Err(slot) => {
                let code = u32::try_from(self.ends.len()).ok().filter(|code| *code < u32::MAX - 1).ok_or(LogFull)?;
                let end = u32::try_from(self.text.len() + text.len()).map_err(|_| LogFull)?;
                self.text.push_str(text);
                self.ends.push(end);
                self.hashes.push(hash);
                self.table[slot] = code + 1;
                Ok(code)
            }
        }
    }

    /// The code, or the free slot where it would stand.
    fn find(&self, text: &str, hash: u32) -> Result<u32, usize> {
        let Some(mask) = self.table.len().checked_sub(1) else { return Err(0) };
        let mut slot = hash as usize & mask;
        loop {
            let Some(code) = self.table[slot].checked_sub(1) else { return Err(slot) };
            if self.hashes[code as usize] == hash && self.text(code) == Some(text) {
                return Ok(code);
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let size = (4 * self.ends.len()).next_power_of_two().max(16);
        self.table.clear();
        self.table.resize(size, 0);
        for (code, hash) in (1u32..).zip(&self.hashes) {
            let mut slot = *hash as usize & (size - 1);
            while self.table[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            self.table[slot] = code;
        }
    }

    /// Renumbers in the order of the texts; answers the new code of each old one, or nothing when all keep theirs.
    pub(super) fn sort(&mut self) -> Option<Vec<u32>> {
        if self.iter().zip(self.iter().skip(1)).all(|(one, next)| one < next) {
            return None;
        }
        // Nearly all texts differ in their first bytes, which are compared as one number.
        let mut order: Vec<(u64, u32)> = (0u32..).zip(self.iter()).map(|(code, text)| (prefix(text), code)).collect();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| self.text(a.1).cmp(&self.text(b.1))));
        let mut sorted = Self::default();
        let mut ranks = vec![0; order.len()];
        sorted.text.reserve(self.text.len());
        for (rank, (_, old)) in (0u32..).zip(&order) {
            ranks[*old as usize] = rank;
            sorted.text.push_str(self.text(*old).unwrap_or_default());
            sorted.ends.push(u32::try_from(sorted.text.len()).unwrap_or(u32::MAX));
            sorted.hashes.push(self.hashes[*old as usize]);
        }
        sorted.grow();
        *self = sorted;
        Some(ranks)
    }
}

fn hash(text: &str) -> u32 {
    let hash = FxBuildHasher.hash_one(text.as_bytes());
    (hash ^ (hash >> 32)) as u32
}

/// The first eight bytes; shorter texts are filled up with zeros, so that the order of numbers never contradicts that of
/// the texts.
fn prefix(text: &str) -> u64 {
    let mut bytes = [0; 8];
    let length = text.len().min(8);
    bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorting_keeps_texts_and_tells_the_new_codes() {
        let mut dictionary = Dictionary::default();
        let texts: Vec<String> = (0..5000u32).map(|n| format!("person {}", n.wrapping_mul(2_654_435_761))).collect();
        for text in texts.iter().chain(&texts) {
            dictionary.intern(text).unwrap();
        }
        assert_eq!(dictionary.len(), 5000);
        assert_eq!((dictionary.code(&texts[17]), dictionary.code("nobody")), (Some(17), None));
        let ranks = dictionary.sort().unwrap();
        let mut sorted = texts.clone();
        sorted.sort();
        assert_eq!(dictionary.iter().collect::<Vec<_>>(), sorted);
        for (old, text) in texts.iter().enumerate() {
            assert_eq!(dictionary.code(text), Some(ranks[old]));
        }
        assert_eq!(dictionary.sort(), None);
        assert_eq!(dictionary.intern("a\0").unwrap(), 5000);
        assert_eq!(dictionary.intern("").unwrap(), 5001);
        assert_eq!(dictionary.text(5001), Some(""));
    }
}
