//! Rules compiled against the combinations of channel, offer and campaign that the proposals have.

use super::super::scope::Scope;
use super::columns::Columns;

/// One rule of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// The proposals it counts.
    pub scope: Scope,
    /// What it demands.
    pub demand: Demand,
}

/// What a rule demands of the chosen proposals in its scope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Demand {
    /// At most so many of each customer.
    MaxPerCustomer(u64),
    /// At most so many in all.
    Capacity(u64),
    /// At most so much cost in all; finite, not negative.
    Budget(f64),
}

/// The rules and the combinations make more pairs than memory is meant to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rules select more than {MAX_PAIRS} pairs of rule and combination of channel, offer and campaign")]
pub struct TooManyPairs;

/// Most pairs of a rule and a combination in its scope.
const MAX_PAIRS: usize = 100_000_000;

/// Costs are added exactly, in billionths of a thousandth, so that a budget holds whatever the order of addition.
const TICKS: f64 = 1e12;

/// A cost or budget in ticks, to the nearest.
#[expect(clippy::cast_possible_truncation, reason = "at most 1e15 * 1e12, far below 2^127")]
pub(super) fn ticks(amount: f64) -> i128 {
    (amount * TICKS).round() as i128
}

/// A list of lists in two columns.
#[derive(Debug, Clone, Default)]
pub(super) struct Lists {
    starts: Vec<usize>,
    items: Vec<u32>,
}

impl Lists {
    /// From (list, item) pairs in any order; items keep their order within a list.
    fn new(lists: usize, pairs: &[(u32, u32)]) -> Self {
        let mut starts = vec![0usize; lists + 1];
        for &(list, _) in pairs {
            starts[list as usize + 1] += 1;
        }
        for at in 0..lists {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut items = vec![0; pairs.len()];
        for &(list, item) in pairs {
            items[next[list as usize]] = item;
            next[list as usize] += 1;
        }
        Self { starts, items }
    }

    pub(super) fn get(&self, list: usize) -> &[u32] {
        &self.items[self.starts[list]..self.starts[list + 1]]
    }

    fn longest(&self) -> usize {
        self.starts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
    }
}

/// A rule over all customers, which the dual prices.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coupling {
    /// Its index among the rules as given.
    pub(super) rule: usize,
    /// Whether it counts cost rather than contacts.
    pub(super) by_cost: bool,
    /// Its limit, in contacts or cost.
    pub(super) limit: f64,
    /// Its limit, in contacts or ticks.
    pub(super) exact: i128,
}

/// A rule of each customer by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Personal {
    /// Its index among the rules as given.
    pub(super) rule: usize,
    /// Its limit; anything above `u32::MAX` cannot bind.
    pub(super) limit: u32,
}

/// The problem in the form that the passes read.
#[derive(Debug)]
pub(super) struct Model<'a> {
    pub(super) columns: &'a Columns,
    pub(super) coupling: Vec<Coupling>,
    pub(super) personal: Vec<Personal>,
    /// Coupling rules of each combination.
    pub(super) coupling_of: Lists,
    /// Combinations of each coupling rule.
    pub(super) members: Lists,
    /// Rules per customer of each combination.
    pub(super) personal_of: Lists,
}

