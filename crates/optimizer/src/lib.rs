//! The best set of contacts under every limit, with a bound on what any set could be worth.
//!
//! # Algorithm
//! Limits over all customers (capacities, quotas, budgets) get prices, which leaves one small problem a customer (Lagrangian
//! decomposition: Geoffrion 1974, Fisher 1981), solved exactly in [`mod@customer`]: greedy where local limits are nested, by branch and
//! bound otherwise. The sum over customers plus the priced limits bounds every plan. The prices of limits of a few customers
//! that share none (branches, agents) are found inside that look ([`mod@blocks`]). The other prices come from a proximal bundle method
//! with a weight for each rule ([`mod@bundle`]), first over small samples of the customers with limits in proportion, then over all. The
//! method mixes former answers into a fractional plan; each customer takes one of them by lot, and the few contacts that are
//! too many or too few are mended ([`mod@recover`]).
//!
//! # Guarantees
//! * No plan exceeds a limit; costs are whole numbers, so budgets hold exactly. A minimum that is not reached is told.
//! * The bound is rounded outward.
//! * The same problem, order and seed give the same plan at any number of threads: sums are whole numbers.
//!
//! Deliberately absent: coordinate descent with threshold updates of the dual, an LP solver, a clock.

mod blocks;
mod bundle;
mod customer;
mod grouped;
mod pass;
pub mod problem;
mod recover;
mod search;
mod table;

use problem::Problem;
use recover::{Plan, recover};
use search::{Oracle, State, levels};

/// When to stop and how to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Stop at this relative gap, at least 0.
    pub gap: f64,
    /// What samples and lots are drawn by.
    pub seed: u64,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Looks at customers so far, in looks at all of them.
    pub passes: f64,
    /// The share of the customers that is looked at.
    pub share: f64,
    /// The best plan's value; nothing until prices are good enough to make one.
    pub objective: f64,
    /// The best bound; on a sample, of the sample.
    pub upper_bound: f64,
}

/// The watcher's word between two passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Go on.
    Go,
    /// The time is up: answer with the best so far.
    Stop,
}

/// Why a run stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The gap is as small as was asked.
    Gap,
    /// The watcher said so.
    Time,
    /// Neither bound nor plan improve any more.
    Stall,
}

/// Use and price of a coupling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CouplingUse {
    /// Contacts, or cost in [`problem::COST_UNIT`].
    pub used: i64,
    /// What the minimum lacks.
    pub shortfall: i64,
    /// What one more unit of the limit is worth; negative where a minimum binds.
    pub shadow_price: f64,
}

/// A plan with its certificate.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// Places of the chosen proposals as they were added, ascending.
    pub chosen: Vec<u32>,
    /// The plan's value.
    pub objective: f64,
    /// No plan that lacks as little of the minima is worth more.
    pub upper_bound: f64,
    /// `(upper_bound - objective) / upper_bound`, 0 where the bound is not positive.
    pub gap: f64,
    /// Why the run stopped.
    pub stop: Stop,
    /// Looks at all customers.
    pub passes: f64,
    /// One for each coupling.
    pub couplings: Vec<CouplingUse>,
}

/// Steps over the whole without progress of bound or plan, after which a run has stalled.
const PATIENCE: u32 = 25;
/// Problems of fewer proposals than half of it have their lots drawn more than once.
const LOTS: usize = 100_000;
/// The promised descent below which prices are good enough to recover a plan, in gaps.
const READY: f64 = 2.0;

