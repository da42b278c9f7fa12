//! Records over Postgres.
//!
//! A batch locks the records it replaces in the order of their keys, so that two batches wait for each other in one
//! direction only.

use async_trait::async_trait;
use attune_kernel::PersonId;
use attune_storage::{Postgres, StorageError, Transaction};
use rustc_hash::{FxHashMap, FxHashSet};

use super::super::hashed;
use super::postgres_seal::{self as seal, Kind};
use super::{
    Batch, Candidates, Models, Neighbourhood, Published, Records, Relations, Remembered, Reviews, Wanted, codec,
};
use crate::domain::matching::relation::MATCHING;
use crate::domain::matching::{AttributeRecord, End, Pair, RecordKey, Relation, Review};

/// The records.
pub(super) struct Relational {
    postgres: Postgres,
}

impl Relational {
    pub(super) const fn new(postgres: Postgres) -> Self {
        Self { postgres }
    }
}

/// The members of blocks without those that are too large, and every record among them or asked for, each once. The
/// lateral limit bounds what is read of a large block.
const CANDIDATES: &str = "
    WITH members AS MATERIALIZED (
        SELECT wanted.block, found.keys
        FROM unnest($1::bigint[]) AS wanted (block)
        CROSS JOIN LATERAL (
            SELECT array_agg(one.record_key) AS keys
            FROM (SELECT record_key FROM record_block b WHERE b.block = wanted.block LIMIT $2::bigint) one
        ) found
        WHERE found.keys IS NOT NULL
    ), small AS (
        SELECT block, keys FROM members WHERE cardinality(keys) < $2::bigint
    )
    SELECT block, keys, NULL::bytea, NULL::bigint, NULL::bigint, NULL::bytea FROM small
    UNION ALL
    SELECT block, NULL, NULL, NULL, NULL, NULL FROM members WHERE cardinality(keys) >= $2::bigint
    UNION ALL
    SELECT NULL, NULL, r.record_key, r.model, r.event_micros, r.prepared
    FROM attribute_record r
    WHERE r.record_key = ANY($3) OR r.record_key IN (SELECT unnest(keys) FROM small)";

/// Pairs of records, and the records at both ends.
const NEIGHBOURHOOD: &str = "
    WITH pairs AS MATERIALIZED (
        SELECT record_key, other_key, weight, probability, linked FROM record_pair WHERE record_key = ANY($1)
    )
    SELECT record_key, other_key, weight, probability, linked, NULL::bigint, NULL::bigint, NULL::bytea FROM pairs
    UNION ALL
    SELECT r.record_key, NULL, NULL, NULL, NULL, r.model, r.event_micros, r.prepared
    FROM attribute_record r
    WHERE r.record_key = ANY($1) OR r.record_key IN (SELECT other_key FROM pairs)";

const RECORD: &str = "SELECT record_key, model, event_micros, prepared, record FROM attribute_record";
const REVIEW: &str = "SELECT review_id, record FROM review";

fn keys(of: &[RecordKey]) -> Vec<Vec<u8>> {
    of.iter().map(|key| key.0.to_vec()).collect()
}

async fn write(tx: &Transaction<'_, '_>, batch: &Batch) -> Result<bool, StorageError> {
    if let Some(request) = &batch.request {
        let sql = "INSERT INTO matching_request (request_id, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let id = hashed(&request.id);
        if tx.execute(sql, &[&id, &request.digest.as_slice()]).await? == 0 {
            let sql = "SELECT digest FROM matching_request WHERE request_id = $1";
            let row = tx.query_one(sql, &[&id]).await?;
            codec::fulfilled(request, Some(row.try_get(0)?))?;
            return Ok(false);
        }
    }
    if !batch.cleared.is_empty() {
        clear(tx, &keys(&batch.cleared), false).await?;
    }
    write_records(tx, &batch.records).await?;
    write_pairs(tx, &batch.pairs).await?;
    write_reviews(tx, &batch.reviews).await?;
    if !batch.moot.is_empty() {
        let ids: Vec<Vec<u8>> = batch.moot.iter().map(|id| id.0.to_vec()).collect();
        let sql = "DELETE FROM review WHERE review_id = ANY($1) AND NOT decided RETURNING review_id";
        seal::shred(tx, Kind::Review, &tx.query(sql, &[&ids]).await?).await?;
    }
    write_relations(tx, &batch.relations).await?;
    if !batch.unrelated.is_empty() {
        let ids: Vec<Vec<u8>> = batch.unrelated.iter().map(|id| id.0.to_vec()).collect();
        tx.execute("DELETE FROM relation_end WHERE relation_id = ANY($1)", &[&ids]).await?;
        let sql = "DELETE FROM relation WHERE relation_id = ANY($1) RETURNING relation_id";
        seal::shred(tx, Kind::Relation, &tx.query(sql, &[&ids]).await?).await?;
    }
    if let Some(model) = &batch.model {
        publish(tx, model).await?;
    }
    Ok(true)
}

