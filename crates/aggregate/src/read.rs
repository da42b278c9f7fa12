//! Traits as they are at a time.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use attune_expression::{AsValue, Interval, PathId, Source, Value, ValueRef};
use attune_kernel::Timestamp;

use crate::clock::DAY;
use crate::compile::HALF_LIVES;
use crate::declaration::Cuts;
use crate::engine::{DECAY_BITS, Engine};
use crate::lane::Lane;
use crate::lane::point::{Point, Scalar};
use crate::lane::ring::{Ring, Total};
use crate::lane::table::{Row, Table};
use crate::plan::{Reading, View};
use crate::state::State;

/// Interests below this are none.
pub(crate) const LEAST_INTEREST: f64 = 0.001;

/// The values of one reading as what expressions over traits read; the fields are those of [`Engine::schema`].
#[derive(Clone, Copy)]
pub struct Slots<'a> {
    values: &'a [Option<Value>],
    named: &'a [usize],
}

impl Source for Slots<'_> {
    fn read(&self, path: PathId) -> Option<ValueRef<'_>> {
        self.values.get(*self.named.get(path.index())?)?.as_ref().map(AsValue::as_value)
    }
}

/// What one reading looks at.
struct Look<'a> {
    engine: &'a Engine,
    state: &'a State,
    now: Timestamp,
    /// The bucket of `now` by each clock.
    current: Vec<i32>,
}

impl Engine {
    /// Every trait at a time, by slot; none where there is no value.
    #[must_use]
    pub fn read(&self, state: &State, now: Timestamp) -> Vec<Option<Value>> {
        let mut values = Vec::new();
        self.read_into(state, now, &mut values);
        values
    }

    /// [`Engine::read`] into memory that is used again.
    pub fn read_into(&self, state: &State, now: Timestamp, values: &mut Vec<Option<Value>>) {
        values.clear();
        values.resize(self.slots.len(), None);
        self.fill(state, now, 0..self.slots.len(), &self.order, values);
    }

    /// Reads some slots, and of those that are made of others the ones in `derived`.
    pub(crate) fn fill(
        &self,
        state: &State,
        now: Timestamp,
        slots: impl Iterator<Item = usize>,
        derived: &[usize],
        values: &mut [Option<Value>],
    ) {
        let current = self.clocks.iter().map(|clock| clock.bucket(now)).collect();
        let look = Look { engine: self, state, now, current };
        for slot in slots {
            if let (Some(place), Some(slot)) = (values.get_mut(slot), self.slots.get(slot)) {
                *place = look.value(&slot.reading);
            }
        }
        for slot in derived {
            let value = match self.slots.get(*slot).map(|slot| &slot.reading) {
                Some(Reading::Ratio(numerator, denominator)) => {
                    let number = |slot: &usize| values.get(*slot).and_then(Option::as_ref).and_then(number);
                    number(numerator)
                        .zip(number(denominator))
                        .and_then(|(over, under)| divide(over, under))
                        .map(Value::Double)
                }
                Some(Reading::Derived(program)) => program.value(&Slots { values, named: &self.named }).ok(),
                _ => None,
            };
            if let Some(place) = values.get_mut(*slot) {
                *place = value;
            }
        }
    }

    /// A reading as a source of expressions that were compiled against [`Engine::schema`].
    #[must_use]
    pub fn source<'a>(&'a self, values: &'a [Option<Value>]) -> Slots<'a> {
        Slots { values, named: &self.named }
    }

    /// Traits that have a value, by name; a family has one for each of its values, in the order of their texts.
    #[must_use]
    pub fn named(&self, values: &[Option<Value>]) -> Vec<(String, Value)> {
        let mut named = Vec::with_capacity(self.slots.len());
        for (slot, value) in self.slots.iter().zip(values) {
            match value {
                Some(Value::Map(map)) if slot.name.contains("{}") => {
                    named.extend(map.iter().map(|(key, value)| (slot.name.replacen("{}", key, 1), value.clone())));
                }
                Some(value) => named.push((slot.name.clone(), value.clone())),
                None => {}
            }
        }
        named
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "a quotient is a double")]
        Value::Int(value) => Some(*value as f64),
        Value::Double(value) => Some(*value),
        _ => None,
    }
}

