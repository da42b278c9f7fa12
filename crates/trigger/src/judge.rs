//! Whether a rule fires: its condition, and what holds it back.

use attune_expression::{Program, ValueRef};
use attune_kernel::Timestamp;

use crate::engine::Engine;
use crate::event::{EventId, Firing, Kept, hash};
use crate::file::{Edge, Names, Outside};
use crate::look::{Look, Seen};
use crate::rule::{Keep, Rule, Scheme};
use crate::state::{Due, Pending, Rest, State};

/// A rule at a moment.
pub(crate) struct Case<'a> {
    pub(crate) rule: u16,
    pub(crate) time: i64,
    pub(crate) seen: Seen<'a>,
    /// Whether the event is older than the person's newest.
    pub(crate) late: bool,
}

/// The key of an event that has no value to tell it apart.
pub(crate) const NO_KEY: u64 = 0;

impl Engine {
    /// Fires the rule when its condition holds and nothing holds it back. `evidence` is asked only then, for the cause and
    /// the events.
    pub(crate) fn judge(
        &self,
        state: &mut State,
        customer: &str,
        case: &Case<'_>,
        priors: Option<&[Option<Kept>]>,
        evidence: impl FnOnce() -> (EventId, Vec<EventId>),
    ) -> Option<Firing> {
        let rule = &self.rules[usize::from(case.rule)];
        let (holds, row, figures) = {
            let figures = Some((rule, &*state));
            let look = Look { engine: self, customer, time: case.time, seen: case.seen, figures, priors };
            let holds = rule.when.as_ref().is_none_or(|when| look.holds(when));
            if !holds && rule.edge == Edge::Each {
                return None;
            }
            let row = rule.scheme.as_ref().map(|scheme| scheme.row(&look));
            (holds, row, figures_of(rule, state, &look))
        };
        if rule.edge != Edge::Each {
            // What held between two events that were known already is not asked for.
            if case.late {
                return None;
            }
            let holding = &mut state.more().holding;
            let before = holding.iter().position(|known| *known == case.rule);
            match (before, holds) {
                (None, true) => holding.push(case.rule),
                (Some(at), false) => {
                    holding.remove(at);
                }
                _ => {}
            }
            let fires = match rule.edge {
                Edge::Rising => before.is_none() && holds,
                _ => before.is_some() && !holds,
            };
            if !fires {
                return None;
            }
        }
        let row = match row {
            None => None,
            Some(Some(row)) => Some(row),
            Some(None) => return None,
        };
        let key = rule.once.map_or(NO_KEY, |(slot, _)| case.seen.property(slot).and_then(hash).unwrap_or(NO_KEY));
        if let Some((hours, outside)) = &rule.hours {
            let opens = hours.next(case.time);
            if opens > case.time {
                if *outside == Outside::Defer {
                    let (cause, evidence) = evidence();
                    self.put_off(state, case, opens, key, (cause, evidence));
                }
                return None;
            }
        }
        if !self.admit(state, case.rule, key, case.time) {
            return None;
        }
        let (cause, evidence) = evidence();
        Some(Firing { rule: case.rule, time: Timestamp::from_micros(case.time), cause, evidence, figures, row })
    }

    fn put_off(
        &self,
        state: &mut State,
        case: &Case<'_>,
        opens: i64,
        key: u64,
        (cause, evidence): (EventId, Vec<EventId>),
    ) {
        let rule = &self.rules[usize::from(case.rule)];
        let rest = Some(Box::new(Rest { absences: Vec::new(), evidence }));
        let pending = Pending {
            deadline: opens,
            rule: case.rule,
            rank: self.rank(case.rule),
            due: Due::PutOff,
            anchor: case.time,
            key,
            date: 0,
            cause,
            kept: keep(&rule.keeps, &case.seen),
            rest,
        };
        state.arm(pending, self.limits.waits);
    }

