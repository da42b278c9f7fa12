//! Plays the bank's days against the suite, as its channels would: events through Collect, slots through Decide.

use std::time::Instant;

use attune_client::{Clients, DecisionClient};
use attune_kernel::Timestamp;
use attune_proto::channel::v1::CollectEvent;
use attune_proto::decision::v1::{CandidateStage, DecideRequest, DecideResponse, Subject};
use attune_proto::identity::v1::{Identifier, ResolveRequest};
use attune_proto::profile::v1::{Consent, SetConsentRequest};
use attune_service_kit::clock::Clock;
use futures::{StreamExt as _, TryStreamExt as _};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::measure::{Measure, Seen};
use super::setup::SLOT;
use super::traffic::{self, DAY, Happening};
use super::world::{self, Customer};
use crate::exit::Failure;
use crate::ingest::Ingest;
use crate::values::{timestamp, to_struct, to_value};

/// The first day: 2026-01-05T00:00:00Z, a Monday, in microseconds.
pub(crate) const FIRST_DAY: i64 = 1_767_571_200_000_000;
/// The suite's clock moves an hour at a time.
const TICK: i64 = 3_600_000_000;
/// Decisions under way at once, as from several web servers.
const CONCURRENT: usize = 16;

/// The state of a run.
pub(crate) struct Driver {
    clients: Clients,
    clock: Clock,
    pub(crate) ingest: Ingest,
    pub(crate) measure: Measure,
    responses: ChaCha8Rng,
    seed: u64,
}

impl Driver {
    pub(crate) fn new(clients: Clients, clock: Clock, seed: u64) -> Self {
        let ingest = Ingest::new(clients.channel.clone());
        // Another stream than the world's, so that a change of the traffic leaves the answers alone.
        let responses = ChaCha8Rng::seed_from_u64(seed ^ 0x5bd1_e995);
        Self { clients, clock, ingest, measure: Measure::default(), responses, seed }
    }

    /// Plays one day hour by hour.
    ///
    /// # Errors
    /// What a service answers.
    pub(crate) async fn play(&mut self, world: &[Customer], day: u32) -> Result<(), Failure> {
        let happenings = traffic::day(world, day, self.seed);
        let start = FIRST_DAY + i64::from(day) * DAY;
        let mut rest = happenings.as_slice();
        for tick in 1..=DAY / TICK {
            let split = rest.partition_point(|happening| happening.offset < tick * TICK);
            let (now, later) = rest.split_at(split);
            rest = later;
            self.decide(world, day, start, now).await?;
            for (index, happening) in now.iter().enumerate() {
                for (namespace, value) in &happening.identifiers {
                    self.measure.identifiers.insert((namespace, value.clone()), happening.customer);
                }
                let id = format!("d{day}-h{tick}-{index}");
                self.ingest.push(event(id, happening, start, happening.event, 0, happening.properties.clone())).await?;
            }
            self.ingest.drained().await?;
            if day == 0 && tick == 1 {
                self.consents(world, start).await?;
            }
            // Only now may time pass: every event of the hour is known, so no deadline passes for want of one.
            self.clock.set(Timestamp::from_micros(start + tick * TICK));
        }
        Ok(())
    }

