//! `attune decision`: what learners and policies are worth, from files to figures.
//!
//! | module | what it is |
//! |---|---|
//! | `columns` | rows of a file in typed columns |
//! | `policy` | what decides: the learner, chance, or one action always |
//! | `classify` | labels as rewarded actions |
//! | `quality` | how good probabilities are |
//! | `log` | a log of decisions and what its columns mean |
//! | `reward` | a model of rewards for estimators that need one |
//! | `evaluate`, `simulate` | what a policy would have been worth |

mod classify;
mod columns;
mod evaluate;
mod log;
mod policy;
mod quality;
mod reward;
mod simulate;

use std::num::NonZeroUsize;

use crate::exit::Failure;
use crate::options::decision::DecisionCommand;

/// Runs one of the commands.
///
/// # Errors
/// What the command says.
pub(crate) fn run(command: &DecisionCommand) -> Result<(), Failure> {
    match command {
        DecisionCommand::Classify(options) => classify::run(options),
        DecisionCommand::Evaluate(options) => evaluate::run(options),
        DecisionCommand::Simulate(options) => simulate::run(options),
    }
}

fn pool(threads: Option<NonZeroUsize>) -> Result<rayon::ThreadPool, Failure> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.map_or(0, NonZeroUsize::get)).build();
    pool.map_err(|error| Failure::other(error.to_string()))
}
