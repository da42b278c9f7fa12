//! A plan that holds every limit, near a fractional one.

use rayon::prelude::*;

use crate::customer::{earned, fits, given};
use crate::pass::ClassPrices;
use crate::problem::Problem;
use crate::search::mix;

/// A plan under way: what is chosen, and what it uses.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) chosen: Vec<u64>,
    pub(crate) used: Vec<i64>,
}

impl Plan {
    pub(crate) fn has(&self, at: usize) -> bool {
        self.chosen[at / 64] >> (at % 64) & 1 == 1
    }

    fn flip(&mut self, problem: &Problem, at: usize) {
        let sign = if self.has(at) { -1 } else { 1 };
        self.chosen[at / 64] ^= 1 << (at % 64);
        for rule in problem.limits_of(at as u32) {
            let amount = if problem.couplings[*rule as usize].costs { problem.costs[at] } else { 1 };
            self.used[*rule as usize] += sign * amount;
        }
    }

    /// Whether a proposal can join without a limit over all customers being exceeded, `without` one that would leave.
    fn has_room(&self, problem: &Problem, at: usize, without: Option<usize>) -> bool {
        let amount = |rule: u32, at: usize| if problem.couplings[rule as usize].costs { problem.costs[at] } else { 1 };
        let left = without.map(|other| (problem.limits_of(other as u32), other));
        problem.limits_of(at as u32).iter().all(|rule| {
            let gone = left.map_or(0, |(rules, other)| if rules.contains(rule) { amount(*rule, other) } else { 0 });
            problem.couplings[*rule as usize]
                .most
                .is_none_or(|most| self.used[*rule as usize] + amount(*rule, at) - gone <= most)
        })
    }

    /// Whether taking it away leaves every minimum that is reached reached.
    fn spares(&self, problem: &Problem, at: usize) -> bool {
        problem.limits_of(at as u32).iter().all(|rule| {
            let coupling = &problem.couplings[*rule as usize];
            let amount = if coupling.costs { problem.costs[at] } else { 1 };
            coupling.least.is_none_or(|least| self.used[*rule as usize] - amount >= least)
        })
    }

    /// What is chosen is worth.
    pub(crate) fn value(&self, problem: &Problem) -> f64 {
        (0..problem.proposals()).filter(|at| self.has(*at)).map(|at| problem.values[at]).sum()
    }

    /// The bounties that customers earn toward their minima.
    pub(crate) fn earned(&self, problem: &Problem) -> f64 {
        if problem.minima.is_empty() {
            return 0.0;
        }
        (0..problem.customers()).map(|customer| earned(problem, &chosen_of(problem, self, customer))).sum()
    }

    /// How much of the minima over all customers is lacking.
    pub(crate) fn lacking(&self, problem: &Problem) -> i64 {
        let short = problem.couplings.iter().zip(&self.used);
        short.map(|(coupling, used)| coupling.least.map_or(0, |least| (least - used).max(0))).sum()
    }
}

/// Mixes answers by their shares, each customer one of them, and mends what is too much or too little.
pub(crate) fn recover(problem: &Problem, answers: &[(&[u64], f64)], prices: &[f64], seed: u64) -> Plan {
    let mut plan = mixed(problem, answers, seed);
    let by_class = ClassPrices::of(problem, prices);
    let rating = |at: usize| by_class.rating(problem, at);
    drop_excess(problem, &mut plan, &rating);
    let chosen: usize = plan.chosen.iter().map(|word| word.count_ones() as usize).sum();
    let value = plan.value(problem);
    let mean = value.abs() / chosen.max(1) as f64;
    // What is rated near nothing fills most of the room; farther off is looked at only for room that is worth it.
    let mut from = f64::INFINITY;
    for reach in [0.002, 0.02, 0.2] {
        let order = candidates(problem, &plan, &rating, (from, -reach * mean), reach * mean);
        if from.is_infinite() {
            reach_minima(problem, &mut plan, &order);
        }
        fill(problem, &mut plan, &order);
        from = -reach * mean;
        if idle(problem, &plan, prices) <= 1e-6 * value.abs() {
            break;
        }
    }
    plan
}

