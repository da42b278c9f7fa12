//! What is remembered of a person.

use attune_kernel::Timestamp;

use crate::event::{EventId, Kept};
use crate::lane::Cells;
use crate::sequence::Run;

/// No time yet.
pub(crate) const NEVER: i64 = i64::MIN;

/// What an engine remembers of a person. Small and bounded; empty for a person of whom nothing matters.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The time of the newest event.
    pub(crate) newest: i64,
    /// By number.
    pub(crate) lanes: Vec<(u16, LaneState)>,
    /// By deadline, then the rules' order.
    pub(crate) waits: Vec<Pending>,
    /// When rules with a cool-down fired last.
    pub(crate) fired: Vec<(u16, i64)>,
    /// What few persons have.
    pub(crate) more: Option<Box<More>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct More {
    /// The rules whose condition held when it was looked at last.
    pub(crate) holding: Vec<u16>,
    /// Rule, value, when.
    pub(crate) once: Vec<(u16, u64, i64)>,
    /// Group, when.
    pub(crate) quotas: Vec<(u16, i64)>,
    /// Rule, key, when: events that end waits, for starts that come late.
    pub(crate) endings: Vec<(u16, u64, i64)>,
    /// Patterns under way.
    pub(crate) runs: Vec<(u16, Run)>,
}

/// What a lane remembers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LaneState {
    Cells(Cells),
    /// Value and when it was seen last.
    Distinct(Vec<(u64, i64)>),
    Last {
        time: i64,
        value: Option<Kept>,
    },
}

/// What a timer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Ends a wait.
    Wait,
    /// A date has come.
    Date,
    /// The schedule opens for what was put off.
    PutOff,
    /// Nothing has followed a pattern.
    Sequence,
}

/// A timer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pending {
    pub(crate) deadline: i64,
    pub(crate) rule: u16,
    /// The rule's place in the order of rules.
    pub(crate) rank: u16,
    pub(crate) due: Due,
    /// The time of the event that it began with.
    pub(crate) anchor: i64,
    /// Which of several it is; of what was put off, the value of `once_per`.
    pub(crate) key: u64,
    /// The date of a yearly one, by the local clock.
    pub(crate) date: i64,
    pub(crate) cause: EventId,
    /// What the rule keeps of the event.
    pub(crate) kept: Box<[Option<Kept>]>,
    pub(crate) rest: Option<Box<Rest>>,
}

/// What few timers have.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rest {
    /// The groups of events that must not follow, of which one is enough.
    pub(crate) absences: Vec<u32>,
    pub(crate) evidence: Vec<EventId>,
}

impl Pending {
    fn place(&self) -> (i64, u16, i64) {
        (self.deadline, self.rank, self.anchor)
    }
}

impl Default for State {
    fn default() -> Self {
        Self { newest: NEVER, lanes: Vec::new(), waits: Vec::new(), fired: Vec::new(), more: None }
    }
}

impl State {
    /// The time of the newest event; absent before the first.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        (self.newest != NEVER).then(|| Timestamp::from_micros(self.newest))
    }

    /// A person whose newest event was at `newest`, and of whom nothing else is remembered.
    #[must_use]
    pub fn since(newest: Option<Timestamp>) -> Self {
        Self { newest: newest.map_or(NEVER, Timestamp::as_micros), ..Self::default() }
    }

    /// How many timers run.
    #[must_use]
    pub fn timers(&self) -> usize {
        self.waits.len()
    }

    /// Whether nothing but the time of the newest event is remembered.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.lanes.is_empty() && self.waits.is_empty() && self.fired.is_empty() && self.more.is_none()
    }

    #[inline]
    pub(crate) fn lane(&self, lane: u16) -> Option<&LaneState> {
        // Few lanes: a look at each is quicker than a search.
        self.lanes.iter().find(|(number, _)| *number == lane).map(|(_, state)| state)
    }

    #[inline]
    pub(crate) fn lane_or(&mut self, lane: u16, new: impl FnOnce() -> LaneState) -> &mut LaneState {
        let at = match self.lanes.iter().position(|(number, _)| *number >= lane) {
            Some(at) if self.lanes[at].0 == lane => at,
            Some(at) => {
                self.lanes.insert(at, (lane, new()));
                at
            }
            None => {
                self.lanes.push((lane, new()));
                self.lanes.len() - 1
            }
        };
        &mut self.lanes[at].1
    }

    pub(crate) fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// Adds a timer; beyond `limit` timers of its rule the one that is due first is dropped.
    pub(crate) fn arm(&mut self, pending: Pending, limit: usize) {
        let place = pending.place();
        let (rule, due) = (pending.rule, pending.due);
        let at = self.waits.partition_point(|wait| wait.place() <= place);
        self.waits.insert(at, pending);
        if self.waits.len() > limit
            && self.waits.iter().filter(|wait| wait.rule == rule && wait.due == due).count() > limit
            && let Some(first) = self.waits.iter().position(|wait| wait.rule == rule && wait.due == due)
        {
            self.waits.remove(first);
        }
    }

    /// Gives back memory that holds nothing any more.
    pub(crate) fn settle(&mut self) {
        if self.more.as_ref().is_some_and(|more| **more == More::default()) {
            self.more = None;
        }
    }
}
