//! Events of a bank's customers, drawn from a fixed sequence.
#![allow(dead_code, reason = "each program uses a part of this")]

pub(crate) mod ledger;

use attune_proto::profile::v1::{Event, Segment};
use prost_types::value::Kind;

/// The binary's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 2026-11-23T12:00:00Z in microseconds.
pub(crate) const NOW: i64 = 1_795_435_200_000_000;

/// Names with how often they occur among a hundred.
const NAMES: [(&str, u64); 14] = [
    ("page_view", 26),
    ("product_view", 12),
    ("app_open", 12),
    ("login", 8),
    ("card_payment", 18),
    ("transfer", 6),
    ("message_sent", 5),
    ("message_opened", 3),
    ("message_clicked", 1),
    ("loan_view", 3),
    ("atm_withdrawal", 2),
    ("salary", 2),
    ("call", 1),
    ("complaint", 1),
];

/// A sequence that looks random and is the same each time (splitmix64).
pub(crate) struct Sequence(pub(crate) u64);

impl Sequence {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }

    fn one<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[usize::try_from(self.below(texts.len() as u64)).unwrap_or(0)]
    }
}

fn text(text: impl Into<String>) -> prost_types::Value {
    prost_types::Value { kind: Some(Kind::StringValue(text.into())) }
}

/// Visits of one to `visit` events each, in the order of their times over the last 30 days.
pub(crate) fn visits(events: usize, persons: usize, visit: usize) -> Vec<Event> {
    let (mut random, mut out) = (Sequence(7), Vec::with_capacity(events));
    while out.len() < events {
        let person = random.below(persons as u64);
        let begin = NOW - 30 * 86_400_000_000 * (events - out.len()) as i64 / events as i64;
        let (channel, count) = (random.one(&["web", "app", "app", "branch"]), 1 + random.below(visit as u64));
        for step in 0..count.min((events - out.len()) as u64) {
            let mut at = random.below(100);
            let name = NAMES.iter().find(|(_, weight)| {
                let found = at < *weight;
                at = at.saturating_sub(*weight);
                found
            });
            let amount = prost_types::Value { kind: Some(Kind::NumberValue(random.below(50_000) as f64 / 100.0)) };
            let fields = [
                ("amount".to_owned(), amount),
                ("merchant_category".to_owned(), text(random.one(&["grocery", "travel", "fuel", "fashion", "home"]))),
                ("product".to_owned(), text(random.one(&["card", "loan", "saving", "fund"]))),
                ("message_id".to_owned(), text(format!("m{}", random.below(50)))),
            ];
            let time = begin + step as i64 * 20_000_000;
            out.push(Event {
                event_id: format!("event-{}", out.len()),
                person_id: format!("person-{person}"),
                event: name.map_or("page_view", |(name, _)| name).to_owned(),
                time: Some(prost_types::Timestamp {
                    seconds: time / 1_000_000,
                    nanos: (time % 1_000_000) as i32 * 1000,
                }),
                channel: channel.to_owned(),
                session_id: format!("s{person}-{}", begin / 1_000_000),
                source: "site".to_owned(),
                properties: Some(prost_types::Struct { fields: fields.into() }),
                ..Event::default()
            });
        }
    }
    out
}

/// Segments over traits of the bank library.
pub(crate) fn segments(count: usize) -> Vec<Segment> {
    let rule = |at: usize| match at % 10 {
        0 => format!("traits.card_spend_30d > {}.0 && traits.logins_30d >= {}", 100 + 50 * at, at % 7),
        1 => format!("traits.card_payments_7d >= {} && traits.preferred_channel == 'app'", 1 + at % 9),
        2 => format!("has(traits.income_90d) && traits.income_90d > {}.0", 20 * at),
        3 => format!("traits.loan_views_7d >= {} && !(traits.has_salary)", 1 + at % 4),
        4 => format!("traits.digital_days_30d > {} && traits.calls_30d == 0", at % 20),
        5 => format!("traits.complaints_90d > {} || traits.card_declines_7d > 2", at % 3),
        6 => format!("traits.best_hour >= {} && traits.logins_7d > {}", at % 24, at % 5),
        7 => format!("traits.mean_card_payment_90d > {}.0 && 'vip' in tags", 2 * at),
        8 => format!("attributes.age >= {} && traits.counterparties_90d >= 1", 18 + at % 50),
        _ => format!("traits.days_as_customer > {} && traits.transfers_out_90d > {}.0", at % 365, 10 * at),
    };
    (0..count)
        .map(|at| Segment { segment_id: format!("segment-{at}"), expression: rule(at), ..Segment::default() })
        .collect()
}

/// Processor seconds that this process used.
pub(crate) fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}
