//! A plan that holds every limit, near a fractional one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use rayon::prelude::*;

use crate::customer::{NONE, earned, fits, given};
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
        places(&self.chosen, 0..problem.proposals()).map(|at| problem.values[at as usize]).sum()
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

/// The places of the bits that are set in a range, ascending.
fn places(words: &[u64], range: Range<usize>) -> impl Iterator<Item = u32> + '_ {
    let word = move |word: usize| {
        let mut bits = words[word];
        if word == range.start / 64 {
            bits &= u64::MAX << (range.start % 64);
        }
        let after = range.end - word * 64;
        if after < 64 { bits & !(u64::MAX << after) } else { bits }
    };
    let ends = if range.is_empty() { 0..0 } else { range.start / 64..range.end.div_ceil(64) };
    ends.flat_map(move |at| {
        let mut bits = word(at);
        std::iter::from_fn(move || {
            let bit = bits.trailing_zeros();
            bits &= bits.wrapping_sub(1);
            (bit < 64).then(|| at as u32 * 64 + bit)
        })
    })
}

/// Mixes answers by their shares, each customer one of them, and mends what is too much or too little, as long as the plan can
/// come to be worth more than one that is `known`.
pub(crate) fn recover(problem: &Problem, answers: &[(&[u64], f64)], prices: &[f64], seed: u64, known: f64) -> Plan {
    let mut plan = mixed(problem, answers, seed);
    let by_class = ClassPrices::of(problem, prices);
    let rating = |at: usize| by_class.rating(problem, at);
    drop_excess(problem, &mut plan, &rating);
    let chosen: usize = plan.chosen.iter().map(|word| word.count_ones() as usize).sum();
    let value = plan.value(problem);
    let mean = value.abs() / chosen.max(1) as f64;
    // What is rated near nothing fills most of the room and reaches most minima; farther off is looked at only for room that
    // is worth it, and the farthest for minima alone.
    let mut from = f64::INFINITY;
    for reach in [0.002, 0.02, 0.2, f64::INFINITY] {
        // Without a plan the mean is nothing, and what is needed is still everything.
        let to = if reach.is_infinite() { f64::NEG_INFINITY } else { -reach * mean };
        let band = Band { from, to, near: reach.min(1.0) * mean, needed: reach.is_infinite() };
        let order = candidates(problem, &plan, &rating, band);
        reach_minima(problem, &mut plan, &order);
        fill(problem, &mut plan, &order);
        from = band.to;
        let (value, idle) = (plan.value(problem), idle(problem, &plan, prices));
        let done = idle <= 1e-6 * value.abs() || reach >= 0.2;
        if done && plan.lacking(problem) == 0 || value + idle < known {
            break;
        }
    }
    plan
}

/// Which proposals are looked at.
#[derive(Clone, Copy)]
struct Band {
    /// Rated at most this, or anything.
    from: f64,
    /// Rated more than this.
    to: f64,
    /// Ratings that are no more apart are about the same.
    near: f64,
    /// Only what a minimum lacks.
    needed: bool,
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
        places(chosen, problem.of(customer)).for_each(|at| plan.flip(problem, at as usize));
    }
    plan
}

/// Takes away what is worth the least beyond its prices, until no limit is exceeded.
fn drop_excess(problem: &Problem, plan: &mut Plan, rating: &impl Fn(usize) -> f64) {
    let over = |plan: &Plan, rule: u32| {
        problem.couplings[rule as usize].most.is_some_and(|most| plan.used[rule as usize] > most)
    };
    let any_over = |plan: &Plan| (0..problem.couplings.len()).any(|rule| over(plan, rule as u32));
    if !any_over(plan) {
        return;
    }
    let touches = |plan: &Plan, at: u32| problem.limits_of(at).iter().any(|rule| over(plan, *rule));
    // A few of many are taken: a heap is cheaper than their order.
    let mut order: BinaryHeap<Reverse<(u64, u32)>> = places(&plan.chosen, 0..problem.proposals())
        .filter(|at| touches(plan, *at))
        .map(|at| Reverse((ascending(rating(at as usize)), at)))
        .collect();
    while let Some(Reverse((_, at))) = order.pop() {
        if plan.has(at as usize) && touches(plan, at) {
            plan.flip(problem, at as usize);
            drop_orphans(problem, plan, customer_of(problem, at));
            // Only what just came within its limit can have been the last.
            if !touches(plan, at) && !any_over(plan) {
                return;
            }
        }
    }
}

