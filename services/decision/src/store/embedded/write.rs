//! What happens on the writer thread.

use std::collections::BTreeMap;

use attune_kernel::{DecisionId, PersonId};
use attune_storage::key::{KeyReader, key};
use attune_storage::{Scan, Space, StorageError, Tx, Value};

use super::super::{Appended, Change, Receipt, Recorded, WhoIsWho, codec, hashed, nobody};
use super::keys::{self, Header, Learning};
use crate::domain::model::{Counts, Learned};
use crate::domain::moment::Moment;
use crate::domain::policy::Treatment;
use crate::domain::record::Decision;
use crate::domain::response::Response;

/// The person that an id means today; `None` when it was erased.
fn today(tx: &Tx, space: &Space, person: PersonId) -> Result<Option<[u8; 16]>, StorageError> {
    keys::today(person, |key| tx.get(space, key))
}

/// Writes a decision, sealed with the key of its person.
fn put(tx: &mut Tx, space: &Space, id: DecisionId, header: Header, body: &[u8]) -> Result<(), StorageError> {
    let (at, value) = (keys::decision(id), header.before(body));
    if header.is_person { tx.put_for(space, &header.person, at, value) } else { tx.put(space, at, value) }
}

/// Gives a person a new key and seals their decisions anew, so that old copies of others that are gone are unreadable.
pub(super) fn renew(tx: &mut Tx, space: &Space, person: [u8; 16]) -> Result<(), StorageError> {
    let mut decisions = BTreeMap::new();
    for place in places(person, person) {
        for (key, _) in tx.scan(space, &Scan::prefix(place.from.clone()))? {
            let Item::Decision(id) = place.item(&key)? else { continue };
            if let Some(value) = tx.get(space, keys::decision(id))? {
                decisions.insert(id, value);
            }
        }
    }
    tx.shred(space, &person)?;
    for (id, value) in decisions {
        tx.put_for(space, &person, keys::decision(id), value)?;
    }
    Ok(())
}

pub(super) fn append(
    tx: &mut Tx,
    space: &Space,
    decisions: &[(Decision, Vec<u8>)],
) -> Result<Vec<Appended>, StorageError> {
    let mut appended = Vec::with_capacity(decisions.len());
    for (decision, body) in decisions {
        let id = decision.id;
        if tx.get(space, keys::decision(id))?.is_some() {
            appended.push(Appended { id, duplicate: true });
            continue;
        }
        if let Some(request_id) = &decision.request_id {
            if let Some(known) = tx.get(space, keys::request(request_id))? {
                appended.push(Appended { id: DecisionId::from_bytes(keys::id_of(&known)?), duplicate: true });
                continue;
            }
            tx.put(space, keys::request(request_id), id.to_bytes().to_vec())?;
        }
        let person = match decision.person {
            Some(person) => today(tx, space, person)?,
            None => None,
        };
        let header = Header {
            is_person: person.is_some(),
            person: person.unwrap_or_else(|| nobody(&id.to_string())),
            moment: Moment { time: decision.time, sequence: decision.sequence },
        };
        if decision.person.is_some() && person.is_none() {
            // Of somebody who was erased, only what says nothing of them.
            let mut decision = decision.clone();
            decision.forget_person();
            put(tx, space, id, header, &codec::encode(&decision))?;
        } else {
            put(tx, space, id, header, body)?;
        }
        if let Some(named) = decision.person.filter(|named| header.is_person && named.to_bytes() != header.person) {
            tx.put(space, keys::decision_origin(id), named.to_bytes().to_vec())?;
        }
        if decision.arm.is_some_and(|arm| arm != Treatment::Fallback) {
            tx.put(space, keys::time(decision.time.as_micros()).id(id.to_bytes()).build(), Vec::new())?;
        }
        let learning = Learning {
            channel: decision.channel.clone(),
            learn_from: decision.policy.learn_from,
            counted: Default::default(),
        };
        for chosen in &decision.offered {
            tx.put(space, keys::receipt(header.person, &chosen.offer, header.moment, id), learning.to_value())?;
        }
        if decision.offered.is_empty() {
            tx.put(space, keys::empty_decisions(header.person).id(id.to_bytes()).build(), Vec::new())?;
        }
        appended.push(Appended { id, duplicate: false });
    }
    Ok(appended)
}

/// The receipt a response belongs to, and the key it is itself kept under.
struct Found {
    person: [u8; 16],
    receipt: Option<(DecisionId, Vec<u8>)>,
}

