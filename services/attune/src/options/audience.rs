//! The command line of `attune profile segment` for many persons at once.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Address, TableFormat};

/// Where from, and how to print.
#[derive(Debug, Clone, Args)]
pub(crate) struct Output {
    #[command(flatten)]
    pub(crate) address: Address,
    /// How to print; a table on a terminal and CSV elsewhere without it.
    #[arg(long, value_enum)]
    pub(crate) format: Option<TableFormat>,
}

/// Questions about many persons. WHO is the id of a segment, a rule in parentheses such as "(attributes.age > 40)", or `all`.
#[derive(Debug, Subcommand)]
pub(crate) enum AudienceCommand {
    /// Count who satisfies a rule, without saving it.
    Preview {
        /// The rule, such as "traits.events_30d > 5.0".
        #[arg(value_name = "EXPRESSION")]
        expression: String,
        /// How many of the persons to name.
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(i32).range(0..=1000))]
        sample: i32,
        #[command(flatten)]
        output: Output,
    },
    /// List the traits in which two sets of persons differ, the largest effect first.
    Compare {
        /// The one.
        #[arg(value_name = "WHO")]
        one: String,
        /// The other; everybody else without it.
        #[arg(value_name = "OTHER")]
        other: Option<String>,
        /// Columns that are not compared; `attributes.*` is every column with this beginning.
        #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
        ignore: Vec<String>,
        /// At most this many differences.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(i32).range(1..=5000))]
        top: i32,
        #[command(flatten)]
        output: Output,
    },
    /// Count how many members each pair of segments has in common.
    Overlap {
        /// The segments, 2 to 100.
        #[arg(value_name = "SEGMENT", required = true, num_args = 2..=100)]
        segments: Vec<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Rank who is like the members of a set.
    Lookalike {
        /// Whom they are to be like.
        #[arg(value_name = "WHO")]
        seed: String,
        /// Who may be found; everybody without it.
        #[arg(long, value_name = "WHO")]
        candidates: Option<String>,
        /// How many are wanted.
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i32).range(1..=40_000))]
        size: i32,
        /// The wanted share of the candidates, instead of a size.
        #[arg(long, value_name = "SHARE", conflicts_with = "size")]
        share: Option<f64>,
        /// Columns that are no traits, such as those that the rule reads.
        #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
        ignore: Vec<String>,
        /// The same seed gives the same answer.
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed_number: i64,
        /// List what drives the scores instead of the persons.
        #[arg(long)]
        drivers: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Split persons into heavy, medium, light and dormant, or with --potential into quadrants of value.
    Split {
        /// A column of numbers, such as traits.events_30d; with --potential the value now.
        #[arg(value_name = "COLUMN")]
        column: String,
        /// Whose numbers the bounds are found from; everybody's without it.
        #[arg(long, value_name = "WHO")]
        of: Option<String>,
        /// Who has no more is dormant.
        #[arg(long, value_name = "NUMBER", default_value_t = 0.0, allow_negative_numbers = true)]
        floor: f64,
        /// How the bounds are found.
        #[arg(long, value_enum, default_value_t = SplitBy::Quantiles)]
        by: SplitBy,
        /// The shares of the active below medium and below heavy.
        #[arg(long, value_name = "SHARE,SHARE", value_delimiter = ',', num_args = 2, default_values_t = [0.5, 0.8])]
        shares: Vec<f64>,
        /// A column of numbers: the value to come.
        #[arg(long, value_name = "COLUMN")]
        potential: Option<String>,
        /// Make a tag of each group that begins so, such as activity.orders.
        #[arg(long, value_name = "PREFIX", default_value = "")]
        tags: String,
        #[command(flatten)]
        output: Output,
    },
    /// Write persons with chosen columns to a file: .csv, .jsonl or .parquet, the first two also .gz.
    Export {
        /// Whom.
        #[arg(value_name = "WHO")]
        who: String,
        /// Columns, such as attributes.city; `attributes.*` is every column with this beginning.
        #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
        columns: Vec<String>,
        /// Where to; `-` is standard output in CSV.
        #[arg(long, value_name = "FILE", default_value = "-")]
        output: PathBuf,
        #[command(flatten)]
        address: Address,
    },
    /// Tell how far the index is that answers these commands, and what memory it takes.
    Index {
        #[command(flatten)]
        output: Output,
    },
}

/// `attune profile segment snapshot`.
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Take one, and wait until it has all its members.
    Create {
        /// Its id.
        #[arg(value_name = "SNAPSHOT")]
        snapshot: String,
        /// Who is taken: the id of a segment, a rule in parentheses, or `all`.
        #[arg(value_name = "WHO")]
        who: String,
        /// Its name for people.
        #[arg(long, value_name = "NAME", default_value = "")]
        name: String,
        #[command(flatten)]
        address: Address,
    },
    /// List the snapshots that are kept.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Write the ids of its members, one a line below the header `person_id`.
    Members {
        /// The snapshot.
        #[arg(value_name = "SNAPSHOT")]
        snapshot: String,
        /// Where to; `-` is standard output, `.gz` is compressed.
        #[arg(long, value_name = "FILE", default_value = "-")]
        output: PathBuf,
        #[command(flatten)]
        address: Address,
    },
    /// Delete a snapshot with its list of members.
    Delete {
        /// The snapshot.
        #[arg(value_name = "SNAPSHOT")]
        snapshot: String,
        #[command(flatten)]
        address: Address,
    },
}

/// How the bounds of a split are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitBy {
    /// At shares of the active.
    Quantiles,
    /// Between the components of a mixture.
    Mixture,
}
