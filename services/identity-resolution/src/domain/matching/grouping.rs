//! Which records of a component are one person's.

use attune_matching::cluster::{Edge, Rule, Task, cluster};

use super::plan::Component;
use super::record::RecordKey;

/// The number of the group of each record of a component: the clustering of the matching crate, with what people decided
/// as constraints. `weight` scores any pair of the component; `link` is the least probability of a link.
#[must_use]
pub fn group(component: &Component, link: f64, weight: &(impl Fn(RecordKey, RecordKey) -> f32 + Sync)) -> Vec<u32> {
    let places = component.places();
    let place = |pair: &(RecordKey, RecordKey)| Some((*places.get(&pair.0)?, *places.get(&pair.1)?));
    let edges: Vec<Edge> = component
        .pairs
        .iter()
        .filter(|pair| pair.probability >= link)
        .filter_map(|pair| {
            let (left, right) = place(&(pair.left, pair.right))?;
            Some(Edge { left, right, weight: narrow(pair.weight) })
        })
        .collect();
    let together: Vec<(u32, u32)> = component.together.iter().filter_map(place).collect();
    let apart: Vec<(u32, u32)> = component.apart.iter().filter_map(place).collect();
    let task = Task {
        records: component.records.len(),
        edges: &edges,
        sources: None,
        must_link: &together,
        cannot_link: &apart,
    };
    let at = |place: u32| component.records.get(place as usize).copied();
    let score = |left: u32, right: u32| match (at(left), at(right)) {
        (Some(left), Some(right)) => weight(left, right),
        _ => f32::MIN,
    };
    cluster(&task, &Rule::new(narrow(weight_of(link))), &score, 1).cluster_of
}

/// The weight of a probability, in bits.
#[must_use]
pub fn weight_of(probability: f64) -> f64 {
    let probability = probability.clamp(1e-9, 1.0 - 1e-9);
    (probability / (1.0 - probability)).log2()
}

#[expect(clippy::cast_possible_truncation, reason = "a weight has far fewer digits than a float")]
fn narrow(weight: f64) -> f32 {
    weight as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::matching::Pair;

    const LINK: f64 = 0.9;

    fn key(of: u8) -> RecordKey {
        RecordKey::cut(&[of; 16])
    }

    /// Two families of three, each member alike all others of the family, and one bridge.
    fn families() -> Component {
        let mut component = Component { records: (0..6).map(key).collect(), ..Component::default() };
        for (left, right) in [(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5), (2, 3)] {
            component.pairs.push(Pair::new(key(left), key(right), 9.0, 0.998));
        }
        component
    }

    fn far(_: RecordKey, _: RecordKey) -> f32 {
        -10.0
    }

    #[test]
    fn a_bridge_joins_nobody_and_a_person_may() {
        let mut component = families();
        assert_eq!(group(&component, LINK, &far), [0, 0, 0, 1, 1, 1]);
        component.apart.insert((key(0), key(1)));
        let groups = group(&component, LINK, &far);
        assert_ne!(groups[0], groups[1]);
        component.apart.clear();
        component.together.insert((key(0), key(5)));
        let groups = group(&component, LINK, &far);
        assert_eq!(groups[0], groups[5]);
    }

    #[test]
    fn weights_and_probabilities_agree() {
        assert!(weight_of(0.5).abs() < 1e-12);
        assert!((weight_of(0.75) - 3f64.log2()).abs() < 1e-12);
        assert!(weight_of(1.0).is_finite() && weight_of(0.0).is_finite());
    }
}
