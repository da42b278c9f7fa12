//! The embedded engine: an ordered key-value store in one data directory, used by one process.
//!
//! * [`Engine`]: opens the directory, queues writes to the writer thread, hands out readers.
//! * [`Space`]: a named, separate key space; each service has its own.
//! * [`Tx`]: what a write sees and does; serializable, because one thread runs one write after the other.
//! * [`Reader`]: a snapshot; reads are synchronous and take microseconds.
//! * Values of people are sealed with a key each, see [`vault`](crate::vault); the keys of rows are not.
//! * [`Scan`]: which keys, in which direction, how many.
//!
//! Durability: an acknowledged write survives a killed process and a power cut, because a group of writes
//! is committed as one atomic batch whose journal is fsynced before anybody is answered. After a failed fsync nobody knows
//! what is on the disk, so the engine refuses further writes until the process is started again.

mod engine;
mod flight;
mod low_water;
mod overlay;
mod reader;
mod scan;
mod space;
mod tx;
mod writer;

pub(crate) use engine::keyspace_options;
pub use engine::{Engine, EngineOptions};
pub use low_water::LowWater;
pub use reader::Reader;
pub use scan::Scan;
pub(crate) use space::engine_error;
pub use space::{Pair, Space, Value};
pub use tx::Tx;
