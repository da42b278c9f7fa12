//! Triggers to decision and then to the outbox; changes of stage to profile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use attune_kernel::{DecisionId, Personal, Problem};
use attune_proto::journey::v1::journey_change::Change;
use attune_proto::journey::v1::{JourneyChange, Trigger};
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::server::Stop;
use futures::StreamExt as _;
use tokio::sync::Notify;

use super::{complain, pause};
use crate::clients::wire::json_object;
use crate::clients::{Callees, is_passing};
use crate::domain::record::{Delivery, Request};
use crate::metrics::Metrics;
use crate::store::{Inbox, Outbox};

/// The name by which journey keeps the acknowledgement, and of the cursor that people see.
pub(crate) const CONSUMER: &str = "channel-gateway";
/// The name of the cursor.
pub(crate) const CURSOR: &str = "triggers";
/// Persons whose entries are worked on at the same time.
const CONCURRENT: usize = 16;

/// What the relay needs.
#[derive(Clone)]
pub(crate) struct TriggerRelay {
    /// The cursor's store.
    pub inbox: Arc<dyn Inbox>,
    /// Where messages go.
    pub outbox: Arc<dyn Outbox>,
    /// Whom it calls.
    pub callees: Callees,
    /// Business time.
    pub clock: Clock,
    /// Ids of deliveries.
    pub ids: IdSource,
    /// The purpose of an offer that names none.
    pub default_purpose: String,
    /// Instruments.
    pub metrics: Metrics,
    /// Rung when a delivery is queued.
    pub bell: Arc<Notify>,
}

impl TriggerRelay {
    /// Works until told to stop.
    ///
    /// # Errors
    /// Never: what fails is tried again after a pause.
    pub(crate) async fn run(self, stop: Stop) -> Result<(), Problem> {
        while !stop.is_cancelled() {
            let outcome = tokio::select! {
                () = stop.cancelled() => break,
                outcome = self.follow() => outcome,
            };
            if let Err(problem) = outcome {
                complain(CURSOR, &problem);
                self.metrics.relay_failed(CURSOR);
                if !pause(&stop, Duration::from_millis(300)).await {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Follows the feed until it breaks.
    async fn follow(&self) -> Result<(), Problem> {
        let mut feed = self.callees.triggers(CONSUMER).await?;
        while let Some(changes) = feed.next().await? {
            // The entries of one person stay in order; those of different persons need not.
            let (count, last) = (changes.len(), changes.last().map(|change| change.offset));
            let mut persons: BTreeMap<String, Vec<JourneyChange>> = BTreeMap::new();
            for change in changes {
                persons.entry(change.person_id.clone()).or_default().push(change);
            }
            let persons: Vec<Result<(), Problem>> =
                futures::stream::iter(persons.into_values().map(|changes| self.person(changes)))
                    .buffer_unordered(CONCURRENT)
                    .collect()
                    .await;
            persons.into_iter().collect::<Result<(), Problem>>()?;
            if let Some(last) = last {
                self.callees.ack_triggers(CONSUMER, last).await?;
                self.inbox.advance(CURSOR, u64::try_from(last).unwrap_or_default()).await?;
                self.metrics.relayed(CURSOR, count);
            }
        }
        // A feed that ends without an error was closed by a server that goes away.
        Err(Problem::dependency("journey-pathing", "the trigger stream ended"))
    }

    /// The entries of one person, in order.
    async fn person(&self, changes: Vec<JourneyChange>) -> Result<(), Problem> {
        for change in changes {
            match self.one(&change).await {
                Ok(()) => {}
                Err(problem) if is_passing(&problem) => return Err(problem),
                // A trigger whose placement is gone must not hold up the others.
                Err(problem) => {
                    let (offset, reason) = (change.offset, problem.reason);
                    tracing::warn!(offset, reason, message = %problem.message, "trigger led nowhere");
                    self.metrics.relay_failed(CURSOR);
                }
            }
        }
        Ok(())
    }

    async fn one(&self, change: &JourneyChange) -> Result<(), Problem> {
        match &change.change {
            Some(Change::Trigger(trigger)) if !trigger.placement.is_empty() => self.send(change, trigger).await,
            Some(Change::StageChange(stage)) => {
                let name = format!("journey.{}", stage.journey_id);
                let request_id = format!("stage-{}", change.offset);
                self.callees.set_attribute(&change.person_id, &name, &stage.to_stage, request_id).await
            }
            _ => Ok(()),
        }
    }

    /// Asks what to say and queues it. Both are keyed by the trigger, so a repeat changes nothing.
    async fn send(&self, change: &JourneyChange, trigger: &Trigger) -> Result<(), Problem> {
        let key = format!("trigger:{}", trigger.trigger_id);
        let chosen = self.callees.decide(key.clone(), &change.person_id, &trigger.placement).await?;
        let Some(chosen) = chosen else { return Ok(()) };
        let now = self.clock.now();
        let variables = json_object(chosen.content).to_string();
        let purpose = if chosen.purpose.is_empty() { self.default_purpose.clone() } else { chosen.purpose };
        let request = Request {
            request_id: key,
            person_id: chosen.person_id,
            channel: chosen.channel,
            message_id: chosen.message_id,
            variables: Personal::new(variables),
            decision_id: chosen.decision_id,
            offer_id: chosen.offer_id,
            campaign_id: String::new(),
            purpose,
            not_before: None,
            expires: None,
        };
        let delivery = Delivery::queued(DecisionId::from_parts(now, self.ids.entropy()).to_string(), request, now);
        self.outbox.enqueue(vec![delivery]).await?;
        self.bell.notify_one();
        Ok(())
    }
}
