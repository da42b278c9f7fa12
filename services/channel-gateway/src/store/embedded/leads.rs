//! Leads of people's channels.

use std::ops::ControlFlow;

use async_trait::async_trait;
use attune_storage::key::key;
use attune_storage::{Scan, Space, Tx};

use super::{Embedded, ids_of, inbox, last_part};
use crate::domain::record::{InboxEvent, Lead};
use crate::error::Error;
use crate::store::Leads;

fn lead_key(id: &str) -> Vec<u8> {
    key().str("ld").str(id).build()
}

/// Stores a lead that does not exist yet; one that does is left as it is.
pub(super) fn insert(tx: &mut Tx, space: &Space, lead: &Lead) -> Result<(), Error> {
    if tx.get(space, lead_key(&lead.lead_id))?.is_none() {
        put(tx, space, lead)?;
        tx.put(space, key().str("lp").str(&lead.person_id).str(&lead.lead_id).build(), Vec::new())?;
    }
    Ok(())
}

fn put(tx: &mut Tx, space: &Space, lead: &Lead) -> Result<(), Error> {
    Ok(tx.put_for(space, lead.person_id.as_bytes(), lead_key(&lead.lead_id), serde_json::to_vec(lead)?)?)
}

/// Removes the leads of a person and answers how many there were.
pub(super) fn erase(tx: &mut Tx, space: &Space, person: &str) -> Result<u64, Error> {
    let ids = ids_of(tx, space, "lp", person)?;
    for id in &ids {
        tx.delete(space, lead_key(id))?;
        tx.delete(space, key().str("lp").str(person).str(id).build())?;
    }
    Ok(ids.len() as u64)
}

#[async_trait]
impl Leads for Embedded {
    async fn get(&self, lead_id: &str) -> Result<Option<Lead>, Error> {
        Ok(self
            .reader()
            .get(&self.space, lead_key(lead_id))?
            .map(|value| serde_json::from_slice(&value))
            .transpose()?)
    }

    async fn list(&self, channel: Option<&str>, after: Option<&str>, limit: usize) -> Result<Vec<Lead>, Error> {
        let mut scan = Scan::prefix(key().str("ld").build());
        if let Some(after) = after {
            scan = scan.above(lead_key(after));
        }
        let mut out: Vec<Lead> = Vec::new();
        let mut failed = None;
        self.reader().visit(&self.space, &scan, |_, value| match serde_json::from_slice::<Lead>(&value) {
            Ok(lead) => {
                if channel.is_none_or(|channel| channel == lead.channel) {
                    out.push(lead);
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

    async fn of_persons(&self, person_ids: &[String]) -> Result<Vec<Lead>, Error> {
        let reader = self.reader();
        let mut out = Vec::new();
        for person in person_ids {
            for (at, _) in reader.scan(&self.space, &Scan::prefix(key().str("lp").str(person).build()))? {
                if let Some(value) = reader.get(&self.space, lead_key(&last_part(&at)?))? {
                    out.push(serde_json::from_slice(&value)?);
                }
            }
        }
        Ok(out)
    }

    async fn replace(&self, lead: Lead, event: Option<InboxEvent>) -> Result<(), Error> {
        let space = self.space.clone();
        self.engine
            .write(move |tx| {
                let known: Lead = tx
                    .get(&space, lead_key(&lead.lead_id))?
                    .map(|value| serde_json::from_slice(&value))
                    .transpose()?
                    .ok_or_else(|| Error::NotFound("lead", lead.lead_id.clone()))?;
                if known.revision + 1 != lead.revision {
                    return Err(Error::Conflict);
                }
                put(tx, &space, &lead)?;
                if let Some(event) = event {
                    inbox::accept(tx, &space, &[event])?;
                }
                Ok(())
            })
            .await
    }
}
