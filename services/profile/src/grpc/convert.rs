//! Between the contract's messages and the domain.

use attune_kernel::{Timestamp, Violation};
use attune_proto::profile::v1 as proto;

use crate::domain::consent::Consent;
use crate::domain::document::{Attribute, Document};
use crate::store::body;

pub(super) fn stamp(time: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = time.to_seconds_nanos();
    prost_types::Timestamp { seconds, nanos }
}

/// A time that the field rules have accepted.
pub(super) fn time(field: &str, time: Option<&prost_types::Timestamp>) -> Result<Option<Timestamp>, Violation> {
    time.map(|time| Timestamp::from_seconds_nanos(time.seconds, time.nanos))
        .transpose()
        .map_err(|error| Violation::new(field, error.to_string()))
}

pub(super) fn profile(document: &Document, now: Timestamp) -> proto::Profile {
    proto::Profile {
        person_id: document.person_id.clone(),
        attributes: document.values().map(|(name, one)| (name.clone(), attribute(one))).collect(),
        traits: document.traits.at(now).iter().map(|(name, value)| (name.clone(), body::value(value))).collect(),
        tags: tags(document),
        segments: document.segments.iter().cloned().collect(),
        consents: document.consents.iter().map(consent).collect(),
        etag: document.revision.to_string(),
        update_time: (!document.is_new()).then(|| stamp(document.updated)),
    }
}

fn attribute(one: &Attribute) -> proto::Attribute {
    proto::Attribute {
        value: Some(body::value(&one.value)),
        source: one.source.clone(),
        event_time: Some(stamp(one.event_time)),
        receive_time: Some(stamp(one.received)),
    }
}

pub(super) fn tags(document: &Document) -> Vec<proto::Tag> {
    let one = |(name, tag): (&String, &crate::domain::document::Tag)| proto::Tag {
        tag: name.clone(),
        source: tag.source.clone(),
        add_time: Some(stamp(tag.added)),
    };
    document.tags.iter().map(one).collect()
}

pub(super) fn consent(one: &Consent) -> proto::Consent {
    proto::Consent {
        purpose: one.purpose.clone(),
        channel: one.channel.clone(),
        granted: one.granted,
        time: Some(stamp(one.time)),
        source: one.source.clone(),
        proof: one.proof.clone(),
    }
}
