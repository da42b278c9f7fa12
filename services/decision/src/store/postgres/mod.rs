//! The log in Postgres.
//!
//! Writes that read who is who hold a shared advisory lock of the schema; a change of who is who holds it exclusively, so
//! that nothing is written under a key that is being left.

mod change;
mod record;
mod seal;

use std::collections::BTreeMap;

use async_trait::async_trait;
use attune_kernel::{DecisionId, PersonId, Timestamp};
use attune_storage::postgres::{Client, Row};
use attune_storage::{Postgres, StorageError, Transaction};
use rustc_hash::FxHashMap;

use super::{Answered, Appended, Change, DecisionStore, Histories, Joined, Recorded, codec, hashed, nobody};
use crate::domain::model::{Counts, Learned};
use crate::domain::moment::{Moment, Span};
use crate::domain::policy::Treatment;
use crate::domain::record::Decision;
use crate::domain::report::History;
use crate::domain::response::Response;

/// The log of one schema.
#[derive(Debug, Clone)]
pub(super) struct PostgresStore {
    postgres: Postgres,
}

const SHARED: &str = "SELECT pg_advisory_xact_lock_shared(hashtext('attune who is who'), hashtext(current_schema()))";

impl PostgresStore {
    pub(super) const fn new(postgres: Postgres) -> Self {
        Self { postgres }
    }

    async fn answered(&self, client: &Client, rows: Vec<Row>) -> Result<Vec<Answered>, StorageError> {
        let mut found = seal::decisions(self.postgres.vault(), client, &rows).await?;
        let ids: Vec<Vec<u8>> = found.iter().map(|decision| decision.id.to_bytes().to_vec()).collect();
        let sql = "SELECT decision_id, offer_id, kind, value, time, sequence FROM response \
                   WHERE decision_id = ANY($1) ORDER BY time, sequence, request_id";
        let mut responses: FxHashMap<DecisionId, Vec<Joined>> = FxHashMap::default();
        for row in client.query(sql, &[&ids]).await? {
            let joined = Joined {
                offer: row.get(1),
                kind: kind(row.get(2))?,
                value: row.get(3),
                moment: Moment { time: Timestamp::from_micros(row.get(4)), sequence: row.get(5) },
            };
            responses.entry(DecisionId::from_bytes(id16(row.get(0))?)).or_default().push(joined);
        }
        let answer = |decision: Decision| {
            let responses = responses.remove(&decision.id).unwrap_or_default();
            Answered { decision, responses }
        };
        Ok(found.drain(..).map(answer).collect())
    }
}

fn kind(number: i32) -> Result<crate::domain::response::Kind, StorageError> {
    codec::kind(u32::try_from(number).unwrap_or(u32::MAX))
}

fn id16(bytes: &[u8]) -> Result<[u8; 16], StorageError> {
    bytes.try_into().map_err(|_| StorageError::Corrupt("an id has not 16 bytes".to_owned()))
}

