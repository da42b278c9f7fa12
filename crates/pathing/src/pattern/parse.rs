//! Reading a pattern.

use super::ast::{Atom, Node, Parsed};
use crate::predicate::Predicate;
use crate::text::{Cursor, ParseError};

/// States a pattern may have when its repetitions are written out.
const MAX_STATES: u64 = 20_000;

/// How deep parentheses may nest.
const MAX_DEPTH: usize = 128;

/// Reads a whole pattern.
pub(super) fn parse(text: &str) -> Result<Parsed, ParseError> {
    let mut parser = Parser { cursor: Cursor::new(text), atoms: Vec::new(), depth: 0 };
    let mut root = parser.either()?;
    if parser.cursor.peek().is_some() {
        return Err(parser.cursor.expected("an event or the end"));
    }
    root.mark_absences();
    if root.states() > MAX_STATES {
        return Err(Cursor::new(text).error(too_large()));
    }
    if !root.takes_events() {
        return Err(Cursor::new(text).error("the pattern can match no event"));
    }
    Ok(Parsed { atoms: parser.atoms, root })
}

fn too_large() -> String {
    format!("the pattern has more than {MAX_STATES} states when repetitions are written out")
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    atoms: Vec<Atom>,
    depth: usize,
}

impl Parser<'_> {
    fn either(&mut self) -> Result<Node, ParseError> {
        let mut branches = vec![self.sequence()?];
        while self.cursor.take("|") {
            branches.push(self.sequence()?);
        }
        Ok(if branches.len() > 1 { Node::Either(branches) } else { branches.remove(0) })
    }

    fn sequence(&mut self) -> Result<Node, ParseError> {
        let mut parts = Vec::new();
        while self.cursor.peek().is_some_and(|next| !matches!(next, '|' | ')')) {
            let part = self.part()?;
            parts.push(part);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node::Sequence(parts) })
    }

    fn part(&mut self) -> Result<Node, ParseError> {
        let mut node = self.primary()?;
        loop {
            self.cursor.peek();
            let before = self.cursor.clone();
            let (min, max) = if self.cursor.take("*") {
                (0, None)
            } else if self.cursor.take("+") {
                (1, None)
            } else if self.cursor.take("?") {
                (0, Some(1))
            } else if self.cursor.take("{") {
                self.bounds()?
            } else {
                return Ok(node);
            };
            if max.is_some_and(|max| max < min) {
                return Err(before.error("the most must not be less than the least"));
            }
            node = Node::Repeat { node: Box::new(node), min, max };
            // Checked on every repetition, before the next one multiplies it.
            if node.states() > MAX_STATES {
                return Err(before.error(too_large()));
            }
        }
    }

    /// `m}`, `m,}`, `m,n}` or `,n}`.
    fn bounds(&mut self) -> Result<(u32, Option<u32>), ParseError> {
        let min = self.number()?;
        let max = if self.cursor.take(",") { self.number()? } else { min };
        if min.is_none() && max.is_none() {
            return Err(self.cursor.expected("a number"));
        }
        if !self.cursor.take("}") {
            return Err(self.cursor.expected("'}'"));
        }
        Ok((min.unwrap_or(0), max))
    }

    fn number(&mut self) -> Result<Option<u32>, ParseError> {
        self.cursor.peek();
        let before = self.cursor.clone();
        match self.cursor.take_while(|c| c.is_ascii_digit()) {
            "" => Ok(None),
            digits => digits.parse().map(Some).map_err(|_| before.error("the number is too large")),
        }
    }

    fn primary(&mut self) -> Result<Node, ParseError> {
        match self.cursor.peek() {
            Some('(') => self.group(),
            Some('!') => self.negation(),
            Some('^') => Ok(self.anchor("^", Node::Start)),
            Some('$') => Ok(self.anchor("$", Node::End)),
            Some('.') if self.cursor.take("...") => {
                Ok(Node::Repeat { node: Box::new(Node::Other(Vec::new())), min: 0, max: None })
            }
            _ => {
                let (atom, any) = self.event()?;
                Ok(if any { Node::Other(Vec::new()) } else { Node::Event(vec![atom]) })
            }
        }
    }

    fn anchor(&mut self, token: &str, node: Node) -> Node {
        self.cursor.take(token);
        node
    }

    fn group(&mut self) -> Result<Node, ParseError> {
        self.cursor.take("(");
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.cursor.error("parentheses nest too deeply"));
        }
        let inner = self.either()?;
        self.depth -= 1;
        if self.cursor.take(")") { Ok(inner) } else { Err(self.cursor.expected("an event or ')'")) }
    }

    fn negation(&mut self) -> Result<Node, ParseError> {
        self.cursor.take("!");
        let grouped = self.cursor.take("(");
        let mut atoms = Vec::new();
        loop {
            self.cursor.peek();
            let before = self.cursor.clone();
            let (atom, any) = self.event()?;
            if any {
                return Err(before.error("every event is '.', so nothing is left when it is negated"));
            }
            atoms.push(atom);
            if !(grouped && self.cursor.take("|")) {
                break;
            }
        }
        if grouped && !self.cursor.take(")") {
            return Err(self.cursor.expected("'|' or ')'"));
        }
        atoms.sort_unstable();
        atoms.dedup();
        Ok(Node::Other(atoms))
    }

    /// An event; whether it is any event, without a predicate (then no atom is made).
    fn event(&mut self) -> Result<(u32, bool), ParseError> {
        let name = match self.cursor.peek() {
            Some('"' | '\'') => Some(self.cursor.quoted()?),
            Some('.') => {
                self.cursor.take(".");
                None
            }
            _ => match self.cursor.take_while(is_name) {
                "" => return Err(self.cursor.expected("the name of an event")),
                name => Some(name.to_owned()),
            },
        };
        let mut predicate = None;
        if self.cursor.take("[") {
            predicate = Some(Predicate::read(&mut self.cursor)?);
            if !self.cursor.take("]") {
                return Err(self.cursor.expected("']'"));
            }
        }
        if name.is_none() && predicate.is_none() {
            return Ok((0, true));
        }
        let atom = Atom { name, predicate };
        let at = self.atoms.iter().position(|known| *known == atom).unwrap_or(self.atoms.len());
        if at == self.atoms.len() {
            self.atoms.push(atom);
        }
        Ok((u32::try_from(at).unwrap_or(u32::MAX), false))
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | ':')
}
