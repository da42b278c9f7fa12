//! Single behaviours by example, and what is refused.

use crate::cases::{BEGINNING, run};
use crate::*;

fn engine(rules: &str) -> Engine {
    let file = from_yaml(rules).unwrap();
    Engine::new(&file, Limits::default()).unwrap()
}

/// Rule and time after the beginning, in minutes.
fn fired(rules: &str, lines: &[&str]) -> Vec<(String, i64)> {
    let engine = engine(rules);
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let name = |rule: u16| engine.rules().nth(usize::from(rule)).unwrap().id.to_owned();
    let minutes = |time: attune_kernel::Timestamp| (time.as_millis() - BEGINNING.as_millis()) / 60_000;
    run(&engine, &lines).unwrap().iter().map(|one| (name(one.rule), minutes(one.time))).collect()
}

fn at(rule: &str, minute: i64) -> (String, i64) {
    (rule.to_owned(), minute)
}

#[test]
fn everything_that_is_wrong_is_told_with_line_and_field() {
    let text = "zone: Mars/Base
rules:
- id: a b
  events: x
  where: properties.amount >
- id: twice
  let: {n: {operation: sum, window: 3m}, m: {operation: count, window: 3x}}
  when: q > 1
- id: twice
  wait: {for: 0s}
  edge: rising
- id: both
  wait: {for: 1h}
  sequence: {pattern: '^ a', within: 1h}
- id: pattern
  sequence: {pattern: 'a (', within: 1h}
- {id: schedule, schedule: {days: [moon], from: '25:00'}, quota: {limit: 0, window: 1d}}
- id: bucket
  let: {n: {operation: count, window: 90m, bucket: 1h}}
  when: n > 1
  date: {property: d, before: 1d, after: 1d, at: noon}
";
    let file = from_yaml(text).unwrap();
    let mut errors = Engine::new(&file, Limits::default()).unwrap_err();
    locate(text, &mut errors);
    let told: Vec<(Option<usize>, &str)> = errors.iter().map(|error| (error.line, error.field.as_str())).collect();
    for expected in [
        (None, "zone"),
        (Some(3), "rules[0].id"),
        (Some(5), "rules[0].where"),
        (Some(7), "rules[1].let.n.property"),
        (Some(7), "rules[1].let.m.window"),
        (Some(8), "rules[1].when"),
        (Some(9), "rules[2].id"),
        (Some(10), "rules[2].wait.for"),
        (Some(11), "rules[2].edge"),
        (Some(12), "rules[3]"),
        (Some(16), "rules[4].sequence.pattern"),
        (Some(17), "rules[5].schedule.days"),
        (Some(17), "rules[5].schedule.from"),
        (Some(17), "rules[5].quota.limit"),
        (Some(19), "rules[6].let.n.bucket"),
        (Some(21), "rules[6].date.at"),
    ] {
        assert!(told.contains(&expected), "{expected:?} is not in {told:#?}");
    }
    let unknown = from_yaml("rules:\n- id: a\n  evnts: x\n").unwrap_err();
    assert_eq!(unknown.line, Some(3));
    assert!(unknown.to_string().contains("evnts"), "{unknown}");
    assert_eq!(from_toml("[[rules]]\nid = 'a'\nevnts = 'x'\n").unwrap_err().line, Some(3));
    assert!(from_yaml("rules: [").unwrap_err().line.is_some());
}

#[test]
fn both_formats_say_the_same() {
    let yaml = "rules:\n- id: a\n  events: [x, z]\n  let: {n: {operation: count, window: 1h}}\n  when: n > 1\n";
    let toml =
        "[[rules]]\nid = 'a'\nevents = ['x', 'z']\nwhen = 'n > 1'\nlet.n = {operation = 'count', window = '1h'}\n";
    assert_eq!(from_yaml(yaml).unwrap(), from_toml(toml).unwrap());
}

