//! Rules as the engine runs them.

use attune_expression::Program;
use attune_pathing::pattern::Pattern;

use crate::calendar::{Hours, Zone};
use crate::file::{Edge, Kind, Operation, Outside, Restart};
use crate::lane::{Layout, Window};

/// How much is remembered of a person, and how late events may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How much older than the person's newest event one may be and still be taken, in microseconds from 0.
    pub lateness: i64,
    /// How long timers wait beyond their deadline for late events, in microseconds from 0.
    pub grace: i64,
    /// Waits of a rule at once; beyond it the one that is due first is dropped.
    pub waits: usize,
    /// Cells of a window, and values of a distinct count. Beyond it the two oldest cells become one, and the value that
    /// was seen longest ago is forgotten.
    pub cells: usize,
    /// Firings that `once_per` remembers of a rule; beyond it the oldest is forgotten.
    pub once: usize,
    /// States of a pattern; a rule whose pattern has more is refused.
    pub states: usize,
    /// Rules of a file.
    pub rules: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { lateness: 3_600_000_000, grace: 0, waits: 16, cells: 512, once: 64, states: 1024, rules: 10_000 }
    }
}

/// A compiled rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) kind: Option<Kind>,
    /// Names the rule and its definition in stored states.
    pub(crate) mark: u64,
    /// The same of its id alone: what goes on when the definition changes.
    pub(crate) name_mark: u64,
    pub(crate) channels: Vec<String>,
    /// Of the event alone.
    pub(crate) condition: Option<u16>,
    /// The figures of `when`, in the order of their names.
    pub(crate) figures: Vec<Figure>,
    pub(crate) when: Option<Program>,
    pub(crate) form: Form,
    pub(crate) edge: Edge,
    pub(crate) cool_down: i64,
    pub(crate) once: Option<(usize, i64)>,
    pub(crate) hours: Option<(Hours, Outside)>,
    pub(crate) priority: i32,
    /// The group, how often, within how long.
    pub(crate) quota: Option<(u16, usize, i64)>,
    pub(crate) scheme: Option<Scheme>,
    pub(crate) placement: String,
    /// What is kept of the event until the rule fires.
    pub(crate) keeps: Vec<Keep>,
}

/// When a rule looks.
#[derive(Debug)]
pub(crate) enum Form {
    /// At the event.
    Moment,
    /// Some time after it.
    Wait { length: i64, restart: Restart, by: Option<usize>, unless: Unless },
    /// At a date that it tells.
    Date(Date),
    /// When a pattern completes.
    Sequence(Sequence),
}

/// What ends a wait.
#[derive(Debug)]
pub(crate) struct Unless {
    /// Whether any event does, so that only silence is waited for.
    pub(crate) all: bool,
    pub(crate) condition: Option<u16>,
}

#[derive(Debug)]
pub(crate) struct Date {
    pub(crate) property: usize,
    pub(crate) zone: Zone,
    /// From the date to the deadline, negative for before.
    pub(crate) offset: i64,
    pub(crate) at: i64,
    pub(crate) years: Vec<i16>,
    pub(crate) yearly: bool,
    pub(crate) by: Option<usize>,
    pub(crate) unless: Unless,
}

#[derive(Debug)]
pub(crate) struct Sequence {
    pub(crate) pattern: Pattern,
    pub(crate) within: i64,
    /// For each atom of the pattern the symbol of its name; absent for any.
    pub(crate) atoms: Vec<Option<u16>>,
    /// By symbol, whether a match may begin with it.
    pub(crate) begins: Vec<bool>,
}

/// A figure of a rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) operation: Operation,
    pub(crate) lane: u16,
    pub(crate) window: Window,
    pub(crate) periods: u32,
    pub(crate) sums: bool,
    /// Where it lies among the figures that are read before the event is added.
    pub(crate) prior: Option<u16>,
}

/// What is kept of the event that a wait begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Property(usize),
    Event,
    Channel,
}

#[derive(Debug)]
pub(crate) struct Scheme {
    pub(crate) channel: Option<Program>,
    pub(crate) segment: Option<Program>,
    pub(crate) product: Option<Program>,
    pub(crate) rows: Vec<crate::file::Row>,
}

/// Where the values of a kind of event go.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) mark: u64,
    pub(crate) condition: Option<u16>,
    pub(crate) value: Value,
    pub(crate) shape: Shape,
}

/// What is read of an event.
#[derive(Debug)]
pub(crate) enum Value {
    /// Nothing: it counts.
    One,
    Property(usize),
    Computed(Program),
}

/// How a lane remembers.
#[derive(Debug)]
pub(crate) enum Shape {
    Cells(Layout),
    /// Different values, for so long (microseconds, or for ever).
    Distinct {
        reach: i64,
        limit: usize,
    },
    /// The newest value and its time.
    Last,
}

/// A field that an expression names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Event,
    Channel,
    Time,
    Customer,
    List(u16),
    Table(u16),
    Property(usize),
}
