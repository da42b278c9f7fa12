//! Distinct byte strings, numbered in the order in which they are first seen.

use crate::blocking::hash;

/// Distinct byte strings by number. Number 0 is the empty string.
#[derive(Debug, Clone)]
pub(crate) struct Dictionary {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Open addressing: the upper half of the hash and the number plus one, 0 for a free slot.
    slots: Vec<(u32, u32)>,
}

impl Default for Dictionary {
    fn default() -> Self {
        let mut dictionary = Self { bytes: Vec::new(), ends: Vec::new(), slots: vec![(0, 0); 64] };
        dictionary.intern(b"");
        dictionary
    }
}

impl Dictionary {
    /// The number of a string, a new one when it is not known yet.
    pub(crate) fn intern(&mut self, value: &[u8]) -> u32 {
        if self.ends.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let tag = (hash(value) >> 32) as u32;
        let mask = self.slots.len() - 1;
        let mut slot = tag as usize & mask;
        loop {
            let (other, number) = self.slots[slot];
            if number == 0 {
                let number = self.ends.len() as u32;
                self.bytes.extend_from_slice(value);
                self.ends.push(self.bytes.len() as u32);
                self.slots[slot] = (tag, number + 1);
                return number;
            }
            if other == tag && self.get(number - 1) == value {
                return number - 1;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        let old = std::mem::replace(&mut self.slots, vec![(0, 0); size]);
        for (tag, number) in old.into_iter().filter(|(_, number)| *number != 0) {
            let mut slot = tag as usize & (size - 1);
            while self.slots[slot].1 != 0 {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = (tag, number);
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
    }
}
