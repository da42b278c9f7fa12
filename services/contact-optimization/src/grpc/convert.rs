//! Messages to domain values and back.

use std::time::Duration;

use attune_kernel::{Problem, Timestamp, Violation};
use attune_proto::contact::v1 as api;
use attune_proto::identity::v1::person_change::Change;

use crate::domain::admit::Verdict;
use crate::domain::contact::{ChangeKind, Contact, PersonChange, Touch};
use crate::domain::scope::Scope;

/// Collects what is wrong beyond the field rules.
#[derive(Default)]
pub(super) struct Checks(pub(super) Vec<Violation>);

impl Checks {
    /// Refuses texts that one of the stores cannot hold.
    pub(super) fn text(&mut self, field: impl FnOnce() -> String, text: &str) {
        if text.contains('\0') {
            self.0.push(Violation::new(field(), "must not contain a NUL character"));
        }
    }

    pub(super) fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }
}

pub(super) fn time(time: &prost_types::Timestamp, field: &str) -> Result<Timestamp, Problem> {
    Timestamp::from_seconds_nanos(time.seconds, time.nanos)
        .map_err(|error| Problem::invalid_field(field, error.to_string()))
}

pub(super) fn proto_time(time: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = time.to_seconds_nanos();
    prost_types::Timestamp { seconds, nanos }
}

/// A duration of the contract; one that is negative or malformed counts as zero, which the field rules refuse.
pub(super) fn duration(duration: &prost_types::Duration) -> Duration {
    Duration::try_from(*duration).unwrap_or_default()
}

pub(super) fn scope(scope: Option<api::Scope>) -> Scope {
    let scope = scope.unwrap_or_default();
    Scope { channels: scope.channels, offers: scope.offer_ids, campaigns: scope.campaign_ids }
}

pub(super) fn touch(candidate: api::Candidate) -> Touch {
    Touch { channel: candidate.channel, offer: candidate.offer_id, campaign: candidate.campaign_id }
}

pub(super) fn verdict(verdict: Verdict) -> api::Verdict {
    let admitted = verdict.is_admitted();
    let (reservation_id, expire_time) =
        verdict.reservation.map_or((String::new(), None), |(id, expire_time)| (id, Some(proto_time(expire_time))));
    let denials = verdict.denials.into_iter().map(|denial| api::Denial {
        contact_policy_id: denial.policy,
        limit: denial.limit,
        used: denial.used,
        // A time that the contract's messages do not accept is as good as never.
        retry_time: denial.retry_time.filter(|time| time.is_plausible()).map(proto_time),
    });
    api::Verdict { admitted, reservation_id, expire_time, denials: denials.collect() }
}

pub(super) fn contact(contact: api::Contact, index: usize) -> Result<Contact, Problem> {
    let made = contact
        .time
        .as_ref()
        .map_or(Ok(Timestamp::default()), |given| time(given, &format!("contacts[{index}].time")))?;
    let mut checks = Checks::default();
    for (field, text) in [
        ("contact_id", &contact.contact_id),
        ("person_id", &contact.person_id),
        ("channel", &contact.channel),
        ("offer_id", &contact.offer_id),
        ("campaign_id", &contact.campaign_id),
        ("decision_id", &contact.decision_id),
        ("reservation_id", &contact.reservation_id),
    ] {
        checks.text(|| format!("contacts[{index}].{field}"), text);
    }
    checks.finish()?;
    Ok(Contact {
        contact_id: contact.contact_id,
        person: contact.person_id,
        touch: Touch { channel: contact.channel, offer: contact.offer_id, campaign: contact.campaign_id },
        decision_id: contact.decision_id,
        time: made,
        reservation_id: contact.reservation_id,
        origin: String::new(),
    })
}

pub(super) fn proto_contact(contact: Contact) -> api::Contact {
    api::Contact {
        contact_id: contact.contact_id,
        person_id: contact.person,
        channel: contact.touch.channel,
        offer_id: contact.touch.offer,
        campaign_id: contact.touch.campaign,
        decision_id: contact.decision_id,
        time: Some(proto_time(contact.time)),
        reservation_id: contact.reservation_id,
    }
}

pub(super) fn person_change(request: api::ApplyPersonChangeRequest) -> Result<PersonChange, Problem> {
    let change = request.change.unwrap_or_default();
    let offset = u64::try_from(change.offset).ok().filter(|offset| *offset > 0);
    let offset = offset.ok_or_else(|| Problem::invalid_field("change.offset", "must be positive"))?;
    let mut checks = Checks::default();
    let mut id = |field: &str, text: &str| checks.text(|| format!("change.{field}"), text);
    let kind = match change.change {
        None => return Err(Problem::invalid_field("change.change", "must be set")),
        Some(Change::Merge(merge)) => {
            id("merge.surviving_person_id", &merge.surviving_person_id);
            id("merge.merged_person_id", &merge.merged_person_id);
            ChangeKind::Merge { surviving: merge.surviving_person_id, merged: merge.merged_person_id }
        }
        Some(Change::Split(split)) => {
            id("split.person_id", &split.person_id);
            id("split.split_person_id", &split.split_person_id);
            for (at, alias) in split.split_alias_person_ids.iter().enumerate() {
                id(&format!("split.split_alias_person_ids[{at}]"), alias);
            }
            let ids = split.split_alias_person_ids;
            ChangeKind::Split { person: split.person_id, split: split.split_person_id, ids }
        }
        Some(Change::Erasure(erasure)) => {
            let mut persons = erasure.alias_person_ids;
            persons.push(erasure.person_id);
            for person in &persons {
                id("erasure", person);
            }
            ChangeKind::Erasure { persons }
        }
    };
    checks.finish()?;
    Ok(PersonChange { offset, kind })
}
