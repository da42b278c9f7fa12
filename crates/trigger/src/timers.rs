//! What begins, ends and comes due: waits, dates, patterns, and what was put off.

use attune_expression::ValueRef;
use attune_kernel::Timestamp;

use crate::calendar::{year_of, years_later};
use crate::engine::{Engine, Scratch};
use crate::event::{Event, Firing, hash};
use crate::file::Restart;
use crate::judge::{Case, NO_KEY, figures_of, keep};
use crate::look::{ByName, Look, Seen};
use crate::rule::{Date, Form, Rule};
use crate::sequence::{Outcome, Run};
use crate::state::{Due, Pending, Rest, State};

/// Endings that are remembered for starts that come late.
const MAX_ENDINGS: usize = 32;

impl Engine {
    /// The rule's place in the order of rules: by priority, then as in the file.
    pub(crate) fn rank(&self, rule: u16) -> u16 {
        self.ranks[usize::from(rule)]
    }

    /// Ends the waits of a rule that an event ends.
    pub(crate) fn cancel(&self, state: &mut State, number: u16, time: i64, look: &Look<'_>, scratch: &mut Scratch) {
        let rule = &self.rules[usize::from(number)];
        let (length, by, unless) = match &rule.form {
            Form::Wait { length, by, unless, .. } => (*length, *by, unless),
            Form::Date(date) => (i64::MAX, date.by, &date.unless),
            Form::Moment | Form::Sequence(_) => return,
        };
        let waits = state.waits.iter().any(|wait| wait.rule == number);
        if !waits && self.limits.lateness == 0 {
            return;
        }
        if !self.passes(unless.condition, look, scratch) {
            return;
        }
        let key = by.map_or(NO_KEY, |slot| key(look.seen.property(slot)));
        if waits {
            let ends = |wait: &Pending| {
                wait.rule == number
                    && wait.due != Due::PutOff
                    && wait.key == key
                    && wait.anchor <= time
                    && time <= wait.deadline
            };
            state.waits.retain(|wait| !ends(wait));
        }
        // A start that comes late must know. Who only waits for silence needs no list: the newest event tells.
        if self.limits.lateness > 0 && length < i64::MAX && !unless.all {
            let floor = state.newest.saturating_sub(self.limits.lateness);
            let endings = &mut state.more().endings;
            endings.retain(|(.., when)| *when >= floor);
            endings.push((number, key, time));
            if endings.len() > MAX_ENDINGS {
                endings.remove(0);
            }
        }
    }

    pub(crate) fn start_wait(
        &self,
        state: &mut State,
        number: u16,
        (length, restart, by): (i64, Restart, Option<usize>),
        event: &Event<'_>,
        look: &Look<'_>,
        late: bool,
    ) {
        let rule = &self.rules[usize::from(number)];
        let time = event.time.as_micros();
        let deadline = time.saturating_add(length);
        let key = by.map_or(NO_KEY, |slot| key(look.seen.property(slot)));
        let silence = matches!(&rule.form, Form::Wait { unless, .. } if unless.all);
        if late && silence && state.newest <= deadline {
            return;
        }
        if late && let Some(more) = &state.more {
            let ended = |(known, known_key, when): &(u16, u64, i64)| {
                *known == number && *known_key == key && time < *when && *when <= deadline
            };
            if more.endings.iter().any(ended) {
                return;
            }
        }
        let mine = |wait: &Pending| wait.rule == number && wait.due == Due::Wait && wait.key == key;
        match restart {
            Restart::Each => {}
            Restart::First => {
                if state.waits.iter().any(|wait| mine(wait) && wait.anchor <= time && time <= wait.deadline) {
                    return;
                }
                // An earlier start takes the place of one that would not have begun after it.
                state.waits.retain(|wait| !(mine(wait) && time < wait.anchor && wait.anchor <= deadline));
            }
            Restart::Latest => {
                if state.waits.iter().any(|wait| mine(wait) && time < wait.anchor && wait.anchor <= deadline) {
                    return;
                }
                state.waits.retain(|wait| !(mine(wait) && wait.anchor <= time && time <= wait.deadline));
            }
        }
        let pending = Pending {
            deadline,
            rule: number,
            rank: self.rank(number),
            due: Due::Wait,
            anchor: time,
            key,
            date: 0,
            cause: event.id.keep(),
            kept: keep(&rule.keeps, &look.seen),
            rest: None,
        };
        state.arm(pending, self.limits.waits);
    }

