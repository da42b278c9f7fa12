//! The store over Postgres. Locks are taken in one order, ledgers by person and then counters by key, so that callers
//! wait for one another and never in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use attune_kernel::Timestamp;
use attune_storage::postgres::Client;
use attune_storage::{Postgres, StorageError, Transaction};
use tokio_postgres::Row;

use super::record::{Answer, decode_ledger, encode_ledger};
use super::{Position, Recorded, Request, Store, hashed};
use crate::domain::admit::{Ask, Counters, Verdict, admit};
use crate::domain::book::{self, Changes};
use crate::domain::contact::{ChangeKind, Contact, PersonChange, Touch};
use crate::domain::ledger::{Entry, Ledger};
use crate::domain::policy::{CounterKey, PolicySet};

mod persons;
mod seal;

/// An alias points at the surviving person; more steps than this are a circle, which is a defect.
const MOST_STEPS: usize = 8;

const LEDGER: &str = "SELECT merged_into, body FROM person_ledger WHERE person_id = $1";
const LEDGER_LOCKED: &str = "SELECT merged_into, body FROM person_ledger WHERE person_id = $1 FOR UPDATE";
const NEW_LEDGER: &str = "INSERT INTO person_ledger (person_id, body) VALUES ($1, '') ON CONFLICT DO NOTHING";
const SAVE_LEDGER: &str = "UPDATE person_ledger SET body = $2 WHERE person_id = $1";
const HISTORY: &str = "SELECT time, channel, offer_id, campaign_id FROM contact \
                       WHERE person_id = $1 AND time >= $2 AND time < $3";
const COUNTERS: &str = "SELECT policy_id, period, period_index, used FROM capacity_counter \
                        WHERE (policy_id, period, period_index) IN \
                        (SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]))";
const COUNTERS_LOCKED: &str = "SELECT policy_id, period, period_index, used FROM capacity_counter \
                               WHERE (policy_id, period, period_index) IN \
                               (SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])) \
                               ORDER BY policy_id, period, period_index FOR UPDATE";
const NEW_COUNTERS: &str = "INSERT INTO capacity_counter (policy_id, period, period_index, used) \
                            SELECT p, l, i, 0 FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS new (p, l, i) \
                            ORDER BY p COLLATE \"C\", l, i ON CONFLICT DO NOTHING";
const ADD_COUNTERS: &str = "UPDATE capacity_counter AS c SET used = c.used + change.by \
                            FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) AS change (p, l, i, by) \
                            WHERE c.policy_id = change.p AND c.period = change.l AND c.period_index = change.i";

/// Contacts in Postgres.
pub(super) struct Relational {
    postgres: Postgres,
}

impl Relational {
    pub(super) const fn new(postgres: Postgres) -> Self {
        Self { postgres }
    }
}

fn ledger_of(row: &Row) -> Result<Ledger, StorageError> {
    decode_ledger(&row.try_get::<_, Vec<u8>>("body")?)
}

/// Locks a person, by any id, and answers the surviving id with the ledger.
async fn lock_person(tx: &Transaction<'_, '_>, person: &str) -> Result<(String, Ledger), StorageError> {
    let mut person = person.to_owned();
    for _ in 0..MOST_STEPS {
        let row = match tx.query_opt(LEDGER_LOCKED, &[&person]).await? {
            Some(row) => row,
            None => {
                tx.execute(NEW_LEDGER, &[&person]).await?;
                tx.query_one(LEDGER_LOCKED, &[&person]).await?
            }
        };
        match row.try_get::<_, Option<String>>("merged_into")? {
            Some(surviving) => person = surviving,
            None => return Ok((person, ledger_of(&row)?)),
        }
    }
    Err(StorageError::Internal("aliases of a person form a circle".to_owned()))
}

/// Reads a person, by any id, without a lock.
async fn read_person(client: &Client, person: &str) -> Result<(String, Ledger), StorageError> {
    let mut person = person.to_owned();
    for _ in 0..MOST_STEPS {
        let Some(row) = client.query_opt(LEDGER, &[&person]).await? else { return Ok((person, Ledger::default())) };
        match row.try_get::<_, Option<String>>("merged_into")? {
            Some(surviving) => person = surviving,
            None => return Ok((person, ledger_of(&row)?)),
        }
    }
    Err(StorageError::Internal("aliases of a person form a circle".to_owned()))
}

