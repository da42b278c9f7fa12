//! What a rules file would have done: how many firings, for whom, with which contact load.

use std::collections::{BTreeMap, BTreeSet};

use attune_kernel::Timestamp;

use crate::calendar::DAY;
use crate::engine::Engine;
use crate::file::Kind;
use crate::replay::Fired;

/// What the rules of a file did over a history.
#[derive(Debug, Clone, PartialEq)]
pub struct BackTest {
    /// By rule, in the order of the file; rules that never fired too.
    pub rules: Vec<RuleReport>,
    /// By day (UTC) with a firing.
    pub days: Vec<DayReport>,
    /// Different customers for whom any rule fired.
    pub customers: usize,
    /// For each number of firings the customers who had so many.
    pub load: BTreeMap<usize, usize>,
}

/// What a rule did.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleReport {
    /// Its id.
    pub rule: String,
    /// What it is for.
    pub kind: Option<Kind>,
    /// How often it fired.
    pub firings: usize,
    /// For how many different customers.
    pub customers: usize,
    /// The first and the last time.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Most firings on one day (UTC).
    pub busiest_day: usize,
}

/// What happened on a day.
#[derive(Debug, Clone, PartialEq)]
pub struct DayReport {
    /// When the day begins, UTC.
    pub day: Timestamp,
    /// Firings of all rules.
    pub firings: usize,
    /// Different customers.
    pub customers: usize,
    /// Most firings for one customer.
    pub most: usize,
}

/// Counts what [`replay`](crate::replay::replay) found.
#[must_use]
pub fn back_test(engine: &Engine, fired: &[Fired]) -> BackTest {
    let mut by_rule: Vec<(usize, BTreeSet<u32>, BTreeMap<i64, usize>)> =
        engine.rules().map(|_| Default::default()).collect();
    let mut spans: Vec<Option<(Timestamp, Timestamp)>> = vec![None; by_rule.len()];
    let mut by_day: BTreeMap<i64, BTreeMap<u32, usize>> = BTreeMap::new();
    let mut by_customer: BTreeMap<u32, usize> = BTreeMap::new();
    for Fired { customer, firing } in fired {
        let (at, day) = (usize::from(firing.rule), firing.time.as_micros().div_euclid(DAY));
        let Some((count, customers, days)) = by_rule.get_mut(at) else { continue };
        *count += 1;
        customers.insert(*customer);
        *days.entry(day).or_default() += 1;
        let span = spans[at].get_or_insert((firing.time, firing.time));
        *span = (span.0.min(firing.time), span.1.max(firing.time));
        *by_day.entry(day).or_default().entry(*customer).or_default() += 1;
        *by_customer.entry(*customer).or_default() += 1;
    }
    let rules = engine.rules().zip(by_rule).zip(spans).map(|((rule, (firings, customers, days)), span)| RuleReport {
        rule: rule.id.to_owned(),
        kind: rule.kind,
        firings,
        customers: customers.len(),
        span,
        busiest_day: days.into_values().max().unwrap_or(0),
    });
    let days = by_day.into_iter().map(|(day, customers)| DayReport {
        day: Timestamp::from_micros(day * DAY),
        firings: customers.values().sum(),
        customers: customers.len(),
        most: customers.values().copied().max().unwrap_or(0),
    });
    let mut load = BTreeMap::new();
    for count in by_customer.values() {
        *load.entry(*count).or_default() += 1;
    }
    BackTest { rules: rules.collect(), days: days.collect(), customers: by_customer.len(), load }
}
