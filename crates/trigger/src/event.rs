//! What goes in and what comes out.

use attune_expression::ValueRef;
use attune_kernel::Timestamp;

/// The name of an event as an engine numbers it; every name that no rule speaks of has the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(pub(crate) u16);

/// The id of an event: a row of a log, or the sender's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventRef<'a> {
    /// A row.
    Row(u64),
    /// A text.
    Text(&'a str),
}

/// An [`EventRef`] that is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventId {
    /// A row.
    Row(u64),
    /// A text.
    Text(Box<str>),
}

impl EventRef<'_> {
    pub(crate) fn keep(self) -> EventId {
        match self {
            Self::Row(row) => EventId::Row(row),
            Self::Text(text) => EventId::Text(text.into()),
        }
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Row(row) => write!(f, "{row}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// The properties of an event, by the slots of [`Engine::properties`](crate::Engine::properties).
pub trait Facts {
    /// The property of a slot, when the event has it. Numbers are doubles.
    fn property(&self, slot: usize) -> Option<ValueRef<'_>>;
}

impl Facts for () {
    fn property(&self, _slot: usize) -> Option<ValueRef<'_>> {
        None
    }
}

/// An event of one person.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    /// Its id, which firings name as evidence.
    pub id: EventRef<'a>,
    /// What happened.
    pub symbol: Symbol,
    /// The same as text.
    pub name: &'a str,
    /// When.
    pub time: Timestamp,
    /// Where; empty when unknown.
    pub channel: &'a str,
    /// The properties.
    pub facts: &'a dyn Facts,
}

/// A rule has fired for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Firing {
    /// The rule, as [`Engine::rules`](crate::Engine::rules) numbers it.
    pub rule: u16,
    /// When, in the time of the events: that of the event, the deadline, or the hour to which it was put off.
    pub time: Timestamp,
    /// The event it is about.
    pub cause: EventId,
    /// The events that made it fire, oldest first, at most [`MAX_EVIDENCE`](crate::MAX_EVIDENCE): of more the first and
    /// the newest.
    pub evidence: Vec<EventId>,
    /// The figures of the rule that had a number, by their place in the rule's list.
    pub figures: Vec<(u16, f64)>,
    /// The row of the rule's scheme.
    pub row: Option<u16>,
}

/// A value that is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kept {
    Number(f64),
    Flag(bool),
    Text(Box<str>),
    Time(i64),
    Span(i64),
}

/// The longest text that is kept of a property, in bytes.
pub(crate) const MAX_TEXT: usize = 256;

impl Kept {
    pub(crate) fn of(value: ValueRef<'_>) -> Option<Self> {
        Some(match value {
            ValueRef::Double(number) => Self::Number(number),
            #[expect(clippy::cast_precision_loss, reason = "numbers of rules are doubles")]
            ValueRef::Int(number) => Self::Number(number as f64),
            ValueRef::Bool(flag) => Self::Flag(flag),
            ValueRef::String(text) => {
                let end = (0..=text.len().min(MAX_TEXT)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
                Self::Text(text[..end].into())
            }
            ValueRef::Timestamp(time) => Self::Time(time.as_micros()),
            ValueRef::Duration(span) => Self::Span(span.as_micros()),
            ValueRef::Null | ValueRef::List(_) | ValueRef::Map(_) => return None,
        })
    }

    pub(crate) fn value(&self) -> ValueRef<'_> {
        match self {
            Self::Number(number) => ValueRef::Double(*number),
            Self::Flag(flag) => ValueRef::Bool(*flag),
            Self::Text(text) => ValueRef::String(text),
            Self::Time(time) => ValueRef::Timestamp(Timestamp::from_micros(*time)),
            Self::Span(span) => ValueRef::Duration(attune_expression::Interval::from_micros(*span)),
        }
    }
}

/// A number that tells values apart: FNV-1a over the type and the bytes.
pub(crate) fn hash(value: ValueRef<'_>) -> Option<u64> {
    let fold = |seed: u64, bytes: &[u8]| {
        bytes.iter().fold(seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let seed = |kind: u8| fold(0xcbf2_9ce4_8422_2325, &[kind]);
    Some(match value {
        ValueRef::String(text) => fold(seed(1), text.as_bytes()),
        // Zero has two signs, which are equal.
        ValueRef::Double(number) => fold(seed(2), &(number + 0.0).to_bits().to_le_bytes()),
        #[expect(clippy::cast_precision_loss, reason = "numbers of rules are doubles")]
        ValueRef::Int(number) => fold(seed(2), &(number as f64).to_bits().to_le_bytes()),
        ValueRef::Bool(flag) => fold(seed(3), &[u8::from(flag)]),
        ValueRef::Timestamp(time) => fold(seed(4), &time.as_micros().to_le_bytes()),
        ValueRef::Duration(span) => fold(seed(5), &span.as_micros().to_le_bytes()),
        ValueRef::Null | ValueRef::List(_) | ValueRef::Map(_) => return None,
    })
}
