//! What the rules do, one sentence a test.

use std::collections::BTreeSet;

use attune_kernel::{PersonId, Timestamp};

use super::model_tests::World;
use super::*;

#[test]
fn an_anonymous_person_becomes_known_and_keeps_the_id() {
    let mut world = World::new(|_| {});
    let first = world.who(&[("cookie", "c1")]);
    let known = world.see(&[("customer_id", "A"), ("cookie", "c1")]);
    assert_eq!((known.person, known.created), (first, false));
    // Another browser, seen before it is known whose it is: its history follows.
    let other = world.who(&[("cookie", "c2")]);
    let joined = world.see(&[("cookie", "c2"), ("customer_id", "A")]);
    assert_eq!((joined.person, joined.merged.as_slice()), (first, &[other][..]));
    assert_eq!(world.memory.feed, [Change::Merge { survivor: first, merged: other }]);
    assert_eq!(world.who(&[("cookie", "c2")]), first);
}

#[test]
fn a_shared_cookie_follows_the_latest_strong_evidence_and_merges_nobody() {
    let mut world = World::new(|_| {});
    let ada = world.who(&[("customer_id", "A"), ("cookie", "c")]);
    let bob = world.who(&[("customer_id", "B"), ("cookie", "c")]);
    assert_ne!(ada, bob);
    assert_eq!(world.who(&[("cookie", "c")]), bob);
    assert_eq!(world.who(&[("customer_id", "A"), ("cookie", "c")]), ada);
    assert_eq!(world.who(&[("cookie", "c")]), ada);
    // Late evidence for the other one does not take it back.
    let late = world.try_see_at(&[("email", "b@x.org"), ("customer_id", "B")], None).unwrap();
    assert_eq!(late.person, bob);
    let old = Some(Timestamp::from_millis(1_000_000));
    assert_eq!(world.try_see_at(&[("customer_id", "B"), ("cookie", "c")], old).unwrap().person, bob);
    assert_eq!(world.who(&[("cookie", "c")]), ada);
    // A new cookie on the shared device is nobody's yet.
    let fresh = world.see(&[("cookie", "c"), ("device", "d")]);
    assert!(fresh.created && ![ada, bob].contains(&fresh.person));
    assert_eq!(world.memory.feed, []);
}

#[test]
fn two_customer_numbers_are_two_persons_whatever_they_share() {
    let mut world = World::new(|_| {});
    let ada = world.who(&[("customer_id", "A"), ("email", "family@x.org")]);
    let bob = world.see(&[("email", "family@x.org"), ("customer_id", "B"), ("phone", "010-1234-5678")]);
    assert_ne!(bob.person, ada);
    assert_eq!(World::limits(&bob), [(0, Limit::UniquePerPerson)]);
    assert_eq!(world.who(&[("email", "family@x.org")]), ada);
    assert_eq!(world.who(&[("phone", "01012345678")]), bob.person);
    let both = world.see(&[("customer_id", "A"), ("customer_id", "B")]);
    assert_eq!(both.merged, []);
}

#[test]
fn an_identifier_seen_with_too_many_persons_stops_linking() {
    let mut world = World::new(|config| config.namespaces.get_mut("email").unwrap().max_persons_per_identifier = 3);
    let first = world.who(&[("customer_id", "C0"), ("email", "desk@x.org")]);
    let mut persons = BTreeSet::from([first]);
    for number in 1..50 {
        let customer = format!("C{number}");
        let answer = world.see(&[("customer_id", &customer), ("email", "desk@x.org")]);
        assert!(persons.insert(answer.person), "a person of their own");
        let expected = if number < 3 { Limit::UniquePerPerson } else { Limit::MaxPersonsPerIdentifier };
        assert_eq!(World::limits(&answer), [(1, expected)], "{number}");
    }
    // Alone it is still its holder's; with something else it links nothing.
    assert_eq!(world.who(&[("email", "desk@x.org")]), first);
    let stranger = world.see(&[("cookie", "z"), ("email", "desk@x.org")]);
    assert!(stranger.created);
    assert!(!world.memory.persons[&first].identifiers.iter().find(|held| held.namespace == "email").unwrap().linking);
}

#[test]
fn a_bridge_of_persons_without_a_number_stops_as_well() {
    let mut world = World::new(|config| config.namespaces.get_mut("email").unwrap().max_persons_per_identifier = 3);
    for number in 0..20 {
        world.see(&[("phone", &format!("+821055550{number:03}"))]);
    }
    for number in 0..20 {
        world.see(&[("phone", &format!("+821055550{number:03}")), ("email", "desk@x.org")]);
    }
    let largest = world.memory.persons.values().map(|person| person.identifiers.len()).max();
    assert!(largest.unwrap() <= 4, "{largest:?}");
}

