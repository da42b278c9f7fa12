//! The engine against the definitions, for declarations and histories drawn at random.

use attune_expression::Value;
use attune_kernel::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, json};

use crate::reference::{read, same};
use crate::{Cuts, Declaration, Engine, Event, Operation, Removal, Scratch, State};

mod watch;

const HOUR: i64 = 3_600_000;
const NAMES: [&str; 6] = ["view", "buy", "add", "drop", "sent", "open"];

#[derive(Debug, Clone)]
struct Own {
    id: String,
    name: &'static str,
    time: Timestamp,
    sequence: i64,
    channel: &'static str,
    session: String,
    properties: Map<String, serde_json::Value>,
}

impl Own {
    fn event(&self) -> Event<'_> {
        Event {
            id: &self.id,
            name: self.name,
            time: self.time,
            sequence: self.sequence,
            channel: self.channel,
            session: &self.session,
            source: "test",
            properties: &self.properties,
        }
    }
}

/// Histories of about two months with many events in the same minute, hour and day.
fn histories() -> impl Strategy<Value = Vec<Own>> {
    let one = (0_i64..60 * 24, 0_i64..4, 0_usize..NAMES.len(), 0_usize..3, 0_usize..5, -300_i32..300, 0_usize..8);
    proptest::collection::vec(one, 0..70).prop_map(|list| {
        let made = list.into_iter().enumerate().map(|(index, (hour, quarter, name, channel, session, cents, item))| {
            let mut properties = Map::new();
            if cents % 5 != 0 {
                properties.insert("amount".into(), json!(f64::from(cents) / 10.0));
            }
            if item < 6 {
                properties.insert("item".into(), json!(["a", "b", "c", "d", "e", "f"][item]));
            }
            let (flag, way) = (cents % 2 == 0, ["ad", "mail", ""][item % 3]);
            properties.insert("nested".into(), json!({"flag": flag, "way": way}));
            properties.insert("message".into(), json!(cents.rem_euclid(7)));
            Own {
                id: format!("e{index}"),
                name: NAMES[name],
                time: Timestamp::from_millis(hour * HOUR + quarter * HOUR / 4),
                sequence: i64::from(cents % 2),
                channel: ["web", "app", ""][channel],
                session: ["", "s1", "s2", "s3", "s4"][session].to_owned(),
                properties,
            }
        });
        made.collect()
    })
}

fn window(number: usize) -> (Option<String>, Option<String>) {
    let of = |window: &str, bucket: Option<&str>| (Some(window.to_owned()), bucket.map(str::to_owned));
    match number {
        0 => (None, None),
        1 => of("1h", None),
        2 => of("2h", Some("30m")),
        3 => of("24h", None),
        4 => of("7d", Some("1d")),
        5 => of("6d", Some("2d")),
        6 => of("30d", None),
        _ => of("12h", Some("4h")),
    }
}

const OPERATIONS: [Operation; 30] = {
    use Operation::*;
    [
        Count,
        Exists,
        Sum,
        Mean,
        Min,
        Max,
        First,
        Last,
        FirstTime,
        LastTime,
        SinceFirst,
        SinceLast,
        IntervalMean,
        Distinct,
        Top,
        Preferred,
        CountBy,
        SumBy,
        BestHour,
        BestWeekday,
        DaysActive,
        Streak,
        Trend,
        Slope,
        Interest,
        Rfm,
        ResponseRate,
        ResponseLag,
        Cart,
        Inflow,
    ]
};