impl<'a> Model<'a> {
    pub(super) fn new(columns: &'a Columns, rules: &[Rule]) -> Result<Self, TooManyPairs> {
        let combinations = columns.signatures.len();
        let index = Index::new(columns);
        let (mut coupling, mut personal) = (Vec::new(), Vec::new());
        let (mut coupling_pairs, mut personal_pairs) = (Vec::new(), Vec::new());
        for (rule, given) in rules.iter().enumerate() {
            let (pairs, number) = match given.demand {
                Demand::MaxPerCustomer(limit) => {
                    personal.push(Personal { rule, limit: u32::try_from(limit).unwrap_or(u32::MAX) });
                    (&mut personal_pairs, personal.len() - 1)
                }
                Demand::Capacity(limit) => {
                    #[expect(clippy::cast_precision_loss, reason = "the exact limit stands beside it")]
                    let float = limit as f64;
                    coupling.push(Coupling { rule, by_cost: false, limit: float, exact: i128::from(limit) });
                    (&mut coupling_pairs, coupling.len() - 1)
                }
                Demand::Budget(limit) => {
                    coupling.push(Coupling { rule, by_cost: true, limit, exact: ticks(limit) });
                    (&mut coupling_pairs, coupling.len() - 1)
                }
            };
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            index.each_member(columns, &given.scope, |combination| pairs.push((combination, number)));
            if coupling_pairs.len() + personal_pairs.len() > MAX_PAIRS {
                return Err(TooManyPairs);
            }
        }
        let turned: Vec<(u32, u32)> = coupling_pairs.iter().map(|&(combination, rule)| (rule, combination)).collect();
        Ok(Self {
            columns,
            members: Lists::new(coupling.len(), &turned),
            coupling_of: Lists::new(combinations, &coupling_pairs),
            personal_of: Lists::new(combinations, &personal_pairs),
            coupling,
            personal,
        })
    }

    /// The same rules over a sample of the customers, the limits scaled by `share`.
    pub(super) fn sample<'b>(&self, columns: &'b Columns, share: f64) -> Model<'b> {
        let scaled = self.coupling.iter().map(|rule| {
            let limit = rule.limit * share;
            #[expect(clippy::cast_possible_truncation, reason = "at most 1e15")]
            let exact = if rule.by_cost { ticks(limit) } else { limit as i128 };
            Coupling { limit, exact, ..*rule }
        });
        Model {
            columns,
            coupling: scaled.collect(),
            personal: self.personal.clone(),
            coupling_of: self.coupling_of.clone(),
            members: self.members.clone(),
            personal_of: self.personal_of.clone(),
        }
    }

    /// Most coupling rules that one proposal is under; it bounds the rounding of a reduced value.
    pub(super) fn most_prices(&self) -> usize {
        self.coupling_of.longest()
    }
}

/// The combinations that carry each name, so that a rule with a list visits only those.
struct Index {
    by: [std::collections::HashMap<u32, Vec<u32>>; 3],
}

impl Index {
    fn new(columns: &Columns) -> Self {
        let mut by: [std::collections::HashMap<u32, Vec<u32>>; 3] = Default::default();
        for (number, names) in (0u32..).zip(&columns.signatures) {
            for (map, &name) in by.iter_mut().zip(names) {
                map.entry(name).or_default().push(number);
            }
        }
        Self { by }
    }

    fn each_member(&self, columns: &Columns, scope: &Scope, mut visit: impl FnMut(u32)) {
        let lists = [&scope.channels, &scope.offers, &scope.campaigns].map(|list| {
            let mut numbers: Vec<u32> = list.iter().filter_map(|name| columns.name(name)).collect();
            numbers.sort_unstable();
            numbers.dedup();
            (!list.is_empty()).then_some(numbers)
        });
        let selected = |number: u32| {
            lists
                .iter()
                .zip(&columns.signatures[number as usize])
                .all(|(list, name)| list.as_ref().is_none_or(|list| list.binary_search(name).is_ok()))
        };
        // The rarest list is walked, the others are tested.
        let hits = |at: usize| -> Option<usize> {
            let list = lists[at].as_ref()?;
            Some(list.iter().map(|name| self.by[at].get(name).map_or(0, Vec::len)).sum())
        };
        match (0..3).filter_map(|at| Some((hits(at)?, at))).min() {
            None => (0u32..).zip(&columns.signatures).for_each(|(number, _)| visit(number)),
            Some((_, at)) => {
                let mut found: Vec<u32> = lists[at]
                    .iter()
                    .flatten()
                    .filter_map(|name| self.by[at].get(name))
                    .flatten()
                    .copied()
                    .filter(|&number| selected(number))
                    .collect();
                found.sort_unstable();
                found.into_iter().for_each(visit);
            }
        }
    }
}
