//! Between the contract's messages and ours.

use attune_kernel::{Personal, Problem, Timestamp};
use attune_proto::channel::v1 as pb;
use attune_service_kit::status::to_status;
use prost::Message as _;

use crate::clients::wire::{json_object, object, stamp};
use crate::domain::record::{Delivery, Lead, Receipt, Request, StateName};

/// A problem as an item of a batch carries it.
pub(super) fn status_message(problem: Problem) -> tonic_types::pb::Status {
    let status = to_status(problem);
    let plain = || tonic_types::pb::Status {
        code: i32::from(status.code()),
        message: status.message().to_owned(),
        details: Vec::new(),
    };
    tonic_types::pb::Status::decode(status.details()).unwrap_or_else(|_| plain())
}

/// A time of a request; `None` when it is not set.
pub(super) fn time(field: &str, wire: Option<prost_types::Timestamp>) -> Result<Option<Timestamp>, Problem> {
    let Some(wire) = wire else { return Ok(None) };
    let time = Timestamp::from_seconds_nanos(wire.seconds, wire.nanos).ok().filter(|time| time.is_plausible());
    time.map(Some).ok_or_else(|| Problem::invalid_field(field, "must be a time from 1900 to 2199"))
}

/// A message to deliver.
pub(super) fn request(message: pb::SendRequest, default_purpose: &str) -> Result<Request, Problem> {
    let not_before = time("not_before", message.not_before)?;
    let expires = time("expires", message.expires)?;
    if let (Some(from), Some(until)) = (not_before, expires)
        && until <= from
    {
        return Err(Problem::invalid_field("expires", "must be after not_before"));
    }
    let variables = json_object(message.variables.unwrap_or_default()).to_string();
    let purpose = if message.purpose.is_empty() { default_purpose.to_owned() } else { message.purpose };
    Ok(Request {
        request_id: message.request_id,
        person_id: message.person_id,
        channel: message.channel,
        message_id: message.message_id,
        variables: Personal::new(variables),
        decision_id: message.decision_id,
        offer_id: message.offer_id,
        campaign_id: message.campaign_id,
        purpose,
        not_before,
        expires,
    })
}

fn request_message(request: Request) -> pb::SendRequest {
    let variables = match serde_json::from_str(request.variables.expose()) {
        Ok(serde_json::Value::Object(fields)) => Some(object(fields)),
        _ => None,
    };
    pb::SendRequest {
        request_id: request.request_id,
        person_id: request.person_id,
        channel: request.channel,
        message_id: request.message_id,
        variables,
        decision_id: request.decision_id,
        not_before: request.not_before.and_then(stamp),
        expires: request.expires.and_then(stamp),
        offer_id: request.offer_id,
        campaign_id: request.campaign_id,
        purpose: request.purpose,
    }
}

/// A delivery.
pub(super) fn delivery(of: Delivery) -> pb::Delivery {
    let attempts = of.attempts.into_iter().map(|attempt| pb::Attempt {
        number: i32::try_from(attempt.number).unwrap_or(i32::MAX),
        provider_key: attempt.provider_key,
        intent_time: stamp(attempt.intent),
        outcome_time: attempt.settled.and_then(stamp),
        outcome: attempt.outcome,
        detail: attempt.detail,
    });
    let receipts = of.receipts.into_iter().map(|receipt| pb::Receipt {
        receipt_id: receipt.receipt_id,
        kind: receipt.kind,
        time: stamp(receipt.time),
    });
    pb::Delivery {
        delivery_id: of.delivery_id,
        request: Some(request_message(of.request)),
        state: state_message(of.state).into(),
        suppressed_by: of.suppressed_by,
        attempts: attempts.collect(),
        receipts: receipts.collect(),
        create_time: stamp(of.created),
        update_time: stamp(of.updated),
    }
}

const fn state_message(state: StateName) -> pb::DeliveryState {
    match state {
        StateName::Queued => pb::DeliveryState::Queued,
        StateName::Attempting => pb::DeliveryState::Attempting,
        StateName::Delivered => pb::DeliveryState::Delivered,
        StateName::Suppressed => pb::DeliveryState::Suppressed,
        StateName::Expired => pb::DeliveryState::Expired,
        StateName::Dead => pb::DeliveryState::Dead,
        StateName::Unknown => pb::DeliveryState::Unknown,
    }
}

/// The state that a list is about; `None` for all.
pub(super) fn state(wire: pb::DeliveryState) -> Option<StateName> {
    StateName::ALL.into_iter().find(|state| state_message(*state) == wire)
}

/// A receipt; its time is `now` when it names none.
pub(super) fn receipt(wire: pb::Receipt, now: Timestamp) -> Result<Receipt, Problem> {
    let time = time("receipt.time", wire.time)?.unwrap_or(now);
    Ok(Receipt { receipt_id: wire.receipt_id, kind: wire.kind, time })
}

/// Where a lead stands at `now`: a claim that ran out is none.
pub(super) fn lead_state(lead: &Lead, now: Timestamp) -> pb::LeadState {
    if !lead.outcome.is_empty() {
        pb::LeadState::Closed
    } else if lead.claimed_until.is_some_and(|until| until > now) {
        pb::LeadState::Claimed
    } else {
        pb::LeadState::Open
    }
}

/// A lead as it stands at `now`.
pub(super) fn lead(of: Lead, now: Timestamp) -> pb::Lead {
    let state = lead_state(&of, now);
    let held = state != pb::LeadState::Open;
    pb::Lead {
        lead_id: of.lead_id,
        channel: of.channel,
        person_id: of.person_id,
        offer_id: of.offer_id,
        decision_id: of.decision_id,
        content: of.content.into_exposed(),
        state: state.into(),
        agent: if held { of.agent } else { String::new() },
        claim_expire_time: of.claimed_until.filter(|_| state == pb::LeadState::Claimed).and_then(stamp),
        outcome: of.outcome,
        create_time: stamp(of.created),
        etag: of.revision.to_string(),
    }
}
