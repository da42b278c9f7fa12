//! How many events a core takes a second, in the order of arrival: `measure [EVENTS] [CUSTOMERS]`.

use attune_expression::ValueRef;
use attune_kernel::Timestamp;
use attune_trigger::file::RulesFile;
use attune_trigger::{Engine, Event, EventRef, Facts, Limits, Scratch, State, Symbol, from_yaml, library};

const THREE: &str = "
rules:
- id: abandoned
  events: cart
  wait: {for: 30m, unless: purchase}
- id: large
  events: purchase
  where: properties.amount >= 400
- id: busy
  events: purchase
  let: {spent: {operation: sum, events: purchase, property: amount, window: 30d}}
  when: spent >= 2000
  edge: rising
";

/// Names of events and how often they come, of 100.
const SHOP: [(&str, u8); 8] = [
    ("view", 45),
    ("search", 15),
    ("click", 15),
    ("cart", 10),
    ("message_sent", 5),
    ("purchase", 4),
    ("checkout", 3),
    ("review", 3),
];

const BANK: [(&str, u8); 10] = [
    ("card_payment", 50),
    ("login", 15),
    ("page_view", 12),
    ("balance", 8),
    ("transfer_out", 6),
    ("withdrawal", 4),
    ("salary", 1),
    ("deposit", 2),
    ("call", 1),
    ("app_error", 1),
];

struct Row {
    customer: u32,
    name: u8,
    time: i64,
    amount: f64,
}

struct Properties<'a> {
    amount: f64,
    /// By slot: 0 nothing, 1 the amount, 2 a text.
    kinds: &'a [u8],
    text: &'a str,
}

impl Facts for Properties<'_> {
    #[inline]
    fn property(&self, slot: usize) -> Option<ValueRef<'_>> {
        match self.kinds[slot] {
            1 => Some(ValueRef::Double(self.amount)),
            2 => Some(ValueRef::String(self.text)),
            _ => None,
        }
    }
}

fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

/// Customers come and go in sessions of about a dozen events; sessions of many customers lie side by side.
fn rows(names: &[(&str, u8)], events: usize, customers: u64) -> Vec<Row> {
    let mut seed = 7;
    let shares: Vec<u8> = (0u8..).zip(names).flat_map(|(at, (_, share))| vec![at; usize::from(*share)]).collect();
    let mut open: Vec<u64> = (0..2000).map(|_| next(&mut seed) % customers).collect();
    // A hundred days, however many events there are.
    let step = 100 * 86_400_000_000 / i64::try_from(events).unwrap_or(1);
    let mut time = 1_767_603_600_000_000;
    (0..events)
        .map(|_| {
            time += step;
            let at = usize::try_from(next(&mut seed)).unwrap_or(0) % open.len();
            if next(&mut seed).is_multiple_of(12) {
                open[at] = next(&mut seed) % customers;
            }
            let name = shares[usize::try_from(next(&mut seed)).unwrap_or(0) % shares.len()];
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let amount = (next(&mut seed) % 50_000) as f64 / 100.0;
            Row { customer: u32::try_from(open[at]).unwrap_or(0), name, time, amount }
        })
        .collect()
}

fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    seconds
}

fn measure(what: &str, file: &RulesFile, names: &[(&str, u8)], events: usize, customers: u64) {
    let engine = match Engine::new(file, Limits::default()) {
        Ok(engine) => engine,
        Err(errors) => {
            errors.iter().for_each(|error| say(&error.to_string()));
            return;
        }
    };
    let rows = rows(names, events, customers);
    let symbols: Vec<Symbol> = names.iter().map(|(name, _)| engine.symbol(name)).collect();
    let texts = ["page", "country", "merchant", "category", "product", "element", "recipient_bank", "topic", "section"];
    let kind = |name: &String| match name.as_str() {
        "amount" | "price" | "total" | "balance" | "limit" => 1,
        name if texts.contains(&name) => 2,
        _ => 0,
    };
    let kinds: Vec<u8> = engine.properties().iter().map(kind).collect();
    let mut states: Vec<State> = (0..customers).map(|_| State::default()).collect();
    let (mut scratch, mut fired, mut firings) = (Scratch::default(), Vec::new(), 0);
    let values = ["home", "NL", "food", "shoes", "coffee", "DE", "card", "investing"];
    let (wall, begin) = (std::time::Instant::now(), cpu());
    for (number, row) in (0u64..).zip(&rows) {
        #[expect(clippy::cast_possible_truncation, reason = "an index below 8")]
        let text = values[row.time as usize % values.len()];
        let facts = Properties { amount: row.amount, kinds: &kinds, text };
        let event = Event {
            id: EventRef::Row(number),
            symbol: symbols[usize::from(row.name)],
            name: names[usize::from(row.name)].0,
            time: Timestamp::from_micros(row.time),
            channel: "web",
            facts: &facts,
        };
        engine.observe(&mut states[row.customer as usize], "c", &event, &mut scratch, &mut fired);
        firings += fired.len();
        fired.clear();
    }
    let (seconds, wall) = (cpu() - begin, wall.elapsed().as_secs_f64());
    let timers: usize = states.iter().map(State::timers).sum();
    let mut sizes: Vec<usize> =
        states.iter().map(|state| engine.encode(state).len()).filter(|size| *size > 0).collect();
    sizes.sort_unstable();
    let median = sizes.get(sizes.len() / 2).copied().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "a count of events")]
    let rate = events as f64 / seconds / 1e6;
    say(&format!(
        "{what}: {} rules, {events} events, {customers} customers: {rate:.2} M events a core-second (cpu {seconds:.2} s, \
         wall {wall:.2} s), {firings} firings, {timers} timers, {median} bytes a person (median)",
        engine.rules().len(),
    ));
}

#[expect(clippy::print_stdout, reason = "what the program is for")]
fn say(text: &str) {
    println!("{text}");
}

fn main() {
    let number = |at: usize, custom: u64| std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(custom);
    let (events, customers) = (usize::try_from(number(1, 10_000_000)).unwrap_or(0), number(2, 100_000));
    for _ in 0..3 {
        match (from_yaml(THREE), library::all()) {
            (Ok(three), Ok(all)) => {
                measure("three rules, shop", &three, &SHOP, events, customers);
                measure("library, shop", &all, &SHOP, events / 10, customers);
                measure("library, bank", &all, &BANK, events / 10, customers);
            }
            (Err(error), _) | (_, Err(error)) => say(&error.to_string()),
        }
    }
}
