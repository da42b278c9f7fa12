//! Under which id events were recorded, so that a merge can be taken back.
//!
//! A person who was merged remembers which ids are in them, as a [`Tree`]; their events carry the id under which they were
//! recorded. Profile-service keeps the same rules.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::event::{Identifier, Recorded};

/// The ids that are in a person, each with the id into which it was merged (empty for the person's own); empty for a person
/// who was never merged.
pub type Tree = BTreeMap<String, String>;

/// An event as it is kept with a person: with the origin that an event named `named` has, or keeps.
#[must_use]
pub fn labelled<'r>(tree: &Tree, holder: &str, named: &str, recorded: &'r Recorded) -> Cow<'r, Recorded> {
    let (origin, shared) = settle(tree, holder, named, true);
    if recorded.origin == origin && recorded.shared == shared {
        return Cow::Borrowed(recorded);
    }
    Cow::Owned(Recorded { origin, shared, ..recorded.clone() })
}

/// The same event when it lies with `to` and no longer, or as before, with `from`.
#[must_use]
pub fn moved(tree: &Tree, from: &str, to: &str, recorded: &Recorded) -> Recorded {
    let id = if recorded.origin.is_empty() { from } else { &recorded.origin };
    let (origin, shared) = settle(tree, to, id, recorded.shared);
    Recorded { origin, shared, ..recorded.clone() }
}

/// An origin as it is kept for an event that lies with `holder`: the id, empty for the holder, and whether others were
/// merged into it at that time and still are.
fn settle(tree: &Tree, holder: &str, id: &str, shared: bool) -> (String, bool) {
    if tree.is_empty() {
        return (String::new(), false);
    }
    let known = tree.contains_key(id);
    let id = if known { id } else { holder };
    let shared = (shared || !known) && tree.values().any(|into| into == id);
    (if id == holder && !shared { String::new() } else { id.to_owned() }, shared)
}

/// The ids of two persons of whom one was merged into the other.
#[must_use]
pub fn joined(surviving: &str, mut tree: Tree, merged: &str, other: Tree) -> Tree {
    tree.entry(surviving.to_owned()).or_default();
    tree.extend(other);
    tree.insert(merged.to_owned(), surviving.to_owned());
    tree
}

/// A split as it is applied to the events of a person.
#[derive(Debug)]
pub struct Parting<'a> {
    person: &'a str,
    identifiers: &'a [Identifier],
    gone: BTreeSet<String>,
    before: Tree,
    /// The ids of who keeps the id, after it.
    pub stays: Tree,
    /// The ids of the other one, after it.
    pub goes: Tree,
}