/// Any declaration that reads events.
fn declaration() -> impl Strategy<Value = Declaration> {
    let filter = (0_usize..4, 0_usize..3, 0_usize..5, 0_usize..4);
    (0_usize..OPERATIONS.len(), 0_usize..8, filter, 0_usize..6, any::<bool>()).prop_map(
        |(operation, span, (events, channels, condition, zone), field, flag)| {
            let operation = OPERATIONS[operation];
            let mut made = Declaration::new("t", operation);
            let strings = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            made.events = strings([&[][..], &["view"], &["buy", "add"], &["open", "view", "buy"]][events]);
            made.channels = strings([&[][..], &["web"], &["app", "web"]][channels]);
            made.condition = [
                None,
                Some("has(properties.amount) && double(properties.amount) > 2.0"),
                Some("properties.nested.flag"),
                Some("event != 'view' || channel == 'app'"),
                Some("time > timestamp('1970-01-20T00:00:00Z')"),
            ][condition]
                .map(str::to_owned);
            made.zone = [None, Some("Asia/Seoul"), Some("America/New_York"), Some("UTC")][zone].map(str::to_owned);
            (made.window, made.bucket) = window(span);
            let category = ["item", "nested.way", "$channel", "$event", "$hour", "message"][field];
            match operation {
                Operation::Sum | Operation::Mean | Operation::Min | Operation::Max => {
                    made.property = Some("amount".to_owned());
                }
                Operation::First | Operation::Last => {
                    let (property, of) = [
                        ("item", attune_expression::Type::String),
                        ("amount", attune_expression::Type::Double),
                        ("nested.flag", attune_expression::Type::Bool),
                    ][field % 3]
                        .clone();
                    (made.property, made.of) = (Some(property.to_owned()), Some(of));
                }
                Operation::SinceFirst | Operation::SinceLast => made.unit = flag.then(|| "5h".to_owned()),
                Operation::Distinct | Operation::CountBy => made.property = Some(category.to_owned()),
                Operation::Top => {
                    (made.property, made.limit) = (Some(category.to_owned()), Some(2));
                    made.weight = flag.then(|| "amount".to_owned());
                }
                Operation::Preferred => {
                    made.property = Some(category.to_owned());
                    made.weight = flag.then(|| "amount".to_owned());
                }
                Operation::SumBy => {
                    (made.property, made.weight) = (Some(category.to_owned()), Some("amount".to_owned()));
                }
                Operation::DaysActive | Operation::Streak => {
                    made.bucket = None;
                    made.window = flag.then(|| "12d".to_owned());
                }
                Operation::Trend | Operation::Slope => {
                    if made.window.is_none() {
                        made.window = Some("3d".to_owned());
                    }
                    made.property = flag.then(|| "amount".to_owned());
                    if operation == Operation::Slope {
                        made.periods = Some(3);
                    }
                }
                Operation::Interest => {
                    (made.window, made.bucket) = (None, None);
                    made.half_life = Some(["1d", "36h", "7d", "30d"][span % 4].to_owned());
                    made.property = Some(category.to_owned());
                    made.weight = flag.then(|| "amount".to_owned());
                    made.limit = Some(50);
                }
                Operation::Rfm => {
                    made.property = Some("amount".to_owned());
                    made.cuts = flag.then(|| Cuts {
                        recency: vec![1.0, 5.0],
                        frequency: vec![2.0, 3.0, 8.0],
                        monetary: vec![0.0],
                    });
                }
                Operation::ResponseRate | Operation::ResponseLag => {
                    (made.events, made.answers) = (strings(&["sent", "add"]), strings(&["open"]));
                    made.property = Some("message".to_owned());
                    made.horizon = flag.then(|| "3d".to_owned());
                }
                Operation::Cart => {
                    made.events = strings(&["add", "view"]);
                    (made.removes, made.clears) = (strings(&["drop"]), strings(&["buy"]));
                    made.property = Some("item".to_owned());
                    made.weight = flag.then(|| "amount".to_owned());
                }
                Operation::Inflow => made.property = Some("nested.way".to_owned()),
                _ => {}
            }
            made
        },
    )
}

