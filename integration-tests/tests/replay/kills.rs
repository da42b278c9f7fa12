//! A replay that is killed goes on with the same data directory and ends with the same report.

use std::time::Duration;

use attune_integration_tests::binary;
use attune_integration_tests::process::Process;
use rand::Rng as _;

use crate::{arguments, generated, read, replay, rewards};

/// How often it is killed.
const KILLS: usize = 3;

#[tokio::test]
async fn a_replay_that_was_killed_ends_with_the_same_report() {
    let dir = tempfile::tempdir().unwrap();
    rewards::write(dir.path(), &generated::draw(7, 1500));
    let whole = replay(dir.path()).await;

    let (data, report, log) = (dir.path().join("data"), dir.path().join("report.json"), dir.path().join("log"));
    let start = || Process::start(binary::command(arguments(dir.path(), &report, Some(&data))), &log);
    let mut killed = 0;
    // The whole takes some seconds; a moment that is drawn too late is drawn again within a shorter time.
    let mut latest = 2500;
    while killed < KILLS {
        let mut process = start();
        tokio::time::sleep(Duration::from_millis(rand::rng().random_range(150..latest))).await;
        let ended = process.ended().is_some();
        process.kill9();
        if ended {
            assert!(report.exists(), "it ended by itself without a report");
            std::fs::remove_file(&report).unwrap();
            std::fs::remove_dir_all(&data).unwrap();
            latest = (latest / 2).max(200);
            killed = 0;
        } else {
            killed += 1;
        }
    }
    assert!(!report.exists(), "a killed replay leaves no report");
    let said = binary::run(arguments(dir.path(), &report, Some(&data))).await;
    assert_eq!(said.code, 0, "{}", said.err);

    let resumed = read(&report);
    assert_eq!(resumed["offers"], whole["offers"]);
    assert_eq!(resumed["events_in"], whole["events_in"]);
    assert_eq!(resumed["quarantined"], 0);
}
