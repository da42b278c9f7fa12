//! The rules of a service and the same rules over history fire the same, also when the process starts anew between any two
//! events and another one takes over what is stored.

use std::collections::{BTreeMap, BTreeSet};

use attune_kernel::Timestamp;
use attune_trigger::replay::replay;
use attune_trigger::{Engine, EventId, Limits, from_yaml};
use proptest::prelude::*;

use super::*;
use crate::domain::live::{Change, Person, Rulebook};
use crate::domain::log::EventLog;
use crate::domain::value::Value;

pub(super) fn event(number: usize, second: i64, name: &str, amount: Option<f64>) -> Event {
    Event {
        id: format!("e{number}"),
        name: name.to_owned(),
        time: Timestamp::from_millis(second * 1000),
        channel: if number.is_multiple_of(3) { "web".to_owned() } else { String::new() },
        properties: amount.map(|amount| ("amount".to_owned(), amount.into())).into_iter().collect(),
    }
}

/// A trigger as the world is told of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub(super) person: String,
    pub(super) rule: String,
    pub(super) time: Timestamp,
    pub(super) evidence: Vec<String>,
    placement: String,
    figures: BTreeMap<String, f64>,
}

/// Persons under rules, who are stored after every step; now and then the process starts anew.
pub(super) struct Live {
    book: Rulebook,
    rules: String,
    steps: usize,
    stored: BTreeMap<String, String>,
    pub(super) told: Vec<Told>,
    ids: BTreeSet<String>,
}

impl Live {
    pub(super) fn new(rules: &str) -> Self {
        let book = Rulebook { sets: vec![compiled(rules)], ..Rulebook::default() };
        let (stored, told, ids) = Default::default();
        Self { book, rules: rules.to_owned(), steps: 0, stored, told, ids }
    }

    fn start_anew(&mut self, rules: &str) {
        self.book = Rulebook { sets: vec![compiled(rules)], ..Rulebook::default() };
        rules.clone_into(&mut self.rules);
    }

    fn step(
        &mut self,
        id: &str,
        work: impl FnOnce(&Rulebook, &mut Person) -> Result<Vec<Change>, Damaged>,
    ) -> Option<Timestamp> {
        self.steps += 1;
        if self.steps.is_multiple_of(16) {
            self.start_anew(&self.rules.clone());
        }
        let mut person: Person =
            self.stored.get(id).map_or_else(Person::default, |text| serde_json::from_str(text).unwrap());
        for change in work(&self.book, &mut person).unwrap() {
            let Change::Trigger { trigger, rule, placement, evidence, figures, time, .. } = change else {
                panic!("no journey")
            };
            assert!(self.ids.insert(trigger), "two firings have one id");
            self.told.push(Told { person: id.to_owned(), rule, time, evidence, placement, figures });
        }
        self.stored.insert(id.to_owned(), serde_json::to_string(&person).unwrap());
        self.book.due(&person, Timestamp::from_micros(i64::MIN))
    }

    pub(super) fn observe(&mut self, person: &str, event: &Event) {
        let due = self.step(person, |book, state| book.observe(person, state, [event]));
        assert!(due.is_none_or(|due| due > event.time), "what is due fires before the event");
    }

    pub(super) fn tick(&mut self, person: &str, now: Timestamp) -> Option<Timestamp> {
        self.step(person, |book, state| book.tick(person, state, now))
    }

    /// Only when something is due the rules are looked at.
    pub(super) fn run_until(&mut self, person: &str, until: Timestamp) {
        let mut due = self.step(person, |_, _| Ok(Vec::new()));
        while let Some(now) = due.filter(|due| *due <= until) {
            due = self.tick(person, now);
        }
    }
}

