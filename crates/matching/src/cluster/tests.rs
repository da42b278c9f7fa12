//! Clustering against a naive reference, and against the transitive closure.

use super::grain::Scale;
use super::simulate::{Kind, People, Random, pair_random, pairwise};
use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The transitive closure of the links.
fn closure(task: &Task<'_>, rule: &Rule) -> Vec<u32> {
    let mut sets = UnionFind::new(task.records);
    for edge in task.edges {
        if edge.weight >= rule.threshold {
            sets.union(edge.left, edge.right);
        }
    }
    (0..task.records as u32).map(|record| sets.find(record)).collect()
}

/// Average linkage as it is defined: every mean is computed from all pairs, every time. Clusters are named by their
/// first records.
fn naive(task: &Task<'_>, rule: &Rule, score: &impl Fn(u32, u32) -> f32) -> Vec<u32> {
    let scale = Scale::new(rule);
    let weight = |left: u32, right: u32| -> Option<i64> {
        let (left, right) = (left.min(right), left.max(right));
        let is_pair = |pair: &(u32, u32)| *pair == (left, right) || *pair == (right, left);
        if task.cannot_link.iter().any(is_pair) {
            return None;
        }
        let known = task.edges.iter().filter(|edge| is_pair(&(edge.left, edge.right))).map(|edge| edge.weight);
        Some(i64::from(scale.grain(known.reduce(f32::max).unwrap_or_else(|| score(left, right)))))
    };
    let mut component = UnionFind::new(task.records);
    for edge in task.edges {
        if edge.weight >= rule.threshold {
            component.union(edge.left, edge.right);
        }
    }
    for (left, right) in task.must_link {
        component.union(*left, *right);
    }
    let mut clusters: Vec<Vec<u32>> = (0..task.records as u32).map(|record| vec![record]).collect();
    let mut must: Vec<(u32, u32)> = task.must_link.iter().map(|(l, r)| (*l.min(r), *l.max(r))).collect();
    must.sort_unstable();
    for (left, right) in must {
        let one = clusters.iter().position(|cluster| cluster.contains(&left)).unwrap();
        let other = clusters.iter().position(|cluster| cluster.contains(&right)).unwrap();
        let may = clusters[one].iter().all(|l| clusters[other].iter().all(|r| l == r || weight(*l, *r).is_some()));
        if one != other && may {
            let gone = clusters[one.max(other)].clone();
            clusters[one.min(other)].extend(gone);
            clusters.remove(one.max(other));
        }
    }
    loop {
        clusters.iter_mut().for_each(|cluster| cluster.sort_unstable());
        clusters.sort_unstable();
        let mut best: Option<(i64, usize, usize)> = None;
        for one in 0..clusters.len() {
            for other in one + 1..clusters.len() {
                if component.find(clusters[one][0]) != component.find(clusters[other][0]) {
                    continue;
                }
                let all: Option<Vec<i64>> =
                    clusters[one].iter().flat_map(|l| clusters[other].iter().map(|r| weight(*l, *r))).collect();
                let Some(all) = all else { continue };
                let found = grain::mean(all.iter().sum(), all.len() as u64);
                if found >= 0 && best.is_none_or(|(most, ..)| found > most) {
                    best = Some((found, one, other));
                }
            }
        }
        let Some((_, one, other)) = best else { break };
        let gone = clusters.remove(other);
        clusters[one].extend(gone);
    }
    let mut names = vec![0; task.records];
    for cluster in clusters {
        for record in &cluster {
            names[*record as usize] = cluster[0];
        }
    }
    names
}

/// Labels as the first record of each cluster.
fn firsts(labels: &[u32]) -> Vec<u32> {
    labels.iter().map(|label| labels.iter().position(|other| other == label).unwrap() as u32).collect()
}

/// Weights of a few crude sizes, so that ties happen.
fn crude(seed: u64, left: u32, right: u32) -> f32 {
    (pair_random(seed, left, right).below(14) as f32) - 8.0
}

