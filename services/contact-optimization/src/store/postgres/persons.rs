//! Steps over several persons or a whole person: recording, merging, erasing, expiring.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use attune_kernel::Timestamp;
use attune_storage::{StorageError, Transaction};

use super::super::record::encode_ledger;
use super::{Recorded, add_counters, held, ledger_of, lock_counters, lock_person, save_changes, save_ledger, seal};
use crate::domain::book::{self, Changes};
use crate::domain::contact::Contact;
use crate::domain::ledger::Ledger;
use crate::domain::policy::{CounterKey, PolicySet};

/// Locks these persons in order, making those that do not exist; answers the surviving id of each, and the ledgers of
/// the surviving ones.
async fn lock_persons(
    tx: &Transaction<'_, '_>,
    persons: BTreeSet<String>,
) -> Result<(BTreeMap<String, String>, BTreeMap<String, Ledger>), StorageError> {
    let (mut surviving, mut ledgers) = (BTreeMap::new(), BTreeMap::new());
    let mut wanted = persons.clone();
    // Ids that turn out to be aliases make a second round; a circle of aliases would make rounds for ever.
    for _ in 0..super::MOST_STEPS {
        if wanted.is_empty() {
            break;
        }
        let ids: Vec<&String> = wanted.iter().collect();
        let sql = "INSERT INTO person_ledger (person_id, body) SELECT id, '' FROM unnest($1::text[]) AS new (id) \
                   ORDER BY id COLLATE \"C\" ON CONFLICT DO NOTHING";
        tx.execute(sql, &[&ids]).await?;
        let sql = "SELECT person_id, merged_into, body FROM person_ledger WHERE person_id = ANY($1) \
                   ORDER BY person_id FOR UPDATE";
        let mut next = BTreeSet::new();
        for row in tx.query(sql, &[&ids]).await? {
            let person: String = row.try_get("person_id")?;
            match row.try_get::<_, Option<String>>("merged_into")? {
                Some(into) => {
                    next.insert(into.clone());
                    surviving.insert(person, into);
                }
                None => {
                    ledgers.insert(person.clone(), ledger_of(&row)?);
                    surviving.insert(person.clone(), person);
                }
            }
        }
        next.retain(|person| !surviving.contains_key(person));
        wanted = next;
    }
    let resolved = persons.into_iter().map(|person| {
        let mut at = person.clone();
        for _ in 0..super::MOST_STEPS {
            match surviving.get(&at) {
                Some(next) if *next != at => at.clone_from(next),
                _ => break,
            }
        }
        (person, at)
    });
    Ok((resolved.collect(), ledgers))
}

