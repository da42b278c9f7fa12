//! From proposals and rules to a problem of the optimizer, and back to the rules' ids.

use attune_optimizer::Solution;
use attune_optimizer::problem::{COST_UNIT, Class, Coupling, Local, Minimum, Problem, Proposal};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::index::Index;
use super::input::{History, Proposals};
use super::rules::{Demand, Rule, Scope};
use crate::exit::Failure;

/// A problem and what its parts are of.
pub(super) struct Model {
    pub(super) problem: Problem,
    /// The rule of each coupling.
    pub(super) coupling_rule: Vec<usize>,
    /// The place of each proposal of the problem among all.
    pub(super) kept: Vec<u32>,
    /// Why proposals are no part of the problem, by place: the rule.
    pub(super) barred: FxHashMap<u32, usize>,
    /// Needs that the history meets, by place.
    pub(super) met: FxHashMap<u32, Vec<usize>>,
}

/// A rule's line in the report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RuleUse {
    pub(super) id: String,
    pub(super) used: f64,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) shadow_price: f64,
    pub(super) shortfall: f64,
}

/// Whether a scope takes something with these names, in the order of the input's keys.
pub(super) fn takes(scope: &Scope, keys: [&str; 5]) -> bool {
    let lists = [&scope.offer, &scope.channel, &scope.slot, &scope.segment, &scope.campaign];
    lists.iter().zip(keys).all(|(list, key)| list.as_ref().is_none_or(|list| list.iter().any(|name| name == key)))
}

/// What rules say of something with these names: its class. Limits per offer are made as they are met.
struct Classes<'a> {
    rules: &'a [Rule],
    index: Index,
    couplings: Vec<Coupling>,
    coupling_of: Vec<Option<u32>>,
    coupling_rule: Vec<usize>,
    locals: Vec<Local>,
    local_of: FxHashMap<(usize, String), u32>,
    minima: Vec<Minimum>,
    minimum_of: FxHashMap<usize, u32>,
}

impl<'a> Classes<'a> {
    #[allow(clippy::cast_possible_truncation, reason = "a budget is bounded by the file's check and rounded down")]
    fn new(rules: &'a [Rule]) -> Self {
        let (mut couplings, mut coupling_of, mut coupling_rule) = (Vec::new(), Vec::new(), Vec::new());
        for (at, rule) in rules.iter().enumerate() {
            let coupling = match &rule.demand {
                Demand::Capacity { min, max, .. } => Coupling { costs: false, least: *min, most: *max },
                // Beyond what integers hold there is no budget to speak of.
                Demand::Budget { max, .. } => {
                    let most = (max / COST_UNIT * (1.0 + 1e-15)).floor().min(9e18) as i64;
                    Coupling { costs: true, least: None, most: Some(most) }
                }
                _ => {
                    coupling_of.push(None);
                    continue;
                }
            };
            coupling_of.push(u32::try_from(couplings.len()).ok());
            couplings.push(coupling);
            coupling_rule.push(at);
        }
        Self {
            rules,
            index: Index::new(rules),
            couplings,
            coupling_of,
            coupling_rule,
            locals: Vec::new(),
            local_of: FxHashMap::default(),
            minima: Vec::new(),
            minimum_of: FxHashMap::default(),
        }
    }

    /// The class of something with these names; needs that are met already are left out.
    fn class(&mut self, keys: [&str; 5], met: &[usize]) -> Class {
        let mut class = Class::default();
        let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        for at in self.index.of(keys) {
            let rule = &self.rules[at];
            let mut local = |scope: &Scope, limit: u32, offer: &str, class: &mut Class| {
                if !takes(scope, keys) {
                    return;
                }
                let next = number(self.locals.len());
                let place = *self.local_of.entry((at, offer.to_owned())).or_insert(next);
                if place == next {
                    self.locals.push(Local { most: limit });
                }
                class.locals.push(place);
            };
            match &rule.demand {
                Demand::Capacity { scope, .. } | Demand::Budget { scope, .. } if takes(scope, keys) => {
                    class.couplings.extend(self.coupling_of[at]);
                }
                Demand::Capacity { .. } | Demand::Budget { .. } | Demand::NotAfter { .. } => {}
                Demand::MaxPerCustomer { limit, scope } | Demand::Exclusive { limit, scope } => {
                    local(scope, *limit, "", &mut class);
                }
                Demand::MaxPerOffer { limit, scope } => local(scope, *limit, keys[0], &mut class),
                Demand::MinPerCustomer { limit, scope } => {
                    if takes(scope, keys) {
                        let next = number(self.minima.len());
                        let place = *self.minimum_of.entry(at).or_insert(next);
                        if place == next {
                            self.minima.push(Minimum { least: *limit });
                        }
                        class.minima.push(place);
                    }
                }
                Demand::Requires { offer, requires } => {
                    if keys[0] == offer && !met.contains(&at) {
                        class.needs.push(number(at));
                    }
                    if keys[0] == requires {
                        class.gives.push(number(at));
                    }
                }
            }
        }
        class
    }
}