impl<'a> Parting<'a> {
    /// The split of `split` (whose ids are `theirs`) with `ids` and `identifiers` off `person` (whose ids are `before`).
    #[must_use]
    pub fn new(
        (person, before): (&'a str, Tree),
        (split, theirs): (&str, Tree),
        ids: &[String],
        identifiers: &'a [Identifier],
    ) -> Self {
        let gone: BTreeSet<String> = ids.iter().map(String::as_str).chain([split]).map(str::to_owned).collect();
        let gone: BTreeSet<String> = gone.into_iter().filter(|id| id != person && before.contains_key(id)).collect();
        let (mut stays, mut goes) = (Tree::new(), theirs);
        for (id, into) in &before {
            if !gone.contains(id) {
                stays.insert(id.clone(), above(&before, into, |one| !gone.contains(one)).unwrap_or_default());
            } else if id == split {
                goes.insert(id.clone(), String::new());
            } else {
                let into = above(&before, into, |one| gone.contains(one)).unwrap_or_else(|| split.to_owned());
                goes.insert(id.clone(), into);
            }
        }
        if !goes.is_empty() {
            goes.entry(split.to_owned()).or_default();
        }
        let several = |tree: Tree| if tree.len() > 1 { tree } else { Tree::new() };
        let (stays, goes) = (several(stays), several(goes));
        Self { person, identifiers, gone, before, stays, goes }
    }

    /// Whether an event goes.
    ///
    /// One that was recorded under an id that stood for one person is that person's. One that came while others were merged
    /// into its id goes by its identifier; where that is none of those that go, or there is none, by the ids it may be of.
    /// A split that gives no id back takes the whole history of its identifiers.
    #[must_use]
    pub fn takes(&self, recorded: &Recorded) -> bool {
        let by_via = recorded.via.as_ref().map(|via| self.identifiers.contains(via));
        if self.gone.is_empty() || (recorded.shared && by_via == Some(true)) {
            return by_via == Some(true);
        }
        let id = if recorded.origin.is_empty() { self.person } else { &recorded.origin };
        let within = self.gone.contains(id);
        if !recorded.shared || by_via.is_none() {
            return within;
        }
        let inside = |one: &str| above(&self.before, one, |at| at == id).is_some();
        within && self.before.keys().all(|one| !inside(one) || self.gone.contains(one))
    }
}

/// The nearest id from `from` upwards that is `wanted`.
fn above(tree: &Tree, from: &str, wanted: impl Fn(&str) -> bool) -> Option<String> {
    let mut at = from;
    for _ in 0..=tree.len() {
        if at.is_empty() {
            break;
        }
        if wanted(at) {
            return Some(at.to_owned());
        }
        at = tree.get(at)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::event::Event;

    const PERSONS: usize = 5;

    /// Who is with whom, and every event with its holder.
    #[derive(Default, Clone, PartialEq, Debug)]
    struct World {
        trees: BTreeMap<String, Tree>,
        aliases: BTreeMap<String, String>,
        events: BTreeMap<String, (String, Recorded)>,
    }

    fn id(person: usize) -> String {
        format!("p{person}")
    }

    fn identifier(person: usize) -> Identifier {
        Identifier { namespace: "cookie".to_owned(), value: attune_kernel::Personal::new(format!("c{person}")) }
    }

    impl World {
        fn in_force(&self, id: &str) -> String {
            self.aliases.get(id).cloned().unwrap_or_else(|| id.to_owned())
        }

        fn tree(&self, id: &str) -> Tree {
            self.trees.get(id).cloned().unwrap_or_default()
        }

        fn event(&mut self, id: &str, named: &str, via: Option<usize>) {
            let (name, time) = ("view".to_owned(), attune_kernel::Timestamp::default());
            let event = Event { id: id.to_owned(), name, time, channel: String::new(), properties: Default::default() };
            let via = via.map(identifier);
            let recorded =
                Recorded { event, sequence: 0, session: String::new(), via, origin: String::new(), shared: false };
            let holder = self.in_force(named);
            let recorded = labelled(&self.tree(&holder), &holder, named, &recorded).into_owned();
            self.events.insert(id.to_owned(), (holder, recorded));
        }

        fn merge(&mut self, to: &str, from: &str) {
            let tree = joined(to, self.tree(to), from, self.tree(from));
            for (holder, recorded) in self.events.values_mut().filter(|(holder, _)| holder == from) {
                *recorded = moved(&tree, from, to, recorded);
                to.clone_into(holder);
            }
            self.trees.remove(from);
            self.trees.insert(to.to_owned(), tree);
            self.aliases.values_mut().filter(|at| *at == from).for_each(|at| to.clone_into(at));
            self.aliases.insert(from.to_owned(), to.to_owned());
        }

        fn split(&mut self, person: &str, split: &str, members: &BTreeSet<usize>) {
            let ids: Vec<String> = members.iter().map(|one| id(*one)).collect();
            let identifiers: Vec<Identifier> = members.iter().map(|one| identifier(*one)).collect();
            let parting = Parting::new((person, self.tree(person)), (split, self.tree(split)), &ids, &identifiers);
            for one in &ids {
                self.aliases.insert(one.clone(), split.to_owned());
            }
            self.aliases.remove(split);
            for (holder, recorded) in self.events.values_mut().filter(|(holder, _)| holder == person) {
                let goes = parting.takes(recorded);
                let (tree, to) = if goes { (&parting.goes, split) } else { (&parting.stays, person) };
                *recorded = moved(tree, person, to, recorded);
                to.clone_into(holder);
            }
            for (id, tree) in [(person, parting.stays), (split, parting.goes)] {
                self.trees.remove(id);
                if !tree.is_empty() {
                    self.trees.insert(id.to_owned(), tree);
                }
            }
        }

        fn holders(&self) -> Vec<(&str, &str)> {
            self.events.iter().map(|(id, (holder, _))| (id.as_str(), holder.as_str())).collect()
        }
    }

    type Edge = (usize, usize, bool);

    fn group(edges: &[Edge], on: &BTreeSet<usize>, from: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::from([from]);
        for _ in 0..PERSONS {
            for (a, b, _) in on.iter().map(|at| edges[*at]) {
                if found.contains(&a) || found.contains(&b) {
                    found.extend([a, b]);
                }
            }
        }
        found
    }

    fn toggle(world: &mut World, edges: &[Edge], on: &mut BTreeSet<usize>, at: usize) {
        let (a, b, _) = edges[at];
        if on.remove(&at) {
            let (one, two) = (group(edges, on, a), group(edges, on, b));
            let (stays, goes) = if one.first() < two.first() { (one, two) } else { (two, one) };
            world.split(&id(*stays.first().unwrap()), &id(*goes.first().unwrap()), &goes);
        } else {
            let (one, two) = (*group(edges, on, a).first().unwrap(), *group(edges, on, b).first().unwrap());
            world.merge(&id(one.min(two)), &id(one.max(two)));
            on.insert(at);
        }
    }

    /// An edge that comes or goes, or an event of a person: by their identifier or without one, under the id of today or
    /// their own.
    type Act = (usize, usize, u8, bool);

    fn play(edges: &[Edge], acts: &[Act], taken_back: bool) -> World {
        let (mut world, mut on) = (World::default(), BTreeSet::new());
        for (index, (edge, person, kind, stale)) in acts.iter().copied().enumerate() {
            match kind {
                0..3 if edges[edge].2 && !taken_back => {}
                0..3 => toggle(&mut world, edges, &mut on, edge),
                3 => world.event(&format!("e{index:03}"), &id(person), None),
                _ => {
                    let today = id(*group(edges, &on, person).first().unwrap());
                    let named = if stale { id(person) } else { today };
                    world.event(&format!("e{index:03}"), &named, Some(person));
                }
            }
        }
        let back: Vec<usize> = on.iter().copied().filter(|at| edges[*at].2).collect();
        back.into_iter().rev().for_each(|at| toggle(&mut world, edges, &mut on, at));
        world
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn merges_that_are_taken_back_leave_nothing(
            names in Just((0..PERSONS).collect::<Vec<usize>>()).prop_shuffle(),
            edges in proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>()), PERSONS - 1),
            acts in proptest::collection::vec((0..PERSONS - 1, 0..PERSONS, 0_u8..8, any::<bool>()), 1..50),
        ) {
            // A random tree, so that each edge joins and its end parts.
            let edge = |(at, (to, back)): (usize, &(prop::sample::Index, bool))| (names[at + 1], names[to.index(at + 1)], *back);
            let edges: Vec<Edge> = edges.iter().enumerate().map(edge).collect();
            let (with, without) = (play(&edges, &acts, true), play(&edges, &acts, false));
            prop_assert_eq!(with.holders(), without.holders());
            prop_assert_eq!(with.trees.keys().collect::<Vec<_>>(), without.trees.keys().collect::<Vec<_>>());
        }
    }
}
