//! Documents through the cache.
//!
//! A cached document stands beside a version, a word drawn anew by every write of the person, and is good only while it
//! carries the version that is there. A reader that misses takes the version first and reads the store second, so a write
//! that comes between leaves its copy without worth. A version that is lost (FLUSHALL) is drawn anew before the store is
//! read. What depends on the time is computed from the document at each read and never cached.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use attune_service_kit::clock::IdSource;
use attune_storage::Cache;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Index, Store, document};
use crate::domain::document::Document;
use crate::error::Error;

/// Bytes of a version.
const VERSION: usize = 8;

/// Reads documents, from the cache where it holds them.
#[derive(Clone)]
pub(crate) struct Snapshots {
    store: Arc<dyn Store>,
    cache: Cache,
    ids: IdSource,
    ttl: Duration,
    /// Persons whose new version the cache has not taken, with the time after which no copy of theirs can be left.
    unsaid: Arc<Mutex<BTreeMap<String, Instant>>>,
    /// Everybody in memory, which is told of every write.
    index: Index,
}

/// What was read.
pub(crate) struct Read {
    /// The documents, in the order asked for.
    pub documents: Vec<Document>,
    /// How many of them came from the cache.
    pub cached: usize,
}

impl Snapshots {
    /// Documents of a store, cached for `ttl`.
    pub(crate) fn new(store: Arc<dyn Store>, cache: Cache, ids: IdSource, ttl: Duration, index: Index) -> Self {
        Self { store, cache, ids, ttl, unsaid: Arc::default(), index }
    }

    /// The documents of persons, in order; aliases are resolved by the store and not cached.
    ///
    /// # Errors
    /// Those of the store; the cache has none.
    pub(crate) async fn read(&self, persons: &[String]) -> Result<Read, Error> {
        if !self.cache.is_some() {
            return Ok(Read { documents: self.store.documents(persons).await?, cached: 0 });
        }
        let keys: Vec<String> = persons.iter().flat_map(|person| [snapshot_key(person), version_key(person)]).collect();
        let held = self.cache.mget(&keys).await;
        let mut found: Vec<Option<Document>> = Vec::with_capacity(persons.len());
        let mut missing = Vec::new();
        for (index, (person, pair)) in persons.iter().zip(held.chunks(2)).enumerate() {
            let (copy, version) = (pair.first().cloned().flatten(), pair.get(1).cloned().flatten());
            let document =
                copy.as_deref().zip(version.as_deref()).and_then(|(copy, version)| decode(person, copy, version));
            if document.is_none() || self.unsaid.lock().contains_key(person) {
                missing.push((index, version));
                found.push(None);
            } else {
                found.push(document);
            }
        }
        let cached = persons.len() - missing.len();
        let filled = self.fill(persons, &missing).await?;
        for (document, (index, _)) in filled.into_iter().zip(missing) {
            found[index] = Some(document);
        }
        Ok(Read { documents: found.into_iter().flatten().collect(), cached })
    }

    /// Reads from the store what the cache does not hold, and offers it to the cache.
    async fn fill(&self, persons: &[String], missing: &[(usize, Option<Vec<u8>>)]) -> Result<Vec<Document>, Error> {
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let asked: Vec<String> = missing.iter().map(|(index, _)| persons[*index].clone()).collect();
        let fresh = self.ids.seed().to_be_bytes().to_vec();
        let without: Vec<(String, Vec<u8>)> = missing
            .iter()
            .zip(&asked)
            .filter(|((_, version), _)| version.is_none())
            .map(|(_, person)| (version_key(person), fresh.clone()))
            .collect();
        // Before the store is read: a write that commits later draws another one.
        let versioned = without.is_empty() || self.cache.set_all(&without, 2 * self.ttl).await;
        let documents = self.store.documents(&asked).await?;
        if versioned {
            let copies = missing.iter().zip(&asked).zip(&documents).filter(|((_, person), document)| {
                document.person_id == **person && !self.unsaid.lock().contains_key(*person)
            });
            let copies = copies
                .map(|(((_, version), person), document)| {
                    let mut copy = version.clone().unwrap_or_else(|| fresh.clone());
                    copy.extend(document::encode(document));
                    (snapshot_key(person), copy)
                })
                .collect::<Vec<_>>();
            self.cache.set_all(&copies, self.ttl).await;
        }
        Ok(documents)
    }

    /// Makes every copy of these persons worthless and tells the index of them. To be called after each write of theirs, before it is answered.
    pub(crate) async fn renew(&self, persons: &[String]) {
        self.index.heard(persons);
        if !self.cache.is_some() || persons.is_empty() {
            return;
        }
        let version = self.ids.seed().to_be_bytes().to_vec();
        let pairs: Vec<_> = persons.iter().map(|person| (version_key(person), version.clone())).collect();
        // Twice as long as a copy: a version that ended first would let none be good, one that is kept is only small.
        if !self.cache.set_all(&pairs, 2 * self.ttl).await {
            self.remember(persons);
        }
    }

    /// [`renew`](Self::renew), and removes the copies: for persons who were merged away or erased.
    pub(crate) async fn forget(&self, persons: &[String]) {
        self.renew(persons).await;
        let keys: Vec<String> = persons.iter().map(|person| snapshot_key(person)).collect();
        if self.cache.is_some() && !self.cache.delete(&keys).await {
            self.remember(persons);
        }
    }

    fn remember(&self, persons: &[String]) {
        let until = Instant::now() + self.ttl;
        self.unsaid.lock().extend(persons.iter().map(|person| (person.clone(), until)));
    }

    /// Says again what the cache did not hear. Copies that a cache kept while it could not be reached are good for others
    /// until it has heard, or until they expire.
    pub(crate) async fn retry(&self) {
        let now = Instant::now();
        let open: Vec<(String, Instant)> = {
            let mut unsaid = self.unsaid.lock();
            unsaid.retain(|_, until| *until > now);
            unsaid.iter().take(1000).map(|(person, until)| (person.clone(), *until)).collect()
        };
        if open.is_empty() {
            return;
        }
        let version = self.ids.seed().to_be_bytes().to_vec();
        let pairs: Vec<_> = open.iter().map(|(person, _)| (version_key(person), version.clone())).collect();
        let copies: Vec<String> = open.iter().map(|(person, _)| snapshot_key(person)).collect();
        if self.cache.set_all(&pairs, 2 * self.ttl).await && self.cache.delete(&copies).await {
            let mut unsaid = self.unsaid.lock();
            for (person, until) in open {
                // A later write that was not heard either stays.
                if unsaid.get(&person) == Some(&until) {
                    unsaid.remove(&person);
                }
            }
        }
    }
}

fn decode(person: &str, copy: &[u8], version: &[u8]) -> Option<Document> {
    let (made_at, stored) = copy.split_at_checked(VERSION)?;
    (made_at == version).then(|| document::decode(person, stored).ok()).flatten()
}

/// Keys carry the hash tag that keeps a person's keys on one node.
fn snapshot_key(person: &str) -> String {
    format!("profile:{{{person}}}:snapshot")
}

fn version_key(person: &str) -> String {
    format!("profile:{{{person}}}:version")
}