fn divide(over: f64, under: f64) -> Option<f64> {
    (under != 0.0).then(|| over / under).filter(|quotient| quotient.is_finite())
}

fn int(count: u64) -> Value {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Millionths as a number.
fn units(millionths: i128) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "what is read is a double")]
    let number = i64::try_from(millionths).map_or(millionths as f64, |small| small as f64);
    number / 1e6
}

fn map<T: Into<Value>>(entries: impl Iterator<Item = (Arc<str>, T)>) -> Value {
    let entries: BTreeMap<Arc<str>, Value> = entries.map(|(key, value)| (key, value.into())).collect();
    Value::Map(Arc::new(entries))
}

impl Look<'_> {
    fn lane(&self, view: View) -> Option<&Lane> {
        self.state.lanes.get(view.lane)
    }

    /// The buckets that a view looks at, first and last.
    fn buckets(&self, view: View) -> (i32, i32) {
        self.buckets_back(view, 0)
    }

    /// The same of an earlier window.
    fn buckets_back(&self, view: View, windows: i64) -> (i32, i32) {
        let clock = self.engine.lanes.get(view.lane).map_or(0, |lane| lane.clock);
        let current = i64::from(self.current.get(clock).copied().unwrap_or(0));
        let (first, last) = (current - view.span * (windows + 1) + 1, current - view.span * windows);
        (i32::try_from(first).unwrap_or(i32::MIN), i32::try_from(last).unwrap_or(i32::MIN))
    }

    fn count_in(&self, view: View, buckets: (i32, i32)) -> u64 {
        let Some(Lane::Count(ring)) = self.lane(view) else { return 0 };
        ring.within(buckets).map(|(_, count)| count).sum()
    }

    fn total_in(&self, view: View, buckets: (i32, i32)) -> Total {
        let mut total = Total::default();
        if let Some(Lane::Sum(ring)) = self.lane(view) {
            ring.within(buckets).for_each(|(_, part)| total.absorb(*part));
        }
        total
    }

    fn total(&self, view: View) -> Total {
        self.total_in(view, self.buckets(view))
    }

    fn table(&self, view: View) -> Option<&Table> {
        match self.lane(view) {
            Some(Lane::Table(table)) => Some(table),
            _ => None,
        }
    }

    /// A count or sum of an earlier window.
    fn amount_back(&self, view: View, windows: i64, sums: bool) -> f64 {
        let buckets = self.buckets_back(view, windows);
        #[expect(clippy::cast_precision_loss, reason = "what is read is a double")]
        let amount = if sums { units(self.total_in(view, buckets).sum) } else { self.count_in(view, buckets) as f64 };
        amount
    }

    fn first(&self, view: View) -> Option<&Point> {
        let Some(Lane::First(ring)) = self.lane(view) else { return None };
        ring.within(self.buckets(view)).map(|(_, point)| point).min_by_key(|point| point.place)
    }

    fn last(&self, view: View) -> Option<&Point> {
        let Some(Lane::Last(ring)) = self.lane(view) else { return None };
        ring.within(self.buckets(view)).map(|(_, point)| point).max_by_key(|point| point.place)
    }

    fn scalar(&self, point: &Point) -> Option<Value> {
        match point.value {
            Scalar::None => None,
            Scalar::Bool(value) => Some(Value::Bool(value)),
            Scalar::Number(value) => Some(Value::Double(value)),
            Scalar::Text(number) => Some(Value::from(self.state.texts.text(number))),
        }
    }

    fn text(&self, number: u32) -> Arc<str> {
        Arc::from(self.state.texts.text(number))
    }

    /// Whole units since an event; none since one that is still to come.
    fn since(&self, point: Option<&Point>, unit: i64) -> Option<i64> {
        point.map(|point| self.now.as_micros().saturating_sub(point.place.0).max(0) / unit)
    }

    /// Count and sum of each category in a window, by the number of its text.
    fn categories(&self, view: View) -> Vec<(u32, Total)> {
        let (first, last) = self.buckets(view);
        let mut out: Vec<(u32, Total)> = Vec::new();
        let rows = self.table(view).map(Table::rows).unwrap_or_default();
        for row in rows.iter().filter(|row| (first..=last).contains(&row.bucket)) {
            let part = Total { count: u64::from(row.count), sum: row.sum };
            match out.last_mut() {
                Some((key, total)) if *key == row.key => total.absorb(part),
                _ => out.push((row.key, part)),
            }
        }
        out
    }

    /// The greater first, of equal ones the one of the lesser text.
    fn compare(&self, (one, a): &(u32, Total), (two, b): &(u32, Total), by_sum: bool) -> Ordering {
        let rank = |total: &Total| if by_sum { total.sum } else { i128::from(total.count) };
        let texts = &self.state.texts;
        rank(b).cmp(&rank(a)).then_with(|| texts.text(*one).cmp(texts.text(*two)))
    }

    /// The same, the greatest first and of equal ones the least text.
    fn ranked(&self, view: View, by_sum: bool, limit: usize) -> Vec<(u32, Total)> {
        let mut categories = self.categories(view);
        categories.sort_unstable_by(|one, two| self.compare(one, two, by_sum));
        categories.truncate(limit);
        categories
    }

    /// The greatest categories, in no order.
    fn greatest(&self, view: View, by_sum: bool, limit: usize) -> Vec<(u32, Total)> {
        let categories = self.categories(view);
        if categories.len() > limit { self.ranked(view, by_sum, limit) } else { categories }
    }

    fn value(&self, reading: &Reading) -> Option<Value> {
        Some(match reading {
            Reading::Count(view) => int(self.count_in(*view, self.buckets(*view))),
            Reading::Exists(view) => Value::Bool(self.count_in(*view, self.buckets(*view)) > 0),
            Reading::Sum(view) => Value::Double(units(self.total(*view).sum)),
            Reading::Mean(view) => {
                let total = self.total(*view);
                #[expect(clippy::cast_precision_loss, reason = "a quotient is a double")]
                let count = total.count as f64;
                Value::Double(divide(units(total.sum), count)?)
            }
            Reading::Least(view) => {
                let Some(Lane::Range(ring)) = self.lane(*view) else { return None };
                let least = ring.within(self.buckets(*view)).map(|(_, range)| range.least).min()?;
                Value::Double(units(i128::from(least)))
            }
            Reading::Greatest(view) => {
                let Some(Lane::Range(ring)) = self.lane(*view) else { return None };
                let greatest = ring.within(self.buckets(*view)).map(|(_, range)| range.greatest).max()?;
                Value::Double(units(i128::from(greatest)))
            }
            Reading::FirstValue(view) => self.scalar(self.first(*view)?)?,
            Reading::LastValue(view) => self.scalar(self.last(*view)?)?,
            Reading::FirstTime(view) => Value::Timestamp(Timestamp::from_micros(self.first(*view)?.place.0)),
            Reading::LastTime(view) => Value::Timestamp(Timestamp::from_micros(self.last(*view)?.place.0)),
            Reading::SinceFirst(view, unit) => Value::Int(self.since(self.first(*view), *unit)?),
            Reading::SinceLast(view, unit) => Value::Int(self.since(self.last(*view), *unit)?),
            Reading::Interval { first, last, count } => {
                let count = self.count_in(*count, self.buckets(*count));
                let gaps = i64::try_from(count).ok().filter(|count| *count > 1)? - 1;
                let length = self.last(*last)?.place.0.saturating_sub(self.first(*first)?.place.0);
                Value::Duration(Interval::from_micros(length / gaps))
            }
            Reading::Distinct(view) => {
                let Some(Lane::Distinct(distinct)) = self.lane(*view) else { return None };
                int(distinct.count(self.buckets(*view)))
            }
            Reading::Top(view, limit, by_sum) => {
                let ranked = self.ranked(*view, *by_sum, *limit);
                Value::from(ranked.iter().map(|(key, _)| self.text(*key)).collect::<Vec<_>>())
            }
            Reading::Preferred(view, by_sum) => {
                let categories = self.categories(*view);
                let best = categories.iter().min_by(|one, two| self.compare(one, two, *by_sum))?;
                Value::from(self.text(best.0))
            }
            Reading::CountBy(view, limit) => {
                let ranked = self.greatest(*view, false, *limit);
                map(ranked.iter().map(|(key, total)| (self.text(*key), int(total.count))))
            }
            Reading::SumBy(view, limit) => {
                let ranked = self.greatest(*view, true, *limit);
                map(ranked.iter().map(|(key, total)| (self.text(*key), units(total.sum))))
            }
            Reading::Best(view) => {
                let categories = self.categories(*view);
                let numbered = categories
                    .iter()
                    .filter_map(|(key, total)| Some((self.state.texts.text(*key).parse::<i64>().ok()?, total.count)));
                Value::Int(numbered.max_by_key(|(hour, count)| (*count, -hour))?.0)
            }
            Reading::Days(view) => {
                let Some(Lane::Count(ring)) = self.lane(*view) else { return Some(Value::Int(0)) };
                int(ring.within(self.buckets(*view)).count() as u64)
            }
            Reading::Streak(view) => {
                let Some(Lane::Count(ring)) = self.lane(*view) else { return Some(Value::Int(0)) };
                Value::Int(streak(ring, self.buckets(*view)))
            }
            Reading::Trend(view, sums) => {
                let (now, before) = (self.amount_back(*view, 0, *sums), self.amount_back(*view, 1, *sums));
                Value::Double(divide(now - before, before)?)
            }
            Reading::Slope { view, periods, sums } => {
                let amounts: Vec<f64> = (0..*periods).rev().map(|back| self.amount_back(*view, back, *sums)).collect();
                Value::Double(slope(&amounts))
            }
            Reading::Interest { view, half_life, step, limit } => self.interest(*view, *half_life, *step, *limit),
            Reading::Rfm { last, count, sum, cuts } => {
                let recency = self.since(self.last(*last), DAY)?;
                #[expect(clippy::cast_precision_loss, reason = "scores compare doubles")]
                let (recency, frequency) = (recency as f64, self.count_in(*count, self.buckets(*count)) as f64);
                rfm(recency, frequency, units(self.total(*sum).sum), cuts.as_ref())
            }
            Reading::Rate(view, horizon) => {
                let (mut sent, mut answered) = (0_u32, 0_u32);
                self.answers(*view, *horizon, |lag| {
                    sent += 1;
                    answered += u32::from(lag.is_some());
                });
                Value::Double(divide(f64::from(answered), f64::from(sent))?)
            }
            Reading::Lag(view, horizon) => {
                let mut lags = Vec::new();
                self.answers(*view, *horizon, |lag| lags.extend(lag));
                Value::Duration(Interval::from_micros(median(&mut lags)?))
            }
            Reading::Cart(view) => {
                let Some(Lane::Cart(cart)) = self.lane(*view) else { return None };
                let within = self.admits(*view);
                let held = cart.words().iter().filter(|word| within(word.place.0));
                map(held.filter_map(|word| Some((self.text(word.item), units(i128::from(word.quantity?))))))
            }
            Reading::Inflow(view) => self.inflow(*view)?,
            Reading::Ratio(..) | Reading::Derived(_) => return None,
        })
    }

    /// Whether a time lies in a view's window.
    fn admits(&self, view: View) -> impl Fn(i64) -> bool {
        let (first, last) = self.buckets(view);
        let clock = self.engine.lanes.get(view.lane).and_then(|lane| self.engine.clocks.get(lane.clock));
        move |time| clock.is_some_and(|clock| (first..=last).contains(&clock.bucket(Timestamp::from_micros(time))))
    }

    fn answers(&self, view: View, horizon: i64, mut visit: impl FnMut(Option<i64>)) {
        if let Some(Lane::Answers(answers)) = self.lane(view) {
            answers.visit(self.admits(view), |lag| visit(lag.filter(|lag| *lag <= horizon)));
        }
    }

    /// Scores at the end of the step in which `now` lies, so that they change at known times only.
    fn interest(&self, view: View, half_life: i64, step: i64, limit: usize) -> Value {
        let (first, last) = self.buckets(view);
        let at = (self.now.as_micros().div_euclid(step) + 1) * step;
        // By how much a bucket counts at that time: half for every half-life since it began. Each power of two is exact.
        let since = at.div_euclid(half_life);
        #[expect(clippy::cast_precision_loss, reason = "a share of a half-life is a double")]
        let part = (-(at.rem_euclid(half_life) as f64) / half_life as f64).exp2();
        let rows = self.table(view).map(Table::rows).unwrap_or_default();
        let mut scores: Vec<(u32, f64)> = Vec::new();
        for rows in rows.chunk_by(|one, two| one.key == two.key) {
            let score: f64 = rows
                .iter()
                .filter(|row| (first..=last).contains(&row.bucket))
                .map(|Row { bucket, sum, .. }| {
                    let doublings = i64::from(*bucket) - since - i64::from(DECAY_BITS);
                    #[expect(clippy::cast_precision_loss, reason = "a score is a double")]
                    let scored = *sum as f64 * power_of_two(doublings);
                    scored
                })
                .sum();
            let score = score * part;
            if score >= LEAST_INTEREST {
                scores.push((rows[0].key, score));
            }
        }
        scores.sort_unstable_by(|(one, a), (two, b)| {
            b.total_cmp(a).then_with(|| self.state.texts.text(*one).cmp(self.state.texts.text(*two)))
        });
        debug_assert!(view.span == HALF_LIVES);
        map(scores.iter().take(limit).map(|(key, score)| (self.text(*key), *score)))
    }

    fn inflow(&self, view: View) -> Option<Value> {
        let Some(Lane::Touches(touches)) = self.lane(view) else { return None };
        let (first, last) = self.buckets(view);
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for session in touches.entries().chunk_by(|one, two| one.session == two.session) {
            let within = session.iter().filter(|touch| (first..=last).contains(&touch.bucket));
            if let Some(touch) = within.min_by_key(|touch| touch.place) {
                *counts.entry(self.state.texts.text(touch.way)).or_default() += 1;
            }
        }
        let most = *counts.values().max()?;
        counts.iter().find(|(_, count)| **count == most).map(|(way, _)| Value::from(*way))
    }
}

