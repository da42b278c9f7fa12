//! A million events come late, twice and out of order, some are taken back, some persons turn out to be one: are the traits
//! those of the whole history?
//!
//! `cargo run --release -p attune-aggregate --features reference --example differences [events] [seed]`
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a command line tool")]

mod support;

use std::collections::BTreeSet;
use std::time::Instant;

use attune_aggregate::library::{BANK, DEFAULT, SHOP, parse};
use attune_aggregate::{Declaration, Engine, Event, Removal, Scratch, reference};
use attune_kernel::Timestamp;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use support::{DAY, HOUR, NOW, Own, cpu, history};

const PER_PERSON: usize = 400;

fn declarations() -> Vec<Declaration> {
    let mut all: Vec<Declaration> = Vec::new();
    for text in [DEFAULT, BANK, SHOP] {
        for one in parse(text).expect("a library") {
            if !all.iter().any(|known| known.name == one.name) {
                all.push(one);
            }
        }
    }
    all
}

/// What happened on the way.
#[derive(Default)]
struct Tally {
    delivered: usize,
    duplicates: usize,
    late: usize,
    removed: usize,
    replayed: usize,
    merged: usize,
    compared: usize,
    differences: usize,
    by_bytes: usize,
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|one| one.parse::<u64>().ok());
    let (wanted, seed) = (arguments.next().unwrap_or(1_000_000), arguments.next().unwrap_or(1));
    let declarations = declarations();
    let engine = Engine::new(&declarations).expect("good declarations");
    println!("{} traits in {} lanes", declarations.len(), engine.lanes());
    let (mut tally, mut spent) = (Tally::default(), [0.0; 3]);
    let begun = Instant::now();
    let mut person = 0;
    while (tally.delivered as u64) < wanted {
        one_person(&engine, &declarations, seed, person, &mut tally, &mut spent);
        person += 1;
    }
    let Tally { delivered, duplicates, late, removed, replayed, merged, compared, differences, by_bytes } = tally;
    println!("{person} persons, {delivered} deliveries: {duplicates} twice, {late} more than a day late");
    println!("{removed} events taken back, {replayed} of them by way of the timeline; {merged} persons merged of two");
    println!("incremental state and full recompute: {by_bytes} differences in bytes");
    println!("traits against the definitions: {compared} compared, {differences} differences");
    println!(
        "cpu seconds: incremental with trim, decode and encode each 50 deliveries {:.1}, recompute {:.1}, definitions {:.1}; wall {:.1}",
        spent[0],
        spent[1],
        spent[2],
        begun.elapsed().as_secs_f64()
    );
    if differences + by_bytes > 0 {
        std::process::exit(1);
    }
}

/// Delivers the history of a person, and compares.
fn one_person(
    engine: &Engine,
    declarations: &[Declaration],
    seed: u64,
    person: usize,
    tally: &mut Tally,
    spent: &mut [f64; 3],
) {
    let mut random = StdRng::seed_from_u64(seed.wrapping_add(person as u64));
    let events = history(seed, person, PER_PERSON, 420);
    let mut deliveries: Vec<(i64, &Own)> = Vec::new();
    for event in &events {
        // Most come at once, some days and months later, every tenth twice.
        let copies = if random.random_range(0..10) == 0 { 2 } else { 1 };
        for _ in 0..copies {
            let delay = match random.random_range(0..10) {
                0..6 => random.random_range(0..HOUR / 60),
                6..8 => random.random_range(0..2 * DAY),
                _ => random.random_range(0..120 * DAY),
            };
            tally.late += usize::from(delay > DAY);
            deliveries.push((event.time + delay, event));
        }
    }
    tally.delivered += deliveries.len();
    deliveries.sort_by_key(|(arrival, event)| (*arrival, event.time));
    // Every tenth person is two until the end.
    let halves = if person.is_multiple_of(10) { 2 } else { 1 };
    let start = cpu();
    let mut scratch = Scratch::default();
    let mut blobs: Vec<Vec<u8>> = (0..halves)
        .map(|_| {
            let mut blob = Vec::new();
            engine.encode(&mut engine.empty(), &mut blob);
            blob
        })
        .collect();
    // The timeline's part: to know a repeat.
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for batch in deliveries.chunks(50) {
        for (half, blob) in blobs.iter_mut().enumerate() {
            let mut state = engine.decode(blob).expect("own bytes");
            let mine = batch.iter().filter(|(_, event)| event.id.len() % halves == half);
            for (_, event) in mine {
                if known.insert(&event.id) {
                    engine.apply(&mut state, &event.event(), &mut scratch);
                } else {
                    tally.duplicates += 1;
                }
            }
            let arrival = batch.last().map_or(0, |(arrival, _)| *arrival).min(NOW);
            engine.trim(&mut state, Timestamp::from_micros(arrival));
            blob.clear();
            engine.encode(&mut state, blob);
        }
    }
    let mut states = blobs.iter().map(|blob| engine.decode(blob).expect("own bytes"));
    let mut state = states.next().unwrap_or_else(|| engine.empty());
    for other in states {
        engine.absorb(&mut state, &other);
        tally.merged += 1;
    }
    let mut left: Vec<&Own> = events.iter().collect();
    left.shuffle(&mut random);
    for _ in 0..PER_PERSON / 100 {
        let Some(gone) = left.pop() else { break };
        tally.removed += 1;
        if engine.remove(&mut state, &gone.event(), &mut scratch) == Removal::NeedsTimeline {
            tally.replayed += 1;
            state = engine.replay(left.iter().map(|event| event.event()));
        }
    }
    spent[0] += cpu() - start;
    let start = cpu();
    left.sort_by_key(|event| event.time);
    let mut whole = engine.replay(left.iter().map(|event| event.event()));
    spent[1] += cpu() - start;
    let now = Timestamp::from_micros(NOW);
    let [one, two] = [&mut state, &mut whole].map(|state| {
        engine.trim(state, now);
        let mut bytes = Vec::new();
        engine.encode(state, &mut bytes);
        bytes
    });
    tally.by_bytes += usize::from(one != two);
    let start = cpu();
    let list: Vec<Event<'_>> = left.iter().map(|event| event.event()).collect();
    for ahead in [0, random.random_range(0..90 * DAY)] {
        let at = Timestamp::from_micros(NOW + ahead);
        let (found, defined) = (engine.read(&state, at), reference::read(declarations, &list, at));
        for ((declaration, found), defined) in declarations.iter().zip(&found).zip(&defined) {
            tally.compared += 1;
            if !reference::same(found, defined) {
                tally.differences += 1;
                println!("person {person}, {}: {found:?} instead of {defined:?}", declaration.name);
            }
        }
    }
    spent[2] += cpu() - start;
}
