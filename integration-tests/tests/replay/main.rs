//! `attune replay` of a rewards log against figures computed straight from their definition, and killed on its way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]
#![allow(clippy::print_stdout, reason = "a test's words are for the person who runs it")]

mod definition;
mod generated;
mod kills;
mod public;
mod rewards;

use std::path::Path;

use attune_integration_tests::binary;
use serde_json::Value;

/// Runs a replay of the log in `dir` to its end; answers its report.
async fn replay(dir: &Path) -> Value {
    let out = tempfile::tempdir().unwrap();
    let report = out.path().join("report.json");
    let said = binary::run(arguments(dir, &report, None)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    read(&report)
}

/// The arguments of a replay.
fn arguments(dir: &Path, report: &Path, data: Option<&Path>) -> Vec<std::ffi::OsString> {
    let mut arguments: Vec<std::ffi::OsString> = ["replay", "--dataset", "starbucks"].map(Into::into).to_vec();
    arguments.extend([dir.into(), "--report".into(), report.into()]);
    arguments.extend(data.into_iter().flat_map(|data| ["--data-dir".into(), data.into()]));
    arguments
}

fn read(report: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap()
}

/// The report's figures must be the definition's, offer by offer.
fn agree(report: &Value, log: &rewards::Log) {
    let expected = definition::figures(log);
    let reported = report["offers"].as_object().unwrap();
    let names: Vec<&String> = reported.keys().collect();
    assert_eq!(names, expected.keys().collect::<Vec<_>>(), "the same offers");
    for (offer, figures) in &expected {
        let one = &reported[offer];
        let counts = ["received", "viewed", "completed", "influenced"].map(|name| one[name].as_i64().unwrap());
        assert_eq!(counts, [figures.received, figures.viewed, figures.completed, figures.influenced], "{offer}");
        assert_eq!(one["median_view_hours"].as_f64(), figures.median_view_hours, "{offer}");
    }
    assert_eq!(report["quarantined"], 0);
}
