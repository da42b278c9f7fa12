//! Rules over one person's events as they arrive.

use std::collections::BTreeMap;

use attune_expression::{Program, Value as Constant, ValueRef};
use attune_kernel::Timestamp;
use rustc_hash::FxHashMap;

use crate::codec::Marks;
use crate::error::RuleError;
use crate::event::{Event, Firing, Kept, Symbol, hash};
use crate::file::{Kind, RulesFile};
use crate::look::{Look, Seen};
use crate::rule::{Field, Form, Lane, Limits, Rule, Shape, Value};
use crate::state::{Due, LaneState, NEVER, Pending, Rest, State};

/// Compiled rules. Free of locks, to be shared by threads.
#[derive(Debug)]
pub struct Engine {
    pub(crate) limits: Limits,
    /// What expressions name, in the order of the schema.
    pub(crate) fields: Vec<Field>,
    pub(crate) properties: Vec<String>,
    pub(crate) symbols: FxHashMap<String, u16>,
    /// By symbol.
    pub(crate) plans: Vec<Plan>,
    /// Conditions on the event alone.
    pub(crate) tests: Vec<Program>,
    pub(crate) lanes: Vec<Lane>,
    /// How many figures are read before the event is added.
    pub(crate) priors: u16,
    pub(crate) lists: Vec<BTreeMap<String, bool>>,
    pub(crate) tables: Vec<BTreeMap<String, Constant>>,
    /// By group of quotas, what names it in stored states.
    pub(crate) group_marks: Vec<u64>,
    pub(crate) marks: Marks,
    /// By rule, its place in the order of rules.
    pub(crate) ranks: Vec<u16>,
    pub(crate) rules: Vec<Rule>,
}

/// What an event of a symbol touches, rules in their order.
#[derive(Debug, Default, Clone)]
pub(crate) struct Plan {
    pub(crate) lanes: Vec<u16>,
    pub(crate) rules: Vec<u16>,
    pub(crate) cancels: Vec<u16>,
    pub(crate) sequences: Vec<u16>,
}

/// What a rule is, for whoever shows its firings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInfo<'a> {
    /// Its id.
    pub id: &'a str,
    /// What it is for.
    pub kind: Option<Kind>,
    /// Names the rule together with its definition: another one when what it watches changes.
    pub mark: u64,
    /// Its priority.
    pub priority: i32,
}

/// Memory that is used again from event to event.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) priors: Vec<Option<Kept>>,
    passed: Vec<u16>,
    /// By condition: the event of which it was asked, and the answer.
    tests: Vec<(u64, bool)>,
    round: u64,
    pub(crate) atoms: Vec<bool>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was the newest, or as new.
    InOrder,
    /// It was late and counts at its own time.
    Late,
    /// It was later than the limit and is ignored.
    TooLate,
}

impl Engine {
    /// Compiles rules.
    ///
    /// # Errors
    /// Everything that is wrong, by field.
    pub fn new(file: &RulesFile, limits: Limits) -> Result<Self, Vec<RuleError>> {
        crate::compile::engine(file, limits)
    }

    /// The properties that rules read, by slot.
    #[must_use]
    pub fn properties(&self) -> &[String] {
        &self.properties
    }

    /// The symbol of an event's name.
    #[inline]
    #[must_use]
    pub fn symbol(&self, name: &str) -> Symbol {
        Symbol(self.symbols.get(name).copied().unwrap_or_default())
    }