/// Finds a plan. `watch` is asked between passes.
pub fn optimize(problem: &Problem, options: Options, watch: &mut dyn FnMut(Progress) -> Step) -> Solution {
    let levels = levels(problem.customers());
    let mut passes = 0.0;
    let mut state: Option<(State, f64)> = None;
    let mut stopped = false;
    for share in levels.iter().copied().filter(|share| *share < 1.0) {
        let oracle = Oracle::new(problem, share, options.seed);
        let mut here = match state.take() {
            None => State::open(&oracle),
            Some((mut state, before)) => {
                state.enlarge(share / before);
                state.begin(&oracle, false);
                state
            }
        };
        passes += share;
        // The smaller the sample, the less its optimum says: a few steps are enough on the way up.
        for _ in 0..30 {
            if stopped || here.promised <= 2e-4 * here.bound.abs() {
                break;
            }
            here.step(&oracle, false);
            passes += share;
            stopped = watch(Progress { passes, share, objective: 0.0, upper_bound: here.bound }) == Step::Stop;
        }
        state = Some((here, share));
    }
    let oracle = Oracle::new(problem, 1.0, options.seed);
    let mut state = match state {
        None => {
            let mut state = State::open(&oracle);
            state.begin(&oracle, true);
            state
        }
        Some((mut state, before)) => {
            state.enlarge(1.0 / before);
            state.begin(&oracle, true);
            state
        }
    };
    passes += 1.0;
    let mut best = Best::new(problem);
    // On the way from samples to the whole, prices are not worth a plan yet.
    let mut recovered = levels.len() == 1;
    if recovered {
        best.consider(&state, &oracle, options.seed);
    }
    let (mut idle, mut known) = (0, (f64::INFINITY, f64::NEG_INFINITY));
    let stop = loop {
        if best.gap(state.bound) <= options.gap {
            break Stop::Gap;
        }
        if stopped {
            break Stop::Time;
        }
        state.step(&oracle, true);
        passes += 1.0;
        let near = state.promised <= READY * options.gap.max(1e-6) * state.bound.abs();
        if near || idle % 4 == 3 {
            recovered = true;
            best.consider(&state, &oracle, options.seed);
        }
        let now = (state.bound, best.rated);
        let moved = now.0 < known.0 - 1e-3 * options.gap.max(1e-7) * now.0.abs() || now.1 > known.1;
        idle = if moved { 0 } else { idle + 1 };
        known = (known.0.min(now.0), known.1.max(now.1));
        if idle > PATIENCE {
            break Stop::Stall;
        }
        let progress = Progress { passes, share: 1.0, objective: best.value, upper_bound: state.bound };
        stopped = watch(progress) == Step::Stop;
    };
    if !recovered {
        best.consider(&state, &oracle, options.seed);
    }
    best.solution(&state, &state.prices(&oracle), stop, passes)
}

/// The best plan so far.
struct Best<'a> {
    problem: &'a Problem,
    plan: Plan,
    value: f64,
    /// Plans recovered so far: each draws other lots.
    draws: u64,
    /// The value with the bounties of minima: what the dual bounds.
    rated: f64,
}

impl<'a> Best<'a> {
    fn new(problem: &'a Problem) -> Self {
        let plan = Plan { chosen: vec![0; problem.proposals().div_ceil(64)], used: vec![0; problem.couplings.len()] };
        let mut best = Self { problem, plan, value: 0.0, draws: 0, rated: 0.0 };
        best.rated = best.bounties(&best.plan);
        best
    }

    /// What the minima add to a plan's value: a bounty for each contact of a customer toward one, less one for each that a
    /// minimum over all lacks.
    #[allow(clippy::cast_precision_loss, reason = "contacts are far below 2^53")]
    fn bounties(&self, plan: &Plan) -> f64 {
        plan.earned(self.problem) - self.problem.bounty * plan.lacking(self.problem) as f64
    }

    fn consider(&mut self, state: &State, oracle: &Oracle<'_>, seed: u64) {
        let mixture = state.mixture(oracle);
        let mut answers: Vec<(&[u64], f64)> = state
            .chosen
            .iter()
            .map(Vec::as_slice)
            .zip(mixture.shares.iter().copied())
            .filter(|(_, share)| *share > 0.0)
            .collect();
        answers.sort_by(|one, other| other.1.total_cmp(&one.1));
        let prices = state.prices(oracle);
        // Where a single contact weighs, lots are drawn several times.
        let lots = (LOTS / self.problem.proposals().max(1)).clamp(1, 4) as u64;
        for _ in 0..lots {
            self.draws += 1;
            // A plan that lacks less of the minima is better whatever its value.
            let known = if self.rated == self.value { self.value } else { f64::NEG_INFINITY };
            let plan = recover(self.problem, &answers, &prices, seed.wrapping_add(self.draws), known);
            let value = plan.value(self.problem);
            let rated = value + self.bounties(&plan);
            if rated > self.rated {
                (self.plan, self.value, self.rated) = (plan, value, rated);
            }
        }
    }

    fn bound(&self, dual: f64) -> f64 {
        (dual - (self.rated - self.value)).max(self.value)
    }

    fn gap(&self, dual: f64) -> f64 {
        let bound = self.bound(dual);
        if bound > 0.0 { (bound - self.value) / bound } else { 0.0 }
    }

    fn solution(self, state: &State, prices: &[f64], stop: Stop, passes: f64) -> Solution {
        let (gap, upper_bound) = (self.gap(state.bound), self.bound(state.bound));
        let chosen = (0..self.problem.proposals()).filter(|at| self.plan.has(*at)).map(|at| self.problem.origin[at]);
        let mut chosen: Vec<u32> = chosen.collect();
        chosen.sort_unstable();
        let couplings = self.problem.couplings.iter().zip(&self.plan.used).zip(prices);
        let couplings = couplings.map(|((coupling, used), price)| CouplingUse {
            used: *used,
            shortfall: coupling.least.map_or(0, |least| (least - used).max(0)),
            shadow_price: *price,
        });
        Solution { chosen, objective: self.value, upper_bound, gap, stop, passes, couplings: couplings.collect() }
    }
}
