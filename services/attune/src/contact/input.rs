//! Proposals and history, from files to columns.

use std::path::Path;

use attune_kernel::Timestamp;
use rustc_hash::FxHashMap;

use crate::exit::Failure;
use crate::rows::Rows;

/// Texts that are told apart by number.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: FxHashMap<String, u32>,
    texts: Vec<String>,
}

impl Names {
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.numbers.insert(text.to_owned(), number);
        self.texts.push(text.to_owned());
        number
    }

    pub(super) fn find(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    pub(super) fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", String::as_str)
    }

    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }
}

/// Columns that name things, in the order of [`Proposals::names`].
pub(super) const KEYS: [&str; 5] = ["offer_id", "channel", "slot", "segment", "campaign"];

/// Proposals in columns.
#[derive(Debug, Default)]
pub(super) struct Proposals {
    /// Customers by number.
    pub(super) customers: Names,
    /// Offers, channels, slots, segments and campaigns by number.
    pub(super) names: [Names; 5],
    ids: Vec<u8>,
    ends: Vec<u32>,
    pub(super) customer: Vec<u32>,
    /// What it is: a number for each combination of keys.
    pub(super) combination: Vec<u32>,
    /// The keys of each combination.
    pub(super) combinations: Vec<[u32; 5]>,
    pub(super) value: Vec<f64>,
    /// In millionths, rounded up.
    pub(super) cost: Vec<i64>,
    /// In microseconds; the least where none is told.
    pub(super) start: Vec<i64>,
}

impl Proposals {
    /// Reads a file.
    ///
    /// # Errors
    /// Bad input that names file, line and field.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let mut rows = Rows::open(path)?;
        let place = |rows: &Rows, name: &str| rows.header().iter().position(|column| column == name);
        let needed = |rows: &Rows, name: &str| {
            place(rows, name)
                .ok_or_else(|| Failure::input(format!("{}: line 1: there is no field {name}", rows.name())))
        };
        let [id, customer, value, cost] = [
            needed(&rows, "proposal_id")?,
            needed(&rows, "customer_id")?,
            needed(&rows, "value")?,
            needed(&rows, "cost")?,
        ];
        needed(&rows, "offer_id")?;
        needed(&rows, "channel")?;
        let keys = KEYS.map(|name| place(&rows, name));
        let start = place(&rows, "start");
        let mut out = Self::default();
        let mut combinations: FxHashMap<[u32; 5], u32> = FxHashMap::default();
        loop {
            let (read, bad) = {
                let Some(row) = rows.next()? else { return Ok(out) };
                let mut key = [0; 5];
                for (at, place) in keys.iter().enumerate() {
                    key[at] = out.names[at].number(place.map_or("", |place| row.field(place)));
                }
                let parsed = (
                    row.field(value).parse::<f64>().ok().filter(|value| value.is_finite()),
                    micros(row.field(cost)),
                    start.map_or(Some(i64::MIN), |place| time(row.field(place))),
                );
                match parsed {
                    _ if row.field(id).is_empty() => (None, (id, "is empty")),
                    _ if row.field(customer).is_empty() => (None, (customer, "is empty")),
                    (None, ..) => (None, (value, "is not a number")),
                    (_, None, _) => (None, (cost, "is not a number from 0 on")),
                    (.., None) => (None, (start.unwrap_or(0), "is not a time")),
                    (Some(value), Some(cost), Some(start)) => {
                        out.ids.extend_from_slice(row.field(id).as_bytes());
                        let number = out.customers.number(row.field(customer));
                        (Some((key, number, value, cost, start)), (0, ""))
                    }
                }
            };
            let Some((key, number, value, cost, start)) = read else { return Err(rows.wrong(bad.0, bad.1)) };
            let end =
                u32::try_from(out.ids.len()).map_err(|_| rows.wrong(id, "makes the ids longer than 4 GiB together"))?;
            out.ends.push(end);
            out.customer.push(number);
            let next = u32::try_from(out.combinations.len()).unwrap_or(u32::MAX);
            let combination = *combinations.entry(key).or_insert_with(|| {
                out.combinations.push(key);
                next
            });
            out.combination.push(combination);
            out.value.push(value);
            out.cost.push(cost);
            out.start.push(start);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The id of a proposal.
    pub(super) fn id(&self, at: usize) -> &str {
        let from = at.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        std::str::from_utf8(&self.ids[from..self.ends[at] as usize]).unwrap_or_default()
    }

    /// The names of a proposal, in the order of [`KEYS`].
    pub(super) fn keys(&self, at: usize) -> [&str; 5] {
        self.named(self.combination[at] as usize)
    }

    /// The names of a combination, in the order of [`KEYS`].
    pub(super) fn named(&self, combination: usize) -> [&str; 5] {
        let key = self.combinations[combination];
        std::array::from_fn(|part| self.names[part].text(key[part]))
    }
}

/// A cost in millionths, rounded up; decimals of up to six places are exact.
#[allow(clippy::cast_possible_truncation, reason = "checked to be below 2^53")]
fn micros(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !whole.is_empty() && whole.len() <= 9 && part.len() <= 6 && digits(whole) && digits(part) {
        let whole: i64 = whole.parse().ok()?;
        let part: i64 = if part.is_empty() { 0 } else { format!("{part:0<6}").parse().ok()? };
        return Some(whole * 1_000_000 + part);
    }
    let value: f64 = text.parse().ok()?;
    let scaled = (value * 1e6).ceil();
    (value >= 0.0 && scaled < 9e15).then_some(scaled as i64)
}

/// A time in microseconds; of an empty text the least.
fn time(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(i64::MIN);
    }
    if let Ok(millis) = text.parse::<i64>() {
        return millis.checked_mul(1000);
    }
    // A day begins at midnight.
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    Timestamp::parse(&whole).ok().map(|time| time.as_micros())
}

