//! Traits computed from the timeline, one event at a time.
//!
//! The state is a commutative sum over events, so late and shuffled events give the same traits, and the states of two
//! merged persons add up. The bounds keep that: what is kept is the top of an order that does not depend on arrival, and
//! an entry of the final top was in the top of every part of the input, so its count is whole. What depends on the current
//! time (days since, sliding counts) is computed when it is read.

use std::collections::BTreeMap;

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::codec::{Broken, Reader, Writer};
use super::distinct::{Distinct, rank};
use super::event::Event;

/// Day buckets kept; sliding counts look back 30 days, the rest is room for late events.
pub const MAX_DAYS: usize = 400;
/// Event names counted by themselves: those of the lowest rank, a hash of the name. Further ones count in the total only.
pub const MAX_NAMES: usize = 256;

const DAY_MICROS: i64 = 86_400_000_000;

/// The state behind the traits of a person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Traits {
    count: u64,
    first: Option<Timestamp>,
    /// Place and channel of the latest event.
    last: Option<(Timestamp, i64, String, String)>,
    days: BTreeMap<i64, u64>,
    names: BTreeMap<String, Named>,
    sessions: Distinct,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Named {
    count: u64,
    /// Millionths, so that sums do not depend on the order of their terms.
    sum: i64,
    summed: u64,
}

fn day(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(DAY_MICROS)
}

impl Traits {
    /// Counts one event.
    pub fn add(&mut self, event: &Event) {
        self.count += 1;
        self.first = Some(self.first.map_or(event.time, |first| first.min(event.time)));
        let place = (event.time, event.sequence, event.event_id.clone(), event.channel.clone());
        if self.last.as_ref().is_none_or(|last| (last.0, last.1, &last.2) < (place.0, place.1, &place.2)) {
            self.last = Some(place);
        }
        *self.days.entry(day(event.time)).or_default() += 1;
        // Looked up first: a known name costs no copy of it.
        if !self.names.contains_key(&event.name) {
            self.names.insert(event.name.clone(), Named::default());
        }
        if let Some(named) = self.names.get_mut(&event.name) {
            named.count += 1;
            if let Some(micros) = event.amount.and_then(attune_kernel::Money::from_units) {
                named.sum = named.sum.saturating_add(micros.as_micros());
                named.summed += 1;
            }
        }
        if !event.session.is_empty() {
            self.sessions.add(&event.session);
        }
        self.trim();
    }

    /// Adds the state of a person who was merged into this one.
    pub fn absorb(&mut self, other: &Self) {
        self.count += other.count;
        self.first = match (self.first, other.first) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        let later = |one: &(Timestamp, i64, String, String)| (one.0, one.1, one.2.clone());
        if other.last.as_ref().map(later) > self.last.as_ref().map(later) {
            self.last.clone_from(&other.last);
        }
        for (day, count) in &other.days {
            *self.days.entry(*day).or_default() += count;
        }
        for (name, named) in &other.names {
            let mine = self.names.entry(name.clone()).or_default();
            mine.count += named.count;
            mine.sum = mine.sum.saturating_add(named.sum);
            mine.summed += named.summed;
        }
        self.sessions.absorb(&other.sessions);
        self.trim();
    }

    fn trim(&mut self) {
        while self.days.len() > MAX_DAYS {
            self.days.pop_first();
        }
        while self.names.len() > MAX_NAMES {
            let Some(last) = self.names.keys().max_by_key(|name| rank(name)).cloned() else { break };
            self.names.remove(&last);
        }
    }

    /// Whether nothing was counted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Writes the state.
    pub fn put(&self, out: &mut Writer) {
        out.number(self.count);
        out.option(self.first, Writer::time);
        out.option(self.last.as_ref(), |out, (time, sequence, id, channel)| {
            out.time(*time);
            out.signed(*sequence);
            out.text(id);
            out.text(channel);
        });
        let mut before = 0;
        out.number(self.days.len() as u64);
        for (day, count) in &self.days {
            out.signed(day.wrapping_sub(before));
            out.number(*count);
            before = *day;
        }
        out.items(&self.names, |out, (name, named)| {
            out.text(name);
            out.number(named.count);
            out.signed(named.sum);
            out.number(named.summed);
        });
        self.sessions.put(out);
    }