    /// Records what the customers said about advertising when they opened their account: one in eight wants none.
    async fn consents(&self, world: &[Customer], start: i64) -> Result<(), Failure> {
        let said = |customer: &Customer| {
            let (mut identity, mut profile) = (self.clients.identity.clone(), self.clients.profile.clone());
            let granted = customer.index % 8 != 7;
            let identifier = Identifier { namespace: "customer_id".to_owned(), value: customer.customer_id.clone() };
            async move {
                let request =
                    ResolveRequest { identifiers: vec![identifier], read_only: true, ..ResolveRequest::default() };
                let person_id = identity.resolve(request).await?.into_inner().person_id;
                let consent = Consent {
                    purpose: "marketing".to_owned(),
                    granted,
                    time: Some(timestamp(start)),
                    source: "account opening".to_owned(),
                    ..Consent::default()
                };
                profile
                    .set_consent(SetConsentRequest { person_id, consent: Some(consent), ..Default::default() })
                    .await?;
                Ok::<(), Failure>(())
            }
        };
        let all: Vec<_> = world.iter().map(said).collect();
        futures::stream::iter(all).buffer_unordered(CONCURRENT).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    /// Fills the slots of an hour and reports what people did with them.
    async fn decide(&mut self, world: &[Customer], day: u32, start: i64, now: &[Happening]) -> Result<(), Failure> {
        let slots: Vec<&Happening> = now.iter().filter(|happening| happening.slot).collect();
        let decision = &self.clients.decision;
        let answers: Vec<(DecideResponse, u32)> =
            futures::stream::iter(slots.iter().map(|happening| ask(decision.clone(), happening)))
                .buffered(CONCURRENT)
                .try_collect()
                .await?;
        for (happening, (answer, micros)) in slots.into_iter().zip(answers) {
            self.respond(world, day, start, happening, &answer, micros).await?;
        }
        Ok(())
    }

    /// What the customer does with an answer, by the hidden model.
    async fn respond(
        &mut self,
        world: &[Customer],
        day: u32,
        start: i64,
        happening: &Happening,
        answer: &DecideResponse,
        micros: u32,
    ) -> Result<(), Failure> {
        self.measure.degraded += u64::from(!answer.degradations.is_empty());
        let customer = &world[happening.customer];
        let explanation = answer.explanation.clone().unwrap_or_default();
        let held = |stage: CandidateStage| matches!(stage, CandidateStage::ContactPolicy | CandidateStage::Consent);
        for stage in explanation.stages.iter().filter(|stage| held(stage.stage()) && !stage.rule.is_empty()) {
            *self.measure.held_back.entry(stage.rule.clone()).or_default() +=
                u64::try_from(stage.count).unwrap_or_default();
        }
        let Some(offer) = answer.offers.first() else {
            self.measure.empty += 1;
            return Ok(());
        };
        let eligible: Vec<f64> = explanation
            .candidates
            .iter()
            .filter(|candidate| matches!(candidate.stage(), CandidateStage::Outranked | CandidateStage::Offered))
            .map(|candidate| world::response_probability(customer, &candidate.offer_id))
            .collect();
        let chosen = world::response_probability(customer, &offer.offer_id);
        let responded = self.responses.random_bool(chosen);
        #[expect(clippy::cast_precision_loss, reason = "at most ten offers")]
        let random = eligible.iter().sum::<f64>() / eligible.len().max(1) as f64;
        self.measure.record(Seen {
            day,
            micros,
            control: offer.treatment == "control",
            responded,
            chosen,
            random,
            best: eligible.iter().copied().fold(0.0, f64::max),
        });
        let said = json!({"decision_id": answer.decision_id, "offer_id": offer.offer_id});
        for (after, name) in [(1, "attune.contact"), (2, "attune.impression"), (3, "attune.accept")] {
            if name != "attune.accept" || responded {
                let id = format!("{}-{after}", answer.decision_id);
                self.ingest.push(event(id, happening, start, name, after * 500_000, said.clone())).await?;
            }
        }
        Ok(())
    }
}

/// One call of Decide, and how long it took.
async fn ask(mut client: DecisionClient, happening: &Happening) -> Result<(DecideResponse, u32), Failure> {
    let identifiers = identifiers(happening);
    let request = DecideRequest {
        subject: Some(Subject { identifiers, ..Subject::default() }),
        placement: SLOT.to_owned(),
        context: [("channel".to_owned(), to_value(&Value::from(happening.channel)))].into_iter().collect(),
        explain: true,
        ..DecideRequest::default()
    };
    let began = Instant::now();
    let answer = client.decide(request).await?.into_inner();
    Ok((answer, u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX)))
}

fn identifiers(happening: &Happening) -> Vec<Identifier> {
    let one =
        |(namespace, value): &(&str, String)| Identifier { namespace: (*namespace).to_owned(), value: value.clone() };
    happening.identifiers.iter().map(one).collect()
}

fn event(id: String, happening: &Happening, start: i64, name: &str, after: i64, properties: Value) -> CollectEvent {
    CollectEvent {
        event_id: id,
        identifiers: identifiers(happening),
        event: name.to_owned(),
        time: Some(timestamp(start + happening.offset + after)),
        properties: Some(to_struct(&properties)),
        channel: happening.channel.to_owned(),
        session_id: happening.session.clone().unwrap_or_default(),
        source: "bank".to_owned(),
        ..CollectEvent::default()
    }
}
