//! How sessions began: the first event of each session in each bucket, with its way in.

use crate::codec::{Reader, put, put_signed};
use crate::dictionary::Dictionary;
use crate::event::Key;

use super::Place;
use super::point::{place, put_place};

/// Entries kept; beyond, the sessions of the greatest hashes are left out whole, which is a fair sample of them.
pub const MAX_TOUCHES: usize = 1024;

/// The first event of a session in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Touch {
    /// The hash of its id.
    pub(crate) session: u64,
    pub(crate) bucket: i32,
    pub(crate) place: Place,
    /// The number of the text of the way in.
    pub(crate) way: u32,
}

/// First touches by session, then bucket.
#[derive(Debug, Clone, Default)]
pub(crate) struct Touches {
    entries: Vec<Touch>,
    /// Sessions from this hash on are not kept.
    ceiling: Option<u64>,
}

impl Touches {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.ceiling.is_none()
    }

    pub(crate) fn entries(&self) -> &[Touch] {
        &self.entries
    }

    fn admits(&self, session: u64) -> bool {
        self.ceiling.is_none_or(|ceiling| session < ceiling)
    }

    fn find(&self, session: u64, bucket: i32) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&(session, bucket), |touch| (touch.session, touch.bucket))
    }

    pub(crate) fn add(&mut self, session: u64, bucket: i32, place: Place, way: &Key<'_>, texts: &mut Dictionary) {
        if self.admits(session) {
            let found = self.find(session, bucket);
            if found.is_ok_and(|at| self.entries[at].place <= place) {
                return;
            }
            let way = texts.intern(way.hash, &way.text);
            self.merge(Touch { session, bucket, place, way });
        }
    }

    fn merge(&mut self, touch: Touch) {
        match self.find(touch.session, touch.bucket) {
            Ok(at) if touch.place < self.entries[at].place => self.entries[at] = touch,
            Ok(_) => {}
            Err(at) => {
                self.entries.insert(at, touch);
                while self.entries.len() > MAX_TOUCHES
                    && let Some(last) = self.entries.last().map(|touch| touch.session)
                {
                    self.entries.truncate(self.entries.partition_point(|touch| touch.session < last));
                    self.ceiling = Some(last);
                }
            }
        }
    }

    /// Whether an event is not the first one, so that it can go without a trace.
    pub(crate) fn is_behind(&self, session: u64, bucket: i32, place: Place) -> bool {
        self.find(session, bucket).map_or(true, |at| self.entries[at].place != place)
    }

    pub(crate) fn absorb(&mut self, other: &Self, map: &[u32]) {
        if let Some(ceiling) = other.ceiling
            && self.admits(ceiling)
        {
            self.ceiling = Some(ceiling);
            self.entries.retain(|touch| touch.session < ceiling);
        }
        for touch in &other.entries {
            if self.admits(touch.session) {
                self.merge(Touch { way: map.get(touch.way as usize).copied().unwrap_or(u32::MAX), ..*touch });
            }
        }
    }

    pub(crate) fn trim(&mut self, first: i32) {
        self.entries.retain(|touch| touch.bucket >= first);
    }

    pub(crate) fn texts(&mut self, visit: &mut impl FnMut(&mut u32)) {
        self.entries.iter_mut().for_each(|touch| visit(&mut touch.way));
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put(out, (self.entries.len() as u64) << 1 | u64::from(self.ceiling.is_some()));
        if let Some(ceiling) = self.ceiling {
            out.extend_from_slice(&ceiling.to_le_bytes());
        }
        let mut before = 0;
        for touch in &self.entries {
            out.extend_from_slice(&touch.session.to_le_bytes());
            put_signed(out, i64::from(touch.bucket) - i64::from(before));
            put_place(out, touch.place);
            put(out, u64::from(touch.way));
            before = touch.bucket;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.ceiling = None;
    }

    /// Reads entries in the place of those that are held.
    pub(crate) fn refill(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.clear();
        let head = from.number()?;
        if head & 1 == 1 {
            self.ceiling = Some(from.fixed()?);
        }
        let count = usize::try_from(head >> 1).ok()?;
        if count > from.0.len() / 27 {
            return None;
        }
        let entries = &mut self.entries;
        entries.reserve(count);
        let mut bucket = 0;
        for _ in 0..count {
            let session = from.fixed()?;
            bucket = from.bucket(bucket)?;
            let (place, way) = (place(from)?, from.small()?);
            if entries.last().is_some_and(|last| (last.session, last.bucket) >= (session, bucket)) {
                return None;
            }
            entries.push(Touch { session, bucket, place, way });
        }
        Some(())
    }
}
