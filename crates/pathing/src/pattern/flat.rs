//! The search without restarts: one state for all starts at once, one table look-up for an event.
//!
//! At each event the match that is under way goes on, and another one could begin. A younger start whose state is part of
//! the older one's never matters: wherever it would match, the older one matches too, and comes first. So nearly always
//! one start has to be remembered, and the automaton below does that without a branch. Where two starts would have to be
//! remembered it gives the sequence up. It knows no limit of time: with one, the older start runs out earlier.

use rustc_hash::FxHashMap;

use super::alphabet::Letters;
use super::dfa::{Dfa, State};

/// Set in an entry after which something has to be looked at: a state in which the pattern may have matched, or one that
/// is not known yet.
pub(super) const SPECIAL: u32 = 1 << 31;
/// Set in an entry with which the match under way begins.
pub(super) const BEGINS: u32 = 1 << 30;
/// The bits of an entry that are the next state's offset.
pub(super) const OFFSET: u32 = BEGINS - 1;
/// An entry that is not known yet.
pub(super) const UNKNOWN: u32 = u32::MAX;
/// An entry with which two starts would have to be remembered.
pub(super) const TWO: u32 = u32::MAX - 1;
/// States that are kept; one more counts as two starts.
const MAX_STATES: usize = 1 << 13;

/// A state of the search.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Search {
    /// The match under way.
    under_way: Option<State>,
    /// Whether no event of the sequence was read yet.
    at_start: bool,
}

/// The automaton of one pattern over symbols: the codes of names, or letters.
pub(super) struct Flat {
    stride: usize,
    pub(super) table: Vec<u32>,
    states: Vec<Search>,
    offsets: FxHashMap<Search, u32>,
}

impl Flat {
    pub(super) fn new() -> Self {
        let mut flat = Self { stride: 1, table: Vec::new(), states: Vec::new(), offsets: FxHashMap::default() };
        flat.clear();
        flat
    }

    /// Makes room for so many symbols.
    pub(super) fn fit(&mut self, symbols: usize) {
        if symbols > self.stride {
            self.stride = symbols.next_power_of_two();
            self.clear();
        }
    }

    /// The offset at the beginning of a sequence.
    pub(super) fn begin(&self) -> u32 {
        self.stride as u32
    }

    /// What must hold for the match under way to be one, and whether no event leads on from there.
    pub(super) fn under_way(&self, offset: u32) -> Option<&State> {
        self.states[offset as usize >> self.stride.trailing_zeros()].under_way.as_ref()
    }

    fn clear(&mut self) {
        self.table.clear();
        self.states.clear();
        self.offsets.clear();
        // At offset 0 no match is under way, at the next one no event was read either.
        self.intern(Search { under_way: None, at_start: false });
        self.intern(Search { under_way: None, at_start: true });
    }

    /// Computes the entry for a symbol, which stands for a letter, in the state at an offset.
    #[cold]
    pub(super) fn extend(
        &mut self,
        dfa: &Dfa<'_>,
        letters: &Letters<'_>,
        offset: u32,
        symbol: usize,
        letter: u32,
    ) -> u32 {
        let now = &self.states[offset as usize >> self.stride.trailing_zeros()];
        let gone_on = now.under_way.as_ref().and_then(|state| dfa.stepped(letters, state, letter));
        let begun = dfa.stepped(letters, dfa.first(now.at_start), letter);
        let (under_way, begins) = match (gone_on, begun) {
            (None, begun) => (begun, true),
            (Some(older), Some(younger)) if !younger.is_part_of(&older) => return self.set(offset, symbol, TWO),
            (older, _) => (older, false),
        };
        let begins = if begins && under_way.is_some() { BEGINS } else { 0 };
        let special = if under_way.as_ref().is_some_and(State::may_accept) { SPECIAL } else { 0 };
        let next = Search { under_way, at_start: false };
        if self.states.len() >= MAX_STATES && !self.offsets.contains_key(&next) {
            return self.set(offset, symbol, TWO);
        }
        let entry = self.intern(next) | begins | special;
        self.set(offset, symbol, entry)
    }

    fn set(&mut self, offset: u32, symbol: usize, entry: u32) -> u32 {
        self.table[offset as usize + symbol] = entry;
        entry
    }

    fn intern(&mut self, search: Search) -> u32 {
        if let Some(offset) = self.offsets.get(&search) {
            return *offset;
        }
        let offset = self.table.len() as u32;
        self.table.resize(self.table.len() + self.stride, UNKNOWN);
        self.states.push(search.clone());
        self.offsets.insert(search, offset);
        offset
    }
}
