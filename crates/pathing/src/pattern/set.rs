//! Sets of small numbers as bits.

/// A set of numbers below a size fixed when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Set(Box<[u64]>);

impl Set {
    pub(crate) fn empty(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)].into_boxed_slice())
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        self.0[number as usize / 64] >> (number % 64) & 1 == 1
    }

    /// Adds a number; whether it is new.
    pub(crate) fn insert(&mut self, number: u32) -> bool {
        let new = !self.contains(number);
        self.0[number as usize / 64] |= 1 << (number % 64);
        new
    }

    /// Whether all of it is in another one.
    pub(crate) fn is_part_of(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| own & !other == 0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(crate) fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Whether a number is in all three.
    pub(crate) fn meets(&self, second: &Self, third: &Self) -> bool {
        self.0.iter().zip(&second.0).zip(&third.0).any(|((a, b), c)| a & b & c != 0)
    }

    /// The numbers n for which n + 1 is in `self` and n in `mask`.
    pub(crate) fn stepped_back(&self, mask: &Self) -> Self {
        let words = &self.0;
        let shifted = |at: usize| words[at] >> 1 | words.get(at + 1).map_or(0, |next| next << 63);
        Self(mask.0.iter().enumerate().map(|(at, mask)| shifted(at) & mask).collect())
    }

    /// The numbers n + 1 for which n is in `self` and in `mask`.
    pub(crate) fn stepped_on(&self, mask: &Self) -> Self {
        let kept = |at: usize| self.0[at] & mask.0[at];
        let carry = |at: usize| at.checked_sub(1).map_or(0, |before| kept(before) >> 63);
        Self((0..self.0.len()).map(|at| kept(at) << 1 | carry(at)).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0u32..).zip(&self.0).flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.wrapping_sub(1);
                (bit < 64).then_some(at * 64 + bit)
            })
        })
    }

    /// The bytes it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len() * 8 + 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[u32]) -> Set {
        let mut set = Set::empty(200);
        for number in numbers {
            set.insert(*number);
        }
        set
    }

    #[test]
    fn steps_cross_words() {
        let mask = of(&[63, 64, 127, 130]);
        assert_eq!(of(&[63, 64, 65, 127]).stepped_on(&mask), of(&[64, 65, 128]));
        assert_eq!(of(&[64, 65, 128, 9]).stepped_back(&mask), of(&[63, 64, 127]));
        assert_eq!(of(&[3, 64, 199]).iter().collect::<Vec<_>>(), [3, 64, 199]);
        assert!(of(&[1, 70]).meets(&of(&[70]), &of(&[70, 3])) && !of(&[1]).meets(&of(&[1]), &of(&[2])));
    }
}
