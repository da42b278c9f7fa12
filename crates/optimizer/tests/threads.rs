//! The same plan at any number of threads, with limits of branches among others.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use attune_optimizer::problem::{Class, Coupling, Local, Problem, Proposal};
use attune_optimizer::{Options, Solution, Step, optimize};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// 9,000 customers of 300 branches, four channels with a limit each; a customer's branch may have at most 12 contacts.
fn branches() -> Problem {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut couplings: Vec<Coupling> =
        [900, 700, 2500, 400].iter().map(|most| Coupling { costs: false, least: None, most: Some(*most) }).collect();
    couplings.extend((0..300).map(|_| Coupling { costs: false, least: None, most: Some(12) }));
    let classes = (0..1200)
        .map(|at| Class { couplings: vec![at % 4, 4 + at / 4], locals: vec![0], ..Class::default() })
        .collect();
    let mut proposals = Vec::new();
    for customer in 0..9000 {
        let branch = random.random_range(0..300);
        for _ in 0..6 {
            let class = branch * 4 + random.random_range(0..4);
            proposals.push(Proposal { customer, class, value: random.random_range(0.0..50.0), cost: 0 });
        }
    }
    Problem::new(9000, &proposals, classes, couplings, vec![Local { most: 2 }], Vec::new()).unwrap()
}

fn plan(problem: &Problem, threads: usize) -> Solution {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| optimize(problem, Options { gap: 1e-4, seed: 3 }, &mut |_| Step::Go))
}

#[test]
fn one_two_and_four_threads_give_the_same_plan_bit_for_bit() {
    let problem = branches();
    let one = plan(&problem, 1);
    assert!(one.gap <= 1e-4, "gap {}", one.gap);
    assert_eq!(one, plan(&problem, 2));
    assert_eq!(one, plan(&problem, 4));
}
