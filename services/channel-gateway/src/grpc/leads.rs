//! Leads: tasks for people at a counter or telephone.

use std::time::Duration;

use attune_kernel::{Problem, Timestamp};
use attune_proto::channel::v1 as pb;
use attune_service_kit::crud::{PageToken, page_size};

use super::{Gateway, convert};
use crate::conductor::event::{Own, own};
use crate::domain::record::{InboxEvent, Lead};
use crate::error::Error;

/// How long a claim holds that names no time.
const CLAIM: Duration = Duration::from_secs(900);
/// How often a change starts again when another one came between.
const TRIES: usize = 5;

impl Gateway {
    pub(super) async fn leads(&self, message: pb::ListLeadsRequest) -> Result<pb::ListLeadsResponse, Problem> {
        let (size, now) = (page_size(message.page_size)?, self.clock.now());
        let list = format!("lead:{}:{}", message.state, message.channel);
        let mut after = PageToken::decode(&list, &message.page_token)?.map(|token| token.after);
        let of_persons = !message.person_ids.is_empty();
        let wanted = match message.state() {
            pb::LeadState::Unspecified if of_persons => None,
            pb::LeadState::Unspecified => Some(pb::LeadState::Open),
            state => Some(state),
        };
        let is_wanted = |lead: &Lead| wanted.is_none_or(|state| convert::lead_state(lead, now) == state);
        let channel = Some(message.channel.as_str()).filter(|channel| !channel.is_empty());
        let mut found: Vec<Lead> = Vec::new();
        // The state depends on the time, so the store cannot choose by it; one more than asked for tells of a next page.
        if of_persons {
            let all = self.store.leads.of_persons(&message.person_ids).await?;
            let later = |lead: &Lead| after.as_ref().is_none_or(|after| lead.lead_id > *after);
            let wanted = |lead: &Lead| later(lead) && is_wanted(lead) && channel.is_none_or(|one| lead.channel == one);
            found.extend(all.into_iter().filter(wanted));
            found.sort_by(|a, b| a.lead_id.cmp(&b.lead_id));
        }
        while !of_persons && found.len() <= size {
            let page = self.store.leads.list(channel, after.as_deref(), size + 1).await?;
            let last = page.len() <= size;
            after = page.last().map(|lead| lead.lead_id.clone());
            found.extend(page.into_iter().filter(is_wanted));
            if last {
                break;
            }
        }
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more);
        let next_page_token = last.map(|last| PageToken::encode(&list, &last.lead_id)).unwrap_or_default();
        Ok(pb::ListLeadsResponse {
            leads: found.into_iter().map(|lead| convert::lead(lead, now)).collect(),
            next_page_token,
        })
    }

    /// Takes a lead for a time. Who has it already gets it for longer.
    pub(super) async fn claim(&self, message: pb::ClaimLeadRequest) -> Result<pb::Lead, Problem> {
        let seconds = u64::try_from(message.lease_seconds).unwrap_or_default();
        let holds = if seconds == 0 { CLAIM } else { Duration::from_secs(seconds) };
        self.change(&message.lead_id, |lead, now| {
            match convert::lead_state(lead, now) {
                pb::LeadState::Closed => return Err(Error::LeadClosed),
                pb::LeadState::Claimed if lead.agent != message.agent => return Err(Error::LeadClaimed),
                _ => {}
            }
            lead.agent.clone_from(&message.agent);
            lead.claimed_until = Some(now.plus(holds));
            Ok(Outcome::Changed(None))
        })
        .await
    }

    /// Ends a lead. Its outcome is an event in the same commit: `accepted` and `declined` answer the decision.
    pub(super) async fn close(&self, message: pb::CloseLeadRequest) -> Result<pb::Lead, Problem> {
        if !message.value.is_finite() {
            return Err(Problem::invalid_field("value", "must be a finite number"));
        }
        let closed = self
            .change(&message.lead_id, |lead, now| {
                if lead.outcome == message.outcome && lead.agent == message.agent {
                    return Ok(Outcome::Known);
                }
                match convert::lead_state(lead, now) {
                    pb::LeadState::Closed => return Err(Error::LeadClosed),
                    pb::LeadState::Claimed if lead.agent == message.agent => {}
                    _ => return Err(Error::LeadNotHeld),
                }
                lead.outcome.clone_from(&message.outcome);
                lead.claimed_until = None;
                Ok(Outcome::Changed(Some(answer(lead, message.value, now))))
            })
            .await?;
        self.inbox_bell.notify_one();
        Ok(closed)
    }

    async fn change(
        &self,
        id: &str,
        change: impl Fn(&mut Lead, Timestamp) -> Result<Outcome, Error>,
    ) -> Result<pb::Lead, Problem> {
        let now = self.clock.now();
        for _ in 0..TRIES {
            let found = self.store.leads.get(id).await?;
            let mut lead = found.ok_or_else(|| Error::NotFound("lead", id.to_owned()))?;
            let event = match change(&mut lead, now)? {
                Outcome::Known => return Ok(convert::lead(lead, now)),
                Outcome::Changed(event) => event,
            };
            lead.revision += 1;
            match self.store.leads.replace(lead.clone(), event).await {
                Ok(()) => return Ok(convert::lead(lead, now)),
                // Somebody else changed it meanwhile: what they made of it decides.
                Err(Error::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Conflict.into())
    }
}

/// What a change made of a lead.
enum Outcome {
    /// Nothing: it is so already.
    Known,
    /// Something, with an event to tell the others.
    Changed(Option<InboxEvent>),
}

fn answer(lead: &Lead, value: f64, now: Timestamp) -> InboxEvent {
    let name = match lead.outcome.as_str() {
        // A response names its offer; a lead about none is just an event.
        "accepted" if !lead.offer_id.is_empty() => "attune.accept",
        "declined" if !lead.offer_id.is_empty() => "attune.dismiss",
        _ => "lead_closed",
    };
    own(Own {
        event_id: format!("lead-{}", lead.lead_id),
        name,
        person_id: &lead.person_id,
        time: now,
        channel: &lead.channel,
        texts: &[
            ("offer_id", &lead.offer_id),
            ("decision_id", &lead.decision_id),
            ("lead_id", &lead.lead_id),
            ("outcome", &lead.outcome),
        ],
        value: Some(value),
        received: now,
    })
}
