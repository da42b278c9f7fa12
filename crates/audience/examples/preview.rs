//! Previews of segments, overlaps and live evaluation over generated persons.
//!
//! ```text
//! cargo run --release -p attune-audience --example preview -- [--persons 1000000] [--threads N] [--csv FILE] [--json FILE]
//! ```
//! `--csv` writes the persons for another program; `--json` writes counts and seconds by name of the expression.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a program that prints figures")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "small numbers"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use attune_audience::lookalike::{Options, lookalike};
use attune_audience::{Audience, Given, Live, Overlap, Query, Set, View, compare};
use attune_expression::{Evaluation, RuleSet, Schema, Type, Value, compile};
use attune_kernel::Timestamp;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

const DAY: i64 = 86_400_000_000;
const NOW: i64 = 1_795_000_000_000_000;

/// What is asked; the peers' script has the same by name.
const EXPRESSIONS: [(&str, &str); 10] = [
    ("range", "attributes.age >= 30 && attributes.age < 45"),
    ("text", "attributes.city in ['city7', 'city11', 'city42'] && traits.balance > 1000.0"),
    ("recent", "now - traits.last_seen < duration('30d') && consents.marketing"),
    ("tags", "'tag3' in tags && !('tag5' in tags) && attributes.income > 50000.0"),
    ("strings", "attributes.name.startsWith('Kim') || attributes.city.contains('99')"),
    (
        "ten",
        "attributes.age > 25 && attributes.age < 70 && attributes.income > 20000.0 && traits.balance > 100.0 \
         && consents.sms && !('tag1' in tags) && attributes.x0 < 800 && attributes.x1 > 0.1 \
         && attributes.x2 != 'v3' && has(traits.last_seen)",
    ),
    ("sparse", "attributes.rare > 5"),
    ("arithmetic", "traits.balance / double(traits.orders_90d) > 500.0"),
    ("any_of", "attributes.vip || traits.orders_90d > 30 || attributes.city == 'city1' || 'tag9' in tags"),
    ("by_row", "tags.exists(t, t.startsWith('tag1')) && attributes.age > 60"),
];

fn schema() -> Schema {
    Schema::builder()
        .field("attributes", Type::map(Type::Any))
        .field("traits", Type::map(Type::Any))
        .field("tags", Type::list(Type::String))
        .field("consents", Type::map(Type::Bool))
        .field("now", Type::Timestamp)
        .build()
        .unwrap()
}

/// The values of one person, by column.
fn person(dice: &mut SmallRng) -> Vec<(String, Value)> {
    let mut found: Vec<(String, Value)> = Vec::with_capacity(40);
    let mut put = |name: &str, value: Value| found.push((name.to_owned(), value));
    put("attributes.age", Value::Int(dice.random_range(18..90)));
    if dice.random_bool(0.9) {
        put("attributes.income", Value::Double(f64::from(dice.random_range(0..12_000_000)) / 100.0));
    }
    put("attributes.city", format!("city{}", (dice.random::<f64>().powi(2) * 200.0) as u32).into());
    let family = ["Kim", "Lee", "Park", "Choi", "Jung", "Nagy", "Smith", "Weber"][dice.random_range(0..8)];
    put("attributes.name", format!("{family} {}", dice.random_range(0..100_000)).into());
    put("attributes.vip", Value::Bool(dice.random_bool(0.03)));
    if dice.random_bool(0.01) {
        put("attributes.rare", Value::Int(dice.random_range(0..10)));
    }
    put("traits.balance", Value::Double((dice.random::<f64>() * 12.0).exp().round() / 8.0));
    put("traits.orders_90d", Value::Int((dice.random::<f64>().powi(4) * 40.0) as i64 + 1));
    put("traits.first_seen", Value::Timestamp(Timestamp::from_micros(NOW - dice.random_range(400..2000) * DAY)));
    if dice.random_bool(0.95) {
        put("traits.last_seen", Value::Timestamp(Timestamp::from_micros(NOW - dice.random_range(0..400 * DAY))));
    }
    put("consents.marketing", Value::Bool(dice.random_bool(0.6)));
    put("consents.sms", Value::Bool(dice.random_bool(0.4)));
    let mut tags: Vec<String> =
        (0..dice.random_range(0..9)).map(|_| format!("tag{}", dice.random_range(0..70))).collect();
    tags.sort_unstable();
    tags.dedup();
    put("tags", tags.into());
    for number in 0..27 {
        put(
            &format!("attributes.x{number}"),
            match number % 3 {
                0 => Value::Int(dice.random_range(0..1000)),
                1 => Value::Double(dice.random::<f64>()),
                _ => format!("v{}", dice.random_range(0..12)).into(),
            },
        );
    }
    found
}

