//! What is to be planned, in columns.

use rustc_hash::FxHashMap;

use crate::blocks::{Block, disjoint};
use crate::grouped::Grouped;
use crate::table::Table;

/// Units of a cost: a millionth, so that decimal costs add up exactly.
pub const COST_UNIT: f64 = 1e-6;

/// A proposal as it is added.
#[derive(Debug, Clone, Copy)]
pub struct Proposal {
    /// The customer, by number.
    pub customer: u32,
    /// What it is, by number: proposals of one class are alike to every rule.
    pub class: u32,
    /// What contacting is expected to be worth.
    pub value: f64,
    /// What it costs, in [`COST_UNIT`].
    pub cost: i64,
}

/// A limit over all customers. At least one of the bounds is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Coupling {
    /// Whether costs are summed, in [`COST_UNIT`], and not contacts counted.
    pub costs: bool,
    /// The least; a plan that cannot reach it comes as near as it can.
    pub least: Option<i64>,
    /// The most, which no plan exceeds.
    pub most: Option<i64>,
}

/// A limit of one customer: at most so many contacts of some classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// The most.
    pub most: u32,
}

/// A minimum of one customer: at least so many contacts of some classes, for every customer with a proposal of them. A plan
/// that cannot reach it comes as near as it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minimum {
    /// The least.
    pub least: u32,
}

/// What the rules say of a class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Class {
    /// Couplings that it counts for, ascending.
    pub couplings: Vec<u32>,
    /// Local limits that it counts for.
    pub locals: Vec<u32>,
    /// Things of which the customer must be given each, for a contact of this class to be allowed.
    pub needs: Vec<u32>,
    /// Things that a contact of this class gives.
    pub gives: Vec<u32>,
    /// Local minima that it counts for.
    pub minima: Vec<u32>,
}

/// A problem: proposals grouped by customer, and rules.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Where each customer's proposals begin; one more than customers.
    pub(crate) starts: Vec<u32>,
    pub(crate) values: Vec<f64>,
    pub(crate) costs: Vec<i64>,
    pub(crate) class_of: Vec<u32>,
    /// The place of each proposal as it was added.
    pub(crate) origin: Vec<u32>,
    pub(crate) table: Table,
    /// Small limits that share no customer; their customers come first.
    pub(crate) blocks: Vec<Block>,
    /// Where parts of the customers begin that are looked at by one thread, and the end; none divides a block.
    pub(crate) parts: Vec<u32>,
    /// Whether a class counts for the limit of a block.
    pub(crate) blocked: Vec<bool>,
    pub(crate) couplings: Vec<Coupling>,
    pub(crate) locals: Vec<Local>,
    pub(crate) minima: Vec<Minimum>,
    /// What a contact below a minimum earns on top, so that minima come first.
    pub(crate) bounty: f64,
    /// Whether local limits are nested, so that taking the best first is exact (a laminar matroid).
    pub(crate) laminar: bool,
}

/// Why a problem is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A number that is none, or a place that is not there.
    #[error("proposal {proposal}: {what}")]
    Proposal {
        /// Which, as it was added.
        proposal: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A class names a rule that is not there.
    #[error("class {0} names a rule that is not there")]
    Class(usize),
    /// More than fits.
    #[error("more than 4,294,967,294 proposals")]
    TooMany,
}

