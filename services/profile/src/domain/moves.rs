//! Who was in a segment at a past time, from the moves that are remembered.
//!
//! Every entry and exit is a move; between two moves of a person nothing changes. So at a time a person is what their last
//! move until then made them; before their first remembered move, the opposite of what it made them; and without a remembered
//! move, what they are now. That is exact for any time from which on every move is remembered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use attune_kernel::Timestamp;

/// One move, with names that are shared.
#[derive(Debug, Clone)]
struct Step {
    time: Timestamp,
    segment: Arc<str>,
    person: Arc<str>,
    entered: bool,
}

/// The moves that are remembered, in the order of their feed.
#[derive(Debug, Default)]
pub struct Moves {
    most: usize,
    steps: VecDeque<Step>,
    names: BTreeSet<Arc<str>>,
    /// Up to when moves may have been forgotten.
    forgotten: Option<Timestamp>,
    offset: u64,
}

impl Moves {
    /// Remembers up to `most` moves, of those after an offset of the feed.
    #[must_use]
    pub fn new(most: usize, offset: u64) -> Self {
        Self { most, offset, ..Self::default() }
    }

    /// The offset of the last move it was told.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// How many moves it remembers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether it remembers none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// From when on answers are exact; absent for any time.
    #[must_use]
    pub const fn exact_from(&self) -> Option<Timestamp> {
        self.forgotten
    }

    /// Moves up to this time may not be among those it is told.
    pub fn forgotten_until(&mut self, time: Timestamp) {
        self.forgotten = self.forgotten.max(Some(time));
    }

    /// The next move of the feed.
    pub fn push(&mut self, offset: u64, segment: &str, person: &str, entered: bool, time: Timestamp) {
        self.offset = offset;
        let step = Step { time, segment: self.name(segment), person: self.name(person), entered };
        self.steps.push_back(step);
        if self.steps.len() > self.most
            && let Some(gone) = self.steps.pop_front()
        {
            self.forgotten_until(gone.time);
            drop(gone);
            // Names that no move has are let go from time to time.
            if self.names.len() > 2 * self.most + 1000 {
                self.names.retain(|name| Arc::strong_count(name) > 1);
            }
        }
    }

    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = name.into();
        self.names.insert(Arc::clone(&new));
        new
    }

    /// Who of a segment was in it at a time, and who was not, of those with a remembered move: the others were what they are
    /// now. Moves of that instant count.
    #[must_use]
    pub fn at(&self, segment: &str, time: Timestamp) -> BTreeMap<Arc<str>, bool> {
        let mut found: BTreeMap<Arc<str>, bool> = BTreeMap::new();
        for step in self.steps.iter().filter(|step| &*step.segment == segment) {
            // Moves of one person are in order; those of two transactions may differ by their clocks only.
            if step.time <= time {
                found.insert(Arc::clone(&step.person), step.entered);
            } else {
                found.entry(Arc::clone(&step.person)).or_insert(!step.entered);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micros(time: i64) -> Timestamp {
        Timestamp::from_micros(time)
    }

    proptest! {
        /// A naive world that keeps every state there ever was.
        #[test]
        fn any_time_is_what_it_was(steps in prop::collection::vec((0_i64..3, 0_u8..2, 0_u8..5), 0..60), most in 1_usize..80) {
            let mut moves = Moves::new(most, 0);
            let mut now: BTreeSet<(u8, u8)> = BTreeSet::new();
            let (mut time, mut worlds) = (0, vec![(0, now.clone())]);
            for (offset, (step, segment, person)) in (1..).zip(steps) {
                time += step;
                let entered = !now.remove(&(segment, person));
                if entered {
                    now.insert((segment, person));
                }
                moves.push(offset, &format!("s{segment}"), &format!("p{person}"), entered, micros(time));
                worlds.push((time, now.clone()));
            }
            prop_assert_eq!(moves.len(), (worlds.len() - 1).min(most));
            let from = moves.exact_from().map_or(-1, Timestamp::as_micros);
            for at in from..=time {
                let world = worlds.iter().rev().find(|(time, _)| *time <= at).map(|(_, world)| world.clone()).unwrap_or_default();
                for segment in 0..2 {
                    let told = moves.at(&format!("s{segment}"), micros(at));
                    for person in 0..5 {
                        let is = told.get(format!("p{person}").as_str()).copied();
                        let is = is.unwrap_or_else(|| now.contains(&(segment, person)));
                        prop_assert_eq!(is, world.contains(&(segment, person)), "s{} p{} at {}", segment, person, at);
                    }
                }
            }
        }
    }

    #[test]
    fn names_are_let_go_with_the_moves() {
        let mut moves = Moves::new(10, 7);
        for offset in 8..5000 {
            moves.push(offset, "s", &format!("p{offset}"), true, micros(5));
        }
        assert!(moves.names.len() <= 1021, "{}", moves.names.len());
        assert_eq!((moves.len(), moves.offset(), moves.exact_from()), (10, 4999, Some(micros(5))));
    }
}