fn field(value: &Value) -> String {
    match value {
        Value::Timestamp(time) => time.as_micros().to_string(),
        Value::String(text) => format!("\"{text}\""),
        Value::List(items) => {
            let texts: Vec<String> = items.iter().map(|item| item.to_string().replace('"', "'")).collect();
            format!("\"[{}]\"", texts.join(","))
        }
        other => other.to_string(),
    }
}

/// The least of several runs, in seconds.
fn best<T>(mut run: impl FnMut() -> T) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..15 {
        let start = Instant::now();
        black_box(run());
        least = least.min(start.elapsed().as_secs_f64());
    }
    least
}

/// The least processor time of several runs on this thread, in seconds: what others do on the machine is not in it.
fn processor<T>(mut run: impl FnMut() -> T) -> f64 {
    let time = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let mut least = f64::INFINITY;
    for _ in 0..15 {
        let start = time();
        black_box(run());
        least = least.min(time() - start);
    }
    least
}

fn load(persons: u32, csv: Option<&str>) -> Audience {
    let names: Vec<String> = {
        let mut audience = Audience::new();
        let mut dice = SmallRng::seed_from_u64(3);
        for number in 0..500 {
            let values = person(&mut dice);
            audience
                .upsert(&format!("{number}"), values.iter().map(|(name, value)| (name.as_str(), Some(value.clone()))));
        }
        audience.as_view().column_names().map(str::to_owned).collect()
    };
    let mut out = csv.map(|path| std::io::BufWriter::new(std::fs::File::create(path).unwrap()));
    if let Some(out) = &mut out {
        writeln!(out, "{}", names.iter().map(|name| name.replace('.', "_")).collect::<Vec<_>>().join(",")).unwrap();
    }
    let mut dice = SmallRng::seed_from_u64(7);
    let mut audience = Audience::new();
    let columns: BTreeMap<&str, _> = names.iter().map(|name| (name.as_str(), audience.column(name))).collect();
    let mut line = String::new();
    for number in 0..persons {
        let row = audience.admit(&format!("01J{number:023}"));
        let values: BTreeMap<String, Value> = person(&mut dice).into_iter().collect();
        if let Some(out) = &mut out {
            line.clear();
            for (place, name) in names.iter().enumerate() {
                let value = values.get(name).map_or_else(|| "\\N".to_owned(), field);
                write!(line, "{}{value}", if place == 0 { "" } else { "," }).unwrap();
            }
            writeln!(out, "{line}").unwrap();
        }
        for (name, value) in values {
            audience.set(row, columns[name.as_str()], Some(value));
        }
    }
    audience
}

/// A hundred segments of three predicates each.
fn segments() -> Vec<String> {
    let mut dice = SmallRng::seed_from_u64(11);
    let mut one = || match dice.random_range(0..8) {
        0 => format!("attributes.age > {}", dice.random_range(18..80)),
        1 => format!("traits.balance > {}.0", dice.random_range(1..5000)),
        2 => format!("'tag{}' in tags", dice.random_range(0..70)),
        3 => format!("attributes.city != 'city{}'", dice.random_range(0..200)),
        4 => format!("attributes.x{} < {}", dice.random_range(0..9) * 3, dice.random_range(100..1000)),
        5 => format!("traits.last_seen > timestamp('2026-{:02}-01T00:00:00Z')", dice.random_range(1..11)),
        6 => format!("attributes.x{} >= 0.{}", dice.random_range(0..9) * 3 + 1, dice.random_range(0..9)),
        _ => "consents.marketing".to_owned(),
    };
    (0..100).map(|_| format!("{} && {} && {}", one(), one(), one())).collect()
}

