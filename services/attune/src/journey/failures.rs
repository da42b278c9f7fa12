//! `attune journey failures`: what was started and not finished, where it was left and what goes with it.

use std::ops::Range;

use attune_failure::abandonment::{Case, Outcome, Undertaking, ends};
use attune_failure::evidence::{Finding, findings};
use attune_failure::features::{Features, Wanted, features};
use attune_pathing::log::EventLog;
use attune_pathing::pattern::Atom;
use attune_plot::bars::{Bars, Row, Value};
use serde_json::json;

use super::table::Table;
use super::{input, plot};
use crate::exit::Failure;
use crate::files::Files;
use crate::options::analysis::{FailuresOptions, FeatureOptions};

/// Prints how cases ended, their last steps and fields, and what is over-represented among the abandoned.
///
/// # Errors
/// Usage or bad input.
pub(crate) fn run(options: &FailuresOptions) -> Result<(), Failure> {
    plot::check(options.plot.as_deref())?;
    options.output.as_deref().map_or(Ok(()), Files::check)?;
    let (start, done) = (input::atom("start", &options.start)?, input::atom("done", &options.done)?);
    let mut properties = input::properties([&start, &done]);
    properties.extend(options.features.property.iter().cloned().chain(options.field.clone()));
    properties.sort_unstable();
    properties.dedup();
    let log = input::events(&options.events, properties)?;
    let threads = input::threads(&options.events.columns);
    let sequences = input::cut(&log, options.unit, threads);
    let until = (0..log.len()).map(|row| log.time(row)).max();
    let undertaking = Undertaking { start, done, within: options.within, field: options.field.clone(), until };
    let cases = undertaking.cases(&log, &sequences, threads);
    let mut table =
        Table::new(&["kind", "name", "cases", "share", "lift", "odds_ratio", "odds_low", "odds_high", "p", "q"]);
    let count = |outcome| cases.iter().filter(|case| case.outcome == outcome).count() as u64;
    for (outcome, name) in [(Outcome::Done, "done"), (Outcome::Abandoned, "abandoned"), (Outcome::Open, "open")] {
        table.push(plain("outcome", name, count(outcome), cases.len() as u64));
    }
    let abandoned = count(Outcome::Abandoned);
    for (name, ended) in ends(&cases, |case| Some(log.name(case.last).to_owned())) {
        table.push(plain("last step", &name, ended, abandoned));
    }
    for (name, ended) in ends(&cases, |case| case.field.clone()) {
        table.push(plain("last field", &name, ended, abandoned));
    }
    let (features, found) = causes(&log, &cases, &undertaking, &options.features);
    for finding in &found {
        let label = &features.features[finding.feature].label;
        let figures =
            [finding.lift, finding.odds_ratio, finding.odds_interval.0, finding.odds_interval.1, finding.p, finding.q];
        let mut row = plain("goes with", label, finding.with, finding.shown);
        row.truncate(4);
        row.extend(figures.map(|figure| json!(figure)));
        table.push(row);
    }
    if let Some(path) = &options.output {
        let mut list = Table::new(&["customer", "started", "last_event", "last_time", "field"]);
        for case in cases.iter().filter(|case| case.outcome == Outcome::Abandoned) {
            list.push(vec![
                json!(log.customers().text(sequences.get(case.sequence).customer)),
                json!(log.time(case.row).to_string()),
                json!(log.name(case.last)),
                json!(log.time(case.last).to_string()),
                json!(case.field),
            ]);
        }
        list.save(path)?;
    }
    plot::write(options.plot.as_deref(), || bars(&features, &found).svg())?;
    table.print(options.format)
}

fn plain(kind: &str, name: &str, count: u64, of: u64) -> Vec<serde_json::Value> {
    let share = if of == 0 { 0.0 } else { count as f64 / of as f64 };
    let mut row = vec![json!(kind), json!(name), json!(count), json!(share)];
    row.resize(10, json!(null));
    row
}

/// What is over-represented among the abandoned cases beside those that were finished.
fn causes(
    log: &EventLog,
    cases: &[Case],
    undertaking: &Undertaking,
    options: &FeatureOptions,
) -> (Features, Vec<Finding>) {
    let closed: Vec<&Case> = cases.iter().filter(|case| case.outcome != Outcome::Open).collect();
    let rows: Vec<Range<usize>> =
        closed.iter().map(|case| case.row..case.last + usize::from(case.outcome == Outcome::Abandoned)).collect();
    let own = |atom: &Atom| atom.name.clone();
    let mut without = options.without.clone();
    without.extend(own(&undertaking.start).into_iter().chain(own(&undertaking.done)));
    let wanted = Wanted { properties: &options.property, without: &without, least: options.least };
    let features = features(log, &rows, &wanted);
    let outcome: Vec<bool> = closed.iter().map(|case| case.outcome == Outcome::Abandoned).collect();
    let found = findings(&features, &outcome);
    (features, found)
}

/// Rows of a picture.
const ROWS: usize = 20;

fn bars(features: &Features, found: &[Finding]) -> Bars {
    let row = |finding: &Finding| Row {
        label: features.features[finding.feature].label.clone(),
        values: vec![Some(Value {
            value: finding.odds_ratio.ln(),
            interval: Some((finding.odds_interval.0.ln(), finding.odds_interval.1.ln())),
        })],
    };
    Bars {
        title: "What goes with abandoning".to_owned(),
        axis: "logarithm of the odds ratio, with 95 % intervals".to_owned(),
        series: vec!["log odds ratio".to_owned()],
        rows: found.iter().take(ROWS).map(row).collect(),
        ..Bars::default()
    }
}
