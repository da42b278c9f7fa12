//! Where state lives: the embedded engine, Postgres and Redis. This crate knows no service.
//!
//! | module | what it is |
//! |---|---|
//! | [`embedded`] | [`Engine`]: one data directory, one process; every write a serializable transaction, fsynced in groups |
//! | [`key`] | keys whose byte order is the order of the tuples they encode |
//! | [`postgres`] | [`Postgres`]: a pool per schema, transactions with retries, forward-only [`migrations!`] |
//! | [`redis`] | [`Cache`]: losable, bounded in time, a miss when Redis is away |
//! | [`resources`] | [`Resources`]: versioned records with etags and request ids, over both stores |
//! | [`feed`] | an append-only change feed without gaps, over both stores |
//! | [`vault`] | a key a person: what is stored of them is sealed, destroying the key erases every copy |
//! | [`error`] | [`StorageError`] and what it means to a caller |
//!
//! A service opens its store from a [`Storage`] and never asks again which one it is:
//!
//! ```no_run
//! # async fn open() -> Result<(), attune_storage::StorageError> {
//! use attune_storage::{Engine, Storage};
//!
//! let engine = Engine::open("/var/lib/attune".as_ref())?;
//! let space = engine.space("identity")?;
//! engine
//!     .write(move |tx| {
//!         tx.put(&space, attune_storage::key::key().str("greeting").build(), b"hello".to_vec())
//!     })
//!     .await?; // durable from here on
//! let storage = Storage::Embedded(engine);
//! let offers = storage.resources("decision")?;
//! # let _ = offers; Ok(()) }
//! ```
//!
//! Deliberately absent: a query language over the embedded engine, distributed transactions, and anything that makes
//! Redis a place where something can be lost.

pub mod embedded;
pub mod error;
pub mod feed;
pub mod key;
pub mod postgres;
pub mod redis;
pub mod resources;
pub mod vault;

mod duration_text;
mod signal;
mod storage;

pub use embedded::{Engine, EngineOptions, LowWater, Reader, Scan, Space, Tx, Value};
pub use error::StorageError;
pub use feed::FeedReader;
pub use postgres::{Migration, Postgres, PostgresConfig, Transaction, migrate};
pub use redis::{Cache, CacheConfig};
pub use resources::{Record, Resources};
pub use storage::Storage;
