//! The port to what the gateway keeps. Two stores implement it and pass one conformance suite.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use attune_kernel::Timestamp;
use attune_storage::{Migration, Storage, migrations, resources, vault};
use sha2::{Digest as _, Sha256};

use crate::domain::change::Change;
use crate::domain::record::{Claimed, Delivery, InboxEvent, Lead, Lease, Receipt, StateName};
use crate::error::Error;

#[cfg(test)]
mod conformance;
mod embedded;
mod postgres;

/// The schema in Postgres, and the space of the embedded engine.
pub const SCHEMA: &str = "channel";

/// The history of the schema.
pub const MIGRATIONS: &[Migration] = migrations![
    "0001_init" => include_str!("../../migrations/0001_init.sql"),
    "0002_resources" => resources::MIGRATION_SQL,
    "0003_vault" => vault::MIGRATION_SQL,
    "0004_sealed" => include_str!("../../migrations/0004_sealed.sql"),
];

/// Whose key seals events that wait: nobody knows yet whose they are, so they have one together, which is renewed with
/// each erasure.
const TRANSIT: &[u8] = b"transit";

/// An id of a caller as it is remembered: it may say something of a person, and it outlives an erasure.
fn hashed(id: &str) -> Vec<u8> {
    Sha256::digest(id)[..16].to_vec()
}

/// What a service keeps, opened.
#[derive(Clone)]
pub(crate) struct Store {
    /// Events on their way in.
    pub inbox: Arc<dyn Inbox>,
    /// Deliveries on their way out.
    pub outbox: Arc<dyn Outbox>,
    /// Leads.
    pub leads: Arc<dyn Leads>,
}

/// Opens the store.
///
/// # Errors
/// When the store does not answer.
pub(crate) fn open(storage: &Storage) -> Result<Store, Error> {
    Ok(match storage {
        Storage::Embedded(engine) => {
            let store = Arc::new(embedded::Embedded::open(engine)?);
            Store { inbox: store.clone(), outbox: store.clone(), leads: store }
        }
        Storage::Postgres(postgres) => {
            let store = Arc::new(postgres::Relational::new(postgres.clone()));
            Store { inbox: store.clone(), outbox: store.clone(), leads: store }
        }
    })
}

/// Events on their way in.
#[async_trait]
pub(crate) trait Inbox: Send + Sync {
    /// Makes the events durable in the order given and answers, for each, whether it was new. A known `event_id`
    /// changes nothing. Returns after the commit.
    async fn accept(&self, events: Vec<InboxEvent>) -> Result<Vec<bool>, Error>;

    /// Takes the lease of the whole inbox when it is free, expired or already `lease.owner`'s, and returns up to `limit`
    /// waiting events in order of arrival, beginning after `after`. Another owner's valid lease: nothing is returned.
    async fn claim(&self, lease: &Lease, after: u64, limit: usize) -> Result<Vec<Claimed>, Error>;

    /// Removes the events at these positions from the waiting ones, if `lease.owner` still holds the lease at
    /// `lease.now`; otherwise nothing changes and the answer is [`Error::LeaseLost`].
    async fn done(&self, lease: &Lease, positions: &[u64]) -> Result<(), Error>;

    /// Counts a failure of these events and sets aside those that now have `limit` of them, with the reason. Same
    /// condition as [`done`](Self::done). Answers how many were set aside.
    async fn failed(&self, lease: &Lease, failures: &[(u64, String)], limit: u32) -> Result<u32, Error>;

    /// How many wait, are done, are set aside, and when the oldest waiting one was accepted.
    async fn counts(&self) -> Result<InboxCounts, Error>;

    /// Where a feed was read up to; 0 at first.
    async fn cursor(&self, feed: &str) -> Result<u64, Error>;

    /// Moves a feed's cursor forward; it never falls.
    async fn advance(&self, feed: &str, to: u64) -> Result<(), Error>;
}

/// The inbox in figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct InboxCounts {
    /// Accepted and not yet worked through.
    pub pending: u64,
    /// Worked through.
    pub done: u64,
    /// Set aside for people.
    pub quarantined: u64,
    /// When the oldest pending one was accepted.
    pub oldest: Option<Timestamp>,
}

/// Deliveries on their way out.
#[async_trait]
pub(crate) trait Outbox: Send + Sync {
    /// Makes deliveries durable; one whose `request_id` is known is not stored again. Answers, for each, the delivery id
    /// in force and whether it was known. Returns after the commit.
    async fn enqueue(&self, deliveries: Vec<Delivery>) -> Result<Vec<(String, bool)>, Error>;

    /// Claims up to `limit` deliveries that are not final, due at `now` (business time) and not validly leased, oldest due
    /// first, for `lease`.
    async fn claim(&self, lease: &Lease, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, Error>;

    /// Applies changes to deliveries in one commit at `now` (business time), each only if `lease.owner` holds its lease at
    /// `lease.now`. Answers, for each, whether it was applied: a worker whose lease expired must not act.
    /// [`Change::Intent`] keeps and renews the lease, every other change gives it back.
    async fn apply(&self, lease: &Lease, now: Timestamp, changes: Vec<(String, Change)>) -> Result<Vec<bool>, Error>;

    /// A delivery.
    async fn get(&self, delivery_id: &str) -> Result<Option<Delivery>, Error>;

    /// Deliveries in a state (or all), by id after `after`.
    async fn list(&self, state: Option<StateName>, after: Option<&str>, limit: usize) -> Result<Vec<Delivery>, Error>;

    /// Adds a receipt; false when its id was known.
    async fn receipt(&self, delivery_id: &str, receipt: Receipt) -> Result<bool, Error>;

    /// Takes these persons out: their deliveries end and are made anonymous (see
    /// [`anonymize`](crate::domain::erasure::anonymize)), their leads are removed, their keys destroyed. Events that wait
    /// get a new key, so that old copies of those that were worked through are unreadable.
    async fn erase(&self, person_ids: &[String], now: Timestamp) -> Result<Erased, Error>;

    /// The deliveries of these persons, by id after `after`.
    async fn of_persons(
        &self,
        person_ids: &[String],
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Delivery>, Error>;

    /// How many deliveries are in each state, how many each rule suppressed, and attempts in all.
    async fn counts(&self) -> Result<OutboxCounts, Error>;
}

/// What an erasure did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Erased {
    /// Deliveries that were made anonymous.
    pub deliveries: u64,
    /// Leads that were removed.
    pub leads: u64,
    /// Keys that were destroyed.
    pub keys: u64,
}

/// The outbox in figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OutboxCounts {
    /// By state.
    pub states: BTreeMap<String, u64>,
    /// By the rule that suppressed.
    pub suppressed: BTreeMap<String, u64>,
    /// Attempts with a committed intent.
    pub attempts: u64,
}

/// Leads of people's channels.
#[async_trait]
pub(crate) trait Leads: Send + Sync {
    /// A lead.
    async fn get(&self, lead_id: &str) -> Result<Option<Lead>, Error>;

    /// Leads by id after `after`, of one channel or all; the caller filters by state, which depends on the time.
    async fn list(&self, channel: Option<&str>, after: Option<&str>, limit: usize) -> Result<Vec<Lead>, Error>;

    /// The leads of these persons.
    async fn of_persons(&self, person_ids: &[String]) -> Result<Vec<Lead>, Error>;

    /// Replaces a lead if its revision is still `lead.revision - 1`; [`Error::Conflict`] otherwise. `event` is accepted
    /// into the inbox in the same commit.
    async fn replace(&self, lead: Lead, event: Option<InboxEvent>) -> Result<(), Error>;
}
