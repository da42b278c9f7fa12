//! Proposals in columns, grouped by customer.

use super::intern::Interner;

/// A contact that could be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal<'a> {
    /// Its id, unique within the run.
    pub id: &'a str,
    /// The customer.
    pub customer: &'a str,
    /// The offer; empty for none.
    pub offer: &'a str,
    /// The channel.
    pub channel: &'a str,
    /// The campaign; empty for none.
    pub campaign: &'a str,
    /// The expected value of making it, in any unit.
    pub value: f64,
    /// Its cost, in any unit, not negative.
    pub cost: f64,
}

/// Why a proposal was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its id is there already.
    #[error("is not unique within the run")]
    DuplicateId,
    /// The number of proposals has reached the builder's cap.
    #[error("is one proposal too many")]
    TooMany,
    /// The value is not a finite number.
    #[error("must be a finite number")]
    Value,
    /// The cost is not a finite number of at least zero and at most 1e15.
    #[error("must be a number from 0 to 1e15")]
    Cost,
}

/// Collects proposals in any order. Memory: 28 bytes a proposal besides the interned ids.
#[derive(Debug)]
pub struct Builder {
    cap: usize,
    ids: Interner,
    customers: Interner,
    names: Interner,
    signatures: Signatures,
    customer: Vec<u32>,
    signature: Vec<u32>,
    value: Vec<f64>,
    cost: Vec<f64>,
}

/// Proposals grouped by customer. Position is the index within the grouped columns: the proposals of one customer are
/// neighbours, in the order of their arrival. 24 bytes a proposal besides its id.
#[derive(Debug)]
pub struct Columns {
    ids: Interner,
    customers: Interner,
    names: Interner,
    pub(super) signatures: Vec<[u32; 3]>,
    pub(super) offsets: Vec<u32>,
    pub(super) signature: Vec<u32>,
    pub(super) value: Vec<f64>,
    pub(super) cost: Vec<f64>,
    row: Vec<u32>,
}

/// The distinct combinations of channel, offer and campaign.
#[derive(Debug, Default)]
struct Signatures {
    list: Vec<[u32; 3]>,
    index: std::collections::HashMap<[u32; 3], u32>,
}

impl Builder {
    /// A builder that takes at most `cap` proposals (and never more than 2^32 - 2).
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Self {
            cap: cap.min(u32::MAX as usize - 1),
            ids: Interner::default(),
            customers: Interner::default(),
            names: Interner::default(),
            signatures: Signatures::default(),
            customer: Vec::new(),
            signature: Vec::new(),
            value: Vec::new(),
            cost: Vec::new(),
        }
    }

    /// How many proposals there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// Takes one proposal.
    ///
    /// # Errors
    /// [`Refused`]; nothing of the proposal is kept then.
    pub fn push(&mut self, proposal: &Proposal<'_>) -> Result<(), Refused> {
        if self.len() >= self.cap {
            return Err(Refused::TooMany);
        }
        if !proposal.value.is_finite() {
            return Err(Refused::Value);
        }
        if !(0.0..=1e15).contains(&proposal.cost) {
            return Err(Refused::Cost);
        }
        if !self.ids.insert(proposal.id).1 {
            return Err(Refused::DuplicateId);
        }
        let names = [proposal.channel, proposal.offer, proposal.campaign].map(|name| self.names.insert(name).0);
        let next = u32::try_from(self.signatures.list.len()).unwrap_or(u32::MAX);
        let signature = *self.signatures.index.entry(names).or_insert(next);
        if signature == next {
            self.signatures.list.push(names);
        }
        self.signature.push(signature);
        self.customer.push(self.customers.insert(proposal.customer).0);
        self.value.push(proposal.value);
        self.cost.push(proposal.cost);
        Ok(())
    }

    /// Groups the columns by customer.
    #[must_use]
    pub fn build(mut self) -> Columns {
        self.ids.freeze();
        self.customers.freeze();
        let customers = self.customers.len();
        let mut offsets = vec![0u32; customers + 1];
        for &customer in &self.customer {
            offsets[customer as usize + 1] += 1;
        }
        for at in 0..customers {
            offsets[at + 1] += offsets[at];
        }
        let mut next = offsets.clone();
        let mut row = vec![0u32; self.customer.len()];
        for (arrival, &customer) in (0u32..).zip(&self.customer) {
            let slot = &mut next[customer as usize];
            row[*slot as usize] = arrival;
            *slot += 1;
        }
        drop((next, std::mem::take(&mut self.customer), std::mem::take(&mut self.signatures.index)));
        let gather = |column: Vec<f64>| row.iter().map(|&at| column[at as usize]).collect::<Vec<f64>>();
        Columns {
            signatures: self.signatures.list,
            signature: row.iter().map(|&at| self.signature[at as usize]).collect(),
            value: gather(self.value),
            cost: gather(self.cost),
            ids: self.ids,
            customers: self.customers,
            names: self.names,
            offsets,
            row,
        }
    }
}

