//! Building a log.

use attune_kernel::Timestamp;
use rustc_hash::FxHashMap;

use super::column::ColumnBuilder;
use super::compact::{Codes, Times};
use super::{Dictionary, EventLog};
use crate::value::Scalar;

/// A log holds at most 4,294,967,294 events, and as many customers, names and bytes of their texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event log is full")]
pub struct LogFull;

/// Takes events in any order.
#[derive(Debug, Default)]
pub struct EventLogBuilder {
    pub(crate) customers: Dictionary,
    pub(crate) names: Dictionary,
    session_names: Dictionary,
    pub(crate) customer: Vec<u32>,
    /// Microseconds since the epoch.
    pub(crate) time: Vec<i64>,
    pub(crate) name: Vec<u32>,
    /// Grown on the first row that names a session; `u32::MAX` for rows without.
    session: Vec<u32>,
    pub(crate) columns: FxHashMap<String, ColumnBuilder>,
}

impl EventLogBuilder {
    /// Adds an event. Of a property given twice the last value of each type is kept.
    ///
    /// # Errors
    /// [`LogFull`]; the log is then to be thrown away.
    pub fn push<'a>(
        &mut self,
        customer: &str,
        time: Timestamp,
        name: &str,
        properties: impl IntoIterator<Item = (&'a str, Scalar<'a>)>,
    ) -> Result<(), LogFull> {
        self.push_in_session(customer, time, name, None, properties)
    }

    /// Adds an event of a session that its source named.
    ///
    /// # Errors
    /// [`LogFull`]; the log is then to be thrown away.
    pub fn push_in_session<'a>(
        &mut self,
        customer: &str,
        time: Timestamp,
        name: &str,
        session: Option<&str>,
        properties: impl IntoIterator<Item = (&'a str, Scalar<'a>)>,
    ) -> Result<(), LogFull> {
        let row = self.next_row()?;
        let customer = match self.customer.last() {
            // Most files hold a customer's events one after another.
            Some(last) if self.customers.is(*last, customer) => *last,
            _ => self.customers.intern(customer)?,
        };
        let name = self.names.intern(name)?;
        if let Some(session) = session {
            let code = self.session_names.intern(session)?;
            self.session.resize(self.time.len(), u32::MAX);
            self.session.push(code);
        }
        for (property, value) in properties {
            if let Some(column) = self.columns.get_mut(property) {
                column.push(row, value)?;
            } else {
                self.columns.entry(property.to_owned()).or_default().push(row, value)?;
            }
        }
        self.customer.push(customer);
        self.time.push(time.as_micros());
        self.name.push(name);
        Ok(())
    }

    /// The number of the row that comes next.
    pub(crate) fn next_row(&self) -> Result<u32, LogFull> {
        u32::try_from(self.time.len()).ok().filter(|row| *row < u32::MAX - 1).ok_or(LogFull)
    }

    /// Sorts what was pushed.
    #[must_use]
    pub fn build(mut self) -> EventLog {
        if let Some(ranks) = self.customers.sort() {
            for code in &mut self.customer {
                *code = ranks[*code as usize];
            }
        }
        let rows = self.time.len();
        let mut bounds = vec![0u32; self.customers.len() + 1];
        for customer in &self.customer {
            bounds[*customer as usize + 1] += 1;
        }
        for at in 1..bounds.len() {
            bounds[at] += bounds[at - 1];
        }
        let order = order(&self.customer, &self.time, &bounds);
        self.customer = Vec::new();
        let sessions = (!self.session.is_empty()).then(|| {
            self.session.resize(rows, u32::MAX);
            (std::mem::take(&mut self.session_names), gather(std::mem::take(&mut self.session), order.as_deref()))
        });
        let columns = std::mem::take(&mut self.columns);
        let place = if columns.is_empty() { Vec::new() } else { places(rows, order.as_deref()) };
        let columns = columns.into_iter().map(|(name, column)| (name, column.build(&place))).collect();
        let times = Times::pack(gather(self.time, order.as_deref()));
        let codes = Codes::pack(gather(self.name, order.as_deref()), self.names.len());
        EventLog { customers: self.customers, names: self.names, bounds, times, codes, sessions, columns }
    }
}

/// The rows by customer, time and the order given; nothing when they stand so already.
fn order(customer: &[u32], time: &[i64], bounds: &[u32]) -> Option<Vec<u32>> {
    let mut keys = customer.iter().zip(time);
    let mut last = keys.next()?;
    if keys.all(|key| std::mem::replace(&mut last, key) <= key) {
        return None;
    }
    let mut order = vec![0u32; customer.len()];
    let mut next = bounds.to_vec();
    for (row, customer) in (0u32..).zip(customer) {
        let at = &mut next[*customer as usize];
        order[*at as usize] = row;
        *at += 1;
    }
    for pair in bounds.windows(2) {
        let rows = &mut order[pair[0] as usize..pair[1] as usize];
        if !rows.is_sorted_by_key(|row| time[*row as usize]) {
            // Stable: events of one customer and time keep the order given.
            rows.sort_by_key(|row| time[*row as usize]);
        }
    }
    Some(order)
}

/// Where each row given lies in the log.
fn places(rows: usize, order: Option<&[u32]>) -> Vec<u32> {
    let Some(order) = order else { return (0u32..).take(rows).collect() };
    let mut place = vec![0; rows];
    for (at, row) in (0u32..).zip(order) {
        place[*row as usize] = at;
    }
    place
}

fn gather<T: Copy>(values: Vec<T>, order: Option<&[u32]>) -> Vec<T> {
    match order {
        None => values,
        Some(order) => order.iter().map(|row| values[*row as usize]).collect(),
    }
}
