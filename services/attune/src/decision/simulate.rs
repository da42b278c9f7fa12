//! `attune decision simulate`.
//!
//! The learner decides in each row of the log; where it decides as the log did, the answer is known: it counts and is
//! learned, all other rows are passed over. In a log of uniform choices that is rejection sampling (Li, Chu, Langford and
//! Wang 2011), without bias; in any other each row that counts has the weight 1 / propensity, and the value is divided by
//! the sum of the weights.

use std::time::Instant;

use attune_evaluation::likelihood;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use serde::Serialize;
use serde_json::json;

use super::log::Log;
use super::policy::{Decider, Policy};
use crate::exit::Failure;
use crate::files::Files;
use crate::journey::table::Table;
use crate::options::TableFormat;
use crate::options::decision::SimulateOptions;
use crate::{cpu, output};

/// The least decisions that count in a run; below, its value is not told.
const LEAST: f64 = 100.0;

/// The least rows of an action that may be the best fixed one: a handful of lucky ones is no rival.
const LEAST_OF_ACTION: usize = 30;

/// What somebody got.
#[derive(Debug, Clone, Default, Serialize)]
struct Worth {
    /// The mean reward of a decision, the mean of the runs; none where too little counts.
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    /// The decisions that counted, in effective number, the mean of the runs.
    decisions: f64,
}

/// How far two are apart.
#[derive(Debug, Serialize)]
struct Gain {
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    /// `better`, `worse`, `no gain detectable` or `insufficient support`.
    verdict: &'static str,
}

/// What came out.
#[derive(Debug, Serialize)]
struct Report {
    rows: usize,
    actions: usize,
    runs: u32,
    method: &'static str,
    confidence: f64,
    learner: Worth,
    uniform: Worth,
    best_fixed: Worth,
    /// The action that would have been best in hindsight: nobody could have known it.
    best_fixed_action: Option<String>,
    gain_over_uniform: Gain,
    gain_over_best_fixed: Gain,
    policy: Policy,
    seconds: f64,
    cpu_seconds: f64,
}

/// Says what the learner would have got.
///
/// # Errors
/// Usage or bad input.
pub(crate) fn run(options: &SimulateOptions) -> Result<(), Failure> {
    if let Some(path) = &options.run.report {
        Files::check(path)?;
    }
    let policy = Policy::read(options.run.policy.as_deref())?;
    let log = Log::read(&options.log.log, &options.log.config)?;
    let (begun, spent) = (Instant::now(), cpu::seconds());
    let runs: Vec<Worth> = super::pool(options.run.threads)?.install(|| {
        let one = |at: u32| replay(&policy, &log, options.run.seed.wrapping_add(u64::from(at)));
        (0..options.runs).into_par_iter().map(one).collect::<Result<_, _>>()
    })?;
    let learner = averaged(&runs);
    let every: Vec<usize> = (0..log.rows()).collect();
    let uniform = worth(&log, &every);
    let (best_fixed_action, best_fixed) = best(&log);
    let report = Report {
        rows: log.rows(),
        actions: log.actions.len(),
        runs: options.runs,
        method: if log.is_uniform() {
            "rejection sampling: the log chose uniformly"
        } else {
            "replay weighted by 1 / propensity: the log did not choose uniformly"
        },
        confidence: log.confidence,
        gain_over_uniform: gain(&learner, &uniform),
        gain_over_best_fixed: gain(&learner, &best_fixed),
        learner,
        uniform,
        best_fixed,
        best_fixed_action,
        policy,
        seconds: begun.elapsed().as_secs_f64(),
        cpu_seconds: cpu::seconds() - spent,
    };
    output::write_report(options.run.report.as_deref(), &report)?;
    print(&report, options)
}

/// One run of the policy over the log.
fn replay(policy: &Policy, log: &Log, seed: u64) -> Result<Worth, Failure> {
    let features = log.features();
    let mut decider = Decider::new(policy, &features, &log.actions, seed)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut counted = Vec::new();
    for row in 0..log.rows() {
        let choice = decider.decide(&features, row, random.random());
        if choice.action == log.chosen[row] {
            decider.learn(choice.action, log.rewards[row]);
            counted.push(row);
        }
    }
    Ok(worth(log, &counted))
}

