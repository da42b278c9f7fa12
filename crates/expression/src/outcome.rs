//! What a rule comes to.

use std::fmt;

use crate::diagnostic::Position;

/// The result of a boolean rule. Only [`Outcome::True`] satisfies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Satisfied.
    True,
    /// Not satisfied.
    False,
    /// Not satisfied, because the value could not be computed.
    Error(Reason),
}

impl Outcome {
    /// Whether the rule is satisfied.
    #[must_use]
    pub fn is_true(&self) -> bool {
        matches!(self, Self::True)
    }
}

/// Why a value could not be computed, and which part of the expression asked for it. Holds no value, only source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The kind of failure.
    pub cause: Cause,
    /// Where in the source.
    pub position: Position,
    /// The part of the source that failed.
    pub expression: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.position.line, self.position.column, self.cause, self.expression)
    }
}

/// The ways in which an expression that compiled can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A field has no value.
    Missing,
    /// A map has no such key.
    NoSuchKey,
    /// A list is not that long, or the index is negative.
    IndexOutOfRange,
    /// A value is not of a type that the operation takes.
    WrongType,
    /// Two values have no order: one is not a number.
    NotOrdered,
    /// Division or remainder by zero.
    DivisionByZero,
    /// The result does not fit its type.
    Overflow,
    /// A text or number cannot be converted.
    NotConvertible,
    /// A map literal repeats a key.
    DuplicateKey,
    /// The expression costs more than its limit.
    TooCostly,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "no value",
            Self::NoSuchKey => "no such key",
            Self::IndexOutOfRange => "index out of range",
            Self::WrongType => "value of a wrong type",
            Self::NotOrdered => "not a number",
            Self::DivisionByZero => "division by zero",
            Self::Overflow => "overflow",
            Self::NotConvertible => "cannot be converted",
            Self::DuplicateKey => "repeated key",
            Self::TooCostly => "costs more than the limit",
        })
    }
}

/// A byte range of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A failure while a value is computed; turned into a [`Reason`] only when somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) cause: Cause,
    pub(crate) span: Span,
}

impl Fault {
    pub(crate) fn reason(self, source: &str) -> Reason {
        let position = Position::of(source, self.span.range());
        let expression = source[position.bytes.clone()].to_owned();
        Reason { cause: self.cause, position, expression }
    }
}
