use proptest::prelude::*;

use super::reference::{Model, ModelEvent};
use super::*;
use crate::sessions::{Unit, sequences};
use crate::value::{Properties, Value};

fn log_of(events: &[ModelEvent]) -> EventLog {
    let mut builder = EventLog::builder();
    for (second, name, properties) in events {
        let properties = properties.iter().filter_map(|(name, value)| Some((name.as_str(), value.scalar()?)));
        builder.push("ada", Timestamp::from_millis(second * 1000), name, properties).unwrap();
    }
    builder.build()
}

/// The matches of a pattern in events given by name, one a second.
fn spans(pattern: &str, events: &str) -> Vec<(usize, usize)> {
    let events: Vec<ModelEvent> =
        (0..).zip(events.split_whitespace()).map(|(at, name)| (at, name.to_owned(), Properties::new())).collect();
    spans_within(pattern, &events, None)
}

fn spans_within(pattern: &str, events: &[ModelEvent], within: Option<i64>) -> Vec<(usize, usize)> {
    let log = log_of(events);
    let pattern = Pattern::parse(pattern).unwrap();
    let within = within.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap()));
    let search = Search { within, overlapping: false };
    spans_of(&log, &pattern, search)
}

/// What is found with much patience and with none must be the same.
fn spans_of(log: &EventLog, pattern: &Pattern, search: Search) -> Vec<(usize, usize)> {
    let all = sequences(log, Unit::Customer, 1);
    let [patient, linear] = [1000, 0].map(|patience| {
        let found = find_patiently(log, &all, pattern, search, 1, patience);
        found.into_iter().map(|found| (found.row, found.row + found.length)).collect::<Vec<_>>()
    });
    assert_eq!(patient, linear, "{}", pattern.text());
    patient
}

/// A pattern as text: events a, b, c, sometimes with a condition, and every operator.
fn pattern_text() -> impl Strategy<Value = String> {
    let event = prop_oneof![
        5 => prop::sample::select(vec!["a", "b", "c", "."]),
        1 => prop::sample::select(vec!["a[v > 1]", ".[v = 2]", "b[v < 2 or w == 'x']"]),
    ]
    .prop_map(str::to_owned);
    let leaf = prop_oneof![
        6 => event,
        2 => prop::sample::select(vec!["!a", "!b", "!(a|b)", "!a[v > 1]"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["^", "$", "..."]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            4 => prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.join(" ")),
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" | "))),
            3 => (inner, prop::sample::select(vec!["*", "+", "?", "{2}", "{1,}", "{0,2}", "{,3}"]))
                .prop_map(|(inner, times)| format!("({inner}){times}")),
        ]
    })
}