fn entries(rows: &[Row]) -> Result<Vec<Entry>, StorageError> {
    rows.iter()
        .map(|row| {
            Ok(Entry {
                time: Timestamp::from_micros(row.try_get("time")?),
                touch: Touch {
                    channel: row.try_get("channel")?,
                    offer: row.try_get("offer_id")?,
                    campaign: row.try_get("campaign_id")?,
                },
            })
        })
        .collect()
}

struct Columns {
    policies: Vec<String>,
    periods: Vec<i64>,
    indexes: Vec<i64>,
}

fn columns<'a>(counters: impl IntoIterator<Item = &'a CounterKey>) -> Columns {
    let mut columns = Columns { policies: Vec::new(), periods: Vec::new(), indexes: Vec::new() };
    for counter in counters {
        columns.policies.push(counter.policy.clone());
        columns.periods.push(counter.period);
        columns.indexes.push(counter.index);
    }
    columns
}

fn counters(rows: &[Row]) -> Result<Counters, StorageError> {
    rows.iter()
        .map(|row| {
            let key = CounterKey {
                policy: row.try_get("policy_id")?,
                period: row.try_get("period")?,
                index: row.try_get("period_index")?,
            };
            Ok((key, row.try_get("used")?))
        })
        .collect()
}

/// Locks counters in their order, making those that do not exist.
async fn lock_counters(tx: &Transaction<'_, '_>, keys: &BTreeSet<CounterKey>) -> Result<Counters, StorageError> {
    if keys.is_empty() {
        return Ok(Counters::new());
    }
    let Columns { policies, periods, indexes } = columns(keys);
    let found = counters(&tx.query(COUNTERS_LOCKED, &[&policies, &periods, &indexes]).await?)?;
    if found.len() == keys.len() {
        return Ok(found);
    }
    tx.execute(NEW_COUNTERS, &[&policies, &periods, &indexes]).await?;
    counters(&tx.query(COUNTERS_LOCKED, &[&policies, &periods, &indexes]).await?)
}

async fn save_ledger(tx: &Transaction<'_, '_>, person: &str, ledger: &Ledger) -> Result<(), StorageError> {
    tx.execute(SAVE_LEDGER, &[&person, &encode_ledger(ledger)]).await.map(|_| ())
}

/// Saves what a step changed; its counters are locked already.
async fn save_changes(tx: &Transaction<'_, '_>, person: &str, changes: &Changes) -> Result<(), StorageError> {
    add_counters(tx, &changes.counters).await?;
    if !changes.closed.is_empty() {
        let ids: Vec<&str> = changes.closed.iter().map(|(_, id)| id.as_str()).collect();
        tx.execute("DELETE FROM capacity_hold WHERE reservation_id = ANY($1)", &[&ids]).await?;
    }
    if !changes.opened.is_empty() {
        let ids: Vec<&str> = changes.opened.iter().map(|(_, id)| id.as_str()).collect();
        let times: Vec<i64> = changes.opened.iter().map(|(time, _)| time.as_micros()).collect();
        let sql = "INSERT INTO capacity_hold (reservation_id, person_id, expire_time) \
                   SELECT id, $1, time FROM unnest($2::text[], $3::bigint[]) AS new (id, time)";
        tx.execute(sql, &[&person, &ids, &times]).await?;
    }
    Ok(())
}

async fn add_counters(tx: &Transaction<'_, '_>, changes: &BTreeMap<CounterKey, i64>) -> Result<(), StorageError> {
    let changed: BTreeMap<&CounterKey, i64> =
        changes.iter().filter(|(_, by)| **by != 0).map(|(key, by)| (key, *by)).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let Columns { policies, periods, indexes } = columns(changed.keys().copied());
    let by: Vec<i64> = changed.values().copied().collect();
    tx.execute(ADD_COUNTERS, &[&policies, &periods, &indexes, &by]).await.map(|_| ())
}

