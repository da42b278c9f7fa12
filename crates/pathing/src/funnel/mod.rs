//! Ordered funnels, with the semantics of ClickHouse's `windowFunnel` in its default mode.
//!
//! A chain of k steps in a sequence is a choice of one event for each of the first k steps, the i-th event bearing the
//! name of the i-th step, such that the times never fall and the last lies no later than `within` after the first (the
//! end included). The level of a sequence is the length of its longest chain; other events in between do not matter.
//! From this follow the two cases that surprise:
//! * events of the same time count in the order of the steps, whatever their order in the log;
//! * an event counts for every step that bears its name, so that steps `a, a` are both reached by one `a`.
//!
//! For the times between steps one chain stands for the sequence: of the longest ones, those that end at the earliest
//! possible time; of these, walking back from the end, the one whose event for each step is the latest possible.
//!
//! One pass keeps, for each step, the latest first time of a chain that got there: chains that started later reach at
//! least as far, so nothing else need be remembered. A second pass walks back from the end over the chain.

use std::time::Duration;

use attune_kernel::Timestamp;

use crate::log::EventLog;
use crate::sessions::Sequence;
use crate::stat::median_seconds;

/// One step of a funnel's result.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The event name.
    pub name: String,
    /// How many sequences got here.
    pub reached: u64,
    /// The share of those that reached the step before; of all sequences that start at all it is 1 for the first step,
    /// and 0 where nobody reached the step before.
    pub converted_from_previous: f64,
    /// The median time from the step before in seconds; absent for the first step and where nobody got.
    pub median_seconds: Option<f64>,
}

/// Runs a funnel over sequences. There may be any number of steps; names that do not occur are never reached.
#[must_use]
pub fn run(log: &EventLog, sequences: &[Sequence], steps: &[String], within: Duration) -> Vec<Step> {
    let mut scan = Scan::new(log, steps, within);
    let mut reached = vec![0u64; steps.len()];
    let mut micros: Vec<Vec<i64>> = vec![Vec::new(); steps.len()];
    for sequence in sequences {
        let times = &log.times()[sequence.rows.clone()];
        let names = &log.name_codes()[sequence.rows.clone()];
        let Some((level, last)) = scan.level(times, names) else { continue };
        for count in &mut reached[..level] {
            *count += 1;
        }
        scan.walk_back(times, names, level, last);
        for (step, pair) in scan.chain[..level].windows(2).enumerate() {
            micros[step + 1].push(pair[1].as_micros() - pair[0].as_micros());
        }
    }
    let mut result = Vec::with_capacity(steps.len());
    for (step, name) in steps.iter().enumerate() {
        let before = if step == 0 { reached[0] } else { reached[step - 1] };
        result.push(Step {
            name: name.clone(),
            reached: reached[step],
            converted_from_previous: share(reached[step], before),
            median_seconds: median_seconds(&mut micros[step]),
        });
    }
    result
}

#[expect(clippy::cast_precision_loss, reason = "counts of sequences lie far below 2^53")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What one funnel needs for every sequence, allocated once.
struct Scan {
    within: Duration,
    /// The steps that bear a name, by the name's code, ascending.
    steps_of: Vec<Vec<usize>>,
    /// For each step the latest first time of a chain that got there.
    first: Vec<Option<Timestamp>>,
    /// The steps shown by the events of one time.
    at_once: Vec<usize>,
    /// The times of the chain that stands for the sequence.
    chain: Vec<Timestamp>,
}

impl Scan {
    fn new(log: &EventLog, steps: &[String], within: Duration) -> Self {
        let mut steps_of = vec![Vec::new(); log.names().len()];
        for (step, name) in steps.iter().enumerate() {
            if let Some(code) = log.names().code(name) {
                steps_of[code as usize].push(step);
            }
        }
        Self {
            within,
            steps_of,
            first: vec![None; steps.len()],
            at_once: Vec::new(),
            chain: vec![Timestamp::default(); steps.len()],
        }
    }

    /// The length of the longest chain and the index of the event at whose time it is first complete.
    fn level(&mut self, times: &[Timestamp], names: &[u32]) -> Option<(usize, usize)> {
        self.first.fill(None);
        let mut best = None;
        let mut row = 0;
        while row < times.len() {
            let time = times[row];
            self.at_once.clear();
            let mut last = row;
            while last < times.len() && times[last] == time {
                self.at_once.extend_from_slice(&self.steps_of[names[last] as usize]);
                last += 1;
            }
            if last - row > 1 {
                self.at_once.sort_unstable();
            }
            for step in &self.at_once {
                let first = match step.checked_sub(1) {
                    None => Some(time),
                    Some(before) => self.first[before].filter(|first| time <= first.plus(self.within)),
                };
                if first.is_some() {
                    self.first[*step] = first;
                    if best.is_none_or(|(level, _)| level < step + 1) {
                        best = Some((step + 1, last - 1));
                    }
                }
            }
            if best.is_some_and(|(level, _)| level == self.first.len()) {
                break;
            }
            row = last;
        }
        best
    }

    /// Fills `chain` with the times of the latest chain of `level` steps that ends at the time of `last`.
    fn walk_back(&mut self, times: &[Timestamp], names: &[u32], level: usize, last: usize) {
        let mut row = last;
        for step in (0..level).rev() {
            // The event found for a step may serve the step before too, and so may others of its time that stand
            // after it in the log: the search goes on from the end of that time.
            while row + 1 < times.len() && times[row + 1] == times[row] {
                row += 1;
            }
            while !self.steps_of[names[row] as usize].contains(&step) && row > 0 {
                row -= 1;
            }
            self.chain[step] = times[row];
        }
    }
}

#[cfg(test)]
mod tests;