async fn write_records(tx: &Transaction<'_, '_>, records: &[AttributeRecord]) -> Result<(), StorageError> {
    if records.is_empty() {
        return Ok(());
    }
    let mut records: Vec<&AttributeRecord> = records.iter().collect();
    records.sort_by_key(|record| record.key);
    let ids: Vec<Vec<u8>> = records.iter().map(|record| record.key.0.to_vec()).collect();
    let sql =
        "SELECT record_key, record FROM attribute_record WHERE record_key = ANY($1) ORDER BY record_key FOR UPDATE";
    let mut before: FxHashMap<RecordKey, Vec<u64>> = FxHashMap::default();
    let rows = tx.query(sql, &[&ids]).await?;
    for (row, record) in rows.iter().zip(seal::opened(tx.vault(), tx, Kind::Record, &rows, (0, 1)).await?) {
        let blocks = record.map_or(Ok(Vec::new()), |record| codec::blocks(&record))?;
        before.insert(codec::record_key(row.try_get(0)?)?, blocks);
    }
    let (mut gone, mut new) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for record in &records {
        let old = before.get(&record.key).map_or(&[][..], Vec::as_slice);
        for block in old.iter().filter(|block| !record.blocks.contains(block)) {
            gone.0.push(block.cast_signed());
            gone.1.push(record.key.0.to_vec());
        }
        for block in record.blocks.iter().filter(|block| !old.contains(block)) {
            new.0.push(block.cast_signed());
            new.1.push(record.key.0.to_vec());
        }
    }
    if !gone.0.is_empty() {
        let sql = "DELETE FROM record_block b USING unnest($1::bigint[], $2::bytea[]) n (block, record_key)
                   WHERE b.block = n.block AND b.record_key = n.record_key";
        tx.execute(sql, &[&gone.0, &gone.1]).await?;
    }
    if !new.0.is_empty() {
        let sql = "INSERT INTO record_block (block, record_key) SELECT * FROM unnest($1::bigint[], $2::bytea[])
                   ON CONFLICT DO NOTHING";
        tx.execute(sql, &[&new.0, &new.1]).await?;
    }
    let models: Vec<i64> = records.iter().map(|record| record.model.cast_signed()).collect();
    let times: Vec<i64> = records.iter().map(|record| record.event_time.as_micros()).collect();
    let (prepared, rest) = seal::records(tx, &records).await?;
    let sql = "INSERT INTO attribute_record (record_key, model, event_micros, prepared, record)
               SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[])
               ON CONFLICT (record_key) DO UPDATE
               SET model = excluded.model, event_micros = excluded.event_micros, prepared = excluded.prepared,
                   record = excluded.record";
    tx.execute(sql, &[&ids, &models, &times, &prepared, &rest]).await.map(drop)
}

