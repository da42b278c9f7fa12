//! What was built in once, as rules: a start that is not completed, a pattern, a count or a sum that reaches a limit, an event,
//! silence. Event by event, with what is remembered written and read each time, each fires what its definition says over
//! the whole sorted log at once.

use std::time::Duration;

use attune_kernel::Timestamp;
use proptest::prelude::*;

use super::live_is_batch::{Live, event};
use super::*;
use crate::domain::pattern::reference::{ModelEvent, matches_all};
use crate::domain::value::Scalar;

/// An event of a name, with an amount of at least so much.
#[derive(Debug, Clone)]
struct When {
    name: &'static str,
    least: Option<u8>,
}

impl When {
    fn holds(&self, event: &Event) -> bool {
        let enough = |least: u8| matches!(event.property("amount"), Some(Scalar::Number(is)) if is >= f64::from(least));
        event.name == self.name && self.least.is_none_or(enough)
    }

    fn expression(&self) -> String {
        self.least.map_or_else(|| "true".to_owned(), |least| format!("properties.amount >= {least}"))
    }
}

#[derive(Debug, Clone)]
enum Definition {
    Abandoned { start: When, completion: When, within: u64, first: bool },
    Sequence { happens: &'static str, absent: Option<&'static str>, within: u64 },
    Threshold { of: When, sums: bool, limit: u8, window: u64 },
    Single(When),
    Inactive { after: u64 },
}

impl Definition {
    /// The same in the rules language.
    fn rule(&self, cool_down: u64) -> String {
        let body = match self {
            Self::Abandoned { start, completion, within, first } => format!(
                "events: {}\n  where: {}\n  wait: {{for: {within}s, unless: {}, unless_where: {}, restart: {}}}",
                start.name,
                start.expression(),
                completion.name,
                completion.expression(),
                if *first { "first" } else { "latest" }
            ),
            Self::Sequence { happens, absent, within } => {
                let absent = absent.map(|name| format!(" !{name}")).unwrap_or_default();
                format!("sequence: {{pattern: '{happens}{absent}', within: {within}s}}")
            }
            Self::Threshold { of, sums, limit, window } => {
                let what = if *sums { "operation: sum, property: amount" } else { "operation: count" };
                let (name, holds) = (of.name, of.expression());
                let figure = format!("{what}, events: {name}, where: {holds}, window: {window}s");
                format!(
                    "events: {name}\n  where: {holds}\n  let: {{now: {{{figure}}}, before: {{{figure}, prior: true}}}}\n  \
                     when: now >= {limit}.0 && before < {limit}.0"
                )
            }
            Self::Single(of) => format!("events: {}\n  where: {}", of.name, of.expression()),
            Self::Inactive { after } => format!("wait: {{for: {after}s, unless: '*'}}"),
        };
        format!("rules:\n- id: r\n  cool_down: {cool_down}s\n  {body}\n")
    }

    /// What it fires over events sorted by time, until a time: when and by which events.
    fn fires(&self, cool_down: u64, events: &[Event], until: Timestamp) -> Vec<(Timestamp, Vec<String>)> {
        let mut all = match self {
            Self::Abandoned { start, completion, within, first } => {
                abandoned(events, start, completion, Duration::from_secs(*within), *first)
            }
            Self::Sequence { happens, absent, within } => {
                sequence(events, happens, *absent, Duration::from_secs(*within))
            }
            Self::Threshold { of, sums, limit, window } => {
                threshold(events, of, *sums, f64::from(*limit), Duration::from_secs(*window))
            }
            Self::Single(of) => {
                events.iter().filter(|event| of.holds(event)).map(|event| (event.time, alone(event))).collect()
            }
            Self::Inactive { after } => {
                let after = Duration::from_secs(*after);
                let silent = (0..events.len()).filter(|at| follow(events, *at, after, |_| true).is_none());
                silent.map(|at| (events[at].time.plus(after), alone(&events[at]))).collect()
            }
        };
        // Only what is waited for lies beyond the last event; at its deadline an event would still count.
        all.retain(|(time, _)| *time < until);
        all.sort_by_key(|(time, _)| *time);
        let mut last: Option<Timestamp> = None;
        all.retain(|(time, _)| {
            let speaks = last.is_none_or(|last| *time >= last.plus(Duration::from_secs(cool_down)));
            last = if speaks { Some(*time) } else { last };
            speaks
        });
        all
    }
}

fn alone(event: &Event) -> Vec<String> {
    vec![event.id.clone()]
}

/// The first event after `at`, no later than `within` after it, for which `wanted` holds.
fn follow(events: &[Event], at: usize, within: Duration, wanted: impl Fn(usize) -> bool) -> Option<usize> {
    (at + 1..events.len()).find(|later| events[*later].time <= events[at].time.plus(within) && wanted(*later))
}

type Found = Vec<(Timestamp, Vec<String>)>;

