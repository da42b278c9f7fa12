//! Tags of the library: put on by a rule or a band of a score, through a life cycle.

use attune_kernel::Timestamp;

use super::document::Document;
use super::segment::Segment;

/// Where a tag stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nobody has it yet.
    Draft,
    /// Whoever its rule holds for has it.
    Active,
    /// Nobody gets it anew.
    Deprecated,
    /// Nobody has it any more.
    Retired,
}

impl State {
    /// Whether a tag may go from one state to another: one step on, or back from deprecated to active.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use State::{Active, Deprecated, Draft, Retired};
        self == next
            || matches!((self, next), (Draft, Active | Retired) | (Active, Deprecated) | (Deprecated, Active | Retired))
    }
}

/// What puts a tag on without anybody's doing.
#[derive(Debug, Clone)]
pub enum Basis {
    /// A rule.
    Rule(Segment),
    /// A band of a score.
    Band {
        /// The model.
        model: String,
        /// At or above.
        from: Option<f64>,
        /// Below.
        below: Option<f64>,
    },
}

/// A tag that is judged at every change of a person.
#[derive(Debug, Clone)]
pub struct TagRule {
    /// Its id.
    pub id: String,
    /// What puts it on.
    pub basis: Basis,
    /// Where it stands.
    pub state: State,
    /// From when on.
    pub from: Option<Timestamp>,
    /// Until when.
    pub until: Option<Timestamp>,
}

impl TagRule {
    /// What puts it on, as histories name it.
    #[must_use]
    pub const fn by(&self) -> &'static str {
        match self.basis {
            Basis::Rule(_) => "rule",
            Basis::Band { .. } => "band",
        }
    }

    /// Whether a person is to have it, who has it now or not; `satisfied` says what its rule comes to.
    pub(super) fn holds(&self, document: &Document, satisfied: bool, has: bool, now: Timestamp) -> bool {
        let stands = match self.state {
            State::Draft | State::Retired => false,
            State::Active => true,
            State::Deprecated => has,
        };
        let valid = self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until);
        stands
            && valid
            && match &self.basis {
                Basis::Rule(_) => satisfied,
                Basis::Band { model, from, below } => document.scores.get(model).is_some_and(|score| {
                    score.is_valid(now)
                        && from.is_none_or(|from| score.value >= from)
                        && below.is_none_or(|below| score.value < below)
                }),
            }
    }

    /// A text that is another one whenever what it says of persons changes.
    #[must_use]
    pub fn mark(&self) -> String {
        let basis = match &self.basis {
            Basis::Rule(rule) => rule.source().to_owned(),
            Basis::Band { model, from, below } => format!("{model} {from:?} {below:?}"),
        };
        format!("{:?}", (&self.id, basis, self.state, self.from, self.until))
    }
}

/// A rule or band put a tag on a person or took it off.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TagMove {
    /// The tag.
    pub tag: String,
    /// The person.
    pub person_id: String,
    /// True when it was put on.
    pub added: bool,
    /// When.
    pub time: Timestamp,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::batch::Batch;
    use crate::domain::catalogue;
    use crate::domain::rules::Rules;
    use crate::domain::schema::Registry;
    use crate::domain::score::Score;

    fn stage(id: &str, rule: &str, state: State) -> TagRule {
        TagRule {
            id: id.to_owned(),
            basis: Basis::Rule(Segment::new(id, rule).unwrap()),
            state,
            from: None,
            until: None,
        }
    }

    fn judged(document: &Document, tags: Vec<TagRule>, millis: i64) -> (Document, Vec<(String, bool)>) {
        let grown = vec![Segment::new("grown", "'growth' in tags").unwrap()];
        let rules = Rules::new(Registry::open(), catalogue::default(), tags, grown);
        let mut batch = Batch::new(vec![document.clone()]).under(&Arc::new(rules));
        batch.change("p");
        let mut outcome = batch.finish(Timestamp::from_millis(millis));
        let moves = outcome.tag_moves.into_iter().map(|one| (one.tag, one.added)).collect();
        (outcome.documents.remove(0), moves)
    }

    #[test]
    fn a_stage_follows_its_rule_and_leaves_a_history() {
        let stages =
            |state| vec![stage("growth", "scores.value >= 2.0", state), stage("approach", "scores.value < 2.0", state)];
        let mut document = Document::empty("p");
        let score = |value, millis| Score { value, time: Timestamp::from_millis(millis), ..Score::default() };
        document.record_score("p", "value", score(1.0, 1)).unwrap();
        let (draft, moves) = judged(&document, stages(State::Draft), 1);
        assert!(draft.rule_tags.is_empty() && moves.is_empty());
        let (mut document, moves) = judged(&document, stages(State::Active), 2);
        assert_eq!(moves, [("approach".to_owned(), true)]);
        document.record_score("p", "value", score(3.0, 3)).unwrap();
        let (document, moves) = judged(&document, stages(State::Active), 4);
        assert_eq!(moves, [("growth".to_owned(), true), ("approach".to_owned(), false)]);
        // A segment sees what rules put on.
        assert!(document.segments.contains("grown"));
        let stays: Vec<_> =
            document.stays().iter().map(|one| (one.tag.as_str(), one.until.map(Timestamp::as_millis))).collect();
        assert_eq!(stays, [("growth", None), ("approach", Some(4))]);
        // Deprecated: who has it keeps it, nobody gets it anew. Retired: nobody has it.
        assert!(judged(&document, stages(State::Deprecated), 5).1.is_empty());
        assert!(judged(&draft, stages(State::Deprecated), 5).1.is_empty());
        assert_eq!(judged(&document, stages(State::Retired), 5).1, [("growth".to_owned(), false)]);
    }

    #[test]
    fn bands_and_validity_bound_a_tag() {
        let band = |from, below, until| TagRule {
            basis: Basis::Band { model: "churn".to_owned(), from, below },
            until,
            ..stage("risky", "true", State::Active)
        };
        let mut document = Document::empty("p");
        document.record_score("p", "churn", Score { value: 0.5, ..Score::default() }).unwrap();
        let has = |tag| !judged(&document, vec![tag], 10).1.is_empty();
        assert!(has(band(Some(0.5), Some(0.6), None)) && has(band(None, None, None)));
        assert!(!has(band(Some(0.6), None, None)) && !has(band(None, Some(0.5), None)));
        assert!(!has(band(None, None, Some(Timestamp::from_millis(10)))));
    }

    #[test]
    fn states_follow_one_another() {
        use State::{Active, Deprecated, Draft, Retired};
        assert!(Draft.may_become(Active) && Active.may_become(Deprecated) && Deprecated.may_become(Retired));
        assert!(Deprecated.may_become(Active) && Draft.may_become(Retired));
        assert!(!Active.may_become(Draft) && !Retired.may_become(Active) && !Active.may_become(Retired));
    }
}
