//! From an operation to the lanes it keeps and how it reads them.

use attune_expression::Type;

use crate::clock::{Clock, DAY, HOUR, MINUTE, Zone};
use crate::declaration::{Cuts, Declaration, Operation};
use crate::lane::Shape;
use crate::plan::{Kind, Reading, Slot, Take, View, Weight};
use crate::window::{MAX_BUCKETS, clock, length, window};

use super::{Build, fields, is_derived};

/// Half-lives after which an interest is forgotten: less than a millionth of a millionth is left of it.
pub(crate) const HALF_LIVES: i64 = 40;
const MAX_LIMIT: u32 = 256;
const MAX_EXACT: u32 = 4096;

/// What the fields of a declaration say, as far as it reads events.
struct Parts<'b, 'd> {
    build: &'b mut Build,
    path: &'d str,
    declaration: &'d Declaration,
    zone: Zone,
    filter: usize,
    clock: Clock,
    /// Buckets of the window; 1 for all time.
    span: i64,
}

/// The slot of a declaration; none for a trait of other traits and for one that cannot stand.
pub(super) fn slot(build: &mut Build, path: &str, declaration: &Declaration) -> Option<Slot> {
    let complete = fields::check(build, path, declaration);
    if is_derived(declaration.operation) || !complete {
        return None;
    }
    let zone = match declaration.zone.as_deref().map(Zone::parse) {
        None => Zone::Utc,
        Some(Some(zone)) => zone,
        Some(None) => {
            build.wrong(path, "zone", "is no time zone");
            Zone::Utc
        }
    };
    let by_day = matches!(declaration.operation, Operation::DaysActive | Operation::Streak);
    let (text, bucket) = match (by_day, declaration.window.as_deref()) {
        (true, text) => (Some(text.unwrap_or("400d")), Some("1d")),
        (false, text) => (text, declaration.bucket.as_deref()),
    };
    let (clock, span) = match text.map(|text| window(text, bucket, &zone)) {
        None => (Clock::Lifetime, 1),
        Some(Ok(window)) => window,
        Some(Err((field, message))) => {
            build.wrong(path, if by_day { "window" } else { field }, message);
            (Clock::Lifetime, 1)
        }
    };
    let filter = build.filter(path, declaration);
    let mut parts = Parts { build, path, declaration, zone, filter, clock, span };
    let (of, reading) = parts.reading()?;
    Some(Slot { name: declaration.name.clone(), of, reading })
}

impl Parts<'_, '_> {
    fn view(&mut self, shape: Shape, take: Take) -> View {
        self.view_back(shape, take, 1)
    }

    /// A view on a lane that reaches back over several windows.
    fn view_back(&mut self, shape: Shape, take: Take, windows: i64) -> View {
        let horizon = if self.clock == Clock::Lifetime { 0 } else { self.span * windows };
        if horizon > MAX_BUCKETS {
            self.build.wrong(self.path, "window", format!("all windows together are more than {MAX_BUCKETS} buckets"));
        }
        let lane = self.build.lane(self.declaration, (shape, take), self.filter, self.clock.clone(), horizon);
        View { lane, span: self.span }
    }

    fn field(&mut self, name: &str, text: Option<&str>) -> Option<usize> {
        let zone = self.zone.clone();
        text.map(|text| self.build.field(self.path, name, text, &zone))
    }

    fn property(&mut self) -> Option<usize> {
        let declaration = self.declaration;
        self.field("property", declaration.property.as_deref())
    }

    fn weight(&mut self) -> Option<usize> {
        let declaration = self.declaration;
        self.field("weight", declaration.weight.as_deref())
    }

    /// A length of time that a field gives.
    fn length(&mut self, name: &str, text: Option<&str>, custom: i64) -> i64 {
        match text.map(length) {
            None => custom,
            Some(Ok(micros)) if (MINUTE..=400 * DAY).contains(&micros) => micros,
            Some(Ok(_)) => {
                self.build.wrong(self.path, name, "is not from 1m to 400d");
                custom
            }
            Some(Err(message)) => {
                self.build.wrong(self.path, name, message);
                custom
            }
        }
    }

