//! The rules as properties, over a memory that keeps exactly what the changes say.

use std::collections::BTreeSet;

use attune_kernel::{PersonId, Timestamp};
use proptest::prelude::*;

use super::model_world::*;
use super::*;

/// One element of a set of evidence.
#[derive(Clone)]
enum Element {
    Event(Vec<(String, String)>, Timestamp),
    Claim(Claim),
}

fn apply(world: &mut World, element: &Element) {
    match element {
        Element::Event(seen, time) => {
            let _ = world.try_see_at(&borrowed(seen), Some(*time));
        }
        Element::Claim(claim) => {
            let by = world.by();
            let claims = Claims { assert: vec![claim.clone()], retract: Vec::new(), by };
            world.memory.run(&world.rules, &Command::Resolve(Vec::new(), Some(claims))).unwrap();
        }
    }
}

#[test]
fn a_thousand_permutations_with_conflicts_limits_and_decisions_give_one_partition() {
    let mut dice = Dice(7);
    for _ in 0..20 {
        let start = World::new(tight);
        let time = |dice: &mut Dice| Timestamp::from_millis(1_600_000_000_000 + dice.roll(50) as i64 * 60_000);
        let pick = |dice: &mut Dice| {
            let namespace = MIXED[dice.roll(MIXED.len())];
            (namespace.to_owned(), format!("{0}{0}v@x.org", dice.roll(5)))
        };
        let mut events = Vec::new();
        for _ in 0..28 {
            let seen = (0..=dice.roll(3)).map(|_| pick(&mut dice)).collect();
            events.push(Element::Event(seen, time(&mut dice)));
        }
        let mut claims = Vec::new();
        for _ in 0..3 {
            let (one, other) = (pick(&mut dice), pick(&mut dice));
            let key = |of: &(String, String)| start.key((of.0.as_str(), of.1.as_str()));
            let says = match dice.roll(3) {
                0 => Says::Same,
                1 => Says::Different,
                _ => Says::Matched { weight: dice.roll(9) as f64, probability: 0.9, model: "m".to_owned() },
            };
            if one != other {
                claims.push(Element::Claim(Claim::pair(key(&one), key(&other), says, "ann", time(&mut dice))));
            }
        }
        let mut expected = None;
        for _ in 0..50 {
            let mut world = start.clone();
            dice.shuffle(&mut events);
            for one in &events {
                apply(&mut world, one);
            }
            // Claims name identifiers that were seen; among events of any order they are put in again at the end.
            dice.shuffle(&mut claims);
            for one in &claims {
                apply(&mut world, one);
            }
            // What was said before changes nothing.
            let before = world.memory.partition();
            for one in events.iter().chain(&claims) {
                apply(&mut world, one);
            }
            world.memory.check(&world.rules);
            let found = world.memory.partition();
            assert_eq!(before, found, "replays change nothing");
            assert_eq!(expected.get_or_insert_with(|| found.clone()), &found);
        }
    }
}

