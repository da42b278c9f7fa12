//! What windows are made of: cells in the order of time, each with a count and the sums that somebody reads.

use std::sync::Arc;

use crate::calendar::{Unit, Zone};

/// How time is cut into cells.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Grain {
    /// A cell an event.
    Exact,
    /// Cells of a length in microseconds, from the epoch on.
    Even(i64),
    /// Days of a zone.
    Days(Arc<Zone>),
}

impl Grain {
    #[inline]
    pub(crate) fn cell(&self, time: i64) -> i64 {
        match self {
            Self::Exact => time,
            Self::Even(length) => time.div_euclid(*length),
            Self::Days(zone) => zone.day(time),
        }
    }
}

/// What a cell holds beside its time and count.
pub(crate) const SUM: u8 = 1;
pub(crate) const SQUARE: u8 = 2;
pub(crate) const MIN: u8 = 4;
pub(crate) const MAX: u8 = 8;

/// A lane as it is declared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    pub(crate) grain: Grain,
    /// Which columns there are: [`SUM`] and the others.
    pub(crate) columns: u8,
    /// For how many cells (of exact lanes: microseconds) back somebody reads.
    pub(crate) reach: i64,
    /// Most cells.
    pub(crate) limit: usize,
}

/// A cell's width: time, count and columns.
#[inline]
pub(crate) fn width(columns: u8) -> usize {
    2 + columns.count_ones() as usize
}

/// Cells, flat: for each its time, its count, and the bits of its columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Cells(pub(crate) Vec<i64>);

/// What the cells of a window come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Total {
    pub(crate) count: f64,
    pub(crate) sum: f64,
    pub(crate) square: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

pub(crate) const EMPTY: Total = Total { count: 0.0, sum: 0.0, square: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

#[inline]
fn column(columns: u8, which: u8) -> usize {
    2 + (columns & (which - 1)).count_ones() as usize
}

#[inline]
fn bits(number: f64) -> i64 {
    number.to_bits().cast_signed()
}

#[inline]
fn float(bits: i64) -> f64 {
    f64::from_bits(bits.cast_unsigned())
}

impl Cells {
    /// Adds an event of `value` at `time`; `newest` is the newest time of the person, this event included.
    #[inline]
    pub(crate) fn add(&mut self, layout: &Layout, time: i64, newest: i64, value: f64) {
        let (at, width) = (layout.grain.cell(time), width(layout.columns));
        let length = self.0.len();
        let last = length.checked_sub(width).map(|last| self.0[last]);
        // A cell an event: equal times do not meet.
        let meets = |there: i64| there == at && layout.grain != Grain::Exact;
        if last.is_none_or(|last| last < at || (last == at && layout.grain == Grain::Exact)) {
            self.push(layout, length, at, value);
        } else {
            let place = self.0.chunks_exact(width).rposition(|cell| cell[0] <= at);
            match place {
                Some(place) if meets(self.0[place * width]) => self.fold(layout, place * width, value),
                Some(place) => self.push(layout, (place + 1) * width, at, value),
                None => self.push(layout, 0, at, value),
            }
        }
        if self.0.len() > 8 * width {
            self.trim(layout, newest, width);
        }
    }

    fn push(&mut self, layout: &Layout, place: usize, at: i64, value: f64) {
        let mut cell = [at, 1, 0, 0, 0, 0];
        let columns = [(SUM, value), (SQUARE, value * value), (MIN, value), (MAX, value)];
        for (which, number) in columns.into_iter().filter(|(which, _)| layout.columns & which != 0) {
            cell[column(layout.columns, which)] = bits(number);
        }
        let cell = &cell[..width(layout.columns)];
        if place == self.0.len() {
            self.0.extend_from_slice(cell);
        } else {
            self.0.splice(place..place, cell.iter().copied());
        }
    }

    fn fold(&mut self, layout: &Layout, place: usize, value: f64) {
        let cell = &mut self.0[place..place + width(layout.columns)];
        cell[1] = cell[1].saturating_add(1);
        let columns = [(SUM, value), (SQUARE, value * value), (MIN, value), (MAX, value)];
        for (which, number) in columns.into_iter().filter(|(which, _)| layout.columns & which != 0) {
            let held = &mut cell[column(layout.columns, which)];
            *held = bits(joined(which, float(*held), number));
        }
    }

    /// Drops cells that nobody reads any more when they are many, and makes two of the oldest one beyond the limit.
    fn trim(&mut self, layout: &Layout, newest: i64, width: usize) {
        let oldest = layout.grain.cell(newest).saturating_sub(layout.reach);
        let gone = self.0.chunks_exact(width).take_while(|cell| cell[0] < oldest).count();
        if gone * 2 * width >= self.0.len() || (gone > 0 && self.0.len() / width > layout.limit) {
            self.0.drain(..gone * width);
        }
        while self.0.len() / width > layout.limit {
            let old: Vec<i64> = self.0.drain(..width).collect();
            self.0[1] = self.0[1].saturating_add(old[1]);
            for which in [SUM, SQUARE, MIN, MAX].into_iter().filter(|which| layout.columns & which != 0) {
                let place = column(layout.columns, which);
                self.0[place] = bits(joined(which, float(self.0[place]), float(old[place])));
            }
        }
    }

    /// Drops the cells that nobody reads any more.
    pub(crate) fn forget(&mut self, layout: &Layout, newest: i64) {
        let width = width(layout.columns);
        let oldest = layout.grain.cell(newest).saturating_sub(layout.reach);
        let gone = self.0.chunks_exact(width).take_while(|cell| cell[0] < oldest).count();
        self.0.drain(..gone * width);
    }

    /// What the cells from `first` to `last`, both included, come to.
    #[inline]
    pub(crate) fn total(&self, columns: u8, first: i64, last: i64) -> Total {
        let width = width(columns);
        let mut total = EMPTY;
        // From the newest on, and then in the order of time, so that a sum has the same bits whenever it is read.
        let mut begin = self.0.len();
        while begin >= width && self.0[begin - width] >= first {
            begin -= width;
        }
        for cell in self.0[begin..].chunks_exact(width).take_while(|cell| cell[0] <= last) {
            #[expect(clippy::cast_precision_loss, reason = "counts lie far below 2^53")]
            let count = cell[1] as f64;
            total.count += count;
            let mut place = 2;
            if columns & SUM != 0 {
                total.sum += float(cell[place]);
                place += 1;
            }
            if columns & SQUARE != 0 {
                total.square += float(cell[place]);
                place += 1;
            }
            if columns & MIN != 0 {
                total.min = total.min.min(float(cell[place]));
                place += 1;
            }
            if columns & MAX != 0 {
                total.max = total.max.max(float(cell[place]));
            }
        }
        total
    }
}

fn joined(which: u8, one: f64, other: f64) -> f64 {
    match which {
        MIN => one.min(other),
        MAX => one.max(other),
        _ => one + other,
    }
}

/// A stretch of time that ends with, or before, the moment it is read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Window {
    /// So many microseconds, their beginning excluded, so many ago.
    Exact { length: i64, ago: i64 },
    /// So many cells, so many ago.
    Cells { count: i64, ago: i64 },
    /// A unit of the calendar, so many ago, up to the day of the moment.
    Calendar { unit: Unit, ago: i64 },
    /// All that is there.
    Ever,
}

