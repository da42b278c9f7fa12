//! The traits by their definitions: over the whole list of events, without any state, as slowly as need be.
//!
//! What tests compare the engine with. Values are exact up to the bounds of the lanes, which the definitions do not have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune_expression::{Interval, MapSource, Program, Schema, Type, Value, ValueRef, compile};
use attune_kernel::Timestamp;

use crate::clock::{Clock, DAY, HOUR, Zone};
use crate::declaration::{Declaration, Operation};
use crate::event::{Event, Field, millionths, number, schema, text};
use crate::read::{LEAST_INTEREST, median, rfm, slope};
use crate::window::{length, window};

/// Every declared trait at `now`, in the order declared. Declarations must be good, and events occur once each.
#[must_use]
pub fn read(declarations: &[Declaration], events: &[Event<'_>], now: Timestamp) -> Vec<Option<Value>> {
    let mut values: Vec<Option<Value>> = vec![None; declarations.len()];
    let mut done: Vec<bool> = vec![false; declarations.len()];
    // Traits of other traits take their turn until nothing is left: a chain is at most as long as the list.
    for _ in 0..=declarations.len() {
        for (index, declaration) in declarations.iter().enumerate() {
            if done[index] {
                continue;
            }
            match declaration.operation {
                Operation::Ratio => {
                    let find = |name: &Option<String>| {
                        let found = declarations.iter().position(|other| Some(&other.name) == name.as_ref())?;
                        done[found].then_some(values[found].clone())
                    };
                    if let (Some(over), Some(under)) = (find(&declaration.numerator), find(&declaration.denominator)) {
                        values[index] = quotient(over, under);
                        done[index] = true;
                    }
                }
                Operation::Derived => {
                    let needs = |other: &Declaration| {
                        declaration.expression.as_ref().is_some_and(|text| text.contains(&other.name))
                    };
                    let ready = declarations.iter().zip(&done).all(|(other, done)| *done || !needs(other));
                    if ready {
                        values[index] = derived(declaration, declarations, &values);
                        done[index] = true;
                    }
                }
                _ => {
                    values[index] = Naive::new(declaration, events, now).and_then(|naive| naive.value());
                    done[index] = true;
                }
            }
        }
    }
    values
}

fn quotient(over: Option<Value>, under: Option<Value>) -> Option<Value> {
    let number = |value: Value| match value {
        Value::Int(value) => Some(value as f64),
        Value::Double(value) => Some(value),
        _ => None,
    };
    let (over, under) = (number(over?)?, number(under?)?);
    (under != 0.0).then(|| Value::Double(over / under))
}

fn derived(declaration: &Declaration, all: &[Declaration], values: &[Option<Value>]) -> Option<Value> {
    let mut builder = Schema::builder();
    let named = all.iter().zip(values).filter(|(one, _)| !one.name.contains("{}"));
    for (one, value) in named {
        let of = match value {
            Some(Value::Int(_)) => Type::Int,
            Some(Value::Double(_)) => Type::Double,
            _ => Type::Any,
        };
        builder = builder.field(one.name.clone(), of);
    }
    let schema = builder.build().ok()?;
    let mut source = MapSource::empty(&schema);
    for (one, value) in all.iter().zip(values) {
        if let (Some(path), Some(value)) = (schema.path(&one.name), value) {
            source.set(path, value.clone());
        }
    }
    let program = compile(declaration.expression.as_deref()?, &schema, Type::Any).ok()?;
    program.value(&source).ok()
}

/// One declaration over events.
struct Naive<'a, 'e> {
    declaration: &'a Declaration,
    zone: Zone,
    clock: Clock,
    span: i64,
    now: Timestamp,
    /// Events that pass the filter, oldest first.
    events: Vec<&'a Event<'e>>,
}

impl<'a, 'e> Naive<'a, 'e> {
    fn new(declaration: &'a Declaration, events: &'a [Event<'e>], now: Timestamp) -> Option<Self> {
        let zone = Zone::parse(declaration.zone.as_deref().unwrap_or("UTC"))?;
        let by_day = matches!(declaration.operation, Operation::DaysActive | Operation::Streak);
        let (clock, span) = match (&declaration.window, by_day) {
            (Some(text), true) => window(text, Some("1d"), &zone).ok()?,
            (None, true) => window("400d", Some("1d"), &zone).ok()?,
            (Some(text), false) => window(text, declaration.bucket.as_deref(), &zone).ok()?,
            (None, false) => (Clock::Lifetime, 1),
        };
        let program = match &declaration.condition {
            Some(condition) => Some(compile(condition, &schema(), Type::Bool).ok()?),
            None => None,
        };
        let mut events: Vec<&Event<'e>> =
            events.iter().filter(|event| passes(declaration, program.as_ref(), event)).collect();
        events.sort_by_key(|event| place(event));
        Some(Self { declaration, zone, clock, span, now, events })
    }

    /// Whether a time lies in the window `back` windows ago.
    fn is_within(&self, time: Timestamp, back: i64) -> bool {
        let age = i64::from(self.clock.bucket(self.now)) - i64::from(self.clock.bucket(time));
        (back * self.span..(back + 1) * self.span).contains(&age)
    }

    fn inside(&self) -> impl Iterator<Item = &'a Event<'e>> + '_ {
        self.events.iter().copied().filter(|event| self.is_within(event.time, 0))
    }

    fn field(&self, text: Option<&str>) -> Option<Field> {
        Field::parse(text?, &self.zone)
    }

    fn property(&self) -> Option<Field> {
        self.field(self.declaration.property.as_deref())
    }

    /// Numbers of the property, in millionths, in the window `back` windows ago.
    fn amounts(&self, back: i64) -> Vec<i128> {
        let Some(field) = self.property() else { return Vec::new() };
        let within = self.events.iter().filter(|event| self.is_within(event.time, back));
        let numbers = within.filter_map(|event| millionths(number(field.read(event)?)?));
        numbers.map(i128::from).collect()
    }

    fn amount_back(&self, back: i64) -> f64 {
        match self.declaration.property {
            Some(_) => self.amounts(back).iter().sum::<i128>() as f64 / 1e6,
            None => self.events.iter().filter(|event| self.is_within(event.time, back)).count() as f64,
        }
    }

    /// Count and sum by category.
    fn categories(&self, field: &Field) -> BTreeMap<String, (i128, i128)> {
        let weight = self.field(self.declaration.weight.as_deref());
        let mut out: BTreeMap<String, (i128, i128)> = BTreeMap::new();
        for event in self.inside() {
            let by = match &weight {
                Some(weight) => weight.read(event).and_then(number).and_then(millionths).map(i128::from),
                None => Some(0),
            };
            if let (Some(by), Some(key)) = (by, field.read(event).and_then(text)) {
                let entry = out.entry(key.into_owned()).or_default();
                entry.0 += 1;
                entry.1 += by;
            }
        }
        out
    }

    fn ranked(&self) -> Vec<(String, i128)> {
        let by_sum = self.declaration.weight.is_some();
        let Some(field) = self.property() else { return Vec::new() };
        let categories = self.categories(&field).into_iter();
        let mut ranked: Vec<(String, i128)> =
            categories.map(|(key, (count, sum))| (key, if by_sum { sum } else { count })).collect();
        ranked.sort_by(|one, two| two.1.cmp(&one.1).then_with(|| one.0.cmp(&two.0)));
        ranked
    }

    fn value(&self) -> Option<Value> {
        let declaration = self.declaration;
        let limit = declaration.limit.map_or(10, |limit| limit as usize);
        Some(match declaration.operation {
            Operation::Count => Value::Int(self.inside().count() as i64),
            Operation::Exists => Value::Bool(self.inside().next().is_some()),
            Operation::Sum => Value::Double(self.amounts(0).iter().sum::<i128>() as f64 / 1e6),
            Operation::Mean => {
                let amounts = self.amounts(0);
                let sum = amounts.iter().sum::<i128>() as f64 / 1e6;
                (!amounts.is_empty()).then(|| Value::Double(sum / amounts.len() as f64))?
            }
            Operation::Min => Value::Double(*self.amounts(0).iter().min()? as f64 / 1e6),
            Operation::Max => Value::Double(*self.amounts(0).iter().max()? as f64 / 1e6),
            Operation::First => self.inside().find_map(|event| self.typed(event))?,
            Operation::Last => self.inside().filter_map(|event| self.typed(event)).last()?,
            Operation::FirstTime => Value::Timestamp(self.inside().next()?.time),
            Operation::LastTime => Value::Timestamp(self.inside().last()?.time),
            Operation::SinceFirst => self.since(self.inside().next()?)?,
            Operation::SinceLast => self.since(self.inside().last()?)?,
            Operation::IntervalMean => {
                let times: Vec<i64> = self.inside().map(|event| event.time.as_micros()).collect();
                let gaps: i64 = times.windows(2).map(|pair| pair[1] - pair[0]).sum();
                (times.len() > 1).then(|| Value::Duration(Interval::from_micros(gaps / (times.len() as i64 - 1))))?
            }
            Operation::Distinct => {
                let field = self.property()?;
                let values: BTreeSet<_> = self.inside().filter_map(|event| field.read(event).and_then(text)).collect();
                Value::Int(values.len() as i64)
            }
            Operation::Top => {
                let top: Vec<String> = self.ranked().into_iter().take(limit).map(|(key, _)| key).collect();
                Value::from(top)
            }
            Operation::Preferred => Value::from(self.ranked().into_iter().next()?.0),
            Operation::CountBy => {
                let limit = declaration.limit.map_or(256, |limit| limit as usize);
                map(self.ranked().into_iter().take(limit).map(|(key, count)| (key, Value::Int(count as i64))))
            }
            Operation::SumBy => {
                let limit = declaration.limit.map_or(256, |limit| limit as usize);
                map(self.ranked().into_iter().take(limit).map(|(key, sum)| (key, Value::Double(sum as f64 / 1e6))))
            }
            Operation::BestHour => self.best("$hour")?,
            Operation::BestWeekday => self.best("$weekday")?,
            Operation::DaysActive => Value::Int(self.days().len() as i64),
            Operation::Streak => {
                let (days, today) = (self.days(), i64::from(self.clock.bucket(self.now)));
                let back = |from: i64| (0..).take_while(|age| days.contains(&(from - age))).count() as i64;
                Value::Int(back(today).max(back(today - 1)))
            }
            Operation::Trend => {
                let (now, before) = (self.amount_back(0), self.amount_back(1));
                (before != 0.0).then(|| Value::Double((now - before) / before))?
            }
            Operation::Slope => {
                let periods = i64::from(declaration.periods.unwrap_or(4));
                let amounts: Vec<f64> = (0..periods).rev().map(|back| self.amount_back(back)).collect();
                Value::Double(slope(&amounts))
            }
            Operation::Interest => self.interest(limit)?,
            Operation::Rfm => {
                let last = self.inside().last()?;
                let recency = (self.now.as_micros() - last.time.as_micros()).max(0) / DAY;
                let sum = self.amounts(0).iter().sum::<i128>() as f64 / 1e6;
                rfm(recency as f64, self.inside().count() as f64, sum, declaration.cuts.as_ref())
            }
            Operation::ResponseRate => {
                let lags = self.lags()?;
                let answered = lags.iter().flatten().count();
                (!lags.is_empty()).then(|| Value::Double(answered as f64 / lags.len() as f64))?
            }
            Operation::ResponseLag => {
                let mut lags: Vec<i64> = self.lags()?.into_iter().flatten().collect();
                Value::Duration(Interval::from_micros(median(&mut lags)?))
            }
            Operation::Cart => self.cart()?,
            Operation::Inflow => self.inflow()?,
            Operation::Ratio | Operation::Derived => return None,
        })
    }

    fn typed(&self, event: &Event<'_>) -> Option<Value> {
        match (self.declaration.of.as_ref(), self.property()?.read(event)?) {
            (None | Some(Type::String), ValueRef::String(text)) => Some(Value::from(text)),
            (Some(Type::Bool), ValueRef::Bool(value)) => Some(Value::Bool(value)),
            (Some(Type::Double), value) => number(value).map(Value::Double),
            _ => None,
        }
    }

    fn since(&self, event: &Event<'_>) -> Option<Value> {
        let unit = length(self.declaration.unit.as_deref().unwrap_or("1d")).ok()?;
        Some(Value::Int((self.now.as_micros() - event.time.as_micros()).max(0) / unit))
    }

    fn best(&self, field: &str) -> Option<Value> {
        let categories = self.categories(&Field::parse(field, &self.zone)?);
        let numbered = categories.into_iter().filter_map(|(key, (count, _))| Some((count, key.parse::<i64>().ok()?)));
        let mut numbered: Vec<(i128, i64)> = numbered.collect();
        numbered.sort_by_key(|(count, number)| (-count, *number));
        numbered.first().map(|(_, number)| Value::Int(*number))
    }

    fn days(&self) -> BTreeSet<i64> {
        self.inside().map(|event| i64::from(self.clock.bucket(event.time))).collect()
    }

    /// Each event's weight halved once a half-life, by doubles: as exact as those are.
    fn interest(&self, limit: usize) -> Option<Value> {
        let half_life = length(self.declaration.half_life.as_deref()?).ok()?;
        let custom = if half_life <= 7 * DAY { HOUR } else { DAY };
        let step = self.declaration.bucket.as_deref().map_or(Some(custom), |text| length(text).ok())?;
        let at = (self.now.as_micros().div_euclid(step) + 1) * step;
        let part = |time: i64| time.div_euclid(half_life);
        let current = part(self.now.as_micros());
        let (field, weight) = (self.property()?, self.field(self.declaration.weight.as_deref()));
        let mut scores: BTreeMap<String, f64> = BTreeMap::new();
        for event in &self.events {
            let time = event.time.as_micros();
            if part(time) > current || part(time) <= current - 40 {
                continue;
            }
            let weight = match &weight {
                Some(weight) => weight.read(event).and_then(number),
                None => Some(1.0),
            };
            if let (Some(weight), Some(key)) = (weight, field.read(event).and_then(text)) {
                let halvings = (at - time) as f64 / half_life as f64;
                *scores.entry(key.into_owned()).or_default() += weight * (-halvings).exp2();
            }
        }
        let mut scores: Vec<(String, f64)> = scores.into_iter().filter(|(_, score)| *score >= LEAST_INTEREST).collect();
        scores.sort_by(|one, two| two.1.total_cmp(&one.1));
        Some(map(scores.into_iter().take(limit).map(|(key, score)| (key, Value::Double(score)))))
    }

    /// The wait of each message that was sent, absent when it was not answered in time.
    fn lags(&self) -> Option<Vec<Option<i64>>> {
        let horizon = length(self.declaration.horizon.as_deref().unwrap_or("7d")).ok()?;
        let field = self.property()?;
        let all: Vec<(String, i64, bool)> = self
            .inside()
            .filter_map(|event| {
                let is_answer = self.declaration.answers.iter().any(|name| name == event.name);
                Some((text(field.read(event)?)?.into_owned(), event.time.as_micros(), is_answer))
            })
            .collect();
        let sent = all.iter().filter(|(_, _, is_answer)| !is_answer);
        let answered = |key: &String, sent: i64| {
            let of = all.iter().filter(|(other, time, is_answer)| *is_answer && other == key && *time >= sent);
            of.map(|(_, time, _)| time - sent).min().filter(|lag| *lag <= horizon)
        };
        Some(sent.map(|(key, time, _)| answered(key, *time)).collect())
    }

    fn cart(&self) -> Option<Value> {
        let (field, quantity) = (self.property()?, self.field(self.declaration.weight.as_deref()));
        let mut held: BTreeMap<String, (Timestamp, i64)> = BTreeMap::new();
        for event in &self.events {
            let named = |names: &[String]| names.iter().any(|name| name == event.name);
            if named(&self.declaration.clears) {
                held.clear();
            } else if let Some(key) = field.read(event).and_then(text) {
                if named(&self.declaration.removes) {
                    held.remove(key.as_ref());
                } else {
                    let read = quantity.as_ref().and_then(|field| field.read(event)).and_then(number);
                    held.insert(key.into_owned(), (event.time, read.and_then(millionths).unwrap_or(1_000_000)));
                }
            }
        }
        let held = held.into_iter().filter(|(_, (time, _))| self.is_within(*time, 0));
        Some(map(held.map(|(key, (_, quantity))| (key, Value::Double(quantity as f64 / 1e6)))))
    }

    fn inflow(&self) -> Option<Value> {
        let field = self.property()?;
        let mut ways: BTreeMap<&str, String> = BTreeMap::new();
        for event in self.inside().filter(|event| !event.session.is_empty()) {
            if let Some(way) = field.read(event).and_then(text) {
                ways.entry(event.session).or_insert_with(|| way.into_owned());
            }
        }
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        ways.into_values().for_each(|way| *counts.entry(way).or_default() += 1);
        let most = *counts.values().max()?;
        counts.into_iter().find(|(_, count)| *count == most).map(|(way, _)| Value::from(way))
    }
}

fn map(entries: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Map(Arc::new(entries.map(|(key, value)| (Arc::from(key), value)).collect()))
}

fn place(event: &Event<'_>) -> (Timestamp, i64, u64) {
    (event.time, event.sequence, crate::hash::hash(event.id.as_bytes()))
}

fn passes(declaration: &Declaration, condition: Option<&Program>, event: &Event<'_>) -> bool {
    let Declaration { events, answers, removes, clears, channels, .. } = declaration;
    let mut names = events.iter().chain(answers).chain(removes).chain(clears);
    (events.is_empty() || names.any(|name| name == event.name))
        && (channels.is_empty() || channels.iter().any(|channel| channel == event.channel))
        && condition.is_none_or(|condition| condition.evaluate(event).is_true())
}

/// Whether two readings are the same: doubles that were summed in another order up to a billionth.
#[must_use]
pub fn same(one: &Option<Value>, two: &Option<Value>) -> bool {
    match (one, two) {
        (Some(one), Some(two)) => close(one, two),
        (None, None) => true,
        _ => false,
    }
}

fn close(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Double(one), Value::Double(two)) => (one - two).abs() <= 1e-9 * one.abs().max(two.abs()).max(1.0),
        (Value::Map(one), Value::Map(two)) => {
            one.len() == two.len()
                && one
                    .iter()
                    .zip(two.iter())
                    .all(|((key, value), (other, compared))| key == other && close(value, compared))
        }
        _ => one == two,
    }
}
