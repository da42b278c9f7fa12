//! Limits of a few customers, such as those of a branch or an agent.
//!
//! Where such limits share no customer, the best price of each follows from the prices of all other rules alone: the dual
//! function is minimised over it inside the look at its customers (nested decomposition), and the search for prices never
//! sees it. The minimum of a convex, piecewise linear function of one price is found by cutting planes (Kelley 1960): the
//! lines left and right of it meet at the next price to look at, until that lies on them. Both sides' choices are then best at
//! the minimum, and customers of the one pass to the other's choice while the limit allows.

use std::ops::Range;

use crate::customer::{Room, best};
use crate::pass::ClassPrices;
use crate::problem::{Coupling, Problem};
use crate::table::Table;

/// A limit has few customers if it has at most this part of them.
const FEW: usize = 64;
/// Prices that are looked at for one limit; any of them gives a bound.
const LOOKS: u32 = 40;

/// Customers that share one small limit.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) customers: Range<u32>,
    pub(crate) rule: u32,
}

/// Chooses small limits that share no customer, those with the fewest customers first. Answers them with their customers.
/// `classes_of` goes through the classes of a customer's proposals.
pub(crate) fn disjoint<I: Iterator<Item = u32>>(
    customers: u32,
    couplings: &[Coupling],
    table: &Table,
    classes_of: impl Fn(u32) -> I,
) -> Vec<(u32, Vec<u32>)> {
    let most = (customers as usize / FEW).max(2);
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); couplings.len()];
    // A minimum over costs has no bounty that a price could stand for.
    let fit: Vec<bool> = couplings.iter().map(|one| !(one.costs && one.least.is_some())).collect();
    for customer in 0..customers {
        for class in classes_of(customer) {
            for rule in table.couplings.of(class as usize) {
                let known = &mut members[*rule as usize];
                if fit[*rule as usize] && known.len() <= most && known.last() != Some(&customer) {
                    known.push(customer);
                }
            }
        }
    }
    let mut order: Vec<u32> = (0..u32::try_from(couplings.len()).unwrap_or(u32::MAX)).collect();
    order.retain(|rule| (1..=most).contains(&members[*rule as usize].len()));
    order.sort_by_key(|rule| (members[*rule as usize].len(), *rule));
    let mut free = vec![true; customers as usize];
    let mut chosen = Vec::new();
    for rule in order {
        let here = &mut members[rule as usize];
        if here.iter().all(|customer| free[*customer as usize]) {
            here.iter().for_each(|customer| free[*customer as usize] = false);
            chosen.push((rule, std::mem::take(here)));
        }
    }
    chosen
}

/// What the customers of a block answer at one price of its limit.
#[derive(Debug, Default)]
struct Answer {
    price: f64,
    /// The sum of ratings at that price, with the limit's part: the dual function.
    height: f64,
    used: i64,
    /// Places, customer by customer, and where each customer's begin.
    chosen: Vec<u32>,
    starts: Vec<u32>,
}

impl Answer {
    fn of(&self, customer: usize) -> &[u32] {
        &self.chosen[self.starts[customer] as usize..self.starts[customer + 1] as usize]
    }
}

/// A block's part of the dual function, minimised over its own price.
pub(crate) struct Solved {
    /// The minimum, as far as it was found: valid at `price`.
    pub(crate) rated: f64,
    pub(crate) price: f64,
    /// What the limit's minimum lacks in `chosen`.
    pub(crate) lacks: i64,
    /// A choice that does not exceed the limit.
    pub(crate) chosen: Vec<u32>,
}

/// Minimises over the price of a block's limit, from `hint` on.
pub(crate) fn solve(problem: &Problem, block: &Block, by_class: &ClassPrices, hint: f64, room: &mut Room) -> Solved {
    let coupling = &problem.couplings[block.rule as usize];
    let [from, to] = [block.customers.start, block.customers.end].map(|one| problem.starts[one as usize] as usize);
    let amount = |at: usize| match (problem.blocked[problem.class_of[at] as usize], coupling.costs) {
        (false, _) => 0,
        (true, true) => problem.costs[at],
        (true, false) => 1,
    };
    let ratings = (from..to).map(|at| by_class.rating(problem, at)).collect();
    let asked = Asked { problem, block, coupling, from, ratings, amounts: (from..to).map(amount).collect() };
    let free = asked.at(0.0, room);
    let over = asked.coupling.most.is_some_and(|most| free.used > most);
    let short = asked.coupling.least.is_some_and(|least| free.used < least);
    let (limit, end, hint) = match (asked.coupling.most, asked.coupling.least) {
        (Some(most), _) if over => (most, asked.highest(), hint.max(0.0)),
        (_, Some(least)) if short => (least, problem.bounty, (-hint).max(0.0)),
        _ => return asked.solved(free.height, 0.0, free.chosen),
    };
    asked.search(free, limit, end, hint, room)
}

struct Asked<'a> {
    problem: &'a Problem,
    block: &'a Block,
    coupling: &'a Coupling,
    /// The block's first proposal.
    from: usize,
    /// Of each proposal at the prices of all other rules.
    ratings: Vec<f64>,
    amounts: Vec<i64>,
}

