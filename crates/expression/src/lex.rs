//! Splits a source into tokens before the parser sees it.
//!
//! The parser's own recursion and its recovery from broken tokens are not bounded by anything a caller can set, so
//! what is too deep, unbalanced or no token at all is refused here, with a position. The tokens also say where a
//! parsed construct begins and ends.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, Limits};

/// What a token is, as far as nesting cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Open,
    Close,
    Word,
    Literal,
    Operator,
}

/// A token and its byte range.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) bytes: Range<usize>,
}

/// The tokens of a source of bounded length and depth with balanced brackets.
pub(crate) fn tokens(source: &str, limits: &Limits) -> Result<Vec<Token>, Diagnostic> {
    if source.len() > limits.source_bytes {
        let message = format!("longer than {} bytes", limits.source_bytes);
        return Err(Diagnostic::at(source, limits.source_bytes..source.len(), message));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(byte) = source.as_bytes().get(at) {
        let rest = &source[at..];
        let (kind, length) = match byte {
            b' ' | b'\t' | b'\r' | b'\n' | 0x0c => {
                at += 1;
                continue;
            }
            b'/' if rest.starts_with("//") => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            b'(' | b'[' | b'{' => (Kind::Open, 1),
            b')' | b']' | b'}' => (Kind::Close, 1),
            b'"' | b'\'' => (Kind::Literal, text(source, at, at, false)?),
            b'0'..=b'9' => (Kind::Literal, number(rest.as_bytes())),
            b'.' if rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => (Kind::Literal, number(rest.as_bytes())),
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => word(source, at)?,
            _ => (Kind::Operator, operator(source, at)?),
        };
        tokens.push(Token { kind, bytes: at..at + length });
        at += length;
    }
    check_nesting(source, &tokens, limits)?;
    Ok(tokens)
}

/// The length of an operator.
fn operator(source: &str, at: usize) -> Result<usize, Diagnostic> {
    let rest = &source[at..];
    if ["==", "!=", "<=", ">=", "&&", "||"].iter().any(|two| rest.starts_with(two)) {
        return Ok(2);
    }
    let first = rest.chars().next().unwrap_or(' ');
    if "<>+-*/%!.,?:".contains(first) {
        return Ok(1);
    }
    let message = match first {
        '=' => "expected '==', found '='".to_owned(),
        '&' => "expected '&&', found '&'".to_owned(),
        '|' => "expected '||', found '|'".to_owned(),
        _ => format!("unexpected character {first:?}"),
    };
    Err(Diagnostic::at(source, at..at + first.len_utf8(), message))
}

/// A word, or the text literal whose prefix it is.
fn word(source: &str, at: usize) -> Result<(Kind, usize), Diagnostic> {
    let rest = &source[at..];
    let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
    let quoted = matches!(rest.as_bytes().get(length), Some(b'"' | b'\''));
    match rest[..length].to_ascii_lowercase().as_str() {
        prefix @ ("r" | "b" | "br") if quoted => {
            Ok((Kind::Literal, text(source, at, at + length, prefix.ends_with('r'))?))
        }
        _ => Ok((Kind::Word, length)),
    }
}

/// The length of a number; what the parser does not take as one it refuses itself.
fn number(bytes: &[u8]) -> usize {
    let digits = |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is = |at: usize, wanted: &[u8]| bytes.get(at).is_some_and(|byte| wanted.contains(byte));
    let mut end;
    if bytes.starts_with(b"0x") {
        end = 2 + bytes[2..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    } else {
        end = digits(0);
        if is(end, b".") && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1);
        }
        let exponent = end + 1 + usize::from(is(end + 1, b"+-"));
        if is(end, b"eE") && bytes.get(exponent).is_some_and(u8::is_ascii_digit) {
            end = digits(exponent);
        }
    }
    end + usize::from(is(end, b"uU"))
}