/// Builds the problem. `now` is when proposals without a start would be made, in microseconds.
///
/// # Errors
/// More proposals than the optimizer takes.
pub(super) fn build(proposals: &Proposals, history: &History, rules: &[Rule], now: i64) -> Result<Model, Failure> {
    let offers = &proposals.names[0];
    let (mut barred, mut met) = (FxHashMap::default(), FxHashMap::<u32, Vec<usize>>::default());
    for (at, rule) in rules.iter().enumerate() {
        let (offer, other, within) = match &rule.demand {
            Demand::NotAfter { offer, after, within } => {
                let within = Demand::within(within).map_err(Failure::input)?;
                (offer, after, Some(i64::try_from(within.as_micros()).unwrap_or(i64::MAX)))
            }
            Demand::Requires { offer, requires } => (offer, requires, None),
            _ => continue,
        };
        let (Some(offer), Some(other)) = (offers.find(offer), offers.find(other)) else { continue };
        for place in 0..proposals.len() {
            if proposals.combinations[proposals.combination[place] as usize][0] != offer {
                continue;
            }
            let Some(last) = history.last(proposals.customer[place], other) else { continue };
            let place_number = u32::try_from(place).unwrap_or(u32::MAX);
            match within {
                None => met.entry(place_number).or_default().push(at),
                Some(within) => {
                    let start = if proposals.start[place] == i64::MIN { now } else { proposals.start[place] };
                    if last == i64::MAX || start.saturating_sub(last) < within {
                        barred.entry(place_number).or_insert(at);
                    }
                }
            }
        }
    }
    let mut classes = Classes::new(rules);
    let mut made: Vec<Class> = Vec::new();
    let mut numbers: FxHashMap<(u32, Vec<usize>), u32> = FxHashMap::default();
    let mut list = Vec::with_capacity(proposals.len());
    let mut kept = Vec::with_capacity(proposals.len());
    let none = Vec::new();
    for place in 0..proposals.len() {
        let number = u32::try_from(place).unwrap_or(u32::MAX);
        if barred.contains_key(&number) {
            continue;
        }
        let free = met.get(&number).unwrap_or(&none);
        let key = (proposals.combination[place], free.clone());
        let class = match numbers.get(&key) {
            Some(class) => *class,
            None => {
                let class = u32::try_from(made.len()).unwrap_or(u32::MAX);
                made.push(classes.class(proposals.keys(place), free));
                numbers.insert(key, class);
                class
            }
        };
        kept.push(number);
        list.push(Proposal {
            customer: proposals.customer[place],
            class,
            value: proposals.value[place],
            cost: proposals.cost[place],
        });
    }
    let customers = u32::try_from(proposals.customers.len()).unwrap_or(u32::MAX);
    let Classes { couplings, coupling_rule, locals, minima, .. } = classes;
    let problem = Problem::new(customers, &list, made, couplings, locals, minima)
        .map_err(|error| Failure::input(error.to_string()))?;
    Ok(Model { problem, coupling_rule, kept, barred, met })
}

/// Each rule's use, price and shortfall.
#[allow(clippy::cast_precision_loss, reason = "figures for a report")]
pub(super) fn uses(model: &Model, rules: &[Rule], proposals: &Proposals, solution: &Solution) -> Vec<RuleUse> {
    let mut out: Vec<RuleUse> = rules
        .iter()
        .map(|rule| {
            let (min, max) = match &rule.demand {
                Demand::Capacity { min, max, .. } => (min.map(|min| min as f64), max.map(|max| max as f64)),
                Demand::Budget { max, .. } => (None, Some(*max)),
                Demand::MaxPerCustomer { limit, .. }
                | Demand::MaxPerOffer { limit, .. }
                | Demand::Exclusive { limit, .. } => (None, Some(f64::from(*limit))),
                Demand::MinPerCustomer { limit, .. } => (Some(f64::from(*limit)), None),
                Demand::Requires { .. } | Demand::NotAfter { .. } => (None, None),
            };
            RuleUse { id: rule.id.clone(), used: 0.0, min, max, shadow_price: 0.0, shortfall: 0.0 }
        })
        .collect();
    for ((one, rule), coupling) in solution.couplings.iter().zip(&model.coupling_rule).zip(model.problem.couplings()) {
        let unit = if coupling.costs { COST_UNIT } else { 1.0 };
        out[*rule].used = one.used as f64 * unit;
        out[*rule].shortfall = one.shortfall as f64;
        out[*rule].shadow_price = one.shadow_price / unit;
    }
    per_customer(model, rules, proposals, solution, &mut out);
    out
}

