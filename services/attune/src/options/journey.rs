//! The command line of `attune journey`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::TableFormat;
use super::analysis::{
    ConformanceOptions, DriversOptions, FailuresOptions, FlowOptions, ImpactOptions, RetentionOptions, ReworkOptions,
    StruggleOptions, VariantsOptions,
};
use super::question::{MembersOptions, QueryOptions, SqlOptions};

/// `attune journey`.
#[derive(Debug, Subcommand)]
pub(crate) enum JourneyCommand {
    /// Cut each customer's events into sessions.
    Sessions(SessionsOptions),
    /// Count who gets how far through steps in order.
    Funnel(FunnelOptions),
    /// Find a pattern of events.
    Match(MatchOptions),
    /// Count the most frequent paths of a length.
    Paths(PathsOptions),
    /// Count which event follows which, and after how long.
    Graph(GraphOptions),
    /// Count whole sequences that are the same.
    Variants(VariantsOptions),
    /// Align sequences with a drawn model, and tell where they deviate.
    Conformance(ConformanceOptions),
    /// Measure what is done again, and what is waited for.
    Rework(ReworkOptions),
    /// Count who goes from which event to which, step by step.
    Flow(FlowOptions),
    /// Count who comes back, by the period in which they began.
    Retention(RetentionOptions),
    /// Answer a question that is written as JSON.
    Query(QueryOptions),
    /// Say a question as SQL for ClickHouse.
    Sql(SqlOptions),
    /// Find whom a path, an edge, a band or a step of a funnel counts.
    Members(MembersOptions),
    /// Divide conversions and their value among the touches that led to them.
    Attribute(AttributeOptions),
    /// Run trigger rules over events, with the firings that they would have live.
    Triggers(TriggersOptions),
    /// Find what was started and not finished, where it was left, and what goes with it.
    Failures(FailuresOptions),
    /// Find sessions in trouble: repeats, back and forth, bursts of clicks, errors.
    Struggle(StruggleOptions),
    /// Estimate what an obstacle costs, with an interval, and list whom it hit.
    Impact(ImpactOptions),
    /// Find what goes with an outcome, alone and beside everything else.
    Drivers(DriversOptions),
}

/// Where events come from.
#[derive(Debug, Clone, Args)]
pub(crate) struct EventsOptions {
    /// Events: CSV with a header, or XES where the name ends in `.xes`; plain or gzip; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) events: PathBuf,
    #[command(flatten)]
    pub(crate) columns: ColumnOptions,
}

/// Which columns are what, and how many threads read them.
#[derive(Debug, Clone, Args)]
pub(crate) struct ColumnOptions {
    /// Column of the customer.
    #[arg(long, value_name = "COLUMN", default_value = "customer")]
    pub(crate) customer_column: String,
    /// Column of the time: RFC 3339 or epoch milliseconds. Events of one time keep the file's order.
    #[arg(long, value_name = "COLUMN", default_value = "time")]
    pub(crate) time_column: String,
    /// Column of the event's name.
    #[arg(long, value_name = "COLUMN", default_value = "event")]
    pub(crate) event_column: String,
    /// Threads; all cores without it. The result does not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

/// What makes one sequence of events.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct UnitOptions {
    /// What makes one sequence.
    #[arg(long, value_enum, default_value_t = By::Customer)]
    pub(crate) by: By,
    /// The longest time between two events of a session.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = attune_kernel::parse_duration)]
    pub(crate) gap: Duration,
}

/// What makes one sequence of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// All events of a customer.
    Customer,
    /// Events no further apart than the gap.
    Session,
}

/// `attune journey sessions`.
#[derive(Debug, Clone, Args)]
pub(crate) struct SessionsOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    /// The longest time between two events of a session.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = attune_kernel::parse_duration)]
    pub(crate) gap: Duration,
    /// Where to write `customer,session,start,end,events`; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// `attune journey funnel`.
#[derive(Debug, Clone, Args)]
pub(crate) struct FunnelOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    /// The steps: events separated by commas, each with a condition where needed: `cart,pay[amount > 100]`.
    #[arg(long, value_name = "EVENTS")]
    pub(crate) steps: String,
    /// The longest time from the first to the last event.
    #[arg(long, value_name = "DURATION", value_parser = attune_kernel::parse_duration)]
    pub(crate) within: Duration,
    #[command(flatten)]
    pub(crate) unit: UnitOptions,
    /// A step that comes again ends the chain.
    #[arg(long)]
    pub(crate) strict_deduplication: bool,
    /// Any other event ends the chain.
    #[arg(long)]
    pub(crate) strict_order: bool,
    /// Steps must be truly later than the one before.
    #[arg(long)]
    pub(crate) strict_increase: bool,
    /// The steps may come in any order.
    #[arg(long, conflicts_with_all = ["strict_deduplication", "strict_order", "strict_increase"])]
    pub(crate) any_order: bool,
    /// An event that breaks a chain between its first and last step.
    #[arg(long, value_name = "EVENT")]
    pub(crate) exclude: Vec<String>,
    /// A column by whose value in the first event the result is broken down.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) breakdown: Option<String>,
    /// Where to draw it, as SVG.
    #[arg(long, value_name = "FILE", conflicts_with = "breakdown")]
    pub(crate) plot: Option<PathBuf>,
    /// How to print the result; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// `attune journey match`.
