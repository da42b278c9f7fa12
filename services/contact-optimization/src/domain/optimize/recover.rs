//! From prices to a plan that holds every rule: drop what the prices let through too much, fill what is left, improve.

use super::customer::{Method, Worth};
use super::model::{Model, ticks};
use super::pass::{Prices, Walker};

/// Rounds of improvement after the first fill.
const ROUNDS: usize = 3;

/// A set of positions that holds every rule.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    chosen: Vec<u64>,
    /// The sum of the values.
    pub(super) objective: f64,
}

impl Plan {
    fn empty(positions: usize) -> Self {
        Self { chosen: vec![0; positions.div_ceil(64)], objective: 0.0 }
    }

    pub(super) fn contains(&self, position: usize) -> bool {
        self.chosen[position / 64] >> (position % 64) & 1 == 1
    }

    fn set(&mut self, position: usize, chosen: bool) {
        let bit = 1 << (position % 64);
        if chosen {
            self.chosen[position / 64] |= bit;
        } else {
            self.chosen[position / 64] &= !bit;
        }
    }
}

/// What is left of each coupling rule.
struct Room<'m, 'c> {
    model: &'m Model<'c>,
    left: Vec<i128>,
    /// A count for each rule per customer, all zero between customers.
    used: Vec<u32>,
}

impl Room<'_, '_> {
    fn need(&self, rule: u32, position: usize) -> i128 {
        if self.model.coupling[rule as usize].by_cost { ticks(self.model.columns.cost[position]) } else { 1 }
    }

    fn rules(&self, position: usize) -> &[u32] {
        self.model.coupling_of.get(self.model.columns.signature[position] as usize)
    }

    fn fits(&self, position: usize) -> bool {
        self.rules(position).iter().all(|&rule| self.need(rule, position) <= self.left[rule as usize])
    }

    fn change(&mut self, position: usize, sign: i128) {
        for &rule in self.model.coupling_of.get(self.model.columns.signature[position] as usize) {
            self.left[rule as usize] -= sign * self.need(rule, position);
        }
    }

    /// Whether the customer may have this proposal besides those that the plan gives them.
    fn customer_may(&mut self, plan: &Plan, method: Method, customer: usize, position: usize) -> bool {
        let model = self.model;
        if method == Method::Free {
            return true;
        }
        let others = || model.columns.positions(customer).filter(|&other| plan.contains(other));
        if let Method::Top(limit) = method {
            return others().count() < limit as usize;
        }
        let rules = |at: usize| model.personal_of.get(model.columns.signature[at] as usize);
        for other in others() {
            rules(other).iter().for_each(|&rule| self.used[rule as usize] += 1);
        }
        let may = rules(position).iter().all(|&rule| self.used[rule as usize] < model.personal[rule as usize].limit);
        for other in others() {
            rules(other).iter().for_each(|&rule| self.used[rule as usize] = 0);
        }
        may
    }
}

/// A proposal in the order in which the plan takes it.
struct Ranked {
    rank: f64,
    position: u32,
    customer: u32,
}

fn rank(list: &mut [Ranked]) {
    list.sort_unstable_by(|a, b| b.rank.total_cmp(&a.rank).then(a.position.cmp(&b.position)));
}

