//! How many different values there were, in bounded room.
//!
//! The k smallest hashes of all values are kept. Below k values the count is exact; beyond, it is estimated from how dense
//! the kept hashes lie: (k - 1) / the k-th smallest as a share of the hash's range (Bar-Yossef et al., "Counting distinct
//! elements in a data stream", 2002), whose standard error is about 1 / sqrt(k - 2), here 6 %. The kept set depends on the
//! set of values only, never on their order, and two sets unite.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::codec::{Broken, Reader, Writer};

/// Hashes kept: up to this many values the count is exact.
pub const MAX_EXACT: usize = 256;

/// A place in an order of texts that nobody chooses: the first 64 bits of the SHA-256.
#[must_use]
pub fn rank(text: &str) -> u64 {
    let hash = Sha256::digest(text);
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(first)
}

/// A set of texts of which the size is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Distinct(BTreeSet<u64>);

impl Distinct {
    /// Adds a text.
    pub fn add(&mut self, text: &str) {
        self.0.insert(rank(text));
        self.trim();
    }

    /// Adds every text of another set.
    pub fn absorb(&mut self, other: &Self) {
        self.0.extend(&other.0);
        self.trim();
    }

    /// Writes the set.
    pub fn put(&self, out: &mut Writer) {
        out.items(&self.0, |out, hash| out.fixed(*hash));
    }

    /// Reads a set.
    ///
    /// # Errors
    /// When it is not what [`put`](Self::put) wrote.
    pub fn take(from: &mut Reader<'_>) -> Result<Self, Broken> {
        Ok(Self(from.list(Reader::fixed)?))
    }

    /// How many different texts were added: exact below [`MAX_EXACT`], an estimate from there on.
    #[must_use]
    pub fn count(&self) -> u64 {
        let kept = self.0.len();
        match self.0.last() {
            Some(&last) if kept >= MAX_EXACT && last > 0 => {
                let others = u128::from((kept - 1) as u64);
                u64::try_from((others << 64) / u128::from(last)).unwrap_or(u64::MAX)
            }
            _ => kept as u64,
        }
    }

    fn trim(&mut self) {
        while self.0.len() > MAX_EXACT {
            self.0.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_counts_are_exact_and_large_ones_close() {
        let mut set = Distinct::default();
        assert_eq!(set.count(), 0);
        for index in 0..MAX_EXACT - 1 {
            set.add(&format!("s{index}"));
            set.add(&format!("s{index}"));
            assert_eq!(set.count(), index as u64 + 1);
        }
        for index in 0..10_000 {
            set.add(&format!("s{index}"));
        }
        assert!((8_000..12_000).contains(&set.count()), "{}", set.count());
        assert_eq!(set.0.len(), MAX_EXACT);
    }

    #[test]
    fn a_union_is_that_of_the_texts() {
        let (mut left, mut right, mut all) = (Distinct::default(), Distinct::default(), Distinct::default());
        for index in 0..1000 {
            let text = index.to_string();
            if index % 3 == 0 {
                left.add(&text)
            } else {
                right.add(&text)
            }
            all.add(&text);
        }
        left.absorb(&right);
        assert_eq!(left, all);
    }
}
