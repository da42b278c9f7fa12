//! Responses: joined, kept and learned from in one transaction.

use std::collections::BTreeMap;

use attune_kernel::DecisionId;
use attune_storage::{StorageError, Transaction};
use rustc_hash::FxHashMap;

use super::super::{Receipt, Recorded, codec, hashed, nobody};
use super::{SHARED, id16, kind, today};
use crate::domain::model::{Counts, Learned};
use crate::domain::response::{Counted, Response};

/// Where a response belongs.
#[derive(Default, Clone)]
struct Found {
    person_key: Vec<u8>,
    decision: Option<Vec<u8>>,
}

pub(super) async fn record(tx: &Transaction<'_, '_>, responses: &[Response]) -> Result<Recorded, StorageError> {
    tx.query(SHARED, &[]).await?;
    let found = find(tx, responses).await?;
    let new = insert(tx, responses, &found).await?;
    let known = known(tx, responses, &new).await?;
    let mut recorded = Recorded::default();
    for (at, response) in responses.iter().enumerate() {
        let receipt = if new[at] {
            let decision = found[at].decision.as_deref().map(id16).transpose()?;
            Receipt { decision: decision.map(DecisionId::from_bytes), duplicate: false }
        } else {
            Receipt { decision: known.get(&hashed(&response.request_id)).copied().flatten(), duplicate: true }
        };
        recorded.receipts.push(receipt);
    }
    learn(tx, responses, &found, &new, &mut recorded).await?;
    Ok(recorded)
}

async fn find(tx: &Transaction<'_, '_>, responses: &[Response]) -> Result<Vec<Found>, StorageError> {
    let aliases = today(tx, responses.iter().filter_map(|response| response.person)).await?;
    let mut found: Vec<Found> = Vec::with_capacity(responses.len());
    for response in responses {
        let person = match response.person {
            Some(person) => aliases.get(&person).copied().unwrap_or(Some(person.to_bytes())),
            None => None,
        };
        let person_key = person.unwrap_or_else(|| nobody(&response.request_id)).to_vec();
        found.push(Found { person_key, decision: None });
    }
    let offers: Vec<&str> = responses.iter().map(|response| response.offer.as_str()).collect();
    let ids: Vec<Option<Vec<u8>>> =
        responses.iter().map(|response| response.decision.map(|id| id.to_bytes().to_vec())).collect();
    let by_id = "SELECT i.at, d.person_key, r.decision_id FROM unnest($1::bytea[], $2::text[]) WITH ORDINALITY AS i (id, offer_id, at) \
                 JOIN decision d ON d.id = i.id LEFT JOIN receipt r ON r.decision_id = i.id AND r.offer_id = i.offer_id";
    for row in tx.query(by_id, &[&ids, &offers]).await? {
        let at = place(row.get(0));
        found[at] = Found { person_key: row.get(1), decision: row.get(2) };
    }
    let persons: Vec<Option<&[u8]>> = responses
        .iter()
        .zip(&found)
        .map(|(response, found)| response.decision.is_none().then_some(found.person_key.as_slice()))
        .collect();
    let times: Vec<i64> = responses.iter().map(|response| response.moment.time.as_micros()).collect();
    let sequences: Vec<i64> = responses.iter().map(|response| response.moment.sequence).collect();
    let by_person = "SELECT i.at, r.decision_id \
                     FROM unnest($1::bytea[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS i (person_key, offer_id, time, sequence, at) \
                     CROSS JOIN LATERAL (SELECT decision_id FROM receipt r \
                         WHERE r.person_key = i.person_key AND r.offer_id = i.offer_id AND (r.time, r.sequence) <= (i.time, i.sequence) \
                         ORDER BY r.time DESC, r.sequence DESC, r.decision_id DESC LIMIT 1) AS r \
                     WHERE i.person_key IS NOT NULL";
    let rows = tx.query(by_person, &[&persons, &offers, &times, &sequences]).await?;
    for row in rows {
        found[place(row.get(0))].decision = row.get(1);
    }
    Ok(found)
}

