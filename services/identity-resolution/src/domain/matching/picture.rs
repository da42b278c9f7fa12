//! What is known about pairs around the records that are examined.
//!
//! Gathering is iterative: the picture names the records whose stored pairs it needs next, until every component that an
//! examined record belongs to is whole.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use super::plan::{Component, Pair};
use super::record::RecordKey;
use super::review::{Constraint, Review};

/// Pairs, with the records whose pairs are known.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    pairs: BTreeMap<(RecordKey, RecordKey), Pair>,
    examined: FxHashSet<RecordKey>,
    known: FxHashSet<RecordKey>,
    asked: FxHashSet<RecordKey>,
    together: BTreeSet<(RecordKey, RecordKey)>,
    apart: BTreeSet<(RecordKey, RecordKey)>,
}

impl Picture {
    /// Adds a record with all pairs of its own as they are now. `stored` says whether the store may know older ones.
    pub fn examine(&mut self, record: RecordKey, pairs: impl IntoIterator<Item = Pair>, stored: bool) {
        self.examined.insert(record);
        if !stored {
            self.asked.insert(record);
        }
        self.known.insert(record);
        for pair in pairs {
            self.pairs.insert((pair.left, pair.right), pair);
        }
    }

    /// Adds a pair as it is stored. What was examined knows better: of its stored pairs only whether they are matches
    /// counts, so that one that is no longer alike can be retracted.
    pub fn absorb(&mut self, stored: Pair) {
        let place = (stored.left, stored.right);
        let outdated = self.examined.contains(&stored.left) || self.examined.contains(&stored.right);
        match self.pairs.get_mut(&place) {
            Some(pair) => pair.linked |= stored.linked,
            None if !outdated => {
                self.pairs.insert(place, stored);
            }
            None if stored.linked => {
                self.pairs.insert(place, Pair { probability: 0.0, ..stored });
            }
            None => {}
        }
    }

    /// Adds what a person decided.
    pub fn constrain(&mut self, review: &Review) {
        match review.constraint() {
            Some(Constraint::MustLink(left, right)) => self.together.insert((left, right)),
            Some(Constraint::CannotLink(left, right)) => self.apart.insert((left, right)),
            None => false,
        };
    }

    /// The records whose stored pairs are needed next, ascending: those within reach that were not asked for yet, at most
    /// `limit` in all.
    pub fn take_open(&mut self, link: f64, limit: usize) -> Vec<RecordKey> {
        for pair in self.pairs.values().filter(|pair| joins(pair, link)) {
            self.known.extend([pair.left, pair.right]);
        }
        let room = limit.saturating_sub(self.asked.len());
        let mut next: Vec<RecordKey> = self.known.difference(&self.asked).copied().collect();
        next.sort_unstable();
        next.truncate(room);
        self.asked.extend(&next);
        next
    }

    /// Records within reach.
    #[must_use]
    pub fn reached(&self) -> Vec<RecordKey> {
        let mut reached: Vec<RecordKey> = self.known.iter().copied().collect();
        reached.sort_unstable();
        reached
    }

    /// A pair as it is known.
    #[must_use]
    pub fn pair(&self, place: (RecordKey, RecordKey)) -> Option<&Pair> {
        self.pairs.get(&place)
    }

    /// Whether a person decided the pair.
    #[must_use]
    pub fn is_decided(&self, place: (RecordKey, RecordKey)) -> bool {
        self.together.contains(&place) || self.apart.contains(&place)
    }

    /// The components of two records or more.
    #[must_use]
    pub fn components(&self, link: f64) -> Vec<Component> {
        let places: BTreeSet<RecordKey> = self.known.iter().copied().collect();
        let places: FxHashMap<RecordKey, usize> = places.into_iter().zip(0..).collect();
        let mut roots: Vec<usize> = (0..places.len()).collect();
        let joined = self.pairs.values().filter(|pair| joins(pair, link)).map(|pair| (pair.left, pair.right));
        for (left, right) in joined.chain(self.together.iter().copied()) {
            if let (Some(left), Some(right)) = (places.get(&left), places.get(&right)) {
                let (left, right) = (root(&mut roots, *left), root(&mut roots, *right));
                roots[left.max(right)] = left.min(right);
            }
        }
        let mut components: BTreeMap<usize, Component> = BTreeMap::new();
        let mut home = |key: &RecordKey| places.get(key).map(|at| root(&mut roots, *at));
        let mut keys: Vec<&RecordKey> = places.keys().collect();
        keys.sort_unstable();
        for key in keys {
            if let Some(home) = home(key) {
                components.entry(home).or_default().records.push(*key);
            }
        }
        for ((left, right), pair) in &self.pairs {
            if let Some(at) = home(left).filter(|at| home(right) == Some(*at)) {
                components.entry(at).or_default().pairs.push(*pair);
            }
        }
        for (places, together) in [(&self.together, true), (&self.apart, false)] {
            for (left, right) in places {
                if let Some(at) = home(left).filter(|at| home(right) == Some(*at)) {
                    let component = components.entry(at).or_default();
                    let set = if together { &mut component.together } else { &mut component.apart };
                    set.insert((*left, *right));
                }
            }
        }
        components.into_values().filter(|component| component.records.len() > 1).collect()
    }
}

