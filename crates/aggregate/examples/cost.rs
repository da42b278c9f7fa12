//! What an event, a state and a reading cost.
//!
//! `cargo run --release -p attune-aggregate --example cost [persons] [events a person]`
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a command line tool")]

mod support;

use std::hint::black_box;

use attune_aggregate::library::{BANK, DEFAULT, parse};
use attune_aggregate::{Declaration, Engine, Scratch, State};
use attune_kernel::Timestamp;
use support::{NOW, Own, cpu, history};

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|one| one.parse::<usize>().ok());
    let (persons, events) = (arguments.next().unwrap_or(2_000), arguments.next().unwrap_or(100));
    let bank = parse(BANK).expect("a library");
    let default = parse(DEFAULT).expect("a library");
    measure("default library", &default, persons, events);
    measure("bank library", &bank, persons, events);
}

fn measure(name: &str, declarations: &[Declaration], persons: usize, events: usize) {
    let engine = Engine::new(declarations).expect("good declarations");
    let histories: Vec<Vec<Own>> = (0..persons).map(|person| history(7, person, events, 365)).collect();
    let total = (persons * events) as f64;
    let now = Timestamp::from_micros(NOW);
    println!("{name}: {} traits in {} lanes; {persons} persons of {events} events", declarations.len(), engine.lanes());

    let best = |run: &mut dyn FnMut()| {
        (0..5)
            .map(|_| {
                let start = cpu();
                run();
                cpu() - start
            })
            .fold(f64::INFINITY, f64::min)
    };
    let mut states: Vec<State> = Vec::new();
    let apply = best(&mut || {
        states.clear();
        let mut scratch = Scratch::default();
        for history in &histories {
            let mut state = engine.empty();
            for event in history {
                engine.apply(&mut state, &event.event(), &mut scratch);
            }
            states.push(state);
        }
    });
    println!("  apply           {:8.3} us an event, of a state in memory", apply * 1e6 / total);
    states.iter_mut().for_each(|state| engine.trim(state, now));

    let mut blobs: Vec<Vec<u8>> = vec![Vec::new(); persons];
    let encode = best(&mut || {
        for (state, blob) in states.iter_mut().zip(&mut blobs) {
            blob.clear();
            engine.encode(state, blob);
        }
    });
    let mut sizes: Vec<usize> = blobs.iter().map(Vec::len).collect();
    sizes.sort_unstable();
    println!(
        "  bytes a person  {:8} median, {} p99, {} max",
        sizes[persons / 2],
        sizes[persons * 99 / 100],
        sizes[persons - 1]
    );
    println!("  encode          {:8.3} us a state", encode * 1e6 / persons as f64);
    let decode = best(&mut || {
        for blob in &blobs {
            black_box(engine.decode(blob).expect("own bytes"));
        }
    });
    println!("  decode          {:8.3} us a state", decode * 1e6 / persons as f64);
    let mut state = engine.empty();
    let again = best(&mut || {
        for blob in &blobs {
            engine.decode_into(blob, &mut state).expect("own bytes");
            black_box(&state);
        }
    });
    println!("  decode again    {:8.3} us a state, into memory that was used before", again * 1e6 / persons as f64);
    let both = best(&mut || {
        let mut out = Vec::new();
        for blob in &blobs {
            engine.decode_into(blob, &mut state).expect("own bytes");
            out.clear();
            engine.encode(&mut state, &mut out);
            black_box(&out);
        }
    });
    println!("  there and back  {:8.3} us a state: decoded again, encoded", both * 1e6 / persons as f64);
    let trim = best(&mut || states.iter_mut().for_each(|state| engine.trim(state, now)));
    println!("  trim            {:8.3} us a state", trim * 1e6 / persons as f64);
    let batch = best(&mut || {
        let mut scratch = Scratch::default();
        let mut out = Vec::new();
        for (blob, history) in blobs.iter().zip(&histories) {
            engine.decode_into(blob, &mut state).expect("own bytes");
            for event in history.iter().rev().take(10) {
                engine.apply(&mut state, &event.event(), &mut scratch);
            }
            out.clear();
            engine.encode(&mut state, &mut out);
            black_box(&out);
        }
    });
    println!("  decode, 10 events, encode {:.3} us an event", batch * 1e6 / (persons * 10) as f64);
    let mut values = Vec::new();
    let read = best(&mut || {
        for blob in &blobs {
            engine.decode_into(blob, &mut state).expect("own bytes");
            engine.read_into(&state, now, &mut values);
            black_box(&values);
        }
    });
    println!(
        "  read            {:8.3} us for all traits, of a state just decoded",
        (read - again) * 1e6 / persons as f64
    );
    let due = best(&mut || {
        for state in &states {
            black_box(engine.next_change(state, now));
        }
    });
    println!("  next change     {:8.3} us a state", due * 1e6 / persons as f64);
}
