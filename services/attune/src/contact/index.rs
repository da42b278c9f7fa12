//! Which rules can be about something: thousands of branches have a rule each, and a proposal is about one of them.

use rustc_hash::FxHashMap;

use super::rules::{Demand, Rule, Scope};

/// Rules by a name that what they are about must bear.
pub(super) struct Index {
    /// Rules without a scope.
    always: Vec<usize>,
    /// By offer, channel, slot, segment and campaign.
    by_name: [FxHashMap<String, Vec<usize>>; 5],
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut index = Self { always: Vec::new(), by_name: Default::default() };
        for (at, rule) in rules.iter().enumerate() {
            match &rule.demand {
                Demand::Capacity { scope, .. }
                | Demand::Budget { scope, .. }
                | Demand::MaxPerCustomer { scope, .. }
                | Demand::MinPerCustomer { scope, .. }
                | Demand::MaxPerOffer { scope, .. }
                | Demand::Exclusive { scope, .. } => index.add_scope(at, scope),
                Demand::Requires { offer, requires } => {
                    [offer, requires].into_iter().for_each(|name| index.add(at, 0, name))
                }
                // The history alone decides.
                Demand::NotAfter { .. } => {}
            }
        }
        index
    }

    fn add_scope(&mut self, at: usize, scope: &Scope) {
        let lists = [&scope.offer, &scope.channel, &scope.slot, &scope.segment, &scope.campaign];
        let listed = lists.iter().enumerate().filter_map(|(key, list)| list.as_ref().map(|list| (key, list)));
        match listed.min_by_key(|(_, list)| list.len()) {
            None => self.always.push(at),
            Some((key, list)) => list.iter().for_each(|name| self.add(at, key, name)),
        }
    }

    fn add(&mut self, at: usize, key: usize, name: &str) {
        self.by_name[key].entry(name.to_owned()).or_default().push(at);
    }

    /// The rules that can be about something with these names, in their order: none is missing, some may not be.
    pub(super) fn of(&self, keys: [&str; 5]) -> Vec<usize> {
        let mut found = self.always.clone();
        for (names, key) in self.by_name.iter().zip(keys) {
            found.extend(names.get(key).into_iter().flatten());
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::model::takes;

    #[test]
    fn no_rule_that_is_about_something_is_missing() {
        let names = |list: &[&str]| Some(list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let scopes = [
            Scope::default(),
            Scope { channel: names(&["sms", "sms"]), ..Scope::default() },
            Scope { offer: names(&["a", "b", "c"]), channel: names(&["mail"]), ..Scope::default() },
            Scope { segment: names(&[]), ..Scope::default() },
            Scope { slot: names(&[""]), campaign: names(&["x", "y"]), ..Scope::default() },
        ];
        let capacity = |scope: &Scope| Demand::Capacity { min: None, max: Some(1), scope: scope.clone() };
        let mut rules: Vec<Rule> =
            scopes.iter().map(|scope| Rule { id: String::new(), demand: capacity(scope) }).collect();
        let requires = Demand::Requires { offer: "a".to_owned(), requires: "b".to_owned() };
        rules.push(Rule { id: String::new(), demand: requires });
        let index = Index::new(&rules);
        for offer in ["a", "b", "z"] {
            for channel in ["sms", "mail", ""] {
                for campaign in ["x", ""] {
                    let keys = [offer, channel, "", "", campaign];
                    let found = index.of(keys);
                    let about: Vec<usize> = (0..scopes.len()).filter(|at| takes(&scopes[*at], keys)).collect();
                    assert!(about.iter().all(|at| found.contains(at)), "{keys:?}: {found:?} lacks some of {about:?}");
                    assert_eq!(found.contains(&5), offer != "z");
                    assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
                }
            }
        }
        assert!(!index.of(["z", "", "", "", ""]).contains(&1), "a rule of one channel is not looked at for others");
    }
}