async fn write_pairs(tx: &Transaction<'_, '_>, pairs: &[Pair]) -> Result<(), StorageError> {
    // The last word about a pair counts: a statement cannot touch a row twice.
    let mut last: FxHashMap<(RecordKey, RecordKey), &Pair> = FxHashMap::default();
    for pair in pairs {
        last.insert((pair.left, pair.right), pair);
    }
    let mut sides: Vec<(RecordKey, RecordKey, &Pair)> = Vec::with_capacity(2 * last.len());
    for ((left, right), pair) in last {
        sides.push((left, right, pair));
        sides.push((right, left, pair));
    }
    if sides.is_empty() {
        return Ok(());
    }
    sides.sort_by_key(|(one, other, _)| (*one, *other));
    let ones: Vec<&[u8]> = sides.iter().map(|(one, _, _)| one.0.as_slice()).collect();
    let others: Vec<&[u8]> = sides.iter().map(|(_, other, _)| other.0.as_slice()).collect();
    let weights: Vec<f64> = sides.iter().map(|(_, _, pair)| pair.weight).collect();
    let probabilities: Vec<f64> = sides.iter().map(|(_, _, pair)| pair.probability).collect();
    let linked: Vec<bool> = sides.iter().map(|(_, _, pair)| pair.linked).collect();
    let sql = "INSERT INTO record_pair (record_key, other_key, weight, probability, linked)
               SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::float8[], $4::float8[], $5::bool[])
               ON CONFLICT (record_key, other_key) DO UPDATE
               SET weight = excluded.weight, probability = excluded.probability, linked = excluded.linked";
    tx.execute(sql, &[&ones, &others, &weights, &probabilities, &linked]).await.map(drop)
}

async fn write_reviews(tx: &Transaction<'_, '_>, reviews: &[Review]) -> Result<(), StorageError> {
    let open =
        "INSERT INTO review (review_id, left_key, right_key, weight, decided, record) VALUES ($1, $2, $3, $4, $5, $6)
                ON CONFLICT (review_id) DO NOTHING";
    let decided = "INSERT INTO review (review_id, left_key, right_key, weight, decided, record)
                   VALUES ($1, $2, $3, $4, $5, $6)
                   ON CONFLICT (review_id) DO UPDATE
                   SET weight = excluded.weight, decided = excluded.decided, record = excluded.record";
    let mut reviews: Vec<&Review> = reviews.iter().collect();
    reviews.sort_by_key(|review| review.id);
    for review in reviews {
        let sql = if review.decided.is_none() { open } else { decided };
        let (id, left, right) = (review.id.0.as_slice(), review.left.0.as_slice(), review.right.0.as_slice());
        let row = seal::one(tx, Kind::Review, review.id.0, &codec::encode_review(review)).await?;
        tx.execute(sql, &[&id, &left, &right, &review.weight, &review.decided.is_some(), &row]).await?;
    }
    Ok(())
}

async fn write_relations(tx: &Transaction<'_, '_>, relations: &[Relation]) -> Result<(), StorageError> {
    let mut relations: Vec<&Relation> = relations.iter().collect();
    relations.sort_by_key(|relation| relation.id);
    for relation in relations {
        let id = relation.id.0.as_slice();
        let sql = "SELECT relation_id, record FROM relation WHERE relation_id = $1 FOR UPDATE";
        let mut relation = relation.clone();
        let rows = tx.query(sql, &[&id]).await?;
        if let Some(known) = seal::to_relations(tx.vault(), tx, &rows).await?.pop() {
            relation.created = known.created;
        }
        let row = seal::one(tx, Kind::Relation, relation.id.0, &codec::encode_relation(&relation)).await?;
        let sql = "INSERT INTO relation (relation_id, found, record) VALUES ($1, $2, $3)
                   ON CONFLICT (relation_id) DO UPDATE SET found = excluded.found, record = excluded.record";
        tx.execute(sql, &[&id, &(relation.source == MATCHING), &row]).await?;
        let ends = [relation.from.to_bytes().to_vec(), relation.to.to_bytes().to_vec()];
        let sql = "INSERT INTO relation_end (endpoint, relation_id) SELECT DISTINCT endpoint, $2::bytea
                   FROM unnest($1::bytea[]) AS n (endpoint) ON CONFLICT DO NOTHING";
        tx.execute(sql, &[&ends.as_slice(), &id]).await?;
    }
    Ok(())
}