fn declarations() -> impl Strategy<Value = Vec<Declaration>> {
    proptest::collection::vec(declaration(), 1..12).prop_map(|mut list| {
        for (index, one) in list.iter_mut().enumerate() {
            one.name = format!("t{index}");
        }
        let numeric = |one: &Declaration| {
            matches!(one.operation, Operation::Count | Operation::Sum | Operation::SinceLast | Operation::Distinct)
        };
        let names: Vec<String> = list.iter().filter(|one| numeric(one)).map(|one| one.name.clone()).collect();
        if let [one, .., two] = names.as_slice() {
            let ratio = Declaration {
                numerator: Some(one.clone()),
                denominator: Some(two.clone()),
                ..Declaration::new("ratio", Operation::Ratio)
            };
            let derived = Declaration {
                expression: Some(format!("double({one}) + 2.0 * ratio")),
                of: Some(attune_expression::Type::Double),
                ..Declaration::new("derived", Operation::Derived)
            };
            list.insert(0, derived);
            list.push(ratio);
        }
        list
    })
}

fn shuffled(events: &[Own], seed: u64) -> Vec<&Own> {
    let mut order: Vec<(u64, &Own)> = events
        .iter()
        .enumerate()
        .map(|(index, event)| ((index as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15), event))
        .collect();
    order.sort_by_key(|(key, _)| *key);
    order.into_iter().map(|(_, event)| event).collect()
}

fn engine(declarations: &[Declaration]) -> Engine {
    Engine::new(declarations).unwrap_or_else(|violations| panic!("{violations:?} in {declarations:?}"))
}

fn state(engine: &Engine, events: &[&Own]) -> State {
    engine.replay(events.iter().map(|event| event.event()))
}

fn bytes(engine: &Engine, state: &State) -> Vec<u8> {
    let mut out = Vec::new();
    engine.encode(&mut state.clone(), &mut out);
    out
}

fn expect(declarations: &[Declaration], engine: &Engine, state: &State, events: &[Own], now: Timestamp) {
    let events: Vec<Event<'_>> = events.iter().map(Own::event).collect();
    let (found, wanted) = (engine.read(state, now), read(declarations, &events, now));
    for ((declaration, found), wanted) in declarations.iter().zip(&found).zip(&wanted) {
        assert!(same(found, wanted), "{declaration:?} at {now}: {found:?} instead of {wanted:?}");
    }
}

