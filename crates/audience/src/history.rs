//! Who was in a segment at any past time.

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::set::Set;

/// Somebody enters or leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// When.
    pub time: Timestamp,
    /// Who.
    pub row: u32,
    /// Enters; otherwise leaves.
    pub enters: bool,
}

/// A move is earlier than the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a move at {time} comes after one at {last}")]
pub struct OutOfOrder {
    /// The time of the move.
    pub time: Timestamp,
    /// The time of the last move.
    pub last: Timestamp,
}

/// An ordered log of moves, with the set itself kept every so many moves.
#[derive(Debug, Clone)]
pub struct History {
    every: usize,
    moves: Vec<Move>,
    /// The set after the first n moves.
    checkpoints: Vec<(usize, Set)>,
    now: Set,
}

impl History {
    /// Nobody is in it yet; the set is kept every `every` moves (at least 1), and no more than that many moves are
    /// replayed for an answer.
    #[must_use]
    pub fn new(every: usize) -> Self {
        Self { every: every.max(1), moves: Vec::new(), checkpoints: Vec::new(), now: Set::new() }
    }

    /// Appends a move. Moves of one instant count in their order; entering twice is entering once.
    ///
    /// # Errors
    /// [`OutOfOrder`] for a move before the last one; nothing is changed.
    pub fn push(&mut self, one: Move) -> Result<(), OutOfOrder> {
        if let Some(last) = self.moves.last().filter(|last| last.time > one.time) {
            return Err(OutOfOrder { time: one.time, last: last.time });
        }
        self.moves.push(one);
        apply(&mut self.now, one);
        if self.moves.len().is_multiple_of(self.every) {
            self.checkpoints.push((self.moves.len(), self.now.clone()));
        }
        Ok(())
    }

    /// Who is in it after all moves.
    #[must_use]
    pub fn now(&self) -> &Set {
        &self.now
    }

    /// Who was in it at `time`, moves of that instant counted.
    #[must_use]
    pub fn at(&self, time: Timestamp) -> Set {
        let moves = self.moves.partition_point(|one| one.time <= time);
        let known = self.checkpoints.partition_point(|(count, _)| *count <= moves);
        let (from, mut set) = known
            .checked_sub(1)
            .map_or((0, Set::new()), |place| (self.checkpoints[place].0, self.checkpoints[place].1.clone()));
        for one in &self.moves[from..moves] {
            apply(&mut set, *one);
        }
        set
    }

    /// Forgets a row: as if its moves had never been.
    pub fn forget(&mut self, row: u32) {
        let mut kept = 0;
        let mut last = 0;
        let mut checkpoints = self.checkpoints.iter_mut().peekable();
        for (number, one) in self.moves.iter().enumerate() {
            if one.row != row {
                kept += 1;
            }
            last = number + 1;
            while let Some((count, set)) = checkpoints.next_if(|(count, _)| *count == last) {
                *count = kept;
                set.remove(row);
            }
        }
        debug_assert_eq!(last, self.moves.len());
        self.moves.retain(|one| one.row != row);
        self.now.remove(row);
    }

    /// All moves, in order.
    #[must_use]
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }
}

/// Who was in it at `time`, by replaying all moves: moves need not be ordered, those of one instant count as they stand.
#[must_use]
pub fn replay(moves: &[Move], time: Timestamp) -> Set {
    let mut until: Vec<Move> = moves.iter().filter(|one| one.time <= time).copied().collect();
    until.sort_by_key(|one| one.time);
    let mut set = Set::new();
    until.into_iter().for_each(|one| apply(&mut set, one));
    set
}

fn apply(set: &mut Set, one: Move) {
    if one.enters {
        set.insert(one.row);
    } else {
        set.remove(one.row);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_time_is_what_replaying_gives(steps in prop::collection::vec((0_i64..3, 0_u32..9000, any::<bool>()), 0..300), every in 1_usize..40, forget in 0_u32..9000) {
            let mut history = History::new(every);
            let (mut time, mut moves) = (0, Vec::new());
            for (step, row, enters) in steps {
                time += step;
                let row = row % 50 * 180;
                moves.push(Move { time: Timestamp::from_micros(time), row, enters });
                history.push(moves[moves.len() - 1]).unwrap();
            }
            for at in -1..=time + 1 {
                prop_assert_eq!(history.at(Timestamp::from_micros(at)), replay(&moves, Timestamp::from_micros(at)));
            }
            let forget = forget % 50 * 180;
            history.forget(forget);
            moves.retain(|one| one.row != forget);
            for at in -1..=time + 1 {
                prop_assert_eq!(history.at(Timestamp::from_micros(at)), replay(&moves, Timestamp::from_micros(at)));
            }
            prop_assert_eq!(history.now(), &replay(&moves, Timestamp::from_micros(time)));
        }
    }

    #[test]
    fn what_comes_too_late_changes_nothing() {
        let mut history = History::new(4);
        let one = Move { time: Timestamp::from_micros(5), row: 1, enters: true };
        history.push(one).unwrap();
        let late = Move { time: Timestamp::from_micros(4), row: 2, enters: true };
        assert!(history.push(late).is_err());
        assert_eq!(history.moves(), [one]);
    }
}
