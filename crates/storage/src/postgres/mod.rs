//! Postgres: a pool bound to one schema, transactions with retries, forward-only migrations.
//!
//! * [`PostgresConfig`]: where it is and how long to wait for it.
//! * [`Postgres`]: the pool; [`transact`](Postgres::transact) for writes, [`client`](Postgres::client) for reads.
//! * [`Transaction`], [`Client`]: statements are prepared once a connection, errors come as
//!   [`StorageError`](crate::StorageError).
//! * [`migrate`], [`Migration`], [`migrations!`](crate::migrations): the schema's history.

mod client;
mod config;
mod error;
mod migrate;
mod pool;

pub use client::{Client, Transaction};
pub use config::PostgresConfig;
pub use migrate::{Migration, migrate};
pub use pool::Postgres;
pub use tokio_postgres::types::{Json, ToSql};
pub use tokio_postgres::{IsolationLevel, Row};