impl Columns {
    /// How many proposals there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// How many customers there are.
    #[must_use]
    pub fn customers(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The positions of one customer's proposals.
    #[must_use]
    pub fn positions(&self, customer: usize) -> std::ops::Range<usize> {
        self.offsets[customer] as usize..self.offsets[customer + 1] as usize
    }

    /// The proposal at a position as it was given.
    #[must_use]
    pub fn proposal(&self, position: usize) -> Proposal<'_> {
        let at = u32::try_from(position).unwrap_or(u32::MAX);
        let customer = self.offsets.partition_point(|&start| start <= at) - 1;
        let [channel, offer, campaign] = self.signatures[self.signature[position] as usize];
        Proposal {
            id: self.id(position),
            customer: self.customers.get(u32::try_from(customer).unwrap_or(u32::MAX)),
            offer: self.names.get(offer),
            channel: self.names.get(channel),
            campaign: self.names.get(campaign),
            value: self.value[position],
            cost: self.cost[position],
        }
    }

    /// The id of the proposal at a position.
    #[must_use]
    pub fn id(&self, position: usize) -> &str {
        self.ids.get(self.row[position])
    }

    /// The number of a channel's, offer's or campaign's name, when a proposal carries it.
    pub(super) fn name(&self, name: &str) -> Option<u32> {
        self.names.find(name)
    }

    /// The columns of some customers, without their ids: for solving a sample.
    pub(super) fn sample(&self, customers: &[u32]) -> Self {
        let mut offsets = Vec::with_capacity(customers.len() + 1);
        offsets.push(0u32);
        let mut positions = Vec::new();
        for &customer in customers {
            positions.extend(self.positions(customer as usize));
            offsets.push(u32::try_from(positions.len()).unwrap_or(u32::MAX));
        }
        Self {
            ids: Interner::default(),
            customers: Interner::default(),
            names: self.names.clone(),
            signatures: self.signatures.clone(),
            offsets,
            signature: positions.iter().map(|&at| self.signature[at]).collect(),
            value: positions.iter().map(|&at| self.value[at]).collect(),
            cost: positions.iter().map(|&at| self.cost[at]).collect(),
            row: vec![0; positions.len()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal<'a>(id: &'a str, customer: &'a str) -> Proposal<'a> {
        Proposal { id, customer, offer: "o", channel: "c", campaign: "", value: 1.0, cost: 0.5 }
    }

    #[test]
    fn proposals_come_back_grouped_by_customer() {
        let mut builder = Builder::new(10);
        for (id, customer) in [("1", "a"), ("2", "b"), ("3", "a"), ("4", "c"), ("5", "b")] {
            builder.push(&proposal(id, customer)).unwrap();
        }
        let columns = builder.build();
        assert_eq!((columns.len(), columns.customers()), (5, 3));
        let ids: Vec<&str> = (0..5).map(|at| columns.id(at)).collect();
        assert_eq!(ids, ["1", "3", "2", "5", "4"]);
        assert_eq!(columns.proposal(3), proposal("5", "b"));
        assert_eq!(columns.proposal(4), proposal("4", "c"));
    }

    #[test]
    fn what_cannot_be_taken_is_refused_without_a_trace() {
        let mut builder = Builder::new(2);
        builder.push(&proposal("1", "a")).unwrap();
        assert_eq!(builder.push(&proposal("1", "b")), Err(Refused::DuplicateId));
        assert_eq!(builder.push(&Proposal { value: f64::NAN, ..proposal("2", "a") }), Err(Refused::Value));
        assert_eq!(builder.push(&Proposal { cost: -1.0, ..proposal("2", "a") }), Err(Refused::Cost));
        assert_eq!(builder.push(&Proposal { cost: f64::INFINITY, ..proposal("2", "a") }), Err(Refused::Cost));
        builder.push(&proposal("2", "b")).unwrap();
        assert_eq!(builder.push(&proposal("3", "b")), Err(Refused::TooMany));
        assert_eq!(builder.build().len(), 2);
        assert_eq!(Builder::new(0).build().customers(), 0);
    }
}
