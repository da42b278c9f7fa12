//! The command line of what `attune journey` finds out beyond counts: failures, struggles, costs, drivers, flows.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::TableFormat;
use super::journey::{EventsOptions, UnitOptions};

/// `attune journey failures`.
#[derive(Debug, Clone, Args)]
pub(crate) struct FailuresOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    /// The event that starts it, such as `form_start`.
    #[arg(long, value_name = "EVENT")]
    pub(crate) start: String,
    /// The event that finishes it.
    #[arg(long, value_name = "EVENT")]
    pub(crate) done: String,
    /// The longest time from start to end.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = attune_kernel::parse_duration)]
    pub(crate) within: Duration,
    #[command(flatten)]
    pub(crate) unit: UnitOptions,
    /// Column that names the field an event touched.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) field: Option<String>,
    #[command(flatten)]
    pub(crate) features: FeatureOptions,
    /// Where to write the abandoned: `customer,started,last_event,last_time,field`; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Where to draw what goes with abandoning, as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// How to print the result; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// What is looked at beside the names of events.
#[derive(Debug, Clone, Args)]
pub(crate) struct FeatureOptions {
    /// Columns whose values are looked at.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub(crate) property: Vec<String>,
    /// Names of events to leave out.
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    pub(crate) without: Vec<String>,
    /// Sequences that must show something, and must not, for it to be looked at.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) least: u64,
}

/// `attune journey struggle`.
#[derive(Debug, Clone, Args)]
pub(crate) struct StruggleOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    /// The longest time between two events of a session.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = attune_kernel::parse_duration)]
    pub(crate) gap: Duration,
    /// Events that are clicks, separated by commas, each with a condition where needed.
    #[arg(long, value_name = "EVENTS")]
    pub(crate) click: Option<String>,
    /// Column that names what an event is about, such as a page or a button.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) target: Option<String>,
    /// Events that are errors.
    #[arg(long, value_name = "EVENTS")]
    pub(crate) error: Option<String>,
    /// Events that are slow pages, such as `page[millis > 3000]`.
    #[arg(long, value_name = "EVENTS")]
    pub(crate) slow: Option<String>,
    /// Events that are refused fields.
    #[arg(long, value_name = "EVENTS")]
    pub(crate) invalid: Option<String>,
    /// Events that are searches without result, such as `search[results == 0]`.
    #[arg(long, value_name = "EVENTS")]
    pub(crate) empty: Option<String>,
    /// Points from which a session is in the list.
    #[arg(long, value_name = "POINTS", default_value_t = 5.0)]
    pub(crate) least: f64,
    /// Where to write the sessions, the worst first: `customer,session,start,points` and a column for each signal.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How to print the signals; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// `attune journey impact`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImpactOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    #[command(flatten)]
    pub(crate) unit: UnitOptions,
    /// The events that are the obstacle; it counts where it comes before the first goal.
    #[arg(long, value_name = "EVENTS")]
    pub(crate) obstacle: String,
    /// The event that brings value.
    #[arg(long, value_name = "EVENT")]
    pub(crate) goal: String,
    /// Column of the goal's value; without it every sequence with a goal is worth 1.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) value_column: Option<String>,
    /// Only sequences with this event are compared: those that came as far as the obstacle.
    #[arg(long, value_name = "EVENT")]
    pub(crate) among: Option<String>,
    /// Column whose first value in a sequence says what it is compared within.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) strata: Option<String>,
    /// Where to write who was hit and did not reach the goal: `customer,session,time`; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How to print the result; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// `attune journey drivers`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DriversOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    #[command(flatten)]
    pub(crate) unit: UnitOptions,
    /// The outcome: what comes before the first such event of a sequence is looked at, or the whole sequence without one.
    #[arg(long, value_name = "EVENT")]
    pub(crate) goal: String,
    #[command(flatten)]
    pub(crate) features: FeatureOptions,
    /// How strongly coefficients are drawn towards zero.
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = not_negative)]
    pub(crate) ridge: f64,
    /// Where to draw the effects, as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// How to print the result; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// `attune journey flow`.
#[derive(Debug, Clone, Args)]
pub(crate) struct FlowOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    #[command(flatten)]
    pub(crate) unit: UnitOptions,
    /// Steps to follow.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub(crate) steps: u16,
    /// From the first event of this name on, instead of from the beginning.
    #[arg(long, value_name = "EVENT", conflicts_with = "to")]
    pub(crate) from: Option<String>,
    /// Backwards from the last event of this name.
    #[arg(long, value_name = "EVENT")]
    pub(crate) to: Option<String>,
    /// Where to draw it, as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// How to print the result; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// `attune journey variants`.
#[derive(Debug, Clone, Args)]
pub(crate) struct VariantsOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    #[command(flatten)]
    pub(crate) unit: UnitOptions,
    /// How many variants to print.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) top: usize,
    /// How to print the result; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// `attune journey conformance`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConformanceOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    #[command(flatten)]
    pub(crate) unit: UnitOptions,
    /// The model: a pattern that whole sequences should match, such as `submit (review fix?)+ (accept | reject)`.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) model: String,
    /// Where to write the sequences that deviate, the worst first: `customer,session,cost,fitness`; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// How to print the deviations; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// `attune journey rework`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReworkOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    #[command(flatten)]
    pub(crate) unit: UnitOptions,
    /// How to print the result; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// `attune journey retention`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RetentionOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    /// The event with which a customer begins; any without it.
    #[arg(long, value_name = "EVENT", default_value = ".")]
    pub(crate) begin: String,
    /// The event that is coming back; any without it.
    #[arg(long, value_name = "EVENT", default_value = ".")]
    pub(crate) back: String,
    /// The length of a period, counted from 1970-01-01T00:00:00Z.
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = attune_kernel::parse_duration)]
    pub(crate) period: Duration,
    /// Where to draw it, as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// How to print the result; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

fn not_negative(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err("must not be below zero".to_owned()) }
}
