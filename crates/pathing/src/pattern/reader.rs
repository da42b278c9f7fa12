//! A sequence as the searches in both directions read it: letters, and what holds between them.

use super::alphabet::{Interner, Letters};
use super::program::{END, FIRST_ABSENCE, Program, START};
use super::set::Set;

/// One sequence at a time, and the sets of edges met so far.
pub(super) struct Reader<'a> {
    program: &'a Program,
    within: Option<i64>,
    /// Sets of edges.
    edges: Interner,
    /// The takers of each letter of the sequence.
    takers: Vec<Set>,
    /// The sequence's letters.
    pub(super) events: Vec<u32>,
    /// The sequence's times in ticks.
    pub(super) times: Vec<i64>,
    /// The edges before each event and after the last.
    pub(super) between: Vec<u32>,
}

impl<'a> Reader<'a> {
    /// With a limit in ticks on a match's duration, or none.
    pub(super) fn new(program: &'a Program, within: Option<i64>) -> Self {
        Self {
            program,
            within,
            edges: Interner::default(),
            takers: Vec::new(),
            events: Vec::new(),
            times: Vec::new(),
            between: Vec::new(),
        }
    }

    /// The instructions that take a letter.
    pub(super) fn takers(&self, letter: u32) -> &Set {
        &self.takers[letter as usize]
    }

    /// The instructions that take the event at a place, when there is one.
    pub(super) fn event_takers(&self, at: usize) -> Option<&Set> {
        self.events.get(at).map(|letter| self.takers(*letter))
    }

    /// Whether an edge holds in a set of edges.
    pub(super) fn holds(&self, edges: u32) -> impl Fn(u32) -> bool + '_ {
        let edges = self.edges.get(edges);
        |edge| edges.contains(edge)
    }

    /// Reads a sequence.
    pub(super) fn read(&mut self, letters: &Letters<'_>, events: impl Iterator<Item = (u32, i64)>) {
        self.events.clear();
        self.times.clear();
        for (letter, time) in events {
            self.events.push(letter);
            self.times.push(time);
        }
        for letter in self.takers.len()..letters.len() {
            self.takers.push(letters.takers(letter as u32).clone());
        }
        self.read_edges(letters);
    }

    fn read_edges(&mut self, letters: &Letters<'_>) {
        let events = self.events.len();
        let program = self.program;
        let mut edges = Set::empty(program.edges());
        let (plain, _) = self.edges.intern(edges.clone());
        self.between.clear();
        self.between.resize(events + 1, plain);
        if program.absences.is_empty() {
            edges.insert(END);
            self.between[events] = self.edges.intern(edges.clone()).0;
            edges.clear();
            edges.insert(START);
            self.between[0] = self.edges.intern(edges).0;
            return;
        }
        // The next time at which an event of each group occurs.
        let mut next: Vec<Option<i64>> = vec![None; program.absences.len()];
        for place in (0..=events).rev() {
            if let Some(letter) = self.events.get(place) {
                let atoms = letters.atoms(*letter);
                for (next, absence) in next.iter_mut().zip(&program.absences) {
                    if absence.iter().any(|atom| atoms.contains(*atom)) {
                        *next = Some(self.times[place]);
                    }
                }
            }
            edges.clear();
            if place == 0 {
                edges.insert(START);
            }
            if place == events {
                edges.insert(END);
            }
            let last = place.checked_sub(1).map(|last| self.times[last]);
            let limit = self.within.zip(last).map(|(within, last)| last.saturating_add(within));
            for (edge, next) in (FIRST_ABSENCE..).zip(&next) {
                if next.is_none_or(|next| limit.is_some_and(|limit| next > limit)) {
                    edges.insert(edge);
                }
            }
            self.between[place] = self.edges.intern(edges.clone()).0;
        }
    }
}
