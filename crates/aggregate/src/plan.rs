//! What an engine is made of once its declarations are compiled.

use attune_expression::{Program, Type};
use rustc_hash::FxHashMap;

use crate::declaration::Cuts;
use crate::lane::Shape;

/// A lane: what it keeps, and of which events.
#[derive(Debug, Clone)]
pub(crate) struct LaneSpec {
    pub(crate) shape: Shape,
    pub(crate) take: Take,
    pub(crate) filter: usize,
    pub(crate) clock: usize,
    /// Buckets that somebody looks back on; 0 for all time.
    pub(crate) horizon: i64,
    /// Tells the lane apart from others in stored states.
    pub(crate) fingerprint: u32,
    /// Names of the events that answer a message, or take an item out.
    pub(crate) others: Vec<String>,
    /// Names of the events that empty the cart.
    pub(crate) clears: Vec<String>,
}

/// What of an event goes into a lane; numbers are those of fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Take {
    Tick,
    Amount(usize),
    Time,
    Value(usize, Kind),
    Keyed(usize, Weight),
    Hashed(usize),
    Message(usize),
    Item(usize, Option<usize>),
    Way(usize, usize),
}

/// What a category is given by an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Weight {
    One,
    Amount(usize),
    /// Half as much every so many microseconds.
    Decayed(i64, Option<usize>),
}

/// The type of a first or last value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Bool,
}

/// What an event is to a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Main,
    Other,
    Clear,
}

/// Events of some names and channels that satisfy a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Sorted; empty for all.
    pub(crate) events: Vec<String>,
    /// Sorted; empty for all.
    pub(crate) channels: Vec<String>,
    /// The number of its condition among the distinct ones.
    pub(crate) rule: Option<usize>,
}

/// What is to be done with events of one name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) rules: Vec<usize>,
    /// Filters with the lanes behind them.
    pub(crate) groups: Vec<(usize, Vec<(usize, Role)>)>,
}

/// Plans by the name of the event.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plans {
    pub(crate) named: FxHashMap<String, Plan>,
    pub(crate) other: Plan,
}

impl Plans {
    pub(crate) fn of(&self, name: &str) -> &Plan {
        self.named.get(name).unwrap_or(&self.other)
    }
}

/// A lane and how many of its buckets are looked back on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) lane: usize,
    pub(crate) span: i64,
}

/// How a trait is read of lanes, or of other traits by their slots.
#[derive(Debug, Clone)]
pub(crate) enum Reading {
    Count(View),
    Exists(View),
    Sum(View),
    Mean(View),
    Least(View),
    Greatest(View),
    FirstValue(View),
    LastValue(View),
    FirstTime(View),
    LastTime(View),
    /// With the length of a unit in microseconds.
    SinceFirst(View, i64),
    SinceLast(View, i64),
    Interval {
        first: View,
        last: View,
        count: View,
    },
    Distinct(View),
    /// With the limit and whether sums decide.
    Top(View, usize, bool),
    Preferred(View, bool),
    CountBy(View, usize),
    SumBy(View, usize),
    Best(View),
    Days(View),
    Streak(View),
    /// Whether sums are compared.
    Trend(View, bool),
    Slope {
        view: View,
        periods: i64,
        sums: bool,
    },
    Interest {
        view: View,
        half_life: i64,
        step: i64,
        limit: usize,
    },
    Rfm {
        last: View,
        count: View,
        sum: View,
        cuts: Option<Cuts>,
    },
    Rate(View, i64),
    Lag(View, i64),
    Cart(View),
    Inflow(View),
    Ratio(usize, usize),
    /// The program, and the slot of each field of its schema.
    Derived(Program),
}

/// One trait.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) of: Type,
    pub(crate) reading: Reading,
}

impl Reading {
    /// Every view on a lane.
    pub(crate) fn views(&self) -> Vec<View> {
        match self {
            Self::Count(view)
            | Self::Exists(view)
            | Self::Sum(view)
            | Self::Mean(view)
            | Self::Least(view)
            | Self::Greatest(view)
            | Self::FirstValue(view)
            | Self::LastValue(view)
            | Self::FirstTime(view)
            | Self::LastTime(view)
            | Self::SinceFirst(view, _)
            | Self::SinceLast(view, _)
            | Self::Distinct(view)
            | Self::Top(view, ..)
            | Self::Preferred(view, _)
            | Self::CountBy(view, _)
            | Self::SumBy(view, _)
            | Self::Best(view)
            | Self::Days(view)
            | Self::Streak(view)
            | Self::Trend(view, _)
            | Self::Slope { view, .. }
            | Self::Interest { view, .. }
            | Self::Rate(view, _)
            | Self::Lag(view, _)
            | Self::Cart(view)
            | Self::Inflow(view) => vec![*view],
            Self::Interval { first, last, count } => vec![*first, *last, *count],
            Self::Rfm { last, count, sum, .. } => vec![*last, *count, *sum],
            Self::Ratio(..) | Self::Derived(_) => Vec::new(),
        }
    }
}
