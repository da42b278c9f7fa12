//! Admission, contacts and persons.

use std::sync::Arc;

use attune_kernel::{PersonId, Problem, Timestamp};
use attune_proto::contact::v1::{self as api, *};
use attune_service_kit::crud::{PageToken, page_size};
use attune_service_kit::metrics::KeyValue;
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use super::Contacts;
use super::convert::{self, Checks};
use crate::domain::admit::{Ask, Terms, Verdict};
use crate::error::Error;
use crate::store::{Position, Request};

impl Contacts {
    pub(super) async fn admit(&self, request: AdmitRequest) -> Result<AdmitResponse, Error> {
        let mut checks = Checks::default();
        checks.text(|| "request_id".to_owned(), &request.request_id);
        checks.text(|| "person_id".to_owned(), &request.person_id);
        for (index, candidate) in request.candidates.iter().enumerate() {
            checks.text(|| format!("candidates[{index}].offer_id"), &candidate.offer_id);
            checks.text(|| format!("candidates[{index}].channel"), &candidate.channel);
            checks.text(|| format!("candidates[{index}].campaign_id"), &candidate.campaign_id);
        }
        if request.reserve && request.request_id.is_empty() {
            checks.0.push(attune_kernel::Violation::new("request_id", "must be set when reserve is"));
        }
        let ttl = request.reservation_ttl.as_ref().map_or(self.config.reservation_ttl, convert::duration);
        if ttl > self.config.max_reservation_ttl {
            checks.0.push(attune_kernel::Violation::new("reservation_ttl", "is longer than is allowed"));
        }
        checks.finish()?;

        let now = self.now();
        let time = request.time.as_ref().map_or(Ok(now), |time| convert::time(time, "time"))?;
        let fingerprint = Sha256::digest(request.encode_to_vec()).to_vec();
        let reserve = request.reserve.then(|| Terms {
            // A ULID; reservations are not persons, they only share the form of the id.
            id: PersonId::from_parts(now, self.ids.entropy()).to_string(),
            // The place is kept until the contact was due, and long enough to confirm it.
            expire_time: now.max(time).plus(ttl),
        });
        let candidates = request.candidates.into_iter().map(convert::touch).collect();
        let ask = Ask { candidates, time, now, reserve };
        let policies = self.policies.get().await?;
        let verdicts = if ask.reserve.is_some() {
            let asked = Request { id: request.request_id, fingerprint };
            self.store.reserve(policies, &request.person_id, asked, Arc::new(ask)).await?
        } else {
            self.store.judge(&policies, &request.person_id, &ask).await?
        };
        self.measure(&verdicts);
        Ok(AdmitResponse { verdicts: verdicts.into_iter().map(convert::verdict).collect() })
    }

    fn measure(&self, verdicts: &[Verdict]) {
        let admitted = verdicts.iter().filter(|verdict| verdict.is_admitted()).count() as u64;
        let denied = verdicts.len() as u64 - admitted;
        for (outcome, count) in [("admitted", admitted), ("denied", denied)] {
            if count > 0 {
                self.metrics.candidates.add(count, &[KeyValue::new("outcome", outcome)]);
            }
        }
        let mut by_policy = std::collections::BTreeMap::<&str, u64>::new();
        for denial in verdicts.iter().flat_map(|verdict| &verdict.denials) {
            *by_policy.entry(&denial.policy).or_default() += 1;
        }
        for (policy, count) in by_policy {
            self.metrics.denials.add(count, &[KeyValue::new("contact_policy", policy.to_owned())]);
        }
    }

    pub(super) async fn release(
        &self,
        request: ReleaseReservationsRequest,
    ) -> Result<ReleaseReservationsResponse, Error> {
        let mut checks = Checks::default();
        checks.text(|| "person_id".to_owned(), &request.person_id);
        checks.finish()?;
        let released = self.store.release(&request.person_id, &request.reservation_ids, self.now()).await?;
        self.metrics.released.add(released as u64, &[]);
        Ok(ReleaseReservationsResponse { released: i32::try_from(released).unwrap_or(i32::MAX) })
    }

    pub(super) async fn record(&self, request: RecordContactRequest) -> Result<RecordContactResponse, Error> {
        let contacts = request.contacts.into_iter().enumerate();
        let contacts = contacts.map(|(index, contact)| convert::contact(contact, index)).collect::<Result<_, _>>()?;
        let policies = self.policies.get().await?;
        let recorded = self.store.record(policies, contacts).await?;
        for (outcome, count) in [("new", recorded.recorded), ("duplicate", recorded.duplicates)] {
            if count > 0 {
                self.metrics.contacts.add(count as u64, &[KeyValue::new("outcome", outcome)]);
            }
        }
        let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        Ok(RecordContactResponse { recorded: number(recorded.recorded), duplicates: number(recorded.duplicates) })
    }

    pub(super) async fn list(&self, request: ListContactsRequest) -> Result<ListContactsResponse, Error> {
        let mut checks = Checks::default();
        checks.text(|| "person_id".to_owned(), &request.person_id);
        checks.finish()?;
        let size = page_size(request.page_size)?;
        // A token is good for the list of its person only.
        let list = format!("contact {}", request.person_id);
        let after = PageToken::decode(&list, &request.page_token)?.map(|token| position(&token.after)).transpose()?;
        // One more than asked for tells whether there is a next page.
        let mut contacts = self.store.contacts(&request.person_id, after.as_ref(), size + 1).await?;
        let more = contacts.len() > size;
        contacts.truncate(size);
        let last = contacts.last().filter(|_| more);
        let next_page_token = last.map_or_else(String::new, |last| {
            PageToken::encode(&list, &format!("{} {}", last.time.as_micros(), last.contact_id))
        });
        let contacts: Vec<api::Contact> = contacts.into_iter().map(convert::proto_contact).collect();
        Ok(ListContactsResponse { contacts, next_page_token })
    }

    pub(super) async fn apply(&self, request: ApplyPersonChangeRequest) -> Result<ApplyPersonChangeResponse, Error> {
        let change = convert::person_change(request)?;
        Ok(ApplyPersonChangeResponse { applied: self.store.apply(change).await? })
    }
}

fn position(text: &str) -> Result<Position, Problem> {
    let parts = text.split_once(' ').and_then(|(time, id)| Some((time.parse().ok()?, id)));
    let (time, id) = parts.ok_or_else(|| Problem::invalid_field("page_token", "is not a token of this list"))?;
    Ok(Position { time: Timestamp::from_micros(time), contact_id: id.to_owned() })
}
