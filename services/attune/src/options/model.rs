//! The command line of `attune profile model`.

use attune_kernel::Timestamp;
use clap::{Args, Subcommand};

use super::Address;
use super::audience::Output;
use super::profile::{PageFormat, time};

/// Models that a running server learns from its profiles, and with which it scores them.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Learn a model, or the next version of one, and wait until it is ready. Interrupting leaves the training under way.
    Train(TrainOptions),
    /// List the models.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show what a model is worth, and which columns push.
    Show {
        /// Its id.
        #[arg(value_name = "MODEL")]
        model: String,
        #[command(flatten)]
        address: Address,
        /// How to print.
        #[arg(long, value_enum, default_value_t = PageFormat::Table)]
        format: PageFormat,
    },
    /// Write the scores of persons, each with its strongest reasons, into their profiles.
    Score {
        /// The model.
        #[arg(value_name = "MODEL")]
        model: String,
        /// Whom: the id of a segment, a rule in parentheses, or `all`.
        #[arg(value_name = "WHO", default_value = "all")]
        who: String,
        /// Reasons written with each score.
        #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=20))]
        reasons: i32,
        /// From when on the scores say nothing any more, RFC 3339.
        #[arg(long, value_name = "TIME", value_parser = time)]
        expire: Option<Timestamp>,
        #[command(flatten)]
        address: Address,
    },
    /// End a training under way; the version before stays.
    Cancel {
        /// The model.
        #[arg(value_name = "MODEL")]
        model: String,
        #[command(flatten)]
        address: Address,
    },
    /// Delete a model; scores that it wrote stay until they expire.
    Delete {
        /// Its id.
        #[arg(value_name = "MODEL")]
        model: String,
        #[command(flatten)]
        address: Address,
    },
}

/// `attune profile model train`.
#[derive(Debug, Clone, Args)]
pub(crate) struct TrainOptions {
    /// Its id, by which rules read scores as `scores.MODEL`.
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,
    /// Who has what is predicted: a rule such as "traits['count.purchase'] > 0".
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) label: String,
    /// Learn from what was known until then, RFC 3339; without it from all of today.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) cutoff: Option<Timestamp>,
    /// Read the label as of then, RFC 3339; without it as of now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) outcome: Option<Timestamp>,
    /// Learn only from persons who satisfied this rule at the cutoff.
    #[arg(long, value_name = "EXPRESSION", default_value = "")]
    pub(crate) population: String,
    /// Columns that are learned from, such as attributes.* or traits.events_30d; all but scores without it.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// Columns that are not learned from.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// The most persons, chosen at random.
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(i32).range(1..=1_000_000))]
    pub(crate) max_persons: i32,
    /// Folds of the validation.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(i32).range(2..=20))]
    pub(crate) folds: i32,
    /// The same persons, settings and seed give the same model.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) seed: i64,
    /// Its name for people.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) address: Address,
    /// How to print.
    #[arg(long, value_enum, default_value_t = PageFormat::Table)]
    pub(crate) format: PageFormat,
}
