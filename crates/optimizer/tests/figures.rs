//! Plans against an exact solver of tiny problems.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

use attune_optimizer::problem::{Class, Coupling, Local, Minimum, Problem, Proposal};
use attune_optimizer::{Options, Step, optimize};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

struct Tiny {
    customers: u32,
    proposals: Vec<Proposal>,
    classes: Vec<Class>,
    couplings: Vec<Coupling>,
    locals: Vec<Local>,
    minima: Vec<Minimum>,
}

fn tiny(random: &mut ChaCha8Rng) -> Tiny {
    let customers = random.random_range(1..5);
    let rules = random.random_range(0..4);
    let locals: Vec<Local> =
        (0..random.random_range(0..4)).map(|_| Local { most: random.random_range(0..3) }).collect();
    let couplings: Vec<Coupling> = (0..rules)
        .map(|_| {
            let costs = random.random_bool(0.3);
            let most = random.random_bool(0.8).then(|| random.random_range(0..6) * if costs { 500_000 } else { 1 });
            let least = (!costs && (most.is_none() || random.random_bool(0.3)))
                .then(|| random.random_range(0..3).min(most.unwrap_or(9)));
            Coupling { costs, least, most: if costs { Some(most.unwrap_or(2_000_000)) } else { most } }
        })
        .collect();
    let minima: Vec<Minimum> =
        (0..random.random_range(0..2)).map(|_| Minimum { least: random.random_range(1..3) }).collect();
    let things = random.random_range(0..2_u32);
    let classes: Vec<Class> = (0..random.random_range(1..5))
        .map(|_| Class {
            couplings: (0..couplings.len() as u32).filter(|_| random.random_bool(0.5)).collect(),
            locals: (0..locals.len() as u32).filter(|_| random.random_bool(0.5)).collect(),
            needs: (0..things).filter(|_| random.random_bool(0.3)).collect(),
            gives: (0..things).filter(|_| random.random_bool(0.3)).collect(),
            minima: (0..minima.len() as u32).filter(|_| random.random_bool(0.4)).collect(),
        })
        .collect();
    let proposals = (0..random.random_range(1..13))
        .map(|_| Proposal {
            customer: random.random_range(0..customers),
            class: random.random_range(0..classes.len() as u32),
            value: (random.random_range(-2.0..10.0_f64) * 8.0).round() / 8.0,
            cost: random.random_range(0..2_000_000),
        })
        .collect();
    Tiny { customers, proposals, classes, couplings, locals, minima }
}

/// Whether a set holds every limit; how much it lacks of the minima, and its value.
fn judge(tiny: &Tiny, chosen: &[u32]) -> Option<(i64, f64)> {
    let mut used = vec![0_i64; tiny.couplings.len()];
    let mut local = std::collections::HashMap::new();
    let mut value = 0.0;
    for at in chosen {
        let one = &tiny.proposals[*at as usize];
        let class = &tiny.classes[one.class as usize];
        for rule in &class.couplings {
            used[*rule as usize] += if tiny.couplings[*rule as usize].costs { one.cost } else { 1 };
        }
        for rule in &class.locals {
            *local.entry((one.customer, *rule)).or_insert(0) += 1;
        }
        value += one.value;
    }
    let over = tiny.couplings.iter().zip(&used).any(|(coupling, used)| coupling.most.is_some_and(|most| *used > most));
    let local_over = local.iter().any(|((_, rule), count)| *count > tiny.locals[*rule as usize].most);
    let lacking: i64 =
        tiny.couplings.iter().zip(&used).map(|(one, used)| one.least.map_or(0, |least| (least - used).max(0))).sum();
    let class = |at: &u32| &tiny.classes[tiny.proposals[*at as usize].class as usize];
    let mut counts = std::collections::HashMap::new();
    for at in chosen {
        for minimum in &class(at).minima {
            *counts.entry((tiny.proposals[*at as usize].customer, *minimum)).or_insert(0_u32) += 1;
        }
    }
    let reached: u32 =
        counts.iter().map(|((_, minimum), count)| tiny.minima[*minimum as usize].least.min(*count)).sum();
    let orphan = chosen.iter().any(|at| {
        let customer = tiny.proposals[*at as usize].customer;
        let gives = |thing: &u32| {
            let same = |other: &&u32| tiny.proposals[**other as usize].customer == customer;
            chosen.iter().filter(same).any(|other| class(other).gives.contains(thing))
        };
        !class(at).needs.iter().all(gives)
    });
    (!over && !local_over && !orphan).then_some((lacking - i64::from(reached), value))
}

#[test]
fn plans_of_tiny_problems_hold_every_limit_and_the_bound_holds_the_optimum() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut lost, mut best_sum) = (0.0, 0.0);
    for case in 0..3000 {
        let tiny = tiny(&mut random);
        let problem = Problem::new(
            tiny.customers,
            &tiny.proposals,
            tiny.classes.clone(),
            tiny.couplings.clone(),
            tiny.locals.clone(),
            tiny.minima.clone(),
        )
        .unwrap();
        let solution = optimize(&problem, Options { gap: 1e-6, seed: case }, &mut |_| Step::Go);
        let (lacking, value) =
            judge(&tiny, &solution.chosen).unwrap_or_else(|| panic!("case {case}: a limit is exceeded"));
        assert!((value - solution.objective).abs() < 1e-9, "case {case}");
        let mut best: Option<(i64, f64)> = None;
        for set in 0..1_u32 << tiny.proposals.len() {
            let chosen: Vec<u32> = (0..tiny.proposals.len() as u32).filter(|at| set >> at & 1 == 1).collect();
            if let Some((lacking, value)) = judge(&tiny, &chosen)
                && best.is_none_or(|(known, most)| lacking < known || lacking == known && value > most)
            {
                best = Some((lacking, value));
            }
        }
        let (least, most) = best.unwrap();
        if lacking == least {
            assert!(solution.upper_bound >= most - 1e-9, "case {case}: bound {} below {most}", solution.upper_bound);
            assert!(value <= most + 1e-9, "case {case}");
            lost += most - value;
            best_sum += most;
        }
        assert!(lacking <= least + 2, "case {case}: lacks {lacking}, and {least} is possible");
    }
    // Tiny problems are the hardest: one contact is a tenth of everything.
    assert!(lost <= 0.03 * best_sum, "{lost} of {best_sum} lost");
    println!("lost {lost:.1} of {best_sum:.1}");
}

#[test]
fn a_minimum_is_reached_though_every_contact_costs_more_than_it_brings() {
    for values in [[-1.0, -2.0, -3.0, -4.0], [5.0, -2.0, -3.0, -400.0], [0.0, -1.0, 0.0, -1e6]] {
        let proposals: Vec<Proposal> = (0..4_u32)
            .map(|customer| Proposal { customer, class: 0, value: values[customer as usize], cost: 0 })
            .collect();
        let class = Class { couplings: vec![0], ..Class::default() };
        // Among many customers the four are a block with a price of its own, alone the search finds it.
        for customers in [4, 400] {
            let couplings = vec![Coupling { costs: false, least: Some(3), most: Some(3) }];
            let problem =
                Problem::new(customers, &proposals, vec![class.clone()], couplings, Vec::new(), Vec::new()).unwrap();
            let solution = optimize(&problem, Options { gap: 1e-6, seed: 1 }, &mut |_| Step::Go);
            assert_eq!(solution.chosen, [0, 1, 2], "{values:?} of {customers}");
            assert_eq!(solution.couplings[0].shortfall, 0);
        }
    }
}
