//! Figures: from what is declared to lanes that several rules share.

use std::sync::Arc;

use attune_expression::Type;
use attune_kernel::parse_duration;
use rustc_hash::FxHashMap;

use super::Compiler;
use crate::calendar::{DAY, HOUR, Unit, Zone};
use crate::error::RuleError;
use crate::file::{Measure, Operation};
use crate::lane::{Grain, Layout, MAX, MIN, SQUARE, SUM, Window};
use crate::rule::{Figure, Lane, Shape, Value};

/// Lanes by the text that tells them apart.
#[derive(Default)]
pub(super) struct Lanes {
    by_text: FxHashMap<String, u16>,
    pub(super) lanes: Vec<Lane>,
    /// The events of each.
    pub(super) events: Vec<Vec<String>>,
}

const LONGEST: i64 = 4000 * DAY;

/// A duration in microseconds, at most eleven years.
pub(super) fn span(field: &str, text: &str, errors: &mut Vec<RuleError>) -> Option<i64> {
    match parse_duration(text) {
        Ok(length) => match i64::try_from(length.as_micros()).ok().filter(|length| *length <= LONGEST) {
            Some(length) => Some(length),
            None => {
                errors.push(RuleError::at(field, "must be at most 4000d"));
                None
            }
        },
        Err(message) => {
            errors.push(RuleError::at(field, message));
            None
        }
    }
}

/// The type of a figure.
pub(super) fn type_of(operation: Operation) -> Type {
    match operation {
        Operation::Last => Type::Any,
        Operation::LastTime => Type::Timestamp,
        Operation::Since => Type::Duration,
        _ => Type::Double,
    }
}

fn columns(operation: Operation, sums: bool) -> u8 {
    match operation {
        Operation::Sum | Operation::Mean => SUM,
        Operation::Deviation => SUM | SQUARE,
        Operation::Min => MIN,
        Operation::Max => MAX,
        Operation::Rise | Operation::Fall if sums => SUM,
        _ => 0,
    }
}