/// The index of an ordinality, which begins at 1.
fn place(ordinality: i64) -> usize {
    usize::try_from(ordinality - 1).unwrap_or(0)
}

/// Keeps what is new; answers which responses were.
async fn insert(tx: &Transaction<'_, '_>, responses: &[Response], found: &[Found]) -> Result<Vec<bool>, StorageError> {
    let mut order: Vec<usize> = (0..responses.len()).collect();
    // Sorted, so that two batches with common keys wait for one another; stable, so that the first of equals is kept.
    order.sort_by(|left, right| responses[*left].request_id.cmp(&responses[*right].request_id));
    order.dedup_by(|later, first| responses[*later].request_id == responses[*first].request_id);
    macro_rules! column {
        ($of:expr) => {
            order.iter().map(|at| $of(&responses[*at])).collect::<Vec<_>>()
        };
    }
    let requests = column!(|response: &Response| hashed(&response.request_id));
    let offers = column!(|response: &Response| response.offer.clone());
    let times = column!(|response: &Response| response.moment.time.as_micros());
    let sequences = column!(|response: &Response| response.moment.sequence);
    let kinds = column!(|response: &Response| codec::kind_number(response.kind).cast_signed());
    let values = column!(|response: &Response| response.value);
    let persons: Vec<&[u8]> = order.iter().map(|at| found[*at].person_key.as_slice()).collect();
    let decisions: Vec<Option<&[u8]>> = order.iter().map(|at| found[*at].decision.as_deref()).collect();
    let sql = "INSERT INTO response (request_id, person_key, offer_id, time, sequence, decision_id, kind, value) \
               SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[], $4::bigint[], $5::bigint[], $6::bytea[], $7::integer[], $8::double precision[]) \
               ON CONFLICT DO NOTHING RETURNING request_id";
    let rows = tx.query(sql, &[&requests, &persons, &offers, &times, &sequences, &decisions, &kinds, &values]).await?;
    let inserted: std::collections::HashSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let mut new = vec![false; responses.len()];
    for at in order {
        new[at] = inserted.contains(&hashed(&responses[at].request_id));
    }
    Ok(new)
}

/// What the repeats were joined to the first time.
async fn known(
    tx: &Transaction<'_, '_>,
    responses: &[Response],
    new: &[bool],
) -> Result<FxHashMap<String, Option<DecisionId>>, StorageError> {
    let repeats: Vec<String> =
        responses.iter().zip(new).filter(|(_, new)| !**new).map(|(response, _)| hashed(&response.request_id)).collect();
    let mut known = FxHashMap::default();
    if repeats.is_empty() {
        return Ok(known);
    }
    for row in tx.query("SELECT request_id, decision_id FROM response WHERE request_id = ANY($1)", &[&repeats]).await? {
        let decision: Option<&[u8]> = row.get(1);
        known.insert(row.get(0), decision.map(id16).transpose()?.map(DecisionId::from_bytes));
    }
    Ok(known)
}

