//! `attune demo`: a small bank, and what its report must hold.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

use attune_integration_tests::binary;
use serde_json::Value;

/// What acceptance runs read.
const KEYS: [&str; 13] = [
    "events_in",
    "persons_found",
    "persons_true",
    "decisions",
    "decide_p50_ms",
    "decide_p99_ms",
    "response_rate",
    "suppressed",
    "deliveries",
    "duplicates",
    "lost",
    "triggers",
    "funnel",
];

#[tokio::test]
async fn a_small_bank_loses_nothing_and_learns_something() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("report.json");
    let mut arguments: Vec<std::ffi::OsString> = ["demo", "--customers", "60", "--days", "3"].map(Into::into).to_vec();
    arguments.extend(["--report".into(), path.as_os_str().to_owned()]);
    let said = binary::run(arguments).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("duplicates"), "the page is for people: {}", said.out);

    let report: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let missing: Vec<&&str> = KEYS.iter().filter(|key| report.get(key).is_none()).collect();
    assert!(missing.is_empty(), "{missing:?} are missing in {report}");
    let count = |key: &str| report[key].as_u64().unwrap_or_else(|| panic!("{key} is no count in {report}"));
    assert_eq!((count("duplicates"), count("lost"), count("persons_mixed")), (0, 0, 0), "{report}");
    assert!(count("decisions") > 0 && count("events_in") > 0 && count("persons_found") > 0, "{report}");
    assert!(count("persons_true") <= 60);

    let rate = |arm: &str| report["response_rate"][arm].as_f64().unwrap();
    for arm in ["learner", "random", "oracle"] {
        assert!((0.0..=1.0).contains(&rate(arm)), "{arm}: {report}");
    }
    assert!(rate("oracle") >= rate("random"), "{report}");
    let steps = report["funnel"].as_array().unwrap();
    let reached: Vec<u64> = steps.iter().map(|step| step["reached"].as_u64().unwrap()).collect();
    assert!(!reached.is_empty() && reached.is_sorted_by(|before, after| before >= after), "{reached:?}");
}

#[tokio::test]
async fn the_same_seed_is_the_same_bank() {
    let run = || binary::run(["demo", "--customers", "20", "--days", "2", "--seed", "5", "--format", "json"]);
    let (one, two) = (run().await.json(), run().await.json());
    for key in ["events_in", "persons_found", "persons_true", "sessions"] {
        assert_eq!(one[key], two[key], "{key}");
    }
}