    /// Whether cool-down, `once_per` and quota let a rule fire; if so they remember it.
    pub(crate) fn admit(&self, state: &mut State, number: u16, key: u64, time: i64) -> bool {
        let rule = &self.rules[usize::from(number)];
        let last = state.fired.iter().position(|(known, _)| *known == number);
        if let Some(at) = last
            && time < state.fired[at].1.saturating_add(rule.cool_down)
        {
            return false;
        }
        if let (Some((_, length)), Some(more)) = (rule.once, &state.more) {
            let said = |(known, value, when): &(u16, u64, i64)| {
                *known == number && *value == key && time < when.saturating_add(length)
            };
            if more.once.iter().any(said) {
                return false;
            }
        }
        if let (Some((group, limit, window)), Some(more)) = (rule.quota, &state.more) {
            let counts = |(known, when): &&(u16, i64)| *known == group && time < when.saturating_add(window);
            if more.quotas.iter().filter(counts).count() >= limit {
                return false;
            }
        }
        if rule.cool_down > 0 {
            match last {
                Some(at) => state.fired[at].1 = state.fired[at].1.max(time),
                None => state.fired.push((number, time)),
            }
        }
        if rule.once.is_some() {
            let once = &mut state.more().once;
            once.retain(|(known, value, _)| *known != number || *value != key);
            once.push((number, key, time));
            if once.iter().filter(|(known, ..)| *known == number).count() > self.limits.once
                && let Some(oldest) = once.iter().position(|(known, ..)| *known == number)
            {
                once.remove(oldest);
            }
        }
        if let Some((group, limit, _)) = rule.quota {
            let quotas = &mut state.more().quotas;
            quotas.push((group, time));
            if quotas.iter().filter(|(known, _)| *known == group).count() > limit
                && let Some(oldest) = quotas.iter().position(|(known, _)| *known == group)
            {
                quotas.remove(oldest);
            }
        }
        true
    }

    /// The row of the rule's scheme for what is seen: outside absent without a scheme, inside when no row fits.
    pub(crate) fn row(&self, look: &Look<'_>, rule: &Rule) -> Option<Option<u16>> {
        rule.scheme.as_ref().map(|scheme| scheme.row(look))
    }
}

impl Scheme {
    /// The first row that fits.
    fn row(&self, look: &Look<'_>) -> Option<u16> {
        let text = |program: Option<&Program>| {
            let value = program?.value(look).ok()?;
            match attune_expression::AsValue::as_value(&value) {
                ValueRef::String(text) => Some(text.to_owned()),
                ValueRef::Double(number) => Some(number.to_string()),
                ValueRef::Int(number) => Some(number.to_string()),
                ValueRef::Bool(flag) => Some(flag.to_string()),
                _ => None,
            }
        };
        let channel = match &self.channel {
            Some(program) => text(Some(program)),
            None => match look.seen.channel() {
                Some(ValueRef::String(channel)) => Some(channel.to_owned()),
                _ => None,
            },
        };
        let (segment, product) = (text(self.segment.as_ref()), text(self.product.as_ref()));
        let fits = |names: &Names, found: &Option<String>| {
            names.is_empty() || found.as_ref().is_some_and(|found| names.list().contains(found))
        };
        let row = self.rows.iter().position(|row| {
            fits(&row.channel, &channel) && fits(&row.segment, &segment) && fits(&row.product, &product)
        });
        row.and_then(|row| u16::try_from(row).ok())
    }
}

/// What a rule keeps of what is seen.
pub(crate) fn keep(keeps: &[Keep], seen: &Seen<'_>) -> Box<[Option<Kept>]> {
    let one = |keep: &Keep| {
        let value = match keep {
            Keep::Property(slot) => seen.property(*slot),
            Keep::Channel => seen.channel(),
            Keep::Event => seen.name(),
        };
        value.and_then(Kept::of)
    };
    keeps.iter().map(one).collect()
}

/// The figures of a rule that are numbers now.
pub(crate) fn figures_of(rule: &Rule, state: &State, look: &Look<'_>) -> Vec<(u16, f64)> {
    let number = |value: ValueRef<'_>| match value {
        ValueRef::Double(number) => Some(number),
        _ => None,
    };
    let one = |(at, figure)| Some((at, look.figure(figure, state).and_then(number)?));
    (0u16..).zip(&rule.figures).filter_map(one).collect()
}
