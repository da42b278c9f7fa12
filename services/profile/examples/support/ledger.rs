//! The service against a full recomputation: late, repeated and shuffled events, merges, splits and erasures go through the
//! contract while the clock runs; at the end traits are read off the definitions of `attune_aggregate::reference` and segments off their
//! rules, over what a plain list says the timelines are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use attune_aggregate::{Declaration, Event as Aggregated, Operation, library, reference};
use attune_client::ProfileClient;
use attune_expression::{MapSource, Schema, Type, Value, compile};
use attune_kernel::Timestamp;
use attune_proto::identity::v1::{Erasure, Merge, PersonChange, Split, person_change::Change};
use attune_proto::profile::v1::*;
use attune_service_kit::clock::Clock;
use prost_types::value::Kind;
use serde_json::{Map, Value as Json};

use super::{NOW, Sequence, visits};

/// What was sent and what became of it.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Events, repeats included.
    pub(crate) sent: usize,
    pub(crate) repeats: usize,
    /// Events of more than a day ago.
    pub(crate) late: usize,
    pub(crate) merges: usize,
    pub(crate) splits: usize,
    pub(crate) erasures: usize,
    pub(crate) persons: usize,
    pub(crate) traits_compared: usize,
    pub(crate) memberships_compared: usize,
    /// Persons, traits and segments that are not what they are by definition.
    pub(crate) differences: Vec<String>,
}

/// A rule that reads what the bank library has, for each kind of reading that time, lateness or a merge could spoil.
const RULES: [&str; 12] = [
    "traits.card_payments_7d >= 2",
    "traits.card_spend_30d > 250.0",
    "traits.logins_7d == 0 && traits.logins_90d > 0",
    "has(traits.days_since_last_login) && traits.days_since_last_login >= 10",
    "traits.digital_days_30d > 2",
    "has(traits.preferred_channel) && traits.preferred_channel == 'app'",
    "traits.counterparties_90d == 0 && traits.transfers_out_90d > 100.0",
    "has(traits.largest_card_payment_365d) && traits.largest_card_payment_365d > 400.0",
    "traits.opened_7d && (!has(traits.days_since_payment) || traits.days_since_payment > 0)",
    "has(traits.best_hour) && traits.best_hour < 12",
    "traits.complaints_90d > 0 || traits.calls_30d > 1",
    "has(traits.days_as_customer) && traits.days_as_customer > 20",
];

/// Traits beside those of the bank library.
fn own() -> Vec<Declaration> {
    let of = |name: &str, operation, event: &str, window: Option<&str>| Declaration {
        events: vec![event.to_owned()],
        window: window.map(str::to_owned),
        ..Declaration::new(name, operation)
    };
    vec![
        of("opened_7d", Operation::Exists, "message_opened", Some("7d")),
        of("days_since_payment", Operation::SinceLast, "card_payment", None),
    ]
}

/// A person's id, and into whom it was merged.
struct Ledger {
    events: BTreeMap<String, Event>,
    into: BTreeMap<String, String>,
    erased: BTreeSet<String>,
    offset: i64,
}