#[test]
fn a_person_holds_only_so_many_identifiers() {
    let mut world = World::new(|config| config.namespaces.get_mut("email").unwrap().max_identifiers_per_person = 2);
    let person = world.who(&[("customer_id", "A"), ("email", "1@x.org"), ("email", "2@x.org")]);
    let third = world.see(&[("customer_id", "A"), ("email", "3@x.org")]);
    assert_eq!((third.person, World::limits(&third)), (person, vec![(1, Limit::MaxIdentifiersPerPerson)]));
    let other = world.who(&[("email", "3@x.org")]);
    assert_ne!(other, person);
    assert_eq!(World::limits(&world.see(&[("customer_id", "A"), ("email", "3@x.org")])).len(), 1);
}

#[test]
fn what_an_operator_separates_evidence_does_not_join() {
    let mut world = World::new(|_| {});
    let ada = world.who(&[("customer_id", "A"), ("email", "a@x.org"), ("cookie", "c")]);
    let split = world.unlink(ada, &[("email", "A@x.org")]).unwrap()[1];
    assert_eq!(world.who(&[("email", "a@x.org")]), split);
    let again = world.see(&[("customer_id", "A"), ("email", "a@x.org")]);
    assert_eq!((again.person, World::limits(&again)), (ada, vec![(1, Limit::CannotLink)]));
    // Neither does a detour over a third person.
    let third = world.who(&[("phone", "+821012345678"), ("email", "a@x.org")]);
    assert_eq!(third, split);
    assert_eq!(world.see(&[("phone", "+821012345678"), ("customer_id", "A")]).merged, []);
    // The operator may change their mind, and again.
    assert_eq!(world.link(split, ada), ada);
    assert_eq!(world.who(&[("email", "a@x.org")]), ada);
    let second = world.unlink(ada, &[("email", "a@x.org")]).unwrap()[1];
    assert_ne!(second, split, "an id is never given again");
    assert_eq!(world.memory.survivor(split), ada, "an alias stays with the person");
    let kinds: Vec<&Change> = world.memory.feed.iter().collect();
    assert!(matches!(
        kinds.as_slice(),
        [Change::Split { .. }, Change::Merge { .. }, Change::Split { kept, split, identifiers }]
            if *kept == ada && *split == second && identifiers.len() == 1
    ));
}

#[test]
fn unlinking_what_is_not_held_or_everything_is_refused() {
    let mut world = World::new(|_| {});
    let ada = world.who(&[("customer_id", "A"), ("email", "a@x.org")]);
    assert_eq!(world.unlink(ada, &[("email", "a@x.org"), ("email", "b@x.org")]), Err(Refusal::NotHeld(1)));
    assert_eq!(world.unlink(ada, &[("email", "a@x.org"), ("customer_id", "A")]), Err(Refusal::NothingRemains));
    let nobody = PersonId::from_parts(Timestamp::from_millis(1), 1);
    assert_eq!(world.unlink(nobody, &[("email", "a@x.org")]), Err(Refusal::UnknownPerson));
}

#[test]
fn an_erased_person_leaves_no_identifier_and_late_events_do_not_bring_them_back() {
    let mut world = World::new(|_| {});
    let ada = world.who(&[("customer_id", "A"), ("email", "a@x.org")]);
    let (now, _) = world.tick();
    let erase = Command::Erase { person: ada, now, request: None };
    assert_eq!(world.decide(&erase), Ok(vec![ada]));
    assert!(world.memory.owners.is_empty() && world.memory.evidence.is_empty());
    assert!(world.memory.persons[&ada].identifiers.is_empty());
    assert_eq!(world.memory.feed, [Change::Erasure { person: ada, aliases: vec![] }]);
    assert_eq!(world.try_see_at(&[("customer_id", "A")], Some(now)), Err(Refusal::PersonErased));
    let back = world.see(&[("customer_id", "A")]);
    assert!(back.created && back.person != ada);
    let by = world.by();
    let link = Command::Link { person: ada, other: back.person, by, request: None };
    assert_eq!(world.decide(&link), Err(Refusal::PersonErased));
    assert_eq!(world.decide(&erase), Ok(vec![ada]), "erasing again changes nothing");
    assert_eq!(world.memory.feed.len(), 1);
}

#[test]
fn blocked_values_name_nobody() {
    let mut world = World::new(|_| {});
    let answer = world.see(&[("email", "TEST@test.com"), ("customer_id", "A")]);
    assert_eq!(World::limits(&answer), [(0, Limit::BlockedValue)]);
    assert_eq!(world.try_see_at(&[("email", "test@test.com")], None), Err(Refusal::NoUsableIdentifier));
}
