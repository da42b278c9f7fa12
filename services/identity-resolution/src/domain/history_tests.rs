//! Merges taken back: the state is that of the history in which they never were.

use std::collections::BTreeMap;

use super::model_world::{Dice, World};
use super::*;

/// What is known, audit trail and times of change apart.
fn state(world: &World) -> String {
    let persons: BTreeMap<_, _> = world
        .memory
        .persons
        .iter()
        .map(|(id, person)| {
            let identifiers = person.identifiers.iter().map(|held| Held { since: held.first_seen, ..held.clone() });
            let person = Person { updated: person.created, identifiers: identifiers.collect(), ..person.clone() };
            (id, person)
        })
        .collect();
    format!("{persons:?} {:?} {:?}", world.memory.aliases, world.memory.owners)
}

#[derive(Clone)]
enum Step {
    Event(Vec<(String, String)>),
    Unlink(String, String),
    Join(usize),
    Part(usize),
}

/// Runs a history; joins among `skip` are left out, with what takes them back.
fn run(start: &World, steps: &[Step], joins: &[(Claim, bool)], skip: bool, seed: u64) -> World {
    let mut world = start.clone();
    let _ = seed;
    for step in steps {
        match step {
            Step::Event(seen) => {
                let seen: Vec<(&str, &str)> = seen.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                let _ = world.try_see_at(&seen, None);
            }
            Step::Unlink(namespace, value) => {
                let seen = [(namespace.as_str(), value.as_str())];
                let owner = world.memory.owners.get(&world.key(seen[0])).copied();
                let by = world.by();
                let identifiers = world.candidates(&seen).0;
                if let Some(person) = owner {
                    let _ = world.memory.run(&world.rules, &Command::Unlink { person, identifiers, by, request: None });
                }
            }
            Step::Join(at) | Step::Part(at) => {
                let by = world.by();
                if skip {
                    continue;
                }
                let (claim, _) = &joins[*at];
                let claims = match step {
                    Step::Join(_) => Claims { assert: vec![claim.clone()], retract: Vec::new(), by },
                    _ => Claims { assert: Vec::new(), retract: vec![claim.slot()], by },
                };
                world.memory.run(&world.rules, &Command::Resolve(Vec::new(), Some(claims))).unwrap();
            }
        }
    }
    world.memory.check(&world.rules);
    world
}

/// Histories of events, unlinks, decisions and matches, in which what was joined is taken back in any order.
#[test]
fn what_is_taken_back_leaves_no_trace_over_ten_thousand_histories() {
    let mut dice = Dice(3);
    let start = World::new(|config| {
        config.namespaces.get_mut("email").unwrap().max_persons_per_identifier = 3;
    });
    for history in 0..10_000u64 {
        let customers = 3 + dice.roll(3);
        let event = |dice: &mut Dice| {
            let customer = dice.roll(customers);
            let mut seen = vec![("customer_id".to_owned(), format!("C{customer}"))];
            match dice.roll(5) {
                0 => seen.push(("email".to_owned(), format!("{}@x.org", dice.roll(customers)))),
                1 => seen.push(("cookie".to_owned(), format!("c{}", dice.roll(4)))),
                2 => seen.push(("phone".to_owned(), format!("+8210123456{:02}", customer))),
                3 => seen = vec![("cookie".to_owned(), format!("c{}", dice.roll(4)))],
                _ => seen.push(("device".to_owned(), format!("d{}", dice.roll(3)))),
            }
            Step::Event(seen)
        };
        let mut steps: Vec<Step> =
            (0..customers).map(|at| Step::Event(vec![("customer_id".to_owned(), format!("C{at}"))])).collect();
        steps.extend((0..4).map(|_| event(&mut dice)));
        if dice.roll(3) == 0 {
            steps.push(Step::Unlink("email".to_owned(), format!("{}@x.org", dice.roll(customers))));
        }
        let mut joins = Vec::new();
        let mut open = Vec::new();
        for at in 0..1 + dice.roll(3) {
            let (one, other) = (dice.roll(customers), dice.roll(customers - 1));
            let other = if other >= one { other + 1 } else { other };
            let key = |customer: usize| start.key(("customer_id", &format!("C{customer}")));
            let matched = dice.roll(2) == 0;
            let says = if matched {
                Says::Matched { weight: at as f64, probability: 0.9, model: "m".to_owned() }
            } else {
                Says::Same
            };
            let time = attune_kernel::Timestamp::from_millis(1_700_000_000_000 + at as i64);
            let claim = Claim::pair(key(one), key(other), says, "ann", time);
            if joins.iter().all(|(other, _): &(Claim, bool)| other.slot() != claim.slot()) {
                steps.push(Step::Join(joins.len()));
                open.push(joins.len());
                joins.push((claim, matched));
            }
            steps.extend((0..dice.roll(4)).map(|_| event(&mut dice)));
        }
        dice.shuffle(&mut open);
        for at in open {
            steps.push(Step::Part(at));
            steps.extend((0..dice.roll(2)).map(|_| event(&mut dice)));
        }
        let with = run(&start, &steps, &joins, false, history);
        let without = run(&start, &steps, &joins, true, history);
        assert_eq!(state(&with), state(&without), "history {history}");
    }
}

/// An operator links and takes it back by the id that was merged, not in the order of linking.
#[test]
fn unlinking_merged_ids_in_any_order_restores_each_of_them() {
    let mut dice = Dice(5);
    for _ in 0..300 {
        let mut world = World::new(|_| {});
        let mut ids = Vec::new();
        for at in 0..5 {
            let (customer, email) = (format!("C{at}"), format!("{at}@x.org"));
            ids.push(world.who(&[("customer_id", &customer), ("email", &email)]));
        }
        let before = state(&world);
        let mut others = ids[1..].to_vec();
        dice.shuffle(&mut others);
        for id in &others {
            world.link(ids[dice.roll(1)], *id);
        }
        assert_eq!(world.memory.persons.len(), 1);
        let feed = world.memory.feed.len();
        dice.shuffle(&mut others);
        for id in &others {
            let both = world.unmerge(ids[0], *id).unwrap();
            assert_eq!(both, [ids[0], *id]);
        }
        assert_eq!(state(&world), before);
        let splits = &world.memory.feed[feed..];
        assert!(splits.iter().all(|change| matches!(
            change,
            Change::Split { kept, split, identifiers, aliases }
                if *kept == ids[0] && aliases == &[*split] && identifiers.len() == 2
        )));
        assert_eq!(splits.len(), 4);
    }
}
