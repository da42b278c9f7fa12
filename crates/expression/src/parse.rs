//! The guarded door to the `cel` crate's parser.

use cel::common::ast::{EntryExpr, Expr, IdedExpr, SourceInfo};
use cel::parser::Parser;

use crate::diagnostic::{Diagnostic, Limits};
use crate::lex::{Kind, Token, tokens};
use crate::outcome::Span;

/// Stack of the thread that parses: the parser's frames for 64 levels need more than a worker thread has.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// A parsed source.
pub(crate) struct Parsed<'s> {
    pub(crate) source: &'s str,
    pub(crate) root: IdedExpr,
    info: SourceInfo,
    tokens: Vec<Token>,
}

/// Parses a source within the limits.
pub(crate) fn parse<'s>(source: &'s str, limits: &Limits) -> Result<Parsed<'s>, Vec<Diagnostic>> {
    let tokens = tokens(source, limits).map_err(|diagnostic| vec![diagnostic])?;
    if tokens.is_empty() {
        return Err(vec![Diagnostic::at(source, 0..source.len(), "expected an expression")]);
    }
    let depth = u16::try_from(limits.depth.saturating_mul(2)).unwrap_or(u16::MAX);
    let text = source.to_owned();
    let parser = std::thread::Builder::new().name("cel-parser".to_owned()).stack_size(STACK_BYTES);
    let outcome = parser.spawn(move || {
        let parsed = Parser::new().max_recursion_depth(depth).parse_with_source_info(&text);
        parsed.map_err(|errors| errors.errors.into_iter().map(|error| (error.pos, error.msg)).collect::<Vec<_>>())
    });
    let failed = |message: &str| vec![Diagnostic::at(source, 0..source.len(), message)];
    let handle = outcome.map_err(|_| failed("cannot be parsed at the moment: no thread is available"))?;
    match handle.join() {
        Ok(Ok((root, info))) => Ok(Parsed { source, root, info, tokens }),
        Ok(Err(errors)) => Err(diagnostics(source, errors)),
        // The parser panicked; its thread is gone and nothing else is touched.
        Err(_) => Err(failed("not an expression that the parser understands")),
    }
}

/// The parser's complaints, the first of each place.
fn diagnostics(source: &str, errors: Vec<((isize, isize), String)>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for ((line, column), message) in errors {
        let at = offset(source, line, column);
        let message = match message.strip_prefix("Syntax error: ") {
            Some(rest) => format!("syntax error: {rest}"),
            None if message == "UNKNOWN" => "not an expression that the parser understands".to_owned(),
            None => message,
        };
        let width = source[at..].chars().next().map_or(0, char::len_utf8);
        if found.iter().all(|earlier| earlier.position.bytes.start != at) {
            found.push(Diagnostic::at(source, at..at + width, message));
        }
    }
    if found.is_empty() {
        found.push(Diagnostic::at(source, 0..source.len(), "not an expression that the parser understands"));
    }
    found
}

/// The byte offset of a line and column as the parser counts them, both from 1.
fn offset(source: &str, line: isize, column: isize) -> usize {
    let (Ok(line), Ok(column)) = (usize::try_from(line - 1), usize::try_from(column - 1)) else { return 0 };
    let start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &source[start.min(source.len())..];
    start.min(source.len()) + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
}

impl Parsed<'_> {
    /// The byte range of a construct, with the brackets that belong to it.
    pub(crate) fn span(&self, expr: &IdedExpr) -> Span {
        let mut reach = None;
        self.extend(expr, &mut reach);
        let Some((first, last)) = reach else { return Span { start: 0, end: self.end() } };
        let (first, last) = self.balance(first, last);
        let start = u32::try_from(self.tokens[first].bytes.start).unwrap_or_default();
        Span { start, end: u32::try_from(self.tokens[last].bytes.end).unwrap_or_default() }
    }

    fn end(&self) -> u32 {
        u32::try_from(self.source.len()).unwrap_or(u32::MAX)
    }

    /// The token that begins at or covers the place of a node.
    fn token(&self, id: u64) -> Option<usize> {
        let (start, _) = self.info.offset_for(id)?;
        let at = self.tokens.partition_point(|token| token.bytes.end <= start as usize);
        (at < self.tokens.len()).then_some(at)
    }

    /// Widens `reach` (first and last token) by a construct and everything in it.
    fn extend(&self, expr: &IdedExpr, reach: &mut Option<(usize, usize)>) {
        if let Some(at) = self.token(expr.id) {
            let lexeme = &self.source[self.tokens[at].bytes.clone()];
            let before = at.checked_sub(1).filter(|before| self.tokens[*before].kind == Kind::Word && lexeme == "(");
            let after = (lexeme == "." || lexeme == "-").then_some(at + 1).filter(|after| *after < self.tokens.len());
            let (first, last) = (before.unwrap_or(at), after.unwrap_or(at));
            *reach = Some(reach.map_or((first, last), |(low, high)| (low.min(first), high.max(last))));
        }
        let mut inner = |inner: &IdedExpr| self.extend(inner, reach);
        match &expr.expr {
            Expr::Call(call) => {
                call.target.iter().for_each(|target| inner(target));
                call.args.iter().for_each(inner);
            }
            Expr::Select(select) => inner(&select.operand),
            Expr::List(list) => list.elements.iter().for_each(inner),
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        inner(&entry.key);
                        inner(&entry.value);
                    }
                }
            }
            Expr::Comprehension(comprehension) => {
                inner(&comprehension.iter_range);
                inner(&comprehension.loop_step);
            }
            _ => {}
        }
    }

    /// The smallest run of tokens around `first..=last` in which every bracket has its partner.
    fn balance(&self, first: usize, last: usize) -> (usize, usize) {
        let (mut first, mut last) = (first, last);
        let mut open = 0_usize;
        let mut missing = 0_usize;
        for token in &self.tokens[first..=last] {
            match token.kind {
                Kind::Open => open += 1,
                Kind::Close if open > 0 => open -= 1,
                Kind::Close => missing += 1,
                _ => {}
            }
        }
        while open > 0 && last + 1 < self.tokens.len() {
            last += 1;
            match self.tokens[last].kind {
                Kind::Open => open += 1,
                Kind::Close => open -= 1,
                _ => {}
            }
        }
        while missing > 0 && first > 0 {
            first -= 1;
            match self.tokens[first].kind {
                Kind::Close => missing += 1,
                Kind::Open => missing -= 1,
                _ => {}
            }
        }
        (first, last)
    }
}
