//! A pattern over events as they arrive.
//!
//! The automaton is simulated with, for each instruction, the latest start of a match that has got there: a later start
//! keeps every limit that an earlier one keeps. So the state is no larger than the pattern.

use std::collections::VecDeque;
use std::time::Duration;

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::rule::Limits;
use super::{Anchor, Finding, MAX_EVIDENCE};
use crate::domain::event::Event;
use crate::domain::pattern::{FIRST_ABSENCE, Inst, Pattern, Program};

/// Matches in the making, and one that waits for what must not follow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Sequence {
    /// How many events were taken.
    taken: u64,
    /// Instructions reached, the latest start first.
    threads: Vec<Thread>,
    /// The ids of the newest events, as evidence.
    recent: VecDeque<String>,
    /// Completions that wait, by time. Each but the last is past its deadline and waits only for late events.
    waits: VecDeque<Wait>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Thread {
    inst: u32,
    start: Timestamp,
    first_event: String,
    /// The number of the first event among those taken.
    number: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wait {
    last: Anchor,
    /// The groups of events that must not follow, of which one is enough.
    absences: Vec<u32>,
    evidence: Vec<String>,
}

impl Sequence {
    /// Whether no match is under way; the events taken are evidence for those only.
    pub(super) fn is_empty(&self) -> bool {
        self.threads.is_empty() && self.waits.is_empty()
    }

    pub(super) fn take(
        &mut self,
        pattern: &Pattern,
        within: Duration,
        event: &Event,
        late: bool,
        limits: &Limits,
        findings: &mut Vec<Finding>,
    ) {
        let program = pattern.program();
        let is = atoms_of(program, event);
        for wait in &mut self.waits {
            if wait.last.time <= event.time && event.time <= wait.last.time.plus(within) {
                let follows = |absence: &u32| program.absences[*absence as usize].iter().any(|atom| is[*atom as usize]);
                wait.absences.retain(|absence| !follows(absence));
            }
        }
        self.waits.retain(|wait| !wait.absences.is_empty());
        if late {
            return;
        }
        self.taken += 1;
        self.recent.push_back(event.id.clone());
        if self.recent.len() > MAX_EVIDENCE {
            self.recent.pop_front();
        }
        self.step(program, within, event, &is);
        self.complete(program, within, event, findings);
        if self.waits.len() > limits.waits {
            self.expire_first(within, findings);
        }
    }

    /// Moves every thread over the event and lets one start at it.
    fn step(&mut self, program: &Program, within: Duration, event: &Event, is: &[bool]) {
        let here = Thread { inst: 0, start: event.time, first_event: event.id.clone(), number: self.taken };
        let mut moved: Vec<Thread> = Vec::new();
        let mut reached = vec![false; program.insts.len()];
        let mut begun = vec![false; program.insts.len()];
        let mut open = vec![0];
        // The closure of the beginning, from which a match may start at this event.
        let mut candidates: Vec<Thread> = Vec::new();
        while let Some(inst) = open.pop() {
            if !std::mem::replace(&mut begun[inst as usize], true) {
                follow(program, inst, &mut open);
                candidates.push(Thread { inst, ..here.clone() });
            }
        }
        let oldest = event.time.minus(within);
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
                        moved.push(Thread { inst, ..thread.clone() });
                    }
                }
            }
        }
        self.threads = moved;
    }

    /// Looks for a thread that has accepted, or has come to what must not follow.
    fn complete(&mut self, program: &Program, within: Duration, event: &Event, findings: &mut Vec<Finding>) {
        let inst = |thread: &Thread| &program.insts[thread.inst as usize];
        if let Some(done) = self.threads.iter().find(|thread| *inst(thread) == Inst::Accept) {
            findings.push(Finding { time: event.time, cause: event.id.clone(), evidence: self.evidence(done) });
            self.threads.clear();
            return;
        }
        let mut absences = Vec::new();
        for thread in &self.threads {
            if let Inst::Require(edge) = inst(thread) {
                absences.push(*edge - FIRST_ABSENCE);
            }
        }
        let first = self.threads.iter().find(|thread| matches!(inst(thread), Inst::Require(_)));
        if let Some(first) = first {
            let evidence = self.evidence(first);
            self.waits.retain(|wait| wait.last.time.plus(within) < event.time);
            self.waits.push_back(Wait { last: Anchor::of(event), absences, evidence });
            self.threads.clear();
        }
    }

    /// The events of a match that ends now: its first and its newest ones.
    fn evidence(&self, thread: &Thread) -> Vec<String> {
        let length = usize::try_from(self.taken - thread.number + 1).unwrap_or(usize::MAX);
        let skipped = self.recent.len().saturating_sub(length);
        let mut evidence: Vec<String> = self.recent.iter().skip(skipped).cloned().collect();
        if length > evidence.len()
            && let Some(first) = evidence.first_mut()
        {
            first.clone_from(&thread.first_event);
        }
        evidence
    }

    pub(super) fn expire(&mut self, within: Duration, is_due: impl Fn(Timestamp) -> bool, findings: &mut Vec<Finding>) {
        while self.waits.front().is_some_and(|wait| is_due(wait.last.time.plus(within))) {
            self.expire_first(within, findings);
        }
    }

    fn expire_first(&mut self, within: Duration, findings: &mut Vec<Finding>) {
        if let Some(wait) = self.waits.pop_front() {
            let time = wait.last.time.plus(within);
            findings.push(Finding { time, cause: wait.last.event, evidence: wait.evidence });
        }
    }

    pub(super) fn deadline(&self, within: Duration) -> Option<Timestamp> {
        self.waits.front().map(|wait| wait.last.time.plus(within))
    }
}

fn follow(program: &Program, inst: u32, open: &mut Vec<u32>) {
    match &program.insts[inst as usize] {
        Inst::Split(one, other) => open.extend([*one, *other]),
        Inst::Jump(to) => open.push(*to),
        Inst::Take(_) | Inst::Require(_) | Inst::Accept => {}
    }
}

/// Which atoms the event is.
fn atoms_of(program: &Program, event: &Event) -> Vec<bool> {
    let is = |atom: &crate::domain::pattern::Atom| {
        atom.name.as_ref().is_none_or(|name| *name == event.name)
            && atom.predicate.as_ref().is_none_or(|predicate| predicate.holds(event))
    };
    program.atoms.iter().map(is).collect()
}
