//! A pattern as instructions of a non-deterministic automaton (Thompson's construction).
//!
//! An instruction that takes an event goes on with the next one, so that a step of all states at once is a shift of a
//! bit set.

use super::ast::{Atom, Node, Parsed};
use super::set::Set;

/// What holds between two events, as numbers of bits: the beginning, the end, and from [`FIRST_ABSENCE`] on, that
/// none of a group of events follows.
pub type Edge = u32;
/// The beginning of the sequence.
pub const START: Edge = 0;
/// The end of the sequence.
pub const END: Edge = 1;
/// The first entry of [`Program::absences`].
pub const FIRST_ABSENCE: Edge = 2;

/// One instruction.
#[derive(Debug, Clone, PartialEq)]
pub enum Inst {
    /// Takes an event and goes on with the next instruction.
    Take(Matcher),
    /// Goes on with both.
    Split(u32, u32),
    /// Goes on there.
    Jump(u32),
    /// Goes on with the next instruction where the edge holds.
    Require(Edge),
    /// The pattern has matched.
    Accept,
}

/// Which events an instruction takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Matcher {
    atoms: Vec<u32>,
    negated: bool,
}

impl Matcher {
    /// Whether it takes an event, given which atoms the event is.
    #[must_use]
    pub fn takes(&self, is: impl Fn(u32) -> bool) -> bool {
        self.atoms.iter().any(|atom| is(*atom)) != self.negated
    }

    /// The atoms that it takes an event for; none when it is negated.
    #[must_use]
    pub fn symbols(&self) -> &[u32] {
        if self.negated { &[] } else { &self.atoms }
    }
}

/// A compiled pattern.
#[derive(Debug)]
pub struct Program {
    /// The events that the pattern speaks of.
    pub atoms: Vec<Atom>,
    /// The instructions; the first one begins, the last one accepts.
    pub insts: Vec<Inst>,
    /// The groups of atoms that must not follow, each as a sorted list.
    pub absences: Vec<Vec<u32>>,
    /// The instructions that take events.
    pub(crate) taking: Set,
    /// For each instruction those from which it is reached without an event, and what that requires.
    before: Vec<Vec<(u32, Option<Edge>)>>,
}

impl Program {
    pub(super) fn compile(parsed: &Parsed) -> Self {
        let mut emitter = Emitter { insts: Vec::new(), absences: Vec::new() };
        emitter.emit(&parsed.root);
        emitter.push(Inst::Accept);
        let Emitter { insts, absences } = emitter;
        let mut taking = Set::empty(insts.len());
        let mut before = vec![Vec::new(); insts.len()];
        for (at, inst) in (0u32..).zip(&insts) {
            match inst {
                Inst::Take(_) => {
                    taking.insert(at);
                }
                Inst::Split(one, other) => {
                    before[*one as usize].push((at, None));
                    before[*other as usize].push((at, None));
                }
                Inst::Jump(to) => before[*to as usize].push((at, None)),
                Inst::Require(edge) => before[at as usize + 1].push((at, Some(*edge))),
                Inst::Accept => {}
            }
        }
        Self { atoms: parsed.atoms.clone(), insts, absences, taking, before }
    }

    /// The instruction that accepts: the last one.
    pub(crate) fn accept(&self) -> u32 {
        u32::try_from(self.insts.len() - 1).unwrap_or(u32::MAX)
    }

    /// How many edges there are.
    pub(crate) fn edges(&self) -> usize {
        FIRST_ABSENCE as usize + self.absences.len()
    }

    /// Adds everything reached from `set` without an event, where `edge` says what holds at this place.
    pub(crate) fn close(&self, set: &mut Set, edge: impl Fn(Edge) -> bool) {
        let mut open: Vec<u32> = set.iter().collect();
        while let Some(at) = open.pop() {
            let mut reach = |to: u32| {
                if set.insert(to) {
                    open.push(to);
                }
            };
            match &self.insts[at as usize] {
                Inst::Split(one, other) => {
                    reach(*one);
                    reach(*other);
                }
                Inst::Jump(to) => reach(*to),
                Inst::Require(needed) if edge(*needed) => reach(at + 1),
                Inst::Require(_) | Inst::Take(_) | Inst::Accept => {}
            }
        }
    }

