//! Writes a shop's event log as CSV: the data that the engine is measured on.
//!
//! `generate FILE [--events N] [--sessions N] [--customers N] [--seed N] [--order time|customer] [--millis]`
//!
//! Customers come back for sessions; a session is a walk over the shop's events with pauses of a minute on the mean.
//! The same seed gives the same file.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};

use attune_kernel::Timestamp;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// What people do, and for each the weights of what they do next.
const EVENTS: [(&str, [u32; 14]); 14] = [
    ("home", [2, 30, 20, 1, 0, 0, 8, 2, 6, 0, 2, 2, 0, 1]),
    ("search", [3, 25, 45, 4, 0, 0, 3, 2, 1, 0, 1, 1, 0, 2]),
    ("view", [4, 22, 30, 14, 0, 0, 6, 2, 1, 1, 2, 2, 0, 2]),
    ("cart", [3, 14, 25, 10, 26, 0, 1, 2, 4, 0, 0, 1, 0, 2]),
    ("checkout", [2, 3, 5, 6, 4, 50, 0, 5, 6, 1, 0, 3, 0, 7]),
    ("pay", [10, 10, 12, 1, 0, 0, 1, 2, 0, 10, 6, 1, 0, 1]),
    ("campaign", [10, 20, 40, 3, 0, 0, 1, 1, 2, 0, 0, 3, 0, 1]),
    ("help", [10, 12, 12, 3, 4, 0, 0, 10, 2, 4, 0, 6, 0, 2]),
    ("login", [14, 16, 18, 8, 8, 0, 2, 2, 2, 0, 0, 3, 0, 4]),
    ("logout", [20, 5, 5, 0, 0, 0, 2, 1, 10, 0, 0, 0, 0, 0]),
    ("review", [12, 12, 20, 1, 0, 0, 1, 1, 0, 6, 4, 0, 0, 1]),
    ("form_start", [3, 3, 4, 0, 0, 0, 0, 6, 1, 0, 0, 6, 40, 8]),
    ("form_submit", [14, 10, 12, 1, 0, 0, 0, 2, 0, 6, 0, 1, 0, 1]),
    ("error", [8, 10, 12, 6, 10, 2, 0, 8, 4, 3, 0, 5, 3, 6]),
];

struct Asked {
    file: String,
    events: usize,
    sessions: usize,
    customers: usize,
    seed: u64,
    by_time: bool,
    millis: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let asked = arguments()?;
    let mut random = SmallRng::seed_from_u64(asked.seed);
    let mut events = walk(&asked, &mut random);
    if asked.by_time {
        events.sort_by_key(|event| event.1);
    } else {
        events.sort_by_key(|event| (event.0, event.1));
    }
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&asked.file)?);
    writeln!(out, "customer,time,event,amount,device")?;
    for (customer, second, event) in events {
        let device = ["web", "app", "branch"][(customer % 7 % 3) as usize];
        write!(out, "c{customer:06},")?;
        let millis = 1_767_225_600_000 + i64::from(second) * 1000;
        if asked.millis {
            write!(out, "{millis}")?;
        } else {
            write!(out, "{}", Timestamp::from_millis(millis))?;
        }
        let name = EVENTS[usize::from(event)].0;
        if name == "pay" {
            let amount: u32 = random.random_range(500..50_000);
            writeln!(out, ",{name},{}.{:02},{device}", amount / 100, amount % 100)?;
        } else {
            writeln!(out, ",{name},,{device}")?;
        }
    }
    out.flush()?;
    Ok(())
}

/// Events as customer, second and number of the name.
fn walk(asked: &Asked, random: &mut SmallRng) -> Vec<(u32, u32, u8)> {
    let mut lengths = vec![1usize; asked.sessions];
    // Long sessions grow longer: a few are ten times as long as most.
    for _ in asked.sessions..asked.events {
        let one = random.random_range(0..asked.sessions);
        let other = random.random_range(0..asked.sessions);
        lengths[one.min(other)] += 1;
    }
    let mut events = Vec::with_capacity(asked.events);
    for length in lengths {
        let customer = random.random_range(0..asked.customers as u32);
        let mut second = random.random_range(0..90 * 86_400u32);
        let mut event = [0usize, 6, 8, 1][random.random_range(0..4)];
        for _ in 0..length {
            events.push((customer, second, event as u8));
            let pause: f64 = random.random::<f64>().max(1e-9);
            second += (-60.0 * pause.ln()) as u32;
            let weights = &EVENTS[event].1;
            let mut left = random.random_range(0..weights.iter().sum::<u32>());
            event = 0;
            while left >= weights[event] {
                left -= weights[event];
                event += 1;
            }
        }
    }
    events
}

fn arguments() -> Result<Asked, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("the file to write is missing")?;
    let mut asked =
        Asked { file, events: 9_965_073, sessions: 500_000, customers: 100_000, seed: 1, by_time: true, millis: false };
    while let Some(flag) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{flag} needs a value"));
        match flag.as_str() {
            "--events" => asked.events = value()?.parse()?,
            "--sessions" => asked.sessions = value()?.parse()?,
            "--customers" => asked.customers = value()?.parse()?,
            "--seed" => asked.seed = value()?.parse()?,
            "--order" => asked.by_time = value()? == "time",
            "--millis" => asked.millis = true,
            _ => return Err(format!("unknown argument {flag}").into()),
        }
    }
    Ok(asked)
}
