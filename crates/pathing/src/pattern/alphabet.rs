//! The letters of an automaton: events and the edges between them, reduced to what a pattern can tell apart.

use std::time::Duration;

use attune_kernel::Timestamp;
use rustc_hash::FxHashMap;

use super::program::{END, FIRST_ABSENCE, Inst, Program, START};
use super::set::Set;
use crate::log::EventLog;
use crate::sessions::Sequence;

/// Distinct sets, numbered.
#[derive(Debug, Default)]
pub(super) struct Interner {
    codes: FxHashMap<Set, u32>,
    sets: Vec<Set>,
}

impl Interner {
    pub(super) fn get(&self, code: u32) -> &Set {
        &self.sets[code as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.sets.len()
    }

    /// The number of a set; whether it is new.
    pub(super) fn intern(&mut self, set: Set) -> (u32, bool) {
        if let Some(code) = self.codes.get(&set) {
            return (*code, false);
        }
        let code = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        self.sets.push(set.clone());
        self.codes.insert(set, code);
        (code, true)
    }

    pub(super) fn clear(&mut self) {
        self.codes.clear();
        self.sets.clear();
    }
}

/// What the pattern can tell of an event by its name alone.
struct Named {
    /// The atoms that it is for its name.
    atoms: Set,
    /// The atoms that it is if a predicate holds.
    conditional: Vec<u32>,
    /// The letter, where nothing is conditional.
    letter: Option<u32>,
}

/// Turns sequences of a log into letters and edges.
pub(super) struct Reader<'a> {
    log: &'a EventLog,
    program: &'a Program,
    within: Option<Duration>,
    named: Vec<Named>,
    /// Sets of atoms.
    letters: Interner,
    /// By letter: the instructions that take it.
    takers: Vec<Set>,
    /// Sets of edges.
    edges: Interner,
    /// The sequence's letters.
    pub(super) events: Vec<u32>,
    /// The edges before each event and after the last.
    pub(super) between: Vec<u32>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(log: &'a EventLog, program: &'a Program, within: Option<Duration>) -> Self {
        let mut reader = Self {
            log,
            program,
            within,
            named: Vec::with_capacity(log.names().len()),
            letters: Interner::default(),
            takers: Vec::new(),
            edges: Interner::default(),
            events: Vec::new(),
            between: Vec::new(),
        };
        for name in log.names().iter() {
            let mut atoms = Set::empty(program.atoms.len());
            let mut conditional = Vec::new();
            for (number, atom) in (0u32..).zip(&program.atoms) {
                if atom.name.as_deref().is_none_or(|wanted| wanted == name) {
                    if atom.predicate.is_some() {
                        conditional.push(number);
                    } else {
                        atoms.insert(number);
                    }
                }
            }
            let letter = conditional.is_empty().then(|| reader.letter(atoms.clone()));
            reader.named.push(Named { atoms, conditional, letter });
        }
        reader
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

    fn letter(&mut self, atoms: Set) -> u32 {
        let (letter, new) = self.letters.intern(atoms);
        if new {
            let atoms = self.letters.get(letter);
            let mut takers = Set::empty(self.program.insts.len());
            for (at, inst) in (0u32..).zip(&self.program.insts) {
                if let Inst::Take(matcher) = inst
                    && matcher.takes(|atom| atoms.contains(atom))
                {
                    takers.insert(at);
                }
            }
            self.takers.push(takers);
        }
        letter
    }

    /// Reads a sequence into `events` and `between`.
    pub(super) fn read(&mut self, sequence: &Sequence) {
        self.events.clear();
        for row in sequence.rows.clone() {
            let named = &self.named[self.log.name_codes()[row] as usize];
            let letter = match named.letter {
                Some(letter) => letter,
                None => {
                    let mut atoms = named.atoms.clone();
                    let facts = self.log.row(row);
                    for number in &named.conditional {
                        let predicate = self.program.atoms[*number as usize].predicate.as_ref();
                        if predicate.is_some_and(|predicate| predicate.holds(&facts)) {
                            atoms.insert(*number);
                        }
                    }
                    self.letter(atoms)
                }
            };
            self.events.push(letter);
        }
        self.read_edges(&self.log.times()[sequence.rows.clone()]);
    }

    fn read_edges(&mut self, times: &[Timestamp]) {
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
        let mut next: Vec<Option<Timestamp>> = vec![None; program.absences.len()];
        for place in (0..=events).rev() {
            if let Some(letter) = self.events.get(place) {
                let atoms = self.letters.get(*letter);
                for (next, absence) in next.iter_mut().zip(&program.absences) {
                    if absence.iter().any(|atom| atoms.contains(*atom)) {
                        *next = Some(times[place]);
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
            let limit = self.within.zip(place.checked_sub(1)).map(|(within, last)| times[last].plus(within));
            for (edge, next) in (FIRST_ABSENCE..).zip(&next) {
                if next.is_none_or(|next| limit.is_some_and(|limit| next > limit)) {
                    edges.insert(edge);
                }
            }
            self.between[place] = self.edges.intern(edges.clone()).0;
        }
    }
}
