//! The letters of an automaton: events reduced to what a pattern can tell apart.

use rustc_hash::FxHashMap;

use super::program::{Inst, Program};
use super::set::Set;
use crate::log::EventLog;
use crate::predicate::Bound;

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
    letter: u32,
}

/// The letters met so far: sets of atoms that an event is.
pub(super) struct Letters<'a> {
    program: &'a Program,
    /// By atom.
    predicates: Vec<Option<Bound<'a>>>,
    named: Vec<Named>,
    sets: Interner,
    /// By letter: the instructions that take it.
    takers: Vec<Set>,
    /// Whether some letters depend on more than the name.
    conditional: bool,
}

impl<'a> Letters<'a> {
    pub(super) fn new(log: &'a EventLog, program: &'a Program) -> Self {
        let mut letters = Self {
            program,
            predicates: program.atoms.iter().map(|atom| Some(atom.predicate.as_ref()?.bind(log))).collect(),
            named: Vec::with_capacity(log.names().len()),
            sets: Interner::default(),
            takers: Vec::new(),
            conditional: false,
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
            let letter = letters.letter(atoms.clone());
            letters.conditional |= !conditional.is_empty();
            letters.named.push(Named { atoms, conditional, letter });
        }
        letters
    }

    /// The letter of each name, where letters depend on nothing else.
    pub(super) fn by_name(&self) -> Option<Vec<u32>> {
        (!self.conditional).then(|| self.named.iter().map(|named| named.letter).collect())
    }

    /// The letter of a row.
    pub(super) fn of(&mut self, code: usize, row: usize) -> u32 {
        let named = &self.named[code];
        if named.conditional.is_empty() {
            return named.letter;
        }
        let mut atoms = named.atoms.clone();
        for number in &named.conditional {
            if self.predicates[*number as usize].as_ref().is_some_and(|predicate| predicate.holds(row)) {
                atoms.insert(*number);
            }
        }
        self.letter(atoms)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.takers.len()
    }

    /// The atoms of a letter.
    pub(super) fn atoms(&self, letter: u32) -> &Set {
        self.sets.get(letter)
    }

    /// The instructions that take a letter.
    pub(super) fn takers(&self, letter: u32) -> &Set {
        &self.takers[letter as usize]
    }

    /// Whether a letter is one of a group of events that must not follow.
    pub(super) fn is_of(&self, letter: u32, absence: usize) -> bool {
        let atoms = self.sets.get(letter);
        self.program.absences[absence].iter().any(|atom| atoms.contains(*atom))
    }

    fn letter(&mut self, atoms: Set) -> u32 {
        let (letter, new) = self.sets.intern(atoms);
        if new {
            let atoms = self.sets.get(letter);
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
}
