//! `attune decision evaluate`.

use std::time::Instant;

use attune_evaluation::estimate::{Estimate, USUAL, evaluate};
use attune_evaluation::support::Support;
use attune_evaluation::{Sample, check};
use serde::Serialize;
use serde_json::json;

use super::log::Log;
use super::policy::{Decider, Kind, Policy};
use super::reward::Rewards;
use crate::exit::Failure;
use crate::files::Files;
use crate::journey::table::Table;
use crate::options::TableFormat;
use crate::options::decision::EvaluateOptions;
use crate::{cpu, output};

/// What is said instead of a value.
const INSUFFICIENT: &str = "insufficient support";

/// What came out.
#[derive(Debug, Serialize)]
struct Report {
    actions: usize,
    /// How the values are to be read.
    method: &'static str,
    confidence: f64,
    /// `insufficient support` where the log cannot say what the policy is worth; `warnings` say why.
    verdict: &'static str,
    warnings: Vec<String>,
    /// How many decisions.
    samples: usize,
    /// What the logging policy got itself.
    logged: Estimate,
    /// What the policy would have got, by estimator.
    estimates: Vec<Estimate>,
    /// How much the log can say.
    support: Support,
    policy: Policy,
    seconds: f64,
    cpu_seconds: f64,
}

/// Says what the policy would have been worth.
///
/// # Errors
/// Usage or bad input.
pub(crate) fn run(options: &EvaluateOptions) -> Result<(), Failure> {
    if let Some(path) = &options.run.report {
        Files::check(path)?;
    }
    let policy = Policy::read(options.run.policy.as_deref())?;
    let log = Log::read(&options.log.log, &options.log.config)?;
    let (begun, spent) = (Instant::now(), cpu::seconds());
    let samples = super::pool(options.run.threads)?.install(|| samples(&policy, &log, options.run.seed))?;
    let mut evaluation = evaluate(&samples, &USUAL, log.confidence);
    // A number that the log cannot bear is not said, neither here nor in the file.
    if !evaluation.verdict.sufficient {
        for estimate in &mut evaluation.estimates {
            (estimate.value, estimate.interval) = (None, None);
        }
    }
    let report = Report {
        actions: log.actions.len(),
        method: match policy.kind {
            Kind::Learner => "the learner learns from the log as it passes and is valued on each decision before",
            Kind::Uniform | Kind::Fixed => "the policy does not learn",
        },
        confidence: log.confidence,
        verdict: if evaluation.verdict.sufficient { "sufficient support" } else { INSUFFICIENT },
        warnings: evaluation.verdict.reasons,
        samples: evaluation.samples,
        logged: evaluation.logged,
        estimates: evaluation.estimates,
        support: evaluation.support,
        policy,
        seconds: begun.elapsed().as_secs_f64(),
        cpu_seconds: cpu::seconds() - spent,
    };
    output::write_report(options.run.report.as_deref(), &report)?;
    print(&report, options)
}

/// Each decision as estimators see it. Policy and model know the decisions before, never the one they are asked about.
fn samples(policy: &Policy, log: &Log, seed: u64) -> Result<Vec<Sample>, Failure> {
    let features = log.features();
    let (targets, predictions) = rayon::join(
        || {
            let mut decider = Decider::new(policy, &features, &log.actions, seed)?;
            let target = |row: usize| {
                // Probabilities do not depend on what would be drawn.
                let probabilities = decider.decide(&features, row, 0.0).probabilities;
                decider.learn(log.chosen[row], log.rewards[row]);
                probabilities
            };
            Ok::<_, Failure>((0..log.rows()).map(target).collect::<Vec<_>>())
        },
        || {
            let mut model = Rewards::new(log, &features, policy);
            let predict = |row: usize| {
                model.read(&features, row);
                let all: Vec<f64> = (0..log.actions.len()).map(|action| model.predict(action)).collect();
                model.learn(log.chosen[row], log.rewards[row]);
                all
            };
            (0..log.rows()).map(predict).collect::<Vec<_>>()
        },
    );
    let targets = targets?;
    let sample = |row: usize| {
        let chosen = log.chosen[row];
        let (target, predicted) = (&targets[row], &predictions[row]);
        let sample = Sample {
            reward: log.rewards[row],
            propensity: log.propensities[row],
            target: target[chosen],
            predicted: predicted[chosen],
            expected: target.iter().zip(predicted).map(|(one, two)| one * two).sum(),
        };
        check(&sample).map(|()| sample).map_err(|error| Failure::other(format!("decision {}: {error}", row + 1)))
    };
    (0..log.rows()).map(sample).collect()
}

fn print(report: &Report, options: &EvaluateOptions) -> Result<(), Failure> {
    if options.run.report.as_deref() == Some(std::path::Path::new("-")) {
        return Ok(());
    }
    if options.run.format == TableFormat::Json {
        return output::print_json(report);
    }
    let mut table = Table::new(&["estimator", "value", "low", "high"]);
    let mut line = |name: String, estimate: &Estimate| {
        let value = estimate.value.map_or_else(|| json!(INSUFFICIENT), |value| json!(value));
        let (low, high) = (estimate.interval.map(|one| one.low), estimate.interval.map(|one| one.high));
        table.push(vec![json!(name), value, json!(low), json!(high)]);
    };
    line("logged policy".to_owned(), &report.logged);
    for estimate in &report.estimates {
        let name = serde_json::to_value(estimate).ok().and_then(|all| all["name"].as_str().map(str::to_owned));
        line(name.unwrap_or_default(), estimate);
    }
    table.print(Some(options.run.format))?;
    if options.run.format == TableFormat::Table {
        let support = &report.support;
        let effective = support.effective_samples;
        output::print(&format!(
            "\n{}: {effective:.0} effective of {} decisions, {:.1} effective of {} rewarded",
            report.verdict, report.samples, support.effective_rewarded, support.rewarded
        ));
        for warning in &report.warnings {
            output::print(&format!("warning: {warning}"));
        }
    }
    Ok(())
}
