//! Minimizes the dual function over the prices.

use super::dilate;
use super::model::{Coupling, Model};
use super::pass::{Passed, Walker};
use super::recover::{Plan, recover};
use super::{Progress, Step, Stop};

/// Passes without progress before the step is halved.
const PATIENCE: u32 = 6;
/// The step length, relative to Polyak's, below which the search has stalled.
const SHORTEST: f64 = 1e-3;
/// No step changes a price by more than itself and this many times the mean value of what it prices: a target far below
/// the optimum must not throw the prices away.
const LONGEST: f64 = 2.0;
/// Weight of the past in the direction and in the average of the prices.
const MEMORY: f64 = 0.7;
/// Every so many passes the averaged prices are tried.
const AVERAGE_EVERY: u32 = 8;
/// Progress of the bound smaller than this, relative to the gap, does not count.
const NOTICEABLE: f64 = 1e-3;

/// A search whose steps have become short starts anew from its best prices as long as the gap has shrunk to this share.
const ENOUGH: f64 = 0.9;

/// Where the search stands.
#[derive(Debug)]
pub(super) struct Search {
    /// Prices with the best bound.
    pub(super) prices: Vec<f64>,
    /// How much of each rule is used at these prices.
    pub(super) used: Vec<f64>,
    /// The best bound.
    pub(super) bound: f64,
    /// The best plan.
    pub(super) plan: Plan,
    /// Passes so far.
    pub(super) passes: u32,
    /// Why it ended.
    pub(super) stop: Stop,
}

impl Search {
    pub(super) fn gap(&self) -> f64 {
        super::relative_gap(self.bound, self.plan.objective)
    }
}

/// Searches from `start` until the gap is `gap`, the watcher says stop, or nothing moves any more.
pub(super) fn search(
    model: &Model<'_>,
    start: Vec<f64>,
    gap: f64,
    passes_before: u32,
    watch: &mut dyn FnMut(Progress) -> Step,
) -> Search {
    let mut walker = Walker::new(model);
    let first = walker.pass(&start, |_, _| {});
    let plan = recover(&mut walker, &start);
    let mut found = Search {
        prices: start,
        used: first.used,
        bound: first.bound,
        plan,
        passes: passes_before + 2,
        stop: Stop::Stall,
    };
    let metric = metric(model, &mut walker, &mut found);
    let mut state = State {
        prices: found.prices.clone(),
        average: found.prices.clone(),
        direction: vec![0.0; model.coupling.len()],
        used: found.used.clone(),
        value: found.bound,
        step: 1.0,
        idle: 0,
        recovered_at: found.bound,
        gap_at_restart: f64::INFINITY,
    };
    loop {
        if found.gap() <= gap {
            found.stop = Stop::Gap;
            return found;
        }
        if !report_progress(&found, watch) {
            found.stop = Stop::Time;
            return found;
        }
        if state.step < SHORTEST || !state.advance(model, &metric, found.plan.objective) {
            state.attempt(&mut walker, &mut found);
            if found.gap() <= gap {
                continue;
            }
            if (1..=dilate::LARGEST).contains(&found.prices.len()) {
                if !dilate::dilate(&mut walker, &metric, &mut found, gap, watch) {
                    return found;
                }
                state.attempt(&mut walker, &mut found);
            }
            if found.gap() > ENOUGH * state.gap_at_restart {
                found.stop = Stop::Stall;
                return found;
            }
            state.restart(&found);
            continue;
        }
        let passed = walker.pass(&state.prices, |_, _| {});
        found.passes += 1;
        let mut improved = found.improve(&state.prices, &passed);
        (state.used, state.value) = (passed.used, passed.bound);
        if found.passes.is_multiple_of(AVERAGE_EVERY) {
            let passed = walker.pass(&state.average, |_, _| {});
            found.passes += 1;
            if passed.bound < found.bound {
                improved |= found.improve(&state.average, &passed);
                state.prices.clone_from(&state.average);
                (state.used, state.value) = (passed.used, passed.bound);
            }
        }
        state.learn(improved, &found);
        if state.worth_recovering(&found) {
            state.attempt(&mut walker, &mut found);
        }
    }
}

impl Search {
    /// Keeps a better bound; true when the progress is worth noticing.
    pub(super) fn improve(&mut self, prices: &[f64], passed: &Passed) -> bool {
        let noticeable = self.bound - passed.bound > NOTICEABLE * (self.bound - self.plan.objective);
        if passed.bound < self.bound {
            self.bound = passed.bound;
            self.prices.copy_from_slice(prices);
            self.used.copy_from_slice(&passed.used);
        }
        noticeable
    }
}

/// Tells the watcher how far the search is; false when it says stop.
pub(super) fn report_progress(found: &Search, watch: &mut dyn FnMut(Progress) -> Step) -> bool {
    let progress = Progress { iterations: found.passes, objective: found.plan.objective, upper_bound: found.bound };
    watch(progress) == Step::Go
}

/// The moving parts of the search.
struct State {
    prices: Vec<f64>,
    average: Vec<f64>,
    direction: Vec<f64>,
    used: Vec<f64>,
    value: f64,
    step: f64,
    idle: u32,
    recovered_at: f64,
    gap_at_restart: f64,
}