fn some_edges(records: usize, seed: u64, density: f64) -> Vec<Edge> {
    let mut random = Random(seed);
    let mut edges = Vec::new();
    for left in 0..records as u32 {
        for right in left + 1..records as u32 {
            if random.unit() < density {
                edges.push(Edge { left, right, weight: crude(seed, left, right) });
            }
        }
    }
    edges
}

fn some_pairs(records: usize, random: &mut Random, count: usize) -> Vec<(u32, u32)> {
    let pairs = (0..count).map(|_| (random.below(records) as u32, random.below(records) as u32));
    pairs.filter(|(left, right)| left != right).collect()
}

proptest! {
    #[test]
    fn equals_the_reference_in_any_order_on_any_threads(
        records in 2_usize..24, seed: u64, density in 0.05_f64..0.6, musts in 0_usize..3, cannots in 0_usize..4,
    ) {
        let mut random = Random(seed ^ 1);
        let edges = some_edges(records, seed, density);
        let (must, cannot) = (some_pairs(records, &mut random, musts), some_pairs(records, &mut random, cannots));
        let rule = Rule { threshold: 1.0, clip: 5.0 };
        let score = |left: u32, right: u32| crude(seed, left, right);
        let task = Task { records, edges: &edges, sources: None, must_link: &must, cannot_link: &cannot };
        let expected = naive(&task, &rule, &score);
        let found = cluster(&task, &rule, &score, 1);
        prop_assert_eq!(firsts(&found.cluster_of), expected);
        for (left, right) in &cannot {
            prop_assert_ne!(found.cluster_of[*left as usize], found.cluster_of[*right as usize]);
        }
        for pair in &must {
            let apart = found.cluster_of[pair.0 as usize] != found.cluster_of[pair.1 as usize];
            prop_assert_eq!(apart, found.conflicts.contains(&(pair.0.min(pair.1), pair.0.max(pair.1))));
        }

        let mut shuffled = edges.clone();
        random.shuffle(&mut shuffled);
        for edge in &mut shuffled {
            if random.unit() < 0.5 {
                *edge = Edge { left: edge.right, right: edge.left, weight: edge.weight };
            }
        }
        let task = Task { edges: &shuffled, ..task };
        prop_assert_eq!(cluster(&task, &rule, &score, 3), found);
    }

    #[test]
    fn streaming_then_reconciling_equals_the_batch(
        records in 2_usize..40, seed: u64, density in 0.02_f64..0.3, musts in 0_usize..3, cannots in 0_usize..3,
    ) {
        let mut random = Random(seed ^ 2);
        let edges = some_edges(records, seed, density);
        let (must, cannot) = (some_pairs(records, &mut random, musts), some_pairs(records, &mut random, cannots));
        let rule = Rule { threshold: 1.0, clip: 5.0 };
        let score = |left: u32, right: u32| crude(seed, left, right);
        let mut online = Online::new(rule);
        for record in 0..records as u32 {
            let candidates: Vec<(u32, f32)> =
                edges.iter().filter(|edge| edge.right == record).map(|edge| (edge.left, edge.weight)).collect();
            online.add(&candidates, 2.0, &score);
            if random.unit() < 0.1 {
                online.reconcile(&score);
            }
        }
        must.iter().for_each(|(left, right)| online.must_link(*left, *right));
        cannot.iter().for_each(|(left, right)| online.cannot_link(*left, *right));
        let before = online.clusters().to_vec();
        let changes = online.reconcile(&score);
        let task = Task { records, edges: &edges, sources: None, must_link: &must, cannot_link: &cannot };
        let batch = cluster(&task, &rule, &score, 1);
        prop_assert_eq!(online.clusters().to_vec(), firsts(&batch.cluster_of));
        for (record, from) in before.iter().enumerate() {
            let to = online.clusters()[record];
            let change = Change { record: record as u32, from: *from, to };
            prop_assert_eq!(changes.contains(&change), *from != to);
        }
        prop_assert!(online.reconcile(&score).is_empty());
    }

    #[test]
    fn one_to_one_is_the_best_assignment(left in 1_usize..6, right in 1_usize..6, seed: u64, density in 0.2_f64..1.0) {
        let records = left + right;
        let sources: Vec<u16> = (0..records).map(|record| u16::from(record >= left)).collect();
        let edges = some_edges(records, seed, density);
        let rule = Rule { threshold: 1.0, clip: 5.0 };
        let task = Task { records, edges: &edges, sources: Some(&sources), ..Task::default() };
        let found = cluster(&task, &rule, &|_, _| unreachable!("an assignment asks for nothing"), 1);
        let gain = |l: usize, r: usize| {
            let edge = edges.iter().find(|edge| (edge.left, edge.right) == (l as u32, r as u32));
            edge.filter(|edge| edge.weight >= 1.0).map(|edge| edge.weight - 1.0 + 1.0 / 256.0)
        };
        // Every way to give each left record a right one or none.
        fn search(at: usize, left: usize, free: &mut BTreeSet<usize>, gain: &dyn Fn(usize, usize) -> Option<f32>) -> f32 {
            if at == left {
                return 0.0;
            }
            let mut best = search(at + 1, left, free, gain);
            for other in free.clone() {
                if let Some(gain_here) = gain(at, other) {
                    free.remove(&other);
                    best = best.max(gain_here + search(at + 1, left, free, gain));
                    free.insert(other);
                }
            }
            best
        }
        let best = search(0, left, &mut (left..records).collect(), &gain);
        let mut sum = 0.0;
        for members in found.members() {
            prop_assert!(members.len() <= 2);
            if let [one, other] = members[..] {
                let gain = gain(one as usize, other as usize);
                prop_assert!(gain.is_some());
                sum += gain.unwrap_or_default();
            }
        }
        prop_assert!((sum - best).abs() < 1e-3, "{sum} instead of {best}");
    }

    #[test]
    fn three_inputs_one_to_one_keep_an_inputs_records_apart(records in 3_usize..30, seed: u64) {
        let sources: Vec<u16> = (0..records).map(|record| (record % 3) as u16).collect();
        let edges = some_edges(records, seed, 0.3);
        let task = Task { records, edges: &edges, sources: Some(&sources), ..Task::default() };
        let found = cluster(&task, &Rule::new(1.0), &|left, right| crude(seed, left, right), 1);
        for members in found.members() {
            let inputs: BTreeSet<u16> = members.iter().map(|record| sources[*record as usize]).collect();
            prop_assert_eq!(inputs.len(), members.len());
        }
    }
}