#[derive(Debug, Clone, Args)]
pub(crate) struct MatchOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    /// The pattern, such as `view (search)* cart !purchase`.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) pattern: String,
    #[command(flatten)]
    pub(crate) unit: UnitOptions,
    /// The longest time from the first to the last event of a match, and how far what must not follow is looked for.
    #[arg(long, value_name = "DURATION", value_parser = attune_kernel::parse_duration)]
    pub(crate) within: Option<Duration>,
    /// The longest match from every event where one begins, instead of the next one after the end of the last.
    #[arg(long)]
    pub(crate) overlapping: bool,
    /// Where to write `customer,session,start,end,length`; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// What more to write of each match, a column each: `count(SYMBOL)`, or `first(SYMBOL.COLUMN)`, `last(...)` or
    /// `accumulate(...)` of the events that were taken for a symbol of the pattern.
    #[arg(long, value_name = "CAPTURE", value_delimiter = ';', requires = "output")]
    pub(crate) capture: Vec<String>,
    /// How to print the summary; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// `attune journey paths`.
#[derive(Debug, Clone, Args)]
pub(crate) struct PathsOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    /// Events in a path.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) length: u16,
    /// How many paths to print.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) top: usize,
    #[command(flatten)]
    pub(crate) unit: UnitOptions,
    /// How to print the result; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// `attune journey graph`.
#[derive(Debug, Clone, Args)]
pub(crate) struct GraphOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    #[command(flatten)]
    pub(crate) unit: UnitOptions,
    /// Where to draw it, as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// How to print the result; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// `attune journey attribute`.
#[derive(Debug, Clone, Args)]
pub(crate) struct AttributeOptions {
    /// Paths with counts: CSV with the columns path, total_conversions, total_conversion_value and total_null; ` > ` stands
    /// between touches, and what comes after the path may be missing.
    #[arg(long, value_name = "FILE", conflicts_with = "events", required_unless_present = "events")]
    pub(crate) paths: Option<PathBuf>,
    /// Events, from which paths are made: the touches of a customer before each goal, and those after the last one.
    #[arg(long, value_name = "FILE", requires_all = ["touch", "goal"])]
    pub(crate) events: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) columns: ColumnOptions,
    /// Names of the events that are touches.
    #[arg(long, value_name = "EVENT", value_delimiter = ',', requires = "events")]
    pub(crate) touch: Vec<String>,
    /// Name of the event that is the goal.
    #[arg(long, value_name = "EVENT", requires = "events")]
    pub(crate) goal: Option<String>,
    /// Column of the goal's value; 1 a goal without it.
    #[arg(long, value_name = "COLUMN", requires = "events")]
    pub(crate) value_column: Option<String>,
    /// Touches that lie longer before the goal do not count, such as 30d.
    #[arg(long, value_name = "DURATION", requires = "events", value_parser = duration)]
    pub(crate) within: Option<Duration>,
    /// How to divide.
    #[arg(long, value_enum)]
    pub(crate) model: AttributionModel,
    /// Touches that a state of the Markov chain remembers, from 1 to 8.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(crate) order: u8,
    /// When a touch counts half, for time-decay over events.
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = duration)]
    pub(crate) half_life: Duration,
    /// After how many touches a touch counts half, for time-decay over paths, which have no times.
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = positive)]
    pub(crate) half_life_touches: f64,
    /// What the first and the last touch have each, for position.
    #[arg(long, value_name = "SHARE", default_value_t = 0.4, value_parser = end_share)]
    pub(crate) ends: f64,
    /// What a set of channels is worth, for shapley.
    #[arg(long, value_enum, default_value_t = ShapleyGame::Conversions)]
    pub(crate) game: ShapleyGame,
    /// What each channel cost: CSV with the columns channel and cost. Adds the columns cost and return.
    #[arg(long, value_name = "FILE")]
    pub(crate) costs: Option<PathBuf>,
    /// Seed of what is sampled: shapley over the rates of more than 15 channels.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How to print; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// The models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AttributionModel {
    /// All to the first touch.
    First,
    /// All to the last touch.
    Last,
    /// The same to every touch.
    Linear,
    /// Less to earlier touches.
    TimeDecay,
    /// More to the first and the last touch.
    Position,
    /// By what would be lost without the channel.
    Markov,
    /// By what the channel adds to every set of others.
    Shapley,
}

/// What a set of channels is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShapleyGame {
    /// The conversions of paths that touch nothing else.
    Conversions,
    /// The share of such paths that convert.
    Rate,
}

/// `attune journey triggers`.
#[derive(Debug, Clone, Args)]
pub(crate) struct TriggersOptions {
    #[command(flatten)]
    pub(crate) events: EventsOptions,
    /// The rules: YAML, or TOML where the file is named so; `library:bank` and `library:shop` are those that come along.
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: PathBuf,
    /// Where to write `rule,customer,time,evidence`; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Up to when timers fire; the time of the newest event without it.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) until: Option<attune_kernel::Timestamp>,
    /// Print how often each rule fired, for how many customers, and the load of contacts by day.
    #[arg(long)]
    pub(crate) backtest: bool,
    /// How to print the back-test; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum, requires = "backtest")]
    pub(crate) format: Option<TableFormat>,
}

fn time(text: &str) -> Result<attune_kernel::Timestamp, String> {
    attune_kernel::Timestamp::parse(text).map_err(|error| error.to_string())
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = attune_kernel::parse_duration(text)?;
    if duration.is_zero() { Err("must be longer than zero".to_owned()) } else { Ok(duration) }
}

fn positive(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err("must be above zero".to_owned()) }
}

fn end_share(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.0..=0.5).contains(&value) { Ok(value) } else { Err("not between 0 and 0.5".to_owned()) }
}
