//! Beyond every bound, and still the same in any order.

use attune_expression::Value;
use attune_kernel::Timestamp;
use serde_json::{Map, json};

use crate::{Engine, Event, MAX_CATEGORIES, MAX_ITEMS, Removal, Scratch, State, library};

struct Own {
    id: String,
    name: &'static str,
    time: i64,
    session: String,
    properties: Map<String, serde_json::Value>,
}

fn event(own: &Own) -> Event<'_> {
    Event {
        id: &own.id,
        name: own.name,
        time: Timestamp::from_millis(own.time),
        sequence: 0,
        channel: "",
        session: &own.session,
        source: "",
        properties: &own.properties,
    }
}

/// `count` events, each value twice, far apart.
fn events(count: usize) -> Vec<Own> {
    let made = (0..2 * count).map(|index| {
        let value = index % count;
        let mut properties = Map::new();
        properties.insert("value".into(), json!(format!("v{value}")));
        Own {
            id: format!("e{index}"),
            name: if index < count { "one" } else { "two" },
            time: (value as i64 * 7_919) % 86_400_000 + index as i64,
            session: format!("s{value}"),
            properties,
        }
    });
    made.collect()
}

const TRAITS: &str = r#"
[[trait]]
name = "by"
operation = "count_by"
property = "value"

[[trait]]
name = "distinct"
operation = "distinct"
property = "value"

[[trait]]
name = "rate"
operation = "response_rate"
events = ["one"]
answers = ["two"]
property = "value"

[[trait]]
name = "inflow"
operation = "inflow"
property = "value"

[[trait]]
name = "cart"
operation = "cart"
events = ["one", "two"]
property = "value"
"#;

fn bytes(engine: &Engine, mut state: State) -> Vec<u8> {
    let mut out = Vec::new();
    engine.encode(&mut state, &mut out);
    out
}

#[test]
fn what_is_kept_beyond_the_bounds_does_not_depend_on_the_order() {
    let engine = Engine::new(&library::parse(TRAITS).unwrap()).unwrap();
    let events = events(3000);
    let forward = engine.replay(events.iter().map(event));
    let expected = bytes(&engine, forward.clone());
    assert_eq!(expected, bytes(&engine, engine.replay(events.iter().rev().map(event))));
    let mixed = (0..events.len()).map(|index| event(&events[index * 4_999 % events.len()]));
    assert_eq!(expected, bytes(&engine, engine.replay(mixed)));
    for cut in [100, 1500, 4000] {
        let mut one = engine.replay(events[..cut].iter().map(event));
        engine.absorb(&mut one, &engine.replay(events[cut..].iter().map(event)));
        assert_eq!(expected, bytes(&engine, one), "{cut}");
    }
    let decoded = engine.decode(&expected).unwrap();
    assert_eq!(decoded, forward);
    let values = engine.read(&decoded, Timestamp::from_millis(86_400_000));
    let Some(Value::Map(by)) = &values[0] else { panic!("no map") };
    assert_eq!(by.len(), MAX_CATEGORIES);
    assert!(by.values().all(|count| *count == Value::Int(2)));
    let Some(Value::Int(distinct)) = &values[1] else { panic!("no count") };
    assert!((2_700..3_300).contains(distinct), "{distinct}");
    let Some(Value::Map(cart)) = &values[4] else { panic!("no cart") };
    assert_eq!(cart.len(), MAX_ITEMS);
}

#[test]
fn an_estimate_cannot_take_back() {
    let text = "[[trait]]\nname = 'd'\noperation = 'distinct'\nproperty = 'value'\nlimit = 10";
    let engine = Engine::new(&library::parse(text).unwrap()).unwrap();
    let (few, many) = (events(10), events(11));
    let mut scratch = Scratch::default();
    let mut state = engine.replay(few.iter().map(event));
    assert_eq!(engine.remove(&mut state, &event(&few[0]), &mut scratch), Removal::Done);
    assert_eq!(engine.read(&state, Timestamp::from_millis(0)), [Some(Value::Int(10))]);
    assert_eq!(engine.remove(&mut state, &event(&few[10]), &mut scratch), Removal::Done);
    assert_eq!(engine.read(&state, Timestamp::from_millis(0)), [Some(Value::Int(9))]);
    let mut state = engine.replay(many.iter().map(event));
    assert_eq!(engine.remove(&mut state, &event(&many[0]), &mut scratch), Removal::NeedsTimeline);
}

#[test]
fn many_late_events_leave_no_more_than_the_windows_need() {
    let text = "[[trait]]\nname = 'n'\noperation = 'count'\nwindow = '30d'";
    let engine = Engine::new(&library::parse(text).unwrap()).unwrap();
    let day = 86_400_000;
    let mut state = engine.empty();
    let mut scratch = Scratch::default();
    let mut own = events(1).remove(0);
    let mut longest = 0;
    for index in 0..4_000_i64 {
        own.time = (index * 2_971 % 4_000) * day;
        engine.apply(&mut state, &event(&own), &mut scratch);
        engine.trim(&mut state, Timestamp::from_millis(4_000 * day));
        longest = longest.max(bytes(&engine, state.clone()).len());
    }
    assert_eq!(engine.read(&state, Timestamp::from_millis(3_999 * day + 1)), [Some(Value::Int(30))]);
    assert!(longest < 120, "{longest}");
}
