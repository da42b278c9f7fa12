//! The removal effect in a Markov chain over touches, in closed form.
//!
//! A state is the last touches of a path, as many as the order says (fewer at its beginning); conversion and nothing
//! absorb. Without a channel, whoever would come to a state that holds it comes to nothing. The removal effect is the
//! share of conversions that is lost, and credit is shared out in proportion (Anderl and others, "Mapping the customer
//! journey", 2016). Where simulation gives an estimate that changes with its seed, the probabilities here solve a system
//! of linear equations, one for the whole chain and one for each channel; the same input gives the same bits.

use rustc_hash::FxHashMap;

use super::{Paths, TooManyStates};

/// States up to which the equations are solved.
const MOST: usize = 3000;

/// A chain as counts.
struct Chain {
    /// The touches that each state remembers; the first state is the beginning of a path.
    states: Vec<Vec<u32>>,
    /// By state: what follows how often.
    next: Vec<FxHashMap<usize, f64>>,
    /// By state: how often a conversion follows, and what it is worth.
    converted: Vec<(f64, f64)>,
    /// By state: how often anything follows.
    total: Vec<f64>,
}

/// The conversions and the value of each channel.
pub(super) fn attribute(paths: &Paths, order: usize) -> Result<Vec<(f64, f64)>, TooManyStates> {
    let chain = Chain::count(paths, order);
    if chain.states.len() > MOST {
        return Err(TooManyStates { states: chain.states.len(), limit: MOST });
    }
    let all = chain.from_start(None);
    let channels = paths.channels.len() as u32;
    let effect = |whole: f64, without: f64| if whole > 0.0 { ((whole - without) / whole).max(0.0) } else { 0.0 };
    let effects: Vec<(f64, f64)> = (0..channels)
        .map(|channel| {
            let without = chain.from_start(Some(channel));
            (effect(all.0, without.0), effect(all.1, without.1))
        })
        .collect();
    let sums = effects.iter().fold((0.0, 0.0), |sums, one| (sums.0 + one.0, sums.1 + one.1));
    let conversions: f64 = paths.paths.iter().map(|path| path.conversions).sum();
    let value: f64 = paths.paths.iter().map(|path| path.value).sum();
    let share = |part: f64, sum: f64, whole: f64| if sum > 0.0 { whole * part / sum } else { 0.0 };
    Ok(effects.into_iter().map(|one| (share(one.0, sums.0, conversions), share(one.1, sums.1, value))).collect())
}

impl Chain {
    fn count(paths: &Paths, order: usize) -> Self {
        let mut chain = Self {
            states: vec![Vec::new()],
            next: vec![FxHashMap::default()],
            converted: vec![(0.0, 0.0)],
            total: vec![0.0],
        };
        let mut numbers: FxHashMap<&[u32], usize> = FxHashMap::default();
        for path in &paths.paths {
            let weight = path.conversions + path.nulls;
            let mut state = 0;
            for end in 1..=path.touches.len() {
                let last = &path.touches[end.saturating_sub(order)..end];
                let to = *numbers.entry(last).or_insert_with(|| {
                    chain.states.push(last.to_vec());
                    chain.next.push(FxHashMap::default());
                    chain.converted.push((0.0, 0.0));
                    chain.total.push(0.0);
                    chain.states.len() - 1
                });
                *chain.next[state].entry(to).or_default() += weight;
                chain.total[state] += weight;
                state = to;
            }
            chain.converted[state].0 += path.conversions;
            chain.converted[state].1 += path.value;
            chain.total[state] += weight;
        }
        chain
    }

    /// The probability of a conversion and the expected value of a path from its beginning, without a channel.
    fn from_start(&self, without: Option<u32>) -> (f64, f64) {
        let kept = |state: usize| without.is_none_or(|channel| !self.states[state].contains(&channel));
        let states: Vec<usize> = (0..self.states.len()).filter(|state| kept(*state)).collect();
        let mut place = vec![usize::MAX; self.states.len()];
        for (at, state) in states.iter().enumerate() {
            place[*state] = at;
        }
        // One row an equation: x = sum of p times the next x, plus the probability (and the value) of a conversion now.
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(states.len());
        for (at, state) in states.iter().enumerate() {
            let mut row = vec![0.0; states.len() + 2];
            row[at] = 1.0;
            let total = self.total[*state];
            if total > 0.0 {
                for (next, weight) in &self.next[*state] {
                    if place[*next] != usize::MAX {
                        row[place[*next]] -= weight / total;
                    }
                }
                row[states.len()] = self.converted[*state].0 / total;
                row[states.len() + 1] = self.converted[*state].1 / total;
            }
            rows.push(row);
        }
        solve_first(rows)
    }
}

/// The first unknown of a system with two right-hand sides. The diagonal outweighs the rest of each row, so that no
/// pivot need be looked for; unknowns are eliminated from the last to the first.
fn solve_first(mut rows: Vec<Vec<f64>>) -> (f64, f64) {
    let size = rows.len();
    for pivot in (0..size).rev() {
        let (above, below) = rows.split_at_mut(pivot);
        let own = &below[0];
        // A state that leads only to itself never converts.
        if own[pivot].abs() < 1e-300 {
            continue;
        }
        for row in above {
            let factor = row[pivot] / own[pivot];
            if factor == 0.0 {
                continue;
            }
            for (to, from) in row[..pivot].iter_mut().zip(&own[..pivot]) {
                *to -= factor * from;
            }
            row[size] -= factor * own[size];
            row[size + 1] -= factor * own[size + 1];
        }
    }
    rows.first().map_or((0.0, 0.0), |row| (row[size] / row[0], row[size + 1] / row[0]))
}
