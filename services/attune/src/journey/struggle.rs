//! `attune journey struggle` and `attune journey impact`.

use attune_failure::impact::{Session, impact};
use attune_failure::struggle::{SIGNALS, Score, Struggle};
use attune_pathing::log::EventLog;
use attune_pathing::pattern::Atom;
use attune_pathing::probe::Probe;
use attune_pathing::sessions::{Unit, sequences};
use attune_pathing::value::Scalar;
use rustc_hash::FxHashMap;
use serde_json::json;

use super::input;
use super::table::Table;
use crate::exit::Failure;
use crate::files::Files;
use crate::options::analysis::{ImpactOptions, StruggleOptions};

/// Prints how often each signal of trouble comes; writes the sessions in trouble.
///
/// # Errors
/// Usage or bad input.
pub(crate) fn run(options: &StruggleOptions) -> Result<(), Failure> {
    options.output.as_deref().map_or(Ok(()), Files::check)?;
    let list = |name: &str, text: &Option<String>| match text {
        None => Ok(Vec::new()),
        Some(text) => input::atoms(name, text),
    };
    let struggle = Struggle {
        clicks: list("click", &options.click)?,
        target: options.target.clone(),
        errors: list("error", &options.error)?,
        slow: list("slow", &options.slow)?,
        invalid: list("invalid", &options.invalid)?,
        empty: list("empty", &options.empty)?,
        ..Struggle::default()
    };
    let named = [&struggle.clicks, &struggle.errors, &struggle.slow, &struggle.invalid, &struggle.empty];
    let mut properties = input::properties(named.into_iter().flatten());
    properties.extend(options.target.clone().filter(|target| !properties.contains(target)));
    let log = input::events(&options.events, properties)?;
    let threads = input::threads(&options.events.columns);
    let sessions = sequences(&log, Unit::Session { gap: options.gap }, threads);
    let scores = struggle.scores(&log, &sessions, threads);
    let mut table = Table::new(&["signal", "events", "sessions", "share"]);
    let mut row = |name: &str, events: Option<u64>, hit: usize| {
        let share = if scores.is_empty() { 0.0 } else { hit as f64 / scores.len() as f64 };
        table.push(vec![json!(name), json!(events), json!(hit), json!(share)]);
    };
    for (at, name) in SIGNALS.iter().enumerate() {
        let events = scores.iter().map(|score| u64::from(score.counts[at])).sum();
        row(name, Some(events), scores.iter().filter(|score| score.counts[at] > 0).count());
    }
    let in_trouble = |score: &Score| score.points >= options.least;
    row("in trouble", None, scores.iter().filter(|score| in_trouble(score)).count());
    if let Some(path) = &options.output {
        let mut columns = vec!["customer", "session", "start", "points"];
        columns.extend(SIGNALS);
        let mut list = Table::new(&columns);
        let mut worst: Vec<usize> = (0..scores.len()).filter(|at| in_trouble(&scores[*at])).collect();
        worst.sort_by(|a, b| scores[*b].points.total_cmp(&scores[*a].points).then(a.cmp(b)));
        for at in worst {
            let (session, score) = (sessions.get(at), &scores[at]);
            let mut row = vec![
                json!(log.customers().text(session.customer)),
                json!(session.session),
                json!(log.time(session.rows.start).to_string()),
                json!(score.points),
            ];
            row.extend(score.counts.iter().map(|count| json!(count)));
            list.push(row);
        }
        list.save(path)?;
    }
    table.print(options.format)
}

/// Prints what an obstacle costs; writes who was hit and did not reach the goal.
///
/// # Errors
/// Usage or bad input.
pub(crate) fn run_impact(options: &ImpactOptions) -> Result<(), Failure> {
    options.output.as_deref().map_or(Ok(()), Files::check)?;
    let obstacle = input::atoms("obstacle", &options.obstacle)?;
    let goal = input::atom("goal", &options.goal)?;
    let among = options.among.as_deref().map(|text| input::atom("among", text)).transpose()?;
    let mut properties = input::properties(obstacle.iter().chain([&goal]).chain(&among));
    properties.extend(options.value_column.clone().into_iter().chain(options.strata.clone()));
    properties.sort_unstable();
    properties.dedup();
    let log = input::events(&options.events, properties)?;
    let threads = input::threads(&options.events.columns);
    let sequences = input::cut(&log, options.unit, threads);
    let probe = |atom: &Atom| Probe::new(&log, atom);
    let obstacles: Vec<Probe<'_>> = obstacle.iter().map(probe).collect();
    let (goal, among) = (probe(&goal), among.as_ref().map(probe));
    let mut strata: FxHashMap<String, u32> = FxHashMap::default();
    let (mut compared, mut hit) = (Vec::new(), Table::new(&["customer", "session", "time"]));
    for sequence in sequences.iter() {
        let rows = || sequence.rows.clone();
        if among.as_ref().is_some_and(|among| !rows().any(|row| among.holds(row))) {
            continue;
        }
        let first_goal = rows().find(|row| goal.holds(*row));
        let met = (sequence.rows.start..first_goal.unwrap_or(sequence.rows.end))
            .find(|row| obstacles.iter().any(|obstacle| obstacle.holds(*row)));
        let value = match (&options.value_column, first_goal) {
            (_, None) => 0.0,
            (None, Some(_)) => 1.0,
            (Some(column), Some(_)) => rows().filter(|row| goal.holds(*row)).map(|row| number(&log, column, row)).sum(),
        };
        let label = options.strata.as_ref().and_then(|name| {
            let column = log.column(name)?;
            rows().find_map(|row| column.label(row))
        });
        let next = strata.len() as u32;
        let stratum = *strata.entry(label.unwrap_or_default()).or_insert(next);
        compared.push(Session { customer: sequence.customer, stratum, hit: met.is_some(), value });
        if let (Some(row), None) = (met, first_goal) {
            let customer = log.customers().text(sequence.customer);
            hit.push(vec![json!(customer), json!(sequence.session), json!(log.time(row).to_string())]);
        }
    }
    if let Some(path) = &options.output {
        hit.save(path)?;
    }
    let Some(found) = impact(&compared) else {
        return Err(Failure::input("nothing can be compared: no stratum has sequences with and without the obstacle"));
    };
    let columns = ["hit", "spared", "unmatched", "hit_mean", "expected_mean", "lost", "lost_low", "lost_high"];
    let mut table = Table::new(&columns);
    table.push(vec![
        json!(found.hit),
        json!(found.spared),
        json!(found.unmatched),
        json!(found.hit_mean),
        json!(found.expected_mean),
        json!(found.lost),
        json!(found.interval.0),
        json!(found.interval.1),
    ]);
    table.print(options.format)
}

fn number(log: &EventLog, column: &str, row: usize) -> f64 {
    match log.column(column).and_then(|column| column.get(row)) {
        Some(Scalar::Number(number)) => number,
        _ => 0.0,
    }
}
