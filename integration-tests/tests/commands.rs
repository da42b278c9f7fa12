//! The commands that need no running suite, and their exit codes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]
#![allow(clippy::print_stdout, reason = "a test's words are for the person who runs it")]

use attune_integration_tests::binary::{command, run, run_with};
use attune_integration_tests::database::{self, Database, VAULT_KEY};

#[tokio::test]
async fn a_configuration_is_checked_with_every_problem_at_once() {
    let fine = run(["config", "check"]).await;
    assert_eq!(fine.code, 0, "{}", fine.err);

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("attune.toml");
    std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:0\"\nlissen = 1\n[storage]\nkind = \"paper\"\n").unwrap();
    let bad = run(["config", "check", "--config", file.to_str().unwrap()]).await;
    assert_eq!(bad.code, 3, "{bad:?}");
    for word in ["server.lissen", "storage.kind", "attune.toml"] {
        assert!(bad.err.contains(word), "{word}: {}", bad.err);
    }
    let missing = run(["config", "check", "--config", "nowhere.toml"]).await;
    assert_eq!(missing.code, 3, "{missing:?}");
    assert!(missing.err.contains("nowhere.toml"), "{}", missing.err);

    let mut environment = command(["config", "check"]);
    environment
        .env("ATTUNE__DECISION__POLICY__CONTROL_SHAR", "0.1")
        .env("ATTUNE_DECISION_PORT", "tcp://10.0.0.1:50051");
    let bad = run_with(environment, "").await;
    assert_eq!(bad.code, 3, "{bad:?}");
    assert!(bad.err.contains("CONTROL_SHAR") && !bad.err.contains("ATTUNE_DECISION_PORT"), "{}", bad.err);
}

#[tokio::test]
async fn wrong_usage_and_absent_servers_have_codes_of_their_own() {
    assert_eq!(run(["config", "chekc"]).await.code, 2);
    assert_eq!(run(["serve", "marketing"]).await.code, 2);
    assert_eq!(run(["migrate"]).await.code, 2, "the embedded store has no migrations");
    // A port that is reserved and that nobody listens on.
    let away = run(["smoke", "--address", "127.0.0.1:1"]).await;
    assert_eq!(away.code, 4, "{away:?}");
    let unwell = run(["healthcheck", "--address", "127.0.0.1:1"]).await;
    assert_eq!(unwell.code, 4, "{unwell:?}");
    let blind = run(["smoke", "--address", "https://127.0.0.1:1", "--ca-file", "nowhere.pem"]).await;
    assert_eq!(blind.code, 2, "{blind:?}");
    assert!(blind.err.contains("--ca-file: nowhere.pem"), "{}", blind.err);
    assert_eq!(run(["pause", "0"]).await.code, 0);
    assert_eq!(run(["pause", "soon"]).await.code, 2);
    let nothing = tempfile::tempdir().unwrap();
    let replay = run(["replay", "--dataset", "starbucks", nothing.path().to_str().unwrap()]).await;
    assert_eq!(replay.code, 3, "{replay:?}");
    assert!(replay.err.contains("portfolio.json"), "{}", replay.err);
}

#[tokio::test]
async fn migrations_are_applied_once() {
    let Some(database) = Database::create().await else {
        println!("skipped: set {} to migrate a database", database::VARIABLE);
        return;
    };
    let migrate = || {
        let mut migrate = command(["migrate"]);
        migrate
            .env("ATTUNE__STORAGE__KIND", "postgres")
            .env("ATTUNE__STORAGE__POSTGRES__URL", database.url())
            .env("ATTUNE__STORAGE__POSTGRES__VAULT_KEY", VAULT_KEY);
        run_with(migrate, "")
    };
    let (first, second) = (migrate().await, migrate().await);
    assert_eq!((first.code, second.code), (0, 0), "{first:?} {second:?}");
    for schema in ["identity", "profile", "contact", "journey", "decision", "channel"] {
        assert!(first.out.lines().any(|line| line.starts_with(schema) && line.contains("applied")), "{}", first.out);
    }
    assert!(second.out.lines().all(|line| line.contains("up to date")), "{}", second.out);
}
