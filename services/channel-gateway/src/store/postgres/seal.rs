//! What is said of persons is sealed: deliveries and leads with the keys of their persons, events that wait with one key.

use attune_kernel::Personal;
use attune_storage::Transaction;
use attune_storage::vault::{Ask, Column, PgVault, Plain, Sealed};
use serde::de::DeserializeOwned;

use crate::domain::record::{Delivery, InboxEvent, Lead};
use crate::error::Error;
use crate::store::{TRANSIT, hashed};

/// Names of the tables in what is bound to a sealed value.
pub(super) const DELIVERY: &str = "delivery";
pub(super) const LEAD: &str = "lead";
/// Also of events that were set aside: they move without being sealed anew.
const INBOX: &str = "inbox";

/// Records as they are stored, each with its id and person; one of nobody is not sealed.
async fn records(
    tx: &Transaction<'_, '_>,
    table: &str,
    records: &[(&str, &str, Vec<u8>)],
) -> Result<Vec<Vec<u8>>, Error> {
    let plain =
        records.iter().map(|(id, person, value)| Plain { subject: person.as_bytes(), row: id.as_bytes(), value });
    Ok(tx.vault().seal_rows(tx, table, &plain.collect::<Vec<_>>()).await?)
}

/// Deliveries as they are stored.
pub(super) async fn deliveries(tx: &Transaction<'_, '_>, deliveries: &[Delivery]) -> Result<Vec<Vec<u8>>, Error> {
    let encoded = deliveries
        .iter()
        .map(|one| Ok((one.delivery_id.as_str(), one.request.person_id.as_str(), serde_json::to_vec(one)?)))
        .collect::<Result<Vec<_>, Error>>()?;
    records(tx, DELIVERY, &encoded).await
}

/// Leads as they are stored.
pub(super) async fn leads(tx: &Transaction<'_, '_>, leads: &[Lead]) -> Result<Vec<Vec<u8>>, Error> {
    let encoded = leads
        .iter()
        .map(|one| Ok((one.lead_id.as_str(), one.person_id.as_str(), serde_json::to_vec(one)?)))
        .collect::<Result<Vec<_>, Error>>()?;
    records(tx, LEAD, &encoded).await
}

/// Stored records, by id; those whose key was destroyed are left out.
pub(super) async fn read<T: DeserializeOwned>(
    vault: &PgVault,
    from: &impl Ask,
    table: &str,
    stored: &[(&str, &[u8])],
) -> Result<Vec<T>, Error> {
    let sealed: Vec<Sealed<'_>> = stored.iter().map(|(id, value)| Sealed { row: id.as_bytes(), value }).collect();
    let opened = vault.open_rows(from, table, &sealed).await?;
    opened.into_iter().flatten().map(|record| Ok(serde_json::from_slice(&record)?)).collect()
}

/// Events as they are stored, each under the hash of its id.
pub(super) async fn events(
    tx: &Transaction<'_, '_>,
    events: &[InboxEvent],
) -> Result<(Vec<Vec<u8>>, Vec<Vec<u8>>), Error> {
    let ids: Vec<Vec<u8>> = events.iter().map(|event| hashed(&event.event_id)).collect();
    let values: Vec<Vec<u8>> = events
        .iter()
        .map(|event| {
            let id = event.event_id.as_bytes();
            let length = u32::try_from(id.len()).unwrap_or(u32::MAX).to_be_bytes();
            [&length, id, event.body.expose()].concat()
        })
        .collect();
    let rows = ids.iter().zip(&values).map(|(row, value)| Plain { subject: TRANSIT, row, value });
    let sealed = tx.vault().seal_rows(tx, INBOX, &rows.collect::<Vec<_>>()).await?;
    Ok((ids, sealed))
}

/// Ids and bodies of stored events; none where the key was destroyed.
pub(super) async fn opened(
    vault: &PgVault,
    from: &impl Ask,
    stored: &[Sealed<'_>],
) -> Result<Vec<Option<(String, Personal<Vec<u8>>)>>, Error> {
    let corrupt = || Error::Corrupt("an event of the inbox".to_owned());
    let parts = |value: Vec<u8>| {
        let (length, rest) = value.split_first_chunk::<4>().ok_or_else(corrupt)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| corrupt())?;
        let (id, body) = rest.split_at_checked(length).ok_or_else(corrupt)?;
        let id = String::from_utf8(id.to_vec()).map_err(|_| corrupt())?;
        Ok((id, Personal::new(body.to_vec())))
    };
    let values = vault.open_rows(from, INBOX, stored).await?;
    values.into_iter().map(|value| value.map(parts).transpose()).collect()
}

/// Destroys the keys of persons and gives the events that wait a new one. Answers the slots.
pub(super) async fn shred(tx: &Transaction<'_, '_>, persons: &[String]) -> Result<(Vec<u64>, Vec<u64>), Error> {
    let subjects: Vec<&[u8]> = persons.iter().map(String::as_bytes).collect();
    let column = |table| Column { table, bound: INBOX, row: "event_id", value: "body" };
    let transit = tx.vault().reseal(tx, TRANSIT, &[column("inbox"), column("quarantine")]).await?;
    Ok((tx.vault().shred(tx, &subjects).await?, transit))
}
