//! Which keys to read, in which direction, how many.

use std::cmp::Ordering;
use std::ops::Bound;

use crate::key::successor_of_prefix;

/// Lower and upper bound.
type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// An interval of keys with a direction and a limit. Starts out ascending and without a limit.
///
/// ```
/// use attune_storage::{Scan, key::key};
/// let newest_ten = Scan::prefix(key().str("event").build()).reverse().limit(10);
/// let next_page = Scan::prefix(key().str("event").build()).above(key().str("event").u64(41).build()).limit(10);
/// # let _ = (newest_ten, next_page);
/// ```
#[derive(Debug, Clone)]
pub struct Scan {
    pub(super) lower: Bound<Vec<u8>>,
    pub(super) upper: Bound<Vec<u8>>,
    pub(super) reverse: bool,
    pub(super) limit: usize,
}

impl Scan {
    /// Every key.
    #[must_use]
    pub const fn all() -> Self {
        Self { lower: Bound::Unbounded, upper: Bound::Unbounded, reverse: false, limit: usize::MAX }
    }

    /// The keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(prefix: impl Into<Vec<u8>>) -> Self {
        let prefix = prefix.into();
        let upper = successor_of_prefix(&prefix).map_or(Bound::Unbounded, Bound::Excluded);
        Self { lower: Bound::Included(prefix), upper, ..Self::all() }
    }

    /// Only keys greater than `key`.
    #[must_use]
    pub fn above(self, key: impl Into<Vec<u8>>) -> Self {
        self.raise(Bound::Excluded(key.into()))
    }

    /// Only keys equal to or greater than `key`.
    #[must_use]
    pub fn at_least(self, key: impl Into<Vec<u8>>) -> Self {
        self.raise(Bound::Included(key.into()))
    }

    /// Only keys less than `key`.
    #[must_use]
    pub fn below(self, key: impl Into<Vec<u8>>) -> Self {
        self.lower_to(Bound::Excluded(key.into()))
    }

    /// Only keys equal to or less than `key`.
    #[must_use]
    pub fn at_most(self, key: impl Into<Vec<u8>>) -> Self {
        self.lower_to(Bound::Included(key.into()))
    }

    /// Greatest key first.
    #[must_use]
    pub const fn reverse(mut self) -> Self {
        self.reverse = true;
        self
    }

    /// At most `limit` pairs.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The bounds as a range, or `None` when no key can lie between them (ordered maps panic on such ranges).
    pub(super) fn range(&self) -> Option<Bounds<'_>> {
        let (lower, upper) = (as_slice(&self.lower), as_slice(&self.upper));
        let possible = self.limit > 0
            && match (lower, upper) {
                (Bound::Unbounded, _) | (_, Bound::Unbounded) => true,
                (Bound::Included(low), Bound::Included(high)) => low <= high,
                (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => {
                    low < high
                }
            };
        possible.then_some((lower, upper))
    }

    fn raise(mut self, bound: Bound<Vec<u8>>) -> Self {
        let tighter = match (&self.lower, &bound) {
            (Bound::Unbounded, _) => true,
            (Bound::Included(old) | Bound::Excluded(old), Bound::Included(new) | Bound::Excluded(new)) => {
                match new.cmp(old) {
                    Ordering::Equal => matches!(bound, Bound::Excluded(_)),
                    order => order == Ordering::Greater,
                }
            }
            (_, Bound::Unbounded) => false,
        };
        if tighter {
            self.lower = bound;
        }
        self
    }

    fn lower_to(mut self, bound: Bound<Vec<u8>>) -> Self {
        let tighter = match (&self.upper, &bound) {
            (Bound::Unbounded, _) => true,
            (Bound::Included(old) | Bound::Excluded(old), Bound::Included(new) | Bound::Excluded(new)) => {
                match new.cmp(old) {
                    Ordering::Equal => matches!(bound, Bound::Excluded(_)),
                    order => order == Ordering::Less,
                }
            }
            (_, Bound::Unbounded) => false,
        };
        if tighter {
            self.upper = bound;
        }
        self
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Unbounded,
    }
}
