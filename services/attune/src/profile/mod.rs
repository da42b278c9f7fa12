//! `attune profile`: what is known of persons, from a running server, and what is learned from files.
//!
//! | module | what it is |
//! |---|---|
//! | `held` | what every service holds of a person |
//! | `person` | which person is meant |
//! | `show` | the page of a person |
//! | `timeline` | their events |
//! | `segment` | segments and members |
//! | `audience` | questions about many persons |
//! | `audience_export` | many persons as a file |
//! | `snapshot` | who was meant at a moment |
//! | `rights` | export and erasure |
//! | `learn` | models of labels and of lifetime value, from files to files |
//! | `model` | models of the server's own profiles |

mod audience;
mod audience_export;
mod held;
mod learn;
mod model;
mod person;
mod rights;
mod segment;
mod show;
mod snapshot;
mod timeline;

use crate::exit::Failure;
use crate::options::profile::ProfileCommand;

/// Runs one of the commands.
///
/// # Errors
/// What the server answers.
pub(crate) async fn run(command: ProfileCommand) -> Result<(), Failure> {
    match command {
        ProfileCommand::Show(options) => show::run(&options).await,
        ProfileCommand::Timeline(options) => timeline::run(&options).await,
        ProfileCommand::Segment(command) => segment::run(command).await,
        ProfileCommand::Export(options) => rights::export(&options).await,
        ProfileCommand::Erase(options) => rights::erase(&options).await,
        ProfileCommand::Train(options) => learn::train(&options),
        ProfileCommand::Score(options) => learn::score(&options),
        ProfileCommand::Ltv(options) => learn::ltv(&options),
        ProfileCommand::Model(command) => model::run(command).await,
    }
}
