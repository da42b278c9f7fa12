//! The command line of `attune profile`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::audience::{AudienceCommand, SnapshotCommand};
use super::learn::{LtvOptions, ScoreOptions, TrainOptions};
use super::model::ModelCommand;
use super::{Address, TableFormat};

/// `attune profile`.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// Show all that is known of a person.
    Show(ShowOptions),
    /// List a person's events, the newest first.
    Timeline(TimelineOptions),
    /// Look at segments and their members.
    #[command(subcommand)]
    Segment(SegmentCommand),
    /// Write all that is stored about a person to a file.
    Export(ExportOptions),
    /// Erase a person everywhere.
    Erase(EraseOptions),
    /// Learn a model of a label from a file, and say what it is worth.
    Train(TrainOptions),
    /// Score the rows of a file by a model, with reasons.
    Score(ScoreOptions),
    /// Tell from a file of purchases what customers will be worth.
    Ltv(LtvOptions),
    /// Learn models from the profiles of a running server, and score persons by them.
    #[command(subcommand)]
    Model(ModelCommand),
}

/// A person: by id, or by an identifier.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct WhichPerson {
    /// Any id ever issued for the person.
    #[arg(value_name = "PERSON")]
    pub(crate) person: Option<String>,
    /// An identifier of the person, such as email=ada@example.org.
    #[arg(long, value_name = "NAMESPACE=VALUE", value_parser = identifier)]
    pub(crate) identifier: Option<(String, String)>,
}

fn identifier(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(namespace, value)| !namespace.is_empty() && !value.is_empty());
    parts
        .map(|(namespace, value)| (namespace.to_owned(), value.to_owned()))
        .ok_or_else(|| "not NAMESPACE=VALUE".to_owned())
}

/// `attune profile show`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ShowOptions {
    #[command(flatten)]
    pub(crate) which: WhichPerson,
    /// How many of the latest events to show.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub(crate) events: u16,
    #[command(flatten)]
    pub(crate) address: Address,
    /// How to print.
    #[arg(long, value_enum, default_value_t = PageFormat::Table)]
    pub(crate) format: PageFormat,
}

/// For people or for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PageFormat {
    /// For people.
    Table,
    /// For machines.
    Json,
}

/// `attune profile timeline`.
#[derive(Debug, Clone, Args)]
pub(crate) struct TimelineOptions {
    #[command(flatten)]
    pub(crate) which: WhichPerson,
    /// Only events of these names.
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    pub(crate) event: Vec<String>,
    /// Only events of these channels.
    #[arg(long, value_name = "CHANNEL", value_delimiter = ',')]
    pub(crate) channel: Vec<String>,
    /// Only events at or after this time, RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) since: Option<attune_kernel::Timestamp>,
    /// Only events before this time, RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) until: Option<attune_kernel::Timestamp>,
    /// The oldest first.
    #[arg(long)]
    pub(crate) ascending: bool,
    /// At most this many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u64,
    #[command(flatten)]
    pub(crate) address: Address,
    /// How to print; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// A time in RFC 3339.
pub(super) fn time(text: &str) -> Result<attune_kernel::Timestamp, String> {
    attune_kernel::Timestamp::parse(text).map_err(|error| error.to_string())
}

/// `attune profile segment`.
#[derive(Debug, Subcommand)]
pub(crate) enum SegmentCommand {
    /// List the segments with their sizes.
    List {
        #[command(flatten)]
        address: Address,
        /// How to print; a table on a terminal and CSV elsewhere without it.
        #[arg(long, value_enum)]
        format: Option<TableFormat>,
    },
    /// Write the ids of a segment's members, one a line below the header `person_id`.
    Members {
        /// The segment.
        #[arg(value_name = "SEGMENT")]
        segment: String,
        /// Those it had then, such as 2026-11-01T12:00:00Z; those it has now without it.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Where to; `-` is standard output, `.gz` is compressed.
        #[arg(long, value_name = "FILE", default_value = "-")]
        output: PathBuf,
        #[command(flatten)]
        address: Address,
    },
    /// Keep who is meant at this moment, as a list that does not move.
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    #[command(flatten)]
    Audience(AudienceCommand),
    /// Create a segment, or give one another rule.
    Put {
        /// The segment.
        #[arg(value_name = "SEGMENT")]
        segment: String,
        /// The rule, such as "traits.events_30d > 5.0".
        #[arg(value_name = "EXPRESSION")]
        expression: String,
        /// Its name for people.
        #[arg(long, value_name = "TEXT", default_value = "")]
        name: String,
        #[command(flatten)]
        address: Address,
    },
}

/// `attune profile export`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExportOptions {
    #[command(flatten)]
    pub(crate) which: WhichPerson,
    /// Where to, as one JSON document; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) address: Address,
}

/// `attune profile erase`.
#[derive(Debug, Clone, Args)]
pub(crate) struct EraseOptions {
    #[command(flatten)]
    pub(crate) which: WhichPerson,
    /// Who asks for it; stands in the audit trail.
    #[arg(long, value_name = "NAME")]
    pub(crate) actor: String,
    /// Do it. Without this, what would be erased is shown.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Wait until every service has followed and print what each held before and holds now; fails when anything is left.
    #[arg(long, requires = "yes")]
    pub(crate) proof: bool,
    #[command(flatten)]
    pub(crate) address: Address,
}