/// Makes a plan from prices.
///
/// The customers' best sets at these prices are taken as far as the rules reach, those first that lose most when they
/// are dropped (the reduced value less that of the customer's best alternative); then everything that still fits, best
/// reduced value first; then proposals are exchanged within a customer while that gains.
pub(super) fn recover(walker: &mut Walker<'_, '_>, prices: &[f64]) -> Plan {
    let model = walker.model;
    let spread = Prices::spread(model, prices);
    let mut plan = Plan::empty(model.columns.len());
    let mut room = Room {
        model,
        left: model.coupling.iter().map(|rule| rule.exact).collect(),
        used: vec![0; model.personal.len()],
    };
    let mut wanted = Vec::new();
    let methods = walker.methods.clone();
    let passed = walker.pass(prices, |customer, chosen| want(model, &spread, customer, chosen, &mut wanted));
    // A budget within rounding of its limit is treated as exceeded; the exact test decides then.
    #[expect(clippy::cast_precision_loss, reason = "a tolerance")]
    let doubt = 1e-12 * model.columns.len() as f64;
    let over: Vec<bool> = passed
        .used
        .iter()
        .zip(&model.coupling)
        .map(|(used, rule)| *used > if rule.by_cost { rule.limit * (1.0 - 1e-9) - doubt } else { rule.limit })
        .collect();
    let mut contested = Vec::new();
    for item in wanted {
        if room.rules(item.position as usize).iter().any(|&rule| over[rule as usize]) {
            contested.push(item);
        } else {
            room.change(item.position as usize, 1);
            plan.set(item.position as usize, true);
        }
    }
    rank(&mut contested);
    for item in contested {
        if room.fits(item.position as usize) {
            room.change(item.position as usize, 1);
            plan.set(item.position as usize, true);
        }
    }
    fill(&mut plan, &mut room, &methods, &spread);
    for _ in 0..ROUNDS {
        if !exchange(&mut plan, &mut room, &methods) {
            break;
        }
        fill(&mut plan, &mut room, &methods, &spread);
    }
    let columns = model.columns;
    plan.objective = (0..columns.len()).filter(|&at| plan.contains(at)).map(|at| columns.value[at]).sum();
    plan
}

fn want(model: &Model<'_>, spread: &Prices, customer: usize, chosen: &[Worth], wanted: &mut Vec<Ranked>) {
    if chosen.is_empty() {
        return;
    }
    let alternative = model
        .columns
        .positions(customer)
        .filter(|&at| chosen.iter().all(|item| item.position as usize != at))
        .map(|at| spread.reduced(model, at))
        .fold(0.0, f64::max);
    let customer = u32::try_from(customer).unwrap_or(u32::MAX);
    wanted.extend(chosen.iter().map(|item| Ranked {
        // A dropped proposal leaves room for the alternative, so only the difference is lost.
        rank: item.reduced - alternative.min(item.reduced),
        position: item.position,
        customer,
    }));
}

/// Takes everything of positive value that still fits, best reduced value first.
fn fill(plan: &mut Plan, room: &mut Room<'_, '_>, methods: &[Method], spread: &Prices) {
    let model = room.model;
    let mut candidates = Vec::new();
    for (customer, &method) in methods.iter().enumerate() {
        for position in model.columns.positions(customer) {
            if model.columns.value[position] > 0.0
                && !plan.contains(position)
                && room.fits(position)
                && room.customer_may(plan, method, customer, position)
            {
                candidates.push(Ranked {
                    rank: spread.reduced(model, position),
                    position: u32::try_from(position).unwrap_or(u32::MAX),
                    customer: u32::try_from(customer).unwrap_or(u32::MAX),
                });
            }
        }
    }
    rank(&mut candidates);
    for item in candidates {
        let (position, customer) = (item.position as usize, item.customer as usize);
        if room.fits(position) && room.customer_may(plan, methods[customer], customer, position) {
            room.change(position, 1);
            plan.set(position, true);
        }
    }
}

/// Replaces a proposal of a customer by a better one of the same customer where the rules allow; true when any was.
fn exchange(plan: &mut Plan, room: &mut Room<'_, '_>, methods: &[Method]) -> bool {
    let model = room.model;
    let mut gained = false;
    for (customer, &method) in methods.iter().enumerate() {
        for old in model.columns.positions(customer) {
            if !plan.contains(old) {
                continue;
            }
            room.change(old, -1);
            plan.set(old, false);
            let mut best = old;
            for new in model.columns.positions(customer) {
                if model.columns.value[new] > model.columns.value[best]
                    && !plan.contains(new)
                    && room.fits(new)
                    && room.customer_may(plan, method, customer, new)
                {
                    best = new;
                }
            }
            gained |= best != old;
            room.change(best, 1);
            plan.set(best, true);
        }
    }
    gained
}
