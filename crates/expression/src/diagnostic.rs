//! What is wrong with an expression, and where.

use std::fmt;
use std::ops::Range;

/// A place in a source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Byte range of the offending part; empty at the end of the text.
    pub bytes: Range<usize>,
}

impl Position {
    /// The position of a byte range of `source`; a range that does not lie on character boundaries is widened, one
    /// past the end is moved to it.
    #[must_use]
    pub fn of(source: &str, bytes: Range<usize>) -> Self {
        let start = floor(source, bytes.start);
        let end = ceil(source, bytes.end.max(start));
        let before = &source[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            bytes: start..end,
        }
    }
}

fn floor(source: &str, mut at: usize) -> usize {
    at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil(source: &str, mut at: usize) -> usize {
    at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at += 1;
    }
    at
}

/// One thing wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where.
    pub position: Position,
    /// What, lower case, without a full stop.
    pub message: String,
}

impl Diagnostic {
    /// A message about a byte range of `source`.
    pub(crate) fn at(source: &str, bytes: Range<usize>, message: impl Into<String>) -> Self {
        Self { position: Position::of(source, bytes), message: message.into() }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.position.line, self.position.column, self.message)
    }
}

/// How large and how costly an expression may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of source text.
    pub source_bytes: usize,
    /// Constructs one inside the other: brackets, calls, selections, arithmetic, comparisons and conditionals. A
    /// chain of `&&` or `||` counts as one whatever its length.
    pub depth: usize,
    /// Elements of one list or map literal.
    pub literal_items: usize,
    /// Steps of one evaluation: one a node, one an element that is copied, one a 16 bytes of text or elements that are
    /// read. It bounds what nested macros over long lists can cost.
    pub steps: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { source_bytes: 8 * 1024, depth: 64, literal_items: 1000, steps: 100_000 }
    }
}