    fn limit(&mut self, custom: u32, most: u32) -> usize {
        let limit = self.declaration.limit.unwrap_or(custom);
        if limit == 0 || limit > most {
            self.build.wrong(self.path, "limit", format!("is not from 1 to {most}"));
        }
        limit as usize
    }

    /// A count, or a sum where there is a property.
    fn count_or_sum(&mut self, windows: i64) -> (View, bool) {
        match self.property() {
            Some(property) => (self.view_back(Shape::Sum, Take::Amount(property), windows), true),
            None => (self.view_back(Shape::Count, Take::Tick, windows), false),
        }
    }

    /// A table by the property, with sums where there is a weight.
    fn table(&mut self) -> Option<(View, bool)> {
        let property = self.property()?;
        let weight = self.weight();
        let by_sum = weight.is_some();
        let take = Take::Keyed(property, weight.map_or(Weight::One, Weight::Amount));
        Some((self.view(Shape::Table, take), by_sum))
    }

    fn hours(&mut self, field: &str) -> Option<View> {
        let field = self.field("property", Some(field))?;
        Some(self.view(Shape::Table, Take::Keyed(field, Weight::One)))
    }

    fn cuts(&mut self) -> Option<Cuts> {
        let cuts = self.declaration.cuts.clone()?;
        let lists = [("recency", &cuts.recency), ("frequency", &cuts.frequency), ("monetary", &cuts.monetary)];
        for (name, list) in lists {
            let ascends = list.windows(2).all(|pair| pair[0] <= pair[1]);
            if list.is_empty() || list.len() > 9 || !ascends || list.iter().any(|cut| !cut.is_finite()) {
                self.build.wrong(self.path, &format!("cuts.{name}"), "is not 1 to 9 ascending numbers");
            }
        }
        Some(cuts)
    }