#[test]
fn beats_the_transitive_closure_on_noisy_clusters() {
    for seed in 0..5 {
        let kind = Kind::NOISY;
        let people = People::draw(&kind, seed);
        let edges = people.edges(&kind);
        let task = Task { records: people.person.len(), edges: &edges, ..Task::default() };
        let rule = Rule::new(0.0);
        let (_, _, theirs) = pairwise(&people.person, &closure(&task, &rule));
        let found = cluster(&task, &rule, &|left, right| people.weight(&kind, left, right), 2);
        let (precision, recall, ours) = pairwise(&people.person, &found.cluster_of);
        // No threshold makes the closure as good: a higher one loses records faster than false links.
        let best = (0..12)
            .map(|threshold| pairwise(&people.person, &closure(&task, &Rule::new(threshold as f32))).2)
            .fold(0.0, f64::max);
        println!(
            "closure {theirs:.4}, at its best threshold {best:.4}; average linkage {ours:.4} ({precision:.4} {recall:.4})"
        );
        assert!(ours > theirs + 0.03 && ours > best + 0.01, "{ours} against {theirs} and {best}");
        assert!(precision > 0.98 && recall > 0.93, "{precision} {recall}");
    }
}

#[test]
fn a_hub_does_not_join_everybody() {
    // A default value makes one record weakly like 300 persons with three clean records each.
    let persons = 300_u32;
    let mut edges = Vec::new();
    for person in 0..persons {
        let first = person * 3;
        for (left, right) in [(0, 1), (1, 2)] {
            edges.push(Edge { left: first + left, right: first + right, weight: 15.0 });
        }
        edges.push(Edge { left: first, right: persons * 3, weight: 2.0 });
    }
    let score = |left: u32, right: u32| if left / 3 == right / 3 && right < persons * 3 { 15.0 } else { -10.0 };
    let task = Task { records: persons as usize * 3 + 1, edges: &edges, ..Task::default() };
    let found = cluster(&task, &Rule::new(0.0), &score, 1);
    assert_eq!(found.clusters, persons as usize + 1);
    let (_, coherence) = found.coherence[0];
    assert_eq!((coherence.records, coherence.mean, coherence.agreeing), (3, Rule::CLIP, 1.0));
}

