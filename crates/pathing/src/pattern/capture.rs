//! Which part of a pattern each event of a match was taken for, and what that says: the first or last value, the number,
//! all of them.
//!
//! Where a match can be read in several ways, the leftmost alternative and the longest repetition are preferred, as long
//! as the rest of the match can still be read. An event is every symbol of its part that it fits, so several may hold on
//! one row; events of negations and of `.` are no symbol.

use super::ast::Atom;
use super::program::{Inst, Program, START};
use super::set::Set;
use super::{Match, Pattern, alphabet::Letters};
use crate::log::EventLog;

/// Reads matches of one pattern in one log.
pub struct Capturer<'a> {
    log: &'a EventLog,
    program: &'a Program,
    letters: Letters<'a>,
}

/// The events of a match with the symbols that they are.
#[derive(Debug, Clone)]
pub struct Captured<'a> {
    log: &'a EventLog,
    /// Row and number of the symbol, in order.
    taken: Vec<(usize, u32)>,
    atoms: &'a [Atom],
}

impl<'a> Capturer<'a> {
    /// For the matches of a pattern in a log.
    #[must_use]
    pub fn new(log: &'a EventLog, pattern: &'a Pattern) -> Self {
        let program = pattern.program();
        Self { log, program, letters: Letters::new(log, program) }
    }

    /// Reads a match that was found in the log by the pattern. The work is the events of the match times the
    /// instructions of the pattern.
    pub fn read(&mut self, found: &Match) -> Captured<'a> {
        let rows = found.row..found.row + found.length;
        let letters: Vec<u32> =
            rows.clone().map(|row| self.letters.of(self.log.codes().get(row) as usize, row)).collect();
        let viable = self.viable(&letters);
        let mut taken = Vec::new();
        let mut from = 0;
        for (at, (row, letter)) in rows.zip(&letters).enumerate() {
            let Some(inst) = self.next(from, at, *letter, &viable[at + 1]) else { break };
            if let Inst::Take(matcher) = &self.program.insts[inst as usize] {
                let atoms = self.letters.atoms(*letter);
                taken.extend(matcher.symbols().iter().filter(|atom| atoms.contains(**atom)).map(|atom| (row, *atom)));
            }
            from = inst + 1;
        }
        Captured { log: self.log, taken, atoms: &self.program.atoms }
    }

    /// By place in the match: the instructions from which the rest of it can be read. What must hold at its end does,
    /// since it is a match.
    fn viable(&self, letters: &[u32]) -> Vec<Set> {
        let mut set = Set::empty(self.program.insts.len());
        set.insert(self.program.accept());
        let mut viable = Vec::with_capacity(letters.len() + 1);
        for at in (0..=letters.len()).rev() {
            if let Some(letter) = letters.get(at) {
                set = set.stepped_back(self.letters.takers(*letter));
            }
            self.program
                .close_back(&mut set, |edge| (edge != START || at == 0) && (edge == START || at == letters.len()));
            viable.push(set.clone());
        }
        viable.reverse();
        viable
    }

    /// The first instruction, in the order of preference, that takes a letter and from which the rest can be read.
    fn next(&self, from: u32, at: usize, letter: u32, rest: &Set) -> Option<u32> {
        let takers = self.letters.takers(letter);
        let mut seen = Set::empty(self.program.insts.len());
        let mut open = vec![from];
        while let Some(inst) = open.pop() {
            if !seen.insert(inst) {
                continue;
            }
            match &self.program.insts[inst as usize] {
                Inst::Take(_) if takers.contains(inst) && rest.contains(inst + 1) => return Some(inst),
                Inst::Take(_) | Inst::Accept => {}
                // The last one pushed is looked at first.
                Inst::Split(one, other) => open.extend([*other, *one]),
                Inst::Jump(to) => open.push(*to),
                Inst::Require(START) if at == 0 => open.push(inst + 1),
                Inst::Require(_) => {}
            }
        }
        None
    }
}