/// What the room left is worth at the prices.
#[allow(clippy::cast_precision_loss, reason = "a figure to stop by")]
fn idle(problem: &Problem, plan: &Plan, prices: &[f64]) -> f64 {
    let room = problem.couplings.iter().zip(&plan.used).zip(prices);
    room.map(|((one, used), price)| one.most.map_or(0.0, |most| price.max(0.0) * (most - used) as f64)).sum()
}

#[allow(clippy::cast_precision_loss, reason = "a number between 0 and 1")]
fn mixed(problem: &Problem, answers: &[(&[u64], f64)], seed: u64) -> Plan {
    let mut plan = Plan { chosen: vec![0; problem.proposals().div_ceil(64)], used: vec![0; problem.couplings.len()] };
    for customer in 0..problem.customers() {
        // A block's customers take the same answer, which holds their limit.
        let unit = problem.block_of(customer as u32).map_or(customer, |at| problem.blocks[at].customers.start as usize);
        let mut draw = (mix(seed ^ (unit as u64).rotate_left(32)) >> 11) as f64 / (1_u64 << 53) as f64;
        let mut taken = answers.first().map(|(chosen, _)| *chosen);
        for (chosen, share) in answers {
            if draw < *share {
                taken = Some(chosen);
                break;
            }
            draw -= share;
        }
        let Some(chosen) = taken else { continue };
        for at in problem.of(customer) {
            if chosen[at / 64] >> (at % 64) & 1 == 1 {
                plan.flip(problem, at);
            }
        }
    }
    plan
}

/// Takes away what is worth the least beyond its prices, until no limit is exceeded.
fn drop_excess(problem: &Problem, plan: &mut Plan, rating: &impl Fn(usize) -> f64) {
    let exceeded = |plan: &Plan, rule: u32| {
        problem.couplings[rule as usize].most.is_some_and(|most| plan.used[rule as usize] > most)
    };
    if !(0..problem.couplings.len()).any(|rule| exceeded(plan, rule as u32)) {
        return;
    }
    let touches = |plan: &Plan, at: usize| problem.limits_of(at as u32).iter().any(|rule| exceeded(plan, *rule));
    let mut order: Vec<(f64, u32)> = (0..problem.proposals())
        .filter(|at| plan.has(*at) && touches(plan, *at))
        .map(|at| (rating(at), at as u32))
        .collect();
    order.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    for (_, at) in order {
        if plan.has(at as usize) && touches(plan, at as usize) {
            plan.flip(problem, at as usize);
            drop_orphans(problem, plan, customer_of(problem, at));
        }
    }
}

/// Takes away what needs something that its customer is no longer given.
fn drop_orphans(problem: &Problem, plan: &mut Plan, customer: usize) {
    let mut chosen = chosen_of(problem, plan, customer);
    while !given(problem, &chosen) {
        let gives = |thing: &u32| chosen.iter().any(|at| problem.gives(*at).contains(thing));
        let orphan = chosen.iter().position(|at| !problem.needs(*at).iter().all(gives));
        let Some(orphan) = orphan else { return };
        plan.flip(problem, chosen.remove(orphan) as usize);
    }
}

