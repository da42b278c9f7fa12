//! Leads of people's channels.

use async_trait::async_trait;
use attune_storage::Transaction;
use attune_storage::postgres::{Client, Row};

use super::{Relational, inbox, limit, seal};
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
    let persons: Vec<&str> = leads.iter().map(|lead| lead.person_id.as_str()).collect();
    let records = seal::leads(tx, leads).await?;
    let sql = "
        INSERT INTO lead (lead_id, channel, revision, record, person_id)
        SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[], $5::text[]) ON CONFLICT DO NOTHING";
    tx.execute(sql, &[&ids, &channels, &revisions, &records, &persons]).await?;
    Ok(())
}

impl Relational {
    /// Leads of rows that hold id and record.
    async fn read(&self, client: &Client, rows: &[Row]) -> Result<Vec<Lead>, Error> {
        let stored =
            rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<Vec<_>, Error>>()?;
        seal::read(self.postgres.vault(), client, seal::LEAD, &stored).await
    }
}

#[async_trait]
impl Leads for Relational {
    async fn get(&self, lead_id: &str) -> Result<Option<Lead>, Error> {
        let client = self.postgres.client().await?;
        let rows = client.query("SELECT lead_id, record FROM lead WHERE lead_id = $1", &[&lead_id]).await?;
        Ok(self.read(&client, &rows).await?.pop())
    }

    async fn list(&self, channel: Option<&str>, after: Option<&str>, most: usize) -> Result<Vec<Lead>, Error> {
        let sql = "
            SELECT lead_id, record FROM lead WHERE ($1::text IS NULL OR channel = $1) AND lead_id > $2
            ORDER BY lead_id LIMIT $3";
        let client = self.postgres.client().await?;
        let rows = client.query(sql, &[&channel, &after.unwrap_or_default(), &limit(most)]).await?;
        self.read(&client, &rows).await
    }

    async fn of_persons(&self, person_ids: &[String]) -> Result<Vec<Lead>, Error> {
        let client = self.postgres.client().await?;
        let sql = "SELECT lead_id, record FROM lead WHERE person_id = ANY($1) ORDER BY lead_id";
        let rows = client.query(sql, &[&person_ids]).await?;
        self.read(&client, &rows).await
    }

    async fn replace(&self, lead: Lead, event: Option<InboxEvent>) -> Result<(), Error> {
        let (lead, event) = (&lead, event.as_slice());
        self.postgres
            .transact(|tx| {
                Box::pin(async move {
                    let revision = lead.revision.cast_signed();
                    let sql = "UPDATE lead SET record = $2, revision = $3::bigint WHERE lead_id = $1 AND revision = $3::bigint - 1";
                    let record = seal::leads(tx, std::slice::from_ref(lead)).await?;
                    if tx.execute(sql, &[&lead.lead_id, &record[0], &revision]).await? == 0 {
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
