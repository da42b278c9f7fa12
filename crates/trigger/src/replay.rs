//! The same rules over history: a log of events, each person's in the order of time.

use attune_expression::ValueRef;
use attune_kernel::Timestamp;
use attune_pathing::log::{Column, EventLog};
use attune_pathing::value::Scalar;

use crate::engine::{Engine, Scratch};
use crate::event::{Event, EventRef, Facts, Firing, Symbol};
use crate::state::State;

/// A firing of a customer of a log. The ids of events are rows of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Fired {
    /// The customer's code.
    pub customer: u32,
    /// What fired.
    pub firing: Firing,
}

/// The columns of a log by the slots of an engine.
struct Bound<'a> {
    columns: Vec<Option<&'a Column>>,
    channel: Option<&'a Column>,
}

struct Row<'a> {
    bound: &'a Bound<'a>,
    row: usize,
}

impl Facts for Row<'_> {
    #[inline]
    fn property(&self, slot: usize) -> Option<ValueRef<'_>> {
        let value = (*self.bound.columns.get(slot)?)?.get(self.row)?;
        match value {
            // An empty field of a file is none.
            Scalar::Text("") => None,
            value => Some(seen(value)),
        }
    }
}

fn seen(value: Scalar<'_>) -> ValueRef<'_> {
    match value {
        Scalar::Flag(flag) => ValueRef::Bool(flag),
        Scalar::Number(number) => ValueRef::Double(number),
        Scalar::Text(text) => ValueRef::String(text),
    }
}

/// Runs the rules over a log and fires what is due up to `until`, by custom the time of the newest event. The log's column
/// `channel`, when there is one, is the channel.
///
/// Firings are in the order of time, then customers, then as they fired. The result does not depend on `threads`.
#[must_use]
pub fn replay(engine: &Engine, log: &EventLog, until: Option<Timestamp>, threads: usize) -> Vec<Fired> {
    let newest = || (0..log.len()).map(|row| log.time(row)).max();
    let Some(until) = until.or_else(newest) else { return Vec::new() };
    let symbols: Vec<Symbol> = log.names().iter().map(|name| engine.symbol(name)).collect();
    let bound = Bound {
        columns: engine.properties().iter().map(|name| log.column(name)).collect(),
        channel: log.column("channel"),
    };
    let customers = log.bounds().len().saturating_sub(1);
    let parts = threads.clamp(1, customers.max(1));
    let run = |part: usize| {
        let (first, last) = (customers * part / parts, customers * (part + 1) / parts);
        let (mut scratch, mut fired, mut found) = (Scratch::default(), Vec::new(), Vec::new());
        for customer in first..last {
            let Ok(customer) = u32::try_from(customer) else { continue };
            let id = log.customers().text(customer).unwrap_or_default();
            let mut state = State::default();
            for row in log.rows_of(customer) {
                let facts = Row { bound: &bound, row };
                let channel = bound.channel.and_then(|channel| channel.get(row));
                let event = Event {
                    id: EventRef::Row(row as u64),
                    symbol: symbols[log.codes().get(row) as usize],
                    name: log.name(row),
                    time: log.time(row),
                    channel: match channel {
                        Some(Scalar::Text(channel)) => channel,
                        _ => "",
                    },
                    facts: &facts,
                };
                engine.observe(&mut state, id, &event, &mut scratch, &mut fired);
            }
            engine.tick(&mut state, id, until, &mut fired);
            found.extend(fired.drain(..).map(|firing| Fired { customer, firing }));
        }
        found
    };
    let mut all: Vec<Fired> = if parts == 1 {
        run(0)
    } else {
        let run = &run;
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..parts).map(|part| scope.spawn(move || run(part))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
        })
    };
    all.sort_by_key(|fired| (fired.firing.time, fired.customer));
    all
}