impl State {
    /// Moves the prices; false when they cannot move.
    fn advance(&mut self, model: &Model<'_>, metric: &Metric, target: f64) -> bool {
        let mut length = self.deflect(model, metric, MEMORY);
        if length <= 0.0 {
            // The past points out of the feasible prices; the subgradient alone may not.
            length = self.deflect(model, metric, 0.0);
        }
        let longest = (0..self.prices.len())
            .filter(|&at| self.direction[at] != 0.0)
            .map(|at| (LONGEST * metric.unit[at] + self.prices[at]) / (metric.scale[at] * self.direction[at]).abs())
            .fold(f64::INFINITY, f64::min);
        let scale = (self.step * (self.value - target) / length).min(longest);
        if !(scale.is_finite() && scale > 0.0) {
            return false;
        }
        for (at, price) in self.prices.iter_mut().enumerate() {
            *price = (*price + scale * metric.scale[at] * self.direction[at]).max(0.0);
            self.average[at] = MEMORY * self.average[at] + (1.0 - MEMORY) * *price;
        }
        true
    }

    /// Mixes the subgradient into the direction, leaves out what the projection onto the feasible prices would undo, and
    /// answers the squared length in the metric.
    fn deflect(&mut self, model: &Model<'_>, metric: &Metric, memory: f64) -> f64 {
        let mut length = 0.0;
        for (at, rule) in model.coupling.iter().enumerate() {
            let free = self.prices[at] > 0.0;
            let excess = self.used[at] - rule.limit;
            let excess = if free { excess } else { excess.max(0.0) };
            let mixed = (1.0 - memory) * excess + memory * self.direction[at];
            self.direction[at] = if free { mixed } else { mixed.max(0.0) };
            length += metric.scale[at] * self.direction[at] * self.direction[at];
        }
        length
    }

    /// Halves the step after a while without progress and goes back to the best prices.
    fn learn(&mut self, improved: bool, found: &Search) {
        self.idle = if improved { 0 } else { self.idle + 1 };
        if self.idle >= PATIENCE {
            self.step /= 2.0;
            self.go_back(found);
        }
    }

    fn go_back(&mut self, found: &Search) {
        self.idle = 0;
        self.prices.clone_from(&found.prices);
        self.used.clone_from(&found.used);
        self.value = found.bound;
        self.average.clone_from(&found.prices);
        self.direction.fill(0.0);
    }

    fn restart(&mut self, found: &Search) {
        self.step = 1.0;
        self.gap_at_restart = found.gap();
        self.go_back(found);
    }

    /// A plan costs several passes, so it is made only when the bound has moved by a good part of the gap.
    fn worth_recovering(&self, found: &Search) -> bool {
        self.recovered_at - found.bound > 0.25 * (found.bound - found.plan.objective)
    }

    fn attempt(&mut self, walker: &mut Walker<'_, '_>, found: &mut Search) {
        self.recovered_at = found.bound;
        let plan = recover(walker, &found.prices);
        found.passes += 1;
        if plan.objective > found.plan.objective {
            found.plan = plan;
        }
    }
}

/// A fixed change of variables that makes the prices of counts and costs, and of large and small rules, comparable.
pub(super) struct Metric {
    /// How much of each rule is used without prices.
    pub(super) free_use: Vec<f64>,
    /// The squared length of one unit of each price: the value of a contact over the use of the rule.
    pub(super) scale: Vec<f64>,
    /// A price at which the mean contact of the rule is worth nothing.
    unit: Vec<f64>,
}

fn metric(model: &Model<'_>, walker: &mut Walker<'_, '_>, found: &mut Search) -> Metric {
    let free = vec![0.0; model.coupling.len()];
    let (mut contacts, mut value) = (0.0f64, 0.0f64);
    let (mut count, mut cost, mut square) =
        (vec![0.0f64; free.len()], vec![0.0f64; free.len()], vec![0.0f64; free.len()]);
    let columns = model.columns;
    let passed = walker.pass(&free, |_, chosen| {
        for item in chosen {
            let position = item.position as usize;
            contacts += 1.0;
            value += columns.value[position];
            for &rule in model.coupling_of.get(columns.signature[position] as usize) {
                count[rule as usize] += 1.0;
                cost[rule as usize] += columns.cost[position];
                square[rule as usize] += columns.cost[position] * columns.cost[position];
            }
        }
    });
    found.passes += 1;
    // Without prices the bound is valid as well, and it is tight when nothing couples.
    found.improve(&free, &passed);
    let mean = if contacts > 0.0 { value / contacts } else { 1.0 };
    let unit = |at: usize, rule: &Coupling| {
        if rule.by_cost && square[at] > 0.0 { (cost[at] / count[at], square[at]) } else { (1.0, count[at].max(1.0)) }
    };
    let rules = || model.coupling.iter().enumerate().map(|(at, rule)| unit(at, rule));
    Metric {
        free_use: passed.used,
        scale: rules().map(|(_, square)| mean / square).collect(),
        unit: rules().map(|(cost, _)| mean / cost).collect(),
    }
}
