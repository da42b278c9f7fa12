//! Texts as numbers.

use std::hash::BuildHasher as _;

use rustc_hash::FxBuildHasher;

use super::build::LogFull;

/// Texts numbered from 0: one after another in one buffer, found by open addressing.
#[derive(Debug, Default, Clone)]
pub struct Dictionary {
    text: String,
    heads: Vec<Head>,
    /// By hash, at most half of it taken; the length is a power of two.
    table: Vec<Slot>,
}

/// What is looked at to find a text or tell it from another: one line of the cache.
#[derive(Debug, Clone, Copy)]
struct Head {
    /// The first eight bytes, which for most texts are all.
    prefix: u64,
    /// Where it ends in the buffer.
    end: u32,
    length: u32,
}

/// A place in the table.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    hash: u32,
    /// The code plus 1; 0 is free.
    code: u32,
}

impl Dictionary {
    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// The text of a code.
    #[must_use]
    pub fn text(&self, code: u32) -> Option<&str> {
        self.heads.get(code as usize).map(|head| self.at(head))
    }

    fn at(&self, head: &Head) -> &str {
        self.text.get((head.end - head.length) as usize..head.end as usize).unwrap_or_default()
    }

    /// The code of a text.
    #[must_use]
    pub fn code(&self, text: &str) -> Option<u32> {
        self.find(text, prefix(text), hash(text)).ok()
    }

    /// Whether a code is that of a text.
    pub(crate) fn is(&self, code: u32, text: &str) -> bool {
        self.heads.get(code as usize).is_some_and(|head| self.same(head, text, prefix(text)))
    }

    /// The texts in the order of their codes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.heads.iter().map(|head| self.at(head))
    }

    /// The code of a text, given one when it is new. `u32::MAX` is never given: columns mark absence with it.
    pub(crate) fn intern(&mut self, text: &str) -> Result<u32, LogFull> {
        if self.table.len() <= 2 * self.heads.len() {
            self.grow();
        }
        let (prefix, hash) = (prefix(text), hash(text));
        match self.find(text, prefix, hash) {
            Ok(code) => Ok(code),
            Err(slot) => {
                let code = u32::try_from(self.heads.len()).ok().filter(|code| *code < u32::MAX - 1).ok_or(LogFull)?;
                let end = u32::try_from(self.text.len() + text.len()).map_err(|_| LogFull)?;
                self.text.push_str(text);
                self.heads.push(Head { prefix, end, length: text.len() as u32 });
                self.table[slot] = Slot { hash, code: code + 1 };
                Ok(code)
            }
        }
    }

    /// The code, or the free slot where it would stand.
    #[inline]
    fn find(&self, text: &str, prefix: u64, hash: u32) -> Result<u32, usize> {
        let Some(mask) = self.table.len().checked_sub(1) else { return Err(0) };
        let mut place = hash as usize & mask;
        loop {
            let slot = self.table[place];
            let Some(code) = slot.code.checked_sub(1) else { return Err(place) };
            if slot.hash == hash && self.same(&self.heads[code as usize], text, prefix) {
                return Ok(code);
            }
            place = (place + 1) & mask;
        }
    }

    #[inline]
    fn same(&self, head: &Head, text: &str, prefix: u64) -> bool {
        head.prefix == prefix && head.length as usize == text.len() && (text.len() <= 8 || self.at(head) == text)
    }

    fn grow(&mut self) {
        let size = (4 * self.heads.len()).next_power_of_two().max(16);
        let before = std::mem::replace(&mut self.table, vec![Slot::default(); size]);
        for slot in before.into_iter().filter(|slot| slot.code != 0) {
            self.place(slot);
        }
    }

    fn place(&mut self, slot: Slot) {
        let mask = self.table.len() - 1;
        let mut place = slot.hash as usize & mask;
        while self.table[place].code != 0 {
            place = (place + 1) & mask;
        }
        self.table[place] = slot;
    }

    /// Renumbers in the order of the texts; answers the new code of each old one, or nothing when all keep theirs.
    pub(super) fn sort(&mut self) -> Option<Vec<u32>> {
        if self.iter().zip(self.iter().skip(1)).all(|(one, next)| one < next) {
            return None;
        }
        // Nearly all texts differ in their first bytes, which are compared as one number.
        let mut order: Vec<(u64, u32)> = (0u32..).zip(&self.heads).map(|(code, head)| (head.prefix, code)).collect();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| self.text(a.1).cmp(&self.text(b.1))));
        let mut sorted = Self { table: vec![Slot::default(); self.table.len()], ..Self::default() };
        let mut ranks = vec![0; order.len()];
        sorted.text.reserve(self.text.len());
        for (rank, (prefix, old)) in (0u32..).zip(&order) {
            ranks[*old as usize] = rank;
            let text = self.text(*old).unwrap_or_default();
            sorted.text.push_str(text);
            let end = u32::try_from(sorted.text.len()).unwrap_or(u32::MAX);
            sorted.heads.push(Head { prefix: *prefix, end, length: text.len() as u32 });
        }
        for slot in self.table.iter().filter(|slot| slot.code != 0) {
            sorted.place(Slot { hash: slot.hash, code: ranks[slot.code as usize - 1] + 1 });
        }
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
#[inline]
fn prefix(text: &str) -> u64 {
    if let Some(first) = text.as_bytes().first_chunk::<8>() {
        return u64::from_be_bytes(*first);
    }
    text.bytes().rev().fold(0, |prefix, byte| prefix >> 8 | u64::from(byte) << 56)
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