    /// The rules, by number.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = RuleInfo<'_>> {
        self.rules.iter().map(|rule| RuleInfo {
            id: &rule.id,
            kind: rule.kind,
            mark: rule.mark,
            priority: rule.priority,
        })
    }

    /// The name of a figure of a rule.
    #[must_use]
    pub fn figure_name(&self, rule: u16, figure: u16) -> &str {
        let rule = self.rules.get(usize::from(rule));
        rule.and_then(|rule| rule.figures.get(usize::from(figure))).map_or("", |figure| &figure.name)
    }

    /// Where a firing leads: the placement of its row of the scheme, else that of the rule; empty for nowhere.
    #[must_use]
    pub fn placement(&self, firing: &Firing) -> &str {
        let Some(rule) = self.rules.get(usize::from(firing.rule)) else { return "" };
        let row = firing.row.and_then(|row| rule.scheme.as_ref()?.rows.get(usize::from(row)));
        row.map(|row| row.placement.as_str()).filter(|placement| !placement.is_empty()).unwrap_or(&rule.placement)
    }

    /// Takes an event of a person. What was due before it fires first.
    pub fn observe(
        &self,
        state: &mut State,
        customer: &str,
        event: &Event<'_>,
        scratch: &mut Scratch,
        fired: &mut Vec<Firing>,
    ) -> Taken {
        let time = event.time.as_micros();
        let late = time < state.newest;
        if late && time < state.newest.saturating_sub(self.limits.lateness) {
            return Taken::TooLate;
        }
        if !late && state.waits.first().is_some_and(|wait| wait.deadline.saturating_add(self.limits.grace) < time) {
            self.expire(state, customer, time, fired);
        }
        let plan = &self.plans[usize::from(event.symbol.0)];
        state.newest = state.newest.max(time);
        scratch.round += 1;
        scratch.tests.resize(self.tests.len(), (0, false));
        let look = Look { engine: self, customer, time, seen: Seen::Event(event), figures: None, priors: None };
        let mut passed = std::mem::take(&mut scratch.passed);
        passed.clear();
        for &number in &plan.rules {
            let rule = &self.rules[usize::from(number)];
            let here = rule.channels.is_empty() || rule.channels.iter().any(|channel| channel == event.channel);
            if here && self.passes(rule.condition, &look, scratch) {
                passed.push(number);
                self.read_priors(rule, state, time, scratch);
            }
        }
        for &number in &plan.lanes {
            let lane = &self.lanes[usize::from(number)];
            if self.passes(lane.condition, &look, scratch) {
                add(state, number, lane, time, &look);
            }
        }
        for &number in &plan.cancels {
            self.cancel(state, number, time, &look, scratch);
        }
        for &number in &passed {
            let rule = &self.rules[usize::from(number)];
            match &rule.form {
                Form::Wait { length, restart, by, .. } => {
                    self.start_wait(state, number, (*length, *restart, *by), event, &look, late);
                }
                Form::Date(date) => self.start_date(state, number, date, event, &look, late),
                Form::Moment | Form::Sequence(_) => {
                    let cause = crate::judge::Case { rule: number, time, seen: Seen::Event(event), late };
                    let id = event.id;
                    let evidence = || (id.keep(), vec![id.keep()]);
                    fired.extend(self.judge(state, customer, &cause, Some(&scratch.priors), evidence));
                }
            }
        }
        scratch.passed = passed;
        for &number in &plan.sequences {
            self.advance(state, number, customer, event, late, scratch, fired);
        }
        if state.more.is_some() {
            state.settle();
        }
        if late { Taken::Late } else { Taken::InOrder }
    }

    /// Fires what is due at `now`, in the order of the deadlines.
    pub fn tick(&self, state: &mut State, customer: &str, now: Timestamp, fired: &mut Vec<Firing>) {
        self.expire(state, customer, now.as_micros(), fired);
        state.settle();
    }

    /// The earliest time at which [`Engine::tick`] has something to do; absent when only an event can change anything.
    #[inline]
    #[must_use]
    pub fn due(&self, state: &State) -> Option<Timestamp> {
        // An event at the deadline itself still counts.
        let due = |deadline: i64| Timestamp::from_micros(deadline.saturating_add(self.limits.grace).saturating_add(1));
        state.waits.first().map(|wait| due(wait.deadline))
    }

    /// Forgets what time has made meaningless: cool-downs, quotas and values that are over, windows that nobody reads.
    pub fn trim(&self, state: &mut State) {
        let newest = state.newest;
        if newest == NEVER {
            return;
        }
        let floor = newest.saturating_sub(self.limits.lateness);
        let rule = |number: u16| &self.rules[usize::from(number)];
        state.fired.retain(|(number, last)| last.saturating_add(rule(*number).cool_down) > floor);
        state.lanes.retain_mut(|(number, lane)| match (&self.lanes[usize::from(*number)].shape, lane) {
            (Shape::Cells(layout), LaneState::Cells(cells)) => {
                cells.forget(layout, newest);
                !cells.0.is_empty()
            }
            (Shape::Distinct { reach, .. }, LaneState::Distinct(values)) => {
                values.retain(|(_, seen)| *seen >= floor.saturating_sub(*reach));
                !values.is_empty()
            }
            _ => true,
        });
        if let Some(more) = &mut state.more {
            more.endings.retain(|(.., time)| *time >= floor);
            more.once.retain(|(number, _, time)| {
                rule(*number).once.is_some_and(|(_, length)| time.saturating_add(length) > floor)
            });
            let longest = |group: u16| {
                let of_group = self.rules.iter().filter_map(|rule| rule.quota).find(|(known, ..)| *known == group);
                of_group.map_or(0, |(.., window)| window)
            };
            more.quotas.retain(|(group, time)| time.saturating_add(longest(*group)) > floor);
        }
        state.settle();
    }

    /// Whether a timer that was stored is one that the rule can have.
    pub(crate) fn fits(&self, wait: &Pending) -> bool {
        let rule = &self.rules[usize::from(wait.rule)];
        match (&rule.form, wait.due) {
            (Form::Wait { .. }, Due::Wait) | (Form::Date(_), Due::Date) => wait.kept.len() == rule.keeps.len(),
            (Form::Sequence(sequence), Due::Sequence) => {
                let groups = sequence.pattern.program().absences.len();
                let known = |rest: &Rest| rest.absences.iter().all(|group| (*group as usize) < groups);
                wait.rest.as_deref().is_some_and(known)
            }
            (_, Due::PutOff) => rule.hours.is_some() && wait.kept.len() == rule.keeps.len(),
            _ => false,
        }
    }

    /// Whether the pattern of a rule has an instruction.
    pub(crate) fn has_inst(&self, rule: u16, inst: u32) -> bool {
        matches!(&self.rules[usize::from(rule)].form, Form::Sequence(sequence)
            if (inst as usize) < sequence.pattern.program().insts.len())
    }

    /// Whether a condition on the event holds; asked once an event.
    #[inline]
    pub(crate) fn passes(&self, test: Option<u16>, look: &Look<'_>, scratch: &mut Scratch) -> bool {
        let Some(test) = test else { return true };
        let known = &mut scratch.tests[usize::from(test)];
        if known.0 != scratch.round {
            *known = (scratch.round, look.holds(&self.tests[usize::from(test)]));
        }
        known.1
    }

    fn read_priors(&self, rule: &Rule, state: &State, time: i64, scratch: &mut Scratch) {
        for figure in &rule.figures {
            if let Some(prior) = figure.prior {
                scratch.priors.resize(usize::from(self.priors), None);
                scratch.priors[usize::from(prior)] = self.read(figure, state, time).and_then(Kept::of);
            }
        }
    }
}