/// The counters that steps will change, beyond those a question needs anyway.
fn held(ledger: &Ledger, wanted: impl Fn(&crate::domain::ledger::Reservation) -> bool) -> BTreeSet<CounterKey> {
    ledger.reservations.iter().filter(|open| wanted(open)).flat_map(|open| open.charges.iter().cloned()).collect()
}

async fn extend(
    tx: &Transaction<'_, '_>,
    person: &str,
    ledger: &mut Ledger,
    from: Timestamp,
) -> Result<(), StorageError> {
    if ledger.lacks(from) {
        let until = ledger.complete_from.as_micros();
        ledger.extend(from, entries(&tx.query(HISTORY, &[&person, &from.as_micros(), &until]).await?)?);
    }
    Ok(())
}

#[async_trait]
impl Store for Relational {
    async fn judge(&self, policies: &PolicySet, person: &str, ask: &Ask) -> Result<Vec<Verdict>, StorageError> {
        let client = self.postgres.client().await?;
        let (person, mut ledger) = read_person(&client, person).await?;
        let from = book::needed_from(policies, ask.time);
        if ledger.lacks(from) {
            let until = ledger.complete_from.as_micros();
            ledger.extend(from, entries(&client.query(HISTORY, &[&person, &from.as_micros(), &until]).await?)?);
        }
        let keys = policies.counters(&ask.candidates, ask.time);
        let used = if keys.is_empty() {
            Counters::new()
        } else {
            let Columns { policies, periods, indexes } = columns(&keys);
            counters(&client.query(COUNTERS, &[&policies, &periods, &indexes]).await?)?
        };
        Ok(admit(policies, &ledger, &used, ask).verdicts)
    }

    async fn reserve(
        &self,
        policies: Arc<PolicySet>,
        person: &str,
        request: Request,
        ask: Arc<Ask>,
    ) -> Result<Vec<Verdict>, StorageError> {
        let (policies, request, ask) = (&policies, &request, &ask);
        self.postgres
            .transact(move |tx| {
                Box::pin(async move {
                    let (person, mut ledger) = lock_person(tx, person).await?;
                    let known = "SELECT body FROM admission_request WHERE person_id = $1 AND request_id = $2";
                    let request_id = hashed(&request.id);
                    if let Some(row) = tx.query_opt(known, &[&person, &request_id]).await? {
                        return Answer::decode(&row.try_get::<_, Vec<u8>>("body")?)?.repeat(&request.fingerprint);
                    }
                    extend(tx, &person, &mut ledger, book::needed_from(policies, ask.time)).await?;
                    let mut keys = held(&ledger, |open| open.expire_time <= ask.now);
                    keys.extend(policies.counters(&ask.candidates, ask.time));
                    let used = lock_counters(tx, &keys).await?;
                    let (admission, changes) = book::reserve(policies, &mut ledger, &used, ask);
                    if !admission.reserved.is_empty() || changes != Changes::default() {
                        save_ledger(tx, &person, &ledger).await?;
                        save_changes(tx, &person, &changes).await?;
                    }
                    let fingerprint = request.fingerprint.clone();
                    let answer = Answer { fingerprint, created: ask.now, verdicts: admission.verdicts };
                    let sql = "INSERT INTO admission_request (person_id, request_id, created, fingerprint, body) \
                               VALUES ($1, $2, $3, $4, $5)";
                    let (created, body) = (ask.now.as_micros(), answer.encode());
                    tx.execute(sql, &[&person, &request_id, &created, &request.fingerprint, &body]).await?;
                    Ok(answer.verdicts)
                })
            })
            .await
    }

    async fn release(&self, person: &str, ids: &[String], now: Timestamp) -> Result<usize, StorageError> {
        self.postgres
            .transact(move |tx| {
                Box::pin(async move {
                    let (person, mut ledger) = lock_person(tx, person).await?;
                    lock_counters(tx, &held(&ledger, |open| ids.contains(&open.id))).await?;
                    let mut changes = Changes::default();
                    let before = ledger.reservations.len();
                    let released = book::release(&mut ledger, ids, now, &mut changes);
                    if ledger.reservations.len() != before {
                        save_ledger(tx, &person, &ledger).await?;
                        save_changes(tx, &person, &changes).await?;
                    }
                    Ok(released)
                })
            })
            .await
    }

