//! Typed identifiers.
//!
//! Ids that the suite issues are ULIDs: 128 bits, the first 48 a millisecond time, so that byte
//! order is creation order. Ids that a caller chooses (`event_id`, `request_id`) are opaque strings.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::time::Timestamp;

/// The text given as an id does not have the form of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected 26 characters of Crockford base 32")]
pub struct InvalidId;

macro_rules! issued_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(Ulid);

        impl $name {
            /// Builds the id from its creation time and 80 random bits (the low bits of `entropy`).
            #[must_use]
            pub fn from_parts(created: Timestamp, entropy: u128) -> Self {
                let millis = u64::try_from(created.as_micros() / 1000).unwrap_or(0);
                Self(Ulid::from_parts(millis, entropy))
            }

            /// The 16 bytes, most significant first: byte order is creation order.
            #[must_use]
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// The inverse of [`to_bytes`](Self::to_bytes).
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Ulid::from_bytes(bytes))
            }

            /// The id as a number; a source of well-mixed low bits for hashing and seeding.
            #[must_use]
            pub fn as_u128(self) -> u128 {
                self.0.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Ulid::from_string(text).map(Self).map_err(|_| InvalidId)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }
    };
}

issued_id! {
    /// One natural person as identity-resolution knows them. Stable: a merge keeps the older id and
    /// leaves the younger one as an alias.
    PersonId
}

issued_id! {
    /// One decision: what was offered to whom, when, with which probability.
    DecisionId
}

/// The caller's own id of an event; the key under which a repeat is harmless.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub String);

impl EventId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_is_creation_order_and_text_round_trips() {
        let early = PersonId::from_parts(Timestamp::from_micros(1_000_000), u128::MAX);
        let late = PersonId::from_parts(Timestamp::from_micros(2_000_000), 0);
        assert!(early.to_bytes() < late.to_bytes());
        assert_eq!(early.to_string().parse::<PersonId>(), Ok(early));
        assert_eq!("nonsense".parse::<PersonId>(), Err(InvalidId));
    }
}