impl Ledger {
    fn in_force(&self, id: &str) -> String {
        self.into.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    async fn apply(&mut self, client: &mut ProfileClient, change: Change) {
        self.offset += 1;
        let change = PersonChange { offset: self.offset, change: Some(change), ..PersonChange::default() };
        let request = ApplyPersonChangeRequest { change: Some(change) };
        assert!(client.apply_person_change(request).await.unwrap().into_inner().applied);
    }
}

/// Runs `events` deliveries against a service that starts without anything; its clock must stand at [`begin`].
pub(crate) async fn run(client: &ProfileClient, clock: &Clock, events: usize, persons: usize) -> Counts {
    let (mut client, mut counts, mut random) = (client.clone(), Counts::default(), Sequence(11));
    let declarations: Vec<Declaration> = library::parse(library::BANK).unwrap().into_iter().chain(own()).collect();
    client.install_trait_library(InstallTraitLibraryRequest { library: "bank".to_owned() }).await.unwrap();
    for one in own() {
        let one = TraitDefinition {
            trait_id: one.name,
            operation: if one.operation == Operation::Exists { "exists" } else { "since_last" }.to_owned(),
            events: one.events,
            window: one.window.unwrap_or_default(),
            ..TraitDefinition::default()
        };
        let request = CreateTraitDefinitionRequest { trait_definition: Some(one), ..Default::default() };
        client.create_trait_definition(request).await.unwrap();
    }
    for (at, rule) in RULES.iter().enumerate() {
        let segment = Segment { segment_id: format!("r{at}"), expression: (*rule).to_owned(), ..Segment::default() };
        let request = CreateSegmentRequest { segment: Some(segment), ..Default::default() };
        client.create_segment(request).await.unwrap();
    }
    let mut ledger = Ledger { events: BTreeMap::new(), into: BTreeMap::new(), erased: BTreeSet::new(), offset: 0 };
    let mut waiting = visits(events, persons, 8);
    // About a third comes up to ten days later than the others of its time, and one in eleven comes again.
    let mut keyed: Vec<(i64, Event)> = Vec::with_capacity(events + events / 10);
    for event in waiting.drain(..) {
        let time = event.time.as_ref().map_or(0, |time| time.seconds);
        let late = if random.below(3) == 0 { random.below(10 * 86_400) as i64 } else { random.below(3600) as i64 };
        counts.late += usize::from(late > 86_400);
        if random.below(11) == 0 {
            counts.repeats += 1;
            keyed.push((time + late + random.below(5 * 86_400) as i64, event.clone()));
        }
        keyed.push((time + late, event));
    }
    keyed.sort_by_key(|(arrives, event)| (*arrives, event.event_id.clone()));
    counts.sent = keyed.len();
    let chunk = (events / 400).clamp(20, 2500);
    for part in keyed.chunks(chunk) {
        // Time runs with what arrives; nobody sends the future.
        let arrives = part.last().map_or(0, |(arrives, _)| *arrives);
        let ahead = arrives * 1_000_000 - clock.now().as_micros();
        if ahead > 0 {
            clock.advance(Duration::from_micros(ahead.unsigned_abs()));
        }
        let mut batch: Vec<Event> = part.iter().map(|(_, event)| event.clone()).collect();
        batch.retain(|event| {
            let erased = ledger.erased.contains(&ledger.in_force(&event.person_id));
            // Whoever was erased is heard of again only by repeats of what was known of them.
            let known = ledger.events.contains_key(&event.event_id);
            !erased || known
        });
        for event in &batch {
            ledger.events.entry(event.event_id.clone()).or_insert_with(|| event.clone());
        }
        client.append_events(AppendEventsRequest { events: batch }).await.unwrap();
        change(&mut ledger, &mut client, &mut random, persons, &mut counts).await;
    }
    let end = Timestamp::from_micros(NOW + 12 * 86_400_000_000);
    clock.advance(Duration::from_micros((end.as_micros() - clock.now().as_micros()).unsigned_abs()));
    compare(&ledger, &mut client, &declarations, clock.now(), &mut counts).await;
    counts
}

/// When a run begins: before the first event.
pub(crate) fn begin() -> Timestamp {
    Timestamp::from_micros(NOW - 31 * 86_400_000_000)
}

/// Merges, splits or erases somebody.
async fn change(
    ledger: &mut Ledger,
    client: &mut ProfileClient,
    random: &mut Sequence,
    persons: usize,
    counts: &mut Counts,
) {
    let mut anybody = || format!("person-{}", random.below(persons as u64));
    let (one, two) = (anybody(), anybody());
    let free = |ledger: &Ledger, id: &str| !ledger.into.contains_key(id) && !ledger.erased.contains(id);
    match random.below(10) {
        0..5 if one != two && free(ledger, &one) && free(ledger, &two) => {
            // Who has ids of their own to give back stays as they are, so that a split takes back one merge.
            if ledger.into.values().any(|into| *into == two) {
                return;
            }
            let merge = Merge { surviving_person_id: one.clone(), merged_person_id: two.clone() };
            ledger.apply(client, Change::Merge(merge)).await;
            ledger.into.insert(two, one);
            counts.merges += 1;
        }
        5..8 => {
            let merged = ledger.into.iter().nth(random.below(ledger.into.len().max(1) as u64) as usize);
            let Some((two, one)) = merged.map(|(two, one)| (two.clone(), one.clone())) else { return };
            let split = Split {
                person_id: one,
                split_person_id: two.clone(),
                split_alias_person_ids: vec![two.clone()],
                ..Split::default()
            };
            ledger.apply(client, Change::Split(split)).await;
            ledger.into.remove(&two);
            counts.splits += 1;
        }
        8 if random.below(8) == 0 && free(ledger, &one) => {
            let erasure = Erasure { person_id: one.clone(), ..Erasure::default() };
            ledger.apply(client, Change::Erasure(erasure)).await;
            ledger.erased.insert(one);
            counts.erasures += 1;
        }
        _ => {}
    }
}

fn json(value: &prost_types::Value) -> Json {
    match &value.kind {
        Some(Kind::BoolValue(flag)) => (*flag).into(),
        Some(Kind::NumberValue(number)) => (*number).into(),
        Some(Kind::StringValue(text)) => text.as_str().into(),
        Some(Kind::ListValue(list)) => list.values.iter().map(json).collect(),
        Some(Kind::StructValue(inner)) => {
            Json::Object(inner.fields.iter().map(|(name, value)| (name.clone(), json(value))).collect())
        }
        _ => Json::Null,
    }
}

/// A value of the definitions as the contract shows it.
fn shown(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::Int(number) => (*number as f64).into(),
        Value::Double(number) => (*number).into(),
        Value::String(text) => Json::from(&**text),
        Value::Timestamp(time) => time.to_string().into(),
        Value::Duration(length) => (length.as_micros() as f64 / 1e6).into(),
        Value::List(items) => items.iter().map(shown).collect(),
        Value::Map(map) => Json::Object(map.iter().map(|(key, value)| (key.to_string(), shown(value))).collect()),
    }
}

