//! Calls around a single message: what to send, whether it may be sent, that it was sent.

use attune_kernel::{Code, Problem};
use attune_proto::contact::v1 as contact;
use attune_proto::decision::v1 as decision;
use attune_proto::profile::v1 as profile;

use super::{Callees, problem};

/// What decision chose for a placement of an outbound channel.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The decision.
    pub decision_id: String,
    /// The person in force.
    pub person_id: String,
    /// The offer.
    pub offer_id: String,
    /// The template that renders its message, or the message itself.
    pub message_id: String,
    /// The message's content.
    pub content: prost_types::Struct,
    /// The placement's channel.
    pub channel: String,
    /// The offer's consent purpose; empty for none.
    pub purpose: String,
}

/// What contact-optimization says of one message.
#[derive(Debug, Clone)]
pub enum Admission {
    /// It may go; the reservation, empty when nothing limits it.
    Admitted(String),
    /// A policy holds it back.
    Denied(String),
}

impl Callees {
    /// Asks for the best offer at a placement; the same `request_id` gets the same answer. `None`: nothing to say.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn decide(
        &self,
        request_id: String,
        person_id: &str,
        placement: &str,
    ) -> Result<Option<Chosen>, Problem> {
        let mut client = self.decision.clone();
        let place = client
            .get_placement(decision::GetPlacementRequest { placement_id: placement.to_owned() })
            .await
            .map_err(problem)?
            .into_inner()
            .placement
            .unwrap_or_default();
        let request = decision::DecideRequest {
            request_id,
            subject: Some(decision::Subject { person_id: person_id.to_owned(), ..Default::default() }),
            placement: placement.to_owned(),
            limit: 1,
            ..Default::default()
        };
        let answer = client.decide(request).await.map_err(problem)?.into_inner();
        let Some(offered) = answer.offers.into_iter().next() else { return Ok(None) };
        let purpose = client
            .get_offer(decision::GetOfferRequest { offer_id: offered.offer_id.clone() })
            .await
            .map_err(problem)?
            .into_inner()
            .offer
            .unwrap_or_default()
            .purpose;
        let mut message_id = offered.message_id.clone();
        if !message_id.is_empty() {
            let request = decision::GetMessageRequest { message_id: message_id.clone() };
            let message = client.get_message(request).await.map_err(problem)?.into_inner().message.unwrap_or_default();
            if !message.template_id.is_empty() {
                message_id = message.template_id;
            }
        }
        Ok(Some(Chosen {
            decision_id: answer.decision_id,
            person_id: answer.person_id,
            message_id: if message_id.is_empty() { offered.offer_id.clone() } else { message_id },
            offer_id: offered.offer_id,
            content: offered.content.unwrap_or_default(),
            channel: place.channel,
            purpose,
        }))
    }

    /// Whether a person may be contacted; `Err(reason)` inside when not.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn may_contact(
        &self,
        person_id: &str,
        purpose: &str,
        channel: &str,
    ) -> Result<Result<(), String>, Problem> {
        let request = profile::MayContactRequest {
            person_id: person_id.to_owned(),
            purpose: purpose.to_owned(),
            channel: channel.to_owned(),
            ..Default::default()
        };
        let answer = self.profile.clone().may_contact(request).await.map_err(problem)?.into_inner();
        Ok(if answer.allowed { Ok(()) } else { Err(answer.reason) })
    }

    /// Checks one message against the contact policies, as of now, and reserves. The same `request_id` gets the same
    /// answer, also after a crash lost the first one; so the request must not differ by the time of the call.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn admit(
        &self,
        request_id: &str,
        person_id: &str,
        candidate: contact::Candidate,
    ) -> Result<Admission, Problem> {
        let request = contact::AdmitRequest {
            request_id: request_id.to_owned(),
            person_id: person_id.to_owned(),
            candidates: vec![candidate],
            time: None,
            reserve: true,
            reservation_ttl: None,
        };
        let answer = self.contact.clone().admit(request).await.map_err(problem)?.into_inner();
        let verdict = answer.verdicts.into_iter().next().ok_or_else(|| Problem::internal("admit answered nothing"))?;
        Ok(if verdict.admitted {
            Admission::Admitted(verdict.reservation_id)
        } else {
            let denial = verdict.denials.into_iter().next().unwrap_or_default();
            Admission::Denied(denial.contact_policy_id)
        })
    }

    /// Gives a reservation back; one that is gone is no error.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn release(&self, person_id: &str, reservation_id: &str) -> Result<(), Problem> {
        let request = contact::ReleaseReservationsRequest {
            person_id: person_id.to_owned(),
            reservation_ids: vec![reservation_id.to_owned()],
        };
        match self.contact.clone().release_reservations(request).await.map_err(problem) {
            Err(error) if error.code != Code::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
