//! Development tasks: `cargo xtask arch` proves the architecture, `cargo xtask docs` the documentation's links to code,
//! `cargo xtask chart` the Helm chart.
#![allow(clippy::print_stdout, reason = "a command line tool")]

mod arch;
mod chart;
mod docs;
mod source;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "development tasks of the project")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check layers, purity of domain code, module circles, rooms, the call table and file sizes.
    Arch,
    /// Check that every error reason has its page and every invariant its test.
    Docs,
    /// Check the Helm chart: values, renders, cross-references, the call table, metrics.
    Chart {
        /// Renew the agreed renders in k8s/rendered.
        #[arg(long)]
        write: bool,
        /// Leave renders for each Kubernetes version and the Prometheus rules in this directory.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

fn main() -> Result<()> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    match Arguments::parse().task {
        Task::Arch => arch::run(&root),
        Task::Docs => docs::run(&root),
        Task::Chart { write, out } => chart::run(&root, write, out.as_deref()),
    }
}

/// Prints the findings of one check; returns how many there are.
fn report(check: &str, findings: &[String]) -> usize {
    if findings.is_empty() {
        println!("ok    {check}");
    } else {
        println!("FAIL  {check}");
        for finding in findings {
            println!("      {finding}");
        }
    }
    findings.len()
}
