//! Deliveries on their way out.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use attune_kernel::Timestamp;
use attune_storage::Transaction;
use attune_storage::postgres::Row;
use attune_storage::vault::{Ask, PgVault};

use super::{Counted, Relational, leads, limit, seal, unsigned};
use crate::domain::change::{self, Change};
use crate::domain::erasure;
use crate::domain::record::{Delivery, Lease, Receipt, StateName};
use crate::error::Error;
use crate::store::{Erased, Outbox, OutboxCounts, hashed};

/// Deliveries of rows that hold id and record.
async fn read(vault: &PgVault, from: &impl Ask, rows: &[Row]) -> Result<Vec<Delivery>, Error> {
    let stored = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<Vec<_>, Error>>()?;
    seal::read(vault, from, seal::DELIVERY, &stored).await
}

/// What changed about deliveries, to be written together.
#[derive(Default)]
struct Written {
    deliveries: Vec<Delivery>,
    states: Vec<&'static str>,
    dues: Vec<i64>,
    keeps: Vec<bool>,
    counted: Counted,
}

impl Written {
    fn add(&mut self, before: StateName, delivery: Delivery, keeps_lease: bool) {
        if before != delivery.state {
            self.counted.add("state", before.as_str(), -1);
            self.counted.add("state", delivery.state.as_str(), 1);
            if delivery.state == StateName::Suppressed {
                self.counted.add("rule", &delivery.suppressed_by, 1);
            }
        }
        self.states.push(delivery.state.as_str());
        self.dues.push(delivery.due.as_micros());
        self.deliveries.push(delivery);
        self.keeps.push(keeps_lease);
    }

    /// Writes rows that the transaction has locked. A kept lease runs until `deadline`, the others end.
    async fn write(self, tx: &Transaction<'_, '_>, deadline: Timestamp) -> Result<(), Error> {
        if self.deliveries.is_empty() {
            return Ok(());
        }
        let records = seal::deliveries(tx, &self.deliveries).await?;
        let ids: Vec<&str> = self.deliveries.iter().map(|one| one.delivery_id.as_str()).collect();
        let persons: Vec<&str> = self.deliveries.iter().map(|one| one.request.person_id.as_str()).collect();
        let sql = "
            UPDATE delivery d SET
                state = g.state, due_micros = g.due, record = g.record, person_id = g.person,
                owner = CASE WHEN g.keeps THEN d.owner END, deadline_micros = CASE WHEN g.keeps THEN $6::bigint END
            FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[], $5::boolean[], $7::text[])
                 AS g(id, state, due, record, keeps, person)
            WHERE d.delivery_id = g.id";
        let deadline = deadline.as_micros();
        tx.execute(sql, &[&ids, &self.states, &self.dues, &records, &self.keeps, &deadline, &persons]).await?;
        Ok(self.counted.write(tx).await?)
    }
}

async fn enqueue(tx: &Transaction<'_, '_>, deliveries: &[Delivery]) -> Result<Vec<(String, bool)>, Error> {
    let ids: Vec<&str> = deliveries.iter().map(|one| one.delivery_id.as_str()).collect();
    let requests: Vec<Vec<u8>> = deliveries.iter().map(|one| hashed(&one.request.request_id)).collect();
    let persons: Vec<&str> = deliveries.iter().map(|one| one.request.person_id.as_str()).collect();
    let states: Vec<&str> = deliveries.iter().map(|one| one.state.as_str()).collect();
    let dues: Vec<i64> = deliveries.iter().map(|one| one.due.as_micros()).collect();
    let records = seal::deliveries(tx, deliveries).await?;
    let sql = "
        INSERT INTO delivery (delivery_id, request_id, person_id, state, due_micros, record)
        SELECT id, request, person, state, due, record
        FROM unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::bigint[], $6::bytea[])
             WITH ORDINALITY AS g(id, request, person, state, due, record, n)
        ORDER BY request, n
        ON CONFLICT (request_id) DO NOTHING RETURNING state";
    let mut counted = Counted::default();
    for row in tx.query(sql, &[&ids, &requests, &persons, &states, &dues, &records]).await? {
        counted.add("state", row.try_get(0)?, 1);
    }
    let mut known = HashMap::new();
    for row in tx.query("SELECT request_id, delivery_id FROM delivery WHERE request_id = ANY($1)", &[&requests]).await?
    {
        known.insert(row.try_get::<_, Vec<u8>>(0)?, row.try_get::<_, String>(1)?);
    }
    counted.write(tx).await?;
    let answer = |one: &Delivery| {
        let id = known.get(&hashed(&one.request.request_id)).cloned();
        let id = id.ok_or_else(|| Error::Corrupt("a delivery vanished while it was stored".to_owned()))?;
        let is_known = id != one.delivery_id;
        Ok((id, is_known))
    };
    deliveries.iter().map(answer).collect()
}

