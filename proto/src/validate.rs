//! The checks that generated [`Validate`] implementations are made of.

use std::fmt;
use std::sync::OnceLock;

use regex::Regex;

/// One broken rule of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request, such as `events[3].time`.
    pub field: String,
    /// What is wrong, without the value (which may be personal).
    pub description: String,
}

/// Where in a message a check stands. Built on the stack and only written out when a rule is broken.
#[derive(Clone, Copy)]
pub enum Path<'a> {
    /// The request itself.
    Root,
    /// A field of what is above.
    Field(&'a Path<'a>, &'static str),
    /// An item of the list above.
    Index(&'a Path<'a>, usize),
    /// A value of the map above.
    Key(&'a Path<'a>, &'a str),
}

impl<'a> Path<'a> {
    /// The path of a field below this one.
    #[must_use]
    pub const fn field(&'a self, name: &'static str) -> Self {
        Self::Field(self, name)
    }

    /// The path of an item of this list.
    #[must_use]
    pub const fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }

    /// The path of a value of this map.
    #[must_use]
    pub const fn key(&'a self, key: &'a str) -> Self {
        Self::Key(self, key)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Path::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Key(parent, key) => write!(f, "{parent}[{key:?}]"),
        }
    }
}

/// A message whose field rules can be checked.
pub trait Validate {
    /// Appends every broken rule of this message, which stands at `at`, to `out`.
    fn validate(&self, at: &Path<'_>, out: &mut Vec<Violation>);
}

/// Every broken field rule of a request.
pub fn violations<T: Validate>(message: &T) -> Vec<Violation> {
    let mut out = Vec::new();
    message.validate(&Path::Root, &mut out);
    out
}

#[cold]
fn violation(at: &Path<'_>, description: impl Into<String>, out: &mut Vec<Violation>) {
    out.push(Violation { field: at.to_string(), description: description.into() });
}

fn at_least(len: usize, min: usize, what: &str, at: &Path<'_>, out: &mut Vec<Violation>) {
    if len < min {
        violation(at, format!("must have at least {min} {what}"), out);
    }
}

fn at_most(len: usize, max: usize, what: &str, at: &Path<'_>, out: &mut Vec<Violation>) {
    if len > max {
        violation(at, format!("must have at most {max} {what}, has {len}"), out);
    }
}

fn text_at_least(value: &str, min: usize, at: &Path<'_>, out: &mut Vec<Violation>) {
    if value.len() < min && value.chars().count() < min {
        let description =
            if min == 1 { "must not be empty".to_owned() } else { format!("must have at least {min} characters") };
        violation(at, description, out);
    }
}

fn text_at_most(value: &str, max: usize, at: &Path<'_>, out: &mut Vec<Violation>) {
    // Fewer bytes than the limit means fewer characters: the common case counts nothing.
    if value.len() > max {
        let count = value.chars().count();
        if count > max {
            violation(at, format!("must have at most {max} characters, has {count}"), out);
        }
    }
}

fn text_in(value: &str, allowed: &[&str], at: &Path<'_>, out: &mut Vec<Violation>) {
    if !allowed.contains(&value) {
        let named: Vec<&str> = allowed.iter().copied().filter(|text| !text.is_empty()).collect();
        violation(at, format!("must be one of {}", named.join(", ")), out);
    }
}

fn number_at_least(value: i64, min: i64, at: &Path<'_>, out: &mut Vec<Violation>) {
    if value < min {
        violation(at, format!("must be at least {min}"), out);
    }
}

fn number_at_most(value: i64, max: i64, at: &Path<'_>, out: &mut Vec<Violation>) {
    if value > max {
        violation(at, format!("must be at most {max}"), out);
    }
}

fn finite(value: f64, at: &Path<'_>, out: &mut Vec<Violation>) {
    if !value.is_finite() {
        violation(at, "must be a finite number", out);
    }
}

fn real_at_least(value: f64, min: f64, at: &Path<'_>, out: &mut Vec<Violation>) {
    if value < min {
        violation(at, format!("must be at least {min}"), out);
    }
}

fn real_at_most(value: f64, max: f64, at: &Path<'_>, out: &mut Vec<Violation>) {
    if value > max {
        violation(at, format!("must be at most {max}"), out);
    }
}

fn defined(value: i32, numbers: &[i32], at: &Path<'_>, out: &mut Vec<Violation>) {
    if !numbers.contains(&value) {
        violation(at, "is not a value of its enum", out);
    }
}

fn instant(value: &prost_types::Timestamp, from: i64, to: i64, at: &Path<'_>, out: &mut Vec<Violation>) {
    if !(0..1_000_000_000).contains(&value.nanos) {
        violation(at, "must have nanos in 0..999999999", out);
    } else if value.seconds < from || value.seconds >= to {
        let day = |seconds: i64| match seconds {
            -62_135_596_800 => "0001-01-01",
            -2_208_988_800 => "1900-01-01",
            7_258_118_400 => "2200-01-01",
            253_402_300_800 => "10000-01-01",
            _ => "its bound",
        };
        violation(at, format!("must be at or after {} and before {}", day(from), day(to)), out);
    }
}

fn duration(value: &prost_types::Duration, positive: bool, at: &Path<'_>, out: &mut Vec<Violation>) {
    // The range of google.protobuf.Duration: about 10,000 years.
    let in_range = value.seconds.abs() <= 315_576_000_000 && value.nanos.abs() < 1_000_000_000;
    let same_sign = value.seconds == 0 || value.nanos == 0 || (value.seconds > 0) == (value.nanos > 0);
    if !in_range || !same_sign {
        violation(at, "is not a valid duration", out);
    } else if positive && (value.seconds, value.nanos) <= (0, 0) {
        violation(at, "must be longer than zero", out);
    } else if value.seconds < 0 || value.nanos < 0 {
        violation(at, "must not be negative", out);
    }
}

/// A pattern compiled on first use.
struct Pattern {
    text: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    fn check(&self, value: &str, at: &Path<'_>, out: &mut Vec<Violation>) {
        // A pattern that does not compile matches nothing, so a test that walks all patterns finds it at once.
        let compiled = self.compiled.get_or_init(|| Regex::new(self.text).ok());
        if !compiled.as_ref().is_some_and(|regex| regex.is_match(value)) {
            violation(at, format!("must match {}", self.text), out);
        }
    }
}

pub use generated::violations_by_name;

#[allow(clippy::all, reason = "generated")]
mod generated {
    use super::*;

    include!(concat!(env!("OUT_DIR"), "/validate.rs"));
}
