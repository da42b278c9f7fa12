//! Pictures of what the commands print.

use std::path::Path;

use attune_plot::PlotError;
use attune_plot::graph::{Edge, Graph, Node};

use crate::exit::Failure;

/// Refuses a picture's file whose name promises another format, before any work is done.
///
/// # Errors
/// Usage.
pub(crate) fn check(path: Option<&Path>) -> Result<(), Failure> {
    let is_svg = |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg"));
    match path {
        Some(path) if !is_svg(path) => {
            Err(Failure::usage(format!("--plot: {}: pictures are svg; name a file that ends in .svg", path.display())))
        }
        _ => Ok(()),
    }
}

/// Writes a picture where one is asked for.
///
/// # Errors
/// When there is no such picture, or the file cannot be written.
pub(crate) fn write(path: Option<&Path>, draw: impl FnOnce() -> Result<String, PlotError>) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let failed = |error: &dyn std::fmt::Display| Failure::other(format!("{}: {error}", path.display()));
    let svg = draw().map_err(|error| failed(&error))?;
    std::fs::write(path, svg).map_err(|error| failed(&error))
}

/// The most frequent edges as a picture, with a note of what is left out.
pub(crate) fn graph(edges: &[attune_pathing::graph::Edge]) -> Graph {
    const SHOWN: usize = 40;
    let shown = &edges[..edges.len().min(SHOWN)];
    let mut names: Vec<&str> = shown.iter().flat_map(|edge| [edge.from.as_str(), edge.to.as_str()]).collect();
    names.sort_unstable();
    names.dedup();
    let place = |name: &str| names.binary_search(&name).unwrap_or_default();
    let arrivals = |name: &str| edges.iter().filter(|edge| edge.to == name).map(|edge| edge.count).sum::<u64>();
    let leaving = |name: &str| edges.iter().filter(|edge| edge.from == name).map(|edge| edge.count).sum::<u64>();
    let sum = |edges: &[attune_pathing::graph::Edge]| edges.iter().map(|edge| edge.count).sum::<u64>();
    let share = 100.0 * sum(shown) as f64 / sum(edges).max(1) as f64;
    Graph {
        title: "Which event follows which".to_owned(),
        note: format!("{} of {} edges, {share:.1} % of all transitions", shown.len(), edges.len()),
        nodes: names
            .iter()
            .map(|name| Node { name: (*name).to_owned(), count: arrivals(name).max(leaving(name)) })
            .collect(),
        edges: shown
            .iter()
            .map(|edge| Edge {
                from: place(&edge.from),
                to: place(&edge.to),
                count: edge.count,
                label: attune_plot::theme::Unit::Seconds.label(edge.median_seconds),
            })
            .collect(),
    }
}
