//! Who lives with whom.
//!
//! A household is everybody reachable over relations that say that two live together. One with more than so many persons
//! is a house of flats, a dormitory or an office, and no household.

use std::collections::BTreeSet;

use attune_kernel::PersonId;
use sha2::{Digest as _, Sha256};

use super::record::hex;

/// A household being gathered: ask for the persons to look at, add with whom they live, until there is nobody left.
#[derive(Debug, Clone)]
pub struct Household {
    members: BTreeSet<PersonId>,
    open: Vec<PersonId>,
    limit: usize,
}

impl Household {
    /// The household of a person, of at most `limit` persons.
    #[must_use]
    pub fn of(person: PersonId, limit: usize) -> Self {
        Self { members: BTreeSet::from([person]), open: vec![person], limit }
    }

    /// The persons whose relations are to be added next; empty when the household is known.
    pub fn take_open(&mut self) -> Vec<PersonId> {
        if self.members.len() > self.limit { Vec::new() } else { std::mem::take(&mut self.open) }
    }

    /// Adds somebody who lives with a member.
    pub fn add(&mut self, person: PersonId) {
        if self.members.len() <= self.limit && self.members.insert(person) {
            self.open.push(person);
        }
    }

    /// The household's id; none for somebody who lives alone or in a large house. It derives from the oldest member, so
    /// that it stays when the household grows.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        if !(2..=self.limit).contains(&self.members.len()) {
            return None;
        }
        let oldest = self.members.first()?;
        let hash = Sha256::new_with_prefix(b"household").chain_update(oldest.to_bytes()).finalize();
        Some(hex(&hash[..16]))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use attune_kernel::Timestamp;

    use super::*;

    fn person(of: u128) -> PersonId {
        PersonId::from_parts(Timestamp::from_micros(0), of)
    }

    fn gather(start: u128, pairs: &[(u128, u128)], limit: usize) -> Option<String> {
        let mut near: BTreeMap<PersonId, Vec<PersonId>> = BTreeMap::new();
        for (one, other) in pairs {
            near.entry(person(*one)).or_default().push(person(*other));
            near.entry(person(*other)).or_default().push(person(*one));
        }
        let mut household = Household::of(person(start), limit);
        loop {
            let next = household.take_open();
            if next.is_empty() {
                return household.id();
            }
            for one in next.iter().filter_map(|one| near.get(one)).flatten() {
                household.add(*one);
            }
        }
    }

    #[test]
    fn each_member_has_the_same_household_and_growth_keeps_it() {
        let pairs = [(1, 2), (2, 3), (5, 6)];
        let id = gather(1, &pairs, 10);
        assert!(id.is_some() && gather(2, &pairs, 10) == id && gather(3, &pairs, 10) == id);
        assert_ne!(gather(5, &pairs, 10), id);
        assert_eq!(gather(1, &[(1, 2), (2, 3), (3, 4)], 10), id);
        assert_eq!(gather(9, &pairs, 10), None);
    }

    #[test]
    fn a_large_house_is_no_household() {
        let pairs: Vec<(u128, u128)> = (1..50).map(|of| (of, of + 1)).collect();
        assert_eq!(gather(1, &pairs, 20), None);
        assert_eq!(gather(30, &pairs, 20), None);
    }
}
