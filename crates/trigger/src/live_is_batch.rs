//! Event by event with timers in between, through storage each time, rules fire what a batch over the sorted history
//! fires, and what their definitions say over the events that are known at that moment.

use std::collections::BTreeMap;

use attune_expression::ValueRef;
use attune_kernel::Timestamp;
use attune_pathing::log::EventLog;
use attune_pathing::value::Scalar;
use proptest::prelude::*;

use crate::replay::replay;
use crate::*;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Given {
    customer: u8,
    /// Seconds.
    time: i64,
    name: char,
    amount: Option<i8>,
}

struct Amount<'a>(&'a Engine, Option<i8>);

impl Facts for Amount<'_> {
    fn property(&self, slot: usize) -> Option<ValueRef<'_>> {
        match self.0.properties()[slot].as_str() {
            "amount" => self.1.map(|amount| ValueRef::Double(f64::from(amount))),
            "due" => self.1.map(|amount| ValueRef::Double(f64::from(amount) * 10_000.0 + 50_000.0)),
            _ => None,
        }
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

fn engine(rules: &str, limits: Limits) -> Engine {
    let file = from_yaml(rules).unwrap_or_else(|error| panic!("{error}\n{rules}"));
    Engine::new(&file, limits).unwrap_or_else(|errors| panic!("{errors:?}\n{rules}"))
}

fn feed(engine: &Engine, state: &mut State, number: usize, given: &Given, fired: &mut Vec<Firing>) -> Taken {
    let (name, facts) = (given.name.to_string(), Amount(engine, given.amount));
    let event = Event {
        id: EventRef::Row(number as u64),
        symbol: engine.symbol(&name),
        name: &name,
        time: at(given.time),
        channel: "",
        facts: &facts,
    };
    engine.observe(state, &given.customer.to_string(), &event, &mut Scratch::default(), fired)
}

fn stored(engine: &Engine, state: &State) -> State {
    let bytes = engine.encode(state);
    let back = engine.decode(&bytes).unwrap();
    assert_eq!(engine.encode(&back), bytes);
    back
}

/// Rules of every form, each with something of its own left to chance.
fn any_rule() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(vec!["a", "b", "c"]);
    let operation = prop::sample::select(vec!["sum", "mean", "min", "max", "deviation", "distinct", "last"]);
    let restart = prop::sample::select(vec!["latest", "first", "each"]);
    let pattern = prop::sample::select(vec!["a b", "a (b)* c", "a ... c", "a !b", "(a | b)+ c !a", "a[amount > 1] c"]);
    let head = (name(), 0u8..3, any::<bool>(), 1u8..30, any::<bool>());
    let body = (operation, restart, pattern, 0u8..8, name(), any::<bool>(), 0u8..4);
    (head, body).prop_map(|((on, limit, prior, window, cool), (operation, restart, pattern, form, other, by, edge))| {
        let measure = |extra: &str| format!("{{operation: {operation}, events: {other}, property: amount, prior: {prior}{extra}}}");
        let window_of = if operation == "last" { String::new() } else { format!(", window: {window}s") };
        let figure = measure(&window_of);
        let edge = ["each", "rising", "falling", "each"][usize::from(edge)];
        // More than a year before: then neither of two years can be said in time.
        let days = if prior { 400 } else { u32::from(window) };
        let by = if by { ", by: amount" } else { "" };
        let mut text = match form {
            0 => format!("  events: {on}\n  where: properties.amount >= {limit}\n"),
            1 => format!("  events: {on}\n  let: {{x: {figure}}}\n  when: x >= {limit}.0\n  edge: {edge}\n"),
            2 => format!("  let: {{n: {{operation: count, events: {other}, window: {window}s, ago: 3s}}, s: {{operation: since, prior: true}}}}\n  when: n >= 1.0 || s > duration('{limit}s')\n"),
            3 => format!("  events: {on}\n  wait: {{for: {window}s, unless: {other}, restart: {restart}{by}}}\n  let: {{x: {figure}}}\n  when: x >= {limit}.0 || properties.amount > 1\n"),
            4 => format!("  wait: {{for: {window}s, unless: '*'}}\n"),
            5 => format!("  events: {on}\n  date: {{property: due, before: {days}d, years: [0, 1], at: '00:00', unless: {other}{by}}}\n"),
            6 => format!("  sequence: {{pattern: '{pattern}', within: {window}s}}\n"),
            _ => format!("  events: {on}\n  let: {{r: {{operation: rise, events: {other}, window: 4s, periods: 3}}}}\n  when: r >= 0.0\n  once_per: {{property: amount, for: {window}s}}\n"),
        };
        if cool {
            text.push_str("  cool_down: 7s\n  quota: {group: g, limit: 2, window: 20s}\n");
        }
        text
    })
}

