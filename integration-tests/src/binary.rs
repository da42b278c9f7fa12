//! The built command.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The command's path: `attune` beside the folder that the test's own executable lies in, so of the same profile.
#[must_use]
pub fn path() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let profile = test.parent().and_then(Path::parent).expect("tests lie in a folder of the profile's");
    let path = profile.join("attune");
    assert!(path.is_file(), "{} is missing: build it with `cargo build --package attune`", path.display());
    path
}

/// The command with arguments and without the caller's environment, so that nothing but the test configures it.
#[must_use]
pub fn command<I>(arguments: I) -> Command
where
    I: IntoIterator,
    I::Item: AsRef<std::ffi::OsStr>,
{
    let mut command = Command::new(path());
    command.env_clear().args(arguments).stdin(Stdio::null());
    for kept in ["PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}

/// What a command that ran to its end said.
#[derive(Debug)]
pub struct Said {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// Standard output as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("the command was ended by a signal"),
            out: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            err: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
        }
    }
}

/// Runs a command to its end beside the test.
///
/// Standard input holds `input`.
pub async fn run_with(mut command: Command, input: &str) -> Said {
    use std::io::Write as _;
    let input = input.to_owned();
    let run = tokio::task::spawn_blocking(move || {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the command starts");
        // A command that refuses its arguments closes its input unread.
        let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
        Said::from(child.wait_with_output().expect("the command ends"))
    });
    run.await.expect("the command runs")
}

/// Runs the command with arguments to its end.
pub async fn run<I>(arguments: I) -> Said
where
    I: IntoIterator,
    I::Item: AsRef<std::ffi::OsStr>,
{
    run_with(command(arguments), "").await
}