    /// Reads the state.
    ///
    /// # Errors
    /// When it is not what [`put`](Self::put) wrote.
    pub fn take(from: &mut Reader<'_>) -> Result<Self, Broken> {
        let count = from.number()?;
        let first = from.option(Reader::time)?;
        let last = from.option(|from| Ok((from.time()?, from.signed()?, from.text()?, from.text()?)))?;
        let (mut days, mut day) = (BTreeMap::new(), 0_i64);
        for _ in 0..from.number()? {
            day = day.wrapping_add(from.signed()?);
            days.insert(day, from.number()?);
        }
        let names = from.list(|from| {
            Ok((from.text()?, Named { count: from.number()?, sum: from.signed()?, summed: from.number()? }))
        })?;
        Ok(Self { count, first, last, days, names, sessions: Distinct::take(from)? })
    }

    /// Events on the last `days` days, the current one included.
    fn recent(&self, now: Timestamp, days: i64) -> u64 {
        let today = day(now);
        self.days.range(today - days + 1..=today).map(|(_, count)| count).sum()
    }

    /// The traits as they are at `now`, by name.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Map<String, Value> {
        let mut out = Map::new();
        let mut set = |name: String, value: Value| {
            out.insert(name, value);
        };
        set("event_count".to_owned(), json!(self.count));
        set("sessions".to_owned(), json!(self.sessions.count()));
        if let (Some(first), Some(last)) = (self.first, &self.last) {
            set("first_event_time".to_owned(), json!(first.to_string()));
            set("last_event_time".to_owned(), json!(last.0.to_string()));
            let days = now.since(last.0).as_secs() / 86_400;
            set("days_since_last_event".to_owned(), json!(days));
            set("last_channel".to_owned(), json!(last.3));
        }
        for (name, days) in [("events_1d", 1), ("events_7d", 7), ("events_30d", 30)] {
            set(name.to_owned(), json!(self.recent(now, days)));
        }
        for (name, named) in &self.names {
            set(format!("count.{name}"), json!(named.count));
            if named.summed > 0 {
                set(format!("sum.{name}.amount"), json!(attune_kernel::Money::from_micros(named.sum).to_units()));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use attune_kernel::Personal;
    use proptest::prelude::*;

    use super::*;

    fn events() -> impl Strategy<Value = Vec<Event>> {
        let one = (0_i64..40 * 24, 0_usize..4, 0_usize..3, proptest::option::of(-500_i32..500), 0_usize..6);
        proptest::collection::vec(one, 0..60).prop_map(|list| {
            list.into_iter()
                .enumerate()
                .map(|(index, (hour, name, channel, amount, session))| Event {
                    event_id: format!("e{index:03}"),
                    person_id: "p".to_owned(),
                    name: ["view", "buy", "call", "pay"][name].to_owned(),
                    time: Timestamp::from_millis(hour * 3_600_000),
                    sequence: 0,
                    channel: ["web", "app", ""][channel].to_owned(),
                    session: ["", "s1", "s2", "s3", "s4", "s5"][session].to_owned(),
                    source: String::new(),
                    received: Timestamp::default(),
                    amount: amount.map(|cents| f64::from(cents) / 100.0),
                    attributes: Personal::default(),
                    via: None,
                    origin: Default::default(),
                    body: Personal::default(),
                })
                .collect()
        })
    }

    /// The definition, written down without any incremental state.
    fn naive(events: &[Event], now: Timestamp) -> Map<String, Value> {
        let mut sorted: Vec<&Event> = events.iter().collect();
        sorted.sort_by_key(|event| event.place());
        let mut out = Map::new();
        out.insert("event_count".to_owned(), json!(events.len()));
        let sessions: std::collections::BTreeSet<&str> = events.iter().map(|event| event.session.as_str()).collect();
        out.insert("sessions".to_owned(), json!(sessions.iter().filter(|session| !session.is_empty()).count()));
        if let (Some(first), Some(last)) = (sorted.first(), sorted.last()) {
            out.insert("first_event_time".to_owned(), json!(first.time.to_string()));
            out.insert("last_event_time".to_owned(), json!(last.time.to_string()));
            out.insert("days_since_last_event".to_owned(), json!(now.since(last.time).as_secs() / 86_400));
            out.insert("last_channel".to_owned(), json!(last.channel));
        }
        for (name, days) in [("events_1d", 1), ("events_7d", 7), ("events_30d", 30)] {
            let count = sorted.iter().filter(|event| (0..days).contains(&(day(now) - day(event.time)))).count();
            out.insert(name.to_owned(), json!(count));
        }
        for name in ["view", "buy", "call", "pay"] {
            let of: Vec<&&Event> = sorted.iter().filter(|event| event.name == name).collect();
            if !of.is_empty() {
                out.insert(format!("count.{name}"), json!(of.len()));
                let amounts: Vec<i64> =
                    of.iter().filter_map(|event| event.amount).map(|amount| (amount * 1e6).round() as i64).collect();
                if !amounts.is_empty() {
                    out.insert(format!("sum.{name}.amount"), json!(amounts.iter().sum::<i64>() as f64 / 1e6));
                }
            }
        }
        out
    }

    proptest! {
        #[test]
        fn incremental_traits_equal_the_definition_in_any_order(events in events(), seed in any::<u64>(), hour in 0_i64..1200) {
            let now = Timestamp::from_millis(hour * 3_600_000);
            let mut shuffled: Vec<(u64, &Event)> =
                events.iter().enumerate().map(|(index, event)| ((index as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15), event)).collect();
            shuffled.sort_by_key(|(order, _)| *order);
            let mut traits = Traits::default();
            for (_, event) in shuffled {
                traits.add(event);
            }
            prop_assert_eq!(traits.at(now), naive(&events, now));
        }

        #[test]
        fn merged_traits_equal_the_traits_of_all_events(events in events(), split in 0_usize..60) {
            let split = split.min(events.len());
            let (mut one, mut two, mut all) = (Traits::default(), Traits::default(), Traits::default());
            events[..split].iter().for_each(|event| one.add(event));
            events[split..].iter().for_each(|event| two.add(event));
            events.iter().for_each(|event| all.add(event));
            one.absorb(&two);
            prop_assert_eq!(one, all);
        }
    }

    #[test]
    fn names_and_days_are_bounded_in_a_way_that_no_order_changes() {
        let events: Vec<Event> = (0..2 * (MAX_DAYS + 50))
            .map(|index| Event {
                event_id: index.to_string(),
                person_id: String::new(),
                // Every name and every day occurs twice, far apart.
                name: format!("n{}", index % (MAX_DAYS + 50)),
                time: Timestamp::from_millis(i64::try_from(index % (MAX_DAYS + 50)).unwrap() * 172_800_000),
                sequence: 0,
                channel: String::new(),
                session: format!("s{index}"),
                source: String::new(),
                received: Timestamp::default(),
                amount: None,
                attributes: Personal::default(),
                via: None,
                origin: Default::default(),
                body: Personal::default(),
            })
            .collect();
        let (mut forward, mut backward, mut half, mut rest) =
            (Traits::default(), Traits::default(), Traits::default(), Traits::default());
        events.iter().for_each(|event| forward.add(event));
        events.iter().rev().for_each(|event| backward.add(event));
        events[..300].iter().for_each(|event| half.add(event));
        events[300..].iter().for_each(|event| rest.add(event));
        half.absorb(&rest);
        assert_eq!((forward.names.len(), forward.days.len()), (MAX_NAMES, MAX_DAYS));
        assert_eq!(forward.count, events.len() as u64);
        assert!(forward.names.values().all(|named| named.count == 2));
        assert_eq!(forward, backward);
        assert_eq!(forward, half);
    }
}
