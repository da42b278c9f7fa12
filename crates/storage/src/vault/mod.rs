//! A key a person: what is stored of them is sealed, and destroying the key erases every copy of it at once.
//!
//! Log-structured and B-tree stores do not erase bytes when a row is deleted: journals, old tables, dead rows and backups
//! keep them for hours or for good. So no store is asked to. Each *subject* (a person, a record of a source, a batch of
//! events without a person yet) has a key of its own; its rows are sealed with it, and erasure overwrites the key.
//!
//! * [`seal`], [`open`]: AES-256-GCM. The associated data binds a sealed value to its table or space and to its row, so that
//!   bytes cannot be moved to another row or person.
//! * Embedded: keys lie in a file of fixed-size slots, made in advance a few thousand at a time, so that a new person costs
//!   no further fsync: the slot is taken in the transaction that writes the row. `Tx::put` seals by what the
//!   space says of a row's key (see [`Engine::sealed_space`](crate::Engine::sealed_space)), reads open; nothing else of a
//!   store changes. [`Tx::shred`](crate::Tx::shred) destroys a key: the slot is overwritten in place and fsynced before the
//!   transaction is acknowledged, and again at the next start when the process was killed in between.
//! * Postgres: [`PgVault`]: a table of keys wrapped by a master key that is not in the database.
//!
//! # What erasure means
//! A destroyed key cannot be read through the file or the table, and what it sealed is noise, wherever its copies are. Two
//! horizons remain and are the operator's: a copy-on-write file system or the spare blocks of a flash device may keep an
//! overwritten block of the key file until they reuse it (use a file system that overwrites in place, or an encrypted
//! volume); and Postgres's write-ahead log and base backups keep a wrapped key until they expire, or until
//! [`PgVault::rewrap`] puts every living key under a new master key and the old one is thrown away.

mod aead;
mod cache;
mod engine;
mod postgres;
mod rows;
mod slots;

#[cfg(test)]
mod tests;

pub use aead::{OVERHEAD, Place, Secret, open, random_secret, seal, slot_of};
pub(crate) use engine::{EngineVault, Staged};
pub use postgres::{Ask, Keys, MIGRATION_SQL, MasterKey, PgVault};
pub use rows::{Column, Plain, Sealed};

/// Which subject a row belongs to, told from its key; `None` for rows that say nothing of a person.
pub type SubjectOf = fn(&[u8]) -> Option<Vec<u8>>;

/// The subject under which a person's entries of feeds are sealed: apart from the person's rows, because it outlives a new
/// key of theirs.
#[must_use]
pub fn feed_subject(person: &str) -> Vec<u8> {
    [b"feed:", person.as_bytes()].concat()
}
