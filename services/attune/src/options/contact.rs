//! The command line of `attune contact`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::TableFormat;

/// `attune contact`.
#[derive(Debug, Subcommand)]
pub(crate) enum ContactCommand {
    /// Choose the best of proposed contacts under every rule, with a bound on what any choice could be worth.
    Optimize(OptimizeOptions),
    /// Tell why each proposal of a customer was kept or dropped.
    Explain(ExplainOptions),
}

/// `attune contact optimize`.
#[derive(Debug, Clone, Args)]
pub(crate) struct OptimizeOptions {
    /// Proposals: proposal_id, customer_id, offer_id, channel, value, cost, and optionally slot, start, segment, campaign;
    /// CSV (plain or gzip), or Parquet by its name; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) proposals: PathBuf,
    /// The rules, as YAML.
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: PathBuf,
    /// Contacts made before: customer_id, offer_id and optionally time; the rules requires and not_after read them.
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    /// Where to write the ids of the chosen proposals; `-` is standard output, `.gz` is compressed.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Where to write the report as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Where to leave what `attune contact explain` reads: an empty or a new directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) plan_dir: Option<PathBuf>,
    /// Stop at this relative gap between plan and bound.
    #[arg(long, value_name = "SHARE", default_value_t = 1e-4, value_parser = gap)]
    pub(crate) gap: f64,
    /// Stop after so long.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = attune_kernel::parse_duration)]
    pub(crate) time_limit: Duration,
    /// When the plan begins, for proposals without a start: 2026-11-23T00:00:00Z. Now without it.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// What lots are drawn by; the same seed gives the same plan.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Threads; all cores without it.
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// How to print.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

fn gap(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.0..1.0).contains(&value) { Ok(value) } else { Err("not between 0 and 1".to_owned()) }
}

/// `attune contact explain`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExplainOptions {
    /// What `attune contact optimize --plan-dir` left.
    #[arg(long, value_name = "DIR")]
    pub(crate) plan_dir: PathBuf,
    /// The customer.
    #[arg(long, value_name = "ID")]
    pub(crate) customer: String,
    /// How to print.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}
