//! All rules and journeys over one person's events as they arrive: what the stores do between reading and writing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::{Event, Recorded};
use super::journey::{Journey, JourneyState, StageChange, advance};
use super::origin::Tree;
use super::trigger::{Damaged, Fired, Memory, RuleSet, Running};

/// The rules and journeys that are watched.
#[derive(Debug, Clone, Default)]
pub struct Rulebook {
    /// The sets of rules.
    pub sets: Vec<Arc<RuleSet>>,
    /// The journeys.
    pub journeys: Vec<Journey>,
    /// How long a deadline that had passed when its event arrived waits for the rest of the person's history.
    pub settle: Duration,
}

/// What is remembered of a person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The time of the newest event.
    pub newest: Option<Timestamp>,
    /// By set of rules; sets that remember nothing have no entry.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    rules: BTreeMap<String, Memory>,
    /// By journey.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stages: BTreeMap<String, JourneyState>,
    /// Which ids are in the person since merges.
    #[serde(default, skip_serializing_if = "Tree::is_empty")]
    pub tree: Tree,
}

/// Something to tell the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A rule fired.
    Trigger {
        /// Names this firing, whenever it is computed.
        trigger: String,
        /// The set of rules; empty in what earlier builds wrote.
        #[serde(default)]
        set: String,
        /// The rule.
        rule: String,
        /// Where it leads.
        placement: String,
        /// The events that made it fire.
        evidence: Vec<String>,
        /// The figures of the rule that were numbers.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        figures: BTreeMap<String, f64>,
        /// When, in the time of the events.
        time: Timestamp,
    },
    /// The person moved.
    Stage {
        /// The journey.
        journey: String,
        /// The stage before; empty on entry.
        from: String,
        /// The stage now; empty on exit.
        to: String,
        /// When, in the time of the events.
        time: Timestamp,
    },
}

impl Change {
    /// When it happened, in the time of the events.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Trigger { time, .. } | Self::Stage { time, .. } => *time,
        }
    }

    fn fired(set: &RuleSet, fired: Fired) -> Self {
        Self::Trigger {
            trigger: fired.id.as_str().to_owned(),
            set: set.id.clone(),
            rule: fired.rule,
            placement: fired.placement,
            evidence: fired.evidence,
            figures: fired.figures,
            time: fired.time,
        }
    }

    fn moved(journey: &str, change: StageChange) -> Self {
        Self::Stage {
            journey: journey.to_owned(),
            from: change.from.unwrap_or_default(),
            to: change.to.unwrap_or_default(),
            time: change.time,
        }
    }
}

impl Rulebook {
    /// Takes new events of a person, in order; answers what they cause.
    ///
    /// # Errors
    /// [`Damaged`] when what is remembered does not decode; the person may then be half changed.
    pub fn observe<'a>(
        &self,
        id: &str,
        person: &mut Person,
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Result<Vec<Change>, Damaged> {
        let mut changes = Vec::new();
        let mut running = Vec::with_capacity(self.sets.len());
        for set in &self.sets {
            running.push(Running::open(set, id, person.rules.get(&set.id), person.newest)?);
        }
        for event in events {
            for journey in &self.journeys {
                let state = person.stages.entry(journey.id.clone()).or_default();
                let moves = advance(journey, state, event);
                changes.extend(moves.into_iter().map(|change| Change::moved(&journey.id, change)));
            }
            for (set, running) in self.sets.iter().zip(&mut running) {
                changes.extend(running.observe(event).map(|fired| Change::fired(set, fired)));
            }
            person.newest = person.newest.max(Some(event.time));
        }
        for (set, running) in self.sets.iter().zip(running) {
            person.remember(set, running.close());
        }
        self.tidy(person);
        Ok(changes)
    }

    /// Fires what is due for a person.
    ///
    /// # Errors
    /// [`Damaged`] when what is remembered does not decode; the person may then be half changed.
    pub fn tick(&self, id: &str, person: &mut Person, now: Timestamp) -> Result<Vec<Change>, Damaged> {
        let mut changes = Vec::new();
        for set in &self.sets {
            let Some(memory) = person.rules.get(&set.id).filter(|memory| memory.due.is_some()) else { continue };
            let mut running = Running::open(set, id, Some(memory), None)?;
            changes.extend(running.tick(now).map(|fired| Change::fired(set, fired)));
            person.remember(set, running.close());
        }
        changes.sort_by_key(Change::time);
        self.tidy(person);
        Ok(changes)
    }

    /// When to tick next. What is due already waits a little: more of the person's history may be on its way.
    #[must_use]
    pub fn due(&self, person: &Person, now: Timestamp) -> Option<Timestamp> {
        let due = self.sets.iter().filter_map(|set| person.rules.get(&set.id)?.due).min()?;
        Some(if due <= now { now.plus(self.settle) } else { due })
    }

