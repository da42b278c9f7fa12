//! What expressions read: the event, or what is kept of it, and the figures as of a moment.

use attune_expression::{Interval, PathId, Program, Source, ValueRef};
use attune_kernel::Timestamp;

use crate::engine::Engine;
use crate::event::{Event, Facts, Kept};
use crate::file::Operation;
use crate::lane::Grain;
use crate::rule::{Field, Figure, Keep, Rule, Shape};
use crate::state::{LaneState, State};

/// The event, or what is kept of it.
#[derive(Clone, Copy)]
pub(crate) enum Seen<'a> {
    Event(&'a Event<'a>),
    Kept(&'a [Keep], &'a [Option<Kept>]),
}

impl Seen<'_> {
    fn kept(keeps: &[Keep], wanted: Keep, values: &[Option<Kept>]) -> Option<usize> {
        keeps.iter().position(|keep| *keep == wanted).filter(|at| *at < values.len())
    }

    #[inline]
    pub(crate) fn property(&self, slot: usize) -> Option<ValueRef<'_>> {
        match self {
            Self::Event(event) => event.facts.property(slot),
            Self::Kept(keeps, values) => self.at(Self::kept(keeps, Keep::Property(slot), values)),
        }
    }

    fn at(&self, place: Option<usize>) -> Option<ValueRef<'_>> {
        let Self::Kept(_, values) = self else { return None };
        values.get(place?)?.as_ref().map(Kept::value)
    }

    pub(crate) fn name(&self) -> Option<ValueRef<'_>> {
        match self {
            Self::Event(event) => Some(ValueRef::String(event.name)),
            Self::Kept(keeps, values) => self.at(Self::kept(keeps, Keep::Event, values)),
        }
    }

    pub(crate) fn channel(&self) -> Option<ValueRef<'_>> {
        match self {
            Self::Event(event) => Some(ValueRef::String(event.channel)),
            Self::Kept(keeps, values) => self.at(Self::kept(keeps, Keep::Channel, values)),
        }
    }
}

/// What can be seen at a moment.
pub(crate) struct Look<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) customer: &'a str,
    pub(crate) time: i64,
    pub(crate) seen: Seen<'a>,
    /// The figures of a rule, and whose they are.
    pub(crate) figures: Option<(&'a Rule, &'a State)>,
    /// The figures that were read before the event was added; absent where none was.
    pub(crate) priors: Option<&'a [Option<Kept>]>,
}

impl Source for Look<'_> {
    #[inline]
    fn read(&self, path: PathId) -> Option<ValueRef<'_>> {
        let Some(field) = self.engine.fields.get(path.index()) else {
            let (rule, state) = self.figures?;
            let figure = rule.figures.get(path.index() - self.engine.fields.len())?;
            return self.figure(figure, state);
        };
        match *field {
            Field::Property(slot) => self.seen.property(slot),
            Field::Event => self.seen.name(),
            Field::Channel => self.seen.channel(),
            Field::Time => Some(ValueRef::Timestamp(Timestamp::from_micros(self.time))),
            Field::Customer => Some(ValueRef::String(self.customer)),
            Field::List(list) => self.engine.lists.get(usize::from(list)).map(|list| ValueRef::Map(list)),
            Field::Table(table) => self.engine.tables.get(usize::from(table)).map(|table| ValueRef::Map(table)),
        }
    }
}

impl<'a> Look<'a> {
    #[inline]
    pub(crate) fn holds(&self, program: &Program) -> bool {
        program.evaluate(self).is_true()
    }

    /// A figure at this moment.
    pub(crate) fn figure(&self, figure: &Figure, state: &'a State) -> Option<ValueRef<'_>> {
        match (figure.prior, self.priors) {
            (Some(prior), Some(priors)) => priors.get(usize::from(prior))?.as_ref().map(Kept::value),
            _ => self.engine.read(figure, state, self.time),
        }
    }
}

impl Engine {
    /// A figure of a state at a time.
    pub(crate) fn read<'s>(&self, figure: &Figure, state: &'s State, time: i64) -> Option<ValueRef<'s>> {
        let lane = &self.lanes[usize::from(figure.lane)];
        let held = state.lane(figure.lane);
        let layout = match &lane.shape {
            Shape::Last => {
                let Some(LaneState::Last { time: last, value }) = held else { return None };
                return match figure.operation {
                    Operation::Last => value.as_ref().map(Kept::value),
                    Operation::LastTime => Some(ValueRef::Timestamp(Timestamp::from_micros(*last))),
                    _ => Some(ValueRef::Duration(Interval::from_micros(time.saturating_sub(*last)))),
                };
            }
            Shape::Distinct { .. } => {
                let Some(LaneState::Distinct(values)) = held else { return Some(ValueRef::Double(0.0)) };
                let (first, last) = figure.window.cells(&Grain::Exact, time, 0);
                let inside = values.iter().filter(|(_, seen)| (first..=last).contains(seen)).count();
                return Some(ValueRef::Double(number(inside)));
            }
            Shape::Cells(layout) => layout,
        };
        let total = |back: i64| {
            let (first, last) = figure.window.cells(&layout.grain, time, back);
            match held {
                Some(LaneState::Cells(cells)) => cells.total(layout.columns, first, last),
                _ => crate::lane::EMPTY,
            }
        };
        let some = |value: f64, count: f64| (count > 0.0).then_some(ValueRef::Double(value));
        let now = total(0);
        match figure.operation {
            Operation::Count => Some(ValueRef::Double(now.count)),
            Operation::Sum => Some(ValueRef::Double(now.sum)),
            Operation::Mean => some(now.sum / now.count, now.count),
            Operation::Min => some(now.min, now.count),
            Operation::Max => some(now.max, now.count),
            Operation::Deviation => {
                let mean = now.sum / now.count;
                some((now.square / now.count - mean * mean).max(0.0).sqrt(), now.count)
            }
            Operation::Rise | Operation::Fall => {
                let sign = if figure.operation == Operation::Rise { 1.0 } else { -1.0 };
                let (mut least, mut later) = (f64::INFINITY, if figure.sums { now.sum } else { now.count });
                for back in 1..i64::from(figure.periods) {
                    let earlier = total(back);
                    let earlier = if figure.sums { earlier.sum } else { earlier.count };
                    if earlier <= 0.0 {
                        return None;
                    }
                    least = least.min(sign * (later - earlier) / earlier);
                    later = earlier;
                }
                Some(ValueRef::Double(least))
            }
            Operation::Distinct | Operation::Last | Operation::LastTime | Operation::Since => None,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts lie far below 2^53")]
fn number(count: usize) -> f64 {
    count as f64
}

/// The properties of an event by name, for the conditions of patterns.
pub(crate) struct ByName<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) facts: &'a dyn Facts,
}

impl attune_pathing::value::Facts for ByName<'_> {
    fn property(&self, name: &str) -> Option<attune_pathing::value::Scalar<'_>> {
        use attune_pathing::value::Scalar;
        let slot = self.engine.properties.iter().position(|known| known == name)?;
        match self.facts.property(slot)? {
            ValueRef::Double(number) => Some(Scalar::Number(number)),
            ValueRef::String(text) => Some(Scalar::Text(text)),
            ValueRef::Bool(flag) => Some(Scalar::Flag(flag)),
            _ => None,
        }
    }
}