    fn reading(&mut self) -> Option<(Type, Reading)> {
        let declaration = self.declaration;
        Some(match declaration.operation {
            Operation::Count => (Type::Int, Reading::Count(self.view(Shape::Count, Take::Tick))),
            Operation::Exists => (Type::Bool, Reading::Exists(self.view(Shape::Count, Take::Tick))),
            Operation::Sum | Operation::Mean => {
                let amount = Take::Amount(self.property()?);
                let view = self.view(Shape::Sum, amount);
                let sum = declaration.operation == Operation::Sum;
                (Type::Double, if sum { Reading::Sum(view) } else { Reading::Mean(view) })
            }
            Operation::Min | Operation::Max => {
                let amount = Take::Amount(self.property()?);
                let view = self.view(Shape::Range, amount);
                let least = declaration.operation == Operation::Min;
                (Type::Double, if least { Reading::Least(view) } else { Reading::Greatest(view) })
            }
            Operation::First | Operation::Last => {
                let (of, kind) = match &declaration.of {
                    None | Some(Type::String) => (Type::String, Kind::Text),
                    Some(Type::Double) => (Type::Double, Kind::Number),
                    Some(Type::Bool) => (Type::Bool, Kind::Bool),
                    Some(_) => {
                        self.build.wrong(self.path, "type", "is not string, double or bool");
                        return None;
                    }
                };
                let take = Take::Value(self.property()?, kind);
                if declaration.operation == Operation::First {
                    (of, Reading::FirstValue(self.view(Shape::First, take)))
                } else {
                    (of, Reading::LastValue(self.view(Shape::Last, take)))
                }
            }
            Operation::FirstTime => (Type::Timestamp, Reading::FirstTime(self.view(Shape::First, Take::Time))),
            Operation::LastTime => (Type::Timestamp, Reading::LastTime(self.view(Shape::Last, Take::Time))),
            Operation::SinceFirst | Operation::SinceLast => {
                let unit = self.length("unit", declaration.unit.as_deref(), DAY);
                if declaration.operation == Operation::SinceFirst {
                    (Type::Int, Reading::SinceFirst(self.view(Shape::First, Take::Time), unit))
                } else {
                    (Type::Int, Reading::SinceLast(self.view(Shape::Last, Take::Time), unit))
                }
            }
            Operation::IntervalMean => {
                let (first, last) = (self.view(Shape::First, Take::Time), self.view(Shape::Last, Take::Time));
                (Type::Duration, Reading::Interval { first, last, count: self.view(Shape::Count, Take::Tick) })
            }
            Operation::Distinct => {
                let bound = self.limit(512, MAX_EXACT);
                let hashed = Take::Hashed(self.property()?);
                (Type::Int, Reading::Distinct(self.view(Shape::Distinct(bound), hashed)))
            }
            Operation::Top => {
                let limit = self.limit(10, MAX_LIMIT);
                let (view, by_sum) = self.table()?;
                (Type::list(Type::String), Reading::Top(view, limit, by_sum))
            }
            Operation::Preferred => {
                let (view, by_sum) = self.table()?;
                (Type::String, Reading::Preferred(view, by_sum))
            }
            Operation::CountBy => {
                let limit = self.limit(MAX_LIMIT, MAX_LIMIT);
                (Type::map(Type::Int), Reading::CountBy(self.table()?.0, limit))
            }
            Operation::SumBy => {
                let limit = self.limit(MAX_LIMIT, MAX_LIMIT);
                (Type::map(Type::Double), Reading::SumBy(self.table()?.0, limit))
            }
            Operation::BestHour => (Type::Int, Reading::Best(self.hours("$hour")?)),
            Operation::BestWeekday => (Type::Int, Reading::Best(self.hours("$weekday")?)),
            Operation::DaysActive => (Type::Int, Reading::Days(self.view(Shape::Count, Take::Tick))),
            Operation::Streak => (Type::Int, Reading::Streak(self.view(Shape::Count, Take::Tick))),
            Operation::Trend => {
                let (view, sums) = self.count_or_sum(2);
                (Type::Double, Reading::Trend(view, sums))
            }
            Operation::Slope => {
                let periods = declaration.periods.unwrap_or(4);
                if !(2..=100).contains(&periods) {
                    self.build.wrong(self.path, "periods", "is not from 2 to 100");
                }
                let (view, sums) = self.count_or_sum(i64::from(periods.min(100)));
                (Type::Double, Reading::Slope { view, periods: i64::from(periods), sums })
            }
            Operation::Interest => self.interest()?,
            Operation::Rfm => {
                let amount = Take::Amount(self.property()?);
                let (last, count) = (self.view(Shape::Last, Take::Time), self.view(Shape::Count, Take::Tick));
                let cuts = self.cuts();
                (Type::map(Type::Double), Reading::Rfm { last, count, sum: self.view(Shape::Sum, amount), cuts })
            }
            Operation::ResponseRate | Operation::ResponseLag => {
                let horizon = self.length("horizon", declaration.horizon.as_deref(), 7 * DAY);
                let message = Take::Message(self.property()?);
                let view = self.view(Shape::Answers, message);
                if declaration.operation == Operation::ResponseRate {
                    (Type::Double, Reading::Rate(view, horizon))
                } else {
                    (Type::Duration, Reading::Lag(view, horizon))
                }
            }
            Operation::Cart => {
                let item = Take::Item(self.property()?, self.weight());
                (Type::map(Type::Double), Reading::Cart(self.view(Shape::Cart, item)))
            }
            Operation::Inflow => {
                let way = self.property()?;
                let session = self.field("property", Some("$session"))?;
                (Type::String, Reading::Inflow(self.view(Shape::Touches, Take::Way(way, session))))
            }
            Operation::Ratio | Operation::Derived => return None,
        })
    }

    fn interest(&mut self) -> Option<(Type, Reading)> {
        let declaration = self.declaration;
        let half_life = self.length("half_life", declaration.half_life.as_deref(), DAY);
        if half_life < HOUR {
            self.build.wrong(self.path, "half_life", "is not from 1h to 400d");
        }
        let custom = if half_life <= 7 * DAY { HOUR } else { DAY };
        let step = self.length("bucket", declaration.bucket.as_deref(), custom);
        let limit = self.limit(10, MAX_LIMIT);
        let take = Take::Keyed(self.property()?, Weight::Decayed(half_life, self.weight()));
        // The buckets are half-lives, of no zone: what an event weighs is its place between two of them.
        self.clock = if half_life == DAY { clock(DAY, &Zone::Utc) } else { Clock::Even(half_life) };
        self.span = HALF_LIVES;
        let view = self.view(Shape::Table, take);
        Some((Type::map(Type::Double), Reading::Interest { view, half_life, step, limit }))
    }
}
