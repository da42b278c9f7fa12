//! `attune journey paths` and `attune journey graph`.

use attune_pathing::graph::directly_follows;
use attune_pathing::paths::top_paths;
use serde_json::json;

use super::table::Table;
use super::{input, plot};
use crate::exit::Failure;
use crate::options::journey::{GraphOptions, PathsOptions};

/// Prints the most frequent paths of a length.
///
/// # Errors
/// Bad input.
pub(crate) fn run_paths(options: &PathsOptions) -> Result<(), Failure> {
    let log = input::events(&options.events, Vec::new())?;
    let threads = input::threads(&options.events.columns);
    let sequences = input::cut(&log, options.unit, threads);
    let mut table = Table::new(&["path", "count"]);
    for path in top_paths(&log, &sequences, usize::from(options.length), options.top, threads) {
        table.push(vec![json!(path.text()), json!(path.count)]);
    }
    table.print(options.format)
}

/// Prints which event follows which, and after how long.
///
/// # Errors
/// Bad input.
pub(crate) fn run_graph(options: &GraphOptions) -> Result<(), Failure> {
    plot::check(options.plot.as_deref())?;
    let log = input::events(&options.events, Vec::new())?;
    let threads = input::threads(&options.events.columns);
    let sequences = input::cut(&log, options.unit, threads);
    let mut table = Table::new(&["from", "to", "count", "median_seconds"]);
    let edges = directly_follows(&log, &sequences, threads);
    plot::write(options.plot.as_deref(), || plot::graph(&edges).svg())?;
    for edge in edges {
        table.push(vec![json!(edge.from), json!(edge.to), json!(edge.count), json!(edge.median_seconds)]);
    }
    table.print(options.format)
}
