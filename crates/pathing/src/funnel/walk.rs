//! The walk for every funnel in order: events that are something, by time and step, and a chain for each step.

use std::ops::Range;

use super::plan::Plan;
use crate::log::{Code, Tick};

/// An event for no step, before the steps of its time.
const OTHER: u32 = 0;
/// From here on: exclusions, after the steps of their time.
const EXCLUSIONS: u32 = 1 << 31;

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    pub(super) time: i64,
    /// [`OTHER`], a step from 1, or an exclusion.
    pub(super) what: u32,
    pub(super) row: u32,
}

/// What one funnel needs for every sequence, allocated once.
pub(super) struct Walk<'p> {
    plan: &'p Plan<'p>,
    /// What the events of the sequence are, in the order in which they count.
    pub(super) hits: Vec<Hit>,
    /// For each step, the rows and times of the latest chain that got there; empty when none did.
    chains: Vec<Vec<(u32, i64)>>,
    /// The rows of the chain that stands for the sequence.
    pub(super) chain: Vec<u32>,
}

impl<'p> Walk<'p> {
    pub(super) fn new(plan: &'p Plan<'p>) -> Self {
        Self { plan, hits: Vec::new(), chains: vec![Vec::new(); plan.steps], chain: Vec::new() }
    }

    /// Reads a sequence into `hits`.
    pub(super) fn collect<C: Code, T: Tick>(&mut self, codes: &[C], ticks: &[T], rows: Range<u32>) {
        self.hits.clear();
        for row in rows {
            let (code, time) = (codes[row as usize].index(), ticks[row as usize].get());
            let mut is_step = false;
            for role in &self.plan.roles[code] {
                if role.predicate.as_ref().is_none_or(|predicate| predicate.holds(row as usize)) {
                    let what = if role.excludes { EXCLUSIONS } else { 1 } + role.number as u32;
                    is_step |= !role.excludes;
                    self.hits.push(Hit { time, what, row });
                }
            }
            if self.plan.mode.strict_order && !is_step {
                self.hits.push(Hit { time, what: OTHER, row });
            }
        }
        if !self.hits.is_sorted() {
            self.hits.sort_unstable();
        }
    }

    /// The level of the sequence; its chain is in `chain`.
    pub(super) fn level(&mut self) -> usize {
        self.chains.iter_mut().for_each(Vec::clear);
        self.chain.clear();
        let mode = self.plan.mode;
        let mut begun = false;
        for hit in &self.hits {
            if hit.what == OTHER {
                if begun {
                    break;
                }
                continue;
            }
            if hit.what >= EXCLUSIONS {
                let broken = self.plan.breaks[(hit.what - EXCLUSIONS) as usize].clone();
                let end = broken.end.min(self.chains.len());
                for chain in &mut self.chains[broken.start.min(end)..end] {
                    if chain.get(broken.start).is_some_and(|(_, after)| *after < hit.time) {
                        chain.clear();
                    }
                }
                continue;
            }
            let step = hit.what as usize - 1;
            let (before, here) = self.chains.split_at_mut(step);
            let Some(here) = here.first_mut() else { continue };
            match before.last() {
                None => {
                    here.clear();
                    here.push((hit.row, hit.time));
                    begun = true;
                }
                Some(_) if mode.strict_deduplication && !here.is_empty() => break,
                Some(before) if before.is_empty() => {
                    if mode.strict_order && begun {
                        break;
                    }
                    continue;
                }
                Some(before) => {
                    let in_time =
                        before.first().is_some_and(|(_, first)| (hit.time - first) as u64 <= self.plan.within);
                    let increases = before.last().is_some_and(|(_, last)| *last < hit.time);
                    if !in_time || (mode.strict_increase && !increases) {
                        continue;
                    }
                    here.clear();
                    here.extend_from_slice(before);
                    here.push((hit.row, hit.time));
                }
            }
            if step >= self.chain.len() {
                self.chain.clear();
                self.chain.extend(here.iter().map(|(row, _)| *row));
                if self.chain.len() == self.plan.steps {
                    break;
                }
            }
        }
        self.chain.len()
    }
}
