//! Deliveries on their way out.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use async_trait::async_trait;
use attune_kernel::Timestamp;
use attune_storage::key::{KeyReader, key};
use attune_storage::{LowWater, Scan, Space, Tx};
use serde::{Deserialize, Serialize};

use super::{Embedded, Held, count, ids_of, last_part, leads, read_count, read_counts};
use crate::domain::change::{self, Change};
use crate::domain::delivery::State;
use crate::domain::erasure;
use crate::domain::record::{Delivery, Lease, Receipt, StateName};
use crate::error::Error;
use crate::store::{Erased, Outbox, OutboxCounts, TRANSIT, hashed};

/// A delivery with its lease.
#[derive(Serialize, Deserialize)]
struct Row {
    delivery: Delivery,
    held: Option<Held>,
}

fn delivery_key(id: &str) -> Vec<u8> {
    key().str("dl").str(id).build()
}

fn person_key(person: &str, id: &str) -> Vec<u8> {
    key().str("dp").str(person).str(id).build()
}

fn due_key(due: Timestamp, id: &str) -> Vec<u8> {
    key().str("du").i64(due.as_micros()).str(id).build()
}

fn load(tx: &Tx, space: &Space, id: &str) -> Result<Option<Row>, Error> {
    Ok(tx.get(space, delivery_key(id))?.map(|value| serde_json::from_slice(&value)).transpose()?)
}

fn save(tx: &mut Tx, space: &Space, row: &Row) -> Result<(), Error> {
    let (at, value) = (delivery_key(&row.delivery.delivery_id), serde_json::to_vec(row)?);
    match row.delivery.request.person_id.as_str() {
        // One of nobody any more.
        "" => tx.put(space, at, value)?,
        person => tx.put_for(space, person.as_bytes(), at, value)?,
    }
    Ok(())
}

/// Puts a delivery among those that wait.
fn wait(tx: &mut Tx, space: &Space, due: &LowWater, delivery: &Delivery) -> Result<(), Error> {
    let at = due_key(delivery.due, &delivery.delivery_id);
    due.lower(&at);
    tx.put(space, at, Vec::new())?;
    Ok(())
}

/// Moves the counters and the due index from what a delivery was to what it is.
fn moved(
    tx: &mut Tx,
    space: &Space,
    due: &LowWater,
    before: (StateName, Timestamp),
    delivery: &Delivery,
) -> Result<(), Error> {
    let id = delivery.delivery_id.as_str();
    if before.0 != delivery.state {
        count(tx, space, "state", before.0.as_str(), -1)?;
        count(tx, space, "state", delivery.state.as_str(), 1)?;
        if delivery.state == StateName::Suppressed {
            count(tx, space, "rule", &delivery.suppressed_by, 1)?;
        }
    }
    let is_final = State::from(delivery.state).is_final();
    if is_final || before.1 != delivery.due {
        tx.delete(space, due_key(before.1, id))?;
    }
    if !is_final {
        wait(tx, space, due, delivery)?;
    }
    Ok(())
}

#[async_trait]
impl Outbox for Embedded {
    async fn enqueue(&self, deliveries: Vec<Delivery>) -> Result<Vec<(String, bool)>, Error> {
        let (space, due) = (self.space.clone(), self.due.clone());
        self.engine
            .write(move |tx| {
                let mut out = Vec::with_capacity(deliveries.len());
                for delivery in deliveries {
                    let request = key().str("rq").bytes(&hashed(&delivery.request.request_id)).build();
                    if let Some(known) = tx.get(&space, &request)? {
                        let id = String::from_utf8_lossy(&known).into_owned();
                        out.push((id, true));
                        continue;
                    }
                    tx.put(&space, request, delivery.delivery_id.as_bytes().to_vec())?;
                    tx.put(&space, person_key(&delivery.request.person_id, &delivery.delivery_id), Vec::new())?;
                    wait(tx, &space, &due, &delivery)?;
                    count(tx, &space, "state", delivery.state.as_str(), 1)?;
                    out.push((delivery.delivery_id.clone(), false));
                    save(tx, &space, &Row { delivery, held: None })?;
                }
                Ok(out)
            })
            .await
    }

