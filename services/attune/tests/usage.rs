//! What the binary says of its own commands.
//!
//! The test of a package with an integration test builds that package's binary, with the same features of the same crates as
//! every other test: the scenarios run that binary, so nothing is compiled twice for them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

use std::process::{Command, Output};

fn attune(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_attune")).args(arguments).env_clear().output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the output is UTF-8")
}

/// The commands under one, as its help lists them.
fn commands(help: &str) -> Vec<String> {
    let listed = help.split("Commands:\n").nth(1).unwrap_or_default();
    let lines = listed.lines().take_while(|line| !line.is_empty());
    let names = lines
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Walks every command there is: each explains itself and leaves with 0.
fn walk(path: &[&str], met: &mut Vec<String>) {
    let mut arguments = path.to_vec();
    arguments.push("--help");
    let output = attune(&arguments);
    let help = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{path:?}: {}", text(&output.stderr));
    let about = help.lines().next().unwrap_or_default();
    assert!(about.len() > 10 && !about.starts_with("Usage"), "{path:?} does not say what it is for: {about:?}");
    for command in commands(&help) {
        let mut deeper = path.to_vec();
        deeper.push(&command);
        met.push(deeper.join(" "));
        walk(&deeper, met);
    }
}

#[test]
fn every_command_says_what_it_is_for() {
    let mut met = Vec::new();
    walk(&[], &mut met);
    let expected = [
        "serve",
        "demo",
        "replay",
        "call",
        "migrate",
        "config check",
        "config dump",
        "config schema",
        "smoke",
        "healthcheck",
        "identity dedupe",
        "profile show",
        "profile timeline",
        "profile segment preview",
        "profile train",
        "profile export",
        "profile erase",
        "journey sessions",
        "journey funnel",
        "journey match",
        "journey paths",
        "journey graph",
        "journey attribute",
        "journey triggers",
        "decision evaluate",
        "decision simulate",
        "decision classify",
        "contact optimize",
        "contact explain",
    ];
    let missing: Vec<_> = expected.iter().filter(|name| !met.iter().any(|command| command == *name)).collect();
    assert!(missing.is_empty(), "no command {missing:?} among {met:?}");
}

#[test]
fn the_version_is_the_packages() {
    let output = attune(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout).trim(), concat!("attune ", env!("CARGO_PKG_VERSION")));
}
