//! Generates customers with the truth about who is who: deterministic by seed, any number of records.
//!
//! ```text
//! generate_customers [--profile western|german|single-column|korean-chinese-romanised] [--records N] [--seed N]
//!                    [--noise FACTOR] [--output FILE] [--report FILE.json]
//! ```
//!
//! Without `--output` the CSV goes to standard output. Records come in random order; the column `person` is the truth.
//! `--noise` multiplies every rate of error; the report counts what was put in. Names, streets and mail addresses are
//! drawn from lists of words; nobody is meant by them.

#![allow(clippy::print_stderr, reason = "a program for people")]

mod culture;
mod eastern;
mod eastern_words;
mod german;
mod household;
mod profile;
mod random;
mod record;
mod slips;
mod tally;
#[cfg(test)]
mod tests;
mod western;

use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

use profile::{Profile, generate};

struct Options {
    profile: Profile,
    records: usize,
    seed: u64,
    noise: f64,
    output: Option<String>,
    report: Option<String>,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("generate_customers: {message}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads only the beginning has all they want.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate_customers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options =
        Options { profile: Profile::Western, records: 100_000, seed: 1, noise: 1.0, output: None, report: None };
    while let Some(flag) = words.next() {
        let value = words.next().ok_or_else(|| format!("{flag} wants a value"))?;
        let wrong = || format!("{flag} {value} makes no sense");
        match flag.as_str() {
            "--profile" => {
                let known = Profile::ALL.iter().find(|(name, _)| *name == value);
                options.profile = known.ok_or_else(wrong)?.1;
            }
            "--records" => options.records = value.parse().map_err(|_| wrong())?,
            "--seed" => options.seed = value.parse().map_err(|_| wrong())?,
            "--noise" => {
                options.noise = value.parse().ok().filter(|noise| (0.0..=10.0).contains(noise)).ok_or_else(wrong)?
            }
            "--output" => options.output = Some(value),
            "--report" => options.report = Some(value),
            _ => return Err(format!("{flag} is unknown")),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> io::Result<()> {
    let mut out: Box<dyn Write> = match options.output.as_deref() {
        None | Some("-") => Box::new(io::stdout().lock()),
        Some(path) => Box::new(File::create(path)?),
    };
    let tally = generate(options.profile, options.records, options.seed, options.noise, |piece| out.write_all(piece))?;
    out.flush()?;
    match &options.report {
        Some(path) => std::fs::write(path, tally.json() + "\n"),
        None => Ok(()),
    }
}