/// Rules of single customers: the most that one of them uses, contacts under a dependence, and what minima lack.
fn per_customer(model: &Model, rules: &[Rule], proposals: &Proposals, solution: &Solution, out: &mut [RuleUse]) {
    let chosen: Vec<usize> = solution.chosen.iter().map(|at| model.kept[*at as usize] as usize).collect();
    for (at, rule) in rules.iter().enumerate() {
        let mut counts: FxHashMap<(u32, u32), u32> = FxHashMap::default();
        let mut count = |scope: &Scope, by_offer: bool, places: &mut dyn Iterator<Item = usize>, by: u32| {
            // Many proposals are alike: each combination is looked at once.
            let taken: Vec<bool> =
                (0..proposals.combinations.len()).map(|one| takes(scope, proposals.named(one))).collect();
            for place in places {
                let combination = proposals.combination[place] as usize;
                if taken[combination] {
                    let offer = proposals.combinations[combination][0];
                    let key = (proposals.customer[place], if by_offer { offer } else { 0 });
                    *counts.entry(key).or_insert(0) += by;
                }
            }
        };
        match &rule.demand {
            Demand::MaxPerCustomer { scope, .. } | Demand::Exclusive { scope, .. } => {
                count(scope, false, &mut chosen.iter().copied(), 1);
                out[at].used = f64::from(counts.values().copied().max().unwrap_or(0));
            }
            Demand::MaxPerOffer { scope, .. } => {
                count(scope, true, &mut chosen.iter().copied(), 1);
                out[at].used = f64::from(counts.values().copied().max().unwrap_or(0));
            }
            Demand::MinPerCustomer { limit, scope } => {
                count(scope, false, &mut (0..proposals.len()), 0);
                count(scope, false, &mut chosen.iter().copied(), 1);
                out[at].used = f64::from(counts.values().copied().min().unwrap_or(0));
                out[at].shortfall = counts.values().map(|count| f64::from(limit.saturating_sub(*count))).sum();
            }
            Demand::Requires { offer, .. } | Demand::NotAfter { offer, .. } => {
                out[at].used = chosen.iter().filter(|place| proposals.keys(**place)[0] == offer).count() as f64;
            }
            Demand::Capacity { .. } | Demand::Budget { .. } => {}
        }
    }
}

/// The best choice of one customer among things with names, needs that are met, and values, under the rules per customer
/// alone; answers its worth and the chosen places.
///
/// # Errors
/// A value that is no number.
pub(super) fn alone<'a>(
    rules: &[Rule],
    described: impl Iterator<Item = ([&'a str; 5], Vec<usize>, f64)>,
) -> Result<(f64, Vec<usize>), Failure> {
    let local: Vec<Rule> = rules
        .iter()
        .map(|rule| match &rule.demand {
            // Places of rules stay; what is over all customers asks nothing here.
            Demand::Capacity { .. } | Demand::Budget { .. } => Rule {
                id: rule.id.clone(),
                demand: Demand::NotAfter { offer: String::new(), after: String::new(), within: "0s".to_owned() },
            },
            _ => rule.clone(),
        })
        .collect();
    let mut classes = Classes::new(&local);
    let (mut made, mut list) = (Vec::new(), Vec::new());
    for (keys, met, value) in described {
        let class = u32::try_from(made.len()).unwrap_or(u32::MAX);
        made.push(classes.class(keys, &met));
        list.push(Proposal { customer: 0, class, value, cost: 0 });
    }
    let Classes { locals, minima, .. } = classes;
    let problem =
        Problem::new(1, &list, made, Vec::new(), locals, minima).map_err(|error| Failure::other(error.to_string()))?;
    let options = attune_optimizer::Options { gap: 0.0, seed: 0 };
    // One customer without limits over all is solved by the first look.
    let solution = attune_optimizer::optimize(&problem, options, &mut |_| attune_optimizer::Step::Stop);
    Ok((solution.objective, solution.chosen.iter().map(|at| *at as usize).collect()))
}
