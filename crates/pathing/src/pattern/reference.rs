//! The language by its definition, by trying everything: what the automata are tested against.

use std::collections::BTreeSet;

use super::ast::{Node, Parsed};
use crate::predicate::Predicate;
use crate::value::Properties;

/// An event of the model: second, name, properties.
pub type ModelEvent = (i64, String, Properties);

/// A pattern over one person's events.
pub(crate) struct Model<'a> {
    pub(super) parsed: &'a Parsed,
    pub(crate) events: &'a [ModelEvent],
    pub(crate) within: Option<i64>,
}

impl Model<'_> {
    fn is(&self, at: usize, atoms: &[u32]) -> bool {
        let (_, name, properties) = &self.events[at];
        atoms.iter().any(|number| {
            let atom = &self.parsed.atoms[*number as usize];
            atom.name.as_ref().is_none_or(|wanted| wanted == name)
                && atom.predicate.as_ref().is_none_or(|predicate: &Predicate| predicate.holds(properties))
        })
    }

    /// Every place at which `node` can end when it begins at `at`.
    fn ends(&self, node: &Node, at: usize) -> BTreeSet<usize> {
        match node {
            Node::Event(atoms) => {
                (at < self.events.len() && self.is(at, atoms)).then_some(at + 1).into_iter().collect()
            }
            Node::Other(atoms) => {
                (at < self.events.len() && !self.is(at, atoms)).then_some(at + 1).into_iter().collect()
            }
            Node::Absent(atoms) => {
                let limit = self.within.zip(at.checked_sub(1)).map(|(within, last)| self.events[last].0 + within);
                let follows = (at..self.events.len())
                    .any(|later| self.is(later, atoms) && limit.is_none_or(|limit| self.events[later].0 <= limit));
                (!follows).then_some(at).into_iter().collect()
            }
            Node::Start => (at == 0).then_some(at).into_iter().collect(),
            Node::End => (at == self.events.len()).then_some(at).into_iter().collect(),
            Node::Sequence(nodes) => {
                nodes.iter().fold([at].into(), |from: BTreeSet<usize>, node| self.each(&from, node))
            }
            Node::Either(branches) => branches.iter().flat_map(|branch| self.ends(branch, at)).collect(),
            Node::Repeat { node, min, max } => {
                let mut from: BTreeSet<usize> = [at].into();
                let mut all = BTreeSet::new();
                // Beyond the minimum, more rounds than there are places reach nothing new.
                let rounds =
                    max.unwrap_or(u32::MAX).min(min + u32::try_from(self.events.len()).unwrap_or(u32::MAX - 1) + 1);
                for round in 0..=rounds {
                    if round >= *min {
                        all.extend(&from);
                    }
                    from = self.each(&from, node);
                }
                all
            }
        }
    }

    fn each(&self, from: &BTreeSet<usize>, node: &Node) -> BTreeSet<usize> {
        from.iter().flat_map(|at| self.ends(node, *at)).collect()
    }

    /// The end of the longest match from a place.
    #[cfg(test)]
    fn longest(&self, at: usize) -> Option<usize> {
        let limit = self.within.map(|within| self.events[at].0 + within);
        let in_time = |end: &usize| *end > at && limit.is_none_or(|limit| self.events[end - 1].0 <= limit);
        self.ends(&self.parsed.root, at).into_iter().filter(in_time).max()
    }

    /// The matches as the numbers of the first event and of the event after the last.
    #[cfg(test)]
    pub(crate) fn matches(&self) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.events.len() {
            match self.longest(at) {
                Some(end) => {
                    found.push((at, end));
                    at = end;
                }
                None => at += 1,
            }
        }
        found
    }

    /// The longest match from every place, in the same form.
    #[cfg(test)]
    pub(crate) fn overlapping(&self) -> Vec<(usize, usize)> {
        (0..self.events.len()).filter_map(|at| Some((at, self.longest(at)?))).collect()
    }
}

/// Whether a pattern, without what must not follow, matches exactly these events.
#[must_use]
pub fn matches_all(pattern: &str, events: &[ModelEvent]) -> bool {
    let Ok(parsed) = super::parse::parse(pattern) else { return false };
    Model { parsed: &parsed, events, within: None }.ends(&parsed.root, 0).contains(&events.len())
}
