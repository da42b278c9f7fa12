//! Events on their way in.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use attune_kernel::{Personal, Timestamp};
use attune_storage::key::{KeyReader, key};
use attune_storage::{Scan, Space, Tx};

use super::{Embedded, Held, count, number, read_count};
use crate::domain::record::{Claimed, InboxEvent, Lease};
use crate::error::Error;
use crate::store::{Inbox, InboxCounts, hashed};

fn waiting(position: u64) -> Vec<u8> {
    key().str("in").u64(position).build()
}

/// `failures` (4 bytes), `received` (8 bytes), length of the id (2 bytes), id, body.
fn encode(failures: u32, event: &InboxEvent) -> Vec<u8> {
    let id = event.event_id.as_bytes();
    let body = event.body.expose();
    let mut out = Vec::with_capacity(14 + id.len() + body.len());
    out.extend(failures.to_be_bytes());
    out.extend(event.received.as_micros().to_be_bytes());
    out.extend(u16::try_from(id.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(id);
    out.extend(body);
    out
}

fn decode(position: u64, bytes: &[u8]) -> Result<Claimed, Error> {
    let corrupt = || Error::Corrupt(format!("inbox event at position {position}"));
    let (head, rest) = bytes.split_at_checked(14).ok_or_else(corrupt)?;
    let failures = u32::from_be_bytes(head[..4].try_into().map_err(|_| corrupt())?);
    let received = i64::from_be_bytes(head[4..12].try_into().map_err(|_| corrupt())?);
    let length = usize::from(u16::from_be_bytes(head[12..14].try_into().map_err(|_| corrupt())?));
    let (id, body) = rest.split_at_checked(length).ok_or_else(corrupt)?;
    let event_id = String::from_utf8(id.to_vec()).map_err(|_| corrupt())?;
    let event = InboxEvent { event_id, received: Timestamp::from_micros(received), body: Personal::new(body.to_vec()) };
    Ok(Claimed { position, failures, event })
}

/// Stores events in a transaction that may hold more; answers which were new.
pub(super) fn accept(tx: &mut Tx, space: &Space, events: &[InboxEvent]) -> Result<Vec<bool>, Error> {
    let first = tx.get(space, next_key())?.map_or(1, |value| number(&value));
    let mut next = first;
    let mut fresh = Vec::with_capacity(events.len());
    for event in events {
        let known = key().str("id").bytes(&hashed(&event.event_id)).build();
        let is_new = tx.get(space, &known)?.is_none();
        if is_new {
            tx.put(space, known, event.received.as_micros().to_be_bytes().to_vec())?;
            tx.put(space, waiting(next), encode(0, event))?;
            next += 1;
        }
        fresh.push(is_new);
    }
    if next > first {
        tx.put(space, next_key(), next.to_be_bytes().to_vec())?;
        count(tx, space, "in", "pending", i64::try_from(next - first).unwrap_or(i64::MAX))?;
    }
    Ok(fresh)
}

/// Where the next position is kept.
fn next_key() -> Vec<u8> {
    key().str("ct").str("in").str("next").build()
}

/// The position in the key of a waiting event.
fn position(at: &[u8]) -> Result<u64, Error> {
    let mut at = KeyReader::new(at);
    at.str()?;
    Ok(at.u64()?)
}

impl Embedded {
    /// The waiting events after a position. Begins behind what was worked through, because a scan from the front walks
    /// over the tombstones of all of it.
    fn waiting_after(&self, after: u64) -> Scan {
        let after = after.max(self.worked_through.load(Ordering::Acquire));
        Scan::prefix(key().str("in").build()).above(waiting(after))
    }
}

fn lease_key() -> Vec<u8> {
    key().str("ls").build()
}

fn check_lease(tx: &Tx, space: &Space, lease: &Lease) -> Result<(), Error> {
    let held = tx.get(space, lease_key())?.map(|value| serde_json::from_slice::<Held>(&value)).transpose()?;
    if held.is_some_and(|held| held.is_held_by(lease)) { Ok(()) } else { Err(Error::LeaseLost) }
}

#[async_trait]
impl Inbox for Embedded {
    async fn accept(&self, events: Vec<InboxEvent>) -> Result<Vec<bool>, Error> {
        let space = self.space.clone();
        self.engine.write(move |tx| accept(tx, &space, &events)).await
    }

    async fn claim(&self, lease: &Lease, after: u64, limit: usize) -> Result<Vec<Claimed>, Error> {
        let reader = self.reader();
        let held =
            reader.get(&self.space, lease_key())?.map(|value| serde_json::from_slice::<Held>(&value)).transpose()?;
        let scan = || self.waiting_after(after).limit(limit);
        let keep = held.as_ref().is_some_and(|held| {
            held.is_held_by(lease) && held.deadline.since(lease.now) * 2 > lease.deadline.since(lease.now)
        });
        if !keep {
            // Nothing to do and nothing held: an idle inbox writes nothing.
            if reader.scan(&self.space, &scan())?.is_empty() {
                return Ok(Vec::new());
            }
            let (space, lease) = (self.space.clone(), lease.clone());
            let taken = self
                .engine
                .write(move |tx| {
                    let held =
                        tx.get(&space, lease_key())?.map(|value| serde_json::from_slice::<Held>(&value)).transpose()?;
                    if held.is_some_and(|held| !held.yields_to(&lease)) {
                        return Ok::<_, Error>(false);
                    }
                    tx.put(&space, lease_key(), serde_json::to_vec(&Held::of(&lease))?)?;
                    Ok(true)
                })
                .await?;
            if !taken {
                return Ok(Vec::new());
            }
        }
        let rows = self.reader().scan(&self.space, &scan())?;
        let claimed = rows.iter().map(|(at, value)| decode(position(at)?, value)).collect::<Result<Vec<_>, Error>>()?;
        if let Some(first) = claimed.first().filter(|_| after == 0) {
            self.worked_through.fetch_max(first.position.saturating_sub(1), Ordering::AcqRel);
        }
        Ok(claimed)
    }

    async fn done(&self, lease: &Lease, positions: &[u64]) -> Result<(), Error> {
        let (space, lease, positions) = (self.space.clone(), lease.clone(), positions.to_vec());
        self.engine
            .write(move |tx| {
                check_lease(tx, &space, &lease)?;
                let mut gone = 0;
                for position in positions {
                    if tx.get(&space, waiting(position))?.is_some() {
                        tx.delete(&space, waiting(position))?;
                        gone += 1;
                    }
                }
                count(tx, &space, "in", "pending", -gone)?;
                count(tx, &space, "in", "done", gone)
            })
            .await
    }

    async fn failed(&self, lease: &Lease, failures: &[(u64, String)], limit: u32) -> Result<u32, Error> {
        let (space, lease, failures) = (self.space.clone(), lease.clone(), failures.to_vec());
        self.engine
            .write(move |tx| {
                check_lease(tx, &space, &lease)?;
                let mut aside = 0;
                for (position, reason) in failures {
                    let Some(bytes) = tx.get(&space, waiting(position))? else { continue };
                    let claimed = decode(position, &bytes)?;
                    let failed = claimed.failures + 1;
                    if failed < limit {
                        tx.put(&space, waiting(position), encode(failed, &claimed.event))?;
                        continue;
                    }
                    let mut record = u32::try_from(reason.len()).unwrap_or_default().to_be_bytes().to_vec();
                    record.extend(reason.as_bytes());
                    record.extend(encode(failed, &claimed.event));
                    tx.put(&space, key().str("qu").u64(position).build(), record)?;
                    tx.delete(&space, waiting(position))?;
                    aside += 1;
                }
                count(tx, &space, "in", "pending", -i64::from(aside))?;
                count(tx, &space, "in", "quarantined", i64::from(aside))?;
                Ok(aside)
            })
            .await
    }

    async fn counts(&self) -> Result<InboxCounts, Error> {
        let reader = self.reader();
        // Read before the scan: what is put later has a greater position.
        let next = reader.get(&self.space, next_key())?.map_or(1, |value| number(&value));
        let first = reader.scan(&self.space, &self.waiting_after(0).limit(1))?;
        let oldest = first.first().map(|(at, value)| decode(position(at)?, value)).transpose()?;
        let waits_at = oldest.as_ref().map_or(next, |claimed| claimed.position);
        self.worked_through.fetch_max(waits_at.saturating_sub(1), Ordering::AcqRel);
        Ok(InboxCounts {
            pending: read_count(&reader, &self.space, "in", "pending")?,
            done: read_count(&reader, &self.space, "in", "done")?,
            quarantined: read_count(&reader, &self.space, "in", "quarantined")?,
            oldest: oldest.map(|claimed| claimed.event.received),
        })
    }

    async fn cursor(&self, feed: &str) -> Result<u64, Error> {
        let at = key().str("cu").str(feed).build();
        Ok(self.reader().get(&self.space, at)?.map_or(0, |value| number(&value)))
    }

    async fn advance(&self, feed: &str, to: u64) -> Result<(), Error> {
        let (space, at) = (self.space.clone(), key().str("cu").str(feed).build());
        self.engine
            .write(move |tx| {
                let now = tx.get(&space, &at)?.map_or(0, |value| number(&value));
                if to > now {
                    tx.put(&space, at, to.to_be_bytes().to_vec())?;
                }
                Ok(())
            })
            .await
    }
}
