//! The command line of questions that are written down, and of whom a figure counts.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args};

use super::TableFormat;
use super::journey::{EventsOptions, UnitOptions};

/// `attune journey query`.
#[derive(Debug, Clone, Args)]
pub(crate) struct QueryOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    /// The question: JSON with a `kind`, such as `{"kind": "graph"}`; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) query: PathBuf,
    /// How to print the result; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// `attune journey sql`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SqlOptions {
    /// The question, as for `query`.
    #[arg(long, value_name = "FILE")]
    pub(crate) query: PathBuf,
    /// The table of events in ClickHouse.
    #[arg(long, value_name = "SQL", default_value = "events")]
    pub(crate) table: String,
    /// The customer, as an SQL expression.
    #[arg(long, value_name = "SQL", default_value = "customer")]
    pub(crate) customer: String,
    /// The microseconds since the epoch, as an SQL expression.
    #[arg(long, value_name = "SQL", default_value = "toUnixTimestamp64Micro(time)")]
    pub(crate) micros: String,
    /// The event's name, as an SQL expression.
    #[arg(long, value_name = "SQL", default_value = "event")]
    pub(crate) event: String,
    /// What orders events of one time, as an SQL expression.
    #[arg(long, value_name = "SQL", default_value = "row")]
    pub(crate) order: String,
}

/// `attune journey members`.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("shown").required(true).args(["path", "variant", "band", "reached", "dropped"])))]
pub(crate) struct MembersOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    #[command(flatten)]
    pub(crate) unit: UnitOptions,
    /// Consecutive events, such as an edge of the graph or a path: their names, separated by commas.
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    pub(crate) path: Vec<String>,
    /// A whole sequence.
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    pub(crate) variant: Vec<String>,
    /// A band of `flow`: the step, the event there, and the event at the next; without the last: those that end there.
    #[arg(long, value_name = "STEP,EVENT[,EVENT]", value_delimiter = ',', num_args = 1..=3)]
    pub(crate) band: Vec<String>,
    /// The bands are counted from the first event of this name.
    #[arg(long, value_name = "EVENT", requires = "band", conflicts_with = "to")]
    pub(crate) from: Option<String>,
    /// The bands are counted backwards from the last event of this name.
    #[arg(long, value_name = "EVENT", requires = "band")]
    pub(crate) to: Option<String>,
    /// The steps of a funnel, as for `funnel`.
    #[arg(long, value_name = "EVENTS", requires = "within")]
    pub(crate) steps: Option<String>,
    /// The longest time from the first to the last event of the funnel.
    #[arg(long, value_name = "DURATION", requires = "steps", value_parser = attune_kernel::parse_duration)]
    pub(crate) within: Option<Duration>,
    /// Who gets to this step of the funnel, from 1.
    #[arg(long, value_name = "N", requires = "steps")]
    pub(crate) reached: Option<usize>,
    /// Who gets to this step of the funnel, from 1, and not to the next.
    #[arg(long, value_name = "N", requires = "steps")]
    pub(crate) dropped: Option<usize>,
    /// Where to write `customer,session,count`; `-` is standard output. Without it the pattern and the sums are printed.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How to print the sums; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}
