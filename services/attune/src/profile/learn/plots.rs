//! Pictures of what a model is worth.

use std::path::{Path, PathBuf};

use attune_plot::PlotError;
use attune_plot::bars::{self, Bars};
use attune_plot::lines::{Axis, Lines, Point, Reference, Series};
use attune_plot::theme::Unit;

use super::report::Report;
use crate::exit::Failure;

/// Causes that a picture shows.
const CAUSES: usize = 15;

/// Lift, calibration and causes.
///
/// # Errors
/// A picture without anything to show.
pub(crate) fn of(report: &Report) -> Result<Vec<(&'static str, String)>, Failure> {
    let pictures = [("lift", lift(report)), ("calibration", calibration(report)), ("causes", causes(report))];
    pictures
        .into_iter()
        .map(|(what, picture)| Ok((what, picture.map_err(|error| Failure::other(format!("{what}: {error}")))?)))
        .collect()
}

/// The file of a picture: `out.svg` becomes `out.lift.svg`.
pub(crate) fn named(path: &Path, what: &str) -> PathBuf {
    path.with_extension(format!("{what}.svg"))
}

fn title(report: &Report, what: &str) -> String {
    format!("{what} of {} = {}", report.label, report.positive)
}

/// The share of the label that is captured by asking the rows with the highest scores first.
fn lift(report: &Report) -> Result<String, PlotError> {
    let deciles = &report.figures.deciles;
    let mut asked = 0;
    let total = report.figures.rows.max(1) as f64;
    let mut points = vec![Point { x: 0.0, y: 0.0, interval: None }];
    points.extend(deciles.iter().map(|one| {
        asked += one.rows;
        Point { x: asked as f64 / total, y: one.captured, interval: None }
    }));
    let picture = Lines {
        title: title(report, "Capture"),
        x: Axis { label: "share of the rows, the highest scores first".to_owned(), unit: Unit::Share },
        y: Axis { label: "share of the label among them".to_owned(), unit: Unit::Share },
        series: vec![Series { name: "model".to_owned(), points }],
        reference: Some(Reference::Diagonal),
    };
    picture.svg()
}

fn calibration(report: &Report) -> Result<String, PlotError> {
    let points = report.figures.deciles.iter().rev().map(|one| {
        let reach = 1.96 * (one.actual * (1.0 - one.actual) / one.rows as f64).sqrt();
        let interval = Some(((one.actual - reach).max(0.0), (one.actual + reach).min(1.0)));
        Point { x: one.predicted, y: one.actual, interval }
    });
    let picture = Lines {
        title: title(report, "Calibration"),
        x: Axis { label: "predicted probability".to_owned(), unit: Unit::Share },
        y: Axis { label: "what happened".to_owned(), unit: Unit::Share },
        series: vec![Series { name: "tenths of the rows".to_owned(), points: points.collect() }],
        reference: Some(Reference::Diagonal),
    };
    picture.svg()
}

/// The groups of values with the strongest effects.
fn causes(report: &Report) -> Result<String, PlotError> {
    let groups =
        report.causes.iter().take(CAUSES).flat_map(|cause| {
            cause.groups.iter().map(move |group| (format!("{}: {}", cause.column, group.values), group))
        });
    let mut groups: Vec<_> = groups.filter(|(_, group)| group.interval.is_some()).collect();
    let weight = |group: &attune_learning::causes::Group| group.effect.abs() * (group.rows as f64).sqrt();
    groups.sort_by(|a, b| weight(b.1).total_cmp(&weight(a.1)));
    groups.truncate(CAUSES);
    groups.sort_by(|a, b| b.1.effect.total_cmp(&a.1.effect));
    let rows = groups.into_iter().map(|(label, group)| bars::Row {
        label,
        values: vec![Some(bars::Value { value: group.effect, interval: group.interval })],
    });
    let picture = Bars {
        title: title(report, "Causes"),
        axis: "change of the log-odds, the other columns being equal".to_owned(),
        series: vec!["effect".to_owned()],
        rows: rows.collect(),
        ..Bars::default()
    };
    picture.svg()
}

/// Expected and actual purchases by the number of purchases before.
///
/// # Errors
/// Without anything to show.
pub(crate) fn purchases(holdout: &attune_learning::ltv::holdout::Holdout) -> Result<String, Failure> {
    let series = |name: &str, of: fn(&attune_learning::ltv::holdout::ByFrequency) -> f64| Series {
        name: name.to_owned(),
        points: holdout
            .by_frequency
            .iter()
            .map(|row| Point { x: f64::from(row.frequency), y: of(row), interval: None })
            .collect(),
    };
    let picture = Lines {
        title: "Purchases after the observed time".to_owned(),
        x: Axis { label: "repeat purchases before (the last: that many or more)".to_owned(), unit: Unit::Number },
        y: Axis { label: "mean purchases of a customer".to_owned(), unit: Unit::Number },
        series: vec![series("actual", |row| row.actual), series("expected", |row| row.expected)],
        reference: None,
    };
    picture.svg().map_err(|error| Failure::other(error.to_string()))
}