#[test]
fn limits_hold_at_their_edge() {
    let file = from_yaml("rules:\n- id: a\n- id: b\n").unwrap();
    assert!(Engine::new(&file, Limits { rules: 2, ..Limits::default() }).is_ok());
    assert!(Engine::new(&file, Limits { rules: 1, ..Limits::default() }).is_err());
    let file = from_yaml("rules:\n- id: a\n  sequence: {pattern: 'a a a', within: 1h}\n").unwrap();
    assert!(Engine::new(&file, Limits { states: 4, ..Limits::default() }).is_ok());
    assert!(Engine::new(&file, Limits { states: 3, ..Limits::default() }).is_err());
    let file = from_yaml("rules:\n- id: a\n  events: x\n  wait: {for: 1h, restart: each}\n").unwrap();
    let engine = Engine::new(&file, Limits { waits: 2, ..Limits::default() }).unwrap();
    let lines = ["0s x", "1s x", "2s x", "2h ."].map(str::to_owned);
    let causes: Vec<EventId> = run(&engine, &lines).unwrap().into_iter().map(|one| one.cause).collect();
    assert_eq!(causes, [EventId::Row(2), EventId::Row(3)], "the start that is due first gives way");
}

#[test]
fn the_order_of_one_moment_is_the_published_one() {
    let rules = "
rules:
- {id: low, events: x}
- {id: high, events: x, priority: 5}
- {id: waits, events: x, wait: {for: 10m, unless: stop}}
- {id: also, events: x, wait: {for: 10m}, priority: 1}
";
    let expected = [at("high", 0), at("low", 0), at("also", 10), at("waits", 10)];
    assert_eq!(fired(rules, &["0 x", "11m z"]), expected);
    assert_eq!(fired(rules, &["0 x", "10m stop", "11m ."]), [at("high", 0), at("low", 0), at("also", 10)]);
}

#[test]
fn quotas_go_to_the_greater_priority() {
    let rules = "
rules:
- {id: low, events: x, quota: {group: g, limit: 1, window: 1h}}
- {id: high, events: x, priority: 5, quota: {group: g, limit: 3, window: 1h}}
";
    assert_eq!(fired(rules, &["0 x", "59m x", "60m x"]), [at("high", 0), at("high", 60)]);
}

#[test]
fn schedules_put_off_or_drop() {
    let rules = |outside: &str| {
        format!(
            "rules:\n- id: a\n  events: x\n  schedule: {{days: [mon], from: '10:00', to: '12:00', outside: {outside}}}\n"
        )
    };
    // The history begins on a Monday at nine.
    assert_eq!(fired(&rules("defer"), &["0 x", "61m ."]), [at("a", 60)]);
    assert_eq!(fired(&rules("drop"), &["0 x", "90m x", "3h x", "8d ."]), [at("a", 90)]);
    assert_eq!(fired(&rules("defer"), &["3h x", "8d ."]), [at("a", 7 * 1440 + 60)]);
}

#[test]
fn schemes_choose_the_placement_or_silence() {
    let file = from_yaml(
        "rules:
- id: a
  events: x
  placement: anywhere
  scheme:
    product: properties.product
    rows:
    - {channel: web, product: [card, loan], placement: web-credit}
    - {product: loan, placement: loan}
    - {channel: branch, placement: ''}
",
    );
    let engine = Engine::new(&file.unwrap(), Limits::default()).unwrap();
    let lines = [
        "0 x channel=web product=card",
        "1m x channel=app product=loan",
        "2m x channel=branch product=card",
        "3m x channel=app product=card",
    ];
    let fired = run(&engine, &lines.map(str::to_owned)).unwrap();
    let placements: Vec<&str> = fired.iter().map(|one| engine.placement(one)).collect();
    assert_eq!(placements, ["web-credit", "loan", "anywhere"]);
}

