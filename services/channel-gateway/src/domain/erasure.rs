//! What is left of a delivery when its person is erased.

use attune_kernel::{Personal, Timestamp};

use super::delivery::State;
use super::record::{Delivery, StateName};

/// The rule by which deliveries of erased persons end.
pub const RULE: &str = "erased";

/// Ends a delivery that was not final and takes out of it what says who it was for and what it said. What is left are the
/// figures of a message to nobody, so that counts stay true and a repeat of its request sends nothing.
///
/// An attempt whose outcome is not known leaves it `UNKNOWN`: nobody may look it up or send it again.
pub fn anonymize(delivery: &mut Delivery, now: Timestamp) {
    if !State::from(delivery.state).is_final() {
        delivery.state = if delivery.has_open_attempt() { StateName::Unknown } else { StateName::Suppressed };
        RULE.clone_into(&mut delivery.suppressed_by);
    }
    delivery.request.request_id.clear();
    delivery.request.person_id.clear();
    delivery.request.variables = Personal::new(String::new());
    delivery.request.decision_id.clear();
    delivery.reservation_id.clear();
    delivery.receipts.clear();
    for attempt in &mut delivery.attempts {
        attempt.provider_key.clear();
        attempt.detail.clear();
    }
    delivery.updated = now;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::{Attempt, Receipt, Request};

    const MARKER: &str = "marker-0815";

    fn delivery(attempts: Vec<Attempt>) -> Delivery {
        let text = || MARKER.to_owned();
        let request = Request {
            request_id: text(),
            person_id: text(),
            channel: "sms".to_owned(),
            message_id: "m".to_owned(),
            variables: Personal::new(text()),
            decision_id: text(),
            offer_id: "o".to_owned(),
            campaign_id: "c".to_owned(),
            purpose: "marketing".to_owned(),
            not_before: None,
            expires: None,
        };
        let receipt = Receipt { receipt_id: text(), kind: "OPENED".to_owned(), time: Timestamp::default() };
        let mut delivery = Delivery::queued("d".to_owned(), request, Timestamp::default());
        delivery.reservation_id = text();
        delivery.receipts = vec![receipt];
        delivery.attempts = attempts;
        delivery
    }

    #[test]
    fn nothing_of_the_person_is_left_in_any_state() {
        let attempt = |settled| Attempt {
            number: 1,
            provider_key: MARKER.to_owned(),
            intent: Timestamp::default(),
            settled,
            outcome: String::new(),
            detail: MARKER.to_owned(),
        };
        let now = Timestamp::from_millis(5);
        for state in StateName::ALL {
            for attempts in [vec![], vec![attempt(None)], vec![attempt(Some(now))]] {
                let open = attempts.last().is_some_and(|one| one.settled.is_none());
                let mut one = delivery(attempts);
                one.state = state;
                anonymize(&mut one, now);
                let left = serde_json::to_string(&one).unwrap();
                assert!(!left.contains(MARKER), "{left}");
                assert!(State::from(one.state).is_final());
                if State::from(state).is_final() {
                    assert_eq!(one.state, state, "what is over stays as it ended");
                } else {
                    assert_eq!(one.state, if open { StateName::Unknown } else { StateName::Suppressed });
                }
            }
        }
    }
}