fn find(tx: &Tx, space: &Space, response: &Response) -> Result<Found, StorageError> {
    if let Some(id) = response.decision
        && let Some(value) = tx.get(space, keys::decision(id))?
    {
        let (header, _) = Header::split(&value)?;
        let key = keys::receipt(header.person, &response.offer, header.moment, id);
        let offered = tx.get(space, &key)?.is_some();
        return Ok(Found { person: header.person, receipt: offered.then_some((id, key)) });
    }
    let person = match response.person {
        Some(person) => today(tx, space, person)?,
        None => None,
    };
    let Some(person) = person else {
        return Ok(Found { person: nobody(&response.request_id), receipt: None });
    };
    if response.decision.is_some() {
        return Ok(Found { person, receipt: None });
    }
    let mut last = keys::receipts_to(person, &response.offer, response.moment).build();
    // The greatest decision id of that very moment.
    last.extend_from_slice(&[0xFF; 16]);
    let before = Scan::prefix(keys::receipts(person).str(&response.offer).build()).at_most(last).reverse().limit(1);
    let receipt = tx.scan(space, &before)?.into_iter().next();
    let receipt = receipt.map(|(key, _)| -> Result<_, StorageError> {
        let id = key.len().checked_sub(16).and_then(|at| key.get(at..)).ok_or_else(|| keys::short("receipt"))?;
        Ok((DecisionId::from_bytes(keys::id_of(id)?), key.to_vec()))
    });
    Ok(Found { person, receipt: receipt.transpose()? })
}

pub(super) fn record(tx: &mut Tx, space: &Space, responses: &[Response]) -> Result<Recorded, StorageError> {
    let before = super::version_of(tx.get(space, keys::version())?.as_deref())?;
    let mut recorded = Recorded { before, version: before, ..Recorded::default() };
    let mut learned: BTreeMap<(String, String), Counts> = BTreeMap::new();
    for response in responses {
        if let Some(known) = tx.get(space, keys::known(&response.request_id))? {
            let decision = if known.is_empty() { None } else { Some(DecisionId::from_bytes(keys::id_of(&known)?)) };
            recorded.receipts.push(Receipt { decision, duplicate: true });
            continue;
        }
        let found = find(tx, space, response)?;
        let decision = found.receipt.as_ref().map(|(id, _)| *id);
        let bytes = decision.map(|id| id.to_bytes().to_vec()).unwrap_or_default();
        tx.put(space, keys::known(&response.request_id), bytes.clone())?;
        let Moment { time, sequence } = response.moment;
        let kind = codec::kind_number(response.kind);
        let own = keys::responses(found.person).str(&response.offer).i64(time.as_micros()).i64(sequence);
        tx.put(space, own.str(&hashed(&response.request_id)).build(), key().u32(kind).bytes(&bytes).build())?;
        recorded.receipts.push(Receipt { decision, duplicate: false });
        let Some((id, receipt)) = found.receipt else { continue };
        let joined = keys::joined(id).i64(time.as_micros()).i64(sequence).str(&hashed(&response.request_id)).build();
        tx.put(space, joined, key().str(&response.offer).u32(kind).u64(response.value.to_bits()).build())?;
        let Some(value) = tx.get(space, &receipt)? else { continue };
        let mut learning = Learning::of(&value)?;
        let lesson = learning.counted.take(response.kind, learning.learn_from);
        if lesson.is_empty() {
            continue;
        }
        tx.put(space, receipt, learning.to_value())?;
        let key = keys::counts(&response.offer, &learning.channel);
        let mut counts = match tx.get(space, &key)? {
            Some(value) => {
                let mut value = KeyReader::new(&value);
                Counts { trials: value.u64()?, positives: value.u64()? }
            }
            None => Counts::default(),
        };
        counts.trials += u64::from(lesson.trial);
        counts.positives += u64::from(lesson.positive);
        tx.put(space, key, keys::counts_value(counts.trials, counts.positives))?;
        learned.insert((response.offer.clone(), learning.channel), counts);
    }
    if !learned.is_empty() {
        recorded.version = before + 1;
        tx.put(space, keys::version(), key().u64(recorded.version).build())?;
    }
    recorded.learned =
        learned.into_iter().map(|((offer, channel), counts)| Learned { offer, channel, counts }).collect();
    Ok(recorded)
}