/// When each customer was last contacted with an offer, in microseconds.
#[derive(Debug, Default)]
pub(super) struct History {
    last: FxHashMap<(u32, u32), i64>,
}

impl History {
    /// Reads a file; what no proposal is about is passed over. A contact without a time counts as made just now.
    ///
    /// # Errors
    /// Bad input that names file, line and field.
    pub(super) fn read(path: &Path, proposals: &Proposals, offers: &mut Names) -> Result<Self, Failure> {
        let mut rows = Rows::open(path)?;
        let place = |rows: &Rows, name: &str| rows.header().iter().position(|column| column == name);
        let missing =
            |rows: &Rows, name: &str| Failure::input(format!("{}: line 1: there is no field {name}", rows.name()));
        let customer = place(&rows, "customer_id").ok_or_else(|| missing(&rows, "customer_id"))?;
        let offer = place(&rows, "offer_id").ok_or_else(|| missing(&rows, "offer_id"))?;
        let when = place(&rows, "time");
        let mut last = FxHashMap::default();
        loop {
            let bad = {
                let Some(row) = rows.next()? else { return Ok(Self { last }) };
                let at = when.map_or(Some(i64::MIN), |place| time(row.field(place)));
                match at {
                    None => true,
                    Some(at) => {
                        if let Some(number) = proposals.customers.find(row.field(customer)) {
                            let key = (number, offers.number(row.field(offer)));
                            let at = if at == i64::MIN { i64::MAX } else { at };
                            let known = last.entry(key).or_insert(at);
                            *known = (*known).max(at);
                        }
                        false
                    }
                }
            };
            if bad {
                return Err(rows.wrong(when.unwrap_or(0), "is not a time"));
            }
        }
    }

    /// When a customer was last contacted with an offer; the greatest number for a contact without a time.
    pub(super) fn last(&self, customer: u32, offer: u32) -> Option<i64> {
        self.last.get(&(customer, offer)).copied()
    }
}