    /// Calls `reach` on everything from which `at` is reached without an event, directly, where `edge` holds.
    pub(crate) fn each_before(&self, at: u32, edge: impl Fn(Edge) -> bool, mut reach: impl FnMut(u32)) {
        for (from, needed) in &self.before[at as usize] {
            if needed.is_none_or(&edge) {
                reach(*from);
            }
        }
    }

    /// Adds everything from which `set` is reached without an event.
    pub(crate) fn close_back(&self, set: &mut Set, edge: impl Fn(Edge) -> bool) {
        let mut open: Vec<u32> = set.iter().collect();
        while let Some(at) = open.pop() {
            self.each_before(at, &edge, |from| {
                if set.insert(from) {
                    open.push(from);
                }
            });
        }
    }
}

struct Emitter {
    insts: Vec<Inst>,
    absences: Vec<Vec<u32>>,
}

impl Emitter {
    fn push(&mut self, inst: Inst) -> usize {
        self.insts.push(inst);
        self.insts.len() - 1
    }

    fn next(&self) -> u32 {
        u32::try_from(self.insts.len()).unwrap_or(u32::MAX)
    }

    fn emit(&mut self, node: &Node) {
        match node {
            Node::Event(atoms) => {
                self.push(Inst::Take(Matcher { atoms: atoms.clone(), negated: false }));
            }
            Node::Other(atoms) => {
                self.push(Inst::Take(Matcher { atoms: atoms.clone(), negated: true }));
            }
            Node::Absent(atoms) => {
                let known = self.absences.iter().position(|absence| absence == atoms);
                let at = known.unwrap_or(self.absences.len());
                if known.is_none() {
                    self.absences.push(atoms.clone());
                }
                self.push(Inst::Require(FIRST_ABSENCE + u32::try_from(at).unwrap_or(u32::MAX)));
            }
            Node::Sequence(nodes) => nodes.iter().for_each(|node| self.emit(node)),
            Node::Either(branches) => self.either(branches),
            Node::Repeat { node, min, max } => self.repeat(node, *min, *max),
            Node::Start => {
                self.push(Inst::Require(START));
            }
            Node::End => {
                self.push(Inst::Require(END));
            }
        }
    }

    fn either(&mut self, branches: &[Node]) {
        let Some((last, others)) = branches.split_last() else { return };
        let mut ends = Vec::with_capacity(others.len());
        for branch in others {
            let split = self.push(Inst::Jump(0));
            self.emit(branch);
            ends.push(self.push(Inst::Jump(0)));
            self.insts[split] = Inst::Split(u32::try_from(split + 1).unwrap_or(u32::MAX), self.next());
        }
        self.emit(last);
        let after = self.next();
        for end in ends {
            self.insts[end] = Inst::Jump(after);
        }
    }

    fn repeat(&mut self, node: &Node, min: u32, max: Option<u32>) {
        for _ in 0..min {
            self.emit(node);
        }
        match max {
            None => {
                let split = self.push(Inst::Jump(0));
                self.emit(node);
                self.push(Inst::Jump(u32::try_from(split).unwrap_or(u32::MAX)));
                self.insts[split] = Inst::Split(u32::try_from(split + 1).unwrap_or(u32::MAX), self.next());
            }
            Some(max) => {
                let mut splits = Vec::new();
                for _ in min..max {
                    splits.push(self.push(Inst::Jump(0)));
                    self.emit(node);
                }
                let after = self.next();
                for split in splits {
                    self.insts[split] = Inst::Split(u32::try_from(split + 1).unwrap_or(u32::MAX), after);
                }
            }
        }
    }
}
