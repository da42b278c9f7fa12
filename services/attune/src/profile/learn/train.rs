//! `attune profile train`.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

use attune_learning::causes::{causes, leaks};
use attune_learning::data::Table;
use attune_learning::data::calendar;
use attune_learning::evaluate::figures;
use attune_learning::evaluate::figures::by_month;
use attune_learning::train::{Options, Subject, Trained, cross_validate, predict, train};
use attune_learning::{Error, folds};

use super::report::{Cost, Report};
use super::{input, plots, refused};
use crate::exit::Failure;
use crate::files::Files;
use crate::options::learn::TrainOptions;
use crate::options::profile::PageFormat;
use crate::{cpu, output};

/// Learns a model, says what it is worth, and writes what is asked for.
///
/// # Errors
/// Usage or bad input; a file that cannot be written.
pub(crate) fn run(options: &TrainOptions) -> Result<(), Failure> {
    let places = [&options.model, &options.report, &options.plot, &options.predictions];
    places.into_iter().flatten().try_for_each(|path| Files::check(path))?;
    let (mut table, name) = input::table(&options.input)?;
    let refuse = |error: Error| refused(&name, &error);
    let label = table.take(&options.label).map_err(refuse)?;
    for column in &options.ignore {
        table.take(column).map_err(refuse)?;
    }
    let months = months(&mut table, options.time_column.as_deref()).map_err(refuse)?;
    let label = input::label(&label, options.positive.as_deref(), &name)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads.map_or(0, NonZeroUsize::get)).build();
    let pool = pool.map_err(|error| Failure::other(error.to_string()))?;
    let subject = Subject::new(&table, &label.rows, &options.label, &label.positive).map_err(refuse)?;
    let (begun, spent) = (Instant::now(), cpu::seconds());
    let (asked, trained) = pool.install(|| learn(&subject, options)).map_err(refuse)?;
    let (probabilities, labels): (Vec<f64>, Vec<bool>) =
        asked.iter().map(|one| (one.probability, label.rows[one.row as usize])).unzip();
    let of_rows: Vec<Option<String>> =
        asked.iter().map(|one| months.get(one.row as usize).cloned().flatten()).collect();
    let report = Report {
        label: options.label.clone(),
        positive: label.positive.clone(),
        validation: options.holdout.map_or_else(
            || format!("cross-validated in {} folds", options.folds),
            |share| format!("a share of {share} kept aside"),
        ),
        left_out: subject.left_out.clone(),
        leaks: pool.install(|| leaks(&subject, &trained, options.seed)),
        figures: figures(&probabilities, &labels),
        by_month: by_month(&probabilities, &labels, &of_rows),
        causes: pool.install(|| causes(&trained)),
        training: trained.model.training.clone(),
        blend: trained.model.blend,
        cost: Cost {
            wall_seconds: begun.elapsed().as_secs_f64(),
            cpu_seconds: cpu::seconds() - spent,
            peak_memory_bytes: cpu::peak_memory_bytes(),
        },
    };
    write(options, &report, &trained, &asked, &label.rows)?;
    match options.format {
        PageFormat::Json => output::print_json(&report),
        PageFormat::Table => {
            output::print(&report.text());
            Ok(())
        }
    }
}

/// A row that the report is of.
struct Asked {
    row: u32,
    fold: u16,
    probability: f64,
}

/// Asks rows that a model has not seen; the model that is kept learns from all that are not kept aside.
fn learn(subject: &Subject<'_>, options: &TrainOptions) -> Result<(Vec<Asked>, Trained), Error> {
    let settings = Options { seed: options.seed, ..Options::default() };
    if let Some(share) = options.holdout {
        let (learned, aside) = folds::split(subject.labels, share, options.seed);
        let trained = train(subject, &learned, &settings, true)?;
        let asked = predict(subject, &trained.model, &aside);
        return Ok((
            asked.into_iter().map(|(row, probability)| Asked { row, fold: 0, probability }).collect(),
            trained,
        ));
    }
    let count = usize::from(options.folds);
    let dealt = folds::deal(subject.labels, count, options.seed);
    let all: Vec<u32> = (0..subject.labels.len() as u32).collect();
    let (probabilities, trained) =
        rayon::join(|| cross_validate(subject, &dealt, count, &settings), || train(subject, &all, &settings, true));
    let rows = (0..).zip(dealt).zip(probabilities?);
    Ok((rows.map(|((row, fold), probability)| Asked { row, fold, probability }).collect(), trained?))
}

/// The month of each row; none without a column.
fn months(table: &mut Table, column: Option<&str>) -> Result<Vec<Option<String>>, Error> {
    let Some(column) = column else { return Ok(Vec::new()) };
    let column = table.take(column)?;
    let of_texts: Vec<Option<String>> =
        column.texts.iter().map(|text| calendar::parse(text).map(calendar::month)).collect();
    Ok(column.codes.iter().map(|code| of_texts[*code as usize].clone()).collect())
}

fn write(
    options: &TrainOptions,
    report: &Report,
    trained: &Trained,
    asked: &[Asked],
    labels: &[bool],
) -> Result<(), Failure> {
    let mut files = Files::default();
    let mut json = |path: Option<&Path>, value: serde_json::Result<String>| {
        let Some(path) = path else { return Ok(()) };
        let value = value.map_err(|error| Failure::other(error.to_string()))?;
        files.write(path, |out| writeln!(out, "{value}"))
    };
    json(options.model.as_deref(), serde_json::to_string(&trained.model))?;
    json(options.report.as_deref(), serde_json::to_string_pretty(report))?;
    if let Some(path) = &options.predictions {
        files.write(path, |out| {
            writeln!(out, "row,fold,label,probability")?;
            asked.iter().try_for_each(|one| {
                let label = u8::from(labels[one.row as usize]);
                writeln!(out, "{},{},{label},{}", one.row + 1, one.fold, one.probability)
            })
        })?;
    }
    if let Some(path) = &options.plot {
        for (what, picture) in plots::of(report)? {
            files.write(&plots::named(path, what), |out| out.write_all(picture.as_bytes()))?;
        }
    }
    files.finish()
}