async fn apply(
    tx: &Transaction<'_, '_>,
    lease: &Lease,
    now: Timestamp,
    changes: &[(String, Change)],
) -> Result<Vec<bool>, Error> {
    let ids: Vec<&str> = changes.iter().map(|(id, _)| id.as_str()).collect();
    let sql = "
        SELECT delivery_id, record FROM delivery
        WHERE delivery_id = ANY($1) AND owner = $2 AND deadline_micros > $3 ORDER BY delivery_id FOR UPDATE";
    let mut held: HashMap<String, Delivery> = HashMap::new();
    let rows = tx.query(sql, &[&ids, &lease.owner, &lease.now.as_micros()]).await?;
    for delivery in read(tx.vault(), tx, &rows).await? {
        held.insert(delivery.delivery_id.clone(), delivery);
    }
    let (mut written, mut made, mut applied) = (Written::default(), Vec::new(), Vec::with_capacity(changes.len()));
    for (id, change) in changes {
        let Some(mut delivery) = held.remove(id) else {
            applied.push(false);
            continue;
        };
        if matches!(change, Change::Intent { .. }) {
            written.counted.add("attempts", "all", 1);
        }
        let (before, keeps) = (delivery.state, change.keeps_lease());
        made.extend(change::apply(&mut delivery, change.clone(), now));
        written.add(before, delivery, keeps);
        applied.push(true);
    }
    leads::insert(tx, &made).await?;
    written.write(tx, lease.deadline).await?;
    Ok(applied)
}

/// Answers what it did and whose keys were destroyed, by their slots.
async fn erase(tx: &Transaction<'_, '_>, persons: &[String], now: Timestamp) -> Result<(Erased, Vec<u64>), Error> {
    let sql = "
        SELECT delivery_id, record FROM delivery WHERE person_id = ANY($1) AND person_id <> ''
        ORDER BY delivery_id FOR UPDATE";
    let rows = tx.query(sql, &[&persons]).await?;
    let (mut written, mut done) = (Written::default(), Erased::default());
    for mut delivery in read(tx.vault(), tx, &rows).await? {
        let before = delivery.state;
        erasure::anonymize(&mut delivery, now);
        written.add(before, delivery, false);
        done.deliveries += 1;
    }
    done.leads = tx.execute("DELETE FROM lead WHERE person_id = ANY($1)", &[&persons]).await?;
    let (mut slots, transit) = seal::shred(tx, persons).await?;
    done.keys = slots.len() as u64;
    slots.extend(transit);
    written.write(tx, now).await?;
    Ok((done, slots))
}

#[async_trait]
impl Outbox for Relational {
    async fn enqueue(&self, deliveries: Vec<Delivery>) -> Result<Vec<(String, bool)>, Error> {
        let deliveries = deliveries.as_slice();
        self.postgres.transact(|tx| Box::pin(enqueue(tx, deliveries))).await
    }

    async fn claim(&self, lease: &Lease, now: Timestamp, most: usize) -> Result<Vec<Delivery>, Error> {
        let sql = "
            WITH free AS (
                SELECT delivery_id FROM delivery
                WHERE state IN ('QUEUED', 'ATTEMPTING') AND due_micros <= $3
                      AND (owner IS NULL OR owner = $1 OR deadline_micros <= $4)
                ORDER BY due_micros, delivery_id LIMIT $5 FOR UPDATE SKIP LOCKED
            )
            UPDATE delivery d SET owner = $1, deadline_micros = $2 FROM free WHERE d.delivery_id = free.delivery_id
            RETURNING d.delivery_id, d.record";
        let (deadline, real) = (lease.deadline.as_micros(), lease.now.as_micros());
        let client = self.postgres.client().await?;
        let rows = client.query(sql, &[&lease.owner, &deadline, &now.as_micros(), &real, &limit(most)]).await?;
        let mut claimed = read(self.postgres.vault(), &client, &rows).await?;
        claimed.sort_by(|a, b| (a.due, &a.delivery_id).cmp(&(b.due, &b.delivery_id)));
        Ok(claimed)
    }