impl Compiler<'_> {
    /// Compiles a figure; errors have been told when there is none.
    pub(super) fn figure(&mut self, field: &str, name: &str, measure: &Measure) -> Option<Figure> {
        let before = self.errors.len();
        let operation = measure.operation;
        let simple = matches!(operation, Operation::Last | Operation::LastTime | Operation::Since);
        let trend = matches!(operation, Operation::Rise | Operation::Fall);
        let reads = measure.property.is_some() || measure.value.is_some();
        let wants = !matches!(operation, Operation::Count | Operation::LastTime | Operation::Since) && !trend;
        let mut refuse =
            |part: &str, message: &str| self.errors.push(RuleError::at(format!("{field}.{part}"), message));
        if measure.property.is_some() && measure.value.is_some() {
            refuse("value", "stands in place of property; give one of them");
        }
        if wants && !reads {
            refuse("property", "must be set for this operation");
        }
        if !wants && !trend && reads {
            refuse(if measure.property.is_some() { "property" } else { "value" }, "this operation reads no value");
        }
        if simple && (measure.window.is_some() || measure.ago.is_some() || measure.bucket.is_some()) {
            refuse("window", "this operation looks at the newest event, whenever it was");
        }
        if trend && !(2..=52).contains(&measure.periods.unwrap_or(0)) {
            refuse("periods", "must be between 2 and 52");
        }
        if !trend && measure.periods.is_some() {
            refuse("periods", "only rise and fall compare windows");
        }
        if trend && measure.window.is_none() {
            refuse("window", "must be set for this operation");
        }
        if operation == Operation::Distinct && measure.window.as_deref().and_then(Unit::parse).is_some() {
            refuse("window", "a distinct count takes a length of time, not a unit of the calendar");
        }
        if operation == Operation::Distinct && (measure.ago.is_some() || measure.bucket.is_some()) {
            refuse("ago", "a distinct count looks at a window that ends now, without buckets");
        }
        let periods = measure.periods.unwrap_or(1);
        let (grain, window, reach) = self.window(field, measure, periods);
        let condition = self.test(&format!("{field}.where"), measure.condition.as_deref());
        let value = match (&measure.property, &measure.value) {
            (Some(property), _) => Value::Property(self.names.slot(property)),
            (None, Some(text)) => {
                let of = if operation == Operation::Last { Type::Any } else { Type::Double };
                let field = format!("{field}.value");
                Value::Computed(self.names.event(&field, text, of, &mut self.errors)?)
            }
            (None, None) => Value::One,
        };
        if self.errors.len() > before {
            return None;
        }
        let sums = trend && reads;
        let kind = match operation {
            Operation::Distinct => 1,
            Operation::Last | Operation::LastTime | Operation::Since => 2,
            _ => 3,
        };
        let source = measure.property.as_deref().map(|one| format!("p{one}"));
        let source = source.or_else(|| measure.value.as_deref().map(|one| format!("v{one}")));
        let mut events = measure.events.list().to_vec();
        events.sort();
        let grain_text = match &grain {
            Grain::Exact => "exact".to_owned(),
            Grain::Even(length) => length.to_string(),
            Grain::Days(_) => format!("days {}", self.zone_name),
        };
        let filter = measure.condition.as_deref().unwrap_or_default();
        let text = format!("{kind}|{events:?}|{filter}|{source:?}|{grain_text}");
        let lane = self.lane(text, events, condition, value, kind, grain)?;
        match &mut self.lanes.lanes[usize::from(lane)].shape {
            Shape::Cells(layout) => {
                layout.columns |= columns(operation, sums);
                layout.reach = layout.reach.max(reach);
            }
            Shape::Distinct { reach: known, .. } => *known = (*known).max(reach),
            Shape::Last => {}
        }
        let prior = measure.prior.then_some(0);
        Some(Figure { name: name.to_owned(), operation, lane, window, periods, sums, prior })
    }

    fn lane(
        &mut self,
        text: String,
        events: Vec<String>,
        condition: Option<u16>,
        value: Value,
        kind: u8,
        grain: Grain,
    ) -> Option<u16> {
        if let Some(lane) = self.lanes.by_text.get(&text) {
            return Some(*lane);
        }
        let Ok(number) = u16::try_from(self.lanes.lanes.len()) else {
            self.errors.push(RuleError::at("", "the rules have more than 65,536 different figures"));
            return None;
        };
        let shape = match kind {
            1 => Shape::Distinct { reach: 0, limit: self.limits.cells },
            2 => Shape::Last,
            _ => Shape::Cells(Layout { grain, columns: 0, reach: 0, limit: self.limits.cells }),
        };
        let mark = super::mark(&text);
        self.lanes.by_text.insert(text, number);
        self.lanes.lanes.push(Lane { mark, condition, value, shape });
        self.lanes.events.push(events);
        Some(number)
    }

    /// How the window of a figure lies, and how far back it reads, in cells (or microseconds of exact ones).
    fn window(&mut self, field: &str, measure: &Measure, periods: u32) -> (Grain, Window, i64) {
        let days = |zone: &Arc<Zone>| Grain::Days(Arc::clone(zone));
        let periods = i64::from(periods);
        let Some(text) = measure.window.as_deref() else {
            if measure.ago.is_some() {
                self.errors.push(RuleError::at(format!("{field}.ago"), "needs a window"));
            }
            return (Grain::Even(LONGEST), Window::Ever, i64::MAX / 4);
        };
        if let Some(unit) = Unit::parse(text) {
            let ago = match measure.ago.as_deref().map(str::parse::<i64>) {
                None => 0,
                Some(Ok(ago)) if (0..=1000).contains(&ago) => ago,
                Some(_) => {
                    let message = format!("must be a number of {text}s between 0 and 1000");
                    self.errors.push(RuleError::at(format!("{field}.ago"), message));
                    0
                }
            };
            let reach = unit.days() * (ago + periods);
            return (days(&self.zone), Window::Calendar { unit, ago }, reach);
        }
        let length = span(&format!("{field}.window"), text, &mut self.errors).unwrap_or(DAY);
        let ago = measure.ago.as_deref();
        let ago = ago.and_then(|text| span(&format!("{field}.ago"), text, &mut self.errors)).unwrap_or(0);
        if length == 0 {
            self.errors.push(RuleError::at(format!("{field}.window"), "must be longer than zero"));
        }
        let reach = length * periods + ago;
        let bucket = match measure.bucket.as_deref() {
            Some(text) => span(&format!("{field}.bucket"), text, &mut self.errors).unwrap_or(0),
            None if reach <= DAY || measure.operation == Operation::Distinct => 0,
            None if reach <= 7 * DAY && length % HOUR == 0 && ago % HOUR == 0 => HOUR,
            None if length % DAY == 0 && ago % DAY == 0 => DAY,
            None => 0,
        };
        if bucket == 0 {
            return (Grain::Exact, Window::Exact { length, ago }, reach);
        }
        if length % bucket != 0 || ago % bucket != 0 {
            let message = "the window and how long ago it ends must be whole buckets";
            self.errors.push(RuleError::at(format!("{field}.bucket"), message));
        }
        let cells = reach / bucket;
        if usize::try_from(cells).is_ok_and(|cells| cells > self.limits.cells) {
            let message = format!("the window has {cells} buckets, more than {}", self.limits.cells);
            self.errors.push(RuleError::at(format!("{field}.bucket"), message));
        }
        let grain = if bucket == DAY { days(&self.zone) } else { Grain::Even(bucket) };
        (grain, Window::Cells { count: (length / bucket).max(1), ago: ago / bucket }, cells)
    }
}
