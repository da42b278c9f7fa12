//! The value that an obstacle costs.
//!
//! Within each stratum (such as a device, or how far the session got before), the sessions that were hit are compared
//! with those that were not: lost = number hit x (mean value of those not hit - mean value of those hit). Summed over
//! strata this is the value that would have been there if sessions that were hit had gone like the others of their
//! stratum. The 95 % interval is that of the normal approximation with a variance that lets sessions of one customer
//! depend on one another (the sum over customers of the squared sums of their influences, by C / (C - 1)); the number
//! hit is taken as given.
//!
//! A stratum in which nobody, or everybody, was hit says nothing and is left out; how many hit sessions were left out is
//! part of the answer.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::number::Z95;

/// A session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Session {
    /// Whom it belongs to.
    pub customer: u32,
    /// What it is compared within.
    pub stratum: u32,
    /// Whether it met the obstacle.
    pub hit: bool,
    /// What it brought: 1 or 0 for conversions, or an amount.
    pub value: f64,
}

/// What an obstacle costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impact {
    /// Sessions that were hit.
    pub hit: u64,
    /// Sessions that were not.
    pub spared: u64,
    /// Hit sessions of strata that have none to compare with.
    pub unmatched: u64,
    /// The mean value of sessions that were hit and can be compared.
    pub hit_mean: f64,
    /// The mean value that they would have had.
    pub expected_mean: f64,
    /// The value lost over all that can be compared; negative where sessions that were hit bring more.
    pub lost: f64,
    /// The lower and upper end of its 95 % interval.
    pub interval: (f64, f64),
}

#[derive(Default, Clone, Copy)]
struct Group {
    count: u64,
    sum: f64,
}

impl Group {
    fn mean(self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }
}

/// What the obstacle costs, or nothing when no stratum has sessions of both kinds.
#[must_use]
pub fn impact(sessions: &[Session]) -> Option<Impact> {
    let mut strata: BTreeMap<u32, [Group; 2]> = BTreeMap::new();
    for session in sessions {
        let group = &mut strata.entry(session.stratum).or_default()[usize::from(session.hit)];
        group.count += 1;
        group.sum += session.value;
    }
    let count = |side: usize| strata.values().map(|groups| groups[side].count).sum::<u64>();
    let (spared, hit) = (count(0), count(1));
    let compared = |groups: &[Group; 2]| groups[0].count > 0 && groups[1].count > 0;
    let (mut lost, mut matched, mut hit_sum) = (0.0, 0, 0.0);
    for groups in strata.values().filter(|groups| compared(groups)) {
        lost += groups[1].count as f64 * (groups[0].mean() - groups[1].mean());
        matched += groups[1].count;
        hit_sum += groups[1].sum;
    }
    if matched == 0 {
        return None;
    }
    let mut influence: FxHashMap<u32, f64> = FxHashMap::default();
    let mut customers = Vec::new();
    for session in sessions {
        let Some(groups) = strata.get(&session.stratum).filter(|groups| compared(groups)) else { continue };
        let own = groups[usize::from(session.hit)];
        let weight = if session.hit { -1.0 } else { groups[1].count as f64 / own.count as f64 };
        let sum = influence.entry(session.customer).or_insert_with(|| {
            customers.push(session.customer);
            0.0
        });
        *sum += weight * (session.value - own.mean());
    }
    // In the order of the sessions: the same sum on every machine.
    let squares: f64 = customers.iter().filter_map(|customer| influence.get(customer)).map(|sum| sum * sum).sum();
    let count = customers.len() as f64;
    let half = if count > 1.0 { Z95 * (squares * count / (count - 1.0)).sqrt() } else { f64::INFINITY };
    Some(Impact {
        hit,
        spared,
        unmatched: hit - matched,
        hit_mean: hit_sum / matched as f64,
        expected_mean: (hit_sum + lost) / matched as f64,
        lost,
        interval: (lost - half, lost + half),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    fn session(customer: u32, stratum: u32, hit: bool, value: f64) -> Session {
        Session { customer, stratum, hit, value }
    }

    #[test]
    fn strata_are_compared_with_themselves() {
        // Phones are hit more and bring less anyway: without strata the loss would be 14.
        let mut sessions = Vec::new();
        for at in 0..10 {
            sessions.push(session(at, 0, at < 8, if at < 8 { 1.0 } else { 2.0 }));
            sessions.push(session(100 + at, 1, at < 2, if at < 2 { 9.0 } else { 10.0 }));
        }
        sessions.push(session(900, 2, true, 5.0));
        let found = impact(&sessions).unwrap();
        assert_eq!((found.hit, found.spared, found.unmatched), (11, 10, 1));
        assert!((found.lost - 10.0).abs() < 1e-12);
        assert!((found.hit_mean - 2.6).abs() < 1e-12 && (found.expected_mean - 3.6).abs() < 1e-12);
        assert!(found.interval.0 <= found.lost && found.lost <= found.interval.1);
        assert_eq!(impact(&[session(0, 0, true, 1.0)]), None);
        assert_eq!(impact(&[]), None);
    }

    #[test]
    fn the_interval_covers_the_truth_with_customers_that_repeat() {
        let mut rng = StdRng::seed_from_u64(5);
        let (mut covered, runs) = (0, 400);
        for _ in 0..runs {
            let mut sessions = Vec::new();
            for customer in 0..150 {
                // Some customers buy much in every session: their sessions go together.
                let own: f64 = rng.random_range(0.0..20.0);
                for _ in 0..rng.random_range(1..8) {
                    let hit = rng.random_bool(0.3);
                    let value = own + rng.random_range(0.0..4.0) - if hit { 3.0 } else { 0.0 };
                    sessions.push(session(customer, 0, hit, value));
                }
            }
            let found = impact(&sessions).unwrap();
            let truth = 3.0 * found.hit as f64;
            covered += usize::from(found.interval.0 <= truth && truth <= found.interval.1);
        }
        let share = covered as f64 / f64::from(runs);
        assert!((0.91..=0.99).contains(&share), "{share}");
    }

    proptest! {
        #[test]
        fn one_session_a_customer_is_the_difference_of_means(
            values in prop::collection::vec((any::<bool>(), 0.0f64..100.0), 4..40),
        ) {
            let sessions: Vec<Session> =
                (0..).zip(&values).map(|(at, (hit, value))| session(at, 0, *hit, *value)).collect();
            let side = |wanted: bool| values.iter().filter(|value| value.0 == wanted).map(|value| value.1).collect::<Vec<_>>();
            let (hit, spared) = (side(true), side(false));
            match impact(&sessions) {
                None => prop_assert!(hit.is_empty() || spared.is_empty()),
                Some(found) => {
                    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
                    let variance = |values: &[f64]| {
                        let centre = mean(values);
                        values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / values.len() as f64
                    };
                    let count = hit.len() as f64;
                    let lost = count * (mean(&spared) - mean(&hit));
                    prop_assert!((found.lost - lost).abs() < 1e-6);
                    let all = values.len() as f64;
                    let squares = count * count * (variance(&hit) / count + variance(&spared) / spared.len() as f64);
                    let half = Z95 * (squares * all / (all - 1.0)).sqrt();
                    prop_assert!((found.interval.1 - found.lost - half).abs() < 1e-6 * (1.0 + half));
                }
            }
        }
    }
}