    async fn apply(&self, lease: &Lease, now: Timestamp, changes: Vec<(String, Change)>) -> Result<Vec<bool>, Error> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let changes = changes.as_slice();
        self.postgres.transact(|tx| Box::pin(apply(tx, lease, now, changes))).await
    }

    async fn get(&self, delivery_id: &str) -> Result<Option<Delivery>, Error> {
        let client = self.postgres.client().await?;
        let rows =
            client.query("SELECT delivery_id, record FROM delivery WHERE delivery_id = $1", &[&delivery_id]).await?;
        Ok(read(self.postgres.vault(), &client, &rows).await?.pop())
    }

    async fn list(&self, state: Option<StateName>, after: Option<&str>, most: usize) -> Result<Vec<Delivery>, Error> {
        let sql = "
            SELECT delivery_id, record FROM delivery WHERE ($1::text IS NULL OR state = $1) AND delivery_id > $2
            ORDER BY delivery_id LIMIT $3";
        let (state, after) = (state.map(StateName::as_str), after.unwrap_or_default());
        let client = self.postgres.client().await?;
        let rows = client.query(sql, &[&state, &after, &limit(most)]).await?;
        read(self.postgres.vault(), &client, &rows).await
    }

    async fn receipt(&self, delivery_id: &str, receipt: Receipt) -> Result<bool, Error> {
        let receipt = &receipt;
        self.postgres
            .transact(|tx| {
                Box::pin(async move {
                    let sql = "SELECT delivery_id, record FROM delivery WHERE delivery_id = $1 FOR UPDATE";
                    let rows = tx.query(sql, &[&delivery_id]).await?;
                    let found = read(tx.vault(), tx, &rows).await?.pop();
                    let mut delivery = found.ok_or_else(|| Error::NotFound("delivery", delivery_id.to_owned()))?;
                    if delivery.receipts.iter().any(|known| known.receipt_id == receipt.receipt_id) {
                        return Ok(false);
                    }
                    delivery.receipts.push(receipt.clone());
                    let record = seal::deliveries(tx, &[delivery]).await?;
                    let sql = "UPDATE delivery SET record = $2 WHERE delivery_id = $1";
                    tx.execute(sql, &[&delivery_id, &record[0]]).await?;
                    Ok(true)
                })
            })
            .await
    }

    async fn erase(&self, person_ids: &[String], now: Timestamp) -> Result<Erased, Error> {
        let (done, slots) = self.postgres.transact(|tx| Box::pin(erase(tx, person_ids, now))).await?;
        if let Err(error) = self.postgres.vault().scrub(&self.postgres, &slots).await {
            tracing::warn!(%error, "destroyed keys stay in the files until the next erasure or vacuum");
        }
        Ok(done)
    }

    async fn of_persons(
        &self,
        person_ids: &[String],
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Delivery>, Error> {
        let sql = "
            SELECT delivery_id, record FROM delivery WHERE person_id = ANY($1) AND person_id <> '' AND delivery_id > $2
            ORDER BY delivery_id LIMIT $3";
        let client = self.postgres.client().await?;
        let rows = client.query(sql, &[&person_ids, &after.unwrap_or_default(), &limit(most)]).await?;
        read(self.postgres.vault(), &client, &rows).await
    }

    async fn counts(&self) -> Result<OutboxCounts, Error> {
        let sql = "SELECT kind, name, sum(value)::bigint FROM counter GROUP BY kind, name";
        let mut counts = OutboxCounts { states: BTreeMap::new(), suppressed: BTreeMap::new(), attempts: 0 };
        for row in self.postgres.client().await?.query(sql, &[]).await? {
            let (name, count) = (row.try_get::<_, String>(1)?, unsigned(row.try_get(2)?));
            match row.try_get::<_, &str>(0)? {
                "state" => {
                    counts.states.insert(name, count);
                }
                "rule" => {
                    counts.suppressed.insert(name, count);
                }
                "attempts" => counts.attempts = count,
                _ => {}
            }
        }
        Ok(counts)
    }
}