    async fn record(&self, policies: Arc<PolicySet>, contacts: Vec<Contact>) -> Result<Recorded, StorageError> {
        let (policies, contacts) = (&policies, &contacts);
        self.postgres.transact(move |tx| Box::pin(persons::record(tx, policies, contacts))).await
    }

    async fn contacts(
        &self,
        person: &str,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<Contact>, StorageError> {
        let client = self.postgres.client().await?;
        let (person, _) = read_person(&client, person).await?;
        let sql = "SELECT contact_id, time, channel, offer_id, campaign_id, origin, sealed \
                   FROM contact WHERE person_id = $1 AND (time, contact_id) < ($2, $3) OR person_id = $1 AND $4 \
                   ORDER BY time DESC, contact_id DESC LIMIT $5";
        let (time, id) =
            after.map_or((0, String::new()), |position| (position.time.as_micros(), hashed(&position.contact_id)));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = client.query(sql, &[&person, &time, &id, &after.is_none(), &limit]).await?;
        let names = seal::read(self.postgres.vault(), &client, &rows, ("contact_id", "sealed")).await?;
        let there = rows.iter().zip(names).filter_map(|(row, names)| Some((row, names?)));
        there
            .map(|(row, names)| {
                Ok(Contact {
                    contact_id: names.contact,
                    person: person.clone(),
                    touch: Touch {
                        channel: row.try_get("channel")?,
                        offer: row.try_get("offer_id")?,
                        campaign: row.try_get("campaign_id")?,
                    },
                    decision_id: names.decision,
                    time: Timestamp::from_micros(row.try_get("time")?),
                    reservation_id: names.reservation,
                    origin: row.try_get("origin")?,
                })
            })
            .collect()
    }

    async fn apply(&self, change: PersonChange) -> Result<bool, StorageError> {
        let change = &change;
        let work = self.postgres.transact(move |tx| {
            Box::pin(async move {
                let offset = i64::try_from(change.offset).unwrap_or(i64::MAX);
                let sql = "INSERT INTO applied_change (change_offset) VALUES ($1) ON CONFLICT DO NOTHING";
                if tx.execute(sql, &[&offset]).await? == 0 {
                    return Ok((false, Vec::new()));
                }
                let slots = match &change.kind {
                    ChangeKind::Merge { surviving, merged } => {
                        persons::merge(tx, surviving, merged).await.map(|()| Vec::new())?
                    }
                    ChangeKind::Split { person, split, ids } => persons::split(tx, person, split, ids).await?,
                    ChangeKind::Erasure { persons } => persons::erase(tx, persons).await?,
                };
                Ok::<_, StorageError>((true, slots))
            })
        });
        let (is_new, slots) = work.await?;
        if let Err(error) = self.postgres.vault().scrub(&self.postgres, &slots).await {
            tracing::warn!(%error, "destroyed keys stay in the files until the next erasure or vacuum");
        }
        Ok(is_new)
    }

    async fn sweep(&self, now: Timestamp, requests_before: Timestamp, limit: usize) -> Result<bool, StorageError> {
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let client = self.postgres.client().await?;
        let due = "SELECT reservation_id, person_id FROM capacity_hold WHERE expire_time <= $1 \
                   ORDER BY expire_time LIMIT $2";
        let due = client.query(due, &[&now.as_micros(), &most]).await?;
        let old = "DELETE FROM admission_request WHERE (person_id, request_id) IN (SELECT person_id, request_id \
                   FROM admission_request WHERE created < $1 ORDER BY created LIMIT $2 FOR UPDATE SKIP LOCKED)";
        let old = client.execute(old, &[&requests_before.as_micros(), &most]).await?;
        drop(client);
        // Replicas may meet on a person; the second finds nothing left to give back.
        for row in &due {
            let (id, person) = (row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?);
            let (id, person) = (&id, &person);
            let work = self.postgres.transact(move |tx| Box::pin(persons::expire(tx, person, id, now)));
            let () = work.await?;
        }
        Ok(due.len() == limit || old == u64::try_from(limit).unwrap_or(u64::MAX))
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.postgres.client().await?.query_one("SELECT 1", &[]).await.map(|_| ())
    }
}
