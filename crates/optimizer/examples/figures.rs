//! What the optimizer reaches on generated campaigns: `figures [CUSTOMERS] [GAP] [BRANCHES] [SEED]`. Prints a line for each pass and one at the end.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a program for people")]

use std::time::Instant;

use attune_optimizer::problem::{Class, Coupling, Local, Problem, Proposal};
use attune_optimizer::{Options, Step, optimize};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Processor time of this process, in seconds.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap_or(0.0) + fields[12].parse::<f64>().unwrap_or(0.0)) / 100.0
}

fn main() {
    let argument = |at: usize| std::env::args().nth(at).and_then(|text| text.parse::<f64>().ok());
    let customers = argument(1).unwrap_or(100_000.0) as u32;
    let gap = argument(2).unwrap_or(1e-5);
    let branches = argument(3).unwrap_or(0.0) as u32;
    let mut random = ChaCha8Rng::seed_from_u64(argument(4).unwrap_or(1.0) as u64);
    let (offers, channels) = (20_u32, 4_u32);
    // A class is an offer, a channel and a branch; branch 0 is none.
    let units = branches.max(1);
    let n = f64::from(customers);
    let mut couplings: Vec<Coupling> = Vec::new();
    for channel in 0..channels {
        couplings.push(Coupling {
            costs: false,
            least: None,
            most: Some((n * [0.2, 0.15, 0.4, 0.1][channel as usize]) as i64),
        });
    }
    for offer in 0..offers {
        let most = (n * random.random_range(0.02..0.12)) as i64;
        couplings.push(Coupling { costs: false, least: (offer < 3).then_some(most / 4), most: Some(most) });
    }
    couplings.push(Coupling { costs: true, least: None, most: Some((n * 0.35 * 1e6) as i64) });
    let budget = couplings.len() as u32 - 1;
    for _ in 0..branches {
        couplings.push(Coupling {
            costs: false,
            least: None,
            most: Some((n / f64::from(branches) * random.random_range(0.2..0.8)) as i64),
        });
    }
    // At most two contacts a customer, one of a family of offers, one of each offer.
    let mut locals = vec![Local { most: 2 }, Local { most: 1 }];
    locals.extend((0..offers).map(|_| Local { most: 1 }));
    let mut classes = Vec::new();
    for offer in 0..offers {
        for channel in 0..channels {
            for unit in 0..units {
                let mut rules = vec![channel, channels + offer, budget];
                if branches > 0 {
                    rules.push(budget + 1 + unit);
                }
                let mut local = vec![0, 2 + offer];
                if offer < 6 {
                    local.push(1);
                }
                classes.push(Class { couplings: rules, locals: local, ..Class::default() });
            }
        }
    }
    let mut proposals = Vec::new();
    for customer in 0..customers {
        let unit = random.random_range(0..units);
        for _ in 0..random.random_range(5..16) {
            let (offer, channel) = (random.random_range(0..offers), random.random_range(0..channels));
            let response = random.random::<f64>().powi(3);
            proposals.push(Proposal {
                customer,
                class: (offer * channels + channel) * units + unit,
                value: response * f64::from(20 + 7 * offer),
                cost: [50_000, 300_000, 10_000, 4_000_000][channel as usize],
            });
        }
    }
    let rows = proposals.len();
    let problem = Problem::new(customers, &proposals, classes, couplings, locals, Vec::new()).unwrap();
    drop(proposals);
    let (began, before) = (Instant::now(), cpu());
    let solution = optimize(&problem, Options { gap, seed: 7 }, &mut |progress| {
        if progress.share >= 1.0 {
            let gap = (progress.upper_bound - progress.objective) / progress.upper_bound;
            println!(
                "pass {:6.2}  bound {:.2}  plan {:.2}  gap {gap:.2e}  {:.2} s",
                progress.passes,
                progress.upper_bound,
                progress.objective,
                cpu() - before
            );
        }
        if began.elapsed().as_secs() > 120 { Step::Stop } else { Step::Go }
    });
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = peak.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("").to_owned();
    println!(
        "{customers} customers, {rows} proposals: gap {:.2e} ({:?}), {:.1} passes, {:.2} s, {:.2} s CPU, {:.1} ns a proposal and pass, {} contacts, shortfall {}, {peak}",
        solution.gap,
        solution.stop,
        solution.passes,
        began.elapsed().as_secs_f64(),
        cpu() - before,
        (cpu() - before) * 1e9 / rows as f64 / solution.passes,
        solution.chosen.len(),
        solution.couplings.iter().map(|one| one.shortfall).sum::<i64>(),
    );
}