    /// Computes what is remembered of a person anew from their events, after a merge or a split. Nothing fires: what
    /// was due has fired for whom the events belonged to before. `tree` says which ids are in the person.
    ///
    /// # Errors
    /// None that is expected: nothing is decoded that was not encoded here.
    pub fn rebuild(&self, id: &str, tree: Tree, events: &[Recorded], now: Timestamp) -> Result<Person, Damaged> {
        let mut person = Person { tree, ..Person::default() };
        self.observe(id, &mut person, events.iter().map(|recorded| &recorded.event))?;
        self.tick(id, &mut person, now)?;
        Ok(person)
    }

    /// The stages in which two memories of a person differ, as changes from the first to the second.
    #[must_use]
    pub fn moved(&self, before: &Person, after: &Person, now: Timestamp) -> Vec<Change> {
        let stage = |person: &Person, journey: &str| person.stages.get(journey).and_then(|state| state.stage.clone());
        let mut changes = Vec::new();
        for journey in &self.journeys {
            let (from, to) = (stage(before, &journey.id), stage(after, &journey.id));
            let name = |standing: &Option<super::journey::Standing>| {
                standing.as_ref().map(|standing| standing.stage.clone()).unwrap_or_default()
            };
            if name(&from) != name(&to) {
                changes.push(Change::Stage {
                    journey: journey.id.clone(),
                    from: name(&from),
                    to: name(&to),
                    time: to.map_or(now, |standing| standing.since),
                });
            }
        }
        changes
    }

    /// Forgets what sets of rules and journeys that are gone remembered.
    fn tidy(&self, person: &mut Person) {
        person.rules.retain(|id, _| self.sets.iter().any(|set| set.id == *id));
        let known = |id: &str| self.journeys.iter().any(|journey| journey.id == id);
        person.stages.retain(|id, state| state.stage.is_some() && known(id));
    }
}

impl Person {
    fn remember(&mut self, set: &RuleSet, memory: Option<Memory>) {
        match memory {
            Some(memory) => self.rules.insert(set.id.clone(), memory),
            None => self.rules.remove(&set.id),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::condition::Condition;
    use crate::domain::journey::Stage;
    use crate::domain::trigger::compiled;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn event(id: &str, second: i64, name: &str) -> Event {
        let (id, name) = (id.to_owned(), name.to_owned());
        Event { id, name, time: at(second), channel: String::new(), properties: Default::default() }
    }

    fn book() -> Rulebook {
        let stage = |name: &str| Stage { name: name.to_owned(), entry: Condition::named(name) };
        let journey = Journey { id: "j".to_owned(), stages: vec![stage("view"), stage("buy")], exit: None };
        Rulebook {
            sets: vec![compiled("rules:\n- {id: left, events: cart, wait: {for: 1h, unless: buy}, placement: mail}")],
            journeys: vec![journey],
            settle: Duration::from_secs(5),
        }
    }

    #[test]
    fn what_remembers_nothing_is_not_kept() {
        let (book, mut person) = (book(), Person::default());
        assert_eq!(book.observe("ada", &mut person, [&event("1", 0, "home")]).unwrap(), []);
        assert_eq!((person.rules.len(), person.stages.len(), book.due(&person, at(0))), (0, 0, None));
        book.observe("ada", &mut person, [&event("2", 1, "cart")]).unwrap();
        assert_eq!(book.due(&person, at(1)), Some(Timestamp::from_micros(3_601_000_001)));
        let changes = book.tick("ada", &mut person, at(4000)).unwrap();
        assert!(matches!(&changes[..], [Change::Trigger { set, rule, placement, evidence, time, .. }]
            if set == "set" && rule == "left" && placement == "mail" && evidence == &["2"] && *time == at(3601)));
        assert_eq!(book.due(&person, at(4000)), None);
        let empty = Rulebook::default();
        empty.tick("ada", &mut person, at(5000)).unwrap();
        assert_eq!(person, Person { newest: Some(at(1)), ..Person::default() }, "the rule is gone");
    }

    #[test]
    fn what_is_due_on_arrival_waits_for_the_rest_of_the_history() {
        let (book, mut person) = (book(), Person::default());
        book.observe("ada", &mut person, [&event("1", 0, "cart")]).unwrap();
        assert_eq!(book.due(&person, at(90_000)), Some(at(90_005)));
    }

    #[test]
    fn a_rebuilt_person_keeps_what_is_open_and_fires_nothing() {
        let book = book();
        let recorded = |event| Recorded {
            event,
            sequence: 0,
            session: String::new(),
            via: None,
            origin: String::new(),
            shared: false,
        };
        let events = [event("1", 0, "cart"), event("2", 9000, "view"), event("3", 9500, "cart")].map(recorded);
        let person = book.rebuild("ada", Tree::new(), &events, at(10_000)).unwrap();
        assert_eq!(book.due(&person, at(10_000)), Some(Timestamp::from_micros(13_100_000_001)));
        let moved = book.moved(&Person::default(), &person, at(10_000));
        let change = |from: &str, to: &str, time| Change::Stage {
            journey: "j".to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            time,
        };
        assert_eq!(moved, [change("", "view", at(9000))]);
        assert_eq!(book.moved(&person, &Person::default(), at(10_000)), [change("view", "", at(10_000))]);
    }
}
