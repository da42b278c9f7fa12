//! What the rules do, one sentence a test.

use std::collections::BTreeSet;

use attune_kernel::{PersonId, Timestamp};

use super::model_world::World;
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
    let old = Some(Timestamp::from_millis(1_000_000));
    assert_eq!(world.try_see_at(&[("customer_id", "B"), ("cookie", "c")], old).unwrap().person, bob);
    assert_eq!(world.who(&[("cookie", "c")]), ada);
    assert_eq!(world.memory.feed, []);
}

#[test]
fn the_past_is_remembered_by_the_time_of_events() {
    let mut world = World::new(|_| {});
    let at = |minute: i64| Timestamp::from_millis(1_600_000_000_000 + minute * 60_000);
    let see =
        |world: &mut World, seen: &[(&str, &str)], minute| world.try_see_at(seen, Some(at(minute))).unwrap().person;
    let ada = see(&mut world, &[("customer_id", "A"), ("cookie", "c")], 10);
    let bob = see(&mut world, &[("customer_id", "B"), ("cookie", "c")], 30);
    let key = world.key(("cookie", "c"));
    let who = |world: &World, minute| world.memory.as_of(key, at(minute));
    assert_eq!([who(&world, 9), who(&world, 15), who(&world, 31)], [None, Some(ada), Some(bob)]);
    // What becomes known later fills in what was not known.
    see(&mut world, &[("customer_id", "B"), ("cookie", "c")], 20);
    see(&mut world, &[("customer_id", "B"), ("cookie", "c")], 5);
    assert_eq!([who(&world, 6), who(&world, 15), who(&world, 25)], [Some(bob), Some(ada), Some(bob)]);
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
        assert_eq!(answer.split.len(), usize::from(number == 3), "what it had joined is looked at again");
    }
    assert_eq!(world.who(&[("customer_id", "C0")]), first, "the customer keeps the id");
    // Alone it is a person of its own; with something else it links nothing.
    let desk = world.see(&[("email", "desk@x.org")]);
    assert!(!desk.created && persons.insert(desk.person));
    let stranger = world.see(&[("cookie", "z"), ("email", "desk@x.org")]);
    assert!(stranger.created);
    let limited = world.memory.audit.iter().filter(|entry| entry.note == "MAX_PERSONS_PER_IDENTIFIER").count();
    assert_eq!(limited, 1);
}

#[test]
fn a_bridge_of_persons_without_a_number_is_taken_back() {
    let mut world = World::new(|config| config.namespaces.get_mut("email").unwrap().max_persons_per_identifier = 3);
    let phone = |number: i32| format!("+821055550{number:03}");
    let before: Vec<PersonId> = (0..20).map(|number| world.who(&[("phone", &phone(number))])).collect();
    for number in 0..20 {
        world.see(&[("phone", &phone(number)), ("email", "desk@x.org")]);
    }
    let after: Vec<PersonId> = (0..20).map(|number| world.who(&[("phone", &phone(number))])).collect();
    assert_eq!(after, before, "those who were merged meanwhile have their ids back");
    let told = |change: &&Change| matches!(change, Change::Split { split, aliases, .. } if aliases.contains(split));
    assert_eq!(world.memory.feed.iter().filter(told).count(), 2);
}

#[test]
fn an_address_shared_by_ten_thousand_persons_bridges_nobody_and_costs_the_same() {
    let mut world = World::new(|_| {});
    let mut most = (0, 0);
    for number in 0..10_000 {
        let (customer, phone) = (format!("C{number}"), format!("+8210{number:08}"));
        let seen: &[(&str, &str)] = if number % 2 == 0 {
            &[("customer_id", &customer), ("email", "all@x.org")]
        } else {
            &[("phone", &phone), ("email", "all@x.org")]
        };
        world.try_see_at(seen, None).unwrap();
        let work = world.memory.work;
        if number < 100 { most.0 = most.0.max(work) } else { most.1 = most.1.max(work) }
    }
    world.memory.check(&world.rules);
    assert!(most.1 <= 4, "later ones cost {} persons and rows, earlier ones up to {}", most.1, most.0);
    assert_eq!(world.memory.persons.len(), 10_001);
    assert!(world.memory.persons.values().all(|person| person.identifiers.len() == 1));
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
    // The operator may change their mind, and again: the address has its id back.
    assert_eq!(world.link(split, ada), ada);
    assert_eq!(world.who(&[("email", "a@x.org")]), ada);
    assert_eq!(world.unlink(ada, &[("email", "a@x.org")]).unwrap()[1], split);
    assert_eq!(world.memory.survivor(split), split);
    let kinds: Vec<&Change> = world.memory.feed.iter().collect();
    let [
        Change::Split { .. },
        ..,
        Change::Merge { survivor, merged },
        Change::Split { kept, split: last, aliases, .. },
    ] = kinds.as_slice()
    else {
        panic!("{kinds:?}")
    };
    assert_eq!((survivor, merged, kept, last, aliases), (&ada, &split, &ada, &split, &vec![split]));
}