impl Window {
    /// The first and the last cell of the window that ends at `time`, `back` windows further back.
    #[inline]
    pub(crate) fn cells(&self, grain: &Grain, time: i64, back: i64) -> (i64, i64) {
        let here = grain.cell(time);
        match self {
            Self::Exact { length, ago } => {
                let end = here.saturating_sub(ago + back * length);
                (end.saturating_sub(*length) + 1, end)
            }
            Self::Cells { count, ago } => {
                let last = here - ago - back * count;
                (last - count + 1, last)
            }
            Self::Calendar { unit, ago } => {
                let (first, last) = unit.days_of(here, ago + back);
                (first, last.min(here))
            }
            Self::Ever => (i64::MIN, here),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::calendar::{DAY, HOUR};

    fn layout(grain: Grain) -> Layout {
        Layout { grain, columns: SUM | SQUARE | MIN | MAX, reach: 40, limit: 1000 }
    }

    proptest! {
        #[test]
        fn windows_hold_what_lies_in_them(
            events in prop::collection::vec((0i64..60, -5i8..9), 0..80),
            even in any::<bool>(),
            length in 1i64..20,
            ago in 0i64..15,
        ) {
            let layout = layout(if even { Grain::Even(3) } else { Grain::Exact });
            let mut cells = Cells::default();
            let (mut newest, mut known) = (0, Vec::new());
            for (time, value) in events {
                newest = newest.max(time);
                cells.add(&layout, time, newest, f64::from(value));
                known.push((time, f64::from(value)));
                let window = if even { Window::Cells { count: length, ago } } else { Window::Exact { length, ago } };
                let (first, last) = window.cells(&layout.grain, newest, 0);
                let total = cells.total(layout.columns, first, last);
                let inside = |time: i64| match even {
                    true => (newest / 3 - ago - length + 1..=newest / 3 - ago).contains(&(time / 3)),
                    false => time > newest - ago - length && time <= newest - ago,
                };
                let values: Vec<f64> = known.iter().filter(|(time, _)| inside(*time)).map(|(_, value)| *value).collect();
                prop_assert_eq!(total.count as usize, values.len());
                prop_assert_eq!(total.sum, values.iter().sum::<f64>());
                prop_assert_eq!(total.square, values.iter().map(|value| value * value).sum::<f64>());
                prop_assert_eq!(total.min, values.iter().copied().fold(f64::INFINITY, f64::min));
                prop_assert_eq!(total.max, values.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            }
        }
    }

    #[test]
    fn memory_is_bounded_and_loses_no_event() {
        let layout = Layout { grain: Grain::Exact, columns: SUM, reach: i64::MAX, limit: 10 };
        let mut cells = Cells::default();
        for time in 0..100 {
            cells.add(&layout, time, time, 1.0);
        }
        assert_eq!(cells.0.len(), 30);
        let total = cells.total(SUM, i64::MIN, i64::MAX);
        assert_eq!((total.count, total.sum), (100.0, 100.0));
        let layout = Layout { reach: 20, ..layout };
        let mut cells = Cells::default();
        for time in 0..1000 {
            cells.add(&layout, time * 10, time * 10, 1.0);
            assert!(cells.0.len() <= 30, "what nobody reads is dropped");
        }
    }

    #[test]
    fn the_calendar_cuts_windows() {
        let grain = Grain::Days(Arc::new(Zone::Utc));
        let month = |ago| Window::Calendar { unit: Unit::Month, ago };
        // 1970-02-10.
        let time = 40 * DAY + 5 * HOUR;
        assert_eq!(month(0).cells(&grain, time, 0), (31, 40));
        assert_eq!(month(1).cells(&grain, time, 0), (0, 30));
        assert_eq!(month(0).cells(&grain, time, 1), (0, 30));
    }
}
