//! From rows to a model with its report.

use attune_kernel::{Code, Problem};
use attune_learning::causes::{Cause, Group, causes, leaks};
use attune_learning::data::{LeftOut, Table};
use attune_learning::evaluate::Figures;
use attune_learning::evaluate::figures::{Decile, figures};
use attune_learning::model::Model;
use attune_learning::train::{Options, Subject, cross_validate, train};
use attune_learning::{Error, MAX_COLUMNS, folds};
use attune_proto::profile::v1 as proto;

use super::sample::Rows;

/// Causes that a report names.
const CAUSES: usize = 50;
/// Groups of a cause that a report names.
const GROUPS: usize = 20;

/// What was learned.
pub(super) struct Learned {
    pub(super) model: Model,
    pub(super) report: proto::ModelReport,
    /// Rows it was learned from.
    pub(super) rows: usize,
}

/// Learns a model on so many threads. Takes the processor for minutes.
///
/// # Errors
/// `FAILED_PRECONDITION` `MODEL_UNFIT` when the rows do not determine one.
pub(super) fn learn(rows: &Rows, count: usize, seed: u64, threads: usize) -> Result<Learned, Problem> {
    let (table, rare) = table(rows);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(Problem::internal)?;
    let learned = pool.install(|| -> Result<Learned, Error> {
        let mut subject = Subject::new(&table, &rows.labels, "label", "true")?;
        subject.left_out.extend(rare);
        let settings = Options { seed, ..Options::default() };
        let dealt = folds::deal(subject.labels, count, seed);
        let probabilities = cross_validate(&subject, &dealt, count, &settings)?;
        let all: Vec<u32> = (0..).take(rows.labels.len()).collect();
        let trained = train(&subject, &all, &settings, true)?;
        let figures = figures(&probabilities, subject.labels);
        let mut report = report(&figures, &causes(&trained), &subject.left_out);
        report.leaks = leaks(&subject, &trained, seed)
            .into_iter()
            .map(|one| proto::ModelLeak { column: one.column, auc: one.auc })
            .collect();
        Ok(Learned { model: trained.model, report, rows: rows.labels.len() })
    });
    learned.map_err(|error| Problem::new(Code::FailedPrecondition, "MODEL_UNFIT", error.to_string()))
}

/// The rows as a table, and the columns that are one too many: those that the fewest persons have a value in.
fn table(rows: &Rows) -> (Table, Vec<LeftOut>) {
    let mut held = vec![0_usize; rows.names.len()];
    for (column, _) in rows.rows.iter().flatten() {
        if let Some(count) = held.get_mut(*column as usize) {
            *count += 1;
        }
    }
    let mut order: Vec<usize> = (0..rows.names.len()).collect();
    order.sort_by(|one, two| held[*two].cmp(&held[*one]).then_with(|| rows.names[*one].cmp(&rows.names[*two])));
    let dropped = order.split_off(order.len().min(MAX_COLUMNS));
    order.sort_by(|one, two| rows.names[*one].cmp(&rows.names[*two]));
    let mut places = vec![None; rows.names.len()];
    order.iter().enumerate().for_each(|(place, column)| places[*column] = Some(place));
    let mut table = Table::new(order.iter().map(|column| rows.names[*column].as_str()));
    let mut line: Vec<&str> = vec![""; order.len()];
    for row in &rows.rows {
        line.fill("");
        for (column, text) in row {
            let place = places.get(*column as usize).copied().flatten();
            let text = rows.columns.get(*column as usize).and_then(|column| column.texts.get(*text as usize));
            if let (Some(place), Some(text)) = (place, text) {
                line[place] = text;
            }
        }
        table.push(line.iter().copied());
    }
    let reason = format!("one of more than {MAX_COLUMNS} columns, and fewer persons have a value in it");
    let dropped =
        dropped.into_iter().map(|column| LeftOut { column: rows.names[column].clone(), reason: reason.clone() });
    (table, dropped.collect())
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn report(figures: &Figures, causes: &[Cause], left_out: &[LeftOut]) -> proto::ModelReport {
    let auc = figures.auc.as_ref();
    proto::ModelReport {
        person_count: count(figures.rows),
        positive_count: count(figures.positives),
        auc: auc.map_or(0.0, |auc| auc.value),
        auc_low: auc.map_or(0.0, |auc| auc.interval.0),
        auc_high: auc.map_or(0.0, |auc| auc.interval.1),
        accuracy: figures.accuracy,
        log_loss: figures.log_loss,
        brier_score: figures.brier,
        calibration_error: figures.calibration_error,
        deciles: figures.deciles.iter().map(decile).collect(),
        causes: causes.iter().take(CAUSES).filter(|cause| cause.share > 0.0).map(cause).collect(),
        unused_columns: left_out
            .iter()
            .map(|one| proto::UnusedColumn { column: one.column.clone(), reason: one.reason.clone() })
            .collect(),
        ..proto::ModelReport::default()
    }
}

fn decile(one: &Decile) -> proto::ModelDecile {
    proto::ModelDecile {
        person_count: count(one.rows),
        predicted: one.predicted,
        actual: one.actual,
        lift: one.lift,
        captured: one.captured,
    }
}

fn cause(one: &Cause) -> proto::ModelCause {
    let group = |group: &Group| proto::ModelCauseGroup {
        values: group.values.clone(),
        person_count: i64::try_from(group.rows).unwrap_or(i64::MAX),
        actual: group.actual,
        effect: group.effect,
        effect_low: group.interval.map(|interval| interval.0),
        effect_high: group.interval.map(|interval| interval.1),
    };
    proto::ModelCause {
        column: one.column.clone(),
        share: one.share,
        groups: one.groups.iter().take(GROUPS).map(group).collect(),
    }
}
