//! `attune journey funnel`.

use attune_pathing::funnel::{Exclusion, Funnel, Mode, Step};
use serde_json::{Value, json};

use super::table::Table;
use super::{input, plot};
use crate::exit::Failure;
use crate::options::journey::FunnelOptions;

/// Prints how many get how far.
///
/// # Errors
/// Usage or bad input.
pub(crate) fn run(options: &FunnelOptions) -> Result<(), Failure> {
    plot::check(options.plot.as_deref())?;
    let steps = input::atoms("steps", &options.steps)?;
    let mut exclusions = Vec::new();
    for text in &options.exclude {
        let events = input::atoms("exclude", text)?;
        exclusions.extend(events.into_iter().map(|event| Exclusion { event, after: 1, before: steps.len() }));
    }
    let mut properties = input::properties(steps.iter().chain(exclusions.iter().map(|one| &one.event)));
    properties.extend(options.breakdown.clone().filter(|name| !properties.contains(name)));
    let mode = Mode {
        strict_deduplication: options.strict_deduplication,
        strict_order: options.strict_order,
        strict_increase: options.strict_increase,
        any_order: options.any_order,
    };
    let funnel = Funnel { steps, within: options.within, mode, exclusions };
    let log = input::events(&options.events, properties)?;
    let threads = input::threads(&options.events.columns);
    let sequences = input::cut(&log, options.unit, threads);
    let row = |at: usize, step: Step| -> Vec<Value> {
        vec![
            json!(at + 1),
            json!(step.name),
            json!(step.reached),
            json!(step.converted_from_previous),
            json!(step.median_seconds),
        ]
    };
    let mut columns = vec!["step", "name", "reached", "converted_from_previous", "median_seconds"];
    match &options.breakdown {
        None => {
            let mut table = Table::new(&columns);
            let steps = funnel.run(&log, &sequences, threads);
            plot::write(options.plot.as_deref(), || picture(&steps, options.within).svg())?;
            for (at, step) in steps.into_iter().enumerate() {
                table.push(row(at, step));
            }
            table.print(options.format)
        }
        Some(property) => {
            columns.insert(0, "value");
            let mut table = Table::new(&columns);
            for (value, steps) in funnel.by_property(&log, &sequences, property, threads) {
                for (at, step) in steps.into_iter().enumerate() {
                    table.push([vec![json!(value)], row(at, step)].concat());
                }
            }
            table.print(options.format)
        }
    }
}

fn picture(steps: &[Step], within: std::time::Duration) -> attune_plot::funnel::Funnel {
    let name = |step: Option<&Step>| step.map(|step| step.name.clone()).unwrap_or_default();
    let limit = attune_plot::theme::Unit::Seconds.label(within.as_secs_f64());
    attune_plot::funnel::Funnel {
        title: format!("From {} to {} within {limit}", name(steps.first()), name(steps.last())),
        steps: steps
            .iter()
            .map(|step| attune_plot::funnel::Step {
                name: step.name.clone(),
                reached: step.reached,
                median_seconds: step.median_seconds,
            })
            .collect(),
    }
}