impl Asked<'_> {
    /// How much of the limit a proposal uses.
    fn amount(&self, at: usize) -> i64 {
        self.amounts[at - self.from]
    }

    #[allow(clippy::cast_precision_loss, reason = "amounts are far below 2^53")]
    fn at(&self, price: f64, room: &mut Room) -> Answer {
        let mut answer = Answer { price, starts: vec![0], ..Answer::default() };
        for customer in self.block.customers.clone() {
            let rating = |at: usize| self.ratings[at - self.from] - price * self.amount(at) as f64;
            answer.height += best(self.problem, customer as usize, rating, room);
            answer.chosen.extend_from_slice(&room.chosen);
            answer.starts.push(u32::try_from(answer.chosen.len()).unwrap_or(u32::MAX));
        }
        answer.used = answer.chosen.iter().map(|at| self.amount(*at as usize)).sum();
        let limit = if price > 0.0 { self.coupling.most } else { self.coupling.least };
        answer.height += price * limit.unwrap_or(0) as f64;
        answer
    }

    /// A price at which nothing uses the limit.
    #[allow(clippy::cast_precision_loss, reason = "amounts are far below 2^53")]
    fn highest(&self) -> f64 {
        // Where contacts need others or minima must be reached, one can be worth as much as all of them.
        let others = if self.problem.table.special {
            let minima = (self.from..self.from + self.ratings.len()).map(|at| self.problem.minima_of(at as u32).len());
            self.ratings.iter().map(|one| one.max(0.0)).sum::<f64>()
                + self.problem.bounty * minima.sum::<usize>() as f64
        } else {
            0.0
        };
        let used = self.ratings.iter().zip(&self.amounts).filter(|(_, amount)| **amount > 0);
        let each = used.map(|(rating, amount)| (rating.max(0.0) + others) / *amount as f64);
        each.fold(0.0, f64::max) * (1.0 + 1e-9) + f64::MIN_POSITIVE
    }

    /// Cutting planes between no price, where too much (or too little) is used, and `end`, away from zero.
    #[allow(clippy::cast_precision_loss, reason = "amounts are far below 2^53")]
    fn search(&self, free: Answer, limit: i64, end: f64, hint: f64, room: &mut Room) -> Solved {
        let sign = if self.coupling.most == Some(limit) && free.used > limit { 1.0 } else { -1.0 };
        let slope = |one: &Answer| (limit - one.used) as f64 * sign;
        let (mut near, mut far) = (free, None::<Answer>);
        let mut next = if hint > 0.0 && hint < end { hint } else { end };
        for look in 0..LOOKS {
            let here = self.at(sign * next, room);
            let size = here.height.abs().max(near.height.abs());
            let level = slope(&here);
            if level == 0.0 {
                return self.solved(here.height, here.price, here.chosen);
            }
            // A convex function is above its lines; where it meets them is its minimum.
            let least = far.is_some() && here.height <= line(&near, slope(&near), next) + 1e-12 * size;
            if level < 0.0 {
                near = here;
            } else {
                far = Some(here);
            }
            if least {
                break;
            }
            let Some(far) = &far else {
                if next >= end {
                    // Even the greatest bounty does not reach the minimum.
                    return self.solved(near.height, near.price, near.chosen);
                }
                next = if look < 2 { (next * 1.5).min(end) } else { end };
                continue;
            };
            let (fall, rise) = (slope(&near), slope(far));
            let [left, right] = [near.price.abs(), far.price.abs()];
            next = ((far.height - rise * right) - (near.height - fall * left)) / (fall - rise);
            if !(next > left && next < right) {
                break;
            }
        }
        match far {
            Some(far) => self.between(&far, &near, limit, sign),
            None => self.solved(near.height, near.price, near.chosen),
        }
    }

    /// Customers pass from the choice within the limit to the other's while the limit allows.
    fn between(&self, within: &Answer, beyond: &Answer, limit: i64, sign: f64) -> Solved {
        let best = if within.height <= beyond.height { within } else { beyond };
        let used = |chosen: &[u32]| chosen.iter().map(|at| self.amount(*at as usize)).sum::<i64>();
        let mut sum = within.used;
        let mut chosen = Vec::with_capacity(within.chosen.len());
        for customer in 0..self.block.customers.len() {
            let (now, then) = (within.of(customer), beyond.of(customer));
            let after = sum + used(then) - used(now);
            let passes = if sign > 0.0 { after <= limit && after >= sum } else { after >= limit && after <= sum };
            chosen.extend_from_slice(if passes { then } else { now });
            sum = if passes { after } else { sum };
        }
        self.solved(best.height, best.price, chosen)
    }

    fn solved(&self, rated: f64, price: f64, chosen: Vec<u32>) -> Solved {
        let used: i64 = chosen.iter().map(|at| self.amount(*at as usize)).sum();
        let lacks = self.coupling.least.map_or(0, |least| (least - used).max(0));
        Solved { rated, price, lacks, chosen }
    }
}

/// The height of an answer's line at another price, both away from zero.
fn line(answer: &Answer, slope: f64, price: f64) -> f64 {
    answer.height + slope * (price - answer.price.abs())
}

#[cfg(test)]
mod tests;