/// Whether two values are the same: doubles that were summed in another order up to a billionth.
fn same(one: &Json, two: &Json) -> bool {
    match (one, two) {
        (Json::Number(one), Json::Number(two)) => {
            let (one, two) = (one.as_f64().unwrap_or(f64::NAN), two.as_f64().unwrap_or(f64::NAN));
            (one - two).abs() <= 1e-9 * one.abs().max(two.abs()).max(1.0)
        }
        (Json::Array(one), Json::Array(two)) => one.len() == two.len() && one.iter().zip(two).all(|(a, b)| same(a, b)),
        (Json::Object(one), Json::Object(two)) => {
            one.len() == two.len()
                && one.iter().all(|(key, value)| two.get(key).is_some_and(|other| same(value, other)))
        }
        _ => one == two,
    }
}

/// An event with its properties as they are read.
type Known<'e> = (&'e Event, Map<String, Json>);

async fn compare(
    ledger: &Ledger,
    client: &mut ProfileClient,
    declarations: &[Declaration],
    now: Timestamp,
    counts: &mut Counts,
) {
    let mut timelines: BTreeMap<String, Vec<Known<'_>>> = BTreeMap::new();
    for event in ledger.events.values() {
        let person = ledger.in_force(&event.person_id);
        if !ledger.erased.contains(&person) {
            let fields = event.properties.iter().flat_map(|one| &one.fields);
            let properties = fields.map(|(name, value)| (name.clone(), json(value))).collect();
            timelines.entry(person).or_default().push((event, properties));
        }
    }
    let schema = Schema::builder().field("traits", Type::map(Type::Any)).build().unwrap();
    let programs: Vec<_> = RULES.iter().map(|rule| compile(rule, &schema, Type::Bool).unwrap()).collect();
    // What time did to whom is found out within a tenth of a second; here everybody is waited for.
    let mut patience = 600;
    for (person, events) in &timelines {
        let aggregated: Vec<Aggregated<'_>> = events
            .iter()
            .map(|(event, properties)| Aggregated {
                id: &event.event_id,
                name: &event.event,
                time: event.time.as_ref().map_or_else(Timestamp::default, |time| {
                    Timestamp::from_seconds_nanos(time.seconds, time.nanos).unwrap()
                }),
                sequence: event.sequence,
                channel: &event.channel,
                session: &event.session_id,
                source: &event.source,
                properties,
            })
            .collect();
        let values = reference::read(declarations, &aggregated, now);
        let named = declarations
            .iter()
            .zip(&values)
            .filter_map(|(one, value)| Some((one.name.clone(), shown(value.as_ref()?))));
        let expected: Map<String, Json> = named.collect();
        // Whole numbers are compared as such by rules.
        let whole = |value: &Value| match value {
            Value::Int(number) => Json::from(*number),
            other => shown(other),
        };
        let typed: Map<String, Json> = declarations
            .iter()
            .zip(&values)
            .filter_map(|(one, value)| Some((one.name.clone(), whole(value.as_ref()?))))
            .collect();
        let source = MapSource::from_json(&schema, &serde_json::json!({ "traits": typed }));
        let segments: Vec<String> = programs
            .iter()
            .enumerate()
            .filter(|(_, program)| program.evaluate(&source).is_true())
            .map(|(at, _)| format!("r{at}"))
            .collect();
        let segments: BTreeSet<String> = segments.into_iter().collect();
        loop {
            let request = GetProfileRequest { person_id: person.clone() };
            let profile = client.get_profile(request).await.unwrap().into_inner().profile.unwrap();
            let found: Map<String, Json> =
                profile.traits.iter().map(|(name, value)| (name.clone(), json(value))).collect();
            let names: BTreeSet<&String> = found.keys().chain(expected.keys()).collect();
            let wrong = names.iter().filter(|name| match (found.get(**name), expected.get(**name)) {
                (Some(one), Some(two)) => !same(one, two),
                _ => true,
            });
            let mut wrong: Vec<String> = wrong
                .map(|name| format!("{person} {name}: {:?} for {:?}", found.get(*name), expected.get(*name)))
                .collect();
            let member: BTreeSet<String> = profile.segments.iter().cloned().collect();
            if member != segments {
                wrong.push(format!("{person} is in {member:?} for {segments:?}"));
            }
            if wrong.is_empty() || patience == 0 {
                counts.differences.extend(wrong);
                break;
            }
            patience -= 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        counts.traits_compared += declarations.len();
        counts.memberships_compared += RULES.len();
    }
    counts.persons = timelines.len();
    for erased in &ledger.erased {
        let request = GetProfileRequest { person_id: erased.clone() };
        let profile = client.get_profile(request).await.unwrap().into_inner().profile.unwrap();
        // A person of whom nothing is known has no events, and nothing else.
        if !profile.segments.is_empty() || !profile.etag.eq("0") {
            counts.differences.push(format!("{erased} was erased and has version {}", profile.etag));
        }
    }
}