async fn publish(tx: &Transaction<'_, '_>, model: &Published) -> Result<(), StorageError> {
    tx.batch_execute("LOCK TABLE matching_publication IN SHARE ROW EXCLUSIVE MODE").await?;
    let sql = "INSERT INTO matching_publication (number, version, record)
               SELECT coalesce(max(number), 0) + 1, $1, $2 FROM matching_publication";
    tx.execute(sql, &[&model.version, &codec::encode_model(model)]).await?;
    let sql = "INSERT INTO matching_model (version, model) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    tx.execute(sql, &[&model.version, &model.json]).await.map(drop)
}

/// Removes pairs, reviews and relations of records: all of them, or those that rest on what the records say. Answers the
/// slots of destroyed keys.
async fn clear(tx: &Transaction<'_, '_>, records: &[Vec<u8>], all: bool) -> Result<Vec<u64>, StorageError> {
    let sql = "WITH gone AS (DELETE FROM record_pair WHERE record_key = ANY($1) RETURNING record_key, other_key)
               DELETE FROM record_pair p USING gone
               WHERE p.record_key = gone.other_key AND p.other_key = gone.record_key AND NOT p.record_key = ANY($1)";
    tx.execute(sql, &[&records]).await?;
    let sql = "DELETE FROM review WHERE (left_key = ANY($1) OR right_key = ANY($1)) AND ($2 OR NOT decided)
               RETURNING review_id";
    let mut slots = seal::shred(tx, Kind::Review, &tx.query(sql, &[&records, &all]).await?).await?;
    let ends = records.iter().map(|key| Ok(End::Record(codec::record_key(key)?).to_bytes().to_vec()));
    let ends: Vec<Vec<u8>> = ends.collect::<Result<_, StorageError>>()?;
    slots.extend(drop_relations(tx, &ends, !all).await?);
    Ok(slots)
}

async fn drop_relations(
    tx: &Transaction<'_, '_>,
    ends: &[Vec<u8>],
    only_found: bool,
) -> Result<Vec<u64>, StorageError> {
    let sql = "WITH gone AS (
                   DELETE FROM relation WHERE (found OR NOT $2)
                   AND relation_id IN (SELECT relation_id FROM relation_end WHERE endpoint = ANY($1))
                   RETURNING relation_id),
               ends AS (DELETE FROM relation_end e USING gone WHERE e.relation_id = gone.relation_id)
               SELECT relation_id FROM gone";
    seal::shred(tx, Kind::Relation, &tx.query(sql, &[&ends, &only_found]).await?).await
}

/// Answers the slots of destroyed keys.
async fn erase(
    tx: &Transaction<'_, '_>,
    records: &[RecordKey],
    persons: &[PersonId],
) -> Result<Vec<u64>, StorageError> {
    let mut records = keys(records);
    records.sort_unstable();
    let mut slots = clear(tx, &records, true).await?;
    let sql =
        "SELECT record_key, record FROM attribute_record WHERE record_key = ANY($1) ORDER BY record_key FOR UPDATE";
    let (mut blocks, mut members) = (Vec::new(), Vec::new());
    let rows = tx.query(sql, &[&records]).await?;
    for (row, record) in rows.iter().zip(seal::opened(tx.vault(), tx, Kind::Record, &rows, (0, 1)).await?) {
        for block in record.map_or(Ok(Vec::new()), |record| codec::blocks(&record))? {
            blocks.push(block.cast_signed());
            members.push(row.try_get::<_, Vec<u8>>(0)?);
        }
    }
    let sql = "DELETE FROM record_block b USING unnest($1::bigint[], $2::bytea[]) n (block, record_key)
               WHERE b.block = n.block AND b.record_key = n.record_key";
    tx.execute(sql, &[&blocks, &members]).await?;
    tx.execute("DELETE FROM attribute_record WHERE record_key = ANY($1)", &[&records]).await?;
    slots.extend(seal::shred(tx, Kind::Record, &rows).await?);
    let ends: Vec<Vec<u8>> = persons.iter().map(|id| End::Person(*id).to_bytes().to_vec()).collect();
    slots.extend(drop_relations(tx, &ends, false).await?);
    Ok(slots)
}