    pub(crate) fn start_date(
        &self,
        state: &mut State,
        number: u16,
        date: &Date,
        event: &Event<'_>,
        look: &Look<'_>,
        late: bool,
    ) {
        let rule = &self.rules[usize::from(number)];
        let told = match look.seen.property(date.property) {
            Some(ValueRef::String(text)) => date.zone.parse_date(text),
            Some(ValueRef::Double(millis)) => date.zone.date_of_millis(millis),
            _ => None,
        };
        let time = event.time.as_micros();
        let key = date.by.map_or(NO_KEY, |slot| key(look.seen.property(slot)));
        let mine = |wait: &Pending| wait.rule == number && wait.due == Due::Date && wait.key == key;
        // An older event does not take back what a newer one tells.
        if late && state.waits.iter().any(|wait| mine(wait) && wait.anchor > time) {
            return;
        }
        state.waits.retain(|wait| !mine(wait));
        let Some(told) = told else { return };
        let arm = |state: &mut State, local: i64| {
            let deadline = date.deadline(local);
            let opens = date.zone.instant(local);
            // What should have been said already is said at once, as long as the date itself has not come.
            let deadline = if deadline >= time {
                deadline
            } else if opens > time {
                time
            } else {
                return;
            };
            // Two years of which neither was said in time are one thing to say: a firing differs from every other of its
            // rule by its event or its time.
            if state.waits.iter().any(|wait| mine(wait) && wait.deadline == deadline) {
                return;
            }
            let pending = Pending {
                deadline,
                rule: number,
                rank: self.rank(number),
                due: Due::Date,
                anchor: time,
                key,
                date: local,
                cause: event.id.keep(),
                kept: keep(&rule.keeps, &look.seen),
                rest: None,
            };
            state.arm(pending, self.limits.waits.max(date.years.len()));
        };
        if date.yearly {
            arm(state, date.next_year(told, time));
        } else if date.years.is_empty() {
            arm(state, told);
        } else {
            for years in &date.years {
                arm(state, years_later(told, i64::from(*years)));
            }
        }
    }

    /// Lets a pattern take an event.
    pub(crate) fn advance(
        &self,
        state: &mut State,
        number: u16,
        customer: &str,
        event: &Event<'_>,
        late: bool,
        scratch: &mut Scratch,
        fired: &mut Vec<Firing>,
    ) {
        let rule = &self.rules[usize::from(number)];
        let Form::Sequence(sequence) = &rule.form else { return };
        let at = state.more.as_ref().and_then(|more| more.runs.iter().position(|(known, _)| *known == number));
        let waits = state.waits.iter().any(|wait| wait.rule == number && wait.due == Due::Sequence);
        if at.is_none() && !waits && (late || !sequence.begins[usize::from(event.symbol.0)]) {
            return;
        }
        let program = sequence.pattern.program();
        let facts = ByName { engine: self, facts: event.facts };
        scratch.atoms.clear();
        scratch.atoms.extend(program.atoms.iter().zip(&sequence.atoms).map(|(atom, symbol)| {
            symbol.is_none_or(|symbol| symbol == event.symbol.0)
                && atom.predicate.as_ref().is_none_or(|predicate| predicate.holds(&facts))
        }));
        let (is, time) = (&scratch.atoms, event.time.as_micros());
        if waits {
            state.waits.retain_mut(|wait| {
                let Some(rest) = wait.rest.as_mut().filter(|_| wait.rule == number && wait.due == Due::Sequence) else {
                    return true;
                };
                if wait.anchor <= time && time <= wait.deadline {
                    let follows = |group: &u32| program.absences[*group as usize].iter().any(|atom| is[*atom as usize]);
                    rest.absences.retain(|group| !follows(group));
                }
                !rest.absences.is_empty()
            });
        }
        if late || (at.is_none() && !sequence.begins[usize::from(event.symbol.0)]) {
            return;
        }
        let mut run = match at {
            Some(at) => std::mem::take(&mut state.more().runs[at].1),
            None => Run::default(),
        };
        let outcome = run.take(sequence, event.id, time, is);
        let runs = &mut state.more().runs;
        // Events are evidence of what is under way only.
        match (at, run.threads.is_empty()) {
            (Some(at), true) => {
                runs.remove(at);
            }
            (Some(at), false) => runs[at].1 = run,
            (None, true) => {}
            (None, false) => runs.push((number, run)),
        }
        match outcome {
            Outcome::Nothing => {}
            Outcome::Done(evidence) => {
                let case = Case { rule: number, time, seen: Seen::Event(event), late };
                fired.extend(self.judge(state, customer, &case, None, || (event.id.keep(), evidence)));
            }
            Outcome::Awaits(absences, evidence) => {
                let deadline = time.saturating_add(sequence.within);
                state.waits.retain(|wait| wait.rule != number || wait.due != Due::Sequence || wait.deadline < time);
                let pending = Pending {
                    deadline,
                    rule: number,
                    rank: self.rank(number),
                    due: Due::Sequence,
                    anchor: time,
                    key: NO_KEY,
                    date: 0,
                    cause: event.id.keep(),
                    kept: Box::default(),
                    rest: Some(Box::new(Rest { absences, evidence })),
                };
                state.arm(pending, self.limits.waits);
            }
        }
    }