/// What could still be of use, the best beyond its prices first: what a minimum lacks, what its customer has room for, and
/// what could stand for something chosen that is worth less and rated about the same. At these prices the rest is where it
/// belongs.
///
/// `rated` is between which ratings, `near` what counts as about the same; answers places with their customers.
fn candidates(
    problem: &Problem,
    plan: &Plan,
    rating: &(impl Fn(usize) -> f64 + Sync),
    rated: (f64, f64),
    near: f64,
) -> Vec<(u32, u32)> {
    let short: Vec<bool> = (problem.couplings.iter().zip(&plan.used))
        .map(|(one, used)| one.least.is_some_and(|least| *used < least))
        .collect();
    let (first, any_short) = (rated.0.is_infinite(), short.contains(&true));
    let mut order: Vec<(f64, u32, u32)> = (0..problem.customers())
        .into_par_iter()
        .fold(Vec::new, |mut order, customer| {
            let mut chosen: Option<Vec<u32>> = None;
            for at in problem.of(customer).filter(|at| !plan.has(*at)) {
                let one = rating(at);
                let wanted = first
                    && (!problem.minima_of(at as u32).is_empty()
                        || any_short && problem.limits_of(at as u32).iter().any(|rule| short[*rule as usize]));
                if !wanted && (one <= rated.1 || one > rated.0 || problem.values[at] <= 0.0) {
                    continue;
                }
                let chosen = chosen.get_or_insert_with(|| chosen_of(problem, plan, customer));
                let swaps = |out: &u32| {
                    let out = *out as usize;
                    problem.values[at] > problem.values[out] && one > rating(out) - near
                };
                if wanted || fits(problem, chosen, at as u32) || chosen.iter().any(swaps) {
                    order.push((one, at as u32, customer as u32));
                }
            }
            order
        })
        .reduce(Vec::new, |mut all, more| {
            all.extend(more);
            all
        });
    // The order is that of ratings and places, whoever found them.
    order.par_sort_unstable_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    order.into_iter().map(|(_, at, customer)| (at, customer)).collect()
}

/// The customer of a proposal.
fn customer_of(problem: &Problem, at: u32) -> usize {
    problem.starts.partition_point(|start| *start <= at) - 1
}

fn chosen_of(problem: &Problem, plan: &Plan, customer: usize) -> Vec<u32> {
    problem.of(customer).filter(|at| plan.has(*at)).map(|at| at as u32).collect()
}

/// Adds what a minimum lacks; where a customer has no room, in place of what is worth the least and not needed itself.
fn reach_minima(problem: &Problem, plan: &mut Plan, order: &[(u32, u32)]) {
    if plan.lacking(problem) == 0 && problem.minima.is_empty() {
        return;
    }
    for (at, customer) in order {
        let short = problem
            .limits_of(*at)
            .iter()
            .any(|rule| problem.couplings[*rule as usize].least.is_some_and(|least| plan.used[*rule as usize] < least));
        if short {
            join(problem, plan, *customer, *at, true);
        } else if !problem.minima_of(*at).is_empty() {
            // Only if it earns a bounty, which any value is small beside.
            join(problem, plan, *customer, *at, false);
        }
    }
}

/// Adds what there is room for, or what is worth more than what it replaces.
fn fill(problem: &Problem, plan: &mut Plan, order: &[(u32, u32)]) {
    for (at, customer) in order {
        join(problem, plan, *customer, *at, false);
    }
}

/// Lets a proposal in, alone or in place of one of its customer. `needed`: even if that costs value.
fn join(problem: &Problem, plan: &mut Plan, customer: u32, at: u32, needed: bool) {
    let place = at as usize;
    if plan.has(place) {
        return;
    }
    let chosen = chosen_of(problem, plan, customer as usize);
    let before = earned(problem, &chosen);
    let gain = |rest: &[u32], out: f64| {
        let mut with = rest.to_vec();
        with.push(at);
        given(problem, &with).then(|| problem.values[place] - out + earned(problem, &with) - before)
    };
    if fits(problem, &chosen, at) && plan.has_room(problem, place, None) {
        if gain(&chosen, 0.0).is_some_and(|gain| needed || gain > 0.0) {
            plan.flip(problem, place);
        }
        return;
    }
    let mut best: Option<(f64, usize)> = None;
    for out in &chosen {
        let out = *out as usize;
        let rest: Vec<u32> = chosen.iter().copied().filter(|one| *one as usize != out).collect();
        let Some(gain) = gain(&rest, problem.values[out]) else { continue };
        let better = (needed || gain > 0.0) && best.is_none_or(|(known, _)| gain > known);
        let same = problem.class_of[out] == problem.class_of[place];
        if better
            && (same || plan.spares(problem, out))
            && fits(problem, &rest, at)
            && plan.has_room(problem, place, Some(out))
        {
            best = Some((gain, out));
        }
    }
    if let Some((_, out)) = best {
        plan.flip(problem, out);
        plan.flip(problem, place);
    }
}
