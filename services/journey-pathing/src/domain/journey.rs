//! Journeys: ordered stages that a person moves through.
//!
//! A person is in the furthest stage whose condition one of their events has met; stages may be skipped, and going
//! back does not happen. The last stage completes the journey. An event that meets the exit condition takes the person
//! out, from where they may enter again; where the same event also meets a stage's condition, the exit comes first.

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::event::Event;

/// The definition of a journey.
#[derive(Debug, Clone, PartialEq)]
pub struct Journey {
    /// Its id.
    pub id: String,
    /// The stages in order.
    pub stages: Vec<Stage>,
    /// What takes a person out; never when absent.
    pub exit: Option<Condition>,
}

/// A stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Its name, unique within the journey.
    pub name: String,
    /// The condition to enter.
    pub entry: Condition,
}

/// Where a person stands in a journey.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JourneyState {
    /// The stage and since when; absent before the first stage and after an exit. The name stands, not the number, so
    /// that a change of the journey moves nobody.
    pub stage: Option<Standing>,
}

/// A stage that a person is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The stage.
    pub stage: String,
    /// When the person entered, in the time of the events.
    pub since: Timestamp,
}

/// A person has moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageChange {
    /// The stage before; absent on entry.
    pub from: Option<String>,
    /// The stage now; absent on exit.
    pub to: Option<String>,
    /// When, in the time of the events.
    pub time: Timestamp,
    /// The event that moved them.
    pub event: String,
    /// Whether the journey is complete.
    pub completes: bool,
}

/// Takes an event of the person: the changes it causes, in order.
pub fn advance(journey: &Journey, state: &mut JourneyState, event: &Event) -> Vec<StageChange> {
    let mut changes = Vec::new();
    let mut change = |from: Option<Standing>, to: Option<&Stage>, completes| {
        changes.push(StageChange {
            from: from.map(|standing| standing.stage),
            to: to.map(|stage| stage.name.clone()),
            time: event.time,
            event: event.id.clone(),
            completes,
        });
    };
    if journey.exit.as_ref().is_some_and(|exit| exit.holds(event))
        && let Some(standing) = state.stage.take()
    {
        change(Some(standing), None, false);
    }
    // A stage that the journey no longer has counts as before the first.
    let now = state.stage.as_ref().and_then(|now| journey.stages.iter().position(|stage| stage.name == now.stage));
    let reached = journey.stages.iter().rposition(|stage| stage.entry.holds(event));
    if let Some(reached) = reached
        && now.is_none_or(|now| now < reached)
    {
        let stage = &journey.stages[reached];
        let before = state.stage.replace(Standing { stage: stage.name.clone(), since: event.time });
        change(before, Some(stage), reached + 1 == journey.stages.len());
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::condition::Test;
    use crate::domain::predicate::Predicate;

    fn journey() -> Journey {
        let stage = |name: &str, event: &str| Stage { name: name.to_owned(), entry: Condition::named(event) };
        let mut stages = vec![stage("aware", "view"), stage("interested", "quote"), stage("customer", "sign")];
        stages[1].entry.test = Test::Compare(Predicate::parse("amount > 100").unwrap());
        Journey { id: "loan".to_owned(), stages, exit: Some(Condition::named("cancel")) }
    }

    fn run(events: &[(&str, f64)]) -> Vec<(Option<String>, Option<String>, bool)> {
        let mut state = JourneyState::default();
        let mut changes = Vec::new();
        for (second, (name, amount)) in (0..).zip(events) {
            let event = Event {
                id: format!("e{second}"),
                name: (*name).to_owned(),
                time: Timestamp::from_millis(second * 1000),
                channel: String::new(),
                properties: [("amount".to_owned(), (*amount).into())].into(),
            };
            changes.extend(advance(&journey(), &mut state, &event));
        }
        changes.into_iter().map(|change| (change.from, change.to, change.completes)).collect()
    }

    fn change(from: &str, to: &str, completes: bool) -> (Option<String>, Option<String>, bool) {
        let stage = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        (stage(from), stage(to), completes)
    }

    #[test]
    fn moves_forward_only_and_by_conditions() {
        let events = [("quote", 50.0), ("view", 0.0), ("view", 0.0), ("quote", 200.0), ("view", 0.0), ("sign", 0.0)];
        let expected =
            [change("", "aware", false), change("aware", "interested", false), change("interested", "customer", true)];
        assert_eq!(run(&events), expected);
    }

    #[test]
    fn skips_stages_and_enters_again_after_an_exit() {
        let expected = [change("", "customer", true), change("customer", "", false), change("", "aware", false)];
        assert_eq!(run(&[("sign", 0.0), ("cancel", 0.0), ("cancel", 0.0), ("view", 0.0)]), expected);
    }

    #[test]
    fn a_stage_that_no_longer_exists_counts_as_none() {
        let standing = Standing { stage: "gone".to_owned(), since: Timestamp::from_millis(0) };
        let mut state = JourneyState { stage: Some(standing) };
        let event = Event {
            id: "e".to_owned(),
            name: "view".to_owned(),
            time: Timestamp::from_millis(5),
            channel: String::new(),
            properties: Default::default(),
        };
        let changes = advance(&journey(), &mut state, &event);
        assert_eq!((changes[0].from.as_deref(), changes[0].to.as_deref()), (Some("gone"), Some("aware")));
        assert_eq!(state.stage.map(|standing| standing.since), Some(Timestamp::from_millis(5)));
    }
}
