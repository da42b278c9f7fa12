//! Contact policies, ready to be applied.

use std::time::Duration;

use attune_kernel::Timestamp;

use super::contact::Touch;
use super::scope::Scope;

/// A limit on contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its id.
    pub id: String,
    /// The contacts it counts and limits.
    pub scope: Scope,
    /// What it allows.
    pub limit: Limit,
}

/// What a policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// At most `limit` contacts of one person in any window of this length. Two contacts exactly one length apart do not
    /// share a window.
    Frequency {
        /// How many.
        limit: i64,
        /// Length of the sliding window.
        window: Duration,
        /// Whether each offer is counted by itself.
        per_offer: bool,
    },
    /// At most `limit` contacts over all persons in each period, counted from when the policy exists.
    Capacity {
        /// How many.
        limit: i64,
        /// Length of a period; periods are aligned to 1970-01-01T00:00:00Z.
        period: Duration,
    },
}

/// The counter of a capacity in one period.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CounterKey {
    /// The policy.
    pub policy: String,
    /// The length of the period in microseconds: another length is another counter.
    pub period: i64,
    /// Which period since 1970.
    pub index: i64,
}

/// Length of a duration in microseconds, at least one.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX).max(1)
}

impl Policy {
    /// Whether it is about such a contact.
    #[must_use]
    pub fn covers(&self, touch: &Touch) -> bool {
        self.scope.contains(&touch.channel, &touch.offer, &touch.campaign)
    }

    /// The counter that a contact at `time` is counted in; none for a frequency.
    #[must_use]
    pub fn counter(&self, time: Timestamp) -> Option<CounterKey> {
        let Limit::Capacity { period, .. } = self.limit else { return None };
        let period = micros(period);
        Some(CounterKey { policy: self.id.clone(), period, index: time.as_micros().div_euclid(period) })
    }
}

/// The enabled policies, ordered by id.
#[derive(Debug, Clone, Default)]
pub struct PolicySet {
    policies: Vec<Policy>,
    longest_window: Duration,
}

impl PolicySet {
    /// A set of policies.
    #[must_use]
    pub fn new(mut policies: Vec<Policy>) -> Self {
        policies.sort_by(|a, b| a.id.cmp(&b.id));
        for policy in &mut policies {
            policy.scope = std::mem::take(&mut policy.scope).normalized();
        }
        let window = |policy: &Policy| match policy.limit {
            Limit::Frequency { window, .. } => Some(window),
            Limit::Capacity { .. } => None,
        };
        Self { longest_window: policies.iter().filter_map(window).max().unwrap_or_default(), policies }
    }

    /// The policies, ordered by id.
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// The longest window of a frequency; zero when there is none.
    #[must_use]
    pub const fn longest_window(&self) -> Duration {
        self.longest_window
    }

    /// The counters that a contact is counted in, in order.
    #[must_use]
    pub fn charges(&self, touch: &Touch, time: Timestamp) -> Vec<CounterKey> {
        let covering = self.policies.iter().filter(|policy| policy.covers(touch));
        covering.filter_map(|policy| policy.counter(time)).collect()
    }

    /// The counters that any of these contacts is counted in, in order and once each.
    #[must_use]
    pub fn counters(&self, touches: &[Touch], time: Timestamp) -> Vec<CounterKey> {
        let of_capacity = self.policies.iter().filter_map(|policy| Some((policy, policy.counter(time)?)));
        of_capacity
            .filter(|(policy, _)| touches.iter().any(|touch| policy.covers(touch)))
            .map(|(_, counter)| counter)
            .collect()
    }
}