fn joins(pair: &Pair, link: f64) -> bool {
    pair.linked || pair.probability >= link
}

fn root(roots: &mut [usize], mut at: usize) -> usize {
    while roots[at] != at {
        roots[at] = roots[roots[at]];
        at = roots[at];
    }
    at
}

#[cfg(test)]
mod tests {
    use attune_kernel::Timestamp;

    use super::*;
    use crate::domain::matching::review::{Decided, Verdict};

    const LINK: f64 = 0.9;

    fn key(of: u8) -> RecordKey {
        RecordKey::cut(&[of; 16])
    }

    fn pair(one: u8, other: u8, probability: f64) -> Pair {
        Pair::new(key(one), key(other), probability * 10.0, probability)
    }

    /// Gathers from a store of pairs, counting the rounds.
    fn gather(picture: &mut Picture, stored: &[Pair], limit: usize) -> usize {
        for rounds in 0.. {
            let next = picture.take_open(LINK, limit);
            if next.is_empty() {
                return rounds;
            }
            for pair in stored.iter().filter(|pair| next.contains(&pair.left) || next.contains(&pair.right)) {
                picture.absorb(*pair);
            }
        }
        0
    }

    #[test]
    fn a_component_is_gathered_to_its_ends() {
        let stored = [pair(2, 3, 0.95), pair(3, 4, 0.99), pair(4, 5, 0.5), pair(5, 6, 0.99)];
        let mut picture = Picture::default();
        picture.examine(key(1), [pair(1, 2, 0.92), pair(1, 9, 0.6)], false);
        assert_eq!(gather(&mut picture, &stored, 100), 3);
        let components = picture.components(LINK);
        assert_eq!(components.len(), 1);
        assert_eq!(components[0].records, [key(1), key(2), key(3), key(4)]);
        assert_eq!(components[0].pairs.len(), 3);
        let mut bounded = Picture::default();
        bounded.examine(key(1), [pair(1, 2, 0.92)], false);
        gather(&mut bounded, &stored, 2);
        assert_eq!(bounded.reached(), [key(1), key(2), key(3)]);
    }

    #[test]
    fn what_was_examined_outdates_what_is_stored() {
        let linked = |one, other| Pair { linked: true, ..pair(one, other, 0.99) };
        let mut picture = Picture::default();
        picture.examine(key(1), [pair(1, 2, 0.93)], true);
        gather(&mut picture, &[linked(1, 2), linked(1, 3), pair(1, 4, 0.95)], 100);
        let components = picture.components(LINK);
        assert_eq!(components[0].records, [key(1), key(2), key(3)]);
        let now: Vec<(f64, bool)> = components[0].pairs.iter().map(|pair| (pair.probability, pair.linked)).collect();
        assert_eq!(now, [(0.93, true), (0.0, true)]);
    }

    #[test]
    fn decisions_join_and_part() {
        let mut picture = Picture::default();
        picture.examine(key(1), [pair(1, 2, 0.95)], false);
        picture.examine(key(3), [], false);
        let decide = |one, other, verdict| {
            let mut review = Review::open(&pair(one, other, 0.5), Timestamp::from_micros(0));
            let (actor, time) = ("ann".to_owned(), Timestamp::from_micros(0));
            review.decide(Decided { verdict, actor, reason: String::new(), time });
            review
        };
        picture.constrain(&decide(2, 3, Verdict::Same));
        picture.constrain(&decide(1, 3, Verdict::Different));
        picture.constrain(&decide(7, 8, Verdict::Same));
        assert!(gather(&mut picture, &[], 100) > 0);
        let components = picture.components(LINK);
        assert_eq!(components.len(), 1, "of records out of reach nothing is said");
        assert_eq!(components[0].records.len(), 3);
        assert_eq!((components[0].together.len(), components[0].apart.len()), (1, 1));
        assert!(picture.is_decided((key(1), key(3))) && !picture.is_decided((key(1), key(2))));
    }
}