fn any_rules() -> impl Strategy<Value = String> {
    prop::collection::vec(any_rule(), 1..5).prop_map(|rules| {
        let rule = |(at, text): (usize, &String)| format!("- id: r{at}\n  priority: {}\n{text}", at % 2);
        format!("rules:\n{}", rules.iter().enumerate().map(rule).collect::<String>())
    })
}

fn any_event() -> impl Strategy<Value = (i64, u8, char, Option<i8>)> {
    (0i64..4, 0u8..3, prop::sample::select(vec!['a', 'b', 'c', 'd']), prop::option::of(-1i8..5))
}

fn in_order(events: Vec<(i64, u8, char, Option<i8>)>) -> Vec<Given> {
    let mut time = 10;
    let one = |(gap, customer, name, amount)| {
        time += gap;
        Given { customer, time, name, amount }
    };
    events.into_iter().map(one).collect()
}

/// Customer, time, rule, the time of the cause, figures.
type Shown = (String, i64, u16, i64, Vec<(u16, f64)>);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn live_equals_batch(
        rules in any_rules(),
        events in prop::collection::vec(any_event(), 0..60),
        ticks in prop::collection::vec(0i64..5, 60),
        grace in prop::sample::select(vec![0i64, 2_000_000]),
    ) {
        let engine = engine(&rules, Limits { grace, ..Limits::default() });
        let (given, until) = (in_order(events), at(1000));
        let mut states: BTreeMap<u8, State> = BTreeMap::new();
        let mut live: Vec<Shown> = Vec::new();
        let mut told = std::collections::BTreeSet::new();
        let mut show = |customer: u8, fired: Vec<Firing>, live: &mut Vec<Shown>| {
            live.extend(fired.into_iter().map(|one| {
                let EventId::Row(row) = one.cause else { panic!("rows were given") };
                assert!(told.insert((one.rule, row, one.time)), "a rule fires once for an event and a time");
                let cause = given[usize::try_from(row).unwrap()].time;
                (customer.to_string(), one.time.as_micros(), one.rule, cause, one.figures)
            }));
        };
        for (number, (event, back)) in given.iter().zip(ticks).enumerate() {
            let state = states.entry(event.customer).or_default();
            let mut fired = Vec::new();
            // A timer that comes at any time before the event, or with it, changes nothing.
            engine.tick(state, &event.customer.to_string(), at(event.time - back), &mut fired);
            *state = stored(&engine, state);
            feed(&engine, state, number, event, &mut fired);
            *state = stored(&engine, state);
            if let Some(due) = engine.due(state) {
                prop_assert!(due > at(event.time), "what is due fires before the event");
                let mut early = Vec::new();
                let before = Timestamp::from_micros(due.as_micros() - 1);
                engine.tick(&mut state.clone(), "", before, &mut early);
                prop_assert!(early.is_empty());
            }
            show(event.customer, fired, &mut live);
        }
        // The alarm clock alone drives what is left.
        for (customer, state) in &mut states {
            let mut fired = Vec::new();
            while let Some(due) = engine.due(state).filter(|due| *due <= until) {
                engine.tick(state, &customer.to_string(), due, &mut fired);
                *state = stored(&engine, state);
            }
            show(*customer, fired, &mut live);
        }
        let mut builder = EventLog::builder();
        for event in &given {
            let amount = event.amount.map(|amount| ("amount", Scalar::Number(f64::from(amount))));
            let due = event.amount.map(|amount| ("due", Scalar::Number(f64::from(amount) * 10_000.0 + 50_000.0)));
            let (customer, name) = (event.customer.to_string(), event.name.to_string());
            builder.push(&customer, at(event.time), &name, amount.into_iter().chain(due)).unwrap();
        }
        let log = builder.build();
        let batch = replay(&engine, &log, Some(until), 1);
        prop_assert_eq!(&batch, &replay(&engine, &log, Some(until), 3));
        let mut batch: Vec<Shown> = batch.into_iter().map(|one| {
            let EventId::Row(row) = one.firing.cause else { panic!("a log has rows") };
            let cause = log.time(usize::try_from(row).unwrap()).as_millis() / 1000;
            let customer = log.customers().text(one.customer).unwrap().to_owned();
            (customer, one.firing.time.as_micros(), one.firing.rule, cause, one.firing.figures)
        }).collect();
        let order = |one: &Shown, other: &Shown| one.partial_cmp(other).unwrap();
        live.sort_by(order);
        batch.sort_by(order);
        prop_assert_eq!(live, batch, "{}", rules);
    }

    #[test]
    fn late_events_count_at_their_own_time(
        events in prop::collection::vec((any_event(), 0i64..18), 0..40),
        (window, limit, cool) in (1i64..20, 0i64..6, prop::sample::select(vec![0i64, 9])),
    ) {
        let rules = format!(
            "rules:\n- id: sum\n  events: a\n  cool_down: {cool}s\n  let:\n    s: {{operation: sum, events: [a, b], property: amount, window: {window}s}}\n    \
             n: {{operation: count, events: b, window: {window}s, ago: 2s}}\n  when: s >= {limit}.0 || n >= 2\n\
             - id: absent\n  events: a\n  wait: {{for: {window}s, unless: c, restart: each}}\n"
        );
        let engine = engine(&rules, Limits { lateness: 8_000_000, waits: 100, ..Limits::default() });
        let given: Vec<Given> = {
            let (all, back): (Vec<_>, Vec<i64>) = events.into_iter().unzip();
            in_order(all).into_iter().zip(back).map(|(given, back)| Given { time: given.time - back.max(6) + 6, customer: 0, ..given }).collect()
        };
        let (mut state, mut live) = (State::default(), Vec::new());
        let mut expected: Vec<(u16, i64)> = Vec::new();
        // What is known, in the order of arrival, and the starts that wait, with their place in that order.
        let (mut known, mut waits): (Vec<Given>, Vec<(i64, usize)>) = (Vec::new(), Vec::new());
        let (mut newest, mut last_fired) = (i64::MIN, None::<i64>);
        let expire = |waits: &mut Vec<(i64, usize)>, known: &[Given], now: i64, expected: &mut Vec<(u16, i64)>| {
            waits.sort_unstable();
            while waits.first().is_some_and(|(start, _)| start + window < now) {
                let (start, place) = waits.remove(0);
                let ends = |(at, event): (usize, &Given)| {
                    let after = event.time > start || (event.time == start && at >= place);
                    event.name == 'c' && after && event.time <= start + window
                };
                if !known.iter().enumerate().any(ends) {
                    expected.push((1, start + window));
                }
            }
        };
        for (number, event) in given.iter().enumerate() {
            let taken = feed(&engine, &mut state, number, event, &mut live);
            state = stored(&engine, &state);
            if event.time < newest.saturating_sub(8) {
                prop_assert_eq!(taken, Taken::TooLate);
                continue;
            }
            prop_assert_eq!(taken, if event.time < newest { Taken::Late } else { Taken::InOrder });
            if event.time >= newest {
                expire(&mut waits, &known, event.time, &mut expected);
            }
            newest = newest.max(event.time);
            known.push(*event);
            if event.name != 'a' {
                continue;
            }
            waits.push((event.time, known.len()));
            let inside = |time: i64, ago: i64| time > event.time - ago - window && time <= event.time - ago;
            let sum: i64 = known.iter().filter(|one| matches!(one.name, 'a' | 'b') && inside(one.time, 0))
                .filter_map(|one| one.amount.map(i64::from)).sum();
            let count = known.iter().filter(|one| one.name == 'b' && inside(one.time, 2)).count();
            if (sum >= limit || count >= 2) && last_fired.is_none_or(|last| event.time >= last + cool) {
                if cool > 0 {
                    last_fired = last_fired.max(Some(event.time));
                }
                expected.push((0, event.time));
            }
        }
        engine.tick(&mut state, "0", at(5000), &mut live);
        expire(&mut waits, &known, 5000, &mut expected);
        let mut live: Vec<(u16, i64)> = live.iter().map(|one| (one.rule, one.time.as_millis() / 1000)).collect();
        live.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(live, expected, "{} {:?}", rules, given);
    }

    #[test]
    fn damaged_states_are_refused_and_never_panic(
        rules in any_rules(),
        events in prop::collection::vec(any_event(), 1..30),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let engine = engine(&rules, Limits::default());
        let (mut state, mut fired) = (State::default(), Vec::new());
        let given = in_order(events);
        for (number, event) in given.iter().enumerate() {
            feed(&engine, &mut state, number, event, &mut fired);
        }
        let mut bytes = engine.encode(&state);
        for (at, to) in flips {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        if let Ok(mut state) = engine.decode(&bytes) {
            feed(&engine, &mut state, 0, &given[0], &mut fired);
            engine.trim(&mut state);
            prop_assert!(engine.decode(&engine.encode(&state)).is_ok());
        }
    }

    #[test]
    fn what_is_trimmed_is_read_by_nobody(
        rules in any_rules(),
        events in prop::collection::vec(any_event(), 0..40),
    ) {
        let engine = engine(&rules, Limits::default());
        let (mut whole, mut trimmed) = (State::default(), State::default());
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for (number, event) in in_order(events).iter().enumerate() {
            feed(&engine, &mut whole, number, event, &mut one);
            feed(&engine, &mut trimmed, number, event, &mut other);
            engine.trim(&mut trimmed);
        }
        engine.tick(&mut whole, "", at(5000), &mut one);
        engine.tick(&mut trimmed, "", at(5000), &mut other);
        prop_assert_eq!(one, other);
    }
}