/// Whom the ids mean today; an erased person is `None`, one that is not in the answer means itself.
async fn today(
    tx: &Transaction<'_, '_>,
    persons: impl Iterator<Item = PersonId>,
) -> Result<FxHashMap<PersonId, Option<[u8; 16]>>, StorageError> {
    let mut ids: Vec<Vec<u8>> = persons.map(|person| person.to_bytes().to_vec()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut found = FxHashMap::default();
    for row in tx.query("SELECT person_id, target FROM person_alias WHERE person_id = ANY($1)", &[&ids]).await? {
        let target: Option<&[u8]> = row.get(1);
        found.insert(PersonId::from_bytes(id16(row.get(0))?), target.map(id16).transpose()?);
    }
    Ok(found)
}

async fn append(
    tx: &Transaction<'_, '_>,
    decisions: &[Decision],
    bodies: &[Vec<u8>],
) -> Result<Vec<Appended>, StorageError> {
    tx.query(SHARED, &[]).await?;
    let aliases = today(tx, decisions.iter().filter_map(|decision| decision.person)).await?;
    let person = |decision: &Decision| match decision.person {
        Some(person) => aliases.get(&person).copied().unwrap_or(Some(person.to_bytes())),
        None => None,
    };
    let keys: Vec<(Option<[u8; 16]>, Vec<u8>)> = decisions
        .iter()
        .map(|decision| {
            let person = person(decision);
            (person, person.unwrap_or_else(|| nobody(&decision.id.to_string())).to_vec())
        })
        .collect();
    let named = |(decision, (today, _)): (&Decision, &(Option<[u8; 16]>, Vec<u8>))| {
        let named = decision.person?.to_bytes();
        today.is_some_and(|today| today != named).then(|| named.to_vec())
    };
    let origins: Vec<Option<Vec<u8>>> = decisions.iter().zip(&keys).map(named).collect();
    let ids: Vec<Vec<u8>> = decisions.iter().map(|decision| decision.id.to_bytes().to_vec()).collect();
    let person_keys: Vec<&[u8]> = keys.iter().map(|(_, key)| key.as_slice()).collect();
    let are_persons: Vec<bool> = keys.iter().map(|(person, _)| person.is_some()).collect();
    let times: Vec<i64> = decisions.iter().map(|decision| decision.time.as_micros()).collect();
    let arbitrated: Vec<bool> =
        decisions.iter().map(|decision| decision.arm.is_some_and(|arm| arm != Treatment::Fallback)).collect();
    let requests: Vec<Option<String>> =
        decisions.iter().map(|decision| decision.request_id.as_deref().map(hashed)).collect();
    // Of somebody who was erased, only what says nothing of them.
    let anonymous = |decision: &Decision| {
        let mut decision = decision.clone();
        decision.forget_person();
        codec::encode(&decision)
    };
    let bodies =
        decisions.iter().zip(bodies).zip(ids.iter().zip(&keys)).map(|((decision, body), (id, (person, _)))| {
            let erased = decision.person.is_some() && person.is_none();
            (id.as_slice(), *person, if erased { anonymous(decision) } else { body.clone() })
        });
    let bodies = seal::bodies(tx, &bodies.collect::<Vec<_>>()).await?;
    // Sorted, so that two batches with common keys wait for one another instead of dead-locking.
    let sql = "INSERT INTO decision (id, person_key, is_person, time, arbitrated, request_id, body, origin) \
               SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::boolean[], $4::bigint[], $5::boolean[], $6::text[], \
               $7::bytea[], $8::bytea[]) AS new (id, person_key, is_person, time, arbitrated, request_id, body, origin) \
               ORDER BY request_id, id ON CONFLICT DO NOTHING RETURNING id";
    let rows =
        tx.query(sql, &[&ids, &person_keys, &are_persons, &times, &arbitrated, &requests, &bodies, &origins]).await?;
    let mut inserted: FxHashMap<DecisionId, ()> = FxHashMap::default();
    for row in rows {
        inserted.insert(DecisionId::from_bytes(id16(row.get(0))?), ());
    }
    let by_request: Vec<&str> = requests.iter().flatten().map(String::as_str).collect();
    let mut known: FxHashMap<String, DecisionId> = FxHashMap::default();
    if inserted.len() < decisions.len() && !by_request.is_empty() {
        for row in tx.query("SELECT request_id, id FROM decision WHERE request_id = ANY($1)", &[&by_request]).await? {
            known.insert(row.get(0), DecisionId::from_bytes(id16(row.get(1))?));
        }
    }
    let mut appended = Vec::with_capacity(decisions.len());
    let mut receipts = Receipts::default();
    for ((decision, (_, key)), origin) in decisions.iter().zip(&keys).zip(&origins) {
        // Taken out, so that a second one of the same id in one batch counts as the repeat it is.
        if inserted.remove(&decision.id).is_none() {
            let first = decision.request_id.as_ref().and_then(|request| known.get(&hashed(request)));
            appended.push(Appended { id: first.copied().unwrap_or(decision.id), duplicate: true });
            continue;
        }
        receipts.add(decision, key, origin.as_deref());
        appended.push(Appended { id: decision.id, duplicate: false });
    }
    receipts.insert(tx).await?;
    Ok(appended)
}

/// Columns of the receipts of some decisions.
#[derive(Default)]
struct Receipts<'a> {
    persons: Vec<&'a [u8]>,
    offers: Vec<&'a str>,
    times: Vec<i64>,
    sequences: Vec<i64>,
    decisions: Vec<Vec<u8>>,
    channels: Vec<&'a str>,
    learn_from: Vec<i32>,
    origins: Vec<Option<&'a [u8]>>,
}

