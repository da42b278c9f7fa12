//! A Postgres database of a test's own, dropped with it.

use std::time::Duration;

use tokio_postgres::{Client, NoTls};

/// Where tests find Postgres; the role must be allowed to create databases.
pub const VARIABLE: &str = "ATTUNE_TEST_POSTGRES";

/// Wraps the keys of persons in fresh databases.
pub const VAULT_KEY: &str = "a master key of tests and of nothing else";

/// A fresh database.
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Creates a database with a random name on the server that [`VARIABLE`] names; `None` without it.
    pub async fn create() -> Option<Self> {
        let server = std::env::var(VARIABLE).ok()?;
        let name = format!("attune_scenario_{:016x}", rand::random::<u64>());
        let client = connect(&server).await;
        let mut tries = 0;
        // Others may be copying the same template.
        while let Err(error) = client.batch_execute(&format!("CREATE DATABASE {name}")).await {
            tries += 1;
            assert!(tries < 20, "no database: {error:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Some(Self { server, name })
    }

    /// Every row of every table as text, and what of the server's files can be read: those of this database and the log of
    /// what was written. Values of type `bytea` are hexadecimal in the text.
    pub async fn everything(&self) -> Vec<(String, Vec<u8>)> {
        let client = connect(&self.url()).await;
        client.batch_execute("CHECKPOINT").await.expect("a checkpoint");
        let tables = "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables \
                      WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')";
        let mut found = Vec::new();
        for table in client.query(tables, &[]).await.expect("the tables") {
            let table: String = table.get(0);
            let rows =
                client.query(&format!("SELECT one::text FROM ONLY {table} AS one"), &[]).await.expect("the rows");
            let text: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            found.push((table, text.join("\n").into_bytes()));
        }
        let place =
            "SELECT current_setting('data_directory'), oid::text FROM pg_database WHERE datname = current_database()";
        let place = client.query_one(place, &[]).await.expect("the data directory");
        let (directory, number): (String, String) = (place.get(0), place.get(1));
        for folder in [format!("{directory}/base/{number}"), format!("{directory}/pg_wal")] {
            // Another user's, or another machine's: then the rows must do.
            for file in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                if let Ok(bytes) = std::fs::read(file.path()) {
                    found.push((file.path().display().to_string(), bytes));
                }
            }
        }
        found
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        let (address, options) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let (_, host) = address.split_once("://").expect("a postgres:// URL");
        let server = host.find('/').map_or(address, |at| &address[..address.len() - host.len() + at]);
        let mark = if options.is_empty() { "" } else { "?" };
        format!("{server}/{}{mark}{options}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // The test's runtime may be unwinding; this one is its own.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            runtime.block_on(async move { connect(&server).await.batch_execute(&statement).await })
        });
        match dropped.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("database {} is left behind: {error}", self.name),
            Err(_) => eprintln!("database {} is left behind", self.name),
        }
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("Postgres answers");
    tokio::spawn(connection);
    client
}