/// A rule of any form.
fn any_rule() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(vec!["a", "b", "c"]);
    let body = (0u8..9, name(), name(), 1u8..30, 0u8..3, any::<bool>());
    body.prop_map(|(form, on, other, window, limit, held)| {
        let mut text = match form {
            0 => format!("events: {on}\n  where: properties.amount >= {limit} || channel == 'web'"),
            1 => format!("events: {on}\n  channels: web\n  let: {{x: {{operation: sum, events: {other}, property: amount, window: {window}s}}}}\n  when: x >= {limit}.0\n  edge: rising"),
            2 => format!("let: {{n: {{operation: count, events: {other}, window: {window}s, ago: 3s}}, s: {{operation: since, prior: true}}}}\n  when: n >= 1.0 || s > duration('{limit}s')"),
            3 => format!("events: {on}\n  wait: {{for: {window}s, unless: {other}, by: amount, restart: each}}\n  scheme: {{segment: properties.amount, rows: [{{segment: '1', placement: one}}, {{placement: any}}]}}"),
            4 => format!("wait: {{for: {window}s, unless: '*'}}"),
            5 => format!("events: {on}\n  date: {{property: due, before: {window}s, years: [0, 1], at: '00:00', unless: {other}}}"),
            6 => format!("sequence: {{pattern: '{on} (b)* c !{other}', within: {window}s}}"),
            7 => format!("events: {on}\n  let: {{l: {{operation: last, events: {other}, property: channel, prior: true}}, d: {{operation: distinct, property: amount, window: {window}s}}}}\n  when: l == 'web' || d >= 2.0\n  once_per: {{property: amount, for: {window}s}}"),
            _ => format!("events: {on}\n  wait: {{for: {window}s, unless: {other}}}\n  schedule: {{from: '00:01', to: '00:02'}}"),
        };
        if held {
            text.push_str("\n  cool_down: 7s\n  quota: {group: g, limit: 2, window: 20s}");
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_service_fires_what_history_fires(
        rules in prop::collection::vec(any_rule(), 1..5),
        events in prop::collection::vec((0i64..6, 0usize..3, prop::sample::select(vec!["a", "b", "c", "d"]), prop::option::of(-1i8..4)), 0..40),
        ticks in prop::collection::vec(0u64..5, 40),
    ) {
        let rules: String = rules.iter().enumerate().map(|(at, text)| format!("- id: r{at}\n  priority: {}\n  {text}\n", at % 2)).collect();
        let rules = format!("rules:\n{rules}");
        let until = Timestamp::from_millis(400_000_000_000);
        let persons = ["ada", "bob", "cyd"];
        let mut second = 40;
        let mut live = Live::new(&rules);
        let mut builder = EventLog::builder();
        let mut ids: BTreeMap<(&str, i64), Vec<String>> = BTreeMap::new();
        for ((number, (gap, person, name, amount)), back) in events.iter().enumerate().zip(ticks) {
            second += gap;
            let mut event = event(number, second, name, amount.map(f64::from));
            event.properties.insert("due".to_owned(), Value::Number(f64::from(amount.unwrap_or(9)) * 10_000.0 + 60_000.0));
            // What no log can hold is not seen.
            event.properties.insert("items".to_owned(), Value::List(vec![Value::Null]));
            live.tick(persons[*person], event.time.minus(std::time::Duration::from_secs(back)));
            live.observe(persons[*person], &event);
            builder.push(persons[*person], event.time, name, event.facts()).unwrap();
            ids.entry((persons[*person], event.time.as_micros())).or_default().push(event.id);
        }
        for person in persons {
            live.run_until(person, until);
        }
        let log = builder.build();
        let engine = Engine::new(&from_yaml(&rules).unwrap(), Limits::default()).unwrap();
        let names: Vec<&str> = engine.rules().map(|rule| rule.id).collect();
        let mut rows: BTreeMap<usize, String> = BTreeMap::new();
        for (customer, person) in (0..log.bounds().len().saturating_sub(1)).map(|at| (at, log.customers().text(u32::try_from(at).unwrap()).unwrap())) {
            let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
            for row in log.rows_of(u32::try_from(customer).unwrap()) {
                let time = log.time(row).as_micros();
                let at = seen.entry(time).or_default();
                let person = persons.iter().find(|one| **one == person).unwrap();
                rows.insert(row, ids[&(*person, time)][*at].clone());
                *at += 1;
            }
        }
        let row = |id: &EventId| match id {
            EventId::Row(row) => rows[&usize::try_from(*row).unwrap()].clone(),
            EventId::Text(text) => text.to_string(),
        };
        let batch = replay(&engine, &log, Some(until), 1).into_iter().map(|one| Told {
            person: log.customers().text(one.customer).unwrap().to_owned(),
            rule: names[usize::from(one.firing.rule)].to_owned(),
            time: one.firing.time,
            evidence: one.firing.evidence.iter().map(row).collect(),
            placement: engine.placement(&one.firing).to_owned(),
            figures: one.firing.figures.iter().map(|(at, value)| (engine.figure_name(one.firing.rule, *at).to_owned(), *value)).collect(),
        });
        // Of one person and moment the order is that in which they fire.
        let of = |person: &str, all: &[Told]| all.iter().filter(|one| one.person == person).cloned().collect::<Vec<_>>();
        let batch: Vec<Told> = batch.collect();
        for person in persons {
            prop_assert_eq!(of(person, &live.told), of(person, &batch), "{}", rules);
        }
    }
}

#[test]
fn what_fires_again_has_the_same_ids() {
    let rules = "rules:\n- {id: a, events: cart}\n- {id: b, events: cart, wait: {for: 10s, restart: each}}\n";
    let run = || {
        let mut live = Live::new(rules);
        for number in 0..20 {
            live.observe("ada", &event(number, i64::try_from(number).unwrap() * 4, "cart", None));
        }
        live.run_until("ada", Timestamp::from_millis(1_000_000));
        live.ids
    };
    assert_eq!((run().len(), run()), (40, run()));
}

#[test]
fn a_rule_that_changes_begins_anew_and_the_others_go_on() {
    let two = |wait: &str| {
        format!(
            "rules:\n- {{id: a, events: cart, wait: {{for: {wait}, unless: buy}}}}\n- {{id: b, events: cart, wait: {{for: 20s}}}}\n"
        )
    };
    let mut live = Live::new(&two("10s"));
    live.observe("ada", &event(1, 0, "cart", None));
    live.start_anew(&two("15s"));
    live.run_until("ada", Timestamp::from_millis(100_000));
    let told: Vec<_> = live.told.iter().map(|one| (one.rule.as_str(), one.time.as_millis())).collect();
    assert_eq!(told, [("b", 20_000)]);
}

#[test]
fn what_was_damaged_is_told_and_not_begun_anew() {
    let mut live = Live::new("rules:\n- {id: a, events: cart, wait: {for: 10s}}\n");
    live.observe("ada", &event(1, 0, "cart", None));
    let mut json: serde_json::Value = serde_json::from_str(&live.stored["ada"]).unwrap();
    json["rules"]["set"]["state"] = "AQIDBA".into();
    let mut person: Person = serde_json::from_value(json).unwrap();
    let book = &live.book;
    assert!(book.tick("ada", &mut person, Timestamp::from_millis(50_000)).is_err());
    assert!(book.observe("ada", &mut person, [&event(2, 5, "cart", None)]).is_err());
}
