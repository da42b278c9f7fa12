//! `attune decision classify`.

use std::time::Instant;

use attune_bandit::encode::{Encoded, Encoder};
use attune_bandit::propensity::Propensity;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::json;

use super::columns::{Columns, Features};
use super::policy::{Decider, Policy};
use super::quality::{Quality, quality};
use crate::exit::Failure;
use crate::files::Files;
use crate::journey::table::Table;
use crate::options::TableFormat;
use crate::options::decision::ClassifyOptions;
use crate::{cpu, output};

/// Parts of the file by which the loss is told.
const PARTS: usize = 10;

/// What came out.
#[derive(Debug, Serialize)]
struct Report {
    rows: usize,
    columns: Vec<String>,
    actions: Vec<String>,
    /// The share of rows whose chosen action was wrong, deciding before learning, one pass in file order.
    progressive_loss: f64,
    /// The same by tenths of the file.
    loss_by_tenth: Vec<f64>,
    /// The loss of always choosing the action that is most often right.
    best_fixed_loss: f64,
    /// How good the probability of the rarer of two labels was, told before each row's label was known, which is then
    /// learned; absent with more labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    propensity: Option<Quality>,
    policy: Policy,
    seconds: f64,
    cpu_seconds: f64,
}

/// Lets the policy choose, and says how often it was wrong.
///
/// # Errors
/// Usage or bad input.
pub(crate) fn run(options: &ClassifyOptions) -> Result<(), Failure> {
    if let Some(path) = &options.run.report {
        Files::check(path)?;
    }
    let policy = Policy::read(options.run.policy.as_deref())?;
    let columns = Columns::read(&options.input)?;
    let label = columns.place(&options.label)?;
    let ignored: Vec<usize> = options.ignore.iter().map(|name| columns.place(name)).collect::<Result<_, _>>()?;
    let places: Vec<usize> =
        (0..columns.header.len()).filter(|place| *place != label && !ignored.contains(place)).collect();
    let features = columns.features(&places);
    let texts = columns.texts(label);
    if let Some(code) = texts.code("") {
        let row = texts.codes.iter().position(|one| *one == code).unwrap_or_default();
        return Err(columns.wrong(row, label, "the label is missing"));
    }
    // Names in order, so that the order of rows says nothing.
    let mut actions = texts.names.clone();
    actions.sort();
    let number = |name: &String| actions.binary_search(name).unwrap_or_default();
    let numbers: Vec<usize> = texts.names.iter().map(number).collect();
    let right: Vec<usize> = texts.codes.iter().map(|code| numbers[*code as usize]).collect();
    let (begun, spent) = (Instant::now(), cpu::seconds());
    let (wrong, propensity) = super::pool(options.run.threads)?.install(|| {
        rayon::join(
            || choose(&policy, &features, &actions, &right, options.run.seed),
            || (actions.len() == 2).then(|| probabilities(&policy, &features, &actions, &right)),
        )
    });
    let wrong = wrong?;
    let share = |wrong: &[bool]| wrong.iter().filter(|wrong| **wrong).count() as f64 / wrong.len().max(1) as f64;
    let parts = PARTS.min(wrong.len());
    let most = (0..actions.len()).map(|action| right.iter().filter(|one| **one == action).count()).max();
    let report = Report {
        rows: columns.rows(),
        columns: features.names().iter().map(|name| (*name).to_owned()).collect(),
        progressive_loss: share(&wrong),
        loss_by_tenth: (0..parts)
            .map(|part| share(&wrong[part * wrong.len() / parts..(part + 1) * wrong.len() / parts]))
            .collect(),
        best_fixed_loss: 1.0 - most.unwrap_or_default() as f64 / columns.rows() as f64,
        actions,
        propensity,
        policy,
        seconds: begun.elapsed().as_secs_f64(),
        cpu_seconds: cpu::seconds() - spent,
    };
    output::write_report(options.run.report.as_deref(), &report)?;
    print(&report, options)
}

/// Whether each choice was wrong.
fn choose<'a>(
    policy: &Policy,
    features: &Features<'a>,
    actions: &[String],
    right: &[usize],
    seed: u64,
) -> Result<Vec<bool>, Failure> {
    let mut decider = Decider::new(policy, features, actions, seed)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut wrong = Vec::with_capacity(right.len());
    for (row, right) in right.iter().enumerate() {
        let choice = decider.decide(features, row, random.random());
        let hit = choice.action == *right;
        decider.learn(choice.action, f64::from(u8::from(hit)));
        wrong.push(!hit);
    }
    Ok(wrong)
}

/// How good the probability of the rarer label is.
fn probabilities(policy: &Policy, features: &Features<'_>, actions: &[String], right: &[usize]) -> Quality {
    let first = right.iter().filter(|one| **one == 0).count();
    let positive = usize::from(first * 2 > right.len());
    let mut encoder = Encoder::new(&features.kinds(), policy.limits(features));
    let mut model = Propensity::new(policy.propensity.clone(), encoder.shape());
    let (mut values, mut encoded) = (Vec::new(), Encoded::default());
    let (mut said, mut yes) = (Vec::with_capacity(right.len()), Vec::with_capacity(right.len()));
    for (row, right) in right.iter().enumerate() {
        features.row(row, &mut values);
        encoder.encode(&values, &mut encoded);
        said.push(model.predict(&encoded));
        yes.push(*right == positive);
        model.learn(&encoded, *right == positive);
    }
    quality(&actions[positive], &said, &yes)
}

fn print(report: &Report, options: &ClassifyOptions) -> Result<(), Failure> {
    // A report on standard output is not followed by anything else.
    if options.run.report.as_deref() == Some(std::path::Path::new("-")) {
        return Ok(());
    }
    if options.run.format == TableFormat::Json {
        return output::print_json(report);
    }
    let mut table = Table::new(&["figure", "value"]);
    let mut line = |name: &str, value: serde_json::Value| table.push(vec![json!(name), value]);
    line("rows", json!(report.rows));
    line("actions", json!(report.actions.len()));
    line("progressive_loss", json!(report.progressive_loss));
    line("loss_of_last_tenth", json!(report.loss_by_tenth.last()));
    line("best_fixed_loss", json!(report.best_fixed_loss));
    if let Some(quality) = &report.propensity {
        line("propensity_auc", json!(quality.auc));
        line("propensity_log_loss", json!(quality.log_loss));
        line("propensity_ece", json!(quality.ece));
    }
    line("seconds", json!(report.seconds));
    table.print(Some(options.run.format))
}
