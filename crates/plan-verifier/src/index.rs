//! Contacts by their names: with thousands of rules, each about a few contacts, not every rule looks at every contact.

use std::collections::HashMap;

use crate::rule::{Contact, Scope};

/// Places of contacts by channel, offer, campaign, segment and slot.
pub(crate) struct Index<'a>([HashMap<&'a str, Vec<usize>>; 5]);

impl<'a> Index<'a> {
    pub(crate) fn new(plan: &[Contact<'a>]) -> Self {
        let mut index: [HashMap<&'a str, Vec<usize>>; 5] = Default::default();
        for (at, one) in plan.iter().enumerate() {
            let names = [one.channel, one.offer, one.campaign, one.segment, one.slot];
            index.iter_mut().zip(names).for_each(|(places, name)| places.entry(name).or_default().push(at));
        }
        Self(index)
    }

    /// The contacts in a scope, in the order of the plan.
    pub(crate) fn counted<'b>(&self, plan: &'b [Contact<'a>], scope: &Scope) -> Vec<&'b Contact<'a>> {
        let lists = [&scope.channels, &scope.offers, &scope.campaigns, &scope.segments, &scope.slots];
        let named = self.0.iter().zip(lists).filter(|(_, list)| !list.is_empty());
        let places = named.map(|(places, list)| {
            let found: Vec<&Vec<usize>> = list.iter().filter_map(|name| places.get(name.as_str())).collect();
            found
        });
        // Every list must take a contact, so those that one list takes hold all that are in scope.
        let Some(fewest) = places.min_by_key(|found| found.iter().map(|places| places.len()).sum::<usize>()) else {
            return plan.iter().collect();
        };
        let mut found: Vec<usize> = fewest.into_iter().flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|at| &plan[at]).filter(|contact| scope.contains(contact)).collect()
    }
}
