//! What the bank's customers do on a day: web and app sessions, a purchase form that many leave, card payments,
//! transfers and calls. Pure: a function of the world, the day and the seed.

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::world::{Customer, Kind};

/// The steps of the purchase form, in order: the funnel of the report.
pub(crate) const FORM: [&str; 5] = ["form_start", "form_personal", "form_income", "form_review", "form_submit"];

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000;

/// Something a customer does, as a source system reports it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Happening {
    /// The customer's position in the world.
    pub(crate) customer: usize,
    /// Microseconds since the start of the day.
    pub(crate) offset: i64,
    pub(crate) event: &'static str,
    pub(crate) channel: &'static str,
    /// Namespace and value of what the source saw.
    pub(crate) identifiers: Vec<(&'static str, String)>,
    pub(crate) session: Option<String>,
    pub(crate) properties: Value,
    /// Whether a web or app slot is filled right after this event.
    pub(crate) slot: bool,
}

/// Everything that happens on `day` (from 0), in order of time.
pub(crate) fn day(world: &[Customer], day: u32, seed: u64) -> Vec<Happening> {
    let mut out = Vec::new();
    for customer in world {
        // One stream a customer and day, so that a larger world does not change the others' days.
        let mixed = seed ^ (u64::from(day) << 40) ^ (customer.index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut rng = ChaCha8Rng::seed_from_u64(mixed);
        if day == 0 {
            out.push(onboarding(customer, &mut rng));
        }
        sessions(customer, day, &mut rng, &mut out);
        banking(customer, &mut rng, &mut out);
    }
    out.sort_by_key(|happening| (happening.offset, happening.customer));
    out
}

/// The core system's record of the customer: the strong identifiers together, with the attributes it holds.
fn onboarding(customer: &Customer, rng: &mut ChaCha8Rng) -> Happening {
    Happening {
        customer: customer.index,
        offset: rng.random_range(0..3_600_000_000),
        event: "customer_record",
        channel: "core",
        identifiers: vec![
            ("customer_id", customer.customer_id.clone()),
            ("account_id", customer.account_id.clone()),
            ("email", customer.email.clone()),
            ("phone", customer.phone.clone()),
        ],
        session: None,
        properties: json!({"attributes": {
            "name": customer.name.native, "latin_name": customer.name.latin, "language": customer.name.language,
            "age": customer.age, "balance": customer.balance, "holdings": customer.holdings,
        }}),
        slot: false,
    }
}

fn sessions(customer: &Customer, day: u32, rng: &mut ChaCha8Rng, out: &mut Vec<Happening>) {
    let mut count = 0;
    while count < 4 && rng.random_bool(customer.activity / (1.0 + customer.activity)) {
        count += 1;
        let app = !customer.devices.is_empty() && rng.random_bool(0.5);
        let (namespace, channel, handle) = if app {
            ("device", "app", customer.devices[rng.random_range(0..customer.devices.len())].clone())
        } else {
            ("cookie", "web", customer.cookies[rng.random_range(0..customer.cookies.len())].clone())
        };
        let session = format!("s{day}-{}-{count}", customer.index);
        let mut walk = Walk {
            customer,
            channel,
            // The app is always signed in; a browser visit begins anonymous.
            known: app,
            handle: (namespace, handle),
            session,
            offset: rng.random_range(3_600_000_000 * 6..3_600_000_000 * 23),
            out: &mut *out,
        };
        walk.push("page_view", json!({"page": "home"}), rng, true);
        if !walk.known && rng.random_bool(0.6) {
            walk.known = true;
            walk.push("login", json!({}), rng, true);
        }
        for _ in 0..rng.random_range(0..4) {
            let page = ["accounts", "cards", "funds", "loans", "help"][rng.random_range(0..5)];
            walk.push("page_view", json!({"page": page}), rng, false);
        }
        let wants = match customer.kind {
            Kind::Affluent => 0.30,
            Kind::Family => 0.18,
            _ => 0.08,
        };
        if rng.random_bool(wants) {
            // Each field loses people; the income page loses the most.
            for (step, stays) in FORM.iter().zip([1.0, 0.85, 0.55, 0.80, 0.75]) {
                if !rng.random_bool(stays) {
                    break;
                }
                walk.push(step, json!({"form": "fund_plan"}), rng, false);
            }
        }
        if rng.random_bool(0.3) {
            walk.push("logout", json!({}), rng, false);
        }
    }
}

/// A session in progress.
struct Walk<'a> {
    customer: &'a Customer,
    channel: &'static str,
    known: bool,
    handle: (&'static str, String),
    session: String,
    offset: i64,
    out: &'a mut Vec<Happening>,
}

impl Walk<'_> {
    fn push(&mut self, event: &'static str, properties: Value, rng: &mut ChaCha8Rng, slot: bool) {
        let mut identifiers = vec![self.handle.clone()];
        if self.known {
            identifiers.push(("customer_id", self.customer.customer_id.clone()));
        }
        self.out.push(Happening {
            customer: self.customer.index,
            offset: self.offset,
            event,
            channel: self.channel,
            identifiers,
            session: Some(self.session.clone()),
            properties,
            slot,
        });
        self.offset += rng.random_range(3_000_000..90_000_000);
    }
}

/// Card payments, transfers and calls.
fn banking(customer: &Customer, rng: &mut ChaCha8Rng, out: &mut Vec<Happening>) {
    let mut push = |event, channel, identifiers, properties, rng: &mut ChaCha8Rng| {
        out.push(Happening {
            customer: customer.index,
            offset: rng.random_range(0..DAY),
            event,
            channel,
            identifiers,
            session: None,
            properties,
            slot: false,
        });
    };
    let spend = if customer.kind == Kind::Affluent { 180.0 } else { 45.0 };
    if rng.random_bool(0.5) {
        let amount = f64::round(rng.random_range(2.0..spend) * 100.0) / 100.0;
        push("card_payment", "card", vec![("account_id", customer.account_id.clone())], json!({"amount": amount}), rng);
    }
    if rng.random_bool(0.12) {
        let amount = f64::round(rng.random_range(10.0..spend * 20.0));
        push("transfer", "core", vec![("account_id", customer.account_id.clone())], json!({"amount": amount}), rng);
    }
    if rng.random_bool(if customer.kind == Kind::Senior { 0.06 } else { 0.015 }) {
        let topic = ["balance", "card", "complaint", "loan"][rng.random_range(0..4)];
        push("call", "call_centre", vec![("phone", customer.phone.clone())], json!({"topic": topic}), rng);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::world;

    #[test]
    fn a_day_is_ordered_and_the_same_each_time() {
        let world = world::draw(200, 3);
        let (one, two) = (day(&world, 2, 3), day(&world, 2, 3));
        assert_eq!(one, two);
        assert!(one.is_sorted_by_key(|happening| happening.offset));
        assert!(
            one.iter().any(|happening| happening.slot) && one.iter().any(|happening| happening.event == "form_start")
        );
    }

    #[test]
    fn a_larger_bank_leaves_the_others_days_alone() {
        let (small, large) = (world::draw(10, 3), world::draw(20, 3));
        let of_first = |list: Vec<Happening>| list.into_iter().filter(|h| h.customer == 0).collect::<Vec<_>>();
        assert_eq!(of_first(day(&small, 1, 3)), of_first(day(&large, 1, 3)));
    }
}
