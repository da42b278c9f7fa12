//! One look at every customer at given prices.

use rayon::prelude::*;

use crate::customer::{Room, best, earned};
use crate::problem::Problem;

/// Customers of a part; parts are added up in whole numbers, so their division does not matter.
const PART: usize = 2048;

/// Prices by class: what a contact of it costs, and what a unit of its cost costs.
pub(crate) struct ClassPrices {
    contact: Vec<f64>,
    cost: Vec<f64>,
}

impl ClassPrices {
    pub(crate) fn of(problem: &Problem, prices: &[f64]) -> Self {
        let sum = |costs: bool| {
            let of = |rules: &[u32]| {
                let rules = rules.iter().map(|rule| *rule as usize);
                rules.filter(|rule| problem.couplings[*rule].costs == costs).map(|rule| prices[rule]).sum()
            };
            problem.classes.iter().map(|class| of(&class.couplings)).collect()
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
    /// What they choose, a bit a proposal.
    pub(crate) chosen: Vec<u64>,
}

/// Sums in whole numbers, which do not depend on the order.
#[derive(Clone)]
struct Sums {
    rated: i128,
    value: i128,
    contacts: Vec<u64>,
    costs: Vec<i64>,
}

/// Asks the customers that `taken` takes. `scale` makes values whole numbers: `2^40` over the greatest value.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "sums are rounded outward where it matters"
)]
pub(crate) fn ask(problem: &Problem, prices: &[f64], scale: f64, taken: impl Fn(usize) -> bool + Sync) -> Response {
    let by_class = ClassPrices::of(problem, prices);
    let parts = problem.customers().div_ceil(PART).max(1);
    let empty =
        || Sums { rated: 0, value: 0, contacts: vec![0; problem.classes.len()], costs: vec![0; problem.classes.len()] };
    let bits = |part: usize| {
        let from = problem.starts[part * PART] as usize;
        let to = problem.starts[((part + 1) * PART).min(problem.customers())] as usize;
        from..to
    };
    let folded = (0..parts)
        .into_par_iter()
        .fold(
            || (empty(), Room::default(), Vec::new()),
            |(mut sums, mut room, mut chosen), part| {
                let range = bits(part);
                let mut words = vec![0_u64; range.len().div_ceil(64)];
                for customer in part * PART..((part + 1) * PART).min(problem.customers()) {
                    if !taken(customer) {
                        continue;
                    }
                    let rated = best(problem, customer, |at| by_class.rating(problem, at), &mut room);
                    sums.rated += (rated * scale).ceil() as i128;
                    sums.value += (earned(problem, &room.chosen) * scale).floor() as i128;
                    for at in &room.chosen {
                        let at = *at as usize;
                        sums.value += (problem.values[at] * scale).floor() as i128;
                        let class = problem.class_of[at] as usize;
                        sums.contacts[class] += 1;
                        sums.costs[class] += problem.costs[at];
                        let bit = at - range.start;
                        words[bit / 64] |= 1 << (bit % 64);
                    }
                }
                chosen.push((part, words));
                (sums, room, chosen)
            },
        )
        .map(|(sums, _, chosen)| (sums, chosen))
        .reduce(
            || (empty(), Vec::new()),
            |(mut one, mut chosen), (other, more)| {
                one.rated += other.rated;
                one.value += other.value;
                one.contacts.iter_mut().zip(other.contacts).for_each(|(sum, more)| *sum += more);
                one.costs.iter_mut().zip(other.costs).for_each(|(sum, more)| *sum += more);
                chosen.extend(more);
                (one, chosen)
            },
        );
    let (sums, words) = folded;
    let mut use_of = vec![0.0; problem.couplings.len()];
    for (at, class) in problem.classes.iter().enumerate() {
        for rule in &class.couplings {
            let rule = *rule as usize;
            use_of[rule] +=
                if problem.couplings[rule].costs { sums.costs[at] as f64 } else { sums.contacts[at] as f64 };
        }
    }
    let mut chosen = vec![0_u64; problem.proposals().div_ceil(64)];
    for (part, words) in words {
        put(&mut chosen, bits(part).start, &words);
    }
    Response { rated: sums.rated as f64 / scale, value: sums.value as f64 / scale, use_of, chosen }
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