#[async_trait]
impl Records for Relational {
    async fn candidates(&self, wanted: &[Wanted], cap: usize) -> Result<Candidates, StorageError> {
        let mut blocks: Vec<i64> = wanted.iter().flat_map(|one| &one.blocks).map(|block| block.cast_signed()).collect();
        blocks.sort_unstable();
        blocks.dedup();
        let own: Vec<Vec<u8>> = wanted.iter().map(|one| one.key.0.to_vec()).collect();
        let limit = i64::try_from(cap).unwrap_or(i64::MAX - 1).saturating_add(1);
        let mut found = Candidates::default();
        let mut members: FxHashMap<u64, Vec<RecordKey>> = FxHashMap::default();
        let client = self.postgres.client().await?;
        let rows = client.query(CANDIDATES, &[&blocks, &limit, &own]).await?;
        let mut forms = Vec::new();
        for row in &rows {
            let Some(block) = row.try_get::<_, Option<i64>>(0)? else {
                forms.push(row);
                continue;
            };
            match row.try_get::<_, Option<Vec<Vec<u8>>>>(1)? {
                None => found.oversized += 1,
                Some(of) => {
                    let of = of.iter().map(|key| codec::record_key(key)).collect::<Result<_, _>>()?;
                    members.insert(block.cast_unsigned(), of);
                }
            }
        }
        found.records.extend(seal::comparables(self.postgres.vault(), &client, &forms, 2, 3).await?);
        for one in wanted {
            let shared = one.blocks.iter().filter_map(|block| members.get(block)).flatten().copied();
            // A record erased between the two halves of the statement's snapshot does not occur, a foreign one may.
            let mut candidates: Vec<RecordKey> =
                shared.filter(|key| *key != one.key && found.records.contains_key(key)).collect();
            candidates.sort_unstable();
            candidates.dedup();
            found.of.push(candidates);
        }
        Ok(found)
    }

    async fn neighbourhood(&self, of: &[RecordKey]) -> Result<Neighbourhood, StorageError> {
        let client = self.postgres.client().await?;
        let mut found = Neighbourhood::default();
        let mut seen = FxHashSet::default();
        let rows = client.query(NEIGHBOURHOOD, &[&keys(of)]).await?;
        let mut forms = Vec::new();
        for row in &rows {
            let key = codec::record_key(row.try_get(0)?)?;
            let Some(other) = row.try_get::<_, Option<&[u8]>>(1)? else {
                forms.push(row);
                continue;
            };
            let pair = Pair::new(key, codec::record_key(other)?, row.try_get(2)?, row.try_get(3)?);
            if seen.insert((pair.left, pair.right)) {
                found.pairs.push(Pair { linked: row.try_get(4)?, ..pair });
            }
        }
        found.records.extend(seal::comparables(self.postgres.vault(), &client, &forms, 0, 5).await?);
        let records = &found.records;
        found.pairs.retain(|pair| records.contains_key(&pair.left) && records.contains_key(&pair.right));
        Ok(found)
    }

    async fn records(&self, of: &[RecordKey]) -> Result<Vec<AttributeRecord>, StorageError> {
        let client = self.postgres.client().await?;
        let rows = client.query(&format!("{RECORD} WHERE record_key = ANY($1)"), &[&keys(of)]).await?;
        seal::to_records(self.postgres.vault(), &client, &rows).await
    }

    async fn page(&self, after: Option<RecordKey>, limit: usize) -> Result<Vec<AttributeRecord>, StorageError> {
        let client = self.postgres.client().await?;
        let after = after.map(|key| key.0.to_vec()).unwrap_or_default();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = format!("{RECORD} WHERE record_key > $1 ORDER BY record_key LIMIT $2");
        let rows = client.query(&sql, &[&after, &limit]).await?;
        seal::to_records(self.postgres.vault(), &client, &rows).await
    }

    async fn write(&self, batch: Batch) -> Result<bool, StorageError> {
        self.postgres.transact(|tx| Box::pin(write(tx, &batch))).await
    }

    async fn is_fulfilled(&self, request: &Remembered) -> Result<bool, StorageError> {
        let sql = "SELECT digest FROM matching_request WHERE request_id = $1";
        let row = self.postgres.client().await?.query_opt(sql, &[&hashed(&request.id)]).await?;
        codec::fulfilled(request, row.as_ref().map(|row| row.try_get(0)).transpose()?)
    }

