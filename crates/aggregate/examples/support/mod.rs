//! Histories of customers of a bank that has a shop, drawn from a seed.

use attune_aggregate::Event;
use attune_kernel::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

pub(crate) const HOUR: i64 = 3_600_000_000;
pub(crate) const DAY: i64 = 24 * HOUR;
/// 2026-11-23T12:00:00Z.
pub(crate) const NOW: i64 = 1_795_435_200_000_000;

/// One event with all it owns.
#[derive(Clone)]
pub(crate) struct Own {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) time: i64,
    pub(crate) channel: &'static str,
    pub(crate) session: String,
    pub(crate) properties: Map<String, Value>,
}

impl Own {
    pub(crate) fn event(&self) -> Event<'_> {
        Event {
            id: &self.id,
            name: self.name,
            time: Timestamp::from_micros(self.time),
            sequence: 0,
            channel: self.channel,
            session: &self.session,
            source: "example",
            properties: &self.properties,
        }
    }
}

/// Names with how often they occur among a hundred.
const NAMES: [(&str, u32); 24] = [
    ("page_view", 22),
    ("product_view", 12),
    ("app_open", 10),
    ("login", 6),
    ("card_payment", 16),
    ("transfer", 5),
    ("message_sent", 4),
    ("message_opened", 3),
    ("message_clicked", 1),
    ("cart_add", 4),
    ("cart_remove", 1),
    ("purchase", 3),
    ("search", 3),
    ("loan_view", 2),
    ("atm_withdrawal", 1),
    ("salary", 1),
    ("application", 1),
    ("application_submitted", 1),
    ("call", 1),
    ("complaint", 1),
    ("review", 1),
    ("refund", 1),
    ("branch_visit", 1),
    ("loan_payment", 1),
];

/// The events of a person in the order of their times: `count` of them in visits over the last `days` days.
pub(crate) fn history(seed: u64, person: usize, count: usize, days: i64) -> Vec<Own> {
    let mut random = StdRng::seed_from_u64(seed ^ (person as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut events = Vec::with_capacity(count);
    let mut visit = 0;
    while events.len() < count {
        visit += 1;
        let mut time = NOW - random.random_range(0..days * DAY);
        let channel = ["web", "app", "app", "branch", "call_centre"][random.random_range(0..5_usize)];
        for _ in 0..random.random_range(1..9_u32).min((count - events.len()) as u32) {
            time += random.random_range(0..20 * 60_000_000_i64);
            let name = name(&mut random);
            let id = format!("{person}-{}", events.len());
            let session = format!("{person}-s{visit}");
            events.push(Own { id, name, time, channel, session, properties: properties(name, &mut random) });
        }
    }
    events.sort_by_key(|event| event.time);
    events
}

fn name(random: &mut StdRng) -> &'static str {
    let total: u32 = NAMES.iter().map(|(_, weight)| weight).sum();
    let mut at = random.random_range(0..total);
    for (name, weight) in NAMES {
        if at < weight {
            return name;
        }
        at -= weight;
    }
    NAMES[0].0
}

fn properties(name: &str, random: &mut StdRng) -> Map<String, Value> {
    let mut out = Map::new();
    let mut pick = |from: u32| random.random_range(0..from);
    let mut set = |key: &str, value: Value| {
        out.insert(key.to_owned(), value);
    };
    set("channel_in", json!(format!("way-{}", pick(5))));
    set("campaign", json!(format!("campaign-{}", pick(6))));
    set("url", json!(format!("/area/{}/page/{}", pick(9), pick(99))));
    match name {
        "card_payment" | "purchase" | "atm_withdrawal" | "refund" | "salary" | "loan_payment" => {
            set("amount", json!(f64::from(pick(40_000)) / 100.0));
            set("merchant", json!(format!("merchant-{}", pick(25))));
            set("merchant_category", json!(format!("kind-{}", pick(8))));
            set("country", json!(format!("c{}", pick(4))));
            set("category", json!(format!("category-{}", pick(8))));
            set("brand", json!(format!("brand-{}", pick(10))));
            set("balance", json!(f64::from(pick(900_000)) / 100.0 - 500.0));
        }
        "transfer" => {
            set("amount", json!(f64::from(pick(3_000_000)) / 100.0 - 15_000.0));
            set("counterparty", json!(format!("account-{}", pick(30))));
        }
        "product_view" | "loan_view" | "cart_add" | "cart_remove" | "application" => {
            set("product", json!(format!("product-{}", pick(40))));
            set("category", json!(format!("category-{}", pick(8))));
            set("quantity", json!(pick(3) + 1));
        }
        "message_sent" | "message_opened" | "message_clicked" => {
            set("message_id", json!(format!("message-{}", pick(60))))
        }
        "review" => set("rating", json!(pick(5) + 1)),
        _ => {}
    }
    out
}

/// Processor seconds of this process.
pub(crate) fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
