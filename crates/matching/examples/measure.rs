//! Measures matching on a CSV file whose truth is known.
//!
//! ```text
//! measure FILE.csv[.gz] --truth COLUMN [--truth-part N] [--ignore A,B] [--threads N] [--seed N] [--errors N] [--levels]
//!                   [--threshold P] [--model FILE.json]
//! ```
//!
//! Prints the roles inferred, the blocking rules with their pairs and how many true pairs each finds, CPU seconds a stage,
//! and pairwise precision, recall and F1 over the clusters. `--truth-part N` takes the N-th part of the truth column cut at
//! `-`, as in `rec-12-dup-0`. `--errors N` shows so many pairs that are wrongly linked and that are missed.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use attune_matching::dedupe::{Pair, Times};
use attune_matching::{Dedupe, Model, Options};
use std::collections::HashMap;
use std::io::Read;
use std::process::ExitCode;
use std::time::Instant;

#[derive(Default)]
struct Arguments {
    file: String,
    truth: String,
    part: Option<usize>,
    ignore: Vec<String>,
    threads: usize,
    seed: u64,
    errors: usize,
    levels: bool,
    model: Option<String>,
    threshold: Option<f64>,
}

fn main() -> ExitCode {
    match arguments(std::env::args().skip(1)).and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("measure: {message}");
            ExitCode::FAILURE
        }
    }
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut result = Arguments { threads: 1, seed: 1, ..Arguments::default() };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        let number = |text: String| text.parse::<usize>().map_err(|error| error.to_string());
        match word.as_str() {
            "--truth" => result.truth = value()?,
            "--truth-part" => result.part = Some(number(value()?)?),
            "--ignore" => result.ignore = value()?.split(',').map(str::to_owned).collect(),
            "--threads" => result.threads = number(value()?)?,
            "--seed" => result.seed = number(value()?)? as u64,
            "--errors" => result.errors = number(value()?)?,
            "--threshold" => result.threshold = Some(value()?.parse().map_err(|_| "threshold is not a number")?),
            "--model" => result.model = Some(value()?),
            "--levels" => result.levels = true,
            file => result.file = file.to_owned(),
        }
    }
    Ok(result)
}

/// CPU seconds of this process, from the kernel's count.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let own = text.split(' ').next().and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0) / 1e9;
    // Threads that have ended are only in the process's total.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0) / 100.0;
    own.max(ticks(11) + ticks(12))
}

fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// A reader of CSV that is enough for well-formed files.
struct Rows<'a> {
    rest: &'a [u8],
}

impl Rows<'_> {
    fn next(&mut self, fields: &mut Vec<String>) -> bool {
        fields.clear();
        if self.rest.is_empty() {
            return false;
        }
        let (mut field, mut quoted, mut at) = (Vec::new(), false, 0);
        while at < self.rest.len() {
            let byte = self.rest[at];
            at += 1;
            match byte {
                b'"' if quoted && self.rest.get(at) == Some(&b'"') => {
                    field.push(b'"');
                    at += 1;
                }
                b'"' => quoted = !quoted,
                b',' if !quoted => fields.push(text(&mut field)),
                b'\n' if !quoted => break,
                b'\r' if !quoted => {}
                other => field.push(other),
            }
        }
        fields.push(text(&mut field));
        self.rest = &self.rest[at..];
        true
    }
}

fn text(field: &mut Vec<u8>) -> String {
    String::from_utf8_lossy(&std::mem::take(field)).into_owned()
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let start = Instant::now();
    let mut bytes = std::fs::read(&arguments.file).map_err(|error| format!("{}: {error}", arguments.file))?;
    if arguments.file.ends_with(".gz") {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).map_err(|error| error.to_string())?;
        bytes = plain;
    }
    let mut rows = Rows { rest: &bytes };
    let mut fields = Vec::new();
    rows.next(&mut fields);
    let header: Vec<String> = fields.iter().map(|field| field.trim().to_owned()).collect();
    let truth_at = header.iter().position(|column| *column == arguments.truth).ok_or("no such truth column")?;
    let used: Vec<usize> =
        (0..header.len()).filter(|at| *at != truth_at && !arguments.ignore.contains(&header[*at])).collect();
    let names: Vec<&str> = used.iter().map(|at| header[*at].as_str()).collect();
    let mut dedupe = Dedupe::new(
        None,
        Options {
            threads: arguments.threads,
            seed: arguments.seed,
            threshold: arguments.threshold,
            ..Options::default()
        },
    );
    let mut input = dedupe.add_input("input", &names).map_err(|error| error.to_string())?;
    let mut truth: Vec<u32> = Vec::new();
    let mut known: HashMap<String, u32> = HashMap::new();
    let mut kept: Vec<Vec<String>> = Vec::new();
    while rows.next(&mut fields) {
        if fields.len() != header.len() {
            continue;
        }
        input.push(used.iter().map(|at| fields[*at].as_str())).map_err(|error| error.to_string())?;
        let label = match arguments.part {
            Some(part) => fields[truth_at].split('-').nth(part).unwrap_or_default().to_owned(),
            None => fields[truth_at].clone(),
        };
        let next = known.len() as u32;
        truth.push(*known.entry(label).or_insert(next));
        if arguments.errors > 0 {
            kept.push(used.iter().map(|at| fields[*at].trim().to_owned()).collect());
        }
    }
    drop(bytes);
    let read = cpu_seconds();
    let clock = || Times { seconds: start.elapsed().as_secs_f64(), cpu_seconds: cpu_seconds() };
    let outcome = dedupe.run(&clock, &|_, _, _| ()).map_err(|error| error.to_string())?;
    let report = &outcome.report;
    if let Some(file) = &arguments.model {
        std::fs::write(file, outcome.model.to_json()).map_err(|error| format!("{file}: {error}"))?;
    }
    for column in &report.config.columns {
        println!("column {:<20} {}", column.name, column.role.map_or("-", attune_matching::text::Role::name));
    }
    for rule in &report.rules {
        println!(
            "rule {:<52} pairs {:>9} marginal {:>9} recall {:.4} marginal {:.4}",
            rule.keys.join(" + "),
            rule.pairs,
            rule.marginal_pairs,
            rule.recall,
            rule.marginal_recall
        );
    }
    if arguments.levels {
        for field in &report.fields {
            for level in &field.levels {
                println!(
                    "{:<20} {:<26} m {:.5} u {:.7} h {:.5} weight {:>7.2}",
                    field.field, level.level, level.m, level.u, level.household, level.weight
                );
            }
        }
    }
    println!("estimation {:?}", report.estimation);
    println!("threshold {:?}", report.threshold);
    println!("read {read:.3} cpu s");
    for stage in &report.stages {
        println!("stage {:<12} {:.3} cpu s {:.3} s", stage.stage, stage.cpu_seconds, stage.seconds);
    }
    println!(
        "records {} proposed {} compared {} kept {} persons {} (true {})",
        report.records,
        report.pairs_proposed,
        report.pairs_compared,
        report.pairs_kept,
        report.persons,
        known.len()
    );
    score(&truth, &outcome.clusters, &outcome.pairs);
    println!("total {:.3} cpu s, {:.1} s, {:.0} MB", cpu_seconds(), start.elapsed().as_secs_f64(), peak_megabytes());
    if arguments.errors > 0 {
        errors(arguments, &names, &kept, &truth, &outcome.clusters, &outcome.pairs, &outcome.model);
    }
    Ok(())
}

