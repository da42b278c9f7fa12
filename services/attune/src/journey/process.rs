//! `attune journey variants`, `conformance` and `rework`: the view of those who run processes.

use attune_pathing::conformance::conformance;
use attune_pathing::flow::variants;
use attune_pathing::pattern::Pattern;
use attune_pathing::rework::rework;
use serde_json::json;

use super::input;
use super::table::Table;
use crate::exit::Failure;
use crate::files::Files;
use crate::options::analysis::{ConformanceOptions, ReworkOptions, VariantsOptions};

/// Prints the most frequent whole sequences.
///
/// # Errors
/// Bad input.
pub(crate) fn run_variants(options: &VariantsOptions) -> Result<(), Failure> {
    let log = input::events(&options.events, Vec::new())?;
    let sequences = input::cut(&log, options.unit, input::threads(&options.events.columns));
    let found = variants(&log, &sequences, options.top);
    let mut table = Table::new(&["variant", "count", "share"]);
    for path in found.top {
        let share = path.count as f64 / sequences.len().max(1) as f64;
        table.push(vec![json!(path.text()), json!(path.count), json!(share)]);
    }
    table.print(options.format)
}

/// Prints where sequences deviate from a model, after a row of how they conform on the whole.
///
/// # Errors
/// Usage or bad input.
pub(crate) fn run_conformance(options: &ConformanceOptions) -> Result<(), Failure> {
    options.output.as_deref().map_or(Ok(()), Files::check)?;
    let model = Pattern::parse(&options.model).map_err(|error| Failure::usage(format!("--model: {error}")))?;
    let log = input::events(&options.events, input::properties(&model.program().atoms))?;
    let threads = input::threads(&options.events.columns);
    let sequences = input::cut(&log, options.unit, threads);
    let found =
        conformance(&log, &sequences, &model, threads).map_err(|error| Failure::usage(format!("--model: {error}")))?;
    if let Some(path) = &options.output {
        let mut worst: Vec<usize> = (0..found.costs.len()).filter(|at| found.costs[*at] > 0).collect();
        worst.sort_by(|a, b| found.fitness[*a].total_cmp(&found.fitness[*b]).then(a.cmp(b)));
        let mut list = Table::new(&["customer", "session", "cost", "fitness"]);
        for at in worst {
            let sequence = sequences.get(at);
            list.push(vec![
                json!(log.customers().text(sequence.customer)),
                json!(sequence.session),
                json!(found.costs[at]),
                json!(found.fitness[at]),
            ]);
        }
        list.save(path)?;
    }
    let mut table = Table::new(&["kind", "event", "count", "sequences", "share", "mean_fitness"]);
    let all = found.costs.len().max(1) as f64;
    let fitting = found.costs.iter().filter(|cost| **cost == 0).count();
    let mean = found.fitness.iter().sum::<f64>() / all;
    table.push(vec![
        json!("conforms"),
        json!(null),
        json!(fitting),
        json!(fitting),
        json!(fitting as f64 / all),
        json!(mean),
    ]);
    for deviation in found.deviations {
        table.push(vec![
            json!(if deviation.missing { "missing" } else { "extra" }),
            json!(deviation.event),
            json!(deviation.count),
            json!(deviation.sequences),
            json!(deviation.sequences as f64 / all),
            json!(null),
        ]);
    }
    table.print(options.format)
}

/// Prints what is done again and what is waited for, what takes the most time first.
///
/// # Errors
/// Bad input.
pub(crate) fn run_rework(options: &ReworkOptions) -> Result<(), Failure> {
    let log = input::events(&options.events, Vec::new())?;
    let threads = input::threads(&options.events.columns);
    let sequences = input::cut(&log, options.unit, threads);
    let mut table = Table::new(&[
        "event",
        "count",
        "sequences",
        "reworked",
        "repeats",
        "at_once",
        "again_seconds",
        "wait_mean_seconds",
        "wait_median_seconds",
        "wait_p90_seconds",
        "wait_total_seconds",
    ]);
    for step in rework(&log, &sequences, threads) {
        table.push(vec![
            json!(step.event),
            json!(step.count),
            json!(step.sequences),
            json!(step.reworked),
            json!(step.repeats),
            json!(step.at_once),
            json!(step.again_seconds),
            json!(step.wait_mean_seconds),
            json!(step.wait_median_seconds),
            json!(step.wait_p90_seconds),
            json!(step.wait_total_seconds),
        ]);
    }
    table.print(options.format)
}
