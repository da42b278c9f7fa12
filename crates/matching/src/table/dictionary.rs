//! Distinct byte strings, numbered in the order in which they are first seen.

use crate::blocking::hash;

/// Distinct byte strings by number. Number 0 is the empty string.
#[derive(Debug, Clone)]
pub(crate) struct Dictionary {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Open addressing.
    slots: Vec<Slot>,
}

/// One string of the table, with all that is needed to tell whether it is the one looked for.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// The upper half of the hash.
    tag: u32,
    /// The number plus one, 0 for a free slot.
    number: u32,
    start: u32,
    length: u32,
}

impl Default for Dictionary {
    fn default() -> Self {
        let mut dictionary = Self { bytes: Vec::new(), ends: Vec::new(), slots: vec![Slot::default(); 64] };
        dictionary.intern(b"");
        dictionary
    }
}

impl Dictionary {
    /// The numbers of many strings, the same as one by one: of `values`, each ends where `ends` says.
    ///
    /// Where the table is larger than the caches nearly every string waits for memory; here they wait together.
    pub(crate) fn intern_all(&mut self, values: &[u8], ends: &[u32], numbers: &mut Vec<u32>) {
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let spans = starts.zip(ends).map(|(start, end)| &values[start as usize..*end as usize]);
        let tagged: Vec<(u32, &[u8])> = spans.map(|value| (tag(value), value)).collect();
        let mask = self.slots.len() - 1;
        let near = |tag: u32| -> usize {
            let slot = self.slots[tag as usize & mask];
            if slot.tag == tag { self.bytes.get(slot.start as usize).map_or(0, |byte| usize::from(*byte)) } else { 0 }
        };
        // The sum is of no use; asking for it brings what the next loop needs.
        std::hint::black_box(tagged.iter().map(|(tag, _)| near(*tag)).sum::<usize>());
        numbers.extend(tagged.iter().map(|(tag, value)| self.number(*tag, value)));
    }

    /// The number of a string, a new one when it is not known yet.
    pub(crate) fn intern(&mut self, value: &[u8]) -> u32 {
        self.number(tag(value), value)
    }

    fn number(&mut self, tag: u32, value: &[u8]) -> u32 {
        if self.ends.len() * 3 >= self.slots.len() * 2 {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = tag as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.number == 0 {
                let number = self.ends.len() as u32;
                let start = self.bytes.len() as u32;
                self.bytes.extend_from_slice(value);
                self.ends.push(self.bytes.len() as u32);
                self.slots[at] = Slot { tag, number: number + 1, start, length: value.len() as u32 };
                return number;
            }
            if slot.tag == tag && &self.bytes[slot.start as usize..][..slot.length as usize] == value {
                return slot.number - 1;
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); size]);
        for slot in old.into_iter().filter(|slot| slot.number != 0) {
            let mut at = slot.tag as usize & (size - 1);
            while self.slots[at].number != 0 {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = slot;
        }
    }

    /// The string of a number.
    pub(crate) fn get(&self, number: u32) -> &[u8] {
        let at = number as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.bytes[start..self.ends[at] as usize]
    }

    /// The string of a number as text; what is put in as text comes out as text.
    pub(crate) fn text(&self, number: u32) -> &str {
        std::str::from_utf8(self.get(number)).unwrap_or_default()
    }

    /// How many strings there are, the empty one included.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
}

fn tag(value: &[u8]) -> u32 {
    (hash(value) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn numbers_are_those_of_first_sight(values in prop::collection::vec("[a-c]{0,3}", 0..200)) {
            let mut dictionary = Dictionary::default();
            let mut known = HashMap::from([(String::new(), 0_u32)]);
            for value in &values {
                let next = known.len() as u32;
                let expected = *known.entry(value.clone()).or_insert(next);
                prop_assert_eq!(dictionary.intern(value.as_bytes()), expected);
                prop_assert_eq!(dictionary.text(expected), value);
            }
            prop_assert_eq!(dictionary.len(), known.len());
        }

        #[test]
        fn many_at_once_are_numbered_as_one_by_one(
            blocks in prop::collection::vec(prop::collection::vec("[a-c]{0,3}", 0..90), 0..6),
        ) {
            let (mut one, mut all) = (Dictionary::default(), Dictionary::default());
            for block in blocks {
                let expected: Vec<u32> = block.iter().map(|value| one.intern(value.as_bytes())).collect();
                let mut bytes = Vec::new();
                let mut ends = Vec::new();
                for value in &block {
                    bytes.extend_from_slice(value.as_bytes());
                    ends.push(bytes.len() as u32);
                }
                let mut numbers = Vec::new();
                all.intern_all(&bytes, &ends, &mut numbers);
                prop_assert_eq!(numbers, expected);
            }
            prop_assert_eq!(one.len(), all.len());
        }
    }
}
