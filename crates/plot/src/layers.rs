//! Nodes of a directed graph in layers, so that most edges go down and few cross.
//!
//! Cycles are broken by the order of vertices that the heuristic of Eades, Lin and Smyth finds (1993, "A fast and
//! effective heuristic for the feedback arc set problem", with weights); layers are longest paths over the edges that go
//! forward in it; orders within layers come from sweeps of barycentres (Sugiyama, Tagawa and Toda, 1981).

/// An edge: from, to, weight.
pub(crate) type Edge = (usize, usize, u64);

/// For each layer from above, its nodes from left to right. Every node is in one of them; of what could be either way,
/// the one with the lower number comes first.
pub(crate) fn layers(nodes: usize, edges: &[Edge]) -> Vec<Vec<usize>> {
    let rank = rank(nodes, edges);
    let mut order: Vec<usize> = (0..nodes).collect();
    order.sort_unstable_by_key(|node| rank[*node]);
    let mut layer = vec![0; nodes];
    for node in order {
        for (from, to, _) in edges.iter().filter(|edge| edge.0 == node && rank[edge.1] > rank[node]) {
            layer[*to] = layer[*to].max(layer[*from] + 1);
        }
    }
    let depth = layer.iter().max().map_or(0, |last| last + 1);
    let mut layers = vec![Vec::new(); depth];
    for (node, layer) in layer.iter().enumerate() {
        layers[*layer].push(node);
    }
    untangle(&mut layers, nodes, edges);
    layers
}

/// The place of each node in an order in which the edges that go backwards weigh little.
fn rank(nodes: usize, edges: &[Edge]) -> Vec<usize> {
    let mut out = vec![0u128; nodes];
    let mut into = vec![0u128; nodes];
    for (from, to, weight) in edges.iter().filter(|edge| edge.0 != edge.1) {
        out[*from] += u128::from(*weight);
        into[*to] += u128::from(*weight);
    }
    let mut left: Vec<usize> = (0..nodes).collect();
    let (mut front, mut back) = (Vec::new(), Vec::new());
    while !left.is_empty() {
        let source = left.iter().position(|node| into[*node] == 0);
        let sink = left.iter().rposition(|node| out[*node] == 0);
        let (at, last) = match (source, sink) {
            (Some(at), _) => (at, false),
            (None, Some(at)) => (at, true),
            (None, None) => {
                let surplus = |node: &usize| out[*node] as i128 - into[*node] as i128;
                let best = left.iter().enumerate().max_by(|(_, a), (_, b)| surplus(a).cmp(&surplus(b)).then(b.cmp(a)));
                (best.map_or(0, |(at, _)| at), false)
            }
        };
        let node = left.remove(at);
        if last { &mut back } else { &mut front }.push(node);
        for (from, to, weight) in edges.iter().filter(|edge| edge.0 != edge.1) {
            if *from == node && left.contains(to) {
                into[*to] -= u128::from(*weight);
            }
            if *to == node && left.contains(from) {
                out[*from] -= u128::from(*weight);
            }
        }
    }
    let mut rank = vec![0; nodes];
    for (place, node) in front.into_iter().chain(back.into_iter().rev()).enumerate() {
        rank[node] = place;
    }
    rank
}

/// Sweeps over the layers.
const SWEEPS: usize = 8;

/// Orders each layer by where the neighbours of its nodes in other layers are.
fn untangle(layers: &mut [Vec<usize>], nodes: usize, edges: &[Edge]) {
    let mut place = vec![0.0; nodes];
    let settle = |layer: &[usize], place: &mut Vec<f64>| {
        for (at, node) in layer.iter().enumerate() {
            place[*node] = (at as f64 + 0.5) / layer.len() as f64;
        }
    };
    layers.iter().for_each(|layer| settle(layer, &mut place));
    for sweep in 0..SWEEPS {
        let order: Vec<usize> =
            if sweep % 2 == 0 { (0..layers.len()).collect() } else { (0..layers.len()).rev().collect() };
        for at in order {
            let mut centred: Vec<(f64, usize)> =
                layers[at].iter().map(|node| (centre(*node, edges, &place), *node)).collect();
            centred.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            layers[at] = centred.into_iter().map(|(_, node)| node).collect();
            settle(&layers[at], &mut place);
        }
    }
}

/// The mean place of a node's neighbours, by weight; its own when it has none.
fn centre(node: usize, edges: &[Edge], place: &[f64]) -> f64 {
    let (mut sum, mut weight) = (0.0, 0.0);
    for (from, to, count) in edges.iter().filter(|edge| edge.0 != edge.1) {
        let other = match node {
            node if node == *from => *to,
            node if node == *to => *from,
            _ => continue,
        };
        sum += place[other] * *count as f64;
        weight += *count as f64;
    }
    if weight > 0.0 { sum / weight } else { place[node] }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_way_with_a_rare_step_back_goes_down() {
        let edges = [(0, 1, 100), (1, 2, 80), (2, 1, 10), (2, 3, 60), (3, 3, 9), (1, 3, 5)];
        assert_eq!(layers(4, &edges), [[0], [1], [2], [3]]);
        assert_eq!(layers(3, &[]), [vec![0, 1, 2]]);
        assert!(layers(0, &[]).is_empty());
    }

    #[test]
    fn neighbours_stand_above_one_another() {
        let found = layers(6, &[(0, 5, 1), (1, 4, 1), (2, 3, 1)]);
        assert_eq!(found[0].len(), 3);
        let above: Vec<usize> = found[1].iter().map(|node| 5 - node).collect();
        assert_eq!(found[0], above);
    }

    proptest! {
        #[test]
        fn every_node_is_placed_once_and_half_of_the_weight_goes_down(
            edges in prop::collection::vec((0usize..9, 0usize..9, 1u64..100), 0..40),
        ) {
            let found = layers(9, &edges);
            let mut all = found.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..9).collect::<Vec<_>>());
            let layer = |node: usize| found.iter().position(|layer| layer.contains(&node)).unwrap();
            let weigh = |down: bool| -> u64 {
                edges.iter().filter(|edge| edge.0 != edge.1 && (layer(edge.1) > layer(edge.0)) == down).map(|edge| edge.2).sum()
            };
            prop_assert!(weigh(true) >= weigh(false));
        }
    }
}