    /// Fires what is due before `now`, in order.
    pub(crate) fn expire(&self, state: &mut State, customer: &str, now: i64, fired: &mut Vec<Firing>) {
        while state.waits.first().is_some_and(|wait| wait.deadline.saturating_add(self.limits.grace) < now) {
            let wait = state.waits.remove(0);
            let rule = &self.rules[usize::from(wait.rule)];
            if let (Due::Date, Form::Date(date)) = (wait.due, &rule.form)
                && date.yearly
            {
                let next = Pending { date: years_later(wait.date, 1), ..wait.clone() };
                let next = Pending { deadline: date.deadline(next.date), ..next };
                if next.deadline > wait.deadline {
                    state.arm(next, self.limits.waits);
                }
            }
            fired.extend(self.come_due(state, customer, rule, wait));
        }
    }

    fn come_due(&self, state: &mut State, customer: &str, rule: &Rule, wait: Pending) -> Option<Firing> {
        let seen = Seen::Kept(&rule.keeps, &wait.kept);
        let time = wait.deadline;
        if wait.due == Due::PutOff {
            // The condition has held; what holds a rule back is asked again.
            if !self.admit(state, wait.rule, wait.key, time) {
                return None;
            }
            let figures = Some((rule, &*state));
            let look = Look { engine: self, customer, time, seen, figures, priors: None };
            let row = self.row(&look, rule).flatten();
            let figures = figures_of(rule, state, &look);
            let evidence = wait.rest.map(|rest| rest.evidence).unwrap_or_default();
            let (rule, time) = (wait.rule, Timestamp::from_micros(time));
            return Some(Firing { rule, time, cause: wait.cause, evidence, figures, row });
        }
        let case = Case { rule: wait.rule, time, seen, late: false };
        let (cause, rest) = (wait.cause.clone(), wait.rest.clone());
        let evidence = || {
            let evidence = rest.map_or_else(|| vec![cause.clone()], |rest| rest.evidence);
            (cause, evidence)
        };
        self.judge(state, customer, &case, None, evidence)
    }
}

impl Date {
    /// When the rule fires for a date, as an instant.
    fn deadline(&self, local: i64) -> i64 {
        let day = crate::calendar::DAY;
        // Whole days by the local clock, so that the hour stays the same when the clock changes.
        let at = local.div_euclid(day) * day + self.at + self.offset;
        self.zone.instant(at)
    }

    /// The yearly return of a date whose time to fire is the first at or after `time`.
    fn next_year(&self, told: i64, time: i64) -> i64 {
        let years = (year_of(self.zone.local(time)) - year_of(told) - 1).max(0);
        let candidates = (years..=years + 3).map(|years| years_later(told, years));
        let mut last = told;
        for candidate in candidates {
            last = candidate;
            if self.deadline(candidate) >= time {
                break;
            }
        }
        last
    }
}

/// A number that tells the waits of a rule apart.
fn key(value: Option<ValueRef<'_>>) -> u64 {
    value.and_then(hash).unwrap_or(NO_KEY)
}
