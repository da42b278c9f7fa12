//! Messages to values and back.

use std::time::Duration;

use attune_kernel::{DecisionId, PersonId, Problem, Timestamp};
use attune_proto::decision::v1 as pb;
use attune_service_kit::status::to_status;
use prost::Message as _;

use crate::domain::catalogue::{Kind, Message, Offer, Placement};
use crate::domain::model::Prior;
use crate::domain::moment::Span;
use crate::domain::policy::{Exploration, Policy};
use crate::domain::response;
use crate::error::Error;

/// A problem as an item of a batch carries it.
pub(super) fn status_message(problem: Problem) -> tonic_types::pb::Status {
    let status = to_status(problem);
    tonic_types::pb::Status::decode(status.details()).unwrap_or_else(|_| tonic_types::pb::Status {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    })
}

/// An optional time; `field` is its path.
pub(super) fn time(time: Option<prost_types::Timestamp>, field: &str) -> Result<Option<Timestamp>, Error> {
    let parse = |time: prost_types::Timestamp| Timestamp::from_seconds_nanos(time.seconds, time.nanos);
    time.map(parse).transpose().map_err(|_| Error::field(field, "is out of range"))
}

pub(super) fn proto_time(time: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = time.to_seconds_nanos();
    prost_types::Timestamp { seconds, nanos }
}

pub(super) fn span(start: Option<prost_types::Timestamp>, end: Option<prost_types::Timestamp>) -> Result<Span, Error> {
    let start = time(start, "start_time")?.unwrap_or(Span::ALL.start);
    let end = time(end, "end_time")?.unwrap_or(Span::ALL.end);
    if start > end {
        return Err(Error::field("end_time", "must not be before start_time"));
    }
    Ok(Span { start, end })
}

pub(super) fn person(text: &str, field: &str) -> Result<PersonId, Error> {
    text.parse().map_err(|_| Error::field(field, "is not a person id"))
}

pub(super) fn decision(text: &str, field: &str) -> Result<DecisionId, Error> {
    text.parse().map_err(|_| Error::field(field, "is not a decision id"))
}

pub(super) fn kind(word: &str) -> Option<response::Kind> {
    response::Kind::parse(word)
}

fn optional(time: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    time.and_then(|time| Timestamp::from_seconds_nanos(time.seconds, time.nanos).ok())
}

fn offer_kind(kind: i32) -> Kind {
    match pb::OfferKind::try_from(kind) {
        Ok(pb::OfferKind::Sales) => Kind::Sales,
        Ok(pb::OfferKind::Service) => Kind::Service,
        Ok(pb::OfferKind::Information) => Kind::Information,
        Ok(pb::OfferKind::Retention) => Kind::Retention,
        Ok(pb::OfferKind::Unspecified) | Err(_) => Kind::Unspecified,
    }
}

/// `default` where the message has 0, as its fields say.
const fn or(value: f64, default: f64) -> f64 {
    if value == 0.0 { default } else { value }
}

/// An offer; `prior` is the configured one, for the half that the marketer leaves open.
pub(super) fn offer(offer: pb::Offer, prior: Prior) -> Offer {
    let expects = offer.starting_propensity > 0.0 || offer.starting_evidence > 0.0;
    let window = offer.response_window.and_then(|window| {
        let seconds = u64::try_from(window.seconds).ok()?;
        Some(Duration::new(seconds, u32::try_from(window.nanos).unwrap_or(0)))
    });
    Offer {
        id: offer.offer_id.into(),
        issue: offer.issue,
        kind: offer_kind(offer.kind),
        enabled: offer.enabled,
        value: offer.value,
        lever: or(offer.lever, 1.0),
        eligibility: offer.eligibility,
        context_rule: offer.context_rule,
        context_weight: or(offer.context_weight, 1.0),
        channels: offer.channels,
        start: optional(offer.start_time),
        end: optional(offer.end_time),
        response_window: window,
        prior: expects.then(|| {
            Prior::clamped(or(offer.starting_propensity, prior.mean), or(offer.starting_evidence, prior.evidence))
        }),
        purpose: offer.purpose,
    }
}

pub(super) fn message(message: &pb::Message) -> Message {
    Message {
        id: message.message_id.as_str().into(),
        offer: message.offer_id.clone(),
        channel: message.channel.clone(),
        language: message.language.clone(),
    }
}

pub(super) fn placement(placement: pb::Placement) -> Placement {
    Placement {
        id: placement.placement_id,
        channel: placement.channel,
        slots: usize::try_from(placement.slots).unwrap_or(1).max(1),
        issues: placement.issues,
        kinds: placement.kinds.into_iter().map(offer_kind).collect(),
        fallback: placement.fallback_offer_id,
        policy: placement.policy_id,
    }
}

pub(super) fn policy(policy: pb::Policy) -> Policy {
    Policy {
        id: policy.policy_id,
        exploration: match pb::Exploration::try_from(policy.exploration) {
            Ok(pb::Exploration::Greedy) => Exploration::Greedy,
            Ok(pb::Exploration::Uniform) => Exploration::Uniform,
            Ok(pb::Exploration::Thompson | pb::Exploration::Unspecified) | Err(_) => Exploration::Thompson,
        },
        control_share: policy.control_share,
        exploration_floor: policy.exploration_floor,
        ignore_value: policy.ignore_value,
        ignore_lever: policy.ignore_lever,
        learn_from: kind(&policy.learn_from).unwrap_or(response::Kind::Click),
    }
}