/// Two to a whole power, exact; at the ends of the range of normal numbers it stays there.
fn power_of_two(power: i64) -> f64 {
    f64::from_bits(((power.clamp(-1022, 1023) + 1023) << 52).cast_unsigned())
}

/// Days in a row with an event that end today or yesterday.
fn streak(ring: &Ring<u64>, buckets: (i32, i32)) -> i64 {
    let mut days = ring.within(buckets).rev().map(|(day, _)| *day);
    let Some(mut day) = days.next().filter(|day| *day >= buckets.1.saturating_sub(1)) else { return 0 };
    let mut length = 1;
    for earlier in days {
        if earlier != day - 1 {
            break;
        }
        day = earlier;
        length += 1;
    }
    length
}

/// The slope of the least-squares line through values one step apart.
pub(crate) fn slope(values: &[f64]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a hundred at most")]
    let count = values.len() as f64;
    let middle = (count - 1.0) / 2.0;
    let (mut over, mut under, mut at) = (0.0, 0.0, -middle);
    for value in values {
        over += at * *value;
        under += at * at;
        at += 1.0;
    }
    over / under
}

/// Recency, frequency and monetary value, with scores where there are cuts.
pub(crate) fn rfm(recency: f64, frequency: f64, monetary: f64, cuts: Option<&Cuts>) -> Value {
    let [recency_key, frequency_key, monetary_key, scores @ ..] = &*RFM_KEYS;
    let mut out = vec![(recency_key, recency), (frequency_key, frequency), (monetary_key, monetary)];
    if let Some(cuts) = cuts {
        let above = |value: f64, cuts: &[f64]| cuts.iter().filter(|cut| value > **cut).count();
        let values = [
            cuts.recency.len() - above(recency, &cuts.recency) + 1,
            above(frequency, &cuts.frequency) + 1,
            above(monetary, &cuts.monetary) + 1,
        ];
        #[expect(clippy::cast_precision_loss, reason = "three digits")]
        out.extend(scores.iter().zip(values.map(|value| value as f64)));
    }
    map(out.into_iter().map(|(key, value)| (Arc::clone(key), value)))
}

/// What the map of a customer's recency, frequency and monetary value holds.
static RFM_KEYS: LazyLock<[Arc<str>; 6]> = LazyLock::new(|| {
    ["recency", "frequency", "monetary", "recency_score", "frequency_score", "monetary_score"].map(Arc::from)
});

/// The middle value; of an even number the mean of the two in the middle, rounded down.
pub(crate) fn median(values: &mut [i64]) -> Option<i64> {
    values.sort_unstable();
    let middle = values.len() / 2;
    let high = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { high } else { values[middle - 1].midpoint(high) })
}
