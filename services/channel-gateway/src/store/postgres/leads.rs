//! Leads of people's channels.

use async_trait::async_trait;
use attune_storage::Transaction;

use super::{Relational, inbox, limit};
use crate::domain::record::{InboxEvent, Lead};
use crate::error::Error;
use crate::store::Leads;

/// Stores leads that do not exist yet; those that do are left as they are.
pub(super) async fn insert(tx: &Transaction<'_, '_>, leads: &[Lead]) -> Result<(), Error> {
    if leads.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = leads.iter().map(|lead| lead.lead_id.as_str()).collect();
    let channels: Vec<&str> = leads.iter().map(|lead| lead.channel.as_str()).collect();
    let revisions: Vec<i64> = leads.iter().map(|lead| lead.revision.cast_signed()).collect();
    let records: Vec<Vec<u8>> = leads.iter().map(serde_json::to_vec).collect::<Result<_, _>>()?;
    let sql = "
        INSERT INTO lead (lead_id, channel, revision, record)
        SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[]) ON CONFLICT DO NOTHING";
    tx.execute(sql, &[&ids, &channels, &revisions, &records]).await?;
    Ok(())
}

#[async_trait]
impl Leads for Relational {
    async fn get(&self, lead_id: &str) -> Result<Option<Lead>, Error> {
        let client = self.postgres.client().await?;
        let row = client.query_opt("SELECT record FROM lead WHERE lead_id = $1", &[&lead_id]).await?;
        row.map(|row| Ok(serde_json::from_slice(row.try_get(0)?)?)).transpose()
    }

    async fn list(&self, channel: Option<&str>, after: Option<&str>, most: usize) -> Result<Vec<Lead>, Error> {
        let sql = "
            SELECT record FROM lead WHERE ($1::text IS NULL OR channel = $1) AND lead_id > $2
            ORDER BY lead_id LIMIT $3";
        let client = self.postgres.client().await?;
        let rows = client.query(sql, &[&channel, &after.unwrap_or_default(), &limit(most)]).await?;
        rows.iter().map(|row| Ok(serde_json::from_slice(row.try_get(0)?)?)).collect()
    }

    async fn replace(&self, lead: Lead, event: Option<InboxEvent>) -> Result<(), Error> {
        let record = serde_json::to_vec(&lead)?;
        let (lead, record, event) = (&lead, &record, event.as_slice());
        self.postgres
            .transact(|tx| {
                Box::pin(async move {
                    let revision = lead.revision.cast_signed();
                    let sql = "UPDATE lead SET record = $2, revision = $3::bigint WHERE lead_id = $1 AND revision = $3::bigint - 1";
                    if tx.execute(sql, &[&lead.lead_id, record, &revision]).await? == 0 {
                        let known = tx.query_opt("SELECT 1 FROM lead WHERE lead_id = $1", &[&lead.lead_id]).await?;
                        return Err(match known {
                            Some(_) => Error::Conflict,
                            None => Error::NotFound("lead", lead.lead_id.clone()),
                        });
                    }
                    if !event.is_empty() {
                        inbox::accept(tx, event).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}
