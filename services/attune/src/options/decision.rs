//! The command line of `attune decision`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::TableFormat;

/// `attune decision`.
#[derive(Debug, Subcommand)]
pub(crate) enum DecisionCommand {
    /// Let a learner choose the label of each row, seeing only whether it was right.
    Classify(ClassifyOptions),
    /// Tell from a log what another policy would have been worth.
    Evaluate(EvaluateOptions),
    /// Let a learner learn from a log as if it had decided.
    Simulate(SimulateOptions),
}

/// What the commands have in common.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunOptions {
    /// The policy as YAML or JSON: kind (learner, uniform, fixed), action, and settings of the learner. The product's
    /// default learner without it.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Where to write the report as JSON; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Seed of what is drawn.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Threads; all cores without it. The result does not depend on it.
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// How to print the summary.
    #[arg(long, value_enum, default_value_t = TableFormat::Table)]
    pub(crate) format: TableFormat,
}

/// `attune decision classify`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClassifyOptions {
    /// Rows with their label: CSV with a header, plain or gzip; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// The column with the one rewarded action of the row.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: String,
    /// Columns that are not known when the decision is made.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    #[command(flatten)]
    pub(crate) run: RunOptions,
}

/// A log and what its columns mean.
#[derive(Debug, Clone, Args)]
pub(crate) struct LogOptions {
    /// The log, one row a decision: CSV with a header, plain or gzip; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: PathBuf,
    /// What its columns mean, as YAML or JSON: action, reward, propensity, and optionally time, position, context,
    /// action_context, actions, confidence.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
}

/// `attune decision evaluate`.
#[derive(Debug, Clone, Args)]
pub(crate) struct EvaluateOptions {
    #[command(flatten)]
    pub(crate) log: LogOptions,
    #[command(flatten)]
    pub(crate) run: RunOptions,
}

/// `attune decision simulate`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SimulateOptions {
    #[command(flatten)]
    pub(crate) log: LogOptions,
    /// How often to run, each time with other draws.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) runs: u32,
    #[command(flatten)]
    pub(crate) run: RunOptions,
}
