//! The pattern language: regular expressions over events.
//!
//! ```text
//! pattern    = sequence { "|" sequence }
//! sequence   = { part }
//! part       = primary [ "*" | "+" | "?" | "{" m "}" | "{" m "," "}" | "{" m "," n "}" | "{" "," n "}" ]
//! primary    = event | "!" event | "!" "(" event { "|" event } ")" | "." | "..." | "(" pattern ")" | "^" | "$"
//! event      = (name | ".") [ "[" predicate "]" ]
//! name       = letters, digits, '_', '-', '/', ':' | "any text" | 'any text'
//! ```
//!
//! * The parts of a sequence match events that follow one another directly; gaps are written: `.` is any one event,
//!   `...` any number of events (the same as `.*`).
//! * `cart[amount > 100]` is an event for which the [predicate](super::predicate) holds.
//! * `!x` matches exactly one event that is not `x`, **except at the very end of the pattern**: there, standing alone
//!   (not repeated) as the last part of the pattern or of one of its last alternatives, it matches no event but
//!   demands that no `x` follows. Several at the end all hold. So `view (search)* cart !purchase` is a view, searches, a cart, and no
//!   purchase afterwards, and `cart !purchase $` or `cart (!purchase){1}` is a cart and one more event.
//!   "Afterwards" runs from the event after the match to the end of the sequence (customer or session); where a
//!   time limit is given (`within`), only up to and including the match's last time plus the limit.
//! * `^` and `$` stand for the beginning and the end of the sequence.
//!
//! Matches are non-overlapping, leftmost first, and of those that begin at the leftmost event the longest. With a
//! limit, a match is no longer than it: last time minus first time is at most `within`. A match holds at least one
//! event. Parts may be ambiguous at will: the work is linear in the number of events whatever the pattern.

mod ahead;
mod alphabet;
mod ast;
mod capture;
mod dfa;
mod finder;
mod flat;
mod latest;
mod parse;
mod program;
mod reader;
mod scan;
mod set;
mod timed;

use std::sync::Arc;
use std::time::Duration;

use attune_kernel::Timestamp;

pub use self::ast::Atom;
/// A pattern as a tree, for other forms of it.
pub(crate) mod tree {
    pub(crate) use super::ast::Node;
}
pub use self::capture::{Captured, Capturer};
use self::finder::{Asked, Finder};
pub use self::program::{END, Edge, FIRST_ABSENCE, Inst, Matcher, Program, START};
use crate::log::{EventLog, with_columns};
use crate::parallel;
use crate::sessions::Sequences;
pub use crate::text::ParseError;

/// A pattern ready to run. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: Arc<str>,
    tree: Arc<tree::Node>,
    program: Arc<Program>,
}

impl Pattern {
    /// Reads and compiles a pattern.
    ///
    /// # Errors
    /// [`ParseError`] with the position: syntax, a repetition whose bounds are out of order, more than 20,000 states
    /// after repetitions are written out, or a pattern that could match no event.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let parsed = parse::parse(text)?;
        let program = Arc::new(Program::compile(&parsed));
        Ok(Self { text: text.into(), tree: Arc::new(parsed.root), program })
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The pattern as a tree.
    pub(crate) fn tree(&self) -> &tree::Node {
        &self.tree
    }

    /// The automaton, for a simulation event by event.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// One match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// The customer's code.
    pub customer: u32,
    /// The number of the session, from 1; 0 when sequences are customers.
    pub session: u32,
    /// The time of the first event.
    pub start: Timestamp,
    /// The time of the last event.
    pub end: Timestamp,
    /// How many events it holds; events that must not follow are not part of it.
    pub length: usize,
    /// The row of the first event in the log.
    pub row: usize,
}

/// How matches are searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Search {
    /// The longest time from the first to the last event of a match; also how far a demand that something does not follow
    /// reaches.
    pub within: Option<Duration>,
    /// From every event where a match begins, the longest one; otherwise the next match begins after the end of the last.
    /// With a limit the work grows with the events inside it.
    pub overlapping: bool,
}

/// How often an event may be read before the linear search takes over.
const PATIENCE: usize = 8;

/// Finds the matches of a pattern in sequences, in their order.
#[must_use]
pub fn find(log: &EventLog, sequences: &Sequences, pattern: &Pattern, search: Search, threads: usize) -> Vec<Match> {
    find_patiently(log, sequences, pattern, search, threads, PATIENCE)
}

fn find_patiently(
    log: &EventLog,
    sequences: &Sequences,
    pattern: &Pattern,
    search: Search,
    threads: usize,
    patience: usize,
) -> Vec<Match> {
    let within = search.within.map(|within| i64::try_from(log.times().whole_ticks(within)).unwrap_or(i64::MAX));
    let asked = Asked { program: pattern.program(), within, overlapping: search.overlapping, patience };
    let parts = with_columns!(log, |codes, ticks| parallel::map(threads, sequences.starts(), |range| {
        let mut finder = Finder::new(log, asked);
        let mut found = Vec::new();
        for sequence in sequences.range(range) {
            finder.search(codes, ticks, sequence.rows.clone());
            found.extend(finder.found.iter().map(|(start, end)| Match {
                customer: sequence.customer,
                session: sequence.session,
                start: log.time(sequence.rows.start + start),
                end: log.time(sequence.rows.start + end - 1),
                length: end - start,
                row: sequence.rows.start + start,
            }));
        }
        found
    }));
    parallel::joined(parts)
}

#[cfg(any(test, feature = "reference"))]
pub mod reference;
#[cfg(test)]
mod tests;