/// A whole number in the order of a number.
fn ascending(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
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
fn candidates(problem: &Problem, plan: &Plan, rating: &(impl Fn(usize) -> f64 + Sync), band: Band) -> Vec<(u32, u32)> {
    let short: Vec<bool> = (problem.couplings.iter().zip(&plan.used))
        .map(|(one, used)| one.least.is_some_and(|least| *used < least))
        .collect();
    let any_short = short.contains(&true);
    let first = band.from.is_infinite();
    // Customers' own minima are looked at whatever the rating: it does not hold their bounty.
    let owed = first && !problem.minima.is_empty();
    let customers = |part: usize| problem.parts[part]..problem.parts[part + 1];
    let parts = (0..problem.parts.len() - 1).into_par_iter().map(|part| {
        let (mut order, mut chosen) = (Vec::new(), Vec::new());
        for customer in customers(part) {
            let mut known = false;
            for at in problem.of(customer as usize) {
                let one = rating(at);
                let within = one > band.to && one <= band.from;
                if !within && !owed || plan.has(at) {
                    continue;
                }
                let place = at as u32;
                let lacked = || problem.limits_of(place).iter().any(|rule| short[*rule as usize]);
                let wanted = owed && !problem.minima_of(place).is_empty() || within && any_short && lacked();
                if !wanted && (!within || band.needed || problem.values[at] <= 0.0) {
                    continue;
                }
                if !known {
                    known = true;
                    chosen.clear();
                    chosen.extend(places(&plan.chosen, problem.of(customer as usize)));
                }
                let swaps = |out: &u32| {
                    let out = *out as usize;
                    problem.values[at] > problem.values[out]
                        && one > rating(out) - band.near
                        && (first || plan.has_room(problem, at, Some(out)))
                };
                let joins = (first || plan.has_room(problem, at, None)) && fits(problem, &chosen, place, NONE);
                if wanted || joins || chosen.iter().any(swaps) {
                    order.push((one, place, customer));
                }
            }
        }
        order
    });
    let mut order: Vec<(f64, u32, u32)> = parts.flatten_iter().collect();
    // The order is that of ratings and places, whoever found them.
    order.par_sort_unstable_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    order.into_iter().map(|(_, at, customer)| (at, customer)).collect()
}

/// The customer of a proposal.
fn customer_of(problem: &Problem, at: u32) -> usize {
    problem.starts.partition_point(|start| *start <= at) - 1
}

fn chosen_of(problem: &Problem, plan: &Plan, customer: usize) -> Vec<u32> {
    places(&plan.chosen, problem.of(customer)).collect()
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
    let plain = !problem.table.special;
    let before = earned(problem, &chosen);
    let gain = |out: u32| {
        let value = problem.values[place] - if out == NONE { 0.0 } else { problem.values[out as usize] };
        if plain {
            return Some(value);
        }
        let mut with: Vec<u32> = chosen.iter().copied().filter(|one| *one != out).collect();
        with.push(at);
        given(problem, &with).then(|| value + earned(problem, &with) - before)
    };
    if fits(problem, &chosen, at, NONE) && plan.has_room(problem, place, None) {
        if gain(NONE).is_some_and(|gain| needed || gain > 0.0) {
            plan.flip(problem, place);
        }
        return;
    }
    let mut best: Option<(f64, usize)> = None;
    for out in &chosen {
        let Some(gain) = gain(*out) else { continue };
        let better = (needed || gain > 0.0) && best.is_none_or(|(known, _)| gain > known);
        let out = *out as usize;
        let same = problem.class_of[out] == problem.class_of[place];
        if better
            && (same || plan.spares(problem, out))
            && plan.has_room(problem, place, Some(out))
            && fits(problem, &chosen, at, out as u32)
        {
            best = Some((gain, out));
        }
    }
    if let Some((_, out)) = best {
        plan.flip(problem, out);
        plan.flip(problem, place);
    }
}
