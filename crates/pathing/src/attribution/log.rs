//! Paths read off an event log.

use super::{Paths, TouchPath};
use crate::log::{EventLog, LogFull};
use crate::pattern::Atom;

impl Paths {
    /// The touches of each customer up to each goal, in order; after a goal a new path begins. Touches after the last
    /// goal are a path to nothing; goals without a touch before them belong to no channel and are left out. The touch's
    /// name is the channel. `value` is the property of the goal that holds what it is worth; without it, or where it is
    /// not a number, a conversion is worth 1.
    ///
    /// # Errors
    /// [`LogFull`].
    pub fn of_log(log: &EventLog, touches: &[Atom], goal: &Atom, value: Option<&str>) -> Result<Self, LogFull> {
        let mut paths = Self::default();
        let bound = |atom: &Atom| (atom.name.clone(), atom.predicate.as_ref().map(|predicate| predicate.bind(log)));
        let (touches, goal): (Vec<_>, _) = (touches.iter().map(bound).collect(), bound(goal));
        let is = |(name, predicate): &(Option<String>, Option<crate::predicate::Bound<'_>>), row: usize| {
            name.as_deref().is_none_or(|name| name == log.name(row))
                && predicate.as_ref().is_none_or(|predicate| predicate.holds(row))
        };
        let column = value.and_then(|value| log.column(value));
        for customer in (0u32..).take(log.customers().len()) {
            let mut open: Vec<(u32, usize)> = Vec::new();
            for row in log.rows_of(customer) {
                if is(&goal, row) {
                    let number = |column: &crate::log::Column| match column.get(row)? {
                        crate::value::Scalar::Number(number) => Some(number),
                        _ => None,
                    };
                    let value = column.and_then(number).unwrap_or(1.0);
                    paths.close(log, &open, Some((row, value)));
                    open.clear();
                } else if touches.iter().any(|touch| is(touch, row)) {
                    open.push((paths.channels.intern(log.name(row))?, row));
                }
            }
            paths.close(log, &open, None);
        }
        Ok(paths)
    }

    fn close(&mut self, log: &EventLog, open: &[(u32, usize)], goal: Option<(usize, f64)>) {
        if open.is_empty() {
            return;
        }
        let before = |(_, row): &(u32, usize)| {
            let until = goal.map_or(*row, |(goal, _)| goal);
            log.times().seconds((log.times().tick(until) - log.times().tick(*row)) as f64)
        };
        self.paths.push(TouchPath {
            touches: open.iter().map(|(channel, _)| *channel).collect(),
            seconds_before: Some(open.iter().map(before).collect()),
            conversions: f64::from(goal.is_some()),
            value: goal.map_or(0.0, |(_, value)| value),
            nulls: f64::from(goal.is_none()),
        });
    }
}