#[test]
fn lists_tables_and_containers_are_looked_up() {
    let rules = "
lists: {staff: [ada, bob], wanted: [s1]}
tables: {rate: {EUR: 1.1, USD: 1.0}}
rules:
- {id: staff, events: x, where: customer in lists.staff}
- {id: converted, events: x, where: 'properties.amount * tables.rate[properties.currency] > 100.0'}
- {id: wanted, events: x, where: properties.sku in lists.wanted}
";
    assert_eq!(fired(rules, &["0 x amount=95 currency=EUR"]), [at("staff", 0), at("converted", 0)]);
    assert_eq!(fired(rules, &["0 x amount=95 currency=XXX sku=s1"]), [at("staff", 0), at("wanted", 0)]);
}

#[test]
fn the_calendar_and_yearly_dates_come_again() {
    let rules = "
zone: Europe/Berlin
rules:
- {id: month, events: x, let: {n: {operation: count, events: x, window: month}}, when: n == 2.0}
- {id: yearly, events: born, date: {property: d, yearly: true}}
";
    // 5 January; the 26th day after it is the last of the month, the 40th lies in the next.
    assert_eq!(fired(rules, &["0 x", "26d x", "40d x"]), [at("month", 26 * 1440)]);
    let births = fired(rules, &["0 born d=2000-02-29", "700d ."]);
    let day = 1440;
    // 28 February of 2026 and of 2027 at nine in Berlin, which is eight in UTC; the next one would be in 2028.
    assert_eq!(births, [at("yearly", 54 * day - 60), at("yearly", 419 * day - 60)]);
}

#[test]
fn a_changed_definition_begins_anew_and_keeps_its_cool_down() {
    let one = engine("rules:\n- {id: a, events: x, cool_down: 1d, wait: {for: 1h}}\n- {id: b, events: x}\n");
    let two = engine("rules:\n- {id: b, events: x}\n- {id: a, events: x, cool_down: 2d, wait: {for: 2h}}\n");
    let (mut state, mut fired) = (State::default(), Vec::new());
    let x = |second: i64| Event {
        id: EventRef::Text("e"),
        symbol: one.symbol("x"),
        name: "x",
        time: attune_kernel::Timestamp::from_millis(second * 1000),
        channel: "",
        facts: &(),
    };
    one.observe(&mut state, "ada", &x(0), &mut Scratch::default(), &mut fired);
    one.tick(&mut state, "ada", attune_kernel::Timestamp::from_millis(4_000_000), &mut fired);
    one.observe(&mut state, "ada", &x(5000), &mut Scratch::default(), &mut fired);
    assert_eq!((fired.len(), state.timers()), (3, 1));
    let mut other = two.decode(&one.encode(&state)).unwrap();
    assert_eq!(other.timers(), 0, "the wait was of another definition");
    fired.clear();
    two.observe(&mut other, "ada", &x(6000), &mut Scratch::default(), &mut fired);
    two.tick(&mut other, "ada", attune_kernel::Timestamp::from_millis(20_000_000), &mut fired);
    assert_eq!(fired.iter().map(|one| one.rule).collect::<Vec<_>>(), [0], "the cool-down goes on");
    assert_eq!(one.decode(&[9]), Err(DecodeError::Version(9)));
    assert_eq!(one.decode(&[VERSION]), Err(DecodeError::Damaged));
}

#[test]
fn text_ids_survive_storage() {
    let engine = engine("rules:\n- {id: a, sequence: {pattern: 'x ... y !z', within: 1h}}\n");
    let (mut state, mut fired) = (State::default(), Vec::new());
    for (number, name) in ["x", "w", "y"].into_iter().enumerate() {
        let id = format!("event-{number}");
        let time = attune_kernel::Timestamp::from_millis(number as i64 * 1000);
        let symbol = engine.symbol(name);
        let event = Event { id: EventRef::Text(&id), symbol, name, time, channel: "", facts: &() };
        engine.observe(&mut state, "ada", &event, &mut Scratch::default(), &mut fired);
        state = engine.decode(&engine.encode(&state)).unwrap();
    }
    engine.tick(&mut state, "ada", attune_kernel::Timestamp::from_millis(4_000_000), &mut fired);
    let evidence: Vec<String> = fired[0].evidence.iter().map(ToString::to_string).collect();
    assert_eq!(evidence, ["event-0", "event-1", "event-2"]);
}
