//! `attune profile score`.

use std::fmt::Write as _;

use attune_learning::evaluate::drift::{Drift, stability};
use attune_learning::model::Model;
use attune_learning::special::logistic;
use serde::Serialize;

use super::{imported, input, refused};
use crate::exit::Failure;
use crate::files::Files;
use crate::options::learn::ScoreOptions;
use crate::options::profile::PageFormat;
use crate::output;
use crate::rows::Rows;

/// What was scored.
#[derive(Debug, Serialize)]
struct Summary {
    rows: u64,
    mean_probability: f64,
    /// How far the scores and the columns are from those of the training, the furthest first.
    drift: Vec<Drift>,
    /// Columns of the model that the file does not have; their values count as missing.
    missing_columns: Vec<String>,
}

/// Scores rows.
///
/// # Errors
/// Bad input; a file that cannot be written.
pub(crate) fn run(options: &ScoreOptions) -> Result<(), Failure> {
    Files::check(&options.output)?;
    let name = options.model.display().to_string();
    let bytes = std::fs::read(&options.model).map_err(|error| Failure::input(format!("{name}: {error}")))?;
    // Models of our own are JSON; what is not is asked as ONNX.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return imported::run(options, &name, &bytes);
    }
    if !options.features.is_empty() {
        return Err(Failure::usage("--features is for ONNX models; this one knows its columns by name"));
    }
    let model = read(&name, &bytes)?;
    let mut rows = Rows::open(&options.input)?;
    let places: Vec<Option<usize>> =
        model.columns.iter().map(|column| rows.header().iter().position(|name| *name == column.name)).collect();
    let missing: Vec<String> = (model.columns.iter().zip(&places))
        .filter(|(_, place)| place.is_none())
        .map(|(column, _)| column.name.clone())
        .collect();
    if missing.len() == model.columns.len() {
        return Err(Failure::input(format!("{}: line 1: there is no field of the model", rows.name())));
    }
    let id = options.id_column.as_deref().map(|name| input::place(&rows, name)).transpose()?;
    let mut odds = Vec::new();
    let mut counts: Vec<Vec<u64>> = model.columns.iter().map(|column| vec![0; column.rows.len()]).collect();
    let mut failed = None;
    let mut files = Files::default();
    files
        .write(&options.output, |out| {
            let mut out = csv::Writer::from_writer(out);
            let mut record = vec!["id".to_owned(), "probability".to_owned()];
            record.extend((1..=options.reasons).flat_map(|at| [format!("reason_{at}"), format!("push_{at}")]));
            out.write_record(&record)?;
            let mut bins = vec![0; model.columns.len()];
            loop {
                let row = match rows.next() {
                    Ok(Some(row)) => row,
                    Ok(None) => return out.flush(),
                    Err(error) => {
                        failed = Some(error);
                        return Err(std::io::ErrorKind::InvalidData.into());
                    }
                };
                model.cut(|at| places[at].map(|place| row.field(place)), &mut bins);
                for (counts, bin) in counts.iter_mut().zip(&bins) {
                    counts[usize::from(*bin)] += 1;
                }
                let score = model.odds(&bins);
                odds.push(score);
                record.clear();
                record.push(id.map_or_else(|| odds.len().to_string(), |place| row.field(place).to_owned()));
                record.push(format!("{:.6}", logistic(score)));
                record.extend(reasons(&model, &bins, options.reasons));
                out.write_record(&record)?;
            }
        })
        .map_err(|error| failed.unwrap_or(error))?;
    files.finish()?;
    let mut drift: Vec<Drift> = (model.columns.iter().zip(&counts))
        .filter_map(|(column, counts)| {
            Some(Drift { name: column.name.clone(), stability: stability(&column.rows, counts)? })
        })
        .collect();
    drift.sort_by(|a, b| b.stability.total_cmp(&a.stability));
    if let Some(stability) = stability(&model.reference.rows, &model.reference.counted(&odds)) {
        drift.insert(0, Drift { name: "score".to_owned(), stability });
    }
    let mean = odds.iter().map(|odds| logistic(*odds)).sum::<f64>() / odds.len().max(1) as f64;
    let summary = Summary { rows: odds.len() as u64, mean_probability: mean, drift, missing_columns: missing };
    if options.output == std::path::Path::new("-") {
        // The rows are the output; nothing may stand between them.
        return Ok(());
    }
    match options.format {
        PageFormat::Json => output::print_json(&summary),
        PageFormat::Table => {
            output::print(&text(&summary));
            Ok(())
        }
    }
}

/// The columns that push a row the most, each with what it adds to the log-odds.
fn reasons(model: &Model, bins: &[u16], count: usize) -> Vec<String> {
    if count == 0 {
        return Vec::new();
    }
    let pushes = model.explain(bins).columns;
    let mut order: Vec<usize> = (0..pushes.len()).collect();
    order.sort_by(|a, b| pushes[*b].abs().total_cmp(&pushes[*a].abs()));
    let mut out: Vec<String> = order
        .into_iter()
        .take(count)
        .flat_map(|at| {
            let column = &model.columns[at];
            [format!("{} = {}", column.name, column.binning.label(bins[at], bins[at])), format!("{:+.4}", pushes[at])]
        })
        .collect();
    out.resize(2 * count, String::new());
    out
}

fn text(summary: &Summary) -> String {
    let mut out = format!("{} rows, mean probability {:.4}\n", summary.rows, summary.mean_probability);
    for column in &summary.missing_columns {
        // Writing to a string does not fail.
        let _ = writeln!(out, "warning: there is no field {column}; it counts as missing");
    }
    let _ = writeln!(out, "\ndrift from the training (below 0.1 none, above 0.25 much)");
    for one in &summary.drift {
        let _ = writeln!(out, "{:<30} {:>8.3}", one.name, one.stability);
    }
    out
}

fn read(name: &str, bytes: &[u8]) -> Result<Model, Failure> {
    let model: Model =
        serde_json::from_slice(bytes).map_err(|error| Failure::input(format!("{name}: not a model: {error}")))?;
    model.check().map_err(|error| refused(name, &error))?;
    Ok(model)
}
