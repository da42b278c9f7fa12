//! One value for each bucket in which there was an event.

use smallvec::SmallVec;

use crate::codec::{Reader, put, put_signed, put_wide};

/// Values by bucket, ascending; buckets without an event take no room.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ring<T>(SmallVec<[(i32, T); 1]>);

impl<T: Default + Clone> Ring<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, bucket: i32) -> Result<usize, usize> {
        // Most events are later than all before.
        match self.0.last() {
            None => Err(0),
            Some((last, _)) if *last == bucket => Ok(self.0.len() - 1),
            Some((last, _)) if *last < bucket => Err(self.0.len()),
            Some(_) => self.0.binary_search_by_key(&bucket, |(bucket, _)| *bucket),
        }
    }

    /// The value of a bucket, made where there is none.
    #[inline]
    pub(crate) fn at(&mut self, bucket: i32) -> &mut T {
        let place = match self.find(bucket) {
            Ok(place) => place,
            Err(place) => {
                self.0.insert(place, (bucket, T::default()));
                place
            }
        };
        &mut self.0[place].1
    }

    /// Changes the value of a bucket if there is one; `change` answers whether nothing is left of it, or nothing where it
    /// cannot tell. Answers whether it could.
    pub(crate) fn change(&mut self, bucket: i32, dry: bool, change: impl FnOnce(&mut T) -> Option<bool>) -> bool {
        let Ok(place) = self.find(bucket) else { return true };
        let mut value = self.0[place].1.clone();
        let Some(gone) = change(&mut value) else { return false };
        if !dry {
            self.0[place].1 = value;
            if gone {
                self.0.remove(place);
            }
        }
        true
    }

    pub(crate) fn absorb(&mut self, other: &Self, add: impl Fn(&mut T, &T)) {
        for (bucket, value) in &other.0 {
            add(self.at(*bucket), value);
        }
    }

    pub(crate) fn trim(&mut self, first: i32) {
        let old = self.0.partition_point(|(bucket, _)| *bucket < first);
        self.0.drain(..old);
    }

    /// All entries, ascending.
    pub(crate) fn entries(&self) -> impl DoubleEndedIterator<Item = &(i32, T)> {
        self.0.iter()
    }

    pub(crate) fn entries_mut(&mut self) -> impl Iterator<Item = &mut (i32, T)> {
        self.0.iter_mut()
    }

    /// The entries of the buckets `first..=last`, ascending.
    #[inline]
    pub(crate) fn within(&self, (first, last): (i32, i32)) -> impl DoubleEndedIterator<Item = &(i32, T)> {
        let newer = self.0.iter().rev().take_while(|(bucket, _)| *bucket > last).count();
        let entries = &self.0[..self.0.len() - newer];
        entries[entries.partition_point(|(bucket, _)| *bucket < first)..].iter()
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>, value: impl Fn(&T, &mut Vec<u8>)) {
        put(out, self.0.len() as u64);
        let mut before = 0;
        for (bucket, entry) in &self.0 {
            put_signed(out, i64::from(*bucket) - i64::from(before));
            value(entry, out);
            before = *bucket;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Reads entries in the place of those that are held.
    pub(crate) fn refill(&mut self, from: &mut Reader<'_>, value: impl Fn(&mut Reader<'_>) -> Option<T>) -> Option<()> {
        let count = from.count(2)?;
        let entries = &mut self.0;
        entries.clear();
        entries.reserve(count);
        let mut before = 0;
        for index in 0..count {
            let bucket = from.bucket(before)?;
            if index > 0 && bucket <= before {
                return None;
            }
            entries.push((bucket, value(from)?));
            before = bucket;
        }
        Some(())
    }
}

/// A sum and the number of its terms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) count: u64,
    /// Millionths.
    pub(crate) sum: i128,
}

impl Total {
    pub(crate) fn add(&mut self, amount: i64) {
        self.count += 1;
        self.sum += i128::from(amount);
    }

    pub(crate) fn absorb(&mut self, other: Self) {
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// Whether nothing is left.
    pub(crate) fn subtract(&mut self, amount: i64) -> Option<bool> {
        self.count = self.count.checked_sub(1)?;
        self.sum -= i128::from(amount);
        Some(self.count == 0)
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put(out, self.count);
        put_wide(out, self.sum);
    }

    pub(crate) fn decode(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self { count: from.number()?, sum: from.wide()? })
    }
}

/// The least and the greatest number, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) least: i64,
    pub(crate) greatest: i64,
}

impl Default for Range {
    fn default() -> Self {
        Self { least: i64::MAX, greatest: i64::MIN }
    }
}

impl Range {
    pub(crate) fn widen(&mut self, amount: i64) {
        self.least = self.least.min(amount);
        self.greatest = self.greatest.max(amount);
    }

    pub(crate) fn absorb(&mut self, other: Self) {
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }

    /// Whether a number is neither of the two, so that it can go without a trace.
    pub(crate) fn is_inside(&self, amount: i64) -> bool {
        self.least < amount && amount < self.greatest
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_signed(out, self.least);
        put(out, self.greatest.wrapping_sub(self.least).cast_unsigned());
    }

    pub(crate) fn decode(from: &mut Reader<'_>) -> Option<Self> {
        let least = from.signed()?;
        Some(Self { least, greatest: least.wrapping_add(from.number()?.cast_signed()) })
    }
}