fn at(quarter: i64) -> Timestamp {
    Timestamp::from_millis(quarter * HOUR / 4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(600), ..ProptestConfig::default() })]

    #[test]
    fn any_order_reads_as_the_definition(
        declarations in declarations(), events in histories(), seed in any::<u64>(), now in 0_i64..75 * 96,
    ) {
        let engine = engine(&declarations);
        let state = state(&engine, &shuffled(&events, seed));
        expect(&declarations, &engine, &state, &events, at(now));
    }

    #[test]
    fn a_trimmed_and_decoded_state_reads_the_same_from_then_on(
        declarations in declarations(), events in histories(), first in 0_i64..70 * 96, later in 0_i64..20 * 96,
        cut in 0_usize..70,
    ) {
        let engine = engine(&declarations);
        let cut = cut.min(events.len());
        let mut state = state(&engine, &events[..cut].iter().collect::<Vec<_>>());
        engine.trim(&mut state, at(first));
        let written = bytes(&engine, &state);
        let mut state = engine.decode(&written).unwrap();
        prop_assert_eq!(bytes(&engine, &state), written);
        let mut scratch = Scratch::default();
        for event in &events[cut..] {
            engine.apply(&mut state, &event.event(), &mut scratch);
        }
        expect(&declarations, &engine, &state, &events, at(first + later));
    }

    #[test]
    fn merged_states_are_the_state_of_all_events(
        declarations in declarations(), events in histories(), cut in 0_usize..70, now in 0_i64..75 * 96,
    ) {
        let engine = engine(&declarations);
        let cut = cut.min(events.len());
        let [mut one, two] = [&events[..cut], &events[cut..]].map(|part| state(&engine, &part.iter().collect::<Vec<_>>()));
        engine.absorb(&mut one, &two);
        prop_assert_eq!(bytes(&engine, &one), bytes(&engine, &state(&engine, &events.iter().collect::<Vec<_>>())));
        expect(&declarations, &engine, &one, &events, at(now));
    }

    #[test]
    fn what_is_removed_was_never_there(
        declarations in declarations(), events in histories(), seed in any::<u64>(), gone in 0_usize..30,
    ) {
        let engine = engine(&declarations);
        let mixed = shuffled(&events, seed);
        let (gone, kept) = mixed.split_at(gone.min(mixed.len()));
        let mut all = state(&engine, &mixed);
        let mut scratch = Scratch::default();
        let mut left: Vec<&Own> = mixed.clone();
        for event in gone {
            left.retain(|other| other.id != event.id);
            let before = bytes(&engine, &all);
            if engine.remove(&mut all, &event.event(), &mut scratch) == Removal::NeedsTimeline {
                prop_assert_eq!(bytes(&engine, &all), before);
                all = state(&engine, &left);
            }
        }
        prop_assert_eq!(bytes(&engine, &all), bytes(&engine, &state(&engine, kept)));
    }

    #[test]
    fn nothing_changes_before_the_next_change(
        declarations in declarations(), events in histories(), now in 0_i64..75 * 96, ahead in 0_i64..2_000_000_000_000,
    ) {
        let engine = engine(&declarations);
        let state = state(&engine, &events.iter().collect::<Vec<_>>());
        let now = at(now);
        let next = engine.next_change(&state, now);
        let last = next.map_or(i64::MAX, |next| next.as_micros() - 1);
        prop_assert!(next.is_none_or(|next| next > now));
        let before = engine.read(&state, now);
        for time in [last.min(now.as_micros() + ahead), last.min(now.as_micros() + 400 * 24 * HOUR * 1000)] {
            let after = engine.read(&state, Timestamp::from_micros(time));
            prop_assert_eq!(&before, &after, "{:?} from {} to {}", declarations, now, Timestamp::from_micros(time));
        }
    }

    #[test]
    fn other_declarations_take_over_what_they_share(
        old in declarations(), new in declarations(), events in histories(), cut in 0_usize..70, now in 0_i64..75 * 96,
    ) {
        let cut = cut.min(events.len());
        let (before, after) = (engine(&old), engine(&new));
        let written = bytes(&before, &state(&before, &events[..cut].iter().collect::<Vec<_>>()));
        let mut state = after.decode(&written).unwrap();
        let backlog: Vec<String> = after.backlog(&state).into_iter().map(str::to_owned).collect();
        let mut scratch = Scratch::default();
        events[cut..].iter().for_each(|event| after.apply(&mut state, &event.event(), &mut scratch));
        // A copy in bytes remembers what is lacking.
        let mut state = after.decode(&bytes(&after, &state)).unwrap();
        prop_assert_eq!(after.backlog(&state), backlog.clone());
        let list: Vec<Event<'_>> = events.iter().map(Own::event).collect();
        let (found, wanted) = (after.read(&state, at(now)), read(&new, &list, at(now)));
        for ((one, found), wanted) in new.iter().zip(&found).zip(&wanted) {
            let of_others = matches!(one.operation, Operation::Ratio | Operation::Derived);
            if !of_others && !backlog.contains(&one.name) {
                prop_assert!(same(found, wanted), "{:?}: {:?} instead of {:?}", one, found, wanted);
            }
        }
        after.backfill(&mut state, events.iter().map(Own::event));
        prop_assert!(after.backlog(&state).is_empty());
        expect(&new, &after, &state, &events, at(now));
    }

    #[test]
    fn damaged_bytes_are_refused_or_read(
        declarations in declarations(), events in histories(), place in any::<proptest::sample::Index>(), byte in any::<u8>(),
    ) {
        let engine = engine(&declarations);
        let mut written = bytes(&engine, &state(&engine, &events.iter().collect::<Vec<_>>()));
        let cut = place.index(written.len());
        prop_assert!(engine.decode(&written[..cut]).is_err());
        written[cut] = byte;
        if let Ok(mut state) = engine.decode(&written) {
            let _: Vec<Option<Value>> = engine.read(&state, at(40 * 96));
            let _ = engine.next_change(&state, at(40 * 96));
            engine.trim(&mut state, at(40 * 96));
            let mut out = Vec::new();
            engine.encode(&mut state, &mut out);
        }
    }
}
