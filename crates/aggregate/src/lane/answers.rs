//! Messages and what came of them: a multiset of what was sent and what was answered, by the message's key.

use crate::codec::{Reader, put, put_signed};

/// Entries kept; beyond, the messages of the greatest hashes are left out whole, which is a fair sample of them.
pub const MAX_ANSWERS: usize = 1024;

/// Key, time in microseconds, and whether it is an answer.
type Entry = (u64, i64, bool);

/// What was sent and answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers {
    entries: Vec<Entry>,
    /// Keys from this one on are not kept.
    ceiling: Option<u64>,
}

impl Answers {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.ceiling.is_none()
    }

    fn admits(&self, key: u64) -> bool {
        self.ceiling.is_none_or(|ceiling| key < ceiling)
    }

    pub(crate) fn add(&mut self, key: u64, time: i64, answer: bool) {
        if self.admits(key) {
            let entry = (key, time, answer);
            let place = self.entries.partition_point(|other| *other < entry);
            self.entries.insert(place, entry);
            self.bound();
        }
    }

    fn bound(&mut self) {
        while self.entries.len() > MAX_ANSWERS
            && let Some(last) = self.entries.last().map(|entry| entry.0)
        {
            self.entries.truncate(self.entries.partition_point(|entry| entry.0 < last));
            self.ceiling = Some(last);
        }
    }

    pub(crate) fn remove(&mut self, key: u64, time: i64, answer: bool, dry: bool) -> bool {
        if let Ok(place) = self.entries.binary_search(&(key, time, answer))
            && !dry
        {
            self.entries.remove(place);
        }
        true
    }

    pub(crate) fn absorb(&mut self, other: &Self) {
        if let Some(ceiling) = other.ceiling
            && self.admits(ceiling)
        {
            self.ceiling = Some(ceiling);
            self.entries.retain(|entry| entry.0 < ceiling);
        }
        let ceiling = self.ceiling;
        self.entries.extend(other.entries.iter().filter(|entry| ceiling.is_none_or(|ceiling| entry.0 < ceiling)));
        self.entries.sort_unstable();
        self.bound();
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(i64) -> bool) {
        self.entries.retain(|entry| keep(entry.1));
    }

    /// The times of all entries and whether each is an answer.
    pub(crate) fn times(&self) -> impl Iterator<Item = (i64, bool)> {
        self.entries.iter().map(|entry| (entry.1, entry.2))
    }

    /// Visits each message sent at a time that `within` admits, with the wait for its earliest answer at the same time or
    /// later, in microseconds. Answers at times that `within` does not admit are not seen.
    pub(crate) fn visit(&self, within: impl Fn(i64) -> bool, mut visit: impl FnMut(Option<i64>)) {
        for message in self.entries.chunk_by(|one, two| one.0 == two.0) {
            for (index, (_, sent, answer)) in message.iter().enumerate() {
                if !answer && within(*sent) {
                    let answered = message[index..].iter().find(|(_, time, answer)| *answer && within(*time));
                    visit(answered.map(|(_, time, _)| time - sent));
                }
            }
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put(out, (self.entries.len() as u64) << 1 | u64::from(self.ceiling.is_some()));
        if let Some(ceiling) = self.ceiling {
            out.extend_from_slice(&ceiling.to_le_bytes());
        }
        let (mut key, mut time) = (0, 0);
        for entry in &self.entries {
            // Bit 0: an answer; bit 1: a new key, which follows. Times of one key ascend.
            put(out, u64::from(entry.2) | u64::from(entry.0 != key) << 1);
            if entry.0 != key {
                out.extend_from_slice(&entry.0.to_le_bytes());
            }
            put_signed(out, entry.1.wrapping_sub(time));
            (key, time) = (entry.0, entry.1);
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
        if count > from.0.len() / 2 {
            return None;
        }
        let entries = &mut self.entries;
        entries.reserve(count);
        let (mut key, mut time) = (0, 0_i64);
        for _ in 0..count {
            let bits = from.byte()?;
            if bits & 2 != 0 {
                key = from.fixed()?;
            }
            time = time.wrapping_add(from.signed()?);
            let entry = (key, time, bits & 1 == 1);
            if entries.last().is_some_and(|last| *last > entry) {
                return None;
            }
            entries.push(entry);
        }
        Some(())
    }
}
