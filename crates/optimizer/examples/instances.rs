//! How often a gap is reached, over random problems of all sizes and mixes: `instances [COUNT] [GAP] [SECONDS]`. Nothing is
//! tuned for any of them. Prints a line for each that misses and a summary.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a program for people")]

use std::time::Instant;

use attune_optimizer::problem::{Class, Coupling, Local, Problem, Proposal};
use attune_optimizer::{Options, Step, Stop, optimize};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// A problem of 1,000 to 50,000 customers: offers, channels, perhaps branches, quotas, a budget; loose to tight; values even or
/// skewed. Answers it with what it is like.
fn instance(seed: u64) -> (Problem, String) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let customers = 10_f64.powf(random.random_range(3.0..4.7)) as u32;
    let (offers, channels) = (random.random_range(2..30_u32), random.random_range(1..6_u32));
    let branches = if random.random_bool(0.3) { random.random_range(2..customers / 20) } else { 0 };
    let tightness = random.random_range(0.05..0.9_f64);
    let skew = random.random_range(1..6_i32);
    let each = random.random_range(1..4_u32);
    let n = f64::from(customers);
    let (quotas, budget) = (random.random_bool(0.5), random.random_bool(0.6));
    let mut couplings = Vec::new();
    let share = |random: &mut ChaCha8Rng, of: u32| {
        (n * f64::from(each) * tightness / f64::from(of) * random.random_range(0.5..2.0)).ceil() as i64
    };
    for _ in 0..channels {
        couplings.push(Coupling { costs: false, least: None, most: Some(share(&mut random, channels)) });
    }
    for _ in 0..offers {
        let most = share(&mut random, offers);
        let least = (quotas && random.random_bool(0.3)).then_some(most / 5);
        couplings.push(Coupling { costs: false, least, most: Some(most) });
    }
    if budget {
        let most = (n * tightness * f64::from(each) * random.random_range(0.2..1.5) * 1e6) as i64;
        couplings.push(Coupling { costs: true, least: None, most: Some(most) });
    }
    let globals = couplings.len() as u32;
    for _ in 0..branches {
        couplings.push(Coupling { costs: false, least: None, most: Some(share(&mut random, branches)) });
    }
    let mut locals = vec![Local { most: each }];
    locals.extend((0..offers).map(|_| Local { most: 1 }));
    let units = branches.max(1);
    let mut classes = Vec::new();
    for offer in 0..offers {
        for channel in 0..channels {
            for unit in 0..units {
                let mut rules = vec![channel, channels + offer];
                rules.extend(budget.then_some(channels + offers));
                rules.extend((branches > 0).then_some(globals + unit));
                classes.push(Class { couplings: rules, locals: vec![0, 1 + offer], ..Class::default() });
            }
        }
    }
    let mut proposals = Vec::new();
    for customer in 0..customers {
        let unit = random.random_range(0..units);
        for _ in 0..random.random_range(2..15) {
            let (offer, channel) = (random.random_range(0..offers), random.random_range(0..channels));
            proposals.push(Proposal {
                customer,
                class: (offer * channels + channel) * units + unit,
                value: random.random::<f64>().powi(skew) * f64::from(10 + 5 * offer),
                cost: i64::from(random.random_range(1..=4_u32)) * 250_000,
            });
        }
    }
    let told = format!(
        "{customers} customers, {} limits ({branches} branches), tightness {tightness:.2}, skew {skew}, quotas {quotas}, budget {budget}",
        couplings.len()
    );
    (Problem::new(customers, &proposals, classes, couplings, locals, Vec::new()).unwrap(), told)
}

fn main() {
    let argument = |at: usize, otherwise: f64| {
        std::env::args().nth(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(otherwise)
    };
    let (count, gap, seconds) = (argument(1, 200.0) as u64, argument(2, 1e-4), argument(3, 20.0));
    let (mut reached, mut stalls, mut times) = (0_u64, 0_u64, 0_u64);
    let mut gaps = Vec::new();
    for seed in 0..count {
        let (problem, told) = instance(seed);
        let began = Instant::now();
        let solution = optimize(&problem, Options { gap, seed }, &mut |_| {
            if began.elapsed().as_secs_f64() > seconds { Step::Stop } else { Step::Go }
        });
        gaps.push(solution.gap);
        let stop = match solution.stop {
            Stop::Gap => &mut reached,
            Stop::Stall => &mut stalls,
            Stop::Time => &mut times,
        };
        *stop += 1;
        if solution.stop != Stop::Gap {
            let lacks: i64 = solution.couplings.iter().map(|one| one.shortfall).sum();
            println!("{seed}: gap {:.2e} ({:?}), lacks {lacks}: {told}", solution.gap, solution.stop);
        }
    }
    gaps.sort_by(f64::total_cmp);
    let at = |share: f64| gaps[((gaps.len() - 1) as f64 * share) as usize];
    println!("{reached} of {count} reached {gap:.0e}; {stalls} stalled, {times} ran out of {seconds} s");
    println!(
        "gaps: median {:.1e}, 90 % below {:.1e}, 99 % below {:.1e}, greatest {:.1e}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}
