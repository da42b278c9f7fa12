//! The best set of contacts under every limit, with a certificate.
//!
//! # Algorithm
//! Lagrangian decomposition (Geoffrion 1974; Fisher 1981): capacities and budgets get prices, which leaves one small
//! problem a customer, solved exactly (see `customer`). The sum over the customers plus the priced limits is an upper bound at any
//! prices. The prices are found by the subgradient method with a step after Polyak (1969) toward the best plan known,
//! halved after a while without progress (Held, Wolfe and Crowder 1974), a direction deflected by its past (Camerini,
//! Fratta and Maffioli 1975), and averaging of the prices; they start from the solutions of small samples of the
//! customers with scaled limits. Plans are recovered from the prices so that they hold every rule exactly, then filled
//! up and improved locally (see `recover`). The run stops on the gap, on the watcher's word, or on a stall, never on a count.
//!
//! # Guarantees
//! * Every plan holds every rule; [`verify::verify`] re-checks it without sharing code.
//! * The bound is rounded outward: no plan is worth more.
//! * The same proposals in the same order with the same seed give the same plan.
//!
//! Deliberately absent: synchronous coordinate descent with threshold dual updates, an LP solver, a clock.

mod columns;
mod customer;
mod dilate;
mod dual;
mod intern;
mod model;
mod pass;
mod recover;
mod report;
mod sample;
pub mod verify;

#[cfg(test)]
mod tests;

pub use columns::{Builder, Columns, Proposal, Refused};
pub use model::{Demand, Rule, TooManyPairs};

use model::Model;

/// When to stop and how to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Stop at this relative gap, at least 0.
    pub gap: f64,
    /// Seed of the sample of customers.
    pub seed: u64,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Passes over the customers, or a sample of them, so far.
    pub iterations: u32,
    /// The best plan's value; on a sample, of the sample.
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
    /// Neither prices nor plans improve any more.
    Stall,
}

impl Stop {
    /// The word of the report: `GAP`, `TIME` or `STALL`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gap => "GAP",
            Self::Time => "TIME",
            Self::Stall => "STALL",
        }
    }
}

/// Use and price of a rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuleUse {
    /// Contacts or cost the plan uses; for a rule per customer, the most that one customer uses.
    pub used: f64,
    /// Its limit.
    pub max: f64,
    /// What one more unit of the limit is worth; for a rule per customer, one more contact for every customer.
    pub shadow_price: f64,
}

/// A plan with its certificate.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// Positions of the chosen proposals, ascending.
    pub chosen: Vec<u32>,
    /// The plan's value.
    pub objective: f64,
    /// No plan is worth more than this.
    pub upper_bound: f64,
    /// `(upper_bound - objective) / upper_bound`; 0 when nothing is worth anything.
    pub gap: f64,
    /// Why the run stopped.
    pub stop: Stop,
    /// Passes over the customers.
    pub iterations: u32,
    /// One for each rule, in the order given.
    pub rules: Vec<RuleUse>,
}

/// Finds the best plan. `watch` is asked between passes.
///
/// # Errors
/// [`TooManyPairs`] when rules and combinations are too many to hold.
pub fn optimize(
    columns: &Columns,
    rules: &[Rule],
    options: Options,
    watch: &mut dyn FnMut(Progress) -> Step,
) -> Result<Solution, TooManyPairs> {
    let model = Model::new(columns, rules)?;
    let (start, passes) = sample::warm_start(&model, options.seed, watch);
    let found = dual::search(&model, start, options.gap, passes, watch);
    Ok(report::report(&model, rules, found))
}

/// `(bound - objective) / bound`, at least 0; 0 when the bound is not positive, as the empty plan is optimal then.
fn relative_gap(bound: f64, objective: f64) -> f64 {
    if bound > 0.0 { ((bound - objective) / bound).max(0.0) } else { 0.0 }
}