pub(super) async fn record(
    tx: &Transaction<'_, '_>,
    policies: &PolicySet,
    contacts: &[Contact],
) -> Result<Recorded, StorageError> {
    let asked: BTreeSet<String> = contacts.iter().map(|contact| contact.person.clone()).collect();
    let (surviving, mut ledgers) = lock_persons(tx, asked).await?;
    let surviving = |contact: &Contact| surviving.get(&contact.person).unwrap_or(&contact.person).clone();
    let persons: Vec<String> = contacts.iter().map(surviving).collect();

    let column = |of: &dyn Fn(&Contact) -> String| contacts.iter().map(of).collect::<Vec<String>>();
    let (ids, sealed) = seal::names(tx, contacts, &persons).await?;
    let times: Vec<i64> = contacts.iter().map(|contact| contact.time.as_micros()).collect();
    let (channels, offers) = (column(&|one| one.touch.channel.clone()), column(&|one| one.touch.offer.clone()));
    let campaigns = column(&|one| one.touch.campaign.clone());
    let sql = "INSERT INTO contact (person_id, contact_id, time, channel, offer_id, campaign_id, sealed, origin) \
               SELECT p, c, t, h, o, g, s, w FROM unnest($1::text[], $2::text[], $3::bigint[], \
               $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[]) WITH ORDINALITY \
               AS new (p, c, t, h, o, g, s, w, n) ORDER BY n ON CONFLICT DO NOTHING RETURNING person_id, contact_id";
    let named = |(contact, person): (&Contact, &String)| {
        if contact.person == *person { String::new() } else { contact.person.clone() }
    };
    let origins: Vec<String> = contacts.iter().zip(&persons).map(named).collect();
    let rows = tx.query(sql, &[&persons, &ids, &times, &channels, &offers, &campaigns, &sealed, &origins]).await?;
    let mut new = HashSet::with_capacity(rows.len());
    for row in &rows {
        new.insert((row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?));
    }
    let recorded = new.len();

    let mut by_person: BTreeMap<&str, Vec<&Contact>> = BTreeMap::new();
    for ((contact, person), id) in contacts.iter().zip(&persons).zip(&ids) {
        // Of repeats within the batch the first was inserted; taking it out of the set skips the others.
        if new.remove(&(person.clone(), id.clone())) {
            by_person.entry(person).or_default().push(contact);
        }
    }
    let mut changes = Changes::default();
    let mut changed: Vec<(&str, Vec<u8>)> = Vec::new();
    for (person, contacts) in by_person {
        let ledger = ledgers.entry(person.to_owned()).or_default();
        book::record(policies, ledger, &contacts, &mut changes);
        changed.push((person, encode_ledger(ledger)));
    }
    let keys: BTreeSet<CounterKey> =
        changes.counters.iter().filter(|(_, by)| **by != 0).map(|(key, _)| key.clone()).collect();
    lock_counters(tx, &keys).await?;
    save_changes(tx, "", &changes).await?;
    if !changed.is_empty() {
        let (persons, bodies): (Vec<&str>, Vec<Vec<u8>>) = changed.into_iter().unzip();
        let sql = "UPDATE person_ledger AS l SET body = new.body FROM unnest($1::text[], $2::bytea[]) AS new (id, body) \
                   WHERE l.person_id = new.id";
        tx.execute(sql, &[&persons, &bodies]).await?;
    }
    Ok(Recorded { recorded, duplicates: contacts.len() - recorded })
}

pub(super) async fn merge(tx: &Transaction<'_, '_>, surviving: &str, merged: &str) -> Result<(), StorageError> {
    let both = BTreeSet::from([surviving.to_owned(), merged.to_owned()]);
    let (resolved, mut ledgers) = lock_persons(tx, both).await?;
    let (surviving, merged) = (&resolved[surviving], &resolved[merged]);
    if surviving == merged {
        return Ok(());
    }
    let mut ledger = ledgers.remove(surviving).unwrap_or_default();
    ledger.merge(ledgers.remove(merged).unwrap_or_default());
    let twice = "DELETE FROM contact AS c WHERE c.person_id = $2 AND EXISTS \
                 (SELECT FROM contact AS s WHERE s.person_id = $1 AND s.contact_id = c.contact_id)";
    if tx.execute(twice, &[surviving, merged]).await? > 0 {
        // The same contact was recorded for both, and the ledgers cannot tell which entry it is.
        ledger.forget_entries();
    }
    let sql =
        "UPDATE contact SET person_id = $1, origin = CASE origin WHEN '' THEN $2 ELSE origin END WHERE person_id = $2";
    tx.execute(sql, &[surviving, merged]).await?;
    let twice = "DELETE FROM admission_request AS q WHERE q.person_id = $2 AND EXISTS \
                 (SELECT FROM admission_request AS s WHERE s.person_id = $1 AND s.request_id = q.request_id)";
    tx.execute(twice, &[surviving, merged]).await?;
    for sql in [
        "UPDATE admission_request SET person_id = $1 WHERE person_id = $2",
        "UPDATE capacity_hold SET person_id = $1 WHERE person_id = $2",
        "UPDATE person_ledger SET merged_into = $1 WHERE merged_into = $2",
        "UPDATE person_ledger SET merged_into = $1, body = '' WHERE person_id = $2",
    ] {
        tx.execute(sql, &[surviving, merged]).await?;
    }
    save_ledger(tx, surviving, &ledger).await
}