impl<'a> Receipts<'a> {
    fn add(&mut self, decision: &'a Decision, person: &'a [u8], origin: Option<&'a [u8]>) {
        for chosen in &decision.offered {
            self.persons.push(person);
            self.origins.push(origin);
            self.offers.push(&chosen.offer);
            self.times.push(decision.time.as_micros());
            self.sequences.push(decision.sequence);
            self.decisions.push(decision.id.to_bytes().to_vec());
            self.channels.push(&decision.channel);
            self.learn_from.push(codec::kind_number(decision.policy.learn_from).cast_signed());
        }
    }

    async fn insert(&self, tx: &Transaction<'_, '_>) -> Result<(), StorageError> {
        if self.offers.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO receipt (person_key, offer_id, time, sequence, decision_id, channel, learn_from, origin) \
                   SELECT * FROM unnest($1::bytea[], $2::text[], $3::bigint[], $4::bigint[], $5::bytea[], $6::text[], \
                   $7::integer[], $8::bytea[])";
        tx.execute(
            sql,
            &[
                &self.persons,
                &self.offers,
                &self.times,
                &self.sequences,
                &self.decisions,
                &self.channels,
                &self.learn_from,
                &self.origins,
            ],
        )
        .await?;
        Ok(())
    }
}

#[async_trait]
impl DecisionStore for PostgresStore {
    async fn append(&self, decisions: Vec<Decision>) -> Result<Vec<Appended>, StorageError> {
        let bodies: Vec<Vec<u8>> = decisions.iter().map(codec::encode).collect();
        let (decisions, bodies) = (&decisions, &bodies);
        self.postgres.transact(|tx| Box::pin(async move { append(tx, decisions, bodies).await })).await
    }

    async fn by_request(&self, request_id: &str) -> Result<Option<Decision>, StorageError> {
        let sql = "SELECT id, person_key, is_person, body FROM decision WHERE request_id = $1";
        let client = self.postgres.client().await?;
        let rows = client.query(sql, &[&hashed(request_id)]).await?;
        Ok(seal::decisions(self.postgres.vault(), &client, &rows).await?.pop())
    }

    async fn decision(&self, id: DecisionId) -> Result<Option<Answered>, StorageError> {
        let client = self.postgres.client().await?;
        let sql = "SELECT id, person_key, is_person, body FROM decision WHERE id = $1";
        let rows = client.query(sql, &[&id.to_bytes().as_slice()]).await?;
        Ok(self.answered(&client, rows).await?.pop())
    }

    async fn of_person(
        &self,
        person: PersonId,
        after: Option<DecisionId>,
        limit: usize,
    ) -> Result<Vec<Answered>, StorageError> {
        let Some(person) = self.current_person(person).await? else { return Ok(Vec::new()) };
        let client = self.postgres.client().await?;
        let sql = "SELECT id, person_key, is_person, body FROM decision \
                   WHERE person_key = $1 AND is_person AND id > $2 ORDER BY id LIMIT $3";
        let after = after.map(|id| id.to_bytes().to_vec()).unwrap_or_default();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = client.query(sql, &[&person.to_bytes().as_slice(), &after, &limit]).await?;
        self.answered(&client, rows).await
    }

