//! Postgres: migrations, retries, reconnection, errors. Skipped with a line when there is no Postgres.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "the helpers of tests are tests as well")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use attune_kernel::Secret;
use attune_storage::postgres::IsolationLevel;
use attune_storage::{Migration, Postgres, PostgresConfig, StorageError, migrate, migrations};
use futures::future::join_all;
use support::TestSchema;

const FIRST: &[Migration] = migrations!["0001_init" => "CREATE TABLE t (id bigint PRIMARY KEY, n bigint NOT NULL)"];
const BOTH: &[Migration] = migrations![
    "0001_init" => "CREATE TABLE t (id bigint PRIMARY KEY, n bigint NOT NULL)",
    "0002_fill" => "INSERT INTO t VALUES (1, 0); INSERT INTO t VALUES (2, 0)",
];

async fn number(postgres: &Postgres, sql: &str) -> i64 {
    postgres.client().await.unwrap().query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn migrations_go_forward_only() {
    let Some(schema) = TestSchema::new("forward") else { return };
    let postgres = schema.connect().await;
    assert_eq!(migrate(&postgres, FIRST).await, Ok(vec![1]));
    assert_eq!(migrate(&postgres, FIRST).await, Ok(vec![]));
    assert_eq!(migrate(&postgres, BOTH).await, Ok(vec![2]));
    assert_eq!(number(&postgres, "SELECT count(*) FROM t").await, 2);

    let message = |answer: Result<Vec<u32>, StorageError>| match answer {
        Err(StorageError::Migration(message)) => message,
        other => panic!("expected a migration error, got {other:?}"),
    };
    assert!(message(migrate(&postgres, FIRST).await).contains("older than the database"));
    let changed = migrations!["0001_init" => "CREATE TABLE u ()", "0002_fill" => "SELECT 1"];
    assert!(message(migrate(&postgres, changed).await).contains("another text"));
    let gap = migrations!["0001_init" => FIRST[0].sql, "0003_late" => "SELECT 1"];
    assert!(message(migrate(&postgres, gap).await).contains("expected 2"));

    let broken =
        migrations!["0001_init" => BOTH[0].sql, "0002_fill" => BOTH[1].sql, "0003_bad" => "CREATE TABLE v (); oops"];
    assert!(message(migrate(&postgres, broken).await).contains("0003_bad"));
    let left =
        number(&postgres, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'v'");
    assert_eq!(left.await, 0, "a broken migration leaves nothing behind");
    assert_eq!(migrate(&postgres, BOTH).await, Ok(vec![]), "and its lock is released");
    schema.drop_schema().await;
}

#[tokio::test]
async fn racing_migrators_apply_each_migration_once() {
    let Some(schema) = TestSchema::new("race") else { return };
    let slow = migrations![
        "0001_init" => "CREATE TABLE t (id bigint PRIMARY KEY, n bigint NOT NULL)",
        "0002_fill" => "INSERT INTO t VALUES (1, 0); SELECT pg_sleep(0.2)",
        "0003_more" => "UPDATE t SET n = n + 1",
    ];
    let racer = |_| async {
        let postgres = schema.connect().await;
        migrate(&postgres, slow).await
    };
    let answers = join_all((0..4).map(racer)).await;
    let mut applied: Vec<u32> = answers.into_iter().flat_map(Result::unwrap).collect();
    applied.sort_unstable();
    assert_eq!(applied, [1, 2, 3]);
    let postgres = schema.connect().await;
    assert_eq!(number(&postgres, "SELECT n FROM t").await, 1);
    schema.drop_schema().await;
}

#[tokio::test]
async fn transactions_that_lose_are_tried_again() {
    let Some(schema) = TestSchema::new("retry") else { return };
    let postgres = schema.connect().await;
    migrate(&postgres, BOTH).await.unwrap();
    let attempts = &AtomicUsize::new(0);
    // Each reads the sum of both rows and adds it to one: only serial execution gives powers of two.
    let add = |row: i64| {
        postgres.transact_at(IsolationLevel::Serializable, move |tx| {
            Box::pin(async move {
                attempts.fetch_add(1, Ordering::Relaxed);
                let sum = tx.query_one("SELECT sum(n)::bigint FROM t", &[]).await?;
                let sum: i64 = sum.try_get(0)?;
                tokio::task::yield_now().await;
                tx.execute("UPDATE t SET n = n + $1 + 1 WHERE id = $2", &[&sum, &row]).await?;
                Ok::<(), StorageError>(())
            })
        })
    };
    for answer in join_all([add(1), add(2), add(1), add(2)]).await {
        answer.unwrap();
    }
    assert_eq!(number(&postgres, "SELECT sum(n)::bigint FROM t").await, 15);
    assert!(attempts.load(Ordering::Relaxed) > 4, "transactions that read each other's rows met at least one conflict");

    // Two that lock the same rows in opposite orders: one is the victim of the deadlock and comes again.
    let both = &tokio::sync::Barrier::new(2);
    let attempts = &AtomicUsize::new(0);
    let cross = |first: i64, second: i64| {
        postgres.transact(move |tx| {
            Box::pin(async move {
                tx.execute("UPDATE t SET n = 0 WHERE id = $1", &[&first]).await?;
                if attempts.fetch_add(1, Ordering::Relaxed) < 2 {
                    both.wait().await;
                }
                tx.execute("UPDATE t SET n = 0 WHERE id = $1", &[&second]).await
            })
        })
    };
    let (left, right): (Result<u64, StorageError>, _) = tokio::join!(cross(1, 2), cross(2, 1));
    assert_eq!((left, right), (Ok(1), Ok(1)));
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
    schema.drop_schema().await;
}

#[tokio::test]
async fn an_error_rolls_back_and_retries_end() {
    let Some(schema) = TestSchema::new("rollback") else { return };
    let postgres = schema.connect().await;
    migrate(&postgres, BOTH).await.unwrap();
    let refused: Result<(), StorageError> = postgres
        .transact(|tx| {
            Box::pin(async move {
                tx.execute("UPDATE t SET n = 7", &[]).await?;
                Err(StorageError::RequestIdReused)
            })
        })
        .await;
    assert_eq!(refused, Err(StorageError::RequestIdReused));
    assert_eq!(number(&postgres, "SELECT sum(n)::bigint FROM t").await, 0);

    // A unique violation ends the transaction; an answer that ignores it must not pass for a commit.
    let careless: Result<(), StorageError> = postgres
        .transact(|tx| {
            Box::pin(async move {
                tx.execute("UPDATE t SET n = 7", &[]).await?;
                let _ignored = tx.execute("INSERT INTO t VALUES (1, 1)", &[]).await;
                Ok(())
            })
        })
        .await;
    assert_eq!(careless, Err(StorageError::Unique { constraint: "t_pkey".to_owned() }));
    assert_eq!(number(&postgres, "SELECT sum(n)::bigint FROM t").await, 0);

    let attempts = &AtomicUsize::new(0);
    let hopeless: Result<u64, StorageError> = postgres
        .transact(|tx| {
            Box::pin(async move {
                attempts.fetch_add(1, Ordering::Relaxed);
                let raise = "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$";
                tx.execute(raise, &[]).await
            })
        })
        .await;
    assert!(matches!(hopeless, Err(StorageError::Conflict(_))));
    assert_eq!(attempts.load(Ordering::Relaxed), 9);
    schema.drop_schema().await;
}

#[tokio::test]
async fn killed_connections_are_replaced() {
    let Some(schema) = TestSchema::new("kill") else { return };
    let postgres = schema.connect().await;
    migrate(&postgres, BOTH).await.unwrap();
    let others = TestSchema { config: PostgresConfig { schema: "public".to_owned(), ..schema.config.clone() } };
    let admin = others.connect().await;
    for _ in 0..5 {
        // Fill the pool, then cut every connection of it, as a restart of the server does.
        let clients = join_all((0..4).map(|_| postgres.client())).await;
        drop(clients);
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
        let name = format!("attune-{}", schema.config.schema);
        // A name is cut at 63 bytes by the server.
        let name = &name[..name.len().min(63)];
        let cut = admin.client().await.unwrap().query(sql, &[&name]).await.unwrap();
        assert!(!cut.is_empty());
        let touched: Result<u64, StorageError> = postgres
            .transact(|tx| Box::pin(async move { tx.execute("UPDATE t SET n = n + 1 WHERE id = 1", &[]).await }))
            .await;
        assert_eq!(touched, Ok(1));
    }
    assert_eq!(number(&postgres, "SELECT n FROM t WHERE id = 1").await, 5);
    schema.drop_schema().await;
}

#[tokio::test]
async fn errors_say_what_they_mean_and_no_value() {
    let Some(schema) = TestSchema::new("errors") else { return };
    let config = PostgresConfig {
        statement_timeout: Duration::from_millis(50),
        lock_timeout: Duration::from_millis(20),
        ..schema.config.clone()
    };
    let postgres = Postgres::connect(config).await.unwrap();
    migrate(&postgres, BOTH).await.unwrap();
    let client = postgres.client().await.unwrap();
    let run = |sql: &'static str| client.execute(sql, &[]);
    assert_eq!(run("INSERT INTO t VALUES (1, 5)").await, Err(StorageError::Unique { constraint: "t_pkey".to_owned() }));
    assert!(matches!(run("SELECT pg_sleep(5)").await, Err(StorageError::Unavailable { store: "postgres", .. })));
    assert!(matches!(run("SELECT nonsense").await, Err(StorageError::Internal(_))));
    let leak = run("SELECT 'ada@example.org'::bigint").await.unwrap_err();
    assert!(matches!(leak, StorageError::Internal(_)) && !leak.to_string().contains("ada"), "{leak}");
    let wrong = client.execute("SELECT $1::bigint", &[&"text"]).await.unwrap_err();
    assert!(matches!(wrong, StorageError::Internal(_)), "{wrong}");

    let locked: Result<(), StorageError> = postgres
        .transact(|tx| {
            let client = &client;
            Box::pin(async move {
                tx.execute("UPDATE t SET n = 1 WHERE id = 1", &[]).await?;
                client.execute("UPDATE t SET n = 2 WHERE id = 1", &[]).await?;
                Ok(())
            })
        })
        .await;
    assert!(matches!(locked, Err(StorageError::Unavailable { .. })), "{locked:?}");
    let mut sum = 0;
    client
        .for_each("SELECT id FROM t ORDER BY id", &[], |row| {
            sum += row.try_get::<_, i64>(0)?;
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(sum, 3);
    schema.drop_schema().await;
}

#[tokio::test]
async fn an_absent_server_is_unavailable_and_a_wrong_url_is_not() {
    let nobody = PostgresConfig {
        url: Secret::new("postgres://user:hunter2@127.0.0.1:1/x".to_owned()),
        schema: "s".to_owned(),
        connect_timeout: Duration::from_millis(500),
        ..PostgresConfig::default()
    };
    let error = Postgres::connect(nobody).await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable { store: "postgres", .. }), "{error:?}");
    assert!(!error.to_string().contains("hunter2"));
    let wrong = PostgresConfig { url: Secret::new("mysql://hunter2".to_owned()), ..PostgresConfig::default() };
    let error = Postgres::connect(wrong).await.unwrap_err().to_string();
    assert!(error.contains("url") && error.contains("schema") && !error.contains("hunter2"), "{error}");
}
