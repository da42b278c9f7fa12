//! The command line.

pub(crate) mod analysis;
pub(crate) mod audience;
pub(crate) mod contact;
pub(crate) mod decision;
pub(crate) mod journey;
pub(crate) mod learn;
pub(crate) mod model;
pub(crate) mod profile;
pub(crate) mod question;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Real-time interaction management: know each customer, decide the next best message, deliver it once, learn.
#[derive(Debug, Parser)]
#[command(name = "attune", version, about, propagate_version = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve all services, or the named ones.
    Serve(ServeOptions),
    /// Run the whole loop on a generated bank, accelerated.
    Demo(DemoOptions),
    /// Run a public data set through the loop.
    Replay(ReplayOptions),
    /// Find out who is the same person.
    #[command(subcommand)]
    Identity(IdentityCommand),
    /// Find out what people do, from files of events.
    #[command(subcommand)]
    Journey(journey::JourneyCommand),
    /// Find out what learners and policies are worth, from files.
    #[command(subcommand)]
    Decision(decision::DecisionCommand),
    /// Look at persons and segments, train models, exercise rights.
    #[command(subcommand)]
    Profile(profile::ProfileCommand),
    /// Plan contacts under rules, and explain the plan.
    #[command(subcommand)]
    Contact(contact::ContactCommand),
    /// Call any RPC through the server's reflection.
    Call(CallOptions),
    /// Apply the database migrations of every service.
    Migrate(ConfigOptions),
    /// Check, print or explain the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Make one real decision against a running server.
    Smoke(Address),
    /// Ask a running server for its health; exit code 4 when it does not serve.
    Healthcheck(HealthcheckOptions),
    /// Wait for some seconds: a hook before stopping, for clusters without one of their own.
    Pause {
        /// How long.
        #[arg(value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=3600))]
        seconds: u64,
    },
}

/// Where configuration comes from.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConfigOptions {
    /// Configuration file; must exist. Without it, /etc/attune/<service>.toml is read when it is there.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Directory of secret files: each file's name is the path of a key split on `__`.
    #[arg(long, value_name = "DIR")]
    pub(crate) secrets_dir: Option<PathBuf>,
    /// Data directory of the embedded store.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address to listen on.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
}

/// `attune serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeOptions {
    /// Services to run; all six without any.
    #[arg(value_name = "SERVICE", value_enum)]
    pub(crate) services: Vec<ServiceName>,
    #[command(flatten)]
    pub(crate) config: ConfigOptions,
}

/// The services, by folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub(crate) enum ServiceName {
    /// Who is this.
    IdentityResolution,
    /// What is known of them.
    Profile,
    /// What they do.
    JourneyPathing,
    /// What now.
    Decision,
    /// Within which limits.
    ContactOptimization,
    /// In and out.
    ChannelGateway,
}

impl ServiceName {
    /// Every service, callees before callers.
    pub(crate) const ALL: [Self; 6] = [
        Self::IdentityResolution,
        Self::Profile,
        Self::ContactOptimization,
        Self::JourneyPathing,
        Self::Decision,
        Self::ChannelGateway,
    ];

    /// The folder's name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::IdentityResolution => "identity-resolution",
            Self::Profile => "profile",
            Self::JourneyPathing => "journey-pathing",
            Self::Decision => "decision",
            Self::ContactOptimization => "contact-optimization",
            Self::ChannelGateway => "channel-gateway",
        }
    }
}

/// `attune demo`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoOptions {
    /// Customers of the generated bank.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) customers: u32,
    /// Days to play.
    #[arg(long, default_value_t = 28, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) days: u32,
    /// Seed of the bank, its traffic and its answers.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write the result as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Keep the data here; a temporary directory without it.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

/// `attune replay`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReplayOptions {
    /// Which data set lies in DIR.
    #[arg(long, value_enum)]
    pub(crate) dataset: Dataset,
    /// Where its files lie.
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Write the result as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Keep the data here; a temporary directory without it. A replay that was interrupted goes on with the same one.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

/// Public data sets with a known form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dataset {
    /// Rewards offers, members and their log.
    Starbucks,
    /// An online shop's event log.
    SimpleShop,
    /// A bank's loan applications.
    Bpi2012,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For machines.
    Json,
}

/// How rows of figures are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    /// For people.
    Table,
    /// For machines.
    Json,
    /// For spreadsheets.
    Csv,
}

/// `attune identity`.
#[derive(Debug, Subcommand)]
pub(crate) enum IdentityCommand {
    /// Find the persons in files of records.
    Dedupe(DedupeOptions),
}

/// `attune identity dedupe`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DedupeOptions {
    /// Records: CSV with a header, plain or gzip; `-` is standard input. Links run within and across several.
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) input: Vec<PathBuf>,
    /// Column of the record's own id, unique over all inputs; never evidence.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) id: String,
    /// Where to write `record_id,person_id`, every record once; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Columns that are not evidence, such as a truth label.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// Roles of columns, blocking rules and threshold, as YAML or JSON; what it leaves out is inferred.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Least probability of a link, from 0 to 1; chosen from the data without it.
    #[arg(long, value_name = "PROBABILITY", value_parser = probability)]
    pub(crate) threshold: Option<f64>,
    /// Write the pairs with a probability of at least 0.01: `left_id,right_id,probability,match_weight`.
    #[arg(long, value_name = "FILE")]
    pub(crate) pairs: Option<PathBuf>,
    /// Write what was done, inferred and learned as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Write the trained model as JSON, for `attune serve`.
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,
    /// Threads; all cores without it. The result does not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Seed of what is sampled.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How to print the summary.
    #[arg(long, value_enum, default_value_t = TableFormat::Table)]
    pub(crate) format: TableFormat,
}

fn probability(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err("not between 0 and 1".to_owned()) }
}

/// `attune call`.
#[derive(Debug, Args)]
pub(crate) struct CallOptions {
    /// The method, such as attune.decision.v1.DecisionService/Decide.
    pub(crate) method: String,
    /// The request as JSON; `-` reads standard input. Several objects for a method that takes a stream.
    #[arg(default_value = "{}")]
    pub(crate) json: String,
    #[command(flatten)]
    pub(crate) address: Address,
}

/// A server to call.
#[derive(Debug, Clone, Args)]
pub(crate) struct Address {
    /// Where the server listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:50051")]
    pub(crate) address: String,
    /// The API key to present.
    #[arg(long, env = "ATTUNE_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// CA in PEM that signs the server's certificate; needed for an https address.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Client certificate chain in PEM, for a server that asks for one.
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub(crate) cert_file: Option<PathBuf>,
    /// Its private key in PEM.
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    pub(crate) key_file: Option<PathBuf>,
}

/// `attune healthcheck`.
#[derive(Debug, Clone, Args)]
pub(crate) struct HealthcheckOptions {
    #[command(flatten)]
    pub(crate) address: Address,
    /// Whose health: a gRPC service such as attune.decision.v1.DecisionService, or `liveness`; the whole process without it.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) service: String,
    /// How long to wait for an answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub(crate) timeout: u64,
}

/// `attune config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read everything and report every problem at once.
    Check(ConfigOptions),
    /// Print the effective values, each with its source; secrets are masked.
    Dump(ConfigOptions),
    /// Print every key with its type, default and meaning.
    Schema,
}