pub(super) fn apply(tx: &mut Tx, space: &Space, change: &Change) -> Result<bool, StorageError> {
    if tx.get(space, keys::change(change.offset))?.is_some() {
        return Ok(false);
    }
    tx.put(space, keys::change(change.offset), Vec::new())?;
    match &change.what {
        WhoIsWho::Merged { surviving, merged } => {
            let Some(target) = today(tx, space, *surviving)? else {
                forget(tx, space, merged.to_bytes(), nobody(&format!("merged {}", change.offset)))?;
                tx.put(space, keys::alias(merged.to_bytes()), Vec::new())?;
                return Ok(true);
            };
            if target != merged.to_bytes() {
                repoint(tx, space, merged.to_bytes(), target, true)?;
                tx.put(space, keys::alias(merged.to_bytes()), target.to_vec())?;
                tx.put(space, keys::aliases_of(target).id(merged.to_bytes()).build(), Vec::new())?;
                // What lies under their key are copies that nobody would find when the survivor is erased.
                tx.shred(space, &merged.to_bytes())?;
            }
        }
        WhoIsWho::Split { person, split, ids } => super::split::apply(tx, space, *person, *split, ids)?,
        WhoIsWho::Erased { persons, anonymous } => {
            for person in persons {
                let key = person.to_bytes();
                forget(tx, space, key, *anonymous)?;
                tx.put(space, keys::alias(key), Vec::new())?;
                tx.shred(space, &key)?;
            }
        }
    }
    Ok(true)
}

fn forget(tx: &mut Tx, space: &Space, person: [u8; 16], anonymous: [u8; 16]) -> Result<(), StorageError> {
    repoint(tx, space, person, anonymous, false)
}

/// Moves everything of one person key to another one: a merge, of which is kept whose it was, or an erasure.
fn repoint(tx: &mut Tx, space: &Space, from: [u8; 16], to: [u8; 16], is_person: bool) -> Result<(), StorageError> {
    let mut decisions: Vec<DecisionId> = Vec::new();
    for place in places(from, to) {
        for (key, value) in tx.scan(space, &Scan::prefix(place.from.clone()))? {
            let item = place.item(&key)?;
            place.go(tx, space, &key, value)?;
            let origin = match &item {
                Item::Decision(id) => keys::decision_origin(*id),
                Item::Response(request_id) => keys::response_origin(request_id),
            };
            if !is_person {
                tx.delete(space, origin)?;
            } else if tx.get(space, &origin)?.is_none() {
                tx.put(space, origin, from.to_vec())?;
            }
            if let Item::Decision(id) = item {
                decisions.push(id);
            }
        }
    }
    decisions.sort_unstable();
    decisions.dedup();
    for id in decisions {
        if is_person {
            hand_over(tx, space, id, to)?;
            continue;
        }
        let Some(value) = tx.get(space, keys::decision(id))? else { continue };
        let (header, body) = Header::split(&value)?;
        let moved = Header { is_person, person: to, ..header };
        let mut decision = codec::decode(id, body)?;
        if let Some(request_id) = &decision.request_id {
            tx.delete(space, keys::request(request_id))?;
        }
        decision.forget_person();
        put(tx, space, id, moved, &codec::encode(&decision))?;
    }
    Ok(())
}

/// Makes a decision another person's.
pub(super) fn hand_over(tx: &mut Tx, space: &Space, id: DecisionId, to: [u8; 16]) -> Result<(), StorageError> {
    let Some(value) = tx.get(space, keys::decision(id))? else { return Ok(()) };
    let (header, body) = Header::split(&value)?;
    put(tx, space, id, Header { is_person: true, person: to, ..header }, body)
}

/// One kind of record of a person, and where it goes.
pub(super) struct Place {
    pub(super) from: Vec<u8>,
    to: Vec<u8>,
    is_response: bool,
}

/// What a record is of.
pub(super) enum Item {
    Decision(DecisionId),
    Response(String),
}

/// Receipts, decisions that offered nothing and responses of a person, and where they are of another one.
pub(super) fn places(from: [u8; 16], to: [u8; 16]) -> [Place; 3] {
    [
        (keys::receipts(from), keys::receipts(to), false),
        (keys::empty_decisions(from), keys::empty_decisions(to), false),
        (keys::responses(from), keys::responses(to), true),
    ]
    .map(|(from, to, is_response)| Place { from: from.build(), to: to.build(), is_response })
}

impl Place {
    pub(super) fn item(&self, key: &[u8]) -> Result<Item, StorageError> {
        if self.is_response {
            let mut parts = KeyReader::new(key);
            let _ = (parts.str()?, parts.id()?, parts.str()?, parts.i64()?, parts.i64()?);
            return Ok(Item::Response(parts.str()?));
        }
        let id = key.len().checked_sub(16).and_then(|at| key.get(at..)).ok_or_else(|| keys::short("receipt"))?;
        Ok(Item::Decision(DecisionId::from_bytes(keys::id_of(id)?)))
    }

    pub(super) fn go(&self, tx: &mut Tx, space: &Space, key: &[u8], value: Value) -> Result<(), StorageError> {
        let moved = [&self.to, &key[self.from.len()..]].concat();
        tx.delete(space, key.to_vec())?;
        tx.put(space, moved, value)
    }
}