    async fn record(&self, responses: Vec<Response>) -> Result<Recorded, StorageError> {
        let responses = &responses;
        self.postgres.transact(|tx| Box::pin(async move { record::record(tx, responses).await })).await
    }

    async fn model(&self) -> Result<(u64, Vec<Learned>), StorageError> {
        let client = self.postgres.client().await?;
        // One statement, so that version and counts are of one snapshot.
        let sql = "SELECT v.version, l.offer_id, l.channel, l.trials, l.positives \
                   FROM model_version v LEFT JOIN learned l ON true";
        let mut version = 0;
        let mut learned = Vec::new();
        for row in client.query(sql, &[]).await? {
            version = row.get::<_, i64>(0).cast_unsigned();
            let (offer, channel): (Option<String>, Option<String>) = (row.get(1), row.get(2));
            if let (Some(offer), Some(channel)) = (offer, channel) {
                let number = |at: usize| row.get::<_, i64>(at).cast_unsigned();
                learned.push(Learned { offer, channel, counts: Counts { trials: number(3), positives: number(4) } });
            }
        }
        Ok((version, learned))
    }

    async fn model_version(&self) -> Result<u64, StorageError> {
        let row = self.postgres.client().await?.query_one("SELECT version FROM model_version", &[]).await?;
        Ok(row.get::<_, i64>(0).cast_unsigned())
    }

    async fn newest(
        &self,
        span: Span,
        before: Option<(i64, DecisionId)>,
        limit: usize,
    ) -> Result<Vec<Answered>, StorageError> {
        let client = self.postgres.client().await?;
        let sql = "SELECT id, person_key, is_person, body FROM decision \
                   WHERE arbitrated AND time >= $1 AND time < $2 AND (time, id) < ($3, $4) \
                   ORDER BY time DESC, id DESC LIMIT $5";
        let (time, id) = before.map_or((i64::MAX, vec![0xFF; 17]), |(time, id)| (time, id.to_bytes().to_vec()));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = client.query(sql, &[&span.start.as_micros(), &span.end.as_micros(), &time, &id, &limit]).await?;
        self.answered(&client, rows).await
    }

    async fn histories(&self, span: Span, after: Option<[u8; 16]>, persons: usize) -> Result<Histories, StorageError> {
        let client = self.postgres.client().await?;
        let after = after.map(Vec::from).unwrap_or_default();
        let limit = i64::try_from(persons).unwrap_or(i64::MAX);
        let sql = "SELECT person_key FROM (SELECT person_key FROM (\
                       (SELECT DISTINCT person_key FROM receipt WHERE person_key > $1 ORDER BY person_key LIMIT $2) UNION \
                       (SELECT DISTINCT person_key FROM response WHERE person_key > $1 ORDER BY person_key LIMIT $2)\
                   ) AS both_kinds ORDER BY person_key LIMIT $2) AS first_ones ORDER BY person_key DESC LIMIT 1";
        let Some(last) = client.query_opt(sql, &[&after, &limit]).await? else { return Ok(Histories::default()) };
        let last: Vec<u8> = last.get(0);
        let sql = "SELECT person_key, offer_id, time, sequence, NULL::integer AS kind FROM receipt \
                   WHERE person_key > $1 AND person_key <= $2 AND time >= $3 AND time < $4 UNION ALL \
                   SELECT person_key, offer_id, time, sequence, kind FROM response \
                   WHERE person_key > $1 AND person_key <= $2 AND time >= $3 AND time < $4";
        let mut found: BTreeMap<(Vec<u8>, String), History> = BTreeMap::new();
        let values: [&(dyn attune_storage::postgres::ToSql + Sync); 4] =
            [&after, &last, &span.start.as_micros(), &span.end.as_micros()];
        for row in client.query(sql, &values).await? {
            let history = found.entry((row.get(0), row.get(1))).or_default();
            let moment = Moment { time: Timestamp::from_micros(row.get(2)), sequence: row.get(3) };
            match row.get::<_, Option<i32>>(4) {
                Some(number) => history.responses.push((moment, kind(number)?)),
                None => history.receipts.push(moment),
            }
        }
        let entries = found.into_iter().map(|((_, offer), history)| (offer, history)).collect();
        Ok(Histories { entries, next: Some(id16(&last)?) })
    }