/// What these rows are worth, each weighted by 1 / propensity.
fn worth(log: &Log, rows: &[usize]) -> Worth {
    let terms: Vec<(f64, f64)> = rows
        .iter()
        .map(|row| {
            let weight = 1.0 / log.propensities[*row];
            (weight * log.rewards[*row], weight)
        })
        .collect();
    let (sum, weights) = terms.iter().fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
    let squares: f64 = terms.iter().map(|one| one.1 * one.1).sum();
    let decisions = if squares > 0.0 { weights * weights / squares } else { 0.0 };
    if decisions < LEAST {
        return Worth { decisions, ..Worth::default() };
    }
    let interval = likelihood::ratio(&terms, log.confidence);
    let (low, high) = (interval.map(|one| one.low), interval.map(|one| one.high));
    Worth { value: Some(sum / weights), low, high, decisions }
}

/// The runs as one. They share the log, so their interval is as wide as that of one: many runs are no more evidence.
fn averaged(runs: &[Worth]) -> Worth {
    let mean = |of: &dyn Fn(&Worth) -> Option<f64>| {
        let all: Option<Vec<f64>> = runs.iter().map(of).collect();
        all.map(|all| all.iter().sum::<f64>() / all.len() as f64)
    };
    Worth {
        value: mean(&|run| run.value),
        low: mean(&|run| run.low),
        high: mean(&|run| run.high),
        decisions: mean(&|run| Some(run.decisions)).unwrap_or_default(),
    }
}

/// The action whose rows are worth the most.
fn best(log: &Log) -> (Option<String>, Worth) {
    let mut of_actions: Vec<Vec<usize>> = vec![Vec::new(); log.actions.len()];
    for (row, action) in log.chosen.iter().enumerate() {
        of_actions[*action].push(row);
    }
    let all = of_actions.iter().enumerate().filter(|(_, rows)| rows.len() >= LEAST_OF_ACTION);
    let all = all.map(|(action, rows)| (action, worth(log, rows))).filter(|(_, worth)| worth.value.is_some());
    let best = all.max_by(|one, two| one.1.value.unwrap_or(0.0).total_cmp(&two.1.value.unwrap_or(0.0)));
    best.map_or((None, Worth::default()), |(action, worth)| (Some(log.actions[action].clone()), worth))
}

/// How far two are apart, with an interval from theirs (Zou and Donner 2008): as wide as if they shared no row.
fn gain(one: &Worth, two: &Worth) -> Gain {
    let none = Gain { value: None, low: None, high: None, verdict: "insufficient support" };
    let (Some(a), Some(b)) = (one.value, two.value) else { return none };
    let (Some(a_low), Some(a_high), Some(b_low), Some(b_high)) = (one.low, one.high, two.low, two.high) else {
        return none;
    };
    let low = a - b - ((a - a_low).powi(2) + (b_high - b).powi(2)).sqrt();
    let high = a - b + ((a_high - a).powi(2) + (b - b_low).powi(2)).sqrt();
    let verdict = match (low > 0.0, high < 0.0) {
        (true, _) => "better",
        (_, true) => "worse",
        _ => "no gain detectable",
    };
    Gain { value: Some(a - b), low: Some(low), high: Some(high), verdict }
}

fn print(report: &Report, options: &SimulateOptions) -> Result<(), Failure> {
    if options.run.report.as_deref() == Some(std::path::Path::new("-")) {
        return Ok(());
    }
    if options.run.format == TableFormat::Json {
        return output::print_json(report);
    }
    let mut table = Table::new(&["who", "reward", "low", "high", "decisions", "verdict"]);
    let fixed = report.best_fixed_action.as_deref().unwrap_or("none");
    for (name, worth) in [
        ("learner".to_owned(), &report.learner),
        ("uniform".to_owned(), &report.uniform),
        (format!("best fixed ({fixed})"), &report.best_fixed),
    ] {
        let value = worth.value.map_or_else(|| json!("insufficient support"), |value| json!(value));
        table.push(vec![json!(name), value, json!(worth.low), json!(worth.high), json!(worth.decisions), json!(null)]);
    }
    for (name, gain) in
        [("learner - uniform", &report.gain_over_uniform), ("learner - best fixed", &report.gain_over_best_fixed)]
    {
        let row = [json!(gain.value), json!(gain.low), json!(gain.high), json!(null), json!(gain.verdict)];
        table.push([json!(name)].into_iter().chain(row).collect());
    }
    table.print(Some(options.run.format))?;
    if options.run.format == TableFormat::Table {
        output::print(&format!("\n{}; {} runs", report.method, report.runs));
    }
    Ok(())
}