fn live(
    audience: &Audience,
    view: &View,
    schema: &Schema,
    given: &Given,
    figures: &mut BTreeMap<String, serde_json::Value>,
) {
    let programs = segments().into_iter().map(|text| compile(&text, schema, Type::Bool).unwrap());
    let rules = RuleSet::new(programs).unwrap();
    let mut live = Live::new(rules, schema);
    let mut evaluation = Evaluation::default();
    let rows: Vec<u32> = {
        let mut dice = SmallRng::seed_from_u64(5);
        (0..100_000).map(|_| dice.random_range(0..audience.len() as u32)).collect()
    };
    let path = |name: &str| schema.path(name).unwrap();
    let all: Vec<usize> = (0..100).collect();
    let mut touched = live.rules().affected(path("traits"), Some("balance"));
    touched.extend(live.rules().affected(path("traits"), Some("last_seen")));
    touched.sort_unstable();
    touched.dedup();
    dense(live.rules(), view, schema, figures);
    let one = vec![rows[0]; 100_000];
    for (name, rows, rules) in [
        ("one person", &one, &all),
        ("random persons", &rows, &all),
        ("one person, rules of two changed traits", &one, &touched),
        ("random persons, rules of two changed traits", &rows, &touched),
    ] {
        let mut entered = 0;
        let seconds = processor(|| {
            entered = 0;
            for row in rows {
                live.evaluate(view, *row, given, rules.iter().copied(), &mut evaluation);
                entered += evaluation.satisfied().count();
            }
        });
        let micros = seconds * 10.0;
        println!(
            "live, {name}: {} segments of 3 predicates ({} distinct in 100) in {micros:.2} us a person, {entered} held",
            rules.len(),
            live.rules().predicates()
        );
        figures.insert(format!("live_us {name}"), micros.into());
    }
}

/// A thousand persons whose values stand in the order of the slots, as a service has one person at hand.
fn dense(rules: &RuleSet, view: &View, schema: &Schema, figures: &mut BTreeMap<String, serde_json::Value>) {
    let name = |slot: &attune_expression::Access| {
        let path = &schema.field(slot.path()).unwrap().path;
        slot.keys().iter().fold(path.clone(), |name, key| format!("{name}.{key}"))
    };
    let names: Vec<String> = rules.slots().iter().map(name).collect();
    let persons: Vec<Vec<Option<Value>>> =
        (0..1000).map(|row| names.iter().map(|name| view.value(row, name)).collect()).collect();
    let nothing = attune_expression::MapSource::from_json(schema, &serde_json::json!({}));
    let mut evaluation = Evaluation::default();
    let seconds = processor(|| {
        let mut held = 0;
        for person in &persons {
            let values: Vec<Option<attune_expression::ValueRef<'_>>> =
                person.iter().map(|value| value.as_ref().map(attune_expression::AsValue::as_value)).collect();
            rules.evaluate_dense(&values, &nothing, 0..rules.len(), &mut evaluation);
            held += evaluation.satisfied().count();
        }
        held
    });
    println!(
        "live, values at hand: {} segments, {} slots, in {:.2} us a person",
        rules.len(),
        names.len(),
        seconds * 1e3
    );
    figures.insert("live_us values at hand".to_owned(), (seconds * 1e3).into());
}

