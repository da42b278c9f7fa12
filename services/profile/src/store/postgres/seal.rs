//! What is said of persons is sealed with their keys: documents and events.

use attune_storage::Transaction;
use attune_storage::vault::{Ask, PgVault, Plain, Sealed, feed_subject};
use sha2::{Digest as _, Sha256};

use crate::domain::document::Document;
use crate::domain::event::Event;
use crate::error::Error;
use crate::store::{document, place};

/// Names of the tables in what is bound to a sealed value.
const DOCUMENT: &str = "document";
const EVENT: &str = "event";

/// The documents of stored bodies, by person; empty ones where there is none.
pub(super) async fn documents(
    vault: &PgVault,
    from: &impl Ask,
    stored: &[(&str, Option<&[u8]>)],
) -> Result<Vec<Document>, Error> {
    let there = stored.iter().filter_map(|(person, body)| Some((*person, body.filter(|body| !body.is_empty())?)));
    let sealed: Vec<Sealed<'_>> = there.map(|(person, value)| Sealed { row: person.as_bytes(), value }).collect();
    let mut opened = vault.open_rows(from, DOCUMENT, &sealed).await?.into_iter();
    let decoded = stored.iter().map(|(person, body)| match body {
        Some(body) if !body.is_empty() => match opened.next().flatten() {
            Some(body) => document::decode(person, &body),
            None => Ok(Document::empty(person)),
        },
        _ => Ok(Document::empty(person)),
    });
    decoded.collect()
}

/// The bodies of documents, sealed.
pub(super) async fn sealed_documents(tx: &Transaction<'_, '_>, documents: &[Document]) -> Result<Vec<Vec<u8>>, Error> {
    let bodies: Vec<Vec<u8>> = documents.iter().map(document::encode).collect();
    let rows = documents.iter().zip(&bodies);
    let rows = rows.map(|(one, value)| (one.person_id.as_bytes(), value.as_slice()));
    let rows: Vec<Plain<'_>> = rows.map(|(person, value)| Plain { subject: person, row: person, value }).collect();
    Ok(tx.vault().seal_rows(tx, DOCUMENT, &rows).await?)
}

/// The bodies of events, by the ids under which they are stored; none where the key was destroyed.
pub(super) async fn bodies(
    vault: &PgVault,
    from: &impl Ask,
    stored: &[(&str, &[u8])],
) -> Result<Vec<Option<Vec<u8>>>, Error> {
    let rows: Vec<Sealed<'_>> = stored.iter().map(|(id, value)| Sealed { row: id.as_bytes(), value }).collect();
    Ok(vault.open_rows(from, EVENT, &rows).await?)
}

/// The bodies of events, sealed for the persons with whom they lie. Bound to the event and not to the person: a merge moves
/// an event without sealing it anew.
pub(super) async fn events(tx: &Transaction<'_, '_>, events: &[Event], ids: &[String]) -> Result<Vec<Vec<u8>>, Error> {
    let rows = events.iter().zip(ids).map(|(event, id)| Plain {
        subject: event.person_id.as_bytes(),
        row: id.as_bytes(),
        value: event.body.expose(),
    });
    Ok(tx.vault().seal_rows(tx, EVENT, &rows.collect::<Vec<_>>()).await?)
}

/// Seals events of a person anew.
pub(super) async fn anew(tx: &Transaction<'_, '_>, person: &str, stored: &[Event]) -> Result<(), Error> {
    if stored.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = stored.iter().map(|event| place(event).2).collect();
    let bodies = events(tx, stored, &ids).await?;
    let sql = "UPDATE event SET body = new.body FROM unnest($2::text[], $3::bytea[]) AS new (id, body) \
               WHERE person_id = $1 AND event_id = new.id";
    tx.execute(sql, &[&person, &ids, &bodies]).await?;
    Ok(())
}

/// Destroys the keys of persons; what is written of them afterwards gets new ones. Answers the slots.
pub(super) async fn shred<'a>(
    tx: &Transaction<'_, '_>,
    persons: impl IntoIterator<Item = &'a String> + Send,
) -> Result<Vec<u64>, Error> {
    let subjects: Vec<&[u8]> = persons.into_iter().map(|person| person.as_bytes()).collect();
    Ok(tx.vault().shred(tx, &subjects).await?)
}

/// Destroys the keys of persons and of what feeds say of them. Answers the slots.
pub(super) async fn shred_all(tx: &Transaction<'_, '_>, persons: &[String]) -> Result<Vec<u64>, Error> {
    let feeds: Vec<Vec<u8>> = persons.iter().map(|person| feed_subject(person)).collect();
    let subjects: Vec<&[u8]> = persons.iter().map(String::as_bytes).chain(feeds.iter().map(Vec::as_slice)).collect();
    Ok(tx.vault().shred(tx, &subjects).await?)
}

/// A session as it is searched for: the name a source gave it may say something of a person.
pub(super) fn session(name: &str) -> String {
    if name.is_empty() {
        return String::new();
    }
    Sha256::digest(name)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
