//! `attune contact optimize`.

use std::time::Instant;

use attune_kernel::Timestamp;
use attune_optimizer::{Options, Progress as Pass, Solution, Step, Stop, optimize};
use attune_plan_verifier::Claim;
use serde::Serialize;
use serde_json::json;

use super::check::check;
use super::folder;
use super::input::{History, Proposals};
use super::model::{self, RuleUse};
use super::rules::RuleFile;
use crate::cpu;
use crate::exit::Failure;
use crate::files::Files;
use crate::journey::table::{Table, chosen as form};
use crate::options::TableFormat;
use crate::options::contact::OptimizeOptions;
use crate::output;
use crate::progress::Progress;

/// Wall and processor time of a stage.
#[derive(Debug, Serialize)]
struct Stage {
    name: &'static str,
    seconds: f64,
    cpu_seconds: f64,
}

/// `report.json`.
#[derive(Debug, Serialize)]
struct Report {
    objective: f64,
    upper_bound: f64,
    gap: f64,
    stopped_by: &'static str,
    rules: Vec<RuleUse>,
    proposals: usize,
    customers: usize,
    chosen: usize,
    barred: usize,
    passes: f64,
    stages: Vec<Stage>,
    seconds: f64,
    cpu_seconds: f64,
    peak_memory_bytes: u64,
}

struct Stages {
    list: Vec<Stage>,
    wall: Instant,
    cpu: f64,
    began: (Instant, f64),
}

impl Stages {
    fn new() -> Self {
        let (wall, cpu) = (Instant::now(), cpu::seconds());
        Self { list: Vec::new(), wall, cpu, began: (wall, cpu) }
    }

    fn end(&mut self, name: &'static str) {
        let (wall, cpu) = (Instant::now(), cpu::seconds());
        let seconds = wall.duration_since(self.wall).as_secs_f64();
        self.list.push(Stage { name, seconds, cpu_seconds: cpu - self.cpu });
        (self.wall, self.cpu) = (wall, cpu);
    }
}

/// Plans.
///
/// # Errors
/// Bad input; a file that cannot be written; a plan that its check refuses.
pub(super) fn run(options: &OptimizeOptions) -> Result<(), Failure> {
    Files::check(&options.output)?;
    options.report.as_deref().map(Files::check).transpose()?;
    options.plan_dir.as_deref().map(folder::check).transpose()?;
    let now = match &options.at {
        Some(text) => Timestamp::parse(text).map_err(|error| Failure::usage(format!("--at: {error}")))?.as_micros(),
        None => attune_service_kit::clock::Clock::system().now().as_micros(),
    };
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(options.threads.map_or(0, std::num::NonZeroUsize::get)).build();
    let pool = pool.map_err(|error| Failure::other(error.to_string()))?;
    let mut stages = Stages::new();
    let rules = RuleFile::read(&options.rules)?.rules;
    let mut proposals = Proposals::read(&options.proposals)?;
    let history = match &options.history {
        Some(path) => {
            let mut offers = std::mem::take(&mut proposals.names[0]);
            let history = History::read(path, &proposals, &mut offers);
            proposals.names[0] = offers;
            history?
        }
        None => History::default(),
    };
    stages.end("read");
    let model = model::build(&proposals, &history, &rules, now)?;
    stages.end("model");
    let solution = pool.install(|| solve(&model.problem, options));
    stages.end("solve");
    let chosen: Vec<usize> = solution.chosen.iter().map(|at| model.kept[*at as usize] as usize).collect();
    let claim = Claim { objective: solution.objective, upper_bound: solution.upper_bound };
    check(&proposals, &history, &rules, &chosen, claim, now)?;
    stages.end("check");
    let uses = model::uses(&model, &rules, &proposals, &solution);
    let mut files = Files::default();
    files.write(&options.output, |out| {
        out.write_all(b"proposal_id\n")?;
        for at in &chosen {
            // Ids that hold a comma or a quote are quoted as in the file they came from.
            let id = proposals.id(*at);
            if id.contains(['"', ',', '\n', '\r']) {
                writeln!(out, "\"{}\"", id.replace('"', "\"\""))?;
            } else {
                out.write_all(id.as_bytes())?;
                out.write_all(b"\n")?;
            }
        }
        Ok(())
    })?;
    if let Some(dir) = &options.plan_dir {
        folder::write(dir, &proposals, &rules, &model, &solution, &uses)?;
    }
    files.finish()?;
    stages.end("write");
    report(
        options,
        Report {
            objective: solution.objective,
            upper_bound: solution.upper_bound,
            gap: solution.gap,
            stopped_by: match solution.stop {
                Stop::Gap => "gap",
                Stop::Time => "time",
                Stop::Stall => "stall",
            },
            rules: uses,
            proposals: proposals.len(),
            customers: proposals.customers.len(),
            chosen: chosen.len(),
            barred: model.barred.len(),
            passes: solution.passes,
            seconds: stages.began.0.elapsed().as_secs_f64(),
            cpu_seconds: cpu::seconds() - stages.began.1,
            stages: stages.list,
            peak_memory_bytes: cpu::peak_memory_bytes(),
        },
    )
}

fn solve(problem: &attune_optimizer::problem::Problem, options: &OptimizeOptions) -> Solution {
    let began = Instant::now();
    let limit = u64::try_from(options.time_limit.as_millis()).unwrap_or(u64::MAX);
    let mut progress = Progress::new("ms", limit);
    let mut told = 0;
    let solution = optimize(problem, Options { gap: options.gap, seed: options.seed }, &mut |_: Pass| {
        let spent = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).min(limit);
        progress.add(spent - told);
        told = spent;
        if began.elapsed() >= options.time_limit { Step::Stop } else { Step::Go }
    });
    progress.finish();
    solution
}

fn report(options: &OptimizeOptions, report: Report) -> Result<(), Failure> {
    output::write_report(options.report.as_deref(), &report)?;
    let to_stdout = |path: &std::path::Path| path == std::path::Path::new("-");
    if to_stdout(&options.output) || options.report.as_deref().is_some_and(to_stdout) {
        return Ok(());
    }
    match form(options.format) {
        TableFormat::Json => output::print_json(&report),
        _ => {
            let mut table = Table::new(&["rule", "used", "min", "max", "shadow_price", "shortfall"]);
            for one in &report.rules {
                table.push(vec![
                    json!(one.id),
                    json!(one.used),
                    json!(one.min),
                    json!(one.max),
                    json!(one.shadow_price),
                    json!(one.shortfall),
                ]);
            }
            table.print(options.format)?;
            if form(options.format) == TableFormat::Table {
                output::print(&format!(
                    "{} of {} proposals chosen, worth {:.2}; no plan is worth more than {:.2} (gap {:.2e}, stopped by {}); {:.1} s, {:.1} s CPU",
                    report.chosen,
                    report.proposals,
                    report.objective,
                    report.upper_bound,
                    report.gap,
                    report.stopped_by,
                    report.seconds,
                    report.cpu_seconds
                ));
            }
            Ok(())
        }
    }
}