/// Gives a person that was merged away back what was recorded under their ids. Answers the slots of destroyed keys.
pub(super) async fn split(
    tx: &Transaction<'_, '_>,
    person: &str,
    split: &str,
    ids: &[String],
) -> Result<Vec<u64>, StorageError> {
    tx.execute("UPDATE person_ledger SET merged_into = NULL WHERE person_id = $1", &[&split]).await?;
    let both = BTreeSet::from([person.to_owned(), split.to_owned()]);
    let (resolved, mut ledgers) = lock_persons(tx, both).await?;
    let from = resolved.get(person).map_or(person, String::as_str);
    if from == split {
        return Ok(Vec::new());
    }
    let sql = "UPDATE person_ledger SET merged_into = $1 WHERE merged_into = $2 AND person_id = ANY($3)";
    tx.execute(sql, &[&split, &from, &ids]).await?;
    let sql = "UPDATE contact AS c SET person_id = $1, origin = CASE origin WHEN $1 THEN '' ELSE origin END \
               WHERE person_id = $2 AND (origin = $1 OR origin <> '' AND origin = ANY($3)) AND NOT EXISTS \
               (SELECT FROM contact AS s WHERE s.person_id = $1 AND s.contact_id = c.contact_id)";
    if tx.execute(sql, &[&split, &from, &ids]).await? > 0 {
        // Both are read from the history again.
        for person in [from, split] {
            let mut ledger = ledgers.remove(person).unwrap_or_default();
            ledger.forget_entries();
            save_ledger(tx, person, &ledger).await?;
        }
    }
    seal::renew(tx, [from, split], ids).await
}

/// Answers the slots of destroyed keys.
pub(super) async fn erase(tx: &Transaction<'_, '_>, persons: &[String]) -> Result<Vec<u64>, StorageError> {
    let sql = "SELECT body FROM person_ledger WHERE person_id = ANY($1) ORDER BY person_id FOR UPDATE";
    let mut changes = Changes::default();
    for row in tx.query(sql, &[&persons]).await? {
        book::forget(ledger_of(&row)?, &mut changes);
    }
    lock_counters(tx, &changes.counters.keys().cloned().collect()).await?;
    add_counters(tx, &changes.counters).await?;
    let sql = "SELECT person_id FROM person_ledger WHERE merged_into = ANY($1)";
    let mut gone = tx.query(sql, &[&persons]).await?.iter().map(|row| row.try_get(0)).collect::<Result<Vec<_>, _>>()?;
    gone.extend_from_slice(persons);
    for sql in [
        "DELETE FROM capacity_hold WHERE person_id = ANY($1)",
        "DELETE FROM admission_request WHERE person_id = ANY($1)",
        "DELETE FROM contact WHERE person_id = ANY($1)",
        "DELETE FROM person_ledger WHERE person_id = ANY($1) OR merged_into = ANY($1)",
    ] {
        tx.execute(sql, &[&persons]).await?;
    }
    tx.vault().shred(tx, &gone.iter().map(String::as_bytes).collect::<Vec<_>>()).await
}

pub(super) async fn expire(
    tx: &Transaction<'_, '_>,
    person: &str,
    reservation: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let (person, mut ledger) = lock_person(tx, person).await?;
    lock_counters(tx, &held(&ledger, |open| open.expire_time <= now)).await?;
    let mut changes = Changes::default();
    let before = ledger.reservations.len();
    book::expire(&mut ledger, now, &mut changes);
    if ledger.reservations.len() != before {
        save_ledger(tx, &person, &ledger).await?;
        save_changes(tx, &person, &changes).await?;
    }
    tx.execute("DELETE FROM capacity_hold WHERE reservation_id = $1", &[&reservation]).await.map(|_| ())
}
