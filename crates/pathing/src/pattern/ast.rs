//! What a pattern is made of.

use crate::predicate::Predicate;
use crate::text::{Cursor, ParseError};

/// An event that a pattern speaks of.
#[derive(Debug, Clone, PartialEq)]
pub struct Atom {
    /// Its name; any when absent.
    pub name: Option<String>,
    /// What must hold of its properties.
    pub predicate: Option<Predicate>,
}

impl Atom {
    /// Any event of a name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), predicate: None }
    }

    /// Reads events separated by commas, such as `view,cart[amount > 100]`. A name is everything up to the comma or the
    /// condition, without the blanks around it; one that holds a comma or a bracket is quoted. Empty parts are left out.
    ///
    /// # Errors
    /// [`ParseError`] with the position.
    pub fn list(text: &str) -> Result<Vec<Self>, ParseError> {
        let mut cursor = Cursor::new(text);
        let mut atoms = Vec::new();
        loop {
            let name = match cursor.peek() {
                None => return Ok(atoms),
                Some('"' | '\'') => cursor.quoted()?,
                Some(_) => cursor.take_while(|c| !matches!(c, ',' | '[')).trim().to_owned(),
            };
            let mut atom = Self::named(name);
            if cursor.take("[") {
                atom.predicate = Some(Predicate::read(&mut cursor)?);
                if !cursor.take("]") {
                    return Err(cursor.expected("']'"));
                }
            }
            if atom != Self::named("") {
                if atom.name.as_deref().is_some_and(|name| matches!(name, "" | ".")) {
                    atom.name = None;
                }
                atoms.push(atom);
            }
            if cursor.peek().is_some() && !cursor.take(",") {
                return Err(cursor.expected("',' or the end"));
            }
        }
    }

    /// The properties that its condition reads.
    pub fn properties(&self) -> Vec<&str> {
        let mut names = Vec::new();
        if let Some(predicate) = &self.predicate {
            predicate.each_property(&mut |name| names.push(name));
        }
        names
    }
}

impl std::fmt::Display for Atom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name.as_deref().unwrap_or("."))?;
        match &self.predicate {
            None => Ok(()),
            Some(predicate) => write!(f, "[{predicate}]"),
        }
    }
}

/// A pattern as a tree. Numbers name entries of [`Parsed::atoms`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// One event that is one of these.
    Event(Vec<u32>),
    /// One event that is none of these; of nothing: any event.
    Other(Vec<u32>),
    /// None of these follows.
    Absent(Vec<u32>),
    /// One after the other; of nothing: no event.
    Sequence(Vec<Node>),
    /// One of them.
    Either(Vec<Node>),
    /// The same again, from `min` to `max` times.
    Repeat {
        /// What.
        node: Box<Node>,
        /// At least.
        min: u32,
        /// At most.
        max: Option<u32>,
    },
    /// The beginning of the sequence.
    Start,
    /// The end of the sequence.
    End,
}

/// A pattern and its atoms.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parsed {
    pub(super) atoms: Vec<Atom>,
    pub(super) root: Node,
}

impl Node {
    /// How many states it takes when repetitions are written out.
    pub(super) fn states(&self) -> u64 {
        match self {
            Self::Event(_) | Self::Other(_) | Self::Absent(_) | Self::Start | Self::End => 1,
            Self::Sequence(nodes) => nodes.iter().fold(0, |sum, node| sum.saturating_add(node.states())),
            Self::Either(nodes) => {
                nodes.iter().fold(0, |sum, node| sum.saturating_add(node.states()).saturating_add(2))
            }
            Self::Repeat { node, min, max } => {
                let copies = u64::from(max.unwrap_or(*min)).max(1).saturating_add(u64::from(max.is_none()));
                node.states().saturating_add(2).saturating_mul(copies)
            }
        }
    }

    /// Whether it can match an event at all.
    pub(super) fn takes_events(&self) -> bool {
        match self {
            Self::Event(_) | Self::Other(_) => true,
            Self::Absent(_) | Self::Start | Self::End => false,
            Self::Sequence(nodes) | Self::Either(nodes) => nodes.iter().any(Self::takes_events),
            Self::Repeat { node, max, .. } => *max != Some(0) && node.takes_events(),
        }
    }

    /// Turns the negations that stand at the very end into demands that nothing such follows.
    pub(super) fn mark_absences(&mut self) {
        match self {
            Self::Other(atoms) if !atoms.is_empty() => *self = Self::Absent(std::mem::take(atoms)),
            Self::Either(branches) => branches.iter_mut().for_each(Self::mark_absences),
            Self::Sequence(nodes) => {
                let is_negation = |node: &Self| matches!(node, Self::Other(atoms) if !atoms.is_empty());
                let negations = nodes.iter().rev().take_while(|node| is_negation(node)).count();
                let last = nodes.len().saturating_sub(negations.max(1));
                nodes[last..].iter_mut().for_each(Self::mark_absences);
            }
            _ => {}
        }
    }
}
