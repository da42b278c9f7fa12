//! Messages to domain types and back.

use attune_kernel::{PersonId, Personal, Problem, Timestamp};
use attune_proto::identity::v1 as pb;
use attune_service_kit::status::to_status;
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::domain::interaction::candidates;
use crate::domain::matching::NAMESPACE;
use crate::domain::{
    Candidate, Change, Held, Hit, Interaction, Limit, Person, Raw, Refusal, RequestKey, Resolution, Rules,
};
use crate::store::Announced;

/// A person id as the caller wrote it.
pub(super) fn person_id(field: &str, text: &str) -> Result<PersonId, Problem> {
    text.parse().map_err(|_| Problem::invalid_field(field, "is not a person id: 26 characters of Crockford base 32"))
}

fn raw(identifiers: Vec<pb::Identifier>) -> Vec<Raw> {
    identifiers.into_iter().map(|one| Raw { namespace: one.namespace, value: Personal::new(one.value) }).collect()
}

/// The identifiers of an operator's request, normalized. A blocked value is held by nobody.
pub(super) fn identifiers(rules: &Rules, identifiers: Vec<pb::Identifier>) -> Result<Vec<Candidate>, Refusal> {
    let (usable, blocked) = candidates(rules, &raw(identifiers))?;
    blocked.first().map_or(Ok(usable), |hit| Err(Refusal::NotHeld(hit.index)))
}

/// The interaction of a request whose field rules hold.
pub(super) fn interaction(
    rules: &Rules,
    request: pb::ResolveRequest,
    now: Timestamp,
    entropy: u128,
) -> Result<Interaction, Refusal> {
    let (candidates, blocked) = candidates(rules, &raw(request.identifiers))?;
    let event_time = request.event_time.and_then(|time| Timestamp::from_seconds_nanos(time.seconds, time.nanos).ok());
    let (is_timed, event_time) = (event_time.is_some(), event_time.unwrap_or(now));
    let (source, read_only) = (request.source, request.read_only);
    Ok(Interaction { candidates, blocked, event_time, is_timed, source, now, entropy, read_only })
}

/// The key of a request that its caller gave an id; none when it has no id.
pub(super) fn request_key(method: &str, id: &str, message: &impl prost::Message) -> Option<RequestKey> {
    let digest = Sha256::digest(message.encode_to_vec()).into();
    (!id.is_empty()).then(|| RequestKey { id: format!("{method}:{id}"), digest })
}

pub(super) fn resolution(resolution: Resolution) -> pb::ResolveResponse {
    pb::ResolveResponse {
        person_id: resolution.person.to_string(),
        created: resolution.created,
        merged_person_ids: texts(&resolution.merged),
        split_person_ids: texts(&resolution.split),
        limit_hits: resolution.hits.into_iter().map(limit_hit).collect(),
        ..Default::default()
    }
}

fn limit_hit(hit: Hit) -> pb::LimitHit {
    let identifier_index = i32::try_from(hit.index).unwrap_or(i32::MAX);
    pb::LimitHit { namespace: hit.namespace, identifier_index, limit: Limit::name(hit.limit).to_owned() }
}

fn texts(ids: &[PersonId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

/// A problem as the status of one item.
pub(super) fn status_message(problem: Problem) -> tonic_types::pb::Status {
    let status = to_status(problem);
    // The details of a status are the encoded status itself, code and message included.
    tonic_types::pb::Status::decode(status.details()).unwrap_or_else(|_| tonic_types::pb::Status {
        code: status.code() as i32,
        message: status.message().to_owned(),
        details: Vec::new(),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "message fields are optional")]
pub(super) fn time(time: Timestamp) -> Option<prost_types::Timestamp> {
    let (seconds, nanos) = time.to_seconds_nanos();
    Some(prost_types::Timestamp { seconds, nanos })
}

pub(super) fn identifier(held: &Held) -> pb::Identifier {
    pb::Identifier { namespace: held.namespace.clone(), value: held.value.expose().clone() }
}

/// Whether an identifier is a caller's: the one of an attribute record is not.
pub(super) fn is_public(held: &&Held) -> bool {
    held.namespace != NAMESPACE
}

pub(super) fn person(person: &Person) -> pb::Person {
    let identifiers = person.identifiers.iter().filter(is_public).map(|held| pb::PersonIdentifier {
        identifier: Some(identifier(held)),
        first_seen_time: time(held.first_seen),
        last_seen_time: time(held.last_seen),
        source: held.source.clone(),
        linking: !held.over,
    });
    pb::Person {
        person_id: person.id.to_string(),
        identifiers: identifiers.collect(),
        alias_person_ids: texts(&person.aliases),
        create_time: time(person.created),
        update_time: time(person.updated),
        erased: person.erased.is_some(),
        ..Default::default()
    }
}

pub(super) fn change(announced: Announced) -> pb::PersonChange {
    use pb::person_change::Change as Of;
    let change = match announced.change {
        Change::Merge { survivor, merged } => {
            Of::Merge(pb::Merge { surviving_person_id: survivor.to_string(), merged_person_id: merged.to_string() })
        }
        Change::Split { kept, split, identifiers, aliases } => Of::Split(pb::Split {
            split_alias_person_ids: texts(&aliases),
            person_id: kept.to_string(),
            split_person_id: split.to_string(),
            identifiers: identifiers.iter().filter(is_public).map(identifier).collect(),
        }),
        Change::Erasure { person, aliases } => {
            Of::Erasure(pb::Erasure { person_id: person.to_string(), alias_person_ids: texts(&aliases) })
        }
    };
    pb::PersonChange { offset: announced.offset.cast_signed(), time: time(announced.time), change: Some(change) }
}
