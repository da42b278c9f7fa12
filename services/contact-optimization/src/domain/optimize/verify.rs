//! An independent check of a plan: it reads the proposals and the rules as they were given and shares no code with the
//! solver (not its compiled rules, not its arithmetic), so that a defect there is found here.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Columns, Demand, Rule};

/// What is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A position does not exist or is chosen twice.
    #[error("position {0} is out of range or repeated")]
    Position(u32),
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

/// A sum with compensation (Neumaier 1974).
#[derive(Default, Clone, Copy)]
struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, term: f64) {
        let next = self.total + term;
        self.lost += if self.total.abs() >= term.abs() { self.total - next + term } else { term - next + self.total };
        self.total = next;
    }

    fn value(self) -> f64 {
        self.total + self.lost
    }
}

/// Checks a plan against the rules as given. Counts are exact; a budget may be exceeded by no more than rounding of the
/// decimal costs to 1e-12 each and of the sum to 15 digits.
///
/// # Errors
/// The first thing found [`Broken`].
pub fn verify(
    columns: &Columns,
    rules: &[Rule],
    chosen: &[u32],
    objective: f64,
    upper_bound: f64,
) -> Result<(), Broken> {
    let mut seen = HashSet::with_capacity(chosen.len());
    let mut value = Sum::default();
    let mut size = 0.0;
    let mut totals: BTreeMap<usize, (u64, Sum)> = BTreeMap::new();
    let mut persons: HashMap<(usize, &str), u64> = HashMap::new();
    let mut known: HashMap<(&str, &str, &str), Vec<usize>> = HashMap::new();
    let lookup = Lookup::new(rules);
    for &position in chosen {
        if position as usize >= columns.len() || !seen.insert(position) {
            return Err(Broken::Position(position));
        }
        let proposal = columns.proposal(position as usize);
        value.add(proposal.value);
        size += proposal.value.abs();
        let applying = known
            .entry((proposal.channel, proposal.offer, proposal.campaign))
            .or_insert_with(|| lookup.applying(rules, proposal.channel, proposal.offer, proposal.campaign));
        for &rule in applying.iter() {
            if let Demand::MaxPerCustomer(limit) = rules[rule].demand {
                let count = persons.entry((rule, proposal.customer)).or_default();
                *count += 1;
                if *count > limit {
                    return Err(Broken::Rule(rules[rule].id.clone()));
                }
            } else {
                let (count, cost) = totals.entry(rule).or_default();
                *count += 1;
                cost.add(proposal.cost);
            }
        }
    }
    for (rule, (count, cost)) in totals {
        let holds = match rules[rule].demand {
            Demand::MaxPerCustomer(_) => true,
            Demand::Capacity(max) => count <= max,
            #[expect(clippy::cast_precision_loss, reason = "a tolerance")]
            Demand::Budget(max) => cost.value() <= max * (1.0 + 1e-15) + 1e-12 * (count + 1) as f64,
        };
        if !holds {
            return Err(Broken::Rule(rules[rule].id.clone()));
        }
    }
    if (value.value() - objective).abs() > 1e-9 * size.max(f64::MIN_POSITIVE) {
        return Err(Broken::Objective);
    }
    // Not `upper_bound < objective`: a bound that is not a number is broken, too.
    if upper_bound >= objective { Ok(()) } else { Err(Broken::Bound) }
}

/// Rules by one of the names their scope lists, so that a proposal meets only rules that may apply.
struct Lookup<'a> {
    everywhere: Vec<usize>,
    by_name: HashMap<(u8, &'a str), Vec<usize>>,
}

impl<'a> Lookup<'a> {
    fn new(rules: &'a [Rule]) -> Self {
        let mut lookup = Self { everywhere: Vec::new(), by_name: HashMap::new() };
        for (number, rule) in rules.iter().enumerate() {
            let scope = &rule.scope;
            let keys: Option<(u8, &'a Vec<String>)> =
                [(0u8, &scope.offers), (1, &scope.campaigns), (2, &scope.channels)]
                    .into_iter()
                    .find(|(_, list)| !list.is_empty());
            match keys {
                None => lookup.everywhere.push(number),
                Some((kind, list)) => {
                    for name in list.iter().collect::<HashSet<_>>() {
                        lookup.by_name.entry((kind, name)).or_default().push(number);
                    }
                }
            }
        }
        lookup
    }

    fn applying(&self, rules: &[Rule], channel: &str, offer: &str, campaign: &str) -> Vec<usize> {
        let listed = |list: &[String], name: &str| list.is_empty() || list.iter().any(|entry| entry == name);
        let by_name = [(0, offer), (1, campaign), (2, channel)];
        let mut found: Vec<usize> = by_name
            .iter()
            .filter_map(|key| self.by_name.get(key))
            .flatten()
            .chain(&self.everywhere)
            .copied()
            .filter(|&number| {
                let scope = &rules[number].scope;
                listed(&scope.channels, channel) && listed(&scope.offers, offer) && listed(&scope.campaigns, campaign)
            })
            .collect();
        found.sort_unstable();
        found
    }
}