#[test]
fn decisions_may_come_at_any_moment() {
    let mut dice = Dice(11);
    for _ in 0..100 {
        let start = World::new(tight);
        let mut all = Vec::new();
        for customer in 0..6 {
            let seen = vec![
                ("customer_id".to_owned(), customer.to_string()),
                ("email".to_owned(), format!("{}@x.org", customer / 2)),
            ];
            all.push(Element::Event(seen, Timestamp::from_millis(1_600_000_000_000 + customer)));
        }
        let mut first = start.clone();
        for one in &all {
            apply(&mut first, one);
        }
        let key = |customer: usize| start.key(("customer_id", &customer.to_string()));
        for (at, says) in [Says::Same, Says::Different, Says::Same].into_iter().enumerate() {
            let time = Timestamp::from_millis(1_600_000_000_000 + at as i64);
            all.push(Element::Claim(Claim::pair(key(at), key(at + 2), says, "ann", time)));
        }
        let (events, mut claims) = (all[..6].to_vec(), all[6..].to_vec());
        let mut expected = None;
        for _ in 0..4 {
            dice.shuffle(&mut claims);
            let mut world = start.clone();
            // The first of all makes the identifiers known; its replays are put between the claims.
            for one in &events {
                apply(&mut world, one);
            }
            for claim in &claims {
                apply(&mut world, claim);
                apply(&mut world, &events[dice.roll(events.len())]);
            }
            let found = world.memory.partition();
            assert_eq!(expected.get_or_insert_with(|| found.clone()), &found);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn strong_evidence_gives_the_same_persons_in_any_order(
        (all, shuffled) in prop::collection::vec(seen_of(STRONG, 12), 1..30)
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let text = |seen: &Vec<(String, String)>| seen.iter().map(|(n, v)| format!("{n}:{v}")).collect::<Vec<_>>();
        let expected = reference(&all.iter().map(text).collect::<Vec<_>>());
        for order in [&all, &shuffled] {
            let mut world = World::new(unlimited);
            for seen in order {
                world.see(&borrowed(seen));
            }
            prop_assert_eq!(&world.memory.partition(), &expected);
            for seen in order {
                prop_assert!(!world.see(&borrowed(seen)).changed);
            }
        }
    }

    #[test]
    fn whatever_happens_ids_resolve_limits_hold_and_repeats_change_nothing(
        all in prop::collection::vec((seen_of(MIXED, 6), 0u8..14), 1..40),
    ) {
        let mut world = World::new(tight);
        let mut issued: BTreeSet<PersonId> = BTreeSet::new();
        let mut homes: BTreeSet<PersonId> = BTreeSet::new();
        for (seen, dice) in &all {
            let seen = borrowed(seen);
            let time = world.tick().0;
            let Ok(answer) = world.try_see_at(&seen, Some(time)) else { continue };
            world.memory.check(&world.rules);
            if answer.created {
                prop_assert!(homes.insert(answer.person), "no id is given out twice");
            }
            issued.insert(answer.person);
            issued.extend(&answer.split);
            let repeat = world.try_see_at(&seen, Some(time)).unwrap();
            prop_assert_eq!(repeat.person, answer.person);
            prop_assert!(!repeat.changed, "{:?} then {:?}", answer, repeat);
            prop_assert_eq!(repeat.hits, answer.hits);
            let others: Vec<PersonId> = issued.iter().map(|id| world.memory.survivor(*id)).collect();
            let other = others[others.len() / 2];
            match dice {
                0 if world.memory.persons[&other].erased.is_none() => {
                    world.link(answer.person, other);
                }
                1 => {
                    if let Ok(both) = world.unlink(answer.person, &seen[..1]) {
                        issued.extend(both);
                    }
                }
                2 => {
                    world.erase(answer.person, false);
                }
                3 => {
                    let person = &world.memory.persons[&answer.person];
                    if let Some(alias) = person.aliases.first().copied() {
                        let _ = world.unmerge(answer.person, alias);
                    }
                }
                4 => {
                    let alias = world.memory.persons[&answer.person].aliases.last().copied();
                    let by = world.by();
                    let person = alias.unwrap_or(answer.person);
                    let _ = world.decide(&Command::Erase { person, only: true, by, request: None });
                }
                _ => {}
            }
            issued.extend(world.memory.persons.keys());
            for id in &issued {
                prop_assert!(world.memory.persons.contains_key(&world.memory.survivor(*id)));
            }
        }
    }

    #[test]
    fn without_operators_a_person_has_one_customer_number(all in prop::collection::vec(seen_of(MIXED, 6), 1..40)) {
        let mut world = World::new(tight);
        for seen in &all {
            let _ = world.try_see_at(&borrowed(seen), None);
        }
        for person in world.memory.persons.values() {
            prop_assert!(person.count("customer_id") <= 1);
            for namespace in MIXED {
                prop_assert!(person.count(namespace) <= world.rules.capacity(namespace));
            }
        }
    }

    #[test]
    fn a_batch_answers_as_its_items_one_by_one(all in prop::collection::vec(seen_of(MIXED, 5), 1..30), cut in 0usize..30) {
        let mut single = World::new(tight);
        let interactions: Vec<Interaction> =
            all.iter().map(|seen| single.interaction(&borrowed(seen), None)).collect();
        let mut batch = single.memory.clone();
        let resolve = |memory: &mut Memory, rules: &Rules, part: &[Interaction]| {
            match memory.run(rules, &Command::Resolve(part.to_vec(), None)) {
                Ok(Outcome::Resolved(answers)) => answers,
                other => panic!("not a resolution: {other:?}"),
            }
        };
        let rules = single.rules.clone();
        let singles: Vec<_> = interactions
            .iter()
            .flat_map(|one| resolve(&mut single.memory, &rules, std::slice::from_ref(one)))
            .collect();
        let (head, tail) = interactions.split_at(cut.min(interactions.len()));
        let mut batched = resolve(&mut batch, &rules, head);
        batched.extend(resolve(&mut batch, &rules, tail));
        batch.check(&rules);
        prop_assert_eq!(batch.partition(), single.memory.partition());
        prop_assert_eq!(&batch.feed, &single.memory.feed);
        prop_assert_eq!(batched, singles);
    }
}