fn main() {
    let (mut persons, mut threads, mut csv, mut json) = (1_000_000_u32, 0, None, None);
    let mut args = std::env::args().skip(1);
    while let (Some(flag), Some(value)) = (args.next(), args.next()) {
        match flag.as_str() {
            "--persons" => persons = value.parse().unwrap(),
            "--threads" => threads = value.parse().unwrap(),
            "--csv" => csv = Some(value),
            "--json" => json = Some(value),
            other => eprintln!("unknown option {other}"),
        }
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().unwrap();
    let start = Instant::now();
    let audience = load(persons, csv.as_deref());
    let view = audience.view();
    let bytes: usize = view.memory().values().sum();
    println!(
        "{persons} persons, {} columns, made and loaded in {:.1} s; {:.0} bytes a person in columns, {:.0} for ids",
        view.column_names().count(),
        start.elapsed().as_secs_f64(),
        bytes as f64 / f64::from(persons),
        audience.index_memory() as f64 / f64::from(persons),
    );
    let schema = schema();
    let given = Given::new().with(schema.path("now").unwrap(), Timestamp::from_micros(NOW));
    let mut figures: BTreeMap<String, serde_json::Value> = BTreeMap::new();
    for (name, text) in EXPRESSIONS {
        let mut count = 0;
        let seconds = best(|| {
            let program = compile(text, &schema, Type::Bool).unwrap();
            let query = Query::new(&program, &schema).unwrap();
            count = view.count(&query, &given);
        });
        println!("preview {name}: {count} persons in {:.3} ms", seconds * 1e3);
        figures.insert(name.to_owned(), serde_json::json!({"count": count, "seconds": seconds}));
    }
    let mut sets: Vec<Set> = Vec::new();
    for text in segments() {
        let query = Query::new(&compile(&text, &schema, Type::Bool).unwrap(), &schema).unwrap();
        sets.push(view.select(&query, &given));
    }
    overlaps("100 segments of the rules", &sets, &mut figures);
    for share in [0.001, 0.01, 0.1, 0.5] {
        let mut dice = SmallRng::seed_from_u64(13);
        let sets: Vec<Set> = (0..100).map(|_| (0..persons).filter(|_| dice.random_bool(share)).collect()).collect();
        overlaps(&format!("100 random segments of {share}"), &sets, &mut figures);
    }
    let seconds = best(|| audience.view());
    println!("a view: {:.1} us", seconds * 1e6);
    live(&audience, &view, &schema, &given, &mut figures);
    let start = Instant::now();
    let rest = view.everybody().and_not(&sets[0]);
    let compared = compare(&view, &sets[0], &rest).unwrap();
    println!(
        "compare {} with {} persons over {} traits: {:.2} s, first {}",
        compared.sizes[0],
        compared.sizes[1],
        compared.differences.len(),
        start.elapsed().as_secs_f64(),
        compared.differences[0].name,
    );
    let start = Instant::now();
    let alike = lookalike(&view, &sets[0], &view.everybody(), 10_000, &Options::default()).unwrap();
    println!("look-alike of {}: {:.2} s, {:?}", sets[0].len(), start.elapsed().as_secs_f64(), alike.quality);
    if let Some(path) = json {
        std::fs::write(path, serde_json::to_string_pretty(&figures).unwrap()).unwrap();
    }
}

/// Overlaps of dense blocks, and the same with compressed bitmaps.
fn overlaps(what: &str, sets: &[Set], figures: &mut BTreeMap<String, serde_json::Value>) {
    let seconds = best(|| Overlap::of(&sets.iter().collect::<Vec<_>>()));
    let bitmaps: Vec<roaring::RoaringBitmap> = sets.iter().map(|set| set.iter().collect()).collect();
    let start = Instant::now();
    let mut total = 0;
    for (place, one) in bitmaps.iter().enumerate() {
        for other in &bitmaps[place + 1..] {
            total += one.intersection_len(other);
        }
    }
    let other = start.elapsed().as_secs_f64();
    let kib = sets.iter().map(Set::memory).sum::<usize>() / 1024;
    let other_kib = bitmaps.iter().map(roaring::RoaringBitmap::serialized_size).sum::<usize>() / 1024;
    println!(
        "overlap of {what}: {:.1} ms, {kib} KiB; compressed bitmaps on one thread: {:.1} ms, {other_kib} KiB ({total})",
        seconds * 1e3,
        other * 1e3,
    );
    figures.insert(format!("overlap {what}"), serde_json::json!({"seconds": seconds, "roaring_seconds": other}));
}
