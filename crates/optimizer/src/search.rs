//! The search for prices: small samples of the customers first, then all of them.

use crate::bundle::{Bounds, Cut, Proposed, propose};
use crate::pass::{Look, Response, ask};
use crate::problem::Problem;

/// Answers that are kept.
const CUTS: usize = 40;
/// A sample has at least so many customers.
const SMALLEST: usize = 4000;
/// The part of the promised descent that makes a step serious (Kiwiel 1990).
const SERIOUS: f64 = 0.1;

/// Where a search is.
pub(crate) struct State {
    /// The best prices so far, of the couplings that the search sees.
    pub(crate) center: Vec<f64>,
    /// The best prices of blocks there.
    inner: Vec<f64>,
    pub(crate) weights: Vec<f64>,
    /// The dual function at the center: a bound.
    pub(crate) bound: f64,
    pub(crate) cuts: Vec<Cut>,
    pub(crate) shares: Vec<f64>,
    /// What was chosen at each cut.
    pub(crate) chosen: Vec<Vec<u64>>,
    /// The use at the center.
    used: Vec<f64>,
    /// How much farther than the weights say steps go.
    reach: f64,
    /// Steps since the last serious one.
    null: u32,
    /// The descent that the last proposal promised.
    pub(crate) promised: f64,
}

/// A problem, or a sample of its customers with limits in proportion.
pub(crate) struct Oracle<'a> {
    pub(crate) problem: &'a Problem,
    /// The couplings that the search sees: those of blocks it does not.
    outer: Vec<u32>,
    pub(crate) bounds: Vec<Bounds>,
    pub(crate) scale: f64,
    share: f64,
    seed: u64,
}

impl<'a> Oracle<'a> {
    #[allow(clippy::cast_precision_loss, reason = "limits are far below 2^53")]
    pub(crate) fn new(problem: &'a Problem, share: f64, seed: u64) -> Self {
        let greatest = problem.values.iter().map(|value| value.abs()).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let mut seen = vec![true; problem.couplings.len()];
        problem.blocks.iter().for_each(|block| seen[block.rule as usize] = false);
        let outer: Vec<u32> = (0_u32..).zip(seen).filter(|(_, seen)| *seen).map(|(rule, _)| rule).collect();
        let bounds = outer.iter().map(|rule| &problem.couplings[*rule as usize]).map(|coupling| Bounds {
            least: coupling.least.map(|least| least as f64 * share),
            most: coupling.most.map(|most| most as f64 * share),
            bounty: if coupling.costs { 0.0 } else { problem.bounty },
        });
        let bounds = bounds.collect();
        Self { bounds, scale: (1_u64 << 40) as f64 / greatest, problem, outer, share, seed }
    }

    /// Prices of all couplings, from those that the search sees and those of blocks.
    fn all(&self, prices: &[f64], inner: &[f64]) -> Vec<f64> {
        let mut all = vec![0.0; self.problem.couplings.len()];
        self.outer.iter().zip(prices).for_each(|(rule, price)| all[*rule as usize] = *price);
        self.problem.blocks.iter().zip(inner).for_each(|(block, price)| all[block.rule as usize] = *price);
        all
    }

    /// What customers answer at prices, and a bound; uses are those of what the search sees.
    fn ask(&self, prices: &[f64], hints: &[f64]) -> (Response, f64) {
        let threshold = (self.share * u64::MAX as f64) as u64;
        let all = self.share >= 1.0;
        let taken = |customer: usize| all || mix(self.seed ^ customer as u64) <= threshold;
        let all_prices = self.all(prices, &[]);
        let look = Look { problem: self.problem, prices: &all_prices, hints, scale: self.scale };
        let mut response = ask(&look, taken);
        response.use_of = self.outer.iter().map(|rule| response.use_of[*rule as usize]).collect();
        let worth: f64 = self.bounds.iter().zip(prices).map(|(bounds, price)| bounds.worth(*price)).sum();
        // Outward: the sum of products is rounded to nearest, a bound must not be below.
        let size: f64 = self.bounds.iter().zip(prices).map(|(bounds, price)| bounds.worth(*price).abs()).sum();
        let bound = response.rated + worth + (size + response.rated.abs()) * 1e-13;
        (response, bound)
    }
}

