//! What the gateway keeps: events on their way in, deliveries on their way out, leads, cursors.

use attune_kernel::{Personal, Timestamp};
use serde::{Deserialize, Serialize};

use super::delivery::State;

/// An accepted event.
#[derive(Debug, Clone, PartialEq)]
pub struct InboxEvent {
    /// The source's id: the key under which a repeat is harmless.
    pub event_id: String,
    /// When it was accepted.
    pub received: Timestamp,
    /// The event as it was collected, encoded; opaque here.
    pub body: Personal<Vec<u8>>,
}

/// An event that a worker holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The position in the order of arrival.
    pub position: u64,
    /// How often it was claimed before.
    pub failures: u32,
    /// The event.
    pub event: InboxEvent,
}

/// Who asks for what, and until when. A worker acts only while the store still knows it as the holder.
///
/// The times are real time, whatever the business clock of an accelerated run says: a lease is about processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The worker, unique to the process and its start.
    pub owner: String,
    /// The time of the call.
    pub now: Timestamp,
    /// When the lease ends unless it is renewed.
    pub deadline: Timestamp,
}

/// A message to deliver, as it was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The idempotency key.
    pub request_id: String,
    /// The person.
    pub person_id: String,
    /// The channel.
    pub channel: String,
    /// The message or template to render.
    pub message_id: String,
    /// The variables as JSON.
    pub variables: Personal<String>,
    /// The decision behind it; empty for none.
    pub decision_id: String,
    /// The offer; empty for none.
    pub offer_id: String,
    /// The campaign; empty for none.
    pub campaign_id: String,
    /// The consent purpose.
    pub purpose: String,
    /// Not before this time.
    pub not_before: Option<Timestamp>,
    /// Not at or after this time.
    pub expires: Option<Timestamp>,
}

/// One attempt of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// The key the provider knows the delivery by; the same for all attempts.
    pub provider_key: String,
    /// When the intent was committed.
    pub intent: Timestamp,
    /// When the outcome was committed.
    pub settled: Option<Timestamp>,
    /// The outcome in capitals; empty while it is not known.
    pub outcome: String,
    /// What the provider said, shortened.
    pub detail: String,
}

/// What a provider said about a delivery later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The provider's id of the receipt.
    pub receipt_id: String,
    /// What happened.
    pub kind: String,
    /// When.
    pub time: Timestamp,
}

/// A delivery with its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id.
    pub delivery_id: String,
    /// The request.
    pub request: Request,
    /// Where it stands.
    pub state: StateName,
    /// The rule that suppressed it; empty for none.
    pub suppressed_by: String,
    /// The reservation at contact-optimization; empty for none.
    pub reservation_id: String,
    /// The attempts in order.
    pub attempts: Vec<Attempt>,
    /// The receipts in order.
    pub receipts: Vec<Receipt>,
    /// When it was accepted.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// Not to be claimed before this time.
    pub due: Timestamp,
}

impl Delivery {
    /// A delivery that waits for its turn.
    #[must_use]
    pub fn queued(delivery_id: String, request: Request, now: Timestamp) -> Self {
        let due = request.not_before.map_or(now, |time| time.max(now));
        Self {
            delivery_id,
            request,
            state: StateName::Queued,
            suppressed_by: String::new(),
            reservation_id: String::new(),
            attempts: Vec::new(),
            receipts: Vec::new(),
            created: now,
            updated: now,
            due,
        }
    }

    /// Whether the last attempt has an intent and no outcome.
    #[must_use]
    pub fn has_open_attempt(&self) -> bool {
        self.attempts.last().is_some_and(|attempt| attempt.settled.is_none())
    }
}

/// A [`State`] in the form it is stored in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum StateName {
    /// See [`State::Queued`].
    Queued,
    /// See [`State::Attempting`].
    Attempting,
    /// See [`State::Delivered`].
    Delivered,
    /// See [`State::Suppressed`].
    Suppressed,
    /// See [`State::Expired`].
    Expired,
    /// See [`State::Dead`].
    Dead,
    /// See [`State::Unknown`].
    Unknown,
}

impl StateName {
    /// Every state, in the order of a delivery's life.
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Attempting, Self::Delivered, Self::Suppressed, Self::Expired, Self::Dead, Self::Unknown];

    /// The name in capitals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Attempting => "ATTEMPTING",
            Self::Delivered => "DELIVERED",
            Self::Suppressed => "SUPPRESSED",
            Self::Expired => "EXPIRED",
            Self::Dead => "DEAD",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl From<State> for StateName {
    fn from(state: State) -> Self {
        match state {
            State::Queued => Self::Queued,
            State::Attempting => Self::Attempting,
            State::Delivered => Self::Delivered,
            State::Suppressed => Self::Suppressed,
            State::Expired => Self::Expired,
            State::Dead => Self::Dead,
            State::Unknown => Self::Unknown,
        }
    }
}

impl From<StateName> for State {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Queued => Self::Queued,
            StateName::Attempting => Self::Attempting,
            StateName::Delivered => Self::Delivered,
            StateName::Suppressed => Self::Suppressed,
            StateName::Expired => Self::Expired,
            StateName::Dead => Self::Dead,
            StateName::Unknown => Self::Unknown,
        }
    }
}

/// A task for a person at a counter or telephone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// The delivery that made it.
    pub lead_id: String,
    /// The channel whose people work on it.
    pub channel: String,
    /// The person to talk to.
    pub person_id: String,
    /// The offer.
    pub offer_id: String,
    /// The decision.
    pub decision_id: String,
    /// What to say.
    pub content: Personal<String>,
    /// Who has it; empty while open.
    pub agent: String,
    /// Until when the claim holds.
    pub claimed_until: Option<Timestamp>,
    /// The outcome; empty until closed.
    pub outcome: String,
    /// When it was made.
    pub created: Timestamp,
    /// The version.
    pub revision: u64,
}
