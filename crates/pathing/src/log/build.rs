//! Building a log.

use attune_kernel::Timestamp;
use rustc_hash::FxHashMap;

use super::column::ColumnBuilder;
use super::{Dictionary, EventLog};
use crate::value::Scalar;

/// A log holds at most 4,294,967,295 events, customers and names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event log is full")]
pub struct LogFull;

/// Takes events in any order.
#[derive(Debug, Default)]
pub struct EventLogBuilder {
    customers: Dictionary,
    names: Dictionary,
    session_names: Dictionary,
    customer: Vec<u32>,
    time: Vec<Timestamp>,
    name: Vec<u32>,
    /// Grown on the first row that names a session; `u32::MAX` for rows without.
    session: Vec<u32>,
    columns: FxHashMap<String, ColumnBuilder>,
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
        let row = u32::try_from(self.time.len()).ok().filter(|row| *row < u32::MAX).ok_or(LogFull)?;
        let customer = match self.customer.last() {
            // Most files hold a customer's events one after another.
            Some(last) if self.customers.text(*last) == Some(customer) => *last,
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
        self.time.push(time);
        self.name.push(name);
        Ok(())
    }

    /// Sorts what was pushed.
    #[must_use]
    pub fn build(mut self) -> EventLog {
        let ranks = self.customers.sort();
        for code in &mut self.customer {
            *code = ranks[*code as usize];
        }
        let rows = self.time.len();
        let mut order: Vec<u32> = (0u32..).take(rows).collect();
        // Stable: events of one customer and time keep the order given.
        order.sort_by_key(|row| (self.customer[*row as usize], self.time[*row as usize]));
        let mut place = vec![0; rows];
        for (at, row) in (0u32..).zip(&order) {
            place[*row as usize] = at;
        }
        let mut bounds = vec![0; self.customers.len() + 1];
        for customer in &self.customer {
            bounds[*customer as usize + 1] += 1;
        }
        for at in 1..bounds.len() {
            bounds[at] += bounds[at - 1];
        }
        let sessions = (!self.session.is_empty()).then(|| {
            self.session.resize(rows, u32::MAX);
            (self.session_names, gather(&self.session, &order))
        });
        EventLog {
            customers: self.customers,
            names: self.names,
            bounds,
            time: gather(&self.time, &order),
            name: gather(&self.name, &order),
            sessions,
            columns: self.columns.into_iter().map(|(name, column)| (name, column.build(&place))).collect(),
        }
    }
}

fn gather<T: Copy>(values: &[T], order: &[u32]) -> Vec<T> {
    order.iter().map(|row| values[*row as usize]).collect()
}
