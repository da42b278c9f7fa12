//! The port to what is known of persons. Two stores implement it and pass one conformance suite.

pub(crate) mod body;
mod changes;
mod document;
mod embedded;
mod index;
mod lists;
mod postgres;
mod progress;
mod snapshots;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod unmerge_tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use attune_kernel::{Personal, Timestamp};
use attune_storage::{Migration, Storage, feed, migrations, resources, vault};
use sha2::{Digest as _, Sha256};

use crate::domain::batch::Batch;
use crate::domain::consent::Consent;
use crate::domain::document::{Document, Observed};
use crate::domain::event::{Event, Filter, Place};
use crate::domain::rules::Rules;
use crate::domain::tag::TagMove;
use crate::error::Error;

pub(crate) use changes::Changes;
pub(crate) use index::{Bounds, Index};
pub(crate) use lists::Lists;
pub(crate) use progress::Progress;
pub(crate) use snapshots::Snapshots;

/// The schema in Postgres, and the space in the embedded engine.
pub const SCHEMA: &str = "profile";

/// The history of the schema.
pub const MIGRATIONS: &[Migration] = migrations![
    "0001_profile" => include_str!("../../migrations/0001_profile.sql"),
    "0002_resources" => resources::MIGRATION_SQL,
    "0003_feed" => feed::MIGRATION_SQL,
    "0004_origin" => include_str!("../../migrations/0002_origin.sql"),
    "0005_timeline" => include_str!("../../migrations/0003_timeline.sql"),
    "0006_changes" => include_str!("../../migrations/0004_changes.sql"),
    "0007_vault" => vault::MIGRATION_SQL,
    "0008_lists" => include_str!("../../migrations/0005_lists.sql"),
    "0009_due" => include_str!("../../migrations/0006_due.sql"),
    "0010_sealed_feed" => feed::SEALED_MIGRATION_SQL,
];

/// The feed of entries into and exits from segments.
pub(crate) const FEED: &str = "segments";

/// The feed of tags that rules and bands put on and took off.
pub(crate) const TAG_FEED: &str = "tags";

/// What a transaction decides: given the documents it reads and the events that are new, it changes documents.
pub(crate) type Decide = Arc<dyn Fn(&mut Batch, &[Event]) -> Result<(), Error> + Send + Sync>;

/// A unit of work.
#[derive(Clone)]
pub(crate) struct Work {
    /// Events to store, of any persons.
    pub events: Arc<Vec<Event>>,
    /// Persons to read besides those of the events.
    pub persons: Vec<String>,
    /// What to do with them.
    pub decide: Decide,
    /// Whether traits that lack history are filled from the timeline before.
    pub fill: bool,
    /// What changed documents are judged by.
    pub rules: Arc<Rules>,
    /// The current time.
    pub now: Timestamp,
    /// The key under which a repeat does nothing; empty for none.
    pub request_id: String,
}

/// What a unit of work did.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Done {
    /// Whether the request was known and nothing was done.
    pub repeated: bool,
    /// How many events were new.
    pub fresh: usize,
    /// The persons in force whose documents were written.
    pub written: Vec<String>,
    /// Persons whose traits were filled from the timeline.
    pub filled: usize,
    /// Attributes of events that found no room in a document or were kept aside.
    pub observed: Observed,
}

/// What a step of [`Store::forget_events`] did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Forgotten {
    /// Events removed.
    pub removed: u64,
    /// Where the next step goes on; none after the last.
    pub next: Option<Vec<u8>>,
}

/// A change of who is who.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rewrite {
    /// Everything of `merged` becomes `surviving`'s, and `merged` an alias of it.
    Merge { surviving: String, merged: String },
    /// What was recorded under `split` and `ids`, and what has come by these identifiers (namespace and value) since, moves
    /// from `person` to `split`; without such an id, all that came by the identifiers. What events say of both is computed
    /// anew, the ids are `split`'s aliases.
    Split { person: String, split: String, ids: Vec<String>, via: Personal<Vec<(String, String)>> },
    /// Everything of these persons is removed.
    Erase { persons: Vec<String> },
}

/// What makes a rewrite happen once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Once {
    /// Only if this offset is above every one applied before: the feed it comes from is ordered and has no gaps.
    Offset(u64),
    /// Only if this request was not done before.
    Request(String),
    /// Every time.
    No,
}

/// What a rewrite did. Of a request that was done before: what it did then, but not applied.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rewritten {
    /// False when it had been applied before.
    pub applied: bool,
    /// Events removed.
    pub events: u64,
    /// Attributes, tags and consents removed.
    pub values: u64,
    /// Keys destroyed, with which what is removed can be read nowhere.
    pub keys: u64,
    /// The persons whose documents were written or removed.
    pub written: Vec<String>,
}

