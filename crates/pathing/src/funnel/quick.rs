//! The walk for the common funnel: names only, each for one step, the default mode.
//!
//! It has no branch that depends on what the events are: every event writes the state of its step, and an event of no
//! step writes a place that nobody reads.

use std::ops::Range;

use crate::log::{Code, Tick};

/// No chain has got there: a time from which everything is out of reach.
const NEVER: i64 = i64::MIN;

/// What one funnel needs for every sequence, allocated once.
pub(super) struct Quick<'p> {
    step_of: &'p [u8],
    within: u64,
    steps: usize,
    /// For each step, from 1, the first tick of the latest chain that got there; at 0 what events of no step write.
    first: Vec<i64>,
    chain: Vec<u32>,
}

impl<'p> Quick<'p> {
    pub(super) fn new(step_of: &'p [u8], steps: usize, within: u64) -> Self {
        Self { step_of, within, steps, first: vec![NEVER; steps + 1], chain: vec![0; steps] }
    }

    /// The length of the longest chain and the row with which it is first complete; nothing when events of one time show
    /// steps against their order.
    pub(super) fn level<C: Code, T: Tick>(
        &mut self,
        codes: &[C],
        ticks: &[T],
        rows: Range<u32>,
    ) -> Option<(usize, u32)> {
        let own = rows.start as usize..rows.end as usize;
        self.first.fill(NEVER);
        let first = self.first.as_mut_slice();
        let (mut best, mut last) = (0, rows.start);
        let (mut time_before, mut step_before, mut disorder) = (NEVER, 0, false);
        for (row, (code, tick)) in rows.clone().zip(codes[own.clone()].iter().zip(&ticks[own])) {
            let step = usize::from(self.step_of[code.index()]);
            let time = tick.get();
            let same = time == time_before;
            disorder |= same & (step != 0) & (step < step_before);
            step_before = if same { step_before.max(step) } else { step };
            time_before = time;
            let begun = first[step.saturating_sub(1)];
            let begun = if step == 1 { time } else { begun };
            let holds = (step != 0) & (begun != NEVER) & (time.wrapping_sub(begun) as u64 <= self.within);
            first[step] = if holds { begun } else { first[step] };
            let further = holds & (step > best);
            best = if further { step } else { best };
            last = if further { row } else { last };
            if best == self.steps {
                break;
            }
        }
        if best == self.steps {
            // What stands behind the last step at its time may be a later event for a step before.
            let behind = last as usize + 1..rows.end as usize;
            let same = behind.take_while(|row| ticks[*row].get() == time_before);
            disorder |= same.into_iter().any(|row| (1..best).contains(&usize::from(self.step_of[codes[row].index()])));
        }
        (!disorder).then_some((best, last))
    }

    /// The rows of the latest chain of `level` steps that ends with the row `last`.
    pub(super) fn walk_back<C: Code, T: Tick>(
        &mut self,
        codes: &[C],
        ticks: &[T],
        rows: Range<u32>,
        level: usize,
        last: u32,
    ) -> &[u32] {
        let mut row = last as usize;
        for step in (1..=level).rev() {
            // Others of the same time may stand after it in the log and serve the step before; their time is the same.
            while usize::from(self.step_of[codes[row].index()]) != step && row > rows.start as usize {
                row -= 1;
            }
            self.chain[step - 1] = row as u32;
        }
        debug_assert!(self.chain[..level].is_sorted_by_key(|row| ticks[*row as usize]));
        &self.chain[..level]
    }
}
