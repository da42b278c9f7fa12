//! When time alone changes a trait.

use attune_kernel::Timestamp;

use crate::clock::{Clock, DAY};
use crate::compile::HALF_LIVES;
use crate::engine::Engine;
use crate::lane::Lane;
use crate::plan::{Reading, View};
use crate::state::State;

/// The earliest of the times that are offered and lie after `now`.
struct Next {
    now: Timestamp,
    found: Option<Timestamp>,
}

impl Next {
    fn offer(&mut self, time: Timestamp) {
        if time > self.now && self.found.is_none_or(|found| time < found) {
            self.found = Some(time);
        }
    }

    /// Offers the times at which `bucket` is `offset` buckets back.
    fn offer_bucket(&mut self, clock: &Clock, bucket: i64) {
        if let Some(time) = clock.next(bucket, self.now) {
            self.offer(time);
        }
    }

    /// Offers the next whole unit after an event.
    fn offer_unit(&mut self, event: i64, unit: i64) {
        let passed = self.now.as_micros().saturating_sub(event).max(0) / unit;
        self.offer(Timestamp::from_micros(event.saturating_add(unit.saturating_mul(passed + 1))));
    }
}

impl Engine {
    /// The earliest time after `now` at which a trait can change without a further event: a bucket leaves a window (or,
    /// ahead of its time, enters one), a unit of time since an event is full, an interest is halved a little more. No trait
    /// changes before it; none at all when there is no such time.
    #[must_use]
    pub fn next_change(&self, state: &State, now: Timestamp) -> Option<Timestamp> {
        let mut next = Next { now, found: None };
        // Lanes and offsets that several traits look at are looked at once.
        let mut asked: Vec<(usize, i64)> = Vec::new();
        for slot in &self.slots {
            for view in slot.reading.views() {
                for offset in offsets(&slot.reading, view) {
                    if !asked.contains(&(view.lane, offset)) {
                        asked.push((view.lane, offset));
                        self.offer_buckets(state, view.lane, offset, &mut next);
                    }
                }
            }
            self.offer_units(state, &slot.reading, &mut next);
        }
        next.found
    }

    /// Offers when each bucket of a lane is so many buckets back.
    fn offer_buckets(&self, state: &State, lane: usize, offset: i64, next: &mut Next) {
        let (Some(spec), Some(lane)) = (self.lanes.get(lane), state.lanes.get(lane)) else { return };
        let clock = &self.clocks[spec.clock];
        if *clock == Clock::Lifetime {
            return;
        }
        let current = i64::from(clock.bucket(next.now));
        // The first bucket that is not that far back yet; the ones after it follow later.
        let mut least: Option<i64> = None;
        each_bucket(lane, clock, |bucket| {
            let at = i64::from(bucket) + offset;
            if at > current && least.is_none_or(|least| at < least) {
                least = Some(at);
            }
        });
        if let Some(least) = least {
            next.offer_bucket(clock, least);
        }
    }

    /// Offers the times that do not depend on buckets.
    fn offer_units(&self, state: &State, reading: &Reading, next: &mut Next) {
        let lane = |view: &View| state.lanes.get(view.lane);
        match reading {
            Reading::SinceFirst(view, unit) | Reading::SinceLast(view, unit) => {
                if let Some(Lane::First(ring) | Lane::Last(ring)) = lane(view) {
                    ring.entries().for_each(|(_, point)| next.offer_unit(point.place.0, *unit));
                }
            }
            Reading::Rfm { last, .. } => {
                if let Some(Lane::Last(ring)) = lane(last) {
                    ring.entries().for_each(|(_, point)| next.offer_unit(point.place.0, DAY));
                }
            }
            Reading::Interest { view, step, .. } => {
                let (Some(spec), Some(Lane::Table(table))) = (self.lanes.get(view.lane), lane(view)) else { return };
                let current = i64::from(self.clocks[spec.clock].bucket(next.now));
                if table.rows().iter().any(|row| i64::from(row.bucket) > current - HALF_LIVES) {
                    next.offer(Timestamp::from_micros((next.now.as_micros().div_euclid(*step) + 1) * step));
                }
            }
            _ => {}
        }
    }
}

/// After how many buckets a bucket changes what is read: when its time comes, when it leaves the window, and in between where
/// a reading has several parts.
fn offsets(reading: &Reading, view: View) -> Vec<i64> {
    match reading {
        Reading::Trend(..) => vec![0, view.span, 2 * view.span],
        Reading::Slope { periods, .. } => (0..=*periods).map(|period| period * view.span).collect(),
        Reading::Streak(_) => vec![0, 2, view.span],
        _ => vec![0, view.span],
    }
}

fn each_bucket(lane: &Lane, clock: &Clock, mut visit: impl FnMut(i32)) {
    let bucket = |time: i64| clock.bucket(Timestamp::from_micros(time));
    match lane {
        Lane::Count(ring) => ring.entries().for_each(|(bucket, _)| visit(*bucket)),
        Lane::Sum(ring) => ring.entries().for_each(|(bucket, _)| visit(*bucket)),
        Lane::Range(ring) => ring.entries().for_each(|(bucket, _)| visit(*bucket)),
        Lane::First(ring) | Lane::Last(ring) => ring.entries().for_each(|(bucket, _)| visit(*bucket)),
        Lane::Table(table) => table.rows().iter().for_each(|row| visit(row.bucket)),
        Lane::Distinct(distinct) => distinct.buckets().for_each(visit),
        Lane::Answers(answers) => answers.times().for_each(|(time, _)| visit(bucket(time))),
        Lane::Cart(cart) => cart.words().iter().for_each(|word| visit(bucket(word.place.0))),
        Lane::Touches(touches) => touches.entries().iter().for_each(|touch| visit(touch.bucket)),
    }
}