    async fn current_person(&self, person: PersonId) -> Result<Option<PersonId>, StorageError> {
        let sql = "SELECT target FROM person_alias WHERE person_id = $1";
        let row = self.postgres.client().await?.query_opt(sql, &[&person.to_bytes().as_slice()]).await?;
        let Some(row) = row else { return Ok(Some(person)) };
        let target: Option<&[u8]> = row.get(0);
        Ok(target.map(id16).transpose()?.map(PersonId::from_bytes))
    }

    async fn apply(&self, change: Change) -> Result<bool, StorageError> {
        let change = &change;
        let work = self.postgres.transact(|tx| Box::pin(async move { change::apply(tx, change).await }));
        let (applied, slots) = work.await?;
        if let Err(error) = self.postgres.vault().scrub(&self.postgres, &slots).await {
            tracing::warn!(%error, "destroyed keys stay in the files until the next erasure or vacuum");
        }
        Ok(applied)
    }
}

#[cfg(test)]
mod tests {
    use attune_kernel::Secret;
    use attune_storage::{PostgresConfig, migrate};

    use super::*;

    async fn schema() -> Option<(Postgres, String)> {
        let Ok(url) = std::env::var("ATTUNE_TEST_POSTGRES") else {
            println!("skipped: ATTUNE_TEST_POSTGRES is not set");
            return None;
        };
        let random = tempfile::tempdir().unwrap();
        let suffix: String =
            random.path().file_name().unwrap().to_string_lossy().chars().filter(char::is_ascii_alphanumeric).collect();
        let schema = format!("decision_test_{}_{}", std::process::id(), suffix.to_lowercase());
        let config = PostgresConfig { url: Secret::new(url), schema: schema.clone(), ..PostgresConfig::default() };
        Some((Postgres::connect(config).await.unwrap(), schema))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn passes_the_conformance_suite() {
        let Some((postgres, schema)) = schema().await else { return };
        migrate(&postgres, crate::MIGRATIONS).await.unwrap();
        super::super::conformance::run(&PostgresStore::new(postgres.clone())).await;
        postgres.client().await.unwrap().batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
    }

    /// What was stored before the log was sealed is read, recognised and forgotten like anything else.
    #[tokio::test(flavor = "multi_thread")]
    async fn decisions_from_before_sealing_stay_readable_and_can_be_erased() {
        let Some((postgres, schema)) = schema().await else { return };
        migrate(&postgres, &crate::MIGRATIONS[..3]).await.unwrap();
        let person = PersonId::from_bytes([7; 16]);
        let mut old = super::super::conformance::made(1, person, "card", super::super::conformance::at(1, 1));
        old.request_id = Some("request of before".to_owned());
        let client = postgres.client().await.unwrap();
        let sql = "INSERT INTO decision (id, person_key, is_person, time, arbitrated, request_id, body) \
                   VALUES ($1, $2, true, $3, true, $4, $5)";
        let (id, key) = (old.id.to_bytes().to_vec(), person.to_bytes().to_vec());
        client.execute(sql, &[&id, &key, &old.time.as_micros(), &old.request_id, &codec::encode(&old)]).await.unwrap();
        migrate(&postgres, crate::MIGRATIONS).await.unwrap();
        let store = PostgresStore::new(postgres.clone());
        let read = store.by_request("request of before").await.unwrap().unwrap();
        assert_eq!(format!("{read:?}"), format!("{old:?}"));
        let what = super::super::WhoIsWho::Erased { persons: vec![person], anonymous: [9; 16] };
        store.apply(Change { offset: 1, what }).await.unwrap();
        let read = store.decision(old.id).await.unwrap().unwrap().decision;
        assert_eq!((read.person, read.request_id), (None, None));
        client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
    }
}