    async fn erase(&self, records: &[RecordKey], persons: &[PersonId]) -> Result<(), StorageError> {
        let slots = self.postgres.transact(|tx| Box::pin(erase(tx, records, persons))).await?;
        if let Err(error) = self.postgres.vault().scrub(&self.postgres, &slots).await {
            tracing::warn!(%error, "destroyed keys stay in the files until the next erasure or vacuum");
        }
        Ok(())
    }

    async fn reviews(&self, wanted: &Reviews) -> Result<Vec<Review>, StorageError> {
        let client = self.postgres.client().await?;
        let rows = match wanted {
            Reviews::ById(ids) => {
                let ids: Vec<Vec<u8>> = ids.iter().map(|id| id.0.to_vec()).collect();
                client.query(&format!("{REVIEW} WHERE review_id = ANY($1)"), &[&ids]).await?
            }
            Reviews::OfRecords(of) => {
                let sql = format!("{REVIEW} WHERE left_key = ANY($1) OR right_key = ANY($1)");
                client.query(&sql, &[&keys(of)]).await?
            }
            Reviews::Page { after, limit, decided } => {
                let (weight, id) = after.map_or((f64::INFINITY, Vec::new()), |(weight, id)| (weight, id.0.to_vec()));
                let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
                let open = if *decided { "" } else { "NOT decided AND" };
                let sql = format!(
                    "{REVIEW} WHERE {open} weight <= $1 AND (weight < $1 OR review_id > $2)
                     ORDER BY weight DESC, review_id LIMIT $3"
                );
                client.query(&sql, &[&weight, &id, &limit]).await?
            }
        };
        seal::to_reviews(self.postgres.vault(), &client, &rows).await
    }

    async fn open_reviews(&self) -> Result<u64, StorageError> {
        let sql = "SELECT count(*) FROM review WHERE NOT decided";
        let row = self.postgres.client().await?.query_one(sql, &[]).await?;
        Ok(row.try_get::<_, i64>(0)?.cast_unsigned())
    }

    async fn relations(&self, wanted: &Relations) -> Result<Vec<Relation>, StorageError> {
        let client = self.postgres.client().await?;
        let rows = match wanted {
            Relations::ById(id) => {
                let sql = "SELECT relation_id, record FROM relation WHERE relation_id = $1";
                client.query(sql, &[&id.0.as_slice()]).await?
            }
            Relations::At(ends) => {
                let ends: Vec<Vec<u8>> = ends.iter().map(|end| end.to_bytes().to_vec()).collect();
                let sql = "SELECT relation_id, record FROM relation
                           WHERE relation_id IN (SELECT relation_id FROM relation_end WHERE endpoint = ANY($1))";
                client.query(sql, &[&ends]).await?
            }
        };
        seal::to_relations(self.postgres.vault(), &client, &rows).await
    }

    async fn models(&self, wanted: &Models) -> Result<Vec<Published>, StorageError> {
        let client = self.postgres.client().await?;
        let full =
            "SELECT p.number, p.record, m.model FROM matching_publication p JOIN matching_model m USING (version)";
        let rows = match wanted {
            Models::Current => client.query(&format!("{full} ORDER BY p.number DESC LIMIT 1"), &[]).await?,
            Models::Version(version) => {
                let sql = format!("{full} WHERE p.version = $1 ORDER BY p.number DESC LIMIT 1");
                client.query(&sql, &[version]).await?
            }
            Models::Page { below, limit } => {
                let below = below.and_then(|below| i64::try_from(below).ok()).unwrap_or(i64::MAX);
                let sql = "SELECT number, record, '' FROM matching_publication WHERE number < $1
                           ORDER BY number DESC LIMIT $2";
                client.query(sql, &[&below, &i64::try_from(*limit).unwrap_or(i64::MAX)]).await?
            }
        };
        rows.iter()
            .map(|row| {
                let model = codec::decode_model(row.try_get::<_, i64>(0)?.cast_unsigned(), row.try_get(1)?)?;
                Ok(Published { json: row.try_get(2)?, ..model })
            })
            .collect()
    }
}