fn model_events() -> impl Strategy<Value = Vec<ModelEvent>> {
    prop::collection::vec((0i64..3, prop::sample::select(vec!["a", "b", "c"]), 0u8..4), 0..10).prop_map(|events| {
        let mut second = 0;
        let model = |(gap, name, value): (i64, &str, u8)| {
            second += gap;
            let mut properties = Properties::new();
            match value {
                0 => {}
                3 => drop(properties.insert("w".to_owned(), Value::from("x"))),
                _ => drop(properties.insert("v".to_owned(), Value::from(f64::from(value)))),
            }
            (second, name.to_owned(), properties)
        };
        events.into_iter().map(model).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn equals_trying_everything(
        text in pattern_text(),
        events in model_events(),
        within in prop::option::of(0i64..8),
    ) {
        let Ok(parsed) = parse::parse(&text) else {
            prop_assert!(Pattern::parse(&text).is_err());
            return Ok(());
        };
        let model = Model { parsed: &parsed, events: &events, within };
        let expected = model.matches();
        let search = Search {
            within: within.map(|seconds| Duration::from_secs(seconds as u64)),
            overlapping: true,
        };
        let overlapping = spans_of(&log_of(&events), &Pattern::parse(&text).unwrap(), search);
        prop_assert_eq!(overlapping, model.overlapping(), "overlapping, pattern {}", text);
        prop_assert_eq!(spans_within(&text, &events, within), expected, "pattern {}", text);
    }
}

#[test]
fn an_abandoned_cart() {
    let pattern = "view (search)* cart !purchase";
    assert_eq!(spans(pattern, "view search search cart home"), [(0, 4)]);
    assert_eq!(spans(pattern, "view cart purchase"), []);
    assert_eq!(spans(pattern, "view home cart"), [], "nothing may stand in between");
    assert_eq!(spans(pattern, "view cart purchase view cart"), [(3, 5)]);
    assert_eq!(spans(pattern, "view cart home home purchase"), [], "afterwards is up to the end");
}

#[test]
fn negation_takes_an_event_unless_it_stands_at_the_very_end() {
    assert_eq!(spans("a !b c", "a x c a c a b c"), [(0, 3)]);
    assert_eq!(spans("a !b $", "a x"), [(0, 2)]);
    assert_eq!(spans("a !b $", "a"), []);
    assert_eq!(spans("a (!b){1}", "a x a b a"), [(0, 2)]);
    assert_eq!(spans("a (!b)*", "a x x b x"), [(0, 3)]);
    assert_eq!(spans("a (!b)", "a x x b"), [], "parentheses alone change nothing");
    assert_eq!(spans("a !b !c", "a x"), [(0, 1)]);
    assert_eq!(spans("a !b !c", "a x c"), []);
    assert_eq!(spans("(a !b | c !d)", "a b c a d"), [(3, 4)]);
    assert_eq!(spans("a !(b | c)", "a x b"), []);
    assert_eq!(spans("(a !b)+", "a x a x"), [(0, 4)], "repeated, it takes an event each time");
}

#[test]
fn absence_reaches_as_far_as_the_limit_from_the_last_event() {
    let events = |times: [i64; 3]| -> Vec<ModelEvent> {
        times
            .into_iter()
            .zip(["view", "cart", "buy"])
            .map(|(at, name)| (at, name.to_owned(), Properties::new()))
            .collect()
    };
    assert_eq!(spans_within("view cart !buy", &events([0, 60, 119]), Some(60)), []);
    assert_eq!(spans_within("view cart !buy", &events([0, 60, 120]), Some(60)), []);
    assert_eq!(spans_within("view cart !buy", &events([0, 60, 121]), Some(60)), [(0, 2)]);
    assert_eq!(spans_within("view cart !buy", &events([0, 61, 200]), Some(60)), [], "the match itself is too long");
}

#[test]
fn leftmost_then_longest_without_overlap() {
    assert_eq!(spans("a+", "a a b a"), [(0, 2), (3, 4)]);
    assert_eq!(spans("a | a b", "a b a"), [(0, 2), (2, 3)]);
    assert_eq!(spans("a ... b", "a b a x b"), [(0, 5)]);
    assert_eq!(spans("^a", "a a"), [(0, 1)]);
    assert_eq!(spans("a .{2} b", "a b b b"), [(0, 4)]);
    assert_eq!(spans("(a?)*", "b a"), [(1, 2)], "a match holds an event");
    assert_eq!(spans("'a' \"b\"", "a b"), [(0, 2)]);
}

#[test]
fn within_picks_the_longest_match_that_keeps_it() {
    let events: Vec<ModelEvent> =
        [0, 1, 2, 10, 11].into_iter().map(|at| (at, "a".to_owned(), Properties::new())).collect();
    assert_eq!(spans_within("a+", &events, Some(5)), [(0, 3), (3, 5)]);
    assert_eq!(spans_within("a a", &events, Some(0)), []);
    assert_eq!(spans_within("a{3}", &events, Some(9)), [(0, 3)]);
}

#[test]
fn one_person_with_a_million_events_and_patterns_that_break_backtrackers() {
    let mut builder = EventLog::builder();
    let events = 1_000_000;
    for second in 0..events {
        builder
            .push("ada", Timestamp::from_millis(second * 1000), if second % 1000 == 999 { "b" } else { "a" }, [])
            .unwrap();
    }
    let log = builder.build();
    let all = sequences(&log, Unit::Customer, 1);
    let count = |text: &str, within: Option<u64>| {
        find(
            &log,
            &all,
            &Pattern::parse(text).unwrap(),
            Search { within: within.map(Duration::from_secs), overlapping: false },
            1,
        )
        .len()
    };
    assert_eq!(count("(a | a)* c", None), 0);
    assert_eq!(count("((a*)*)* b", None), 1000);
    assert_eq!(count("a | a ... c", None), 999_000);
    assert_eq!(count("(a?){30} a{30} b", None), 1000);
    assert_eq!(count("a ... b !c", None), 1);
    assert_eq!(count("a | a ... b !b", Some(500)), 500_000);
    assert_eq!(count("a* b", Some(998)), 1000);
}

#[test]
fn states_that_outgrow_their_room_are_forgotten_without_a_trace() {
    // The 20th event from the end of the match decides: about a million subsets can be told apart.
    let events: Vec<ModelEvent> = (0..30_000u64)
        .map(|at| {
            let name = if at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40 & 1 == 1 { "a" } else { "b" };
            (i64::try_from(at).unwrap(), name.to_owned(), Properties::new())
        })
        .collect();
    let matches = spans("a .{200} b", &events.iter().map(|event| event.1.as_str()).collect::<Vec<_>>().join(" "));
    let mut expected = Vec::new();
    let mut at = 0;
    while at + 201 < events.len() {
        if events[at].1 == "a" && events[at + 201].1 == "b" {
            expected.push((at, at + 202));
            at += 202;
        } else {
            at += 1;
        }
    }
    assert_eq!(matches, expected);
}

#[test]
fn takes_256_symbols() {
    let names: Vec<String> = (0..256).map(|number| format!("e{number}")).collect();
    assert_eq!(spans(&names.join(" "), &format!("x {} x", names.join(" "))), [(1, 257)]);
    assert_eq!(spans(&format!("({})+ !x", names.join(" | ")), &format!("x {}", names.join(" "))), [(1, 257)]);
    let predicates: Vec<String> = (0..256).map(|number| format!("a[v >= {number}]")).collect();
    let events: Vec<ModelEvent> =
        (0..256).map(|at| (at, "a".to_owned(), [("v".to_owned(), Value::Number(at as f64))].into())).collect();
    assert_eq!(spans_within(&predicates.join(" "), &events, None), [(0, 256)]);
}

#[test]
fn errors_name_the_character() {
    for (text, position) in [
        ("", 1),
        ("view (search", 13),
        ("view )", 6),
        ("view | *", 8),
        ("a{3,1}", 2),
        ("a{x}", 3),
        ("a{99999}", 2),
        ("((a{100}){100}){100}", 10),
        ("a[amount >]", 11),
        ("a[amount > 1", 13),
        ("'open", 1),
        ("a !", 4),
        ("a !.", 4),
        ("!(a b)", 5),
        ("^ $", 1),
        ("!a", 1),
        ("검색 @", 4),
    ] {
        assert_eq!(Pattern::parse(text).unwrap_err().position, position, "{text}");
    }
    assert!(Pattern::parse(&"(".repeat(10_000)).is_err());
    assert!(Pattern::parse("검색 결제").is_ok());
}

#[test]
fn lists_of_events_keep_names_as_they_are() {
    let list = |text: &str| -> Vec<String> { Atom::list(text).unwrap().iter().map(ToString::to_string).collect() };
    assert_eq!(
        list(" a_b , W_Call after offers-START,c[x > 1 or y == 'a,b'],, "),
        ["a_b", "W_Call after offers-START", "c[x > 1 or y == 'a,b']"]
    );
    assert_eq!(list("'a,b',[v = 2]"), ["a,b", ".[v == 2]"]);
    assert!(list("").is_empty());
    assert_eq!(Atom::list("a[x > 1 b").unwrap_err().position, 9);
    assert_eq!(Atom::list("c[x > 1 and y < 2]").unwrap()[0].properties(), ["x", "y"]);
}
