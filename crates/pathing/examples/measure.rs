//! Measures the engine on an event log: `measure FILE.csv [--repeats N] [--threads N]`.
//!
//! For each question the least processor time of several runs, in millions of events a second of one core, once the log
//! is in memory; and the time to read it. Answers are printed in short, so that they can be compared.
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::time::{Duration, Instant};

use attune_pathing::cohort::time_to;
use attune_pathing::funnel::Funnel;
use attune_pathing::load::{Layout, csv};
use attune_pathing::log::EventLog;
use attune_pathing::pattern::{Atom, Pattern, Search, find};
use attune_pathing::sessions::{Unit, sequences};
use attune_pathing::{graph, paths};
use rustix::time::{ClockId, clock_gettime};

fn cpu() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

struct Bench {
    repeats: usize,
    events: f64,
}

impl Bench {
    fn run<R>(&self, name: &str, question: impl Fn() -> R, tell: impl Fn(&R) -> String) {
        let (mut best, mut wall) = (f64::MAX, f64::MAX);
        let mut told = String::new();
        for _ in 0..self.repeats {
            let (started, before) = (Instant::now(), cpu());
            let answer = black_box(question());
            best = best.min(cpu() - before);
            wall = wall.min(started.elapsed().as_secs_f64());
            told = tell(&answer);
        }
        println!(
            "{name:<34} {:8.2} ms cpu {:8.2} ms {:8.1} M/core-s  {told}",
            best * 1e3,
            wall * 1e3,
            self.events / best / 1e6
        );
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let flag = |name: &str, default: usize| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let (repeats, threads) = (flag("--repeats", 7), flag("--threads", 1));
    let file = arguments.get(1).ok_or("the file is missing")?;
    let read = |properties: &[&str]| -> Result<EventLog, Box<dyn Error>> {
        let properties = properties.iter().map(|name| (*name).to_owned()).collect();
        Ok(csv(File::open(file)?, &Layout { properties, ..Layout::default() }, threads)?)
    };
    let log = read(&[])?;
    let bench = Bench { repeats, events: log.len() as f64 };
    println!(
        "{} events, {} customers, {} names, {threads} threads",
        log.len(),
        log.customers().len(),
        log.names().len()
    );
    let loading = Bench { repeats: repeats.min(3), events: bench.events };
    loading.run("load csv", || read(&[]).map_or(0, |log| log.len()), |rows| format!("{rows} rows"));

    let person = sequences(&log, Unit::Customer, threads);
    let half_hour = Unit::Session { gap: Duration::from_secs(1800) };
    let session = sequences(&log, half_hour, threads);
    let steps = ["home", "search", "view", "cart", "pay"];
    let day = Funnel::named(steps, Duration::from_secs(86_400));
    let quick = Funnel::named(steps, Duration::from_secs(1800));
    let tally = |levels: &Vec<u32>| {
        let reached = |step| levels.iter().filter(|level| **level >= step).count();
        format!("{:?}", (1..=5).map(reached).collect::<Vec<_>>())
    };
    bench.run("funnel by person, 24 h, levels", || day.levels(&log, &person, threads), tally);
    bench.run("funnel by session, 30 min, levels", || quick.levels(&log, &session, threads), tally);
    let told = |steps: &Vec<attune_pathing::funnel::Step>| {
        format!("{:?}", steps.iter().map(|step| (step.reached, step.median_seconds)).collect::<Vec<_>>())
    };
    bench.run("funnel by person, with medians", || day.run(&log, &person, threads), told);
    bench.run("funnel by session, with medians", || quick.run(&log, &session, threads), told);
    for (name, text, unit) in [
        ("cart not bought, by session", "view (search)* cart !pay", &session),
        ("cart not bought, by person", "view (search)* cart !pay", &person),
        ("view search* cart", "view search* cart", &person),
        ("view ... pay", "view ... pay", &session),
    ] {
        let pattern = Pattern::parse(text)?;
        let run = || find(&log, unit, &pattern, Search::default(), threads);
        bench.run(name, run, |found| format!("{} matches", found.len()));
    }
    let limited = Search { within: Some(Duration::from_secs(1800)), overlapping: false };
    let pattern = Pattern::parse("view (search)* cart !pay")?;
    let run = || find(&log, &person, &pattern, limited, threads);
    bench.run("cart not bought in 30 min", run, |found| format!("{} matches", found.len()));
    let sum = |totals: &Option<Vec<graph::Total>>| {
        totals
            .as_ref()
            .map_or_else(String::new, |totals| format!("{}", totals.iter().map(|one| one.count).sum::<u64>()))
    };
    bench.run("graph, counts and means", || graph::totals(&log, &person, threads), sum);
    bench.run(
        "graph, with medians",
        || graph::directly_follows(&log, &person, threads),
        |edges| format!("{} edges", edges.len()),
    );
    bench.run("sessions of 30 min", || sequences(&log, half_hour, threads), |found| format!("{}", found.len()));
    bench.run(
        "sessions, id on each row",
        || sequences(&log, half_hour, threads).by_row(),
        |ids| format!("{:?}", ids.last()),
    );
    let (started, sent) = (Atom::named("form_start"), Atom::named("form_submit"));
    let wait = Some(Duration::from_secs(1800));
    bench.run(
        "forms abandoned in 30 min",
        || time_to(&log, &person, &started, &sent, wait, threads),
        |found| format!("{} of {}, median {:?}", found.abandoned(), found.began, found.quantile(0.5)),
    );
    bench.run(
        "top 5-grams",
        || paths::top_paths(&log, &person, 5, 10, threads),
        |paths| paths.first().map_or_else(String::new, |path| format!("{} {}", path.text(), path.count)),
    );
    Ok(())
}
