//! `attune journey flow` and `attune journey retention`.

use attune_pathing::cohort::retention;
use attune_pathing::flow::{Anchor, bands};
use attune_plot::heat::{Heat, Row};
use attune_plot::sankey::{Band, Sankey};
use serde_json::json;

use super::table::Table;
use super::{input, plot};
use crate::exit::Failure;
use crate::options::analysis::{FlowOptions, RetentionOptions};

/// Prints how many go from which event to which, step by step.
///
/// # Errors
/// Usage or bad input.
pub(crate) fn run(options: &FlowOptions) -> Result<(), Failure> {
    plot::check(options.plot.as_deref())?;
    let log = input::events(&options.events, Vec::new())?;
    let threads = input::threads(&options.events.columns);
    let sequences = input::cut(&log, options.unit, threads);
    let anchor = match (&options.from, &options.to) {
        (Some(name), _) => Anchor::From(name),
        (None, Some(name)) => Anchor::To(name),
        (None, None) => Anchor::Start,
    };
    let bands = bands(&log, &sequences, anchor, usize::from(options.steps), threads);
    let mut table = Table::new(&["step", "from", "to", "count"]);
    for band in &bands {
        table.push(vec![json!(band.step), json!(band.from), json!(band.to), json!(band.count)]);
    }
    plot::write(options.plot.as_deref(), || {
        let title = match anchor {
            Anchor::From(name) => format!("What follows {name}"),
            Anchor::To(name) => format!("What leads to {name}, backwards"),
            Anchor::Start | Anchor::End => "First steps".to_owned(),
        };
        let band = |band: attune_pathing::flow::Band| Band {
            step: band.step,
            from: band.from,
            to: band.to,
            count: band.count,
        };
        Sankey { title, bands: bands.into_iter().map(band).collect() }.svg()
    })?;
    table.print(options.format)
}

/// Prints who comes back, by the period in which they began.
///
/// # Errors
/// Usage or bad input.
pub(crate) fn run_retention(options: &RetentionOptions) -> Result<(), Failure> {
    plot::check(options.plot.as_deref())?;
    if options.period.as_micros() == 0 {
        return Err(Failure::usage("--period: must be longer than zero"));
    }
    let (begin, back) = (input::atom("begin", &options.begin)?, input::atom("back", &options.back)?);
    let log = input::events(&options.events, input::properties([&begin, &back]))?;
    let cohorts = retention(&log, &begin, &back, options.period);
    let mut table = Table::new(&["start", "size", "period", "returned", "share"]);
    for cohort in &cohorts {
        for (period, returned) in cohort.returned.iter().enumerate() {
            let share = *returned as f64 / cohort.size.max(1) as f64;
            let start = cohort.start.to_string();
            table.push(vec![json!(start), json!(cohort.size), json!(period), json!(returned), json!(share)]);
        }
    }
    plot::write(options.plot.as_deref(), || {
        let periods = cohorts.iter().map(|cohort| cohort.returned.len()).max().unwrap_or_default();
        let rows = cohorts.iter().map(|cohort| Row {
            label: cohort.start.to_string().chars().take(10).collect(),
            size: cohort.size,
            shares: cohort.returned.iter().map(|count| Some(*count as f64 / cohort.size.max(1) as f64)).collect(),
        });
        Heat {
            title: "Who comes back, by the period of the beginning".to_owned(),
            columns: (0..periods).map(|period| period.to_string()).collect(),
            rows: rows.collect(),
        }
        .svg()
    })?;
    table.print(options.format)
}
