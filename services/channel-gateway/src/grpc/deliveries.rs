//! Messages to deliver, and what is known of them.

use std::collections::HashMap;

use attune_kernel::{DecisionId, Problem};
use attune_proto::channel::v1 as pb;
use attune_service_kit::crud::{PageToken, page_size};
use sha2::{Digest as _, Sha256};

use super::{Gateway, convert};
use crate::conductor::event::{Own, own};
use crate::conductor::{persons, segments, triggers};
use crate::domain::record::Delivery;
use crate::error::Error;

impl Gateway {
    pub(super) async fn send_one(&self, message: pb::SendRequest) -> Result<pb::SendResponse, Problem> {
        let now = self.clock.now();
        let request = convert::request(message, &self.default_purpose)?;
        self.directory.check(&request.channel, &request.message_id, request.variables.expose()).await?;
        let id = DecisionId::from_parts(now, self.ids.entropy()).to_string();
        let answers = self.store.outbox.enqueue(vec![Delivery::queued(id, request, now)]).await?;
        let (delivery_id, duplicate) =
            answers.into_iter().next().ok_or_else(|| Problem::internal("the outbox answered nothing"))?;
        if !duplicate {
            self.outbox_bell.notify_one();
        }
        Ok(pb::SendResponse { delivery_id, duplicate })
    }

    pub(super) async fn delivery(&self, id: &str) -> Result<Delivery, Problem> {
        let found = self.store.outbox.get(id).await?;
        found.ok_or_else(|| Error::NotFound("delivery", id.to_owned()).into())
    }

    pub(super) async fn deliveries(
        &self,
        message: pb::ListDeliveriesRequest,
    ) -> Result<pb::ListDeliveriesResponse, Problem> {
        let size = page_size(message.page_size)?;
        let list = format!("delivery:{}:{}", message.state, message.person_ids.join(","));
        let list = match message.person_ids.is_empty() {
            true => format!("delivery:{}", message.state),
            // Many ids would make a long token.
            false => format!("delivery:{:x}", Sha256::digest(list)),
        };
        let after = PageToken::decode(&list, &message.page_token)?.map(|token| token.after);
        // One more than asked for tells whether there is a next page.
        let mut found = self.listed(&message, after, size + 1).await?;
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more);
        let next_page_token = last.map(|last| PageToken::encode(&list, &last.delivery_id)).unwrap_or_default();
        Ok(pb::ListDeliveriesResponse {
            deliveries: found.into_iter().map(convert::delivery).collect(),
            next_page_token,
        })
    }

    async fn listed(
        &self,
        message: &pb::ListDeliveriesRequest,
        mut after: Option<String>,
        most: usize,
    ) -> Result<Vec<Delivery>, Problem> {
        let (outbox, state) = (&self.store.outbox, convert::state(message.state()));
        if message.person_ids.is_empty() {
            return Ok(outbox.list(state, after.as_deref(), most).await?);
        }
        let mut found = Vec::new();
        loop {
            let page = outbox.of_persons(&message.person_ids, after.as_deref(), most).await?;
            let is_last = page.len() < most;
            after = page.last().map(|delivery| delivery.delivery_id.clone());
            found.extend(page.into_iter().filter(|delivery| state.is_none_or(|state| delivery.state == state)));
            if is_last || found.len() >= most {
                found.truncate(most);
                return Ok(found);
            }
        }
    }

    /// Keeps a receipt. What it says of the person becomes an event first, so that a crash between the two loses nothing:
    /// the repeat brings both again, and both are known by their ids.
    pub(super) async fn receive(&self, delivery_id: &str, wire: pb::Receipt) -> Result<bool, Problem> {
        let now = self.clock.now();
        let receipt = convert::receipt(wire, now)?;
        let delivery = self.delivery(delivery_id).await?;
        let request = &delivery.request;
        if request.person_id.is_empty() {
            // Its person was erased: what the provider says of them is not kept.
            return Ok(false);
        }
        let name = match receipt.kind.as_str() {
            "opened" if !request.offer_id.is_empty() => Some("attune.impression"),
            "clicked" if !request.offer_id.is_empty() => Some("attune.click"),
            "opened" => Some("message_opened"),
            "clicked" => Some("message_clicked"),
            "bounced" => Some("message_bounced"),
            "complained" => Some("message_complained"),
            _ => None,
        };
        if let Some(name) = name {
            let digest =
                Sha256::new_with_prefix(delivery_id).chain_update([0]).chain_update(&receipt.receipt_id).finalize();
            let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            let event = own(Own {
                event_id: format!("receipt-{digest}"),
                name,
                person_id: &request.person_id,
                time: receipt.time,
                channel: &request.channel,
                texts: &[
                    ("offer_id", &request.offer_id),
                    ("decision_id", &request.decision_id),
                    ("delivery_id", delivery_id),
                ],
                value: None,
                received: now,
            });
            self.store.inbox.accept(vec![event]).await?;
            self.inbox_bell.notify_one();
        }
        Ok(self.store.outbox.receipt(delivery_id, receipt).await?)
    }

    pub(super) async fn pipeline(&self) -> Result<pb::GetPipelineResponse, Problem> {
        let inbox = self.store.inbox.counts().await?;
        let outbox = self.store.outbox.counts().await?;
        let mut cursors = HashMap::new();
        for feed in [persons::CURSOR, segments::CURSOR, triggers::CURSOR] {
            cursors.insert(feed.to_owned(), self.store.inbox.cursor(feed).await?.cast_signed());
        }
        let now = self.clock.now();
        let counts = |of: std::collections::BTreeMap<String, u64>| {
            of.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| (name, count.cast_signed())).collect()
        };
        Ok(pb::GetPipelineResponse {
            inbox_pending: inbox.pending.cast_signed(),
            inbox_done: inbox.done.cast_signed(),
            inbox_quarantined: inbox.quarantined.cast_signed(),
            inbox_oldest_seconds: inbox.oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64()),
            deliveries: counts(outbox.states),
            suppressed: counts(outbox.suppressed),
            cursors,
            attempts: outbox.attempts.cast_signed(),
        })
    }
}
