//! Explain, Simulate and ReportOffers: reads of the log.

use std::collections::BTreeMap;

use attune_proto::decision::v1 as pb;
use attune_service_kit::crud::{PageToken, page_size};

use super::catalogue::View;
use super::{Decisions, answer, convert};
use crate::domain::draw::seed_within;
use crate::domain::policy::Treatment;
use crate::domain::report::Figures;
use crate::domain::response::Kind;
use crate::domain::simulate::{Logged, Simulation};
use crate::error::Error;
use crate::store::Answered;

/// Decisions read at a time.
const PAGE: usize = 500;
/// Persons read at a time.
const PERSONS: usize = 200;
/// Decisions of a simulation that names no number.
const DEFAULT_DECISIONS: usize = 10_000;

impl Decisions {
    pub(super) async fn explain_one(&self, request: pb::ExplainRequest) -> Result<pb::ExplainResponse, Error> {
        let id = convert::decision(&request.decision_id, "decision_id")?;
        self.journal.flush().await?;
        let found = self.store.decision(id).await?;
        let found = found.ok_or(Error::Unknown { kind: "decision", id: request.decision_id })?;
        let view = self.shelf.view.get().await?;
        Ok(told(found, &view))
    }

    pub(super) async fn decisions_of(
        &self,
        request: pb::ListDecisionsRequest,
    ) -> Result<pb::ListDecisionsResponse, Error> {
        let person = convert::person(&request.person_id, "person_id")?;
        let size = page_size(request.page_size)?;
        let list = format!("decision:{}", request.person_id);
        let after = match PageToken::decode(&list, &request.page_token)? {
            Some(token) => Some(convert::decision(&token.after, "page_token")?),
            None => None,
        };
        self.journal.flush().await?;
        // One more than asked for tells whether there is a next page.
        let mut found = self.store.of_person(person, after, size + 1).await?;
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more);
        let next_page_token =
            last.map(|last| PageToken::encode(&list, &last.decision.id.to_string())).unwrap_or_default();
        let view = self.shelf.view.get().await?;
        let decisions = found.into_iter().map(|one| told(one, &view)).collect();
        Ok(pb::ListDecisionsResponse { decisions, next_page_token })
    }

    pub(super) async fn simulate_policy(&self, request: pb::SimulateRequest) -> Result<pb::SimulateResponse, Error> {
        let span = convert::span(request.start_time, request.end_time)?;
        let policy = convert::policy(request.policy.unwrap_or_default());
        let reward = convert::kind(&request.reward).unwrap_or(policy.learn_from);
        let seed = request.seed.cast_unsigned();
        let asked = usize::try_from(request.max_decisions).unwrap_or(0);
        let mut left = if asked == 0 { DEFAULT_DECISIONS } else { asked };
        self.journal.flush().await?;
        let mut simulation = Simulation::default();
        let mut before = None;
        while left > 0 {
            let page = self.store.newest(span, before, left.min(PAGE)).await?;
            let Some(last) = page.last() else { break };
            before = Some((last.decision.time.as_micros(), last.decision.id));
            left -= page.len();
            for answered in page {
                if let Some(logged) = logged(answered, reward, seed) {
                    simulation.add(&logged, &policy);
                }
            }
            // Long replays take turns with everything else on this thread.
            tokio::task::yield_now().await;
        }
        let estimate = simulation.estimate(self.support);
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Ok(pb::SimulateResponse {
            decisions: whole(estimate.decisions),
            same_choice: whole(estimate.same_choice),
            logged_value: estimate.logged_value,
            estimated_value: estimate.estimated_value,
            half_width: estimate.half_width,
            effective_sample_size: estimate.effective_sample_size,
            sufficient_support: estimate.sufficient_support,
            choices: estimate.choices.into_iter().map(|(offer, count)| (offer, whole(count))).collect(),
        })
    }

    pub(super) async fn report(&self, request: pb::ReportOffersRequest) -> Result<pb::ReportOffersResponse, Error> {
        let span = convert::span(request.start_time, request.end_time)?;
        self.journal.flush().await?;
        let view = self.shelf.view.get().await?;
        let mut figures: BTreeMap<String, Figures> = BTreeMap::new();
        let mut after = None;
        loop {
            let page = self.store.histories(span, after, PERSONS).await?;
            for (offer, history) in page.entries {
                let window = view.catalogue.offer(&offer).and_then(|offer| offer.response_window);
                figures.entry(offer).or_default().add(history, window);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let offers = figures.into_iter().filter(|(_, figures)| !figures.is_empty()).map(offer_report);
        Ok(pb::ReportOffersResponse { offers: offers.collect() })
    }
}

fn logged(answered: Answered, reward: Kind, seed: u64) -> Option<Logged> {
    let decision = answered.decision;
    let arm = decision.arm.filter(|arm| *arm != Treatment::Fallback)?;
    let chosen = decision.offered.first()?;
    let first = decision.contenders.iter().position(|contender| contender.offer == chosen.offer)?;
    let rewarded = answered.responses.iter();
    let rewarded =
        rewarded.filter(|joined| *joined.offer == *chosen.offer).any(|joined| joined.kind.is_positive(reward));
    Some(Logged {
        first,
        probability: chosen.selection_probability,
        rewarded,
        seed: seed_within(seed, decision.id),
        policy: decision.policy,
        arm,
        contenders: decision.contenders,
    })
}

/// A decision as it is explained.
fn told(found: Answered, view: &View) -> pb::ExplainResponse {
    let joined = |joined: crate::store::Joined| pb::JoinedResponse {
        offer_id: joined.offer,
        kind: joined.kind.as_str().to_owned(),
        time: Some(convert::proto_time(joined.moment.time)),
        value: joined.value,
    };
    pb::ExplainResponse {
        decision: Some(answer::response(&found.decision, view, true)),
        time: Some(convert::proto_time(found.decision.time)),
        placement: found.decision.placement,
        responses: found.responses.into_iter().map(joined).collect(),
    }
}

fn offer_report((offer_id, figures): (String, Figures)) -> pb::OfferReport {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    pb::OfferReport {
        offer_id,
        received: whole(figures.received),
        viewed: whole(figures.viewed),
        completed: whole(figures.completed),
        influenced: whole(figures.influenced),
        median_view_hours: figures.view_delays.median_hours(),
        median_complete_hours: figures.complete_delays.median_hours(),
        clicked: whole(figures.clicked),
        accepted: whole(figures.accepted),
        dismissed: whole(figures.dismissed),
        unmatched: whole(figures.unmatched),
    }
}