impl Problem {
    /// Groups proposals by customer; within a customer the order is that of adding.
    ///
    /// # Errors
    /// A value that is not finite, a negative cost, a customer or class that is not there, a class that names a rule that is
    /// not there.
    pub fn new(
        customers: u32,
        proposals: &[Proposal],
        classes: Vec<Class>,
        couplings: Vec<Coupling>,
        locals: Vec<Local>,
        minima: Vec<Minimum>,
    ) -> Result<Self, Refused> {
        if u32::try_from(proposals.len()).map_or(true, |count| count == u32::MAX) {
            return Err(Refused::TooMany);
        }
        for (at, class) in classes.iter().enumerate() {
            let known = class.couplings.iter().all(|rule| (*rule as usize) < couplings.len())
                && class.locals.iter().all(|rule| (*rule as usize) < locals.len())
                && class.minima.iter().all(|rule| (*rule as usize) < minima.len());
            if !known {
                return Err(Refused::Class(at));
            }
        }
        let mut starts = vec![0_u32; customers as usize + 2];
        for (at, proposal) in proposals.iter().enumerate() {
            let what = if !proposal.value.is_finite() {
                "its value is no number"
            } else if proposal.cost < 0 {
                "its cost is negative"
            } else if proposal.customer >= customers {
                "its customer is not there"
            } else if proposal.class as usize >= classes.len() {
                "its class is not there"
            } else {
                starts[proposal.customer as usize + 2] += 1;
                continue;
            };
            return Err(Refused::Proposal { proposal: at, what });
        }
        let table = Table::new(&classes);
        let laminar = laminar(&classes, locals.len());
        drop(classes);
        let mut grouped = Grouped::new(starts, proposals);
        let small = disjoint(customers, &couplings, &table, |customer| {
            grouped.of(customer).iter().map(|at| proposals[*at as usize].class)
        });
        let mut blocked = vec![false; table.len()];
        let blocks = grouped.bring_forward(&small);
        if !blocks.is_empty() {
            let taken: Vec<bool> = small.iter().fold(vec![false; couplings.len()], |mut taken, (rule, _)| {
                taken[*rule as usize] = true;
                taken
            });
            for (class, blocked) in blocked.iter_mut().enumerate() {
                *blocked = table.couplings.of(class).iter().any(|rule| taken[*rule as usize]);
            }
        }
        let Grouped { starts, order: origin } = grouped;
        let each = || origin.iter().map(|at| &proposals[*at as usize]);
        let values: Vec<f64> = each().map(|one| one.value).collect();
        let costs = each().map(|one| one.cost).collect();
        let class_of = each().map(|one| one.class).collect();
        let greatest = values.iter().map(|value: &f64| value.abs()).fold(0.0, f64::max);
        // More than whatever else a contact could bring, also where it displaces several.
        let bounty = 8.0 * greatest.max(f64::MIN_POSITIVE);
        Ok(Self {
            starts,
            values,
            costs,
            class_of,
            origin,
            table,
            parts: parts(customers, &blocks),
            blocks,
            blocked,
            couplings,
            locals,
            minima,
            bounty,
            laminar,
        })
    }

    /// The limits over all customers.
    #[must_use]
    pub fn couplings(&self) -> &[Coupling] {
        &self.couplings
    }

    /// How many customers.
    #[must_use]
    pub fn customers(&self) -> usize {
        self.starts.len() - 1
    }

    /// How many proposals.
    #[must_use]
    pub fn proposals(&self) -> usize {
        self.values.len()
    }

    /// The block of a customer.
    pub(crate) fn block_of(&self, customer: u32) -> Option<usize> {
        let at = self.blocks.partition_point(|block| block.customers.end <= customer);
        (at < self.blocks.len()).then_some(at)
    }

    /// The limits over all customers that a proposal counts for.
    pub(crate) fn limits_of(&self, at: u32) -> &[u32] {
        self.table.couplings.of(self.class_of[at as usize] as usize)
    }

    /// The limits of its customer that a proposal counts for.
    pub(crate) fn locals_of(&self, at: u32) -> &[u32] {
        self.table.locals.of(self.class_of[at as usize] as usize)
    }

    pub(crate) fn needs(&self, at: u32) -> &[u32] {
        self.table.needs.of(self.class_of[at as usize] as usize)
    }

    pub(crate) fn gives(&self, at: u32) -> &[u32] {
        self.table.gives.of(self.class_of[at as usize] as usize)
    }

    pub(crate) fn minima_of(&self, at: u32) -> &[u32] {
        self.table.minima.of(self.class_of[at as usize] as usize)
    }

    pub(crate) fn of(&self, customer: usize) -> std::ops::Range<usize> {
        self.starts[customer] as usize..self.starts[customer + 1] as usize
    }
}

/// Customers of a part; sums are whole numbers, so their division does not matter.
const PART: u32 = 2048;

fn parts(customers: u32, blocks: &[Block]) -> Vec<u32> {
    let mut parts = vec![0];
    let mut last = 0;
    let ends = blocks.iter().map(|block| block.customers.end);
    for end in ends.chain(blocks.last().map_or(0, |block| block.customers.end)..=customers) {
        if end - last >= PART {
            parts.push(end);
            last = end;
        }
    }
    if last < customers {
        parts.push(customers);
    }
    parts
}

/// Whether of any two limits one holds all classes of the other, or none of them.
fn laminar(classes: &[Class], locals: usize) -> bool {
    let mut sizes = vec![0_u32; locals];
    for class in classes {
        class.locals.iter().for_each(|local| sizes[*local as usize] += 1);
    }
    // The next larger limit of each must be the same for all of its classes.
    let mut parents: FxHashMap<u32, Option<u32>> = FxHashMap::default();
    for class in classes {
        let mut chain = class.locals.clone();
        chain.sort_by_key(|local| (sizes[*local as usize], *local));
        for (at, local) in chain.iter().enumerate() {
            let parent = chain.get(at + 1).copied();
            if *parents.entry(*local).or_insert(parent) != parent {
                return false;
            }
        }
    }
    true
}