/// Numbers that look random (splitmix64: Steele, Lea and Flood 2014).
pub(crate) fn mix(seed: u64) -> u64 {
    let mut one = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    one = (one ^ (one >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    one = (one ^ (one >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    one ^ (one >> 31)
}

/// The sizes of samples, smallest first, and the whole.
pub(crate) fn levels(customers: usize) -> Vec<f64> {
    let mut levels = vec![1.0];
    let mut share = 0.2;
    while share * customers as f64 >= SMALLEST as f64 && levels.len() < 5 {
        levels.push(share);
        share *= 0.2;
    }
    levels.reverse();
    levels
}

impl State {
    /// Before anything is known: no prices.
    pub(crate) fn open(oracle: &Oracle<'_>) -> Self {
        let rules = oracle.bounds.len();
        let mut state = Self {
            center: vec![0.0; rules],
            inner: vec![0.0; oracle.problem.blocks.len()],
            weights: vec![1.0; rules],
            bound: f64::INFINITY,
            cuts: Vec::new(),
            shares: Vec::new(),
            chosen: Vec::new(),
            used: vec![0.0; rules],
            reach: 1.0,
            null: 0,
            promised: f64::INFINITY,
        };
        let typical = typical(oracle.problem);
        state.begin(oracle, false);
        for (rule, bounds) in oracle.bounds.iter().enumerate() {
            let near = bounds.most.or(bounds.least).unwrap_or(0.0);
            let over = (state.used[rule] - near).abs().max(0.05 * near.abs()).max(1e-3);
            let costs = oracle.problem.couplings[oracle.outer[rule] as usize].costs;
            let price = if costs { typical.0 / typical.1 } else { typical.0 };
            state.weights[rule] = over / price;
        }
        state
    }

    /// Asks at the center, with nothing else known.
    pub(crate) fn begin(&mut self, oracle: &Oracle<'_>, keep: bool) {
        let (response, bound) = oracle.ask(&self.center, &self.inner);
        self.inner = response.inner;
        self.bound = bound;
        self.used.clone_from(&response.use_of);
        self.cuts = vec![Cut { value: response.value, use_of: response.use_of }];
        self.chosen = if keep { vec![response.chosen] } else { Vec::new() };
        self.shares = vec![1.0];
        self.null = 0;
        self.promised = f64::INFINITY;
    }

    /// Goes on with a larger part of the customers: their answers move more with the prices.
    pub(crate) fn enlarge(&mut self, by: f64) {
        self.weights.iter_mut().for_each(|weight| *weight *= by);
    }

    /// One step; `keep` remembers what was chosen.
    pub(crate) fn step(&mut self, oracle: &Oracle<'_>, keep: bool) {
        let weights: Vec<f64> = self.weights.iter().map(|weight| weight / self.reach).collect();
        let proposed = propose(&self.cuts, &oracle.bounds, &self.center, &weights, self.shares.clone());
        self.promised = self.bound - proposed.model;
        let (response, bound) = oracle.ask(&proposed.prices, &self.inner);
        self.learn_weights(&proposed, &response);
        self.forget(&proposed.shares, keep);
        self.cuts.push(Cut { value: response.value, use_of: response.use_of.clone() });
        self.shares.push(0.0);
        if keep {
            self.chosen.push(response.chosen);
        }
        let descent = self.bound - bound;
        if descent >= SERIOUS * self.promised && descent > 0.0 {
            if descent >= 0.6 * self.promised {
                self.reach = (self.reach * 1.8).min(1e3);
            }
            self.center = proposed.prices;
            self.bound = bound;
            self.used = response.use_of;
            self.inner = response.inner;
            self.null = 0;
        } else {
            self.null += 1;
            if descent < -self.promised || self.null > 4 {
                self.reach = (self.reach * 0.5).max(1e-3);
            }
        }
    }

    /// How much use answers a price, rule by rule, from the last move (a diagonal secant).
    fn learn_weights(&mut self, proposed: &Proposed, response: &Response) {
        for rule in 0..self.weights.len() {
            let moved = proposed.prices[rule] - self.center[rule];
            let change = response.use_of[rule] - self.used[rule];
            if moved.abs() > 1e-9 * (1.0 + self.center[rule].abs()) && change * moved < 0.0 {
                let slope = -change / moved;
                let weight = &mut self.weights[rule];
                *weight = (*weight * slope).sqrt().clamp(*weight / 2.0, *weight * 2.0);
            }
        }
    }

    /// Makes room for another cut: those without a share go first, the oldest of them.
    fn forget(&mut self, shares: &[f64], keep: bool) {
        self.shares = shares.to_vec();
        while self.cuts.len() >= CUTS {
            let lowest = (0..self.cuts.len()).min_by(|one, other| self.shares[*one].total_cmp(&self.shares[*other]));
            let Some(at) = lowest else { return };
            let share = self.shares.remove(at);
            self.cuts.remove(at);
            if keep {
                self.chosen.remove(at);
            }
            let left: f64 = 1.0 - share;
            self.shares.iter_mut().for_each(|one| *one /= left.max(f64::MIN_POSITIVE));
        }
    }

    /// The best prices so far, of all couplings.
    pub(crate) fn prices(&self, oracle: &Oracle<'_>) -> Vec<f64> {
        oracle.all(&self.center, &self.inner)
    }

    /// The fractional plan that the model would take now.
    pub(crate) fn mixture(&self, oracle: &Oracle<'_>) -> Proposed {
        let weights: Vec<f64> = self.weights.iter().map(|weight| weight / self.reach).collect();
        propose(&self.cuts, &oracle.bounds, &self.center, &weights, self.shares.clone())
    }
}

/// The mean of positive values, and of costs.
#[allow(clippy::cast_precision_loss, reason = "a scale")]
fn typical(problem: &Problem) -> (f64, f64) {
    let positive = problem.values.iter().filter(|value| **value > 0.0);
    let (sum, count) = positive.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    let costs: f64 = problem.costs.iter().map(|cost| *cost as f64).sum();
    let value = if count > 0 { sum / count as f64 } else { 1.0 };
    (value, (costs / problem.proposals().max(1) as f64).max(1.0))
}
