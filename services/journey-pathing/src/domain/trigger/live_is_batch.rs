//! Event by event, with timers in between and the state written and read each time, a rule fires what its definition says over
//! the whole log.

use std::time::Duration;

use attune_kernel::Timestamp;
use proptest::prelude::*;

use super::naive::{Firing, Parts, firings};
use super::*;
use crate::domain::condition::{Condition, Test};
use crate::domain::pattern::Pattern;
use crate::domain::predicate::Predicate;

pub(super) fn event(number: usize, second: i64, name: &str, amount: Option<f64>) -> Event {
    Event {
        id: format!("e{number}"),
        name: name.to_owned(),
        time: Timestamp::from_millis(second * 1000),
        channel: String::new(),
        properties: amount.map(|amount| ("amount".to_owned(), amount.into())).into_iter().collect(),
    }
}

pub(super) fn rule(detector: Detector, cool_down: u64) -> Rule {
    let limits = Limits { lateness: Duration::ZERO, ..Limits::default() };
    let rule = Rule { id: "r".to_owned(), version: 3, cool_down: Duration::from_secs(cool_down), detector, limits };
    rule.check().unwrap();
    rule
}

fn condition() -> impl Strategy<Value = Condition> {
    (prop::sample::select(vec!["a", "b", "c"]), prop::option::of(0u8..4)).prop_map(|(name, least)| Condition {
        event: name.to_owned(),
        test: least
            .map_or(Test::Always, |least| Test::Compare(Predicate::parse(&format!("amount >= {least}")).unwrap())),
    })
}

fn seconds(range: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_secs)
}

const HAPPENS: [&str; 8] = [
    "(a){1}",
    "(a b){1}",
    "(a (b)* c){1}",
    "(a !b c){1}",
    "(a ... c){1}",
    "((a | b)+ c){1}",
    "(a{2,} | b c[amount > 1]){1}",
    "(. a?){1}",
];

/// A rule, and the two parts of its pattern if it has one.
fn any_rule() -> impl Strategy<Value = (Rule, &'static str, Option<&'static str>)> {
    let restart = prop::sample::select(vec![Restart::Latest, Restart::First]);
    let abandoned = (condition(), condition(), seconds(1..12), restart)
        .prop_map(|(start, completion, within, restart)| Detector::Abandoned { start, completion, within, restart });
    let threshold =
        (condition(), any::<bool>(), 1u8..5, seconds(1..15)).prop_map(|(condition, sums, limit, window)| {
            let property = sums.then(|| "amount".to_owned());
            Detector::Threshold { condition, property, limit: f64::from(limit), window }
        });
    let simple = prop_oneof![
        abandoned,
        threshold,
        condition().prop_map(Detector::Event),
        seconds(1..9).prop_map(|after| Detector::Inactive { after }),
    ]
    .prop_map(|detector| (detector, HAPPENS[0], None));
    let absent = prop::sample::select(vec![None, Some("a"), Some("b"), Some("c")]);
    let sequence =
        (prop::sample::select(HAPPENS.to_vec()), absent, seconds(1..12)).prop_map(|(happens, absent, within)| {
            let text = absent.map_or(happens.to_owned(), |absent| format!("{happens} !{absent}"));
            let pattern = Pattern::parse(&text).unwrap();
            (Detector::Sequence { pattern, within }, happens, absent)
        });
    (prop_oneof![3 => simple, 2 => sequence], prop::sample::select(vec![0, 0, 5, 30]))
        .prop_map(|((detector, happens, absent), cool_down)| (rule(detector, cool_down), happens, absent))
}

fn any_events() -> impl Strategy<Value = Vec<Event>> {
    let one = (0i64..5, prop::sample::select(vec!["a", "b", "c", "d"]), prop::option::of(-1i8..4));
    prop::collection::vec(one, 0..28).prop_map(|events| {
        let mut second = 0;
        (0..)
            .zip(events)
            .map(|(number, (gap, name, amount))| {
                second += gap;
                event(number, second, name, amount.map(f64::from))
            })
            .collect()
    })
}

fn shown(fired: Vec<Fired>) -> Vec<Firing> {
    fired.into_iter().map(|fired| (fired.time, fired.evidence)).collect()
}

/// Lets the state go through storage.
fn stored(state: &State) -> State {
    serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn live_equals_batch(
        (rule, happens, absent) in any_rule(),
        events in any_events(),
        ticks in prop::collection::vec(0i64..5, 28),
    ) {
        let until = Timestamp::from_millis(500_000);
        let mut state = State::new(&rule, "ada");
        let mut fired = Vec::new();
        for (event, back) in events.iter().zip(ticks) {
            // A timer that comes at any time before the event, or with it, changes nothing.
            fired.extend(on_time(&rule, &mut state, event.time.minus(Duration::from_secs(back.unsigned_abs()))));
            state = stored(&state);
            fired.extend(on_event(&rule, &mut state, event));
            state = stored(&state);
            if let Some(deadline) = next_deadline(&rule, &state) {
                prop_assert!(deadline > event.time);
                prop_assert!(on_time(&rule, &mut state.clone(), Timestamp::from_micros(deadline.as_micros() - 1)).is_empty());
            }
        }
        // The alarm clock alone drives what is left.
        while let Some(deadline) = next_deadline(&rule, &state).filter(|deadline| *deadline <= until) {
            fired.extend(on_time(&rule, &mut state, deadline));
        }
        let ids: std::collections::BTreeSet<_> = fired.iter().map(|fired| fired.id.clone()).collect();
        prop_assert_eq!(ids.len(), fired.len());
        let expected = firings(&rule, &Parts { happens, absent }, &events, until);
        prop_assert_eq!(shown(fired), expected, "{:?}", rule);
    }

    #[test]
    fn a_replay_fires_the_same_ids((rule, _, _) in any_rule(), events in any_events()) {
        let run = || {
            let mut state = State::new(&rule, "ada");
            events.iter().flat_map(|event| on_event(&rule, &mut state, event)).collect::<Vec<_>>()
        };
        prop_assert_eq!(run(), run());
    }
}
