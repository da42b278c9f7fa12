//! `attune contact`: the best of proposed contacts under every rule, from files to files.
//!
//! | module | what it is |
//! |---|---|
//! | `rules` | the file of rules |
//! | `input` | proposals and history in columns |
//! | `model` | the optimizer's problem, and its answer in words of the rules |
//! | `check` | the plan, judged by code that the optimizer does not share |
//! | `plan` | `optimize` |
//! | `folder`, `explain` | what a plan leaves behind, and what it says of a customer |

mod check;
mod explain;
mod folder;
mod index;
mod input;
mod model;
mod plan;
mod rules;

use crate::exit::Failure;
use crate::options::contact::ContactCommand;

/// Runs one of the commands.
///
/// # Errors
/// What the command says.
pub(crate) fn run(command: &ContactCommand) -> Result<(), Failure> {
    match command {
        ContactCommand::Optimize(options) => plan::run(options),
        ContactCommand::Explain(options) => explain::run(options),
    }
}
