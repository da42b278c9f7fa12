//! The life of a campaign.

/// Where a campaign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Being written.
    Draft,
    /// Allowed to run.
    Approved,
    /// Running.
    Running,
    /// Held.
    Paused,
    /// Over.
    Ended,
}

impl State {
    /// Whether a campaign may go from this state to `next`; staying is always allowed.
    ///
    /// draft -> approved -> running <-> paused -> ended
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        self == next
            || matches!(
                (self, next),
                (Self::Draft, Self::Approved)
                    | (Self::Approved | Self::Paused, Self::Running)
                    | (Self::Running, Self::Paused)
                    | (Self::Paused, Self::Ended)
            )
    }

    /// The state's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Approved => "approved",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Ended => "ended",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::State::{self, Approved, Draft, Ended, Paused, Running};

    #[test]
    fn only_the_drawn_transitions_are_allowed() {
        let allowed = [(Draft, Approved), (Approved, Running), (Running, Paused), (Paused, Running), (Paused, Ended)];
        for from in [Draft, Approved, Running, Paused, Ended] {
            for to in [Draft, Approved, Running, Paused, Ended] {
                let expected = from == to || allowed.contains(&(from, to));
                assert_eq!(State::may_become(from, to), expected, "{} -> {}", from.as_str(), to.as_str());
            }
        }
    }
}
