//! What happens next to a delivery. Intent comes before bytes; after a crash a delivery is looked up before it is sent
//! again, and where that is impossible the channel's guarantee decides.

use attune_kernel::Timestamp;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Durable, waiting for its turn.
    Queued,
    /// An intent is recorded; the outcome is not known yet.
    Attempting,
    /// The provider has it.
    Delivered,
    /// Held back by consent or a contact policy.
    Suppressed,
    /// Its time ran out.
    Expired,
    /// Every attempt failed.
    Dead,
    /// An attempt's outcome cannot be known and the channel forbids sending again.
    Unknown,
}

impl State {
    /// Whether nothing happens to the delivery any more without a person.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Attempting)
    }
}

/// What the provider offers against doubles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderMemory {
    /// An attempt can be looked up by its key.
    Lookup,
    /// A repeat under the same key is not delivered twice.
    HonoursKey,
    /// Neither.
    None,
}

/// What the channel allows when an attempt's outcome cannot be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarantee {
    /// Never send again.
    AtMostOnce,
    /// Send again; a copy is possible.
    AtLeastOnce,
}

/// What the decision about a delivery depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Where it stands.
    pub state: State,
    /// Attempts with a committed intent.
    pub attempts: u32,
    /// Whether the last attempt has an intent and no outcome.
    pub open_attempt: bool,
    /// Not at or after this time.
    pub expires: Option<Timestamp>,
    /// The most attempts.
    pub max_attempts: u32,
    /// What the provider offers.
    pub memory: ProviderMemory,
    /// What the channel allows.
    pub guarantee: Guarantee,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask consent and contact policies, commit the intent of this attempt, then send.
    Attempt {
        /// The attempt's number, from 1.
        number: u32,
    },
    /// Ask the provider whether it has the open attempt.
    LookUp,
    /// Send the open attempt again under its key, without a new intent: the provider keeps it single.
    Resend,
    /// Close the open attempt as ambiguous, commit a new intent under the same key and send: a copy is possible.
    AttemptAgain {
        /// The new attempt's number.
        number: u32,
    },
    /// Leave it to a person: the outcome cannot be known.
    GiveUpUnknown,
    /// Its time ran out before anything was sent.
    Expire,
    /// Every attempt was used up.
    Die,
    /// Nothing: it is final.
    Rest,
}

/// What happens next to a delivery that a worker holds the lease of.
#[must_use]
pub fn next_step(facts: &Facts, now: Timestamp) -> Step {
    if facts.state.is_final() {
        return Step::Rest;
    }
    if facts.open_attempt {
        // Bytes may have left, so expiry and policy are no longer questions: first find out what happened.
        return match (facts.memory, facts.guarantee) {
            (ProviderMemory::Lookup, _) => Step::LookUp,
            (ProviderMemory::HonoursKey, _) => Step::Resend,
            (ProviderMemory::None, Guarantee::AtMostOnce) => Step::GiveUpUnknown,
            (ProviderMemory::None, Guarantee::AtLeastOnce) if facts.attempts >= facts.max_attempts => {
                Step::GiveUpUnknown
            }
            (ProviderMemory::None, Guarantee::AtLeastOnce) => Step::AttemptAgain { number: facts.attempts + 1 },
        };
    }
    if facts.expires.is_some_and(|expires| now >= expires) {
        return Step::Expire;
    }
    if facts.attempts >= facts.max_attempts {
        return Step::Die;
    }
    Step::Attempt { number: facts.attempts + 1 }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The provider has it.
    Delivered,
    /// The provider certainly does not have it, and another attempt may succeed.
    Retry,
    /// The provider certainly does not have it and never will.
    Refused,
    /// It cannot be told whether the provider has it: a timeout, a cut connection.
    Ambiguous,
}

impl Outcome {
    /// The outcome in capitals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "DELIVERED",
            Self::Retry => "RETRY",
            Self::Refused => "FAILED",
            Self::Ambiguous => "UNKNOWN",
        }
    }
}

/// What an outcome makes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Where it stands now.
    pub state: State,
    /// Whether the attempt stays open, to be looked at again after the backoff.
    pub open_attempt: bool,
    /// Whether to come back after the backoff.
    pub again: bool,
}

/// What an outcome makes of a delivery with these facts.
#[must_use]
pub fn settle(facts: &Facts, outcome: Outcome) -> Settled {
    let ended = |state| Settled { state, open_attempt: false, again: false };
    match outcome {
        Outcome::Delivered => ended(State::Delivered),
        Outcome::Refused => ended(State::Dead),
        Outcome::Retry if facts.attempts >= facts.max_attempts => ended(State::Dead),
        Outcome::Retry => Settled { state: State::Queued, open_attempt: false, again: true },
        // Like a crash: the attempt stays open and the next step finds out or gives up.
        Outcome::Ambiguous => Settled { state: State::Attempting, open_attempt: true, again: true },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(state: State, attempts: u32, open_attempt: bool, memory: ProviderMemory, guarantee: Guarantee) -> Facts {
        Facts {
            state,
            attempts,
            open_attempt,
            expires: Some(Timestamp::from_millis(1000)),
            max_attempts: 3,
            memory,
            guarantee,
        }
    }

    #[test]
    fn an_open_attempt_is_never_sent_again_blindly_under_at_most_once() {
        let now = Timestamp::from_millis(0);
        for memory in [ProviderMemory::Lookup, ProviderMemory::HonoursKey, ProviderMemory::None] {
            let step = next_step(&facts(State::Attempting, 1, true, memory, Guarantee::AtMostOnce), now);
            assert!(!matches!(step, Step::Attempt { .. } | Step::AttemptAgain { .. }), "{memory:?}");
        }
    }

    #[test]
    fn expiry_counts_only_before_bytes_left() {
        let late = Timestamp::from_millis(1000);
        let waiting = facts(State::Queued, 0, false, ProviderMemory::Lookup, Guarantee::AtMostOnce);
        assert_eq!(next_step(&waiting, late), Step::Expire);
        let open = facts(State::Attempting, 1, true, ProviderMemory::Lookup, Guarantee::AtMostOnce);
        assert_eq!(next_step(&open, late), Step::LookUp);
    }

    #[test]
    fn attempts_end() {
        let now = Timestamp::from_millis(0);
        let used_up = facts(State::Queued, 3, false, ProviderMemory::HonoursKey, Guarantee::AtLeastOnce);
        assert_eq!(next_step(&used_up, now), Step::Die);
        assert_eq!(settle(&used_up, Outcome::Retry).state, State::Dead);
        let open = facts(State::Attempting, 3, true, ProviderMemory::None, Guarantee::AtLeastOnce);
        assert_eq!(next_step(&open, now), Step::GiveUpUnknown);
    }

    #[test]
    fn final_states_rest() {
        for state in [State::Delivered, State::Suppressed, State::Expired, State::Dead, State::Unknown] {
            let facts = facts(state, 1, false, ProviderMemory::None, Guarantee::AtLeastOnce);
            assert_eq!(next_step(&facts, Timestamp::from_millis(0)), Step::Rest);
        }
    }
}
