//! Counts and sums by category and bucket.

use crate::codec::{Reader, put, put_signed, put_wide};
use crate::dictionary::Dictionary;
use crate::event::Key;

/// Categories kept: those of the lowest hashes. One that is kept was kept from its first event on, so its numbers are whole.
pub const MAX_CATEGORIES: usize = 256;

/// One category in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    /// The number of its text.
    pub(crate) key: u32,
    pub(crate) bucket: i32,
    pub(crate) count: u32,
    pub(crate) sum: i128,
}

/// Rows by category, then bucket.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    /// Categories of this hash or a greater one are not kept; absent as long as there was room for all.
    ceiling: Option<u64>,
}

impl Table {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.ceiling.is_none()
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn find(&self, key: u32, bucket: i32) -> Result<usize, usize> {
        self.rows.binary_search_by_key(&(key, bucket), |row| (row.key, row.bucket))
    }

    fn admits(&self, hash: u64) -> bool {
        self.ceiling.is_none_or(|ceiling| hash < ceiling)
    }

    pub(crate) fn add(&mut self, key: &Key<'_>, bucket: i32, weight: i128, texts: &mut Dictionary) {
        if self.admits(key.hash) {
            let number = texts.intern(key.hash, &key.text);
            self.merge(Row { key: number, bucket, count: 1, sum: weight }, texts);
        }
    }

    fn merge(&mut self, row: Row, texts: &Dictionary) {
        match self.find(row.key, row.bucket) {
            Ok(place) => {
                let mine = &mut self.rows[place];
                mine.count = mine.count.saturating_add(row.count);
                mine.sum = mine.sum.saturating_add(row.sum);
            }
            Err(place) => {
                let known = |place: usize| self.rows.get(place).is_some_and(|other| other.key == row.key);
                let known = known(place) || place > 0 && known(place - 1);
                self.rows.insert(place, row);
                if !known {
                    self.bound(texts);
                }
            }
        }
    }

    /// Drops categories of the greatest hashes beyond the bound.
    fn bound(&mut self, texts: &Dictionary) {
        while self.rows.len() > MAX_CATEGORIES
            && self.rows.chunk_by(|one, two| one.key == two.key).count() > MAX_CATEGORIES
        {
            let Some(last) = self.rows.iter().map(|row| (texts.hash(row.key), row.key)).max() else { return };
            self.rows.retain(|row| row.key != last.1);
            self.ceiling = Some(self.ceiling.map_or(last.0, |ceiling| ceiling.min(last.0)));
        }
    }

    pub(crate) fn remove(&mut self, hash: u64, bucket: i32, weight: i128, texts: &Dictionary, dry: bool) -> bool {
        let Some(place) = texts.find(hash).and_then(|key| self.find(key, bucket).ok()) else { return true };
        let row = &mut self.rows[place];
        if !dry {
            row.count = row.count.saturating_sub(1);
            row.sum -= weight;
            if row.count == 0 {
                self.rows.remove(place);
            }
        }
        true
    }

    pub(crate) fn absorb(&mut self, other: &Self, texts: &Dictionary, map: &[u32]) {
        if let Some(ceiling) = other.ceiling
            && self.admits(ceiling)
        {
            self.ceiling = Some(ceiling);
            self.rows.retain(|row| texts.hash(row.key) < ceiling);
        }
        for row in &other.rows {
            let key = map.get(row.key as usize).copied().unwrap_or(u32::MAX);
            if self.admits(texts.hash(key)) {
                self.merge(Row { key, ..*row }, texts);
            }
        }
    }

    pub(crate) fn trim(&mut self, first: i32) {
        self.rows.retain(|row| row.bucket >= first);
    }

    pub(crate) fn texts(&mut self, visit: &mut impl FnMut(&mut u32)) {
        self.rows.iter_mut().for_each(|row| visit(&mut row.key));
    }

    pub(crate) fn sort(&mut self) {
        self.rows.sort_unstable_by_key(|row| (row.key, row.bucket));
    }

    /// A bit for the ceiling and the number of rows; then for each row how much greater its key is, its bucket (less the one
    /// before if the key is the same), count and sum.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put(out, (self.rows.len() as u64) << 1 | u64::from(self.ceiling.is_some()));
        if let Some(ceiling) = self.ceiling {
            out.extend_from_slice(&ceiling.to_le_bytes());
        }
        let (mut key, mut bucket) = (0, 0);
        for row in &self.rows {
            put(out, u64::from(row.key - key));
            put_signed(out, i64::from(row.bucket) - i64::from(bucket));
            put(out, u64::from(row.count) << 1 | u64::from(row.sum != 0));
            if row.sum != 0 {
                put_wide(out, row.sum);
            }
            (key, bucket) = (row.key, row.bucket);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.ceiling = None;
    }

    /// Reads rows in the place of those that are held.
    pub(crate) fn refill(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.clear();
        let head = from.number()?;
        if head & 1 == 1 {
            self.ceiling = Some(from.fixed()?);
        }
        let count = usize::try_from(head >> 1).ok()?;
        if count > from.0.len() / 3 {
            return None;
        }
        let rows = &mut self.rows;
        rows.reserve(count);
        let (mut key, mut bucket) = (0_u32, 0);
        for _ in 0..count {
            key = key.checked_add(from.small()?)?;
            bucket = from.bucket(bucket)?;
            let count = from.number()?;
            let sum = if count & 1 == 1 { from.wide()? } else { 0 };
            if rows.last().is_some_and(|last| (last.key, last.bucket) >= (key, bucket)) {
                return None;
            }
            rows.push(Row { key, bucket, count: u32::try_from(count >> 1).ok()?, sum });
        }
        Some(())
    }
}
