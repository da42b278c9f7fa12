#![doc = include_str!("../README.md")]

mod index;
mod rule;

use std::collections::{HashMap, HashSet};

use index::Index;
pub use rule::{Contact, Demand, Past, Rule, Scope};

/// What is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A proposal is chosen twice.
    #[error("proposal {0} is chosen twice")]
    Repeated(String),
    /// A rule does not hold.
    #[error("rule {0} does not hold")]
    Rule(String),
    /// The value claimed is not the sum of the chosen values.
    #[error("the objective is not the sum of the chosen values")]
    Objective,
    /// The bound claimed is below the plan's value.
    #[error("the upper bound is below the objective")]
    Bound,
}

/// What a plan is said to be worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Claim {
    /// The sum of the chosen values.
    pub objective: f64,
    /// What no plan exceeds.
    pub upper_bound: f64,
}

/// A minimum that the plan does not reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// The rule's id.
    pub rule: String,
    /// Contacts it lacks, over all customers.
    pub contacts: u64,
}

/// Checks a plan: each proposal once, every maximum, exclusion and dependence, the objective and its bound. Answers
/// the minima that the plan does not reach, in the order of the rules: they are reported, not broken.
///
/// Counts are exact. A budget may be exceeded by no more than the rounding of decimal costs and of their sum.
///
/// # Errors
/// The first thing found [`Broken`].
pub fn verify(
    plan: &[Contact<'_>],
    history: &[Past<'_>],
    rules: &[Rule],
    claim: Claim,
) -> Result<Vec<Shortfall>, Broken> {
    let mut ids = HashSet::with_capacity(plan.len());
    if let Some(twice) = plan.iter().find(|contact| !ids.insert(contact.id)) {
        return Err(Broken::Repeated(twice.id.to_owned()));
    }
    let index = Index::new(plan);
    let mut shortfalls = Vec::new();
    for rule in rules {
        let counted = index.counted(plan, &rule.scope);
        let lacking = check(&rule.demand, &counted, plan, history).ok_or_else(|| Broken::Rule(rule.id.clone()))?;
        if lacking > 0 {
            shortfalls.push(Shortfall { rule: rule.id.clone(), contacts: lacking });
        }
    }
    let size: f64 = plan.iter().map(|contact| contact.value.abs()).sum();
    let value = sum(plan.iter().map(|contact| contact.value));
    let apart = (value - claim.objective).abs();
    // A claim that is not a number is broken, too.
    if apart.is_nan() || apart > 1e-9 * size {
        return Err(Broken::Objective);
    }
    if claim.upper_bound >= claim.objective { Ok(shortfalls) } else { Err(Broken::Bound) }
}

/// How many contacts a minimum lacks (0 for other rules); none when the demand does not hold.
fn check(demand: &Demand, counted: &[&Contact<'_>], plan: &[Contact<'_>], history: &[Past<'_>]) -> Option<u64> {
    let holds = match demand {
        Demand::MaxPerCustomer(limit) => {
            tally(counted.iter().map(|contact| contact.customer)).values().all(|count| count <= limit)
        }
        Demand::MinPerCustomer { limit, customers } => {
            let reached: u64 =
                tally(counted.iter().map(|contact| contact.customer)).values().map(|count| count.min(limit)).sum();
            return Some(limit.saturating_mul(*customers).saturating_sub(reached));
        }
        Demand::MaxPerOffer(limit) => {
            tally(counted.iter().map(|contact| (contact.customer, contact.offer))).values().all(|count| count <= limit)
        }
        Demand::Capacity { min, max } => {
            let used = counted.len() as u64;
            return max.is_none_or(|max| used <= max).then(|| min.saturating_sub(used));
        }
        #[expect(clippy::cast_precision_loss, reason = "a tolerance")]
        Demand::Budget(max) => {
            sum(counted.iter().map(|contact| contact.cost)) <= max * (1.0 + 1e-15) + 1e-12 * (counted.len() + 1) as f64
        }
        Demand::Exclusive(limit) => {
            let offers: HashSet<(&str, &str)> =
                counted.iter().map(|contact| (contact.customer, contact.offer)).collect();
            tally(offers.into_iter().map(|(customer, _)| customer)).values().all(|count| count <= limit)
        }
        Demand::Requires { offer, requires } => {
            let planned = plan.iter().filter(|contact| contact.offer == requires).map(|contact| contact.customer);
            let before = history.iter().filter(|past| past.offer == requires).map(|past| past.customer);
            let having: HashSet<&str> = planned.chain(before).collect();
            counted.iter().all(|contact| contact.offer != offer || having.contains(contact.customer))
        }
        Demand::NotAfter { offer, after, within } => {
            let recent: HashSet<&str> = history
                .iter()
                .filter(|past| past.offer == after && past.seconds_ago < *within)
                .map(|past| past.customer)
                .collect();
            counted.iter().all(|contact| contact.offer != offer || !recent.contains(contact.customer))
        }
    };
    holds.then_some(0)
}

fn tally<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = K>) -> HashMap<K, u64> {
    let mut counts = HashMap::new();
    keys.for_each(|key| *counts.entry(key).or_default() += 1);
    counts
}

/// A sum with compensation (Neumaier 1974).
fn sum(terms: impl Iterator<Item = f64>) -> f64 {
    let (total, lost) = terms.fold((0.0f64, 0.0f64), |(total, lost), term| {
        let next = total + term;
        let error = if total.abs() >= term.abs() { total - next + term } else { term - next + total };
        (next, lost + error)
    });
    total + lost
}

#[cfg(test)]
mod tests;