    async fn claim(&self, lease: &Lease, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, Error> {
        let last = key().str("du").i64(now.as_micros()).str("\u{10ffff}").build();
        let due =
            move |mark: &LowWater| Scan::prefix(key().str("du").build()).at_least(mark.begin()).at_most(last.clone());
        if self.reader().scan(&self.space, &due(&self.due).limit(1))?.is_empty() {
            return Ok(Vec::new());
        }
        let (space, lease, mark) = (self.space.clone(), lease.clone(), self.due.clone());
        self.engine
            .write(move |tx| {
                let mut out = Vec::new();
                // Deliveries that another worker holds stay in the index; they are few, so reading past them is cheap.
                // The mark is read here, where nothing is put meanwhile: an older one could hide what was put since.
                let found = tx.scan(&space, &due(&mark).limit(limit * 4))?;
                if let Some((first, _)) = found.first() {
                    mark.raise(first);
                }
                for (at, _) in found {
                    if out.len() == limit {
                        break;
                    }
                    let mut at = KeyReader::new(&at);
                    at.str()?;
                    at.i64()?;
                    let id = at.str()?;
                    let Some(mut row) = load(tx, &space, &id)? else { continue };
                    if row.held.as_ref().is_some_and(|held| !held.yields_to(&lease)) {
                        continue;
                    }
                    row.held = Some(Held::of(&lease));
                    save(tx, &space, &row)?;
                    out.push(row.delivery);
                }
                Ok(out)
            })
            .await
    }

    async fn apply(&self, lease: &Lease, now: Timestamp, changes: Vec<(String, Change)>) -> Result<Vec<bool>, Error> {
        let (space, lease, due) = (self.space.clone(), lease.clone(), self.due.clone());
        self.engine
            .write(move |tx| {
                let mut applied = Vec::with_capacity(changes.len());
                for (id, change) in changes {
                    let row = load(tx, &space, &id)?
                        .filter(|row| row.held.as_ref().is_some_and(|held| held.is_held_by(&lease)));
                    let Some(mut row) = row else {
                        applied.push(false);
                        continue;
                    };
                    let (is_intent, keeps) = (matches!(change, Change::Intent { .. }), change.keeps_lease());
                    let before = (row.delivery.state, row.delivery.due);
                    let lead = change::apply(&mut row.delivery, change, now);
                    row.held = keeps.then(|| Held::of(&lease));
                    if is_intent {
                        count(tx, &space, "attempts", "all", 1)?;
                    }
                    if let Some(lead) = lead {
                        super::leads::insert(tx, &space, &lead)?;
                    }
                    moved(tx, &space, &due, before, &row.delivery)?;
                    save(tx, &space, &row)?;
                    applied.push(true);
                }
                Ok(applied)
            })
            .await
    }

    async fn get(&self, delivery_id: &str) -> Result<Option<Delivery>, Error> {
        let value = self.reader().get(&self.space, delivery_key(delivery_id))?;
        Ok(value.map(|value| serde_json::from_slice::<Row>(&value)).transpose()?.map(|row| row.delivery))
    }

    async fn list(&self, state: Option<StateName>, after: Option<&str>, limit: usize) -> Result<Vec<Delivery>, Error> {
        let mut scan = Scan::prefix(key().str("dl").build());
        if let Some(after) = after {
            scan = scan.above(delivery_key(after));
        }
        let mut out = Vec::new();
        let mut failed = None;
        self.reader().visit(&self.space, &scan, |_, value| match serde_json::from_slice::<Row>(&value) {
            Ok(row) => {
                if state.is_none_or(|state| state == row.delivery.state) {
                    out.push(row.delivery);
                }
                if out.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        })?;
        failed.map_or(Ok(out), |error| Err(error.into()))
    }

    async fn receipt(&self, delivery_id: &str, receipt: Receipt) -> Result<bool, Error> {
        let (space, id) = (self.space.clone(), delivery_id.to_owned());
        self.engine
            .write(move |tx| {
                let mut row = load(tx, &space, &id)?.ok_or(Error::NotFound("delivery", id))?;
                if row.delivery.receipts.iter().any(|known| known.receipt_id == receipt.receipt_id) {
                    return Ok(false);
                }
                row.delivery.receipts.push(receipt);
                save(tx, &space, &row)?;
                Ok(true)
            })
            .await
    }

    async fn erase(&self, person_ids: &[String], now: Timestamp) -> Result<Erased, Error> {
        let (space, persons, due) = (self.space.clone(), person_ids.to_vec(), self.due.clone());
        self.engine
            .write(move |tx| {
                let mut done = Erased::default();
                for person in &persons {
                    for id in ids_of(tx, &space, "dp", person)? {
                        tx.delete(&space, person_key(person, &id))?;
                        let Some(mut row) = load(tx, &space, &id)? else { continue };
                        let before = (row.delivery.state, row.delivery.due);
                        erasure::anonymize(&mut row.delivery, now);
                        row.held = None;
                        moved(tx, &space, &due, before, &row.delivery)?;
                        save(tx, &space, &row)?;
                        done.deliveries += 1;
                    }
                    done.leads += leads::erase(tx, &space, person)?;
                    done.keys += u64::from(tx.shred(&space, person.as_bytes())?);
                }
                tx.reseal(&space, TRANSIT, &[key().str("in").build(), key().str("qu").build()])?;
                Ok(done)
            })
            .await
    }

    async fn of_persons(
        &self,
        person_ids: &[String],
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Delivery>, Error> {
        let reader = self.reader();
        let mut ids = BTreeSet::new();
        for person in person_ids {
            let mut scan = Scan::prefix(key().str("dp").str(person).build()).limit(limit);
            if let Some(after) = after {
                scan = scan.above(person_key(person, after));
            }
            for (at, _) in reader.scan(&self.space, &scan)? {
                ids.insert(last_part(&at)?);
            }
        }
        let mut out = Vec::new();
        for id in ids.iter().take(limit) {
            if let Some(value) = reader.get(&self.space, delivery_key(id))? {
                out.push(serde_json::from_slice::<Row>(&value)?.delivery);
            }
        }
        Ok(out)
    }

    async fn counts(&self) -> Result<OutboxCounts, Error> {
        let reader = self.reader();
        Ok(OutboxCounts {
            states: read_counts(&reader, &self.space, "state")?,
            suppressed: read_counts(&reader, &self.space, "rule")?,
            attempts: read_count(&reader, &self.space, "attempts", "all")?,
        })
    }
}
