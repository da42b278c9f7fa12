//! `attune journey`: what people do, from files to figures.
//!
//! | module | what it is |
//! |---|---|
//! | `input` | event logs from files; steps and patterns from text |
//! | `sessions`, `funnel`, `matching`, `paths`, `flow`, `attribute`, `triggers` | the commands that count |
//! | `process`, `failures`, `struggle`, `drivers` | the commands that find out what goes wrong |
//! | `question` | questions that are written down, and whom a figure counts |
//! | `plot` | pictures of what the commands print |
//! | `table` | rows for people, machines and spreadsheets |

mod attribute;
mod drivers;
mod failures;
mod flow;
mod funnel;
mod input;
mod matching;
mod paths;
mod plot;
mod process;
mod question;
mod sessions;
mod struggle;
pub(crate) mod table;
mod triggers;

use crate::exit::Failure;
use crate::options::journey::JourneyCommand;

/// Runs one of the commands.
///
/// # Errors
/// What the command says.
pub(crate) fn run(command: &JourneyCommand) -> Result<(), Failure> {
    match command {
        JourneyCommand::Sessions(options) => sessions::run(options),
        JourneyCommand::Funnel(options) => funnel::run(options),
        JourneyCommand::Match(options) => matching::run(options),
        JourneyCommand::Paths(options) => paths::run_paths(options),
        JourneyCommand::Graph(options) => paths::run_graph(options),
        JourneyCommand::Variants(options) => process::run_variants(options),
        JourneyCommand::Conformance(options) => process::run_conformance(options),
        JourneyCommand::Rework(options) => process::run_rework(options),
        JourneyCommand::Flow(options) => flow::run(options),
        JourneyCommand::Retention(options) => flow::run_retention(options),
        JourneyCommand::Query(options) => question::run(options),
        JourneyCommand::Sql(options) => question::run_sql(options),
        JourneyCommand::Members(options) => question::run_members(options),
        JourneyCommand::Attribute(options) => attribute::run(options),
        JourneyCommand::Triggers(options) => triggers::run(options),
        JourneyCommand::Failures(options) => failures::run(options),
        JourneyCommand::Struggle(options) => struggle::run(options),
        JourneyCommand::Impact(options) => struggle::run_impact(options),
        JourneyCommand::Drivers(options) => drivers::run(options),
    }
}