impl Rewritten {
    fn encode(&self) -> Vec<u8> {
        [self.events.to_be_bytes(), self.values.to_be_bytes(), self.keys.to_be_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Self {
        let number =
            |at: usize| bytes.get(at..at + 8).and_then(|part| part.try_into().ok()).map_or(0, u64::from_be_bytes);
        Self { events: number(0), values: number(8), keys: number(16), ..Self::default() }
    }
}

/// What is known of persons, durably.
#[async_trait]
pub(crate) trait Store: Send + Sync + 'static {
    /// Does a unit of work in one transaction: stores the events whose id is new, reads the documents of all persons
    /// concerned (aliases resolved; an event keeps the id it names as its origin), decides, evaluates segments, writes changed documents and appends moves to the feed.
    /// All or nothing; units that touch a common person take effect one after the other.
    async fn work(&self, work: Work) -> Result<Done, Error>;

    /// The documents of persons, in order, aliases resolved; empty ones for persons about whom nothing is known.
    async fn documents(&self, persons: &[String]) -> Result<Vec<Document>, Error>;

    /// Encoded events of a person with their places, in the filter's order, after `after`, at most `limit`.
    async fn timeline(
        &self,
        person: &str,
        filter: &Filter,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<Vec<(Place, Vec<u8>)>, Error>;

    /// Applies a change of who is who, once, in one transaction.
    ///
    /// Whoever was merged away or erased leaves no entry in the feed of segments: who follows it learns of that from
    /// identity's feed, and an exit would speak of the survivor, or of someone who must not be spoken of.
    async fn rewrite(&self, once: Once, change: Rewrite, rules: Arc<Rules>, now: Timestamp)
    -> Result<Rewritten, Error>;

    /// The members of a segment by id after `after`.
    async fn members(&self, segment: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error>;

    /// How many members a segment has.
    async fn member_count(&self, segment: &str) -> Result<u64, Error>;

    /// Ids of persons with a document, after `after`.
    async fn persons(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error>;

    /// Ids of persons whose time to be looked at again is `now` or before, the longest waiting first, at most `limit`.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<String>, Error>;

    /// A mark kept under a name, such as the revision of the segments that everyone was evaluated for.
    async fn mark(&self, name: &str) -> Result<Option<String>, Error>;

    /// Keeps a mark.
    async fn set_mark(&self, name: &str, value: &str) -> Result<(), Error>;

    /// Forgets requests done before a time, at most `limit` of them, and answers how many.
    async fn forget_requests(&self, before: Timestamp, limit: usize) -> Result<usize, Error>;

    /// Removes events of these kinds that happened before these times, a step of at most `limit` at a time; `after` is where
    /// the step before ended. What events left in documents stays; their ids stay known.
    async fn forget_events(
        &self,
        before: &BTreeMap<String, Timestamp>,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Forgotten, Error>;

    /// Records words on who may not be written to, by the hash of the address, all or nothing. They outlive an erasure.
    async fn suppress(&self, rules: Vec<(Vec<u8>, Consent)>) -> Result<(), Error>;

    /// The words on an address by its hash.
    async fn suppressions(&self, address: &[u8]) -> Result<Vec<Consent>, Error>;

    /// Whether the store answers.
    async fn check(&self) -> Result<(), Error>;
}

/// Opens the store.
///
/// # Errors
/// When it does not answer.
pub(crate) fn open(storage: &Storage) -> Result<Arc<dyn Store>, Error> {
    Ok(match storage {
        Storage::Embedded(engine) => Arc::new(embedded::Embedded::open(engine)?),
        Storage::Postgres(postgres) => Arc::new(postgres::Pg::new(postgres.clone())),
    })
}

/// Entries of the feed of tags.
fn tag_entries(moves: &[TagMove]) -> Result<Vec<feed::NewEntry>, Error> {
    moves.iter().map(|one| Ok(feed::NewEntry::new(&one.person_id, serde_json::to_vec(one)?))).collect()
}

/// The place of an event as it stands in keys, which are not sealed: with the hash of its id in hex in place of the id, which
/// may say something of a person.
fn place(event: &Event) -> Place {
    let hash = Sha256::digest(&event.event_id);
    let half = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    let hex = hash[..16].iter().flat_map(|byte| [half(byte >> 4), half(byte & 15)]).collect();
    (event.time, event.sequence, hex)
}

/// An id of a caller as it is remembered: ids may hold personal data and outlive an erasure.
fn digest(id: &str) -> Vec<u8> {
    Sha256::digest(id)[..16].to_vec()
}
