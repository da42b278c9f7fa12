//! One look at every customer at given prices.

use rayon::prelude::*;

use crate::blocks::solve;
use crate::customer::{Room, best, earned};
use crate::problem::Problem;

/// Prices by class: what a contact of it costs, and what a unit of its cost costs.
pub(crate) struct ClassPrices {
    contact: Vec<f64>,
    cost: Vec<f64>,
}

impl ClassPrices {
    pub(crate) fn of(problem: &Problem, prices: &[f64]) -> Self {
        let sum = |costs: bool| {
            let of = |class: usize| {
                let rules = problem.table.couplings.of(class).iter().map(|rule| *rule as usize);
                rules.filter(|rule| problem.couplings[*rule].costs == costs).map(|rule| prices[rule]).sum()
            };
            (0..problem.table.len()).map(of).collect()
        };
        Self { contact: sum(false), cost: sum(true) }
    }

    /// The value of a proposal less its prices.
    #[allow(clippy::cast_precision_loss, reason = "costs are far below 2^53 units")]
    pub(crate) fn rating(&self, problem: &Problem, at: usize) -> f64 {
        let class = problem.class_of[at] as usize;
        problem.values[at] - self.contact[class] - self.cost[class] * problem.costs[at] as f64
    }
}

/// What all customers choose at some prices.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    /// The sum of their ratings, rounded up.
    pub(crate) rated: f64,
    /// The sum of the values of what they choose, and of the bounties for minima of customers.
    pub(crate) value: f64,
    /// What they use of each coupling.
    pub(crate) use_of: Vec<f64>,
    /// The best price of each block's limit.
    pub(crate) inner: Vec<f64>,
    /// What they choose, a bit a proposal.
    pub(crate) chosen: Vec<u64>,
}

/// Sums in whole numbers, which do not depend on the order.
#[derive(Clone)]
struct Sums {
    rated: i128,
    value: i128,
    use_of: Vec<i64>,
}

/// What a part of the customers chooses: its number, bits, and the prices of its blocks from the first on.
type Part = (usize, Vec<u64>, Option<usize>, Vec<f64>);

/// One look: at which prices, and at whom.
pub(crate) struct Look<'a> {
    pub(crate) problem: &'a Problem,
    /// Of each coupling; those of blocks count for nothing.
    pub(crate) prices: &'a [f64],
    /// Prices of the blocks' limits to begin with.
    pub(crate) hints: &'a [f64],
    /// Makes values whole numbers: `2^40` over the greatest value.
    pub(crate) scale: f64,
}

/// Asks the customers that `taken` takes, by the first customer of their block where they are in one.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "sums are rounded outward where it matters"
)]
pub(crate) fn ask(look: &Look<'_>, taken: impl Fn(usize) -> bool + Sync) -> Response {
    let problem = look.problem;
    let by_class = ClassPrices::of(problem, look.prices);
    let empty = || Sums { rated: 0, value: 0, use_of: vec![0; problem.couplings.len()] };
    let first = |part: usize| problem.starts[problem.parts[part] as usize] as usize;
    let (sums, parts) = (0..problem.parts.len() - 1)
        .into_par_iter()
        .fold(
            || (empty(), Room::default(), Vec::new()),
            |(mut sums, mut room, mut parts), part| {
                let from = first(part);
                let mut words = vec![0_u64; (first(part + 1) - from).div_ceil(64)];
                let first_block = problem.block_of(problem.parts[part]);
                let mut prices = Vec::new();
                let mut customer = problem.parts[part];
                while customer < problem.parts[part + 1] {
                    let block = first_block.and_then(|first| problem.blocks.get(first + prices.len()));
                    let end = block.map_or(customer + 1, |block| block.customers.end);
                    if !taken(customer as usize) {
                        prices.extend(block.map(|_| look.hints[first_block.unwrap_or(0) + prices.len()]));
                        customer = end;
                        continue;
                    }
                    if let Some(block) = block {
                        let hint = look.hints[first_block.unwrap_or(0) + prices.len()];
                        let solved = solve(problem, block, &by_class, hint, &mut room);
                        sums.rated += (solved.rated * look.scale).ceil() as i128;
                        sums.value -= (problem.bounty * solved.lacks as f64 * look.scale).ceil() as i128;
                        prices.push(solved.price);
                        room.chosen = solved.chosen;
                    } else {
                        let rated = best(problem, customer as usize, |at| by_class.rating(problem, at), &mut room);
                        sums.rated += (rated * look.scale).ceil() as i128;
                    }
                    if problem.table.special {
                        let mut chosen = room.chosen.as_slice();
                        for one in customer..end {
                            let till = problem.starts[one as usize + 1];
                            let (here, rest) = chosen.split_at(chosen.iter().take_while(|at| **at < till).count());
                            sums.value += (earned(problem, here) * look.scale).floor() as i128;
                            chosen = rest;
                        }
                    }
                    for at in &room.chosen {
                        let (place, bit) = (*at as usize, *at as usize - from);
                        sums.value += (problem.values[place] * look.scale).floor() as i128;
                        for rule in problem.limits_of(*at) {
                            let rule = *rule as usize;
                            sums.use_of[rule] += if problem.couplings[rule].costs { problem.costs[place] } else { 1 };
                        }
                        words[bit / 64] |= 1 << (bit % 64);
                    }
                    customer = end;
                }
                parts.push((part, words, first_block, prices));
                (sums, room, parts)
            },
        )
        .map(|(sums, _, parts): (_, _, Vec<Part>)| (sums, parts))
        .reduce(
            || (empty(), Vec::new()),
            |(mut one, mut parts), (other, more)| {
                one.rated += other.rated;
                one.value += other.value;
                one.use_of.iter_mut().zip(other.use_of).for_each(|(sum, more)| *sum += more);
                parts.extend(more);
                (one, parts)
            },
        );
    let mut chosen = vec![0_u64; problem.proposals().div_ceil(64)];
    let mut inner = vec![0.0; problem.blocks.len()];
    for (part, words, block, prices) in parts {
        put(&mut chosen, first(part), &words);
        if let Some(block) = block {
            inner[block..block + prices.len()].copy_from_slice(&prices);
        }
    }
    Response {
        rated: sums.rated as f64 / look.scale,
        value: sums.value as f64 / look.scale,
        use_of: sums.use_of.iter().map(|used| *used as f64).collect(),
        inner,
        chosen,
    }
}

/// Writes bits from a place on.
fn put(all: &mut [u64], from: usize, words: &[u64]) {
    let (word, shift) = (from / 64, from % 64);
    for (at, bits) in words.iter().enumerate().filter(|(_, bits)| **bits != 0) {
        all[word + at] |= bits << shift;
        if shift > 0
            && let Some(next) = all.get_mut(word + at + 1)
        {
            *next |= bits >> (64 - shift);
        }
    }
}
