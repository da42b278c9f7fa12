//! A deterministic automaton built as it goes: one table look-up for an event.
//!
//! A state is a set of instructions that take events, together with what must hold for the pattern to have matched:
//! nothing, or one of some sets of edges. Edges are looked at only when such a state is reached, so that they need no
//! letters of their own.

use rustc_hash::FxHashMap;

use super::alphabet::Letters;
use super::program::{Edge, Inst, Program, START};
use super::set::Set;

/// From here nothing can match.
pub(super) const DEAD: u32 = 0;
/// Set in an entry that leads to a state in which the pattern may have matched.
pub(super) const ACCEPTS: u32 = 1 << 31;
/// An entry that is not known yet.
const UNKNOWN: u32 = u32::MAX;
/// Entries that may be kept before all is forgotten.
const MAX_ENTRIES: usize = 4 << 20;

/// One of these sets of edges must hold, each wholly; a set of none always does.
type Conditions = Vec<Vec<Edge>>;

/// A state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    takes: Set,
    accepts: Conditions,
}

impl State {
    /// Whether the pattern may have matched.
    pub(super) fn may_accept(&self) -> bool {
        !self.accepts.is_empty()
    }

    /// What must hold for the pattern to have matched: one of these sets of edges, wholly.
    pub(super) fn accepts(&self) -> &[Vec<Edge>] {
        &self.accepts
    }

    /// Whether no event leads on.
    pub(super) fn is_last(&self) -> bool {
        self.takes.is_empty()
    }

    /// Whether everything that can match from here can match from the other too.
    pub(super) fn is_part_of(&self, other: &Self) -> bool {
        let implied = |set: &Vec<Edge>| other.accepts.iter().any(|known| known.iter().all(|edge| set.contains(edge)));
        self.takes.is_part_of(&other.takes) && self.accepts.iter().all(implied)
    }
}

/// The automaton of one pattern.
pub(super) struct Dfa<'p> {
    program: &'p Program,
    /// Letters that a row of the table has room for; a power of two.
    stride: usize,
    /// At a state's offset plus a letter: the next state's offset.
    table: Vec<u32>,
    states: Vec<State>,
    offsets: FxHashMap<State, u32>,
    /// The offset of the state in which a search begins: anywhere, and at the beginning of a sequence.
    begin: [u32; 2],
}

impl<'p> Dfa<'p> {
    pub(super) fn new(program: &'p Program) -> Self {
        let mut dfa = Self {
            program,
            stride: 1,
            table: Vec::new(),
            states: Vec::new(),
            offsets: FxHashMap::default(),
            begin: [0; 2],
        };
        dfa.clear();
        dfa
    }

    /// Makes room for so many letters.
    pub(super) fn fit(&mut self, letters: usize) {
        if letters > self.stride {
            self.stride = letters.next_power_of_two();
            self.clear();
        }
    }

    /// The offset in which a search begins.
    pub(super) fn begin(&self, at_start: bool) -> u32 {
        self.begin[usize::from(at_start)]
    }

    /// Whether a match can begin with a letter.
    pub(super) fn begins_with(&self, letters: &Letters<'_>, letter: u32, at_start: bool) -> bool {
        let takes = &self.state(self.begin(at_start)).takes;
        takes.meets(letters.takers(letter), &self.program.taking)
    }

    /// The entry for a letter in the state at an offset: the next offset, with [`ACCEPTS`] or not, or [`DEAD`].
    #[inline]
    pub(super) fn step(&mut self, letters: &Letters<'_>, offset: u32, letter: u32) -> u32 {
        let entry = self.table[offset as usize + letter as usize];
        if entry == UNKNOWN { self.extend(letters, offset, letter) } else { entry }
    }

    /// The state in which a search begins.
    pub(super) fn first(&self, at_start: bool) -> &State {
        self.state(self.begin(at_start))
    }

    /// The state after a letter; nothing when nothing can match any more.
    pub(super) fn stepped(&self, letters: &Letters<'_>, state: &State, letter: u32) -> Option<State> {
        let next = self.close(state.takes.stepped_on(letters.takers(letter)).iter(), false);
        (next.may_accept() || !next.is_last()).then_some(next)
    }

    /// The state at an offset.
    pub(super) fn state(&self, offset: u32) -> &State {
        &self.states[offset as usize >> self.stride.trailing_zeros()]
    }

    fn clear(&mut self) {
        self.table.clear();
        self.states.clear();
        self.offsets.clear();
        self.intern(State { takes: Set::empty(self.program.insts.len()), accepts: Vec::new() });
        for at_start in [false, true] {
            let state = self.close([0], at_start);
            self.begin[usize::from(at_start)] = self.intern(state) & !ACCEPTS;
        }
    }

    #[cold]
    fn extend(&mut self, letters: &Letters<'_>, mut offset: u32, letter: u32) -> u32 {
        let stepped = self.state(offset).takes.stepped_on(letters.takers(letter));
        let next = self.close(stepped.iter(), false);
        if self.table.len() + self.stride > MAX_ENTRIES {
            let now = self.state(offset).clone();
            self.clear();
            offset = self.intern(now) & !ACCEPTS;
        }
        let entry = self.intern(next);
        self.table[offset as usize + letter as usize] = entry;
        entry
    }

    fn intern(&mut self, state: State) -> u32 {
        if let Some(offset) = self.offsets.get(&state) {
            return *offset;
        }
        let accepts = if state.accepts.is_empty() { 0 } else { ACCEPTS };
        let offset = u32::try_from(self.table.len()).unwrap_or(0) | accepts;
        self.table.resize(self.table.len() + self.stride, UNKNOWN);
        self.states.push(state.clone());
        self.offsets.insert(state, offset);
        offset
    }

    /// The state of everything reached from some instructions without an event. An edge other than the beginning leads
    /// to no further event, so it matters only for what must hold at the end.
    fn close(&self, from: impl IntoIterator<Item = u32>, at_start: bool) -> State {
        let insts = &self.program.insts;
        let mut state = State { takes: Set::empty(insts.len()), accepts: Vec::new() };
        let mut seen: FxHashMap<u32, Conditions> = FxHashMap::default();
        let mut open: Vec<(u32, Vec<Edge>)> = from.into_iter().map(|at| (at, Vec::new())).collect();
        while let Some((at, needed)) = open.pop() {
            let known = seen.entry(at).or_default();
            if known.iter().any(|known| known.iter().all(|edge| needed.contains(edge))) {
                continue;
            }
            known.push(needed.clone());
            match &insts[at as usize] {
                Inst::Take(_) if needed.is_empty() => {
                    state.takes.insert(at);
                }
                Inst::Take(_) => {}
                Inst::Split(one, other) => open.extend([(*one, needed.clone()), (*other, needed)]),
                Inst::Jump(to) => open.push((*to, needed)),
                Inst::Require(START) if at_start => open.push((at + 1, needed)),
                Inst::Require(START) => {}
                Inst::Require(edge) => {
                    let mut more = needed;
                    if let Err(place) = more.binary_search(edge) {
                        more.insert(place, *edge);
                    }
                    open.push((at + 1, more));
                }
                Inst::Accept => {
                    state.accepts.retain(|known| !needed.iter().all(|edge| known.contains(edge)));
                    state.accepts.push(needed);
                }
            }
        }
        state.accepts.sort_unstable();
        state
    }
}