fn abandoned(events: &[Event], start: &When, completion: &When, within: Duration, first: bool) -> Found {
    let mut found = Vec::new();
    // With `first`, the index at which the wait that runs ends.
    let mut busy_until = None;
    for at in (0..events.len()).filter(|at| start.holds(&events[*at])) {
        let end = follow(events, at, within, |later| completion.holds(&events[later]));
        let fires = if first {
            if busy_until.is_some_and(|busy| at < busy) {
                continue;
            }
            let silent = (at..events.len()).find(|later| events[*later].time > events[at].time.plus(within));
            busy_until = Some(end.or(silent).unwrap_or(events.len()));
            end.is_none()
        } else {
            let ends = |later: usize| start.holds(&events[later]) || completion.holds(&events[later]);
            follow(events, at, within, ends).is_none()
        };
        if fires {
            found.push((events[at].time.plus(within), alone(&events[at])));
        }
    }
    found
}

fn sequence(events: &[Event], happens: &str, absent: Option<&str>, within: Duration) -> Found {
    let model: Vec<ModelEvent> =
        events.iter().map(|event| (event.time.as_millis(), event.name.clone(), event.properties.clone())).collect();
    let (mut completions, mut free) = (Vec::new(), 0);
    for end in 0..events.len() {
        let start = (free..=end).rev().find(|start| {
            events[end].time <= events[*start].time.plus(within) && matches_all(happens, &model[*start..=end])
        });
        if let Some(start) = start {
            completions.push((start, end));
            free = end + 1;
        }
    }
    let evidence = |start: usize, end: usize| -> Vec<String> {
        let ids: Vec<String> = events[start..=end].iter().map(|event| event.id.clone()).collect();
        match ids.len().checked_sub(attune_trigger::MAX_EVIDENCE) {
            None | Some(0) => ids,
            Some(more) => [&ids[..1], &ids[more + 1..]].concat(),
        }
    };
    let Some(absent) = absent else {
        return completions.iter().map(|(start, end)| (events[*end].time, evidence(*start, *end))).collect();
    };
    let completes = |at: usize| completions.iter().any(|(_, end)| *end == at);
    let ends = |later: usize| completes(later) || events[later].name == absent;
    let silent = completions.iter().filter(|(_, end)| follow(events, *end, within, ends).is_none());
    silent.map(|(start, end)| (events[*end].time.plus(within), evidence(*start, *end))).collect()
}

fn threshold(events: &[Event], of: &When, sums: bool, limit: f64, window: Duration) -> Found {
    let value = |event: &Event| match (of.holds(event), sums, event.property("amount")) {
        (false, ..) => None,
        (true, false, _) => Some(1.0),
        (true, true, Some(Scalar::Number(value))) => Some(value),
        (true, true, _) => None,
    };
    let mut found = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let Some(here) = value(event) else { continue };
        let inside = events[..at].iter().filter(|past| past.time > event.time.minus(window));
        let before: f64 = inside.filter_map(value).sum();
        if before < limit && before + here >= limit {
            found.push((event.time, alone(event)));
        }
    }
    found
}

fn when() -> impl Strategy<Value = When> {
    (prop::sample::select(vec!["a", "b", "c"]), prop::option::of(0u8..4)).prop_map(|(name, least)| When { name, least })
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

fn any_definition() -> impl Strategy<Value = Definition> {
    let abandoned = (when(), when(), 1u64..12, any::<bool>())
        .prop_map(|(start, completion, within, first)| Definition::Abandoned { start, completion, within, first });
    let threshold = (when(), any::<bool>(), 1u8..5, 1u64..15)
        .prop_map(|(of, sums, limit, window)| Definition::Threshold { of, sums, limit, window });
    let absent = prop::sample::select(vec![None, Some("a"), Some("b"), Some("c")]);
    let sequence = (prop::sample::select(HAPPENS.to_vec()), absent, 1u64..12)
        .prop_map(|(happens, absent, within)| Definition::Sequence { happens, absent, within });
    prop_oneof![
        abandoned,
        threshold,
        when().prop_map(Definition::Single),
        (1u64..9).prop_map(|after| Definition::Inactive { after }),
        sequence,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn what_was_built_in_is_a_rule(
        definition in any_definition(),
        cool_down in prop::sample::select(vec![0u64, 0, 5, 30]),
        events in prop::collection::vec((0i64..5, prop::sample::select(vec!["a", "b", "c", "d"]), prop::option::of(-1i8..4)), 0..28),
        ticks in prop::collection::vec(0u64..5, 28),
    ) {
        let mut second = 0;
        let events: Vec<Event> = events.iter().enumerate().map(|(number, (gap, name, amount))| {
            second += gap;
            event(number, second, name, amount.map(f64::from))
        }).collect();
        let until = Timestamp::from_millis(500_000);
        let mut live = Live::new(&definition.rule(cool_down));
        for (event, back) in events.iter().zip(ticks) {
            // A timer that comes at any time before the event, or with it, changes nothing.
            live.tick("ada", event.time.minus(Duration::from_secs(back)));
            live.observe("ada", event);
        }
        live.run_until("ada", until);
        let fired: Vec<_> = live.told.into_iter().map(|one| (one.time, one.evidence)).collect();
        prop_assert_eq!(fired, definition.fires(cool_down, &events, until), "{:?}", definition);
    }
}
