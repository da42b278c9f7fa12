//! The price of a block against a search that knows nothing of lines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

use proptest::prelude::*;

use super::*;
use crate::problem::{Class, Local, Proposal};

/// Up to six customers under one limit and at most so many contacts each; every second class counts for the limit.
fn problem(values: &[(u32, u32, f64, i64)], coupling: Coupling, each: u32) -> Problem {
    let class = |couplings: Vec<u32>| Class { couplings, locals: vec![0], ..Class::default() };
    let proposals: Vec<Proposal> = values
        .iter()
        .map(|(customer, class, value, cost)| Proposal {
            customer: *customer,
            class: *class,
            value: *value,
            cost: *cost,
        })
        .collect();
    // Many customers without a proposal make the six few.
    let classes = vec![class(vec![0]), class(vec![])];
    Problem::new(6 * 64, &proposals, classes, vec![coupling], vec![Local { most: each }], Vec::new()).unwrap()
}

fn height(problem: &Problem, price: f64) -> f64 {
    let block = &problem.blocks[0];
    let coupling = &problem.couplings[0];
    let rating = |at: usize| {
        let amount = if coupling.costs { problem.costs[at] } else { 1 };
        problem.values[at] - if problem.blocked[problem.class_of[at] as usize] { price * amount as f64 } else { 0.0 }
    };
    let mut room = Room::default();
    let customers: f64 =
        block.customers.clone().map(|customer| best(problem, customer as usize, rating, &mut room)).sum();
    let limit = if price > 0.0 { coupling.most.unwrap_or(i64::MAX) } else { coupling.least.unwrap_or(0) };
    customers + price * limit as f64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn a_price_is_the_best_and_the_choice_holds_the_limit(
        values in prop::collection::vec((0_u32..6, 0_u32..2, -1.0..9.0_f64, 1_i64..4), 1..25),
        costs in any::<bool>(),
        most in 0_i64..12,
        least in 0_i64..4,
        each in 1_u32..4,
        hint in 0.0..6.0_f64,
    ) {
        let least = (!costs && least > 0).then(|| least.min(most));
        let problem = problem(&values, Coupling { costs, least, most: Some(most) }, each);
        prop_assume!(!problem.blocks.is_empty());
        let by_class = ClassPrices::of(&problem, &[0.0]);
        let solved = solve(&problem, &problem.blocks[0], &by_class, hint, &mut Room::default());
        let size = 1e-9 * (1.0 + problem.bounty * 30.0);
        prop_assert!((height(&problem, solved.price) - solved.rated).abs() < size, "its height is that at its price");
        // Thirds of an interval that holds the minimum of a convex function.
        let (mut from, mut to) = (if least.is_some() { -problem.bounty } else { 0.0 }, 20.0);
        for _ in 0..300 {
            let (one, other) = (from + (to - from) / 3.0, to - (to - from) / 3.0);
            if height(&problem, one) <= height(&problem, other) { to = other } else { from = one }
        }
        prop_assert!(solved.rated <= height(&problem, from) + size, "{} above {}", solved.rated, height(&problem, from));
        let used: i64 = solved.chosen.iter().filter(|at| problem.blocked[problem.class_of[**at as usize] as usize])
            .map(|at| if costs { problem.costs[*at as usize] } else { 1 }).sum();
        prop_assert!(used <= most);
        let counted = values.iter().filter(|one| one.1 == 0).count();
        if least.is_some_and(|least| used < least) {
            prop_assert!(solved.lacks == least.unwrap() - used && counted >= used as usize);
        } else {
            prop_assert_eq!(solved.lacks, 0);
        }
    }
}
