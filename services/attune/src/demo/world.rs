//! The generated bank: customers with several devices and identifiers, holdings, and a hidden response model a type.
//!
//! The suite never sees [`Kind`] or [`response_probability`]: the learner has to find out, and the report compares it
//! with a policy that knows.

use rand::Rng;
use rand::SeedableRng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::names::{self, Name};

/// What kind of customer someone is; hidden from the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Young, app only, little money.
    Student,
    /// Salary, mortgage, children.
    Family,
    /// Wealthy, funds, travels.
    Affluent,
    /// Older, branch and telephone, deposits.
    Senior,
}

/// One customer as they are, which is more than the bank's systems know at once.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    /// Position in the world; never sent.
    pub(crate) index: usize,
    pub(crate) kind: Kind,
    pub(crate) name: Name,
    pub(crate) customer_id: String,
    pub(crate) account_id: String,
    pub(crate) email: String,
    pub(crate) phone: String,
    /// Browser cookies, one a device.
    pub(crate) cookies: Vec<String>,
    /// App installations.
    pub(crate) devices: Vec<String>,
    pub(crate) age: u32,
    pub(crate) balance: f64,
    /// Products held, such as `card` or `mortgage`.
    pub(crate) holdings: Vec<&'static str>,
    /// Mean web or app sessions a day.
    pub(crate) activity: f64,
}

/// An offer of the bank with its rule and the hidden appeal to each kind of customer.
pub(crate) struct BankOffer {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) issue: &'static str,
    pub(crate) eligibility: &'static str,
    /// Hidden probability that a customer who sees the offer takes it, by kind in the order of [`Kind`].
    appeal: [f64; 4],
}

/// The catalogue of the generated bank.
pub(crate) const OFFERS: [BankOffer; 10] = [
    offer(
        "travel-card",
        "Travel card without fees",
        "sales",
        "!('travel_card' in attributes.holdings)",
        [0.10, 0.05, 0.16, 0.02],
    ),
    offer("fund-plan", "Monthly fund plan", "sales", "attributes.balance > 1000.0", [0.02, 0.06, 0.22, 0.05]),
    offer(
        "mortgage-check",
        "Mortgage rate check",
        "retention",
        "'mortgage' in attributes.holdings",
        [0.01, 0.20, 0.10, 0.03],
    ),
    offer("first-savings", "First savings plan", "sales", "attributes.age < 30", [0.24, 0.08, 0.02, 0.02]),
    offer(
        "time-deposit",
        "Twelve month time deposit",
        "sales",
        "attributes.balance > 5000.0",
        [0.01, 0.05, 0.07, 0.21],
    ),
    offer("family-insurance", "Family insurance", "sales", "attributes.age >= 25", [0.02, 0.15, 0.04, 0.05]),
    offer("app-security", "Turn on app alerts", "service", "", [0.07, 0.06, 0.05, 0.03]),
    offer("paperless", "Go paperless", "service", "", [0.06, 0.05, 0.04, 0.01]),
    offer("branch-day", "Meet your adviser", "service", "attributes.age >= 50", [0.01, 0.02, 0.08, 0.18]),
    offer("premium-account", "Premium account", "sales", "attributes.balance > 20000.0", [0.00, 0.02, 0.14, 0.04]),
];

const fn offer(
    id: &'static str,
    name: &'static str,
    issue: &'static str,
    eligibility: &'static str,
    appeal: [f64; 4],
) -> BankOffer {
    BankOffer { id, name, issue, eligibility, appeal }
}

/// The hidden response model: how likely this customer takes this offer when they see it.
pub(crate) fn response_probability(customer: &Customer, offer_id: &str) -> f64 {
    OFFERS.iter().find(|offer| offer.id == offer_id).map_or(0.0, |offer| offer.appeal[customer.kind as usize])
}

/// Draws the bank's customers; the same seed draws the same bank.
pub(crate) fn draw(customers: usize, seed: u64) -> Vec<Customer> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..customers).map(|index| customer(index, &mut rng)).collect()
}

fn customer(index: usize, rng: &mut ChaCha8Rng) -> Customer {
    let kind = match rng.random_range(0..100) {
        0..25 => Kind::Student,
        25..60 => Kind::Family,
        60..78 => Kind::Affluent,
        _ => Kind::Senior,
    };
    let (ages, balances, activity, products): (_, _, _, &[&str]) = match kind {
        Kind::Student => (18..29, (50.0, 3_000.0), 0.9, &["card"]),
        Kind::Family => (27..55, (500.0, 15_000.0), 0.6, &["card", "mortgage", "insurance"]),
        Kind::Affluent => (30..70, (8_000.0, 90_000.0), 0.7, &["card", "travel_card", "fund", "mortgage"]),
        Kind::Senior => (60..88, (2_000.0, 60_000.0), 0.25, &["card", "deposit"]),
    };
    let name = names::draw(rng);
    let mailbox = name.latin.to_lowercase().replace([' ', '\''], ".").replace('ü', "ue");
    let holdings = products.iter().copied().filter(|_| rng.random_bool(0.6)).collect();
    let cookies = rng.random_range(1..=3);
    let devices = if kind == Kind::Senior { rng.random_range(0..=1) } else { rng.random_range(1..=2) };
    Customer {
        index,
        kind,
        customer_id: format!("C{:07}", 1_000_000 + index),
        account_id: format!("A{:09}", 200_000_000 + index),
        email: format!(
            "{mailbox}.{index}@{}",
            ["example.com", "example.org", "example.net"].choose(rng).copied().unwrap_or_default()
        ),
        phone: format!("+8210{:08}", 10_000_000 + index),
        cookies: (0..cookies).map(|_| format!("ck-{:016x}", rng.random::<u64>())).collect(),
        devices: (0..devices).map(|_| format!("dev-{:016x}", rng.random::<u64>())).collect(),
        age: rng.random_range(ages),
        balance: f64::round(rng.random_range(balances.0..balances.1)),
        holdings,
        activity,
        name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_bank() {
        let (one, two) = (draw(50, 7), draw(50, 7));
        assert!(one.iter().zip(&two).all(|(a, b)| a.cookies == b.cookies && a.name == b.name));
        assert_ne!(draw(50, 8)[0].cookies, one[0].cookies);
    }

    #[test]
    fn identifiers_are_nobody_elses() {
        let world = draw(500, 1);
        let mut all: Vec<&str> = world
            .iter()
            .flat_map(|c| {
                [&c.customer_id, &c.account_id, &c.email, &c.phone].into_iter().chain(&c.cookies).chain(&c.devices)
            })
            .map(String::as_str)
            .collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
