//! The one binary: six services, a demo, replays of public data, and the operator's commands.
//!
//! | module | what it is |
//! |---|---|
//! | `options`, `settings`, `exit`, `output`, `progress` | the command line |
//! | `assemble`, `serve` | stores and clients handed to services; a server of them |
//! | `accelerated`, `ingest` | the suite on a clock that moves by hand |
//! | `demo`, `replay` | a generated bank; public data |
//! | `identity`, `rows`, `files` | who is the same person, from files to files |
//! | `decision` | what learners and policies are worth, from files |
//! | `call`, `smoke`, `healthcheck`, `configuration` | the operator's commands |

mod accelerated;
mod assemble;
mod call;
mod configuration;
mod connect;
mod contact;
mod cpu;
mod decision;
mod demo;
mod exit;
mod files;
mod healthcheck;
mod identity;
mod ingest;
mod journey;
mod options;
mod output;
mod profile;
mod progress;
mod replay;
mod rows;
mod serve;
mod settings;
mod smoke;
mod values;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use crate::exit::Failure;
use crate::options::{Command, Options};

/// Decisions and writes allocate much that is small on many threads, which the C library's allocator merges and takes apart
/// again; musl's takes one lock for all threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let options = Options::parse();
    // Work on files needs no runtime and none of its threads.
    match &options.command {
        Command::Identity(command) => return ended(identity::run(command)),
        Command::Journey(command) => return ended(journey::run(command)),
        Command::Decision(command) => return ended(decision::run(command)),
        Command::Contact(command) => return ended(contact::run(command)),
        _ => {}
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return ended(Err(Failure::other(error.to_string()))),
    };
    let result = runtime.block_on(run(options.command));
    // A blocking thread that waits for a silent collector must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(2));
    ended(result)
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(options) => serve::run(options).await,
        Command::Demo(options) => demo::run(options).await,
        Command::Replay(options) => replay::run(options).await,
        Command::Identity(command) => identity::run(&command),
        Command::Journey(command) => journey::run(&command),
        Command::Decision(command) => decision::run(&command),
        Command::Contact(command) => contact::run(&command),
        Command::Profile(command) => profile::run(command).await,
        Command::Call(options) => call::run(options).await,
        Command::Migrate(options) => configuration::migrate(options).await,
        Command::Config(command) => configuration::run(command),
        Command::Smoke(address) => smoke::run(address).await,
        Command::Healthcheck(options) => healthcheck::run(options).await,
        Command::Pause { seconds } => {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok(())
        }
    }
}

#[expect(clippy::print_stderr, reason = "the command's last word")]
fn ended(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("attune: {failure}");
            failure.exit_code()
        }
    }
}