impl<'a> Captured<'a> {
    /// The rows of the events that were taken for a symbol: its name, or its name and condition as they stand in the
    /// pattern.
    pub fn rows<'s>(&'s self, symbol: &'s str) -> impl Iterator<Item = usize> + 's {
        let is = move |atom: u32| {
            let atom = &self.atoms[atom as usize];
            atom.name.as_deref() == Some(symbol) || atom.to_string() == symbol
        };
        self.taken.iter().filter(move |(_, atom)| is(*atom)).map(|(row, _)| *row)
    }

    /// How many events were taken for a symbol.
    #[must_use]
    pub fn count(&self, symbol: &str) -> usize {
        self.rows(symbol).count()
    }

    /// A property of the first event taken for a symbol.
    #[must_use]
    pub fn first(&self, symbol: &str, property: &str) -> Option<String> {
        self.rows(symbol).next().and_then(|row| self.value(row, property))
    }

    /// A property of the last event taken for a symbol.
    #[must_use]
    pub fn last(&self, symbol: &str, property: &str) -> Option<String> {
        self.rows(symbol).last().and_then(|row| self.value(row, property))
    }

    /// A property of every event taken for a symbol, in order; events without it are left out.
    #[must_use]
    pub fn accumulate(&self, symbol: &str, property: &str) -> Vec<String> {
        self.rows(symbol).filter_map(|row| self.value(row, property)).collect()
    }

    fn value(&self, row: usize, property: &str) -> Option<String> {
        self.log.column(property)?.label(row)
    }
}

#[cfg(test)]
mod tests {
    use attune_kernel::Timestamp;
    use proptest::prelude::*;

    use super::super::{Search, find};
    use super::*;
    use crate::sessions::{Unit, sequences};
    use crate::value::Scalar;

    fn log_of(events: &str) -> EventLog {
        let mut builder = EventLog::builder();
        for (second, name) in (0..).zip(events.chars()) {
            let properties = [("at", Scalar::Number(second as f64))];
            builder.push("ada", Timestamp::from_millis(second), &name.to_string(), properties).unwrap();
        }
        builder.build()
    }

    #[test]
    fn symbols_say_what_was_first_last_and_how_often() {
        let log = log_of("vssccp");
        let pattern = Pattern::parse("v s* (c | s)+ !x").unwrap();
        let found = find(&log, &sequences(&log, Unit::Customer, 1), &pattern, Search::default(), 1);
        let captured = Capturer::new(&log, &pattern).read(&found[0]);
        assert_eq!((captured.count("v"), captured.count("s"), captured.count("c"), captured.count("x")), (1, 2, 2, 0));
        assert_eq!((captured.first("s", "at"), captured.last("c", "at")), (Some("1".to_owned()), Some("4".to_owned())));
        assert_eq!(captured.accumulate("c", "at"), ["3", "4"]);
        assert_eq!(captured.first("s", "nothing"), None);
    }

    #[test]
    fn several_symbols_may_hold_on_one_row() {
        let log = log_of("ab");
        let pattern = Pattern::parse("(a | a[at >= 0]) .[at > 0]").unwrap();
        let found = find(&log, &sequences(&log, Unit::Customer, 1), &pattern, Search::default(), 1);
        let captured = Capturer::new(&log, &pattern).read(&found[0]);
        assert_eq!((captured.count("a"), captured.count(".[at > 0]"), captured.count("b")), (1, 1, 0));
    }

    proptest! {
        #[test]
        fn every_event_is_taken_once(
            events in "[abc]{1,14}",
            pattern in prop::sample::select(vec!["(a | b)+ c?", "a* b* c*", "(a b | a | b c)+", "^ (a | b | c)+ $", "a (b | c)* a", "(a? b?)* c"]),
        ) {
            let log = log_of(&events);
            let pattern = Pattern::parse(pattern).unwrap();
            let found = find(&log, &sequences(&log, Unit::Customer, 1), &pattern, Search::default(), 1);
            let mut capturer = Capturer::new(&log, &pattern);
            for one in &found {
                let captured = capturer.read(one);
                let mut rows: Vec<usize> = ["a", "b", "c"].iter().flat_map(|name| captured.rows(name)).collect();
                rows.sort_unstable();
                prop_assert_eq!(rows, (one.row..one.row + one.length).collect::<Vec<_>>());
                for name in ["a", "b", "c"] {
                    prop_assert!(captured.rows(name).all(|row| log.name(row) == name));
                }
            }
        }
    }
}