#[test]
fn taking_back_a_merge_that_evidence_made_keeps_the_two_apart() {
    let mut world = World::new(|_| {});
    let ada = world.who(&[("email", "a@x.org"), ("cookie", "c")]);
    let bob = world.who(&[("phone", "+821012345678")]);
    let merged = world.see(&[("email", "a@x.org"), ("phone", "+821012345678")]);
    assert_eq!((merged.person, merged.merged.as_slice()), (ada, &[bob][..]));
    assert_eq!(world.unmerge(bob, ada), Err(Refusal::NotMerged));
    assert_eq!(world.unmerge(ada, bob), Ok(vec![ada, bob]));
    let again = world.see(&[("email", "a@x.org"), ("phone", "+821012345678")]);
    assert_eq!((again.person, World::limits(&again)), (ada, vec![(1, Limit::CannotLink)]));
    assert_eq!(world.who(&[("phone", "+821012345678")]), bob);
    assert_eq!(world.who(&[("cookie", "c")]), ada);
}

#[test]
fn an_anonymous_merge_is_taken_back_at_the_cookie_where_it_began() {
    let mut world = World::new(|_| {});
    let ada = world.who(&[("customer_id", "A")]);
    let cookie = world.who(&[("cookie", "c")]);
    world.see(&[("customer_id", "A"), ("cookie", "c")]);
    assert_eq!(world.memory.survivor(cookie), ada);
    assert_eq!(world.unmerge(ada, cookie), Ok(vec![ada, cookie]));
    assert_eq!(world.who(&[("cookie", "c")]), cookie);
    assert_eq!(world.who(&[("customer_id", "A"), ("cookie", "c")]), ada);
    assert_eq!(world.who(&[("cookie", "c")]), cookie);
}

#[test]
fn a_known_person_keeps_the_id_when_the_cookie_moves_on() {
    let mut world = World::new(|_| {});
    let first = world.who(&[("cookie", "c")]);
    assert_eq!(world.who(&[("customer_id", "A"), ("cookie", "c")]), first);
    let bob = world.who(&[("customer_id", "B"), ("cookie", "c")]);
    assert_eq!(world.who(&[("cookie", "c")]), bob);
    assert_eq!(world.who(&[("customer_id", "A")]), first);
    assert_ne!(first, bob);
}

#[test]
fn matches_rank_below_strong_evidence_and_above_weak() {
    let mut world = World::new(|_| {});
    let (a, b) = (world.key(("customer_id", "A")), world.key(("email", "b@x.org")));
    let matched = |weight| Says::Matched { weight, probability: 0.99, model: "m".to_owned() };
    let ada = world.who(&[("customer_id", "A")]);
    let other = world.who(&[("email", "b@x.org")]);
    let time = world.tick().0;
    world.claim(vec![Claim::pair(a, b, matched(9.0), "matching", time)], Vec::new());
    assert_eq!(world.memory.survivor(other), ada);
    // Strong evidence for another customer outranks the match.
    let bob = world.see(&[("customer_id", "B"), ("email", "b@x.org")]);
    assert_eq!(world.who(&[("email", "b@x.org")]), bob.person);
    assert_ne!(world.memory.survivor(ada), bob.person);
    world.claim(Vec::new(), vec![Slot::pair(a, b, true)]);
    assert_eq!(world.who(&[("customer_id", "A")]), ada);
    // A person's verdict outranks a match.
    let c = world.key(("phone", "+821012345678"));
    world.see(&[("phone", "+821012345678")]);
    world.claim(vec![Claim::pair(a, c, matched(9.0), "matching", time)], Vec::new());
    world.claim(vec![Claim::pair(a, c, Says::Different, "ann", time)], Vec::new());
    assert_ne!(world.memory.owners[&a], world.memory.owners[&c]);
    world.claim(vec![Claim::pair(a, c, Says::Same, "ann", time)], Vec::new());
    assert_eq!(world.memory.owners[&a], world.memory.owners[&c]);
}

