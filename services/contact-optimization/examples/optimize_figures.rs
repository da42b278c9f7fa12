//! Prints what the optimizer reaches on generated instances: `cargo run --release --example optimize_figures [customers]`.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints figures")]

use std::time::Instant;

use attune_contact_optimization::optimize::verify::verify;
use attune_contact_optimization::optimize::{Builder, Columns, Demand, Options, Proposal, Rule, Step, optimize};
use attune_contact_optimization::scope::Scope;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const PROPOSALS: usize = 10;
const OFFERS: usize = 40;
const CHANNELS: [(&str, f64); 4] = [("email", 0.01), ("push", 0.02), ("sms", 0.12), ("call", 4.0)];

fn main() {
    let customers = std::env::args().nth(1).map_or(100_000, |text| text.parse().unwrap());
    for (name, tightness) in [("loose", 0.5), ("tight", 0.1), ("very tight", 0.02)] {
        let started = Instant::now();
        let columns = generate(customers, 1);
        let read = started.elapsed();
        let rules = rules(customers, tightness);
        let started = Instant::now();
        let options = Options { gap: 1e-4, seed: 1 };
        let solution = optimize(&columns, &rules, options, &mut |_| Step::Go).unwrap();
        let solved = started.elapsed();
        let started = Instant::now();
        verify(&columns, &rules, &solution.chosen, solution.objective, solution.upper_bound).unwrap();
        println!(
            "{name}: {customers} customers, {} proposals, {} rules: objective {:.2}, bound {:.2}, gap {:.2e}, {} of {} chosen, {} passes, {}; columns {read:.2?}, solve {solved:.2?}, verify {:.2?}",
            columns.len(),
            rules.len(),
            solution.objective,
            solution.upper_bound,
            solution.gap,
            solution.chosen.len(),
            columns.len(),
            solution.iterations,
            solution.stop.as_str(),
            started.elapsed(),
        );
    }
}

/// Customers who differ in how responsive they are, offers that differ in worth, channels that differ in cost.
fn generate(customers: usize, seed: u64) -> Columns {
    let mut draw = StdRng::seed_from_u64(seed);
    let worth: Vec<f64> = (0..OFFERS).map(|_| 5.0 + 200.0 * draw.random::<f64>().powi(3)).collect();
    let mut builder = Builder::new(usize::MAX);
    for customer in 0..customers {
        let responsive = draw.random::<f64>().powi(2);
        for number in 0..PROPOSALS {
            let offer = draw.random_range(0..OFFERS);
            let (channel, cost) = CHANNELS[draw.random_range(0..CHANNELS.len())];
            let lift = if channel == "call" { 3.0 } else { 1.0 };
            let proposal = Proposal {
                id: &format!("{customer}-{number}"),
                customer: &format!("{customer}"),
                offer: &format!("offer-{offer}"),
                channel,
                campaign: if offer % 2 == 0 { "spring" } else { "always" },
                value: worth[offer] * responsive * lift * (0.02 + 0.08 * draw.random::<f64>()),
                cost: cost * (0.9 + 0.2 * draw.random::<f64>()),
            };
            builder.push(&proposal).unwrap();
        }
    }
    builder.build()
}

/// A limit on each channel, quotas of offers, a budget, and two rules per customer, one within the other.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small counts")]
fn rules(customers: usize, tightness: f64) -> Vec<Rule> {
    let share = |part: f64| (customers as f64 * tightness * part) as u64;
    let one = |name: &str| vec![name.to_owned()];
    let rule = |id: &str, scope: Scope, demand: Demand| Rule { id: id.to_owned(), scope, demand };
    let mut rules = vec![
        rule("fatigue", Scope::default(), Demand::MaxPerCustomer(2)),
        rule("one-sms", Scope { channels: one("sms"), ..Scope::default() }, Demand::MaxPerCustomer(1)),
        rule("budget", Scope::default(), Demand::Budget(customers as f64 * tightness * 0.3)),
        rule("spring", Scope { campaigns: one("spring"), ..Scope::default() }, Demand::Capacity(share(0.8))),
    ];
    for (channel, part) in [("email", 0.8), ("push", 0.6), ("sms", 0.4), ("call", 0.1)] {
        let scope = Scope { channels: one(channel), ..Scope::default() };
        rules.push(rule(channel, scope, Demand::Capacity(share(part))));
    }
    for offer in 0..OFFERS / 2 {
        let scope = Scope { offers: one(&format!("offer-{offer}")), ..Scope::default() };
        rules.push(rule(&format!("quota-{offer}"), scope, Demand::Capacity(share(0.05))));
    }
    rules
}
