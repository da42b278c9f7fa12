//! When time alone changes a trait.

use attune_kernel::Timestamp;

use crate::clock::{Clock, DAY};
use crate::compile::HALF_LIVES;
use crate::engine::Engine;
use crate::lane::Lane;
use crate::plan::{LaneSpec, Reading, Slot, View};
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
        self.next_of(state, now, &self.offsets, self.slots.iter())
    }

    /// The same of some slots, with what their lanes mind.
    pub(crate) fn next_of<'s>(
        &self,
        state: &State,
        now: Timestamp,
        offsets: &[Vec<i64>],
        slots: impl Iterator<Item = &'s Slot>,
    ) -> Option<Timestamp> {
        let mut next = Next { now, found: None };
        for (lane, offsets) in offsets.iter().enumerate() {
            self.offer_buckets(state, lane, offsets, &mut next);
        }
        for slot in slots {
            self.offer_units(state, &slot.reading, &mut next);
        }
        next.found
    }

    /// Offers when a bucket of a lane is next so many buckets back as a reading minds.
    fn offer_buckets(&self, state: &State, lane: usize, offsets: &[i64], next: &mut Next) {
        let (Some(spec), Some(lane)) = (self.lanes.get(lane), state.lanes.get(lane)) else { return };
        let clock = &self.clocks[spec.clock];
        if offsets.is_empty() || lane.is_empty() {
            return;
        }
        let current = i64::from(clock.bucket(next.now));
        let mut least: Option<i64> = None;
        each_bucket(lane, clock, |bucket| {
            for offset in offsets {
                let at = i64::from(bucket) + offset;
                if at > current && least.is_none_or(|least| at < least) {
                    least = Some(at);
                }
            }
        });
        if let Some(time) = least.and_then(|least| clock.next(least, next.now)) {
            next.offer(time);
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

/// For each lane, after how many buckets a bucket changes what some trait reads; none for a lane without windows.
pub(crate) fn offsets_of<'s>(
    slots: impl IntoIterator<Item = &'s Slot>,
    lanes: &[LaneSpec],
    clocks: &[Clock],
) -> Vec<Vec<i64>> {
    let mut all: Vec<Vec<i64>> = vec![Vec::new(); lanes.len()];
    for slot in slots {
        for view in slot.reading.views() {
            let windowed = lanes.get(view.lane).is_some_and(|lane| clocks.get(lane.clock) != Some(&Clock::Lifetime));
            if let Some(of_lane) = all.get_mut(view.lane).filter(|_| windowed) {
                of_lane.extend(offsets(&slot.reading, view));
            }
        }
    }
    for of_lane in &mut all {
        of_lane.sort_unstable();
        of_lane.dedup();
    }
    all
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
