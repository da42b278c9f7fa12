//! `attune journey`: what people do, from files to figures.
//!
//! | module | what it is |
//! |---|---|
//! | `input` | event logs from files; steps and patterns from text |
//! | `sessions`, `funnel`, `matching`, `paths`, `attribute`, `triggers` | the commands |
//! | `table` | rows for people, machines and spreadsheets |

mod attribute;
mod funnel;
mod input;
mod matching;
mod paths;
mod sessions;
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
        JourneyCommand::Attribute(options) => attribute::run(options),
        JourneyCommand::Triggers(options) => triggers::run(options),
    }
}
