//! The order in which customers are looked at.

use crate::blocks::Block;
use crate::problem::Proposal;

/// Proposals by customer: places as they were added.
pub(crate) struct Grouped {
    /// Where each customer's begin; one more than customers.
    pub(crate) starts: Vec<u32>,
    pub(crate) order: Vec<u32>,
}

impl Grouped {
    /// `starts` holds how many proposals each customer has, two places on.
    pub(crate) fn new(mut starts: Vec<u32>, proposals: &[Proposal]) -> Self {
        for at in 2..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut order = vec![0; proposals.len()];
        for (at, proposal) in (0_u32..).zip(proposals) {
            let place = &mut starts[proposal.customer as usize + 1];
            order[*place as usize] = at;
            *place += 1;
        }
        starts.pop();
        Self { starts, order }
    }

    pub(crate) fn of(&self, customer: u32) -> &[u32] {
        &self.order[self.starts[customer as usize] as usize..self.starts[customer as usize + 1] as usize]
    }

    /// Puts the customers of small limits first, each limit's together.
    pub(crate) fn bring_forward(&mut self, small: &[(u32, Vec<u32>)]) -> Vec<Block> {
        if small.is_empty() {
            return Vec::new();
        }
        let mut blocks = Vec::with_capacity(small.len());
        let mut moved = vec![false; self.starts.len() - 1];
        let mut to =
            Self { starts: Vec::with_capacity(self.starts.len()), order: Vec::with_capacity(self.order.len()) };
        to.starts.push(0);
        let mut begin = 0;
        for (rule, members) in small {
            members.iter().for_each(|customer| {
                moved[*customer as usize] = true;
                to.push(self.of(*customer));
            });
            let end = begin + u32::try_from(members.len()).unwrap_or(u32::MAX);
            blocks.push(Block { customers: begin..end, rule: *rule });
            begin = end;
        }
        for customer in (0_u32..).zip(&moved).filter(|(_, moved)| !**moved).map(|(customer, _)| customer) {
            to.push(self.of(customer));
        }
        *self = to;
        blocks
    }

    fn push(&mut self, places: &[u32]) {
        self.order.extend_from_slice(places);
        self.starts.push(u32::try_from(self.order.len()).unwrap_or(u32::MAX));
    }
}
