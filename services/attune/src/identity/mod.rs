//! `attune identity`: who is the same person, from files to files.
//!
//! | module | what it is |
//! |---|---|
//! | `dedupe` | the command: what it reads, does and says |
//! | `input` | files of records, taken row by row |
//! | `ids` | the records' own ids, each once |
//! | `output` | clusters, pairs, report and model as files |

mod dedupe;
mod ids;
mod input;
mod output;

use crate::exit::Failure;
use crate::options::IdentityCommand;

/// Runs one of the commands.
///
/// # Errors
/// What the command says.
pub(crate) fn run(command: &IdentityCommand) -> Result<(), Failure> {
    match command {
        IdentityCommand::Dedupe(options) => dedupe::run(options),
    }
}
