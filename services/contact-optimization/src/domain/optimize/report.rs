//! The answer of a run: the plan, its certificate, use and price of each rule.

use super::dual::Search;
use super::model::{Demand, Model, Rule};
use super::pass::{Prices, Walker};
use super::{RuleUse, Solution, relative_gap};

pub(super) fn report(model: &Model<'_>, rules: &[Rule], found: Search) -> Solution {
    let positions = u32::try_from(model.columns.len()).unwrap_or(u32::MAX);
    let chosen: Vec<u32> = (0..positions).filter(|&at| found.plan.contains(at as usize)).collect();
    let upper_bound = found.bound.max(found.plan.objective);
    Solution {
        rules: rule_uses(model, rules, &found, &chosen),
        chosen,
        objective: found.plan.objective,
        upper_bound,
        gap: relative_gap(upper_bound, found.plan.objective),
        stop: found.stop,
        iterations: found.passes,
    }
}

#[expect(clippy::cast_precision_loss, reason = "limits and counts are reported as numbers")]
fn rule_uses(model: &Model<'_>, rules: &[Rule], found: &Search, chosen: &[u32]) -> Vec<RuleUse> {
    let mut uses: Vec<RuleUse> = rules
        .iter()
        .map(|rule| {
            let max = match rule.demand {
                Demand::MaxPerCustomer(max) | Demand::Capacity(max) => max as f64,
                Demand::Budget(max) => max,
            };
            RuleUse { used: 0.0, max, shadow_price: 0.0 }
        })
        .collect();
    for (rule, &price) in model.coupling.iter().zip(&found.prices) {
        uses[rule.rule].shadow_price = price;
    }
    for &position in chosen {
        let position = position as usize;
        for &at in model.coupling_of.get(model.columns.signature[position] as usize) {
            let rule = &model.coupling[at as usize];
            uses[rule.rule].used += if rule.by_cost { model.columns.cost[position] } else { 1.0 };
        }
    }
    if !model.personal.is_empty() {
        personal_uses(model, found, &mut uses);
    }
    uses
}

/// Use and price of the rules per customer, from the customers' best sets at the final prices: the price is what the
/// best proposal that only this rule keeps out would add, summed over the customers.
fn personal_uses(model: &Model<'_>, found: &Search, uses: &mut [RuleUse]) {
    let columns = model.columns;
    let rules_of = |at: usize| model.personal_of.get(columns.signature[at] as usize);
    let spread = Prices::spread(model, &found.prices);
    let mut count = vec![0u32; model.personal.len()];
    let mut gain = vec![0.0f64; model.personal.len()];
    Walker::new(model).pass(&found.prices, |customer, best| {
        for at in columns.positions(customer).filter(|&at| found.plan.contains(at)) {
            rules_of(at).iter().for_each(|&rule| count[rule as usize] += 1);
        }
        for at in columns.positions(customer).filter(|&at| found.plan.contains(at)) {
            for &rule in rules_of(at) {
                let used = f64::from(std::mem::take(&mut count[rule as usize]));
                let entry = &mut uses[model.personal[rule as usize].rule];
                entry.used = entry.used.max(used);
            }
        }
        for item in best {
            rules_of(item.position as usize).iter().for_each(|&rule| count[rule as usize] += 1);
        }
        let full = |count: &[u32], rule: u32| count[rule as usize] >= model.personal[rule as usize].limit;
        for at in columns.positions(customer) {
            let reduced = spread.reduced(model, at);
            let mut blocking = rules_of(at).iter().filter(|&&rule| full(&count, rule));
            if let (true, Some(&rule), None) = (reduced > 0.0, blocking.next(), blocking.next())
                && best.iter().all(|item| item.position as usize != at)
            {
                gain[rule as usize] = gain[rule as usize].max(reduced);
            }
        }
        for at in columns.positions(customer) {
            for &rule in rules_of(at) {
                count[rule as usize] = 0;
                uses[model.personal[rule as usize].rule].shadow_price += std::mem::take(&mut gain[rule as usize]);
            }
        }
    });
}
