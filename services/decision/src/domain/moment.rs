//! The order of a log.

use attune_kernel::Timestamp;

/// A place in the order of a source's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// When.
    pub time: Timestamp,
    /// Order among entries of the same time.
    pub sequence: i64,
}

/// A span of time: its start belongs to it, its end does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first instant.
    pub start: Timestamp,
    /// The first instant that no longer belongs to it.
    pub end: Timestamp,
}

impl Span {
    /// All of time.
    pub const ALL: Self = Self { start: Timestamp::from_micros(i64::MIN), end: Timestamp::from_micros(i64::MAX) };

    /// Whether an instant belongs to it.
    #[must_use]
    pub fn contains(self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }
}
