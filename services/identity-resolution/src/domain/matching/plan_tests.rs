//! The plan against a naive model: matches that hold afterwards join exactly the groups.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::plan::{Component, Pair, plan};
use crate::domain::IdentifierKey;

const LINK: f64 = 0.9;

fn key(of: u8) -> IdentifierKey {
    let mut bytes = [0; 16];
    bytes[0] = of;
    IdentifierKey(bytes)
}

fn probability(weight: f64) -> f64 {
    1.0 / (1.0 + (-weight).exp2())
}

/// Records joined over pairs, as a set of sets.
fn sets(count: u8, pairs: &[Pair]) -> BTreeSet<BTreeSet<IdentifierKey>> {
    let mut sets: Vec<BTreeSet<IdentifierKey>> = (0..count).map(|of| BTreeSet::from([key(of)])).collect();
    for pair in pairs {
        let (with, without): (Vec<_>, Vec<_>) =
            sets.into_iter().partition(|set| set.contains(&pair.left) || set.contains(&pair.right));
        sets = without;
        sets.push(with.into_iter().flatten().collect());
    }
    sets.into_iter().collect()
}

/// Matches after the plan was carried out.
fn after(component: &Component, group: &[u32]) -> Vec<Pair> {
    let plan = plan(component, group, LINK);
    let gone = |pair: &Pair| plan.retract.iter().any(|one| (one.left, one.right) == (pair.left, pair.right));
    let mut held: Vec<Pair> = component.pairs.iter().filter(|pair| pair.linked && !gone(pair)).copied().collect();
    held.extend(&plan.assert);
    held
}

fn components() -> impl Strategy<Value = (Component, Vec<u32>)> {
    let pair = (0u8..12, 0u8..12, 0i8..14, any::<bool>());
    (
        prop::collection::vec(pair, 0..30),
        prop::collection::vec(0u32..4, 12),
        prop::collection::vec((0u8..12, 0u8..12), 0..3),
    )
        .prop_map(|(pairs, group, apart)| {
            let mut component = Component { records: (0..12).map(key).collect(), ..Component::default() };
            for (left, right, weight, linked) in pairs {
                let known = |pair: &Pair| {
                    let (one, other) = (key(left.min(right)), key(left.max(right)));
                    (pair.left, pair.right) == (one, other)
                };
                if left != right && !component.pairs.iter().any(known) {
                    let weight = f64::from(weight);
                    component
                        .pairs
                        .push(Pair { linked, ..Pair::new(key(left), key(right), weight, probability(weight)) });
                }
            }
            for (left, right) in apart {
                component.apart.insert((key(left.min(right)), key(left.max(right))));
            }
            (component, group)
        })
}

proptest! {
    #[test]
    fn matches_join_what_the_groups_join((component, group) in components()) {
        let held = after(&component, &group);
        let at = |key: IdentifierKey| usize::from(key.0[0]);
        let fit = |pair: &&Pair| {
            group[at(pair.left)] == group[at(pair.right)]
                && pair.probability >= LINK
                && !component.apart.contains(&(pair.left, pair.right))
        };
        let fitting: Vec<Pair> = component.pairs.iter().filter(fit).copied().collect();
        prop_assert_eq!(sets(12, &held), sets(12, &fitting));
        prop_assert!(held.iter().all(|pair| fit(&pair)));
    }

    #[test]
    fn what_was_carried_out_plans_nothing((component, group) in components()) {
        let held = after(&component, &group);
        let mut next = component.clone();
        for pair in &mut next.pairs {
            pair.linked = held.iter().any(|one| (one.left, one.right) == (pair.left, pair.right));
        }
        let again = plan(&next, &group, LINK);
        prop_assert!(again.assert.is_empty() && again.retract.is_empty(), "{again:?}");
    }

    #[test]
    fn the_order_of_pairs_does_not_matter((component, group) in components(), seed in any::<u64>()) {
        let mut shuffled = component.clone();
        let count = shuffled.pairs.len();
        for at in 0..count {
            let other = usize::try_from(seed.rotate_left(u32::try_from(at).unwrap() * 7) % 64).unwrap() % count.max(1);
            shuffled.pairs.swap(at, other);
        }
        prop_assert_eq!(plan(&shuffled, &group, LINK), plan(&component, &group, LINK));
    }
}

#[test]
fn a_small_group_stays_joined_without_any_one_record() {
    let mut component = Component { records: (0..4).map(key).collect(), ..Component::default() };
    for left in 0..4 {
        for right in left + 1..4 {
            component.pairs.push(Pair::new(key(left), key(right), 8.0, probability(8.0)));
        }
    }
    let plan = plan(&component, &[0; 4], LINK);
    for gone in 0..4 {
        let rest: Vec<Pair> =
            plan.assert.iter().filter(|pair| pair.left != key(gone) && pair.right != key(gone)).copied().collect();
        assert_eq!(sets(4, &rest).len(), 2, "three are one, and the one that is gone");
    }
}
