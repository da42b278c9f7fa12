//! `attune identity dedupe`: what it reads, does and says.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use attune_matching::dedupe::{Report, StageReport, Times};
use attune_matching::{Config, Dedupe, Error, Options, Outcome};
use serde::Serialize;

use super::{input, output};
use crate::exit::Failure;
use crate::files::Files;
use crate::options::{DedupeOptions, TableFormat};
use crate::progress::Stages;
use crate::{cpu, output as printed};

/// What `--report` holds.
#[derive(Debug, Serialize)]
struct FullReport<'a> {
    #[serde(flatten)]
    run: &'a Report,
    threads: usize,
    seed: u64,
    /// Wall clock from the start of the command to the writing of this report.
    seconds: f64,
    /// Processor time of all threads over the same time.
    cpu_seconds: f64,
    /// Most memory that was resident at a time.
    peak_memory_bytes: u64,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Summary {
    records: u64,
    persons: u64,
    pairs_compared: u64,
    pairs_kept: u64,
    threshold: f64,
    expected_precision: f64,
    expected_recall: f64,
    seconds: f64,
    cpu_seconds: f64,
    peak_memory_mb: u64,
}

/// Finds the persons in files of records.
///
/// # Errors
/// Usage, bad input that names file, line and field, or a file that cannot be written; nothing is half-written.
pub(crate) fn run(options: &DedupeOptions) -> Result<(), Failure> {
    let started = Instant::now();
    let clock = move || Times { seconds: started.elapsed().as_secs_f64(), cpu_seconds: cpu::seconds() };
    check_files(options)?;
    let config = options.config.as_deref().map(read_config).transpose()?;
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let threads = options.threads.map_or_else(cores, usize::from);
    let stages = Stages::new();

    let before = clock();
    stages.begin("read", 0, 1);
    let how = Options { seed: options.seed, threads, threshold: options.threshold, ..Options::default() };
    let mut dedupe = Dedupe::new(config, how);
    let records = input::read(options, &mut dedupe, &mut |count| stages.say(&format!("{count} records")))?;
    let read = stage("read", before, clock());

    let outcome = dedupe.run(&clock, &|name, at, of| stages.begin(name, at, of));
    let mut outcome = outcome.map_err(|error| failure(options, &error))?;

    let before = clock();
    stages.begin("write", 0, 1);
    let mut files = Files::default();
    output::write_tables(options, &records.ids, &outcome, &mut files)?;
    outcome.report.stages.insert(0, read);
    outcome.report.stages.push(stage("write", before, clock()));
    let now = clock();
    if let Some(path) = &options.report {
        let report = FullReport {
            run: &outcome.report,
            threads,
            seed: options.seed,
            seconds: now.seconds,
            cpu_seconds: now.cpu_seconds,
            peak_memory_bytes: cpu::peak_memory_bytes(),
        };
        files.write(path, |out| output::json(out, &report))?;
    }
    files.finish()?;
    stages.finish();
    if ![Some(&options.output), options.pairs.as_ref(), options.report.as_ref(), options.model.as_ref()]
        .contains(&Some(&Path::new("-").to_owned()))
    {
        print(options.format, &outcome, now)?;
    }
    Ok(())
}

fn stage(name: &str, before: Times, after: Times) -> StageReport {
    StageReport {
        stage: name.to_owned(),
        seconds: after.seconds - before.seconds,
        cpu_seconds: after.cpu_seconds - before.cpu_seconds,
    }
}

/// Looks at every file to write before anything is read.
fn check_files(options: &DedupeOptions) -> Result<(), Failure> {
    let outputs = [Some(&options.output), options.pairs.as_ref(), options.report.as_ref(), options.model.as_ref()];
    let outputs: Vec<_> = outputs.into_iter().flatten().collect();
    for (at, path) in outputs.iter().enumerate() {
        Files::check(path)?;
        if outputs[..at].contains(path) {
            return Err(Failure::usage(format!("{}: two outputs cannot be one file", path.display())));
        }
        if options.input.contains(path) && *path != Path::new("-") {
            return Err(Failure::usage(format!("{}: is an input", path.display())));
        }
    }
    for (at, path) in options.input.iter().enumerate() {
        if options.input[..at].contains(path) {
            return Err(Failure::usage(format!("{}: is given twice", path.display())));
        }
    }
    Ok(())
}

/// Reads the configuration: JSON when the name says so, YAML otherwise.
fn read_config(path: &Path) -> Result<Config, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::input(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        return serde_json::from_str(&text).map_err(|error| wrong(&error));
    }
    if text.trim().is_empty() {
        return Ok(Config::default());
    }
    serde_saphyr::from_str(&text).map_err(|error| wrong(&error))
}

fn failure(options: &DedupeOptions, error: &Error) -> Failure {
    match (error, &options.config) {
        (Error::UnknownColumn { .. } | Error::UnknownKey { .. } | Error::Threshold, Some(path)) => {
            Failure::input(format!("{}: {error}", path.display()))
        }
        _ => {
            let name = |path: &PathBuf| {
                if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
            };
            let inputs: Vec<String> = options.input.iter().map(name).collect();
            Failure::input(format!("{}: {error}", inputs.join(", ")))
        }
    }
}

fn print(format: TableFormat, outcome: &Outcome, now: Times) -> Result<(), Failure> {
    let report = &outcome.report;
    let rounded = |value: f64, places: f64| (value * places).round() / places;
    let summary = Summary {
        records: report.records,
        persons: report.persons,
        pairs_compared: report.pairs_compared,
        pairs_kept: report.pairs_kept,
        threshold: rounded(report.threshold.probability, 1e6),
        expected_precision: rounded(report.threshold.expected_precision, 1e6),
        expected_recall: rounded(report.threshold.expected_recall, 1e6),
        seconds: rounded(now.seconds, 1e3),
        cpu_seconds: rounded(now.cpu_seconds, 1e3),
        peak_memory_mb: cpu::peak_memory_bytes() >> 20,
    };
    let figures: [(&str, &dyn std::fmt::Display); 10] = [
        ("records", &summary.records),
        ("persons", &summary.persons),
        ("pairs_compared", &summary.pairs_compared),
        ("pairs_kept", &summary.pairs_kept),
        ("threshold", &summary.threshold),
        ("expected_precision", &summary.expected_precision),
        ("expected_recall", &summary.expected_recall),
        ("seconds", &summary.seconds),
        ("cpu_seconds", &summary.cpu_seconds),
        ("peak_memory_mb", &summary.peak_memory_mb),
    ];
    let mut text = String::new();
    match format {
        TableFormat::Json => return printed::print_json(&summary),
        TableFormat::Table => {
            for (name, figure) in figures {
                let _ = writeln!(text, "{:<20} {figure:>14}", name.replace('_', " "), figure = figure.to_string());
            }
        }
        TableFormat::Csv => {
            text.push_str("figure,value\n");
            for (name, figure) in figures {
                let _ = writeln!(text, "{name},{figure}");
            }
        }
    }
    printed::print(&text);
    Ok(())
}
