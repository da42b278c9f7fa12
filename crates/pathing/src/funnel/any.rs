//! Steps in any order: the most different ones within a window that moves over the events.

use super::plan::Plan;
use super::walk::Hit;

/// What one funnel needs for every sequence, allocated once.
pub(super) struct AnyOrder {
    within: u64,
    steps: usize,
    /// For each step its first row in the window that holds the most; as rows in order.
    pub(super) chain: Vec<u32>,
}

impl AnyOrder {
    pub(super) fn new(plan: &Plan<'_>) -> Self {
        Self { within: plan.within, steps: plan.steps, chain: Vec::new() }
    }

    /// The most different steps in one window of hits that are sorted by time.
    pub(super) fn level(&mut self, hits: &[Hit]) -> usize {
        let step = |hit: &Hit| (hit.what as usize).checked_sub(1).filter(|step| *step < self.steps);
        let mut counts = vec![0u32; self.steps];
        let (mut from, mut different, mut best, mut window) = (0, 0, 0, 0..0);
        for (at, hit) in hits.iter().enumerate() {
            let Some(number) = step(hit) else { continue };
            while (hit.time - hits[from].time) as u64 > self.within {
                if let Some(gone) = step(&hits[from]) {
                    counts[gone] -= 1;
                    different -= usize::from(counts[gone] == 0);
                }
                from += 1;
            }
            counts[number] += 1;
            different += usize::from(counts[number] == 1);
            if different > best {
                (best, window) = (different, from..at + 1);
                if best == counts.len() {
                    break;
                }
            }
        }
        self.chain.clear();
        let mut seen = vec![false; self.steps];
        for hit in &hits[window] {
            if step(hit).is_some_and(|number| !std::mem::replace(&mut seen[number], true)) {
                self.chain.push(hit.row);
            }
        }
        best
    }
}
