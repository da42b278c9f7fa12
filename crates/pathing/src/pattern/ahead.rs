//! What comes after a place of a sequence: its end, and events that must not follow.

use super::alphabet::Letters;
use super::program::{END, Edge, FIRST_ABSENCE};
use crate::log::Tick;

/// The last place of a group of events is not known yet.
const UNKNOWN: usize = usize::MAX;

/// What is known of one sequence.
pub(super) struct Ahead {
    /// The most ticks for which something must not follow.
    within: Option<i64>,
    /// By group of events that must not follow, by letter: whether it is one of them.
    groups: Vec<Vec<bool>>,
    /// By group: one after its last place in the sequence.
    last: Vec<usize>,
    /// Events read.
    pub(super) work: usize,
}

impl Ahead {
    pub(super) fn new(groups: usize, within: Option<i64>) -> Self {
        Self { within, groups: vec![Vec::new(); groups], last: vec![UNKNOWN; groups], work: 0 }
    }

    /// Forgets the last sequence and learns new letters.
    pub(super) fn prepare(&mut self, letters: &Letters<'_>) {
        self.last.fill(UNKNOWN);
        self.work = 0;
        for (number, group) in self.groups.iter_mut().enumerate() {
            for letter in group.len()..letters.len() {
                group.push(letters.is_of(letter as u32, number));
            }
        }
    }

    /// Whether one of some sets of edges holds wholly before a place.
    pub(super) fn holds<T: Tick>(
        &mut self,
        sets: &[Vec<Edge>],
        ticks: &[T],
        letter: &impl Fn(usize) -> u32,
        at: usize,
    ) -> bool {
        sets.iter().any(|set| {
            set.iter().all(|edge| match *edge {
                END => at == ticks.len(),
                edge => self.is_absent(edge.saturating_sub(FIRST_ABSENCE) as usize, ticks, letter, at),
            })
        })
    }

    fn is_absent<T: Tick>(&mut self, group: usize, ticks: &[T], letter: &impl Fn(usize) -> u32, at: usize) -> bool {
        let Some(is_of) = self.groups.get(group) else { return true };
        let is_of = |place: &usize| is_of[letter(*place) as usize];
        let Some(within) = self.within else {
            let last = &mut self.last[group];
            if *last == UNKNOWN {
                *last = (0..ticks.len()).rev().find(is_of).map_or(0, |place| place + 1);
            }
            return *last <= at;
        };
        let work = &mut self.work;
        let in_time = |place: &usize| ticks[*place].since(ticks[at - 1]) as i64 <= within;
        !(at..ticks.len()).take_while(in_time).inspect(|_| *work += 1).any(|place| is_of(&place))
    }
}
