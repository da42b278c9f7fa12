//! `attune config` and `attune migrate`.

use std::fmt::Write as _;

use crate::assemble::{self, Migrated};
use crate::exit::Failure;
use crate::options::{ConfigCommand, ConfigOptions};
use crate::output;
use crate::settings;

/// Checks, prints or explains the configuration.
///
/// # Errors
/// Bad input with every problem at once.
pub(crate) fn run(command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check(options) => {
            settings::load(&options, &[])?;
            output::print("ok: the configuration is complete and valid");
        }
        ConfigCommand::Dump(options) => {
            let mut text = String::new();
            for entry in settings::load(&options, &[])?.dump() {
                let _ = writeln!(text, "{} = {}  # {}", entry.key, entry.value, entry.source);
            }
            output::print(&text);
        }
        ConfigCommand::Schema => {
            let mut text = String::new();
            for key in settings::loader().schema() {
                let _ = writeln!(
                    text,
                    "{}\n  {}\n  {}, default {}, {}\n",
                    key.path, key.comment, key.kind, key.default, key.variable
                );
            }
            output::print(&text);
        }
    }
    Ok(())
}

/// Applies the migrations of every service.
///
/// # Errors
/// When the database does not answer or a migration fails.
pub(crate) async fn migrate(options: ConfigOptions) -> Result<(), Failure> {
    let config = settings::load(&options, &[])?;
    let mut text = String::new();
    for Migrated { schema, applied, rewrapped } in assemble::migrate_all(&config).await? {
        let mut word = if applied.is_empty() { "up to date".to_owned() } else { format!("applied {applied:?}") };
        if rewrapped > 0 {
            let _ = write!(word, ", {rewrapped} keys under the current master key");
        }
        let _ = writeln!(text, "{schema:<10} {word}");
    }
    output::print(&text);
    Ok(())
}