#[test]
fn what_was_not_seen_for_too_long_counts_no_more() {
    let day = std::time::Duration::from_secs(86_400);
    let mut world = World::new(|config| config.namespaces.get_mut("cookie").unwrap().time_to_live = day * 30);
    let ada = world.who(&[("customer_id", "A"), ("cookie", "c"), ("email", "a@x.org")]);
    world.wait(day * 20);
    world.see(&[("customer_id", "A"), ("cookie", "c")]);
    world.wait(day * 29);
    world.expire();
    assert_eq!(world.who(&[("cookie", "c")]), ada);
    world.wait(day * 2);
    world.expire();
    let cookie = world.who(&[("cookie", "c")]);
    assert_ne!(cookie, ada);
    assert_eq!(world.who(&[("email", "a@x.org")]), ada);
    assert!(
        matches!(world.memory.feed.last(), Some(Change::Split { kept, split, .. }) if *kept == ada && *split == cookie)
    );
    assert_eq!(world.who(&[("customer_id", "A"), ("cookie", "c")]), ada, "seen again it counts again");
}

#[test]
fn only_what_came_with_one_id_is_erased() {
    let mut world = World::new(|_| {});
    let ada = world.who(&[("customer_id", "A"), ("email", "a@x.org")]);
    let bob = world.who(&[("customer_id", "B"), ("phone", "+821012345678")]);
    world.link(ada, bob);
    assert_eq!(world.erase(bob, true), [bob]);
    assert!(world.memory.persons[&bob].erased.is_some());
    assert_eq!(world.who(&[("email", "a@x.org")]), ada);
    assert_eq!(world.memory.persons[&ada].identifiers.len(), 2);
    let told = &world.memory.feed[1..];
    assert!(matches!(told, [Change::Split { kept, split, .. }, Change::Erasure { person, .. }]
        if (*kept, *split, *person) == (ada, bob, bob)));
    // The one that survives may be the one to erase: the rest lives on under the other id.
    let carol = world.who(&[("customer_id", "C"), ("email", "c@x.org")]);
    world.link(ada, carol);
    assert_eq!(world.erase(ada, true), [ada]);
    assert_eq!(world.who(&[("email", "c@x.org")]), carol);
    assert!(world.memory.persons[&ada].erased.is_some());
}

#[test]
fn an_erasure_leaves_the_neighbours_intact() {
    let mut world = World::new(|_| {});
    let ada = world.who(&[("customer_id", "A"), ("email", "family@x.org")]);
    let bob = world.who(&[("customer_id", "B"), ("email", "family@x.org")]);
    world.erase(ada, false);
    let after = world.see(&[("customer_id", "B"), ("email", "family@x.org")]);
    assert_eq!((after.person, after.hits), (bob, vec![]), "the address is free");
}

#[test]
fn what_is_too_large_merges_nobody_and_says_so() {
    let mut world = World::new(|config| {
        config.max_component = 10;
        config.namespaces.get_mut("account_id").unwrap().max_identifiers_per_person = 0;
    });
    let ada = world.who(&[("customer_id", "A"), ("email", "a@x.org")]);
    for number in 0..30 {
        let account = format!("N{number}");
        assert_eq!(world.who(&[("customer_id", "A"), ("account_id", &account)]), ada);
    }
    let other = world.who(&[("email", "b@x.org")]);
    let met = world.see(&[("customer_id", "A"), ("email", "b@x.org")]);
    assert_eq!((met.person, World::limits(&met)), (ada, vec![(1, Limit::ComponentTooLarge)]));
    assert_eq!(world.who(&[("email", "b@x.org")]), other);
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
    let now = world.tick().0;
    assert_eq!(world.erase(ada, false), [ada]);
    assert!(world.memory.owners.is_empty() && world.memory.holdings.is_empty());
    assert!(world.memory.persons[&ada].identifiers.is_empty());
    assert_eq!(world.memory.feed, [Change::Erasure { person: ada, aliases: vec![] }]);
    assert_eq!(world.try_see_at(&[("customer_id", "A")], Some(now)), Err(Refusal::PersonErased));
    let back = world.see(&[("customer_id", "A")]);
    assert!(back.created && back.person != ada);
    let by = world.by();
    let link = Command::Link { person: ada, other: back.person, by, request: None };
    assert_eq!(world.decide(&link), Err(Refusal::PersonErased));
    assert_eq!(world.erase(ada, false), [ada], "erasing again changes nothing");
    assert_eq!(world.memory.feed.len(), 1);
}

#[test]
fn blocked_values_name_nobody() {
    let mut world = World::new(|_| {});
    let answer = world.see(&[("email", "TEST@test.com"), ("customer_id", "A")]);
    assert_eq!(World::limits(&answer), [(0, Limit::BlockedValue)]);
    assert_eq!(world.try_see_at(&[("email", "test@test.com")], None), Err(Refusal::NoUsableIdentifier));
}