/// The length, from `start`, of a text literal whose quote stands at `quote_at`.
fn text(source: &str, start: usize, quote_at: usize, raw: bool) -> Result<usize, Diagnostic> {
    let bytes = source.as_bytes();
    let quote = bytes[quote_at];
    let triple = bytes[quote_at..].starts_with(&[quote; 3]);
    let mut at = quote_at + if triple { 3 } else { 1 };
    loop {
        match bytes.get(at) {
            Some(byte) if *byte == quote && !triple => return Ok(at + 1 - start),
            Some(byte) if *byte == quote && bytes[at..].starts_with(&[quote; 3]) => return Ok(at + 3 - start),
            Some(b'\n' | b'\r') if !triple => break,
            Some(b'\\') if !raw => match escape(&bytes[at + 1..]) {
                Some(length) => at += 1 + length,
                None => return Err(Diagnostic::at(source, at..at + 2, "unknown escape in a text literal")),
            },
            Some(_) => at += 1,
            None => break,
        }
    }
    Err(Diagnostic::at(source, start..at, "text literal without an end"))
}

/// The length of what follows a backslash.
fn escape(after: &[u8]) -> Option<usize> {
    let all = |count: usize, test: fn(&u8) -> bool| {
        after.get(1..=count).is_some_and(|digits| digits.iter().all(test)).then_some(count + 1)
    };
    let octal: fn(&u8) -> bool = |byte| (b'0'..=b'7').contains(byte);
    match after.first()? {
        b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`' => Some(1),
        b'x' | b'X' => all(2, u8::is_ascii_hexdigit),
        b'u' => all(4, u8::is_ascii_hexdigit),
        b'U' => all(8, u8::is_ascii_hexdigit),
        b'0'..=b'3' => all(2, octal),
        _ => None,
    }
}

/// One open bracket: what nests inside it besides brackets.
#[derive(Default)]
struct Level {
    open_at: usize,
    /// Conditionals, which nest to the right until the next comma.
    conditionals: usize,
    /// Arithmetic and comparisons since the last `&&`, `||`, `?`, `:` or comma.
    operators: usize,
    /// Selections and indexes since the last operator.
    members: usize,
}

impl Level {
    fn depth(&self) -> usize {
        self.conditionals + self.operators + self.members
    }
}

/// Refuses brackets that do not match and nesting beyond the limit.
fn check_nesting(source: &str, tokens: &[Token], limits: &Limits) -> Result<(), Diagnostic> {
    let mut levels = vec![Level::default()];
    let mut below = 0;
    let mut after_value = false;
    for token in tokens {
        let lexeme = &source[token.bytes.clone()];
        let index = lexeme == "[" && after_value;
        after_value = lexeme != "in" && matches!(token.kind, Kind::Word | Kind::Literal | Kind::Close);
        let Some(top) = levels.last_mut() else { break };
        match lexeme {
            "(" | "[" | "{" => {
                top.members += usize::from(index);
                below += 1 + top.depth();
                levels.push(Level { open_at: token.bytes.start, ..Level::default() });
            }
            ")" | "]" | "}" => {
                let opened = levels.pop().map(|level| level.open_at).unwrap_or_default();
                let matches = matches!(
                    (source.as_bytes().get(opened), lexeme),
                    (Some(b'('), ")") | (Some(b'['), "]") | (Some(b'{'), "}")
                );
                match levels.last() {
                    Some(outer) if matches => below -= 1 + outer.depth(),
                    _ => return Err(Diagnostic::at(source, token.bytes.clone(), format!("unexpected '{lexeme}'"))),
                }
            }
            "." => top.members += 1,
            "&&" | "||" => (top.operators, top.members) = (0, 0),
            "?" => (top.conditionals, top.operators, top.members) = (top.conditionals + 1, 0, 0),
            ":" => (top.operators, top.members) = (0, 0),
            "," => *top = Level { open_at: top.open_at, ..Level::default() },
            "in" => (top.operators, top.members) = (top.operators + 1, 0),
            _ if token.kind == Kind::Operator => (top.operators, top.members) = (top.operators + 1, 0),
            _ => {}
        }
        if below + levels.last().map_or(0, Level::depth) > limits.depth {
            let message = format!("nested deeper than {} levels", limits.depth);
            return Err(Diagnostic::at(source, token.bytes.clone(), message));
        }
    }
    match levels.pop() {
        Some(level) if !levels.is_empty() => {
            let opened = level.open_at..level.open_at + 1;
            Err(Diagnostic::at(source, opened.clone(), format!("'{}' is never closed", &source[opened])))
        }
        _ => Ok(()),
    }
}