async fn learn(
    tx: &Transaction<'_, '_>,
    responses: &[Response],
    found: &[Found],
    new: &[bool],
    recorded: &mut Recorded,
) -> Result<(), StorageError> {
    let joined: Vec<(&Response, &[u8])> = responses
        .iter()
        .zip(found)
        .zip(new)
        .filter(|(_, new)| **new)
        .filter_map(|((response, found), _)| Some((response, found.decision.as_deref()?)))
        .collect();
    let (offers, decisions): (Vec<&str>, Vec<&[u8]>) =
        joined.iter().map(|(response, decision)| (response.offer.as_str(), *decision)).unzip();
    let sql = "SELECT r.decision_id, r.offer_id, r.channel, r.learn_from, r.trial, r.positive FROM receipt r \
               JOIN (SELECT DISTINCT * FROM unnest($1::bytea[], $2::text[]) AS given (decision_id, offer_id)) AS i \
               ON r.decision_id = i.decision_id AND r.offer_id = i.offer_id \
               ORDER BY r.decision_id, r.offer_id FOR UPDATE OF r";
    let mut receipts = FxHashMap::default();
    if !joined.is_empty() {
        for row in tx.query(sql, &[&decisions, &offers]).await? {
            let counted = Counted { trial: row.get(4), positive: row.get(5) };
            let learning: (String, _, Counted, bool) = (row.get(2), kind(row.get(3))?, counted, false);
            receipts.insert((row.get::<_, Vec<u8>>(0), row.get::<_, String>(1)), learning);
        }
    }
    let mut lessons: BTreeMap<(String, String), (i64, i64)> = BTreeMap::new();
    for (response, decision) in joined {
        let Some((channel, learn_from, counted, changed)) =
            receipts.get_mut(&(decision.to_vec(), response.offer.clone()))
        else {
            continue;
        };
        let lesson = counted.take(response.kind, *learn_from);
        if !lesson.is_empty() {
            *changed = true;
            let sum = lessons.entry((response.offer.clone(), channel.clone())).or_default();
            sum.0 += i64::from(lesson.trial);
            sum.1 += i64::from(lesson.positive);
        }
    }
    if lessons.is_empty() {
        let version: i64 = tx.query_one("SELECT version FROM model_version", &[]).await?.get(0);
        recorded.before = version.cast_unsigned();
        recorded.version = recorded.before;
        return Ok(());
    }
    let mut decisions: Vec<&[u8]> = Vec::new();
    let mut offers: Vec<&str> = Vec::new();
    let mut trials: Vec<bool> = Vec::new();
    let mut positives: Vec<bool> = Vec::new();
    for ((decision, offer), (_, _, counted, changed)) in &receipts {
        if *changed {
            decisions.push(decision);
            offers.push(offer);
            trials.push(counted.trial);
            positives.push(counted.positive);
        }
    }
    let sql = "UPDATE receipt r SET trial = i.trial, positive = i.positive \
               FROM unnest($1::bytea[], $2::text[], $3::boolean[], $4::boolean[]) AS i (decision_id, offer_id, trial, positive) \
               WHERE r.decision_id = i.decision_id AND r.offer_id = i.offer_id";
    tx.execute(sql, &[&decisions, &offers, &trials, &positives]).await?;
    add(tx, lessons, recorded).await
}

/// Adds the sums to the counts, in the order of their keys, and raises the version.
async fn add(
    tx: &Transaction<'_, '_>,
    lessons: BTreeMap<(String, String), (i64, i64)>,
    recorded: &mut Recorded,
) -> Result<(), StorageError> {
    let offers: Vec<&str> = lessons.keys().map(|(offer, _)| offer.as_str()).collect();
    let channels: Vec<&str> = lessons.keys().map(|(_, channel)| channel.as_str()).collect();
    let (trials, positives): (Vec<i64>, Vec<i64>) = lessons.values().copied().unzip();
    let sql = "INSERT INTO learned AS l (offer_id, channel, trials, positives) \
               SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) \
               ON CONFLICT (offer_id, channel) DO UPDATE \
               SET trials = l.trials + excluded.trials, positives = l.positives + excluded.positives \
               RETURNING offer_id, channel, trials, positives";
    for row in tx.query(sql, &[&offers, &channels, &trials, &positives]).await? {
        let number = |at: usize| row.get::<_, i64>(at).cast_unsigned();
        let counts = Counts { trials: number(2), positives: number(3) };
        recorded.learned.push(Learned { offer: row.get(0), channel: row.get(1), counts });
    }
    let sql = "UPDATE model_version SET version = version + 1 RETURNING version";
    recorded.version = tx.query_one(sql, &[]).await?.get::<_, i64>(0).cast_unsigned();
    recorded.before = recorded.version.saturating_sub(1);
    Ok(())
}