#[test]
fn a_large_component_is_clustered_nearly_as_well_as_small_ones() {
    // Chains of false links make everybody one component.
    let kind = Kind { persons: 800, ..Kind::NOISY };
    let people = People::draw(&kind, 3);
    let mut edges = people.edges(&kind);
    let records = people.person.len() as u32;
    edges.extend((1..records).map(|record| Edge { left: record - 1, right: record, weight: 1.0 }));
    let task = Task { records: records as usize, edges: &edges, ..Task::default() };
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let found = cluster(
        &task,
        &Rule::new(0.0),
        &|left, right| {
            asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            people.weight(&kind, left, right)
        },
        1,
    );
    let (precision, recall, f1) = pairwise(&people.person, &found.cluster_of);
    println!("precision {precision:.4}, recall {recall:.4}, F1 {f1:.4}, asked {asked:?} for {records} records");
    assert!(precision > 0.97 && recall > 0.9, "{precision} {recall}");
    // The figures of clusters ask beyond the budget, a sample of each.
    assert!(asked.into_inner() <= (BUDGET + SAMPLE) * records as usize);
    let mut shuffled = edges.clone();
    Random(5).shuffle(&mut shuffled);
    let task = Task { edges: &shuffled, ..task };
    assert_eq!(cluster(&task, &Rule::new(0.0), &|left, right| people.weight(&kind, left, right), 3), found);
}

#[test]
fn a_decision_is_never_overridden() {
    let edges: Vec<Edge> = [(0, 1), (1, 2), (0, 2)].map(|(left, right)| Edge { left, right, weight: 30.0 }).into();
    let task = Task { records: 5, edges: &edges, must_link: &[(3, 4)], cannot_link: &[(0, 2)], ..Task::default() };
    let found = cluster(&task, &Rule::new(0.0), &|_, _| -30.0, 1);
    assert_eq!(found.cluster_of, [0, 0, 1, 2, 2]);
    let task = Task { must_link: &[(0, 1), (1, 2)], ..task };
    let found = cluster(&task, &Rule::new(0.0), &|_, _| -30.0, 1);
    assert_eq!((found.cluster_of, found.conflicts), (vec![0, 0, 1, 2, 3], vec![(1, 2)]));
}

#[test]
fn places_a_record_by_its_mean_weight() {
    let rule = Rule { threshold: 1.0, clip: 10.0 };
    let candidates: [(&str, &[f32]); 3] =
        [("b", &[20.0, -30.0]), ("c", &[8.0, 0.0, 0.0]), ("d", &[40.0, f32::NEG_INFINITY])];
    assert_eq!(place(&rule, 0.0, candidates), Placement::Join("c"));
    assert_eq!(place(&rule, 0.0, [("a", &[0.5_f32][..])]), Placement::Own);
    assert_eq!(place(&rule, 1.0, [("a", &[0.5_f32][..])]), Placement::Review("a"));
    assert_eq!(place::<&str>(&rule, 1.0, []), Placement::Own);
}

#[test]
fn nothing_and_nobody_are_fine() {
    let found = cluster(&Task::default(), &Rule::new(0.0), &|_, _| 0.0, 4);
    assert_eq!(found, Clustering::default());
    let found = cluster(&Task { records: 3, ..Task::default() }, &Rule::new(0.0), &|_, _| 0.0, 4);
    assert_eq!((found.cluster_of, found.clusters), (vec![0, 1, 2], 3));
    let strange = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    let edges = strange.map(|weight| Edge { left: 0, right: 1, weight });
    let found = cluster(&Task { records: 2, edges: &edges, ..Task::default() }, &Rule::new(0.0), &|_, _| 0.0, 1);
    assert_eq!(found.cluster_of, [0, 0]);
}
