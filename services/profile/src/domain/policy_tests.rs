//! Conflict policies against their definitions, over all orders of arrival, merges and splits.

use std::collections::{BTreeMap, BTreeSet};

use attune_kernel::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::catalogue;
use super::document::{Attribute, Document};
use super::schema::{Definition, Group, Pii, Policy, Registry, Shape, Type};

const SOURCES: [&str; 3] = ["crm", "web", "call"];

fn registry(policy: Policy) -> Registry {
    let sources = if policy == Policy::SourcePriority { vec!["web".to_owned(), "crm".to_owned()] } else { Vec::new() };
    let shape = if policy == Policy::SetUnion { Shape::Set } else { Shape::Single };
    let definition = Definition {
        id: "a".to_owned(),
        description: String::new(),
        group: Group::Preference,
        of: Type::Int,
        shape,
        pii: Pii::None,
        retention: None,
        policy,
        sources,
        owner: String::new(),
        deprecated: false,
    };
    Registry::new([definition], false)
}

/// A word: value (none removes), source, time, whether an event said it, and by which of two ids it came.
type Word = (Option<i64>, usize, i64, bool, bool);

fn words() -> impl Strategy<Value = Vec<Word>> {
    let word = (proptest::option::weighted(0.8, 0_i64..4), 0_usize..3, 0_i64..6, any::<bool>(), any::<bool>());
    proptest::collection::vec(word, 1..6)
}

fn attribute((value, source, hour, observed, _): &Word, policy: Policy) -> Attribute {
    let value = match (value, policy) {
        (None, _) => Value::Null,
        (Some(value), Policy::SetUnion) => json!([value]),
        (Some(value), _) => json!(value),
    };
    let event_time = Timestamp::from_millis(*hour);
    Attribute { value, source: SOURCES[*source].to_owned(), event_time, observed: *observed, ..Attribute::default() }
}

/// The definition of each policy, written down over all words at once.
fn naive(words: &[Word], policy: Policy) -> Option<Value> {
    let latest = |words: &[&Word]| {
        let text = |word: &&&Word| (word.2, word.0.map_or("null".to_owned(), |value| value.to_string()));
        words.iter().max_by_key(text).and_then(|word| word.0).map(|value| json!(value))
    };
    let all: Vec<&Word> = words.iter().collect();
    let cleared = words.iter().filter(|word| word.0.is_none()).map(|word| word.2).max().unwrap_or(i64::MIN);
    let mut said: BTreeMap<i64, (usize, i64)> = BTreeMap::new();
    for word in words {
        if let Some(value) = word.0 {
            let one = said.entry(value).or_default();
            *one = (one.0 + 1, one.1.max(word.2));
        }
    }
    said.retain(|_, (_, last)| *last > cleared);
    match policy {
        Policy::Latest => latest(&all),
        Policy::SourcePriority => {
            let of = |source: usize| all.iter().copied().filter(|word| word.1 == source).collect::<Vec<_>>();
            let first = [1, 0, 2].map(of).into_iter().find(|words| !words.is_empty());
            latest(&first.unwrap_or_default())
        }
        Policy::MostFrequent => {
            let best = said.iter().max_by_key(|(value, (count, last))| (*count, *last, value.to_string()));
            best.map(|(value, _)| json!(value))
        }
        Policy::SetUnion => {
            let set: BTreeSet<String> = said.keys().map(i64::to_string).collect();
            (!set.is_empty()).then(|| set.iter().map(|one| json!(one.parse::<i64>().unwrap())).collect())
        }
    }
}

fn shown(document: &Document) -> Option<Value> {
    document.values().find(|(name, _)| *name == "a").map(|(_, one)| one.value.clone())
}

fn hear(document: &mut Document, words: &[&Word], policy: Policy, registry: &Registry) {
    for word in words {
        let named = document.person_id.clone();
        document.hear(&named, "a", attribute(word, policy), registry).unwrap();
    }
}

/// Every order of a few things.
fn orders<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for at in 0..items.len() {
        let mut rest = items.to_vec();
        let one = rest.remove(at);
        all.extend(orders(&rest).into_iter().map(|mut order| {
            order.push(one.clone());
            order
        }));
    }
    all
}

const POLICIES: [Policy; 4] = [Policy::Latest, Policy::SourcePriority, Policy::MostFrequent, Policy::SetUnion];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_order_shows_what_the_definition_says(words in words()) {
        for policy in POLICIES {
            let (registry, expected) = (registry(policy), naive(&words, policy));
            for order in orders(&words.iter().collect::<Vec<_>>()) {
                let mut document = Document::empty("p");
                hear(&mut document, &order, policy, &registry);
                prop_assert_eq!(shown(&document), expected.clone(), "{:?} {:?}", policy, order);
            }
        }
    }

    #[test]
    fn a_merge_shows_all_words_and_a_split_gives_them_back(words in words()) {
        for policy in POLICIES {
            let registry = registry(policy);
            let (theirs, own): (Vec<&Word>, Vec<&Word>) = words.iter().partition(|word| word.4);
            let (mut one, mut other) = (Document::empty("p"), Document::empty("q"));
            hear(&mut one, &own, policy, &registry);
            hear(&mut other, &theirs, policy, &registry);
            one.absorb(other, &catalogue::default());
            prop_assert_eq!(shown(&one), naive(&words, policy), "{:?}", policy);
            let mut split = Document::empty("q");
            one.part(&mut split, &BTreeSet::from(["q".to_owned()]));
            // What events said is observed anew by the caller.
            for (document, words) in [(&mut one, &own), (&mut split, &theirs)] {
                let observed: Vec<&Word> = words.iter().copied().filter(|word| word.3).collect();
                hear(document, &observed, policy, &registry);
            }
            let list = |words: &[&Word]| naive(&words.iter().map(|word| **word).collect::<Vec<_>>(), policy);
            prop_assert_eq!((shown(&one), shown(&split)), (list(&own), list(&theirs)), "{:?}", policy);
        }
    }

    #[test]
    fn what_was_aside_is_taken_in_when_it_is_declared(words in words(), merged in any::<bool>()) {
        let (closed, open) = (Registry::new([], false), registry(Policy::Latest));
        let (theirs, own): (Vec<&Word>, Vec<&Word>) = words.iter().partition(|word| merged && word.4);
        let (mut document, mut other) = (Document::empty("p"), Document::empty("q"));
        hear(&mut document, &own, Policy::Latest, &closed);
        hear(&mut other, &theirs, Policy::Latest, &closed);
        if merged {
            document.absorb(other, &catalogue::default());
        }
        prop_assert_eq!(shown(&document), None);
        let aside = document.aside().map(|(_, one)| one.value.clone()).next();
        prop_assert_eq!(aside, naive(&words, Policy::Latest));
        prop_assert_eq!(document.is_pending(&open), naive(&words, Policy::Latest).is_some());
        document.replay(&open);
        prop_assert_eq!(shown(&document), naive(&words, Policy::Latest));
        prop_assert_eq!(document.aside().count(), 0);
    }
}