fn pairs(groups: impl Iterator<Item = u64>) -> f64 {
    groups.map(|size| (size * (size - 1) / 2) as f64).sum()
}

fn score(truth: &[u32], clusters: &[u32], kept: &[Pair]) {
    let mut by_truth: HashMap<u32, u64> = HashMap::new();
    let mut by_cluster: HashMap<u32, u64> = HashMap::new();
    let mut by_both: HashMap<(u32, u32), u64> = HashMap::new();
    for (truth, cluster) in truth.iter().zip(clusters) {
        *by_truth.entry(*truth).or_default() += 1;
        *by_cluster.entry(*cluster).or_default() += 1;
        *by_both.entry((*truth, *cluster)).or_default() += 1;
    }
    let real = pairs(by_truth.into_values());
    let said = pairs(by_cluster.into_values());
    let right = pairs(by_both.into_values());
    let f1 = 2.0 * right / (real + said).max(1.0);
    println!(
        "clusters: f1 {f1:.5} precision {:.5} recall {:.5} (true {real} said {said} wrong {} missed {})",
        right / said.max(1.0),
        right / real.max(1.0),
        said - right,
        real - right
    );
    let same = |pair: &&Pair| truth[pair.left as usize] == truth[pair.right as usize];
    println!("pairs kept: {:.5} of the true ones", kept.iter().filter(same).count() as f64 / real.max(1.0));
    let mut best = (0.0, 0.0, 0.0, 0.0);
    let mut weights: Vec<(f32, bool)> = kept.iter().map(|pair| (pair.weight, same(&pair))).collect();
    weights.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut linked, mut hits) = (0.0, 0.0);
    for (weight, same) in weights {
        linked += 1.0;
        hits += f64::from(u8::from(same));
        let f1 = 2.0 * hits / (linked + real);
        if f1 > best.0 {
            best = (f1, f64::from(weight), hits / linked, hits / real);
        }
    }
    println!("pairs: best f1 {:.5} at weight {:.2}, precision {:.5} recall {:.5}", best.0, best.1, best.2, best.3);
}

fn errors(
    arguments: &Arguments,
    names: &[&str],
    rows: &[Vec<String>],
    truth: &[u32],
    clusters: &[u32],
    kept: &[Pair],
    model: &Model,
) {
    let weights: HashMap<(u32, u32), f32> = kept.iter().map(|pair| ((pair.left, pair.right), pair.weight)).collect();
    let prepare = |record: usize| {
        let attributes: Vec<(&str, &str)> =
            names.iter().copied().zip(rows[record].iter().map(String::as_str)).collect();
        model.prepare(&attributes)
    };
    let show = |kind: &str, groups: &[u32], other: &[u32]| {
        let mut members: HashMap<u32, Vec<usize>> = HashMap::new();
        for (record, group) in groups.iter().enumerate() {
            members.entry(*group).or_default().push(record);
        }
        let mut wrong = Vec::new();
        for group in members.values() {
            for (at, a) in group.iter().enumerate() {
                wrong.extend(group[at + 1..].iter().filter(|b| other[*a] != other[**b]).map(|b| (*a, *b)));
            }
        }
        wrong.sort_unstable();
        let step = (wrong.len() / arguments.errors).max(1);
        for (a, b) in wrong.iter().step_by(step).take(arguments.errors) {
            let weight = weights.get(&(*a as u32, *b as u32));
            let now = model.explain(&prepare(*a), &prepare(*b));
            println!("{kind} weight {weight:?} now {:.2} prior {:.2}", now.weight, now.prior);
            println!("   {}", rows[*a].join(" | "));
            println!("   {}", rows[*b].join(" | "));
            let steps = now.steps.iter().map(|step| format!("{} {} {:.1}", step.field, step.level, step.weight));
            println!("   {}", steps.collect::<Vec<_>>().join("; "));
        }
    };
    show("MISSED", truth, clusters);
    show("WRONG", clusters, truth);
}
