//! What models say of a person.

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::document::{Document, Full};

/// The most models with a score of one person.
pub const MAX_SCORES: usize = 200;

/// How much one thing pushed a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// What pushed, such as an attribute or trait.
    pub name: String,
    /// How much, in the model's unit; negative pushes down.
    pub contribution: f64,
}

/// What one model says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The score.
    pub value: f64,
    /// The version of the model.
    pub version: String,
    /// Of when it is; a later one wins.
    pub time: Timestamp,
    /// When it arrived.
    pub received: Timestamp,
    /// From when on it says nothing any more.
    pub until: Option<Timestamp>,
    /// What pushed it most.
    pub reasons: Vec<Reason>,
}

impl Score {
    /// Whether it takes the place of another of the same model: an order that does not depend on arrival.
    fn beats(&self, known: &Self) -> bool {
        self.time
            .cmp(&known.time)
            .then_with(|| self.version.cmp(&known.version))
            .then_with(|| self.value.total_cmp(&known.value))
            .then_with(|| known.received.cmp(&self.received))
            .is_gt()
    }

    /// Whether it says something at `now`.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Document {
    /// Records a score under an id of this person unless a later one is there. Answers whether anything changed.
    ///
    /// # Errors
    /// [`Full`] when it is of one model more than [`MAX_SCORES`].
    pub fn record_score(&mut self, named: &str, model: &str, score: Score) -> Result<bool, Full> {
        let id = self.written_under(named);
        let scores = self.parts.get_mut(&id).map_or(&mut self.scores, |part| &mut part.scores);
        if scores.len() >= MAX_SCORES && !scores.contains_key(model) {
            return Err(Full("scores", MAX_SCORES));
        }
        let later = scores.get(model).is_none_or(|known| score.beats(known));
        if later {
            scores.insert(model.to_owned(), score);
            self.refresh_scores();
        }
        Ok(later)
    }

    /// Shows the latest score of each model over all parts.
    pub(super) fn refresh_scores(&mut self) {
        if self.parts.is_empty() {
            return;
        }
        self.scores.clear();
        for (model, score) in self.parts.values().flat_map(|part| &part.scores) {
            if self.scores.get(model).is_none_or(|known| score.beats(known)) {
                self.scores.insert(model.clone(), score.clone());
            }
        }
    }
}