/// Adds an event to a lane.
#[inline]
fn add(state: &mut State, number: u16, lane: &Lane, time: i64, look: &Look<'_>) {
    let computed;
    let value: Option<ValueRef<'_>> = match &lane.value {
        Value::One => Some(ValueRef::Double(1.0)),
        Value::Property(slot) => look.seen.property(*slot),
        Value::Computed(program) => {
            computed = program.value(look).ok();
            computed.as_ref().map(attune_expression::AsValue::as_value)
        }
    };
    let Some(value) = value else { return };
    let newest = state.newest;
    match &lane.shape {
        Shape::Cells(layout) => {
            let number_of = match value {
                ValueRef::Double(number) => number,
                #[expect(clippy::cast_precision_loss, reason = "numbers of rules are doubles")]
                ValueRef::Int(number) => number as f64,
                _ => return,
            };
            if !number_of.is_finite() {
                return;
            }
            let held = state.lane_or(number, || LaneState::Cells(Default::default()));
            if let LaneState::Cells(cells) = held {
                cells.add(layout, time, newest, number_of);
            }
        }
        Shape::Distinct { limit, .. } => {
            let Some(hash) = hash(value) else { return };
            let held = state.lane_or(number, || LaneState::Distinct(Vec::new()));
            let LaneState::Distinct(values) = held else { return };
            match values.iter_mut().find(|(known, _)| *known == hash) {
                Some((_, seen)) => *seen = time.max(*seen),
                None => values.push((hash, time)),
            }
            if values.len() > *limit
                && let Some(oldest) = (0..values.len()).min_by_key(|at| (values[*at].1, values[*at].0))
            {
                values.remove(oldest);
            }
        }
        Shape::Last => {
            let value = match lane.value {
                Value::One => None,
                _ => match Kept::of(value) {
                    Some(value) => Some(value),
                    None => return,
                },
            };
            let held = state.lane_or(number, || LaneState::Last { time: i64::MIN, value: None });
            if let LaneState::Last { time: last, value: before } = held
                && time >= *last
            {
                *last = time;
                *before = value;
            }
        }
    }
}
