//! The audit trail, page by page.

use attune_kernel::{PersonId, Problem};
use attune_proto::identity::v1 as pb;
use attune_service_kit::crud::{PageToken, page_size};

use super::explain::message;
use super::{Identity, convert};
use crate::error::Error;

impl Identity {
    pub(super) async fn audit_entries(
        &self,
        request: pb::ListAuditEntriesRequest,
    ) -> Result<pb::ListAuditEntriesResponse, Problem> {
        let size = page_size(request.page_size)?;
        let subjects: Vec<[u8; 16]> = match (request.person_id.is_empty(), request.identifier) {
            (false, None) => {
                let person = self.person(convert::person_id("person_id", &request.person_id)?).await?;
                person.aliases.iter().copied().chain([person.id]).map(PersonId::to_bytes).collect()
            }
            (true, Some(identifier)) => {
                let identifiers = convert::identifiers(&self.rules, vec![identifier]);
                let identifiers = identifiers.map_err(|refusal| Error::from(refusal).at(""))?;
                identifiers.iter().map(|one| one.key.0).collect()
            }
            (true, None) => return Err(Problem::invalid_field("person_id", "must be given, or an identifier")),
            (false, Some(_)) => {
                return Err(Problem::invalid_field("identifier", "must be absent when person_id is given"));
            }
        };
        let of = format!("audit:{}:{:x?}", request.person_id, subjects.first());
        let below = match PageToken::decode(&of, &request.page_token)? {
            Some(token) => Some(
                token
                    .after
                    .parse::<u64>()
                    .map_err(|_| Problem::invalid_field("page_token", "is not a token of this list"))?,
            ),
            None => None,
        };
        let mut found = self.store.audit(&subjects, below, size + 1).await?;
        let more = found.len() > size;
        found.truncate(size);
        let next_page_token = found
            .last()
            .filter(|_| more)
            .map(|(number, _)| PageToken::encode(&of, &number.to_string()))
            .unwrap_or_default();
        let entries: Vec<_> = found.into_iter().map(|(_, entry)| entry).collect();
        let names = self.names(&[], &entries).await?;
        let entries = entries.into_iter().map(|entry| pb::AuditEntry {
            time: convert::time(entry.time),
            actor: entry.actor.clone(),
            evidence: Some(message(entry, &names)),
        });
        Ok(pb::ListAuditEntriesResponse { entries: entries.collect(), next_page_token })
    }
}
