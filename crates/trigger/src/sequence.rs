//! A pattern over events as they arrive.
//!
//! The automaton is simulated with, for each instruction, the latest start of a match that has got there: a later start
//! keeps every limit that an earlier one keeps. So the state is no larger than the pattern.

use std::collections::VecDeque;

use attune_pathing::pattern::{FIRST_ABSENCE, Inst, Program};

use crate::MAX_EVIDENCE;
use crate::event::{EventId, EventRef};
use crate::rule::Sequence;

/// Matches in the making.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Run {
    /// How many events were taken.
    pub(crate) taken: u64,
    /// Instructions reached, the latest start first.
    pub(crate) threads: Vec<Thread>,
    /// The ids of the newest events, as evidence.
    pub(crate) recent: VecDeque<EventId>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Thread {
    pub(crate) inst: u32,
    pub(crate) start: i64,
    pub(crate) first: EventId,
    /// The number of the first event among those taken.
    pub(crate) number: u64,
}

/// What an event brought about.
pub(crate) enum Outcome {
    Nothing,
    /// The pattern is complete.
    Done(Vec<EventId>),
    /// The pattern is complete unless one of each of these groups follows.
    Awaits(Vec<u32>, Vec<EventId>),
}

impl Run {
    /// Takes an event, given which atoms it is.
    pub(crate) fn take(&mut self, sequence: &Sequence, id: EventRef<'_>, time: i64, is: &[bool]) -> Outcome {
        let program = sequence.pattern.program();
        self.taken += 1;
        self.recent.push_back(id.keep());
        if self.recent.len() > MAX_EVIDENCE {
            self.recent.pop_front();
        }
        self.step(program, sequence.within, id, time, is);
        self.complete(program)
    }

    /// Moves every thread over the event and lets one start at it.
    fn step(&mut self, program: &Program, within: i64, id: EventRef<'_>, time: i64, is: &[bool]) {
        let mut reached = vec![false; program.insts.len()];
        let mut begun = vec![false; program.insts.len()];
        let mut open = vec![0];
        // The closure of the beginning, from which a match may start at this event.
        let mut candidates: Vec<Thread> = Vec::new();
        while let Some(inst) = open.pop() {
            if !std::mem::replace(&mut begun[inst as usize], true) {
                follow(program, inst, &mut open);
                if matches!(program.insts[inst as usize], Inst::Take(_)) {
                    candidates.push(Thread { inst, start: time, first: id.keep(), number: self.taken });
                }
            }
        }
        let oldest = time.saturating_sub(within);
        candidates.extend(std::mem::take(&mut self.threads).into_iter().filter(|thread| thread.start >= oldest));
        for thread in candidates {
            let Inst::Take(matcher) = &program.insts[thread.inst as usize] else { continue };
            if !matcher.takes(|atom| is[atom as usize]) {
                continue;
            }
            let mut open = vec![thread.inst + 1];
            while let Some(inst) = open.pop() {
                if !std::mem::replace(&mut reached[inst as usize], true) {
                    follow(program, inst, &mut open);
                    if !matches!(program.insts[inst as usize], Inst::Split(..) | Inst::Jump(_)) {
                        self.threads.push(Thread { inst, ..thread.clone() });
                    }
                }
            }
        }
    }

    /// Looks for a thread that has accepted, or has come to what must not follow.
    fn complete(&mut self, program: &Program) -> Outcome {
        let inst = |thread: &Thread| &program.insts[thread.inst as usize];
        if let Some(done) = self.threads.iter().find(|thread| *inst(thread) == Inst::Accept) {
            let evidence = self.evidence(done);
            self.threads.clear();
            return Outcome::Done(evidence);
        }
        let absence = |thread: &Thread| match inst(thread) {
            Inst::Require(edge) => Some(*edge - FIRST_ABSENCE),
            _ => None,
        };
        let absences: Vec<u32> = self.threads.iter().filter_map(absence).collect();
        let Some(first) = self.threads.iter().find(|thread| absence(thread).is_some()) else { return Outcome::Nothing };
        let evidence = self.evidence(first);
        self.threads.clear();
        Outcome::Awaits(absences, evidence)
    }

    /// The events of a match that ends now: its first and its newest ones.
    fn evidence(&self, thread: &Thread) -> Vec<EventId> {
        let length = usize::try_from(self.taken - thread.number + 1).unwrap_or(usize::MAX);
        let skipped = self.recent.len().saturating_sub(length);
        let mut evidence: Vec<EventId> = self.recent.iter().skip(skipped).cloned().collect();
        if length > evidence.len()
            && let Some(first) = evidence.first_mut()
        {
            first.clone_from(&thread.first);
        }
        evidence
    }
}

fn follow(program: &Program, inst: u32, open: &mut Vec<u32>) {
    match &program.insts[inst as usize] {
        Inst::Split(one, other) => open.extend([*one, *other]),
        Inst::Jump(to) => open.push(*to),
        Inst::Take(_) | Inst::Require(_) | Inst::Accept => {}
    }
}
