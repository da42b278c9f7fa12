//! The engine: declared traits, compiled; applies events to states and reads them.

use attune_expression::{Evaluation, RuleSet, Schema, Type};
use attune_kernel::Timestamp;

use crate::clock::Clock;
use crate::due::offsets_of;
use crate::event::{Event, Field, Inputs, millionths};
use crate::lane::point::Raw;
use crate::lane::{Item, Lane};
use crate::plan::{Filter, Kind, LaneSpec, Plans, Role, Slot, Take, Weight};
use crate::state::{State, layout};

/// Declared traits, compiled. Immutable, to be shared by threads.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) slots: Vec<Slot>,
    /// Traits of other traits, each after those that it needs.
    pub(crate) order: Vec<usize>,
    /// What an expression over traits may name.
    pub(crate) traits: Schema,
    /// The slot of each field of that.
    pub(crate) named: Vec<usize>,
    pub(crate) lanes: Vec<LaneSpec>,
    pub(crate) clocks: Vec<Clock>,
    fields: Vec<Field>,
    filters: Vec<Filter>,
    rules: RuleSet,
    pub(crate) plans: Plans,
    /// The lanes as every state names them.
    pub(crate) layout: Vec<u8>,
    /// For each lane, after how many buckets a bucket changes what is read.
    pub(crate) offsets: Vec<Vec<i64>>,
}

/// One trait of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Trait<'a> {
    /// Its name; that of a family has `{}` in it.
    pub name: &'a str,
    /// The type of its value; a family's is a map.
    pub of: &'a Type,
}

/// Memory that is used again from event to event.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    evaluation: Evaluation,
}

/// Whether an event could be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Removal {
    /// The state is what it would be without the event.
    Done,
    /// The event was the first, the last, the least, the greatest or the only word on something: only the timeline can tell
    /// what takes its place. The state is as it was; [`Engine::replay`] over the remaining events makes it right.
    NeedsTimeline,
}

impl Engine {
    #[expect(clippy::too_many_arguments, reason = "the parts of which it is made, once")]
    pub(crate) fn assemble(
        slots: Vec<Slot>,
        order: Vec<usize>,
        traits: Schema,
        lanes: Vec<LaneSpec>,
        clocks: Vec<Clock>,
        fields: Vec<Field>,
        filters: Vec<Filter>,
        rules: RuleSet,
        plans: Plans,
    ) -> Self {
        let named = traits.fields().filter_map(|(_, field)| slots.iter().position(|slot| slot.name == field.path));
        let named = named.collect();
        let layout = layout(&lanes);
        let offsets = offsets_of(&slots, &lanes, &clocks);
        Self { offsets, layout, slots, order, traits, named, lanes, clocks, fields, filters, rules, plans }
    }

    /// The traits by their slots.
    pub fn traits(&self) -> impl ExactSizeIterator<Item = Trait<'_>> {
        self.slots.iter().map(|slot| Trait { name: &slot.name, of: &slot.of })
    }

    /// The slot of a trait, or of a family by its name with `{}`.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<usize> {
        self.slots.iter().position(|slot| slot.name == name)
    }

    /// What an expression over traits may name: every trait with its type, families left out.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.traits
    }

    /// How many distinct things are kept of a person: traits that need the same share it.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// The state of a person without events.
    #[must_use]
    pub fn empty(&self) -> State {
        State::new(self.lanes.iter().map(|lane| Lane::new(lane.shape)).collect())
    }

    /// Takes in an event. Each event is taken once: to know a repeat by its id is the timeline's part.
    ///
    /// The state must be of this engine. The order of events does not matter.
    pub fn apply(&self, state: &mut State, event: &Event<'_>, scratch: &mut Scratch) {
        let State { lanes, texts, .. } = state;
        self.visit(event, scratch, |number, bucket, item| {
            if let Some(lane) = lanes.get_mut(number) {
                lane.add(bucket, event.time.as_micros(), item, texts);
            }
            true
        });
    }

    /// Takes back an event that was applied: one that was erased, or that is another person's.
    pub fn remove(&self, state: &mut State, event: &Event<'_>, scratch: &mut Scratch) -> Removal {
        let State { lanes, texts, .. } = state;
        for dry in [true, false] {
            let could = self.visit(event, scratch, |number, bucket, item| {
                let lane = lanes.get_mut(number);
                lane.is_none_or(|lane| lane.remove(bucket, event.time.as_micros(), item, texts, dry))
            });
            if !could {
                return Removal::NeedsTimeline;
            }
        }
        Removal::Done
    }

    /// The state of a person with these events, each of which occurs once, in any order.
    pub fn replay<'e>(&self, events: impl IntoIterator<Item = Event<'e>>) -> State {
        let (mut state, mut scratch) = (self.empty(), Scratch::default());
        for event in in_order(events) {
            self.apply(&mut state, &event, &mut scratch);
        }
        state
    }

    /// Fills what a state is lacking (see [`Engine::backlog`]) from all events of the person, each of which occurs once,
    /// those that were applied since included. What was complete stays as it is.
    pub fn backfill<'e>(&self, state: &mut State, events: impl IntoIterator<Item = Event<'e>>) {
        let lacking = std::mem::take(&mut state.lacking);
        for number in &lacking {
            if let (Some(lane), Some(spec)) = (state.lanes.get_mut(*number), self.lanes.get(*number)) {
                *lane = Lane::new(spec.shape);
            }
        }
        let mut scratch = Scratch::default();
        for event in in_order(events) {
            let State { lanes, texts, .. } = state;
            self.visit(&event, &mut scratch, |number, bucket, item| {
                if let Some(lane) = lanes.get_mut(number).filter(|_| lacking.contains(&number)) {
                    lane.add(bucket, event.time.as_micros(), item, texts);
                }
                true
            });
        }
    }

    /// The traits that a state does not know whole: they were declared, or given a longer window, after it was written.
    /// [`Engine::backfill`] makes them right; until then they tell of the events since.
    #[must_use]
    pub fn backlog<'s>(&'s self, state: &State) -> Vec<&'s str> {
        let lacks = |slot: &Slot| slot.reading.views().iter().any(|view| state.lacking.contains(&view.lane));
        self.slots.iter().filter(|slot| lacks(slot)).map(|slot| slot.name.as_str()).collect()
    }

    /// Adds the state of a person who is merged into this one. The two have no event in common.
    pub fn absorb(&self, state: &mut State, other: &State) {
        state.absorb(other);
    }

    /// Drops what no reading at `now` or later takes into account. Whoever writes a state does this before.
    pub fn trim(&self, state: &mut State, now: Timestamp) {
        for (lane, spec) in state.lanes.iter_mut().zip(&self.lanes) {
            if spec.horizon > 0 {
                let clock = &self.clocks[spec.clock];
                // One bucket more than is looked at: a local clock that is set back over midnight repeats a day.
                let first = i64::from(clock.bucket(now)) - spec.horizon;
                lane.trim(i32::try_from(first).unwrap_or(i32::MIN), clock);
            }
        }
    }

    /// Shows what an event gives to each lane that takes it, until `see` answers false; answers whether it never did.
    fn visit(
        &self,
        event: &Event<'_>,
        scratch: &mut Scratch,
        mut see: impl FnMut(usize, i32, &Item<'_, '_>) -> bool,
    ) -> bool {
        let plan = self.plans.of(event.name);
        if plan.groups.is_empty() {
            return true;
        }
        if !plan.rules.is_empty() {
            self.rules.evaluate_into(event, plan.rules.iter().copied(), &mut scratch.evaluation);
        }
        let mut inputs = Inputs::new(event, &self.fields, &self.clocks);
        for (filter, lanes) in &plan.groups {
            let filter = &self.filters[*filter];
            let on_channel = filter.channels.is_empty() || filter.channels.iter().any(|one| one == event.channel);
            if !on_channel || filter.rule.is_some_and(|rule| !scratch.evaluation.is_satisfied(rule)) {
                continue;
            }
            for (number, role) in lanes {
                let spec = &self.lanes[*number];
                let bucket = inputs.bucket(spec.clock);
                if !give(&spec.take, *role, &mut inputs, |item| see(*number, bucket, item)) {
                    return false;
                }
            }
        }
        true
    }
}

/// An engine without a trait.
impl Default for Engine {
    fn default() -> Self {
        let (schema, rules, plans) = (Schema::default(), RuleSet::default(), Plans::default());
        Self::assemble(
            Vec::new(),
            Vec::new(),
            schema,
            Vec::new(),
            vec![Clock::Lifetime],
            Vec::new(),
            Vec::new(),
            rules,
            plans,
        )
    }
}

/// A long history in the order of its times: appending to a lane is cheaper than inserting.
fn in_order<'e>(events: impl IntoIterator<Item = Event<'e>>) -> Vec<Event<'e>> {
    let mut events: Vec<Event<'e>> = events.into_iter().collect();
    events.sort_unstable_by_key(|event| event.time);
    events
}

/// Reads of an event what a lane takes; an event that lacks it gives nothing, which is fine.
#[inline]
fn give(take: &Take, role: Role, inputs: &mut Inputs<'_, '_>, see: impl FnOnce(&Item<'_, '_>) -> bool) -> bool {
    match take {
        Take::Tick => see(&Item::Tick),
        Take::Amount(field) => match inputs.number(*field).and_then(millionths) {
            Some(amount) => see(&Item::Amount(amount)),
            None => true,
        },
        Take::Time => see(&Item::Point(inputs.place(), Raw::None)),
        Take::Value(field, kind) => {
            let place = inputs.place();
            let value = inputs.value(*field);
            match (kind, value) {
                (Kind::Number, Some(value)) => match crate::event::number(value) {
                    Some(number) => see(&Item::Point(place, Raw::Number(number))),
                    None => true,
                },
                (Kind::Bool, Some(attune_expression::ValueRef::Bool(value))) => {
                    see(&Item::Point(place, Raw::Bool(value)))
                }
                (Kind::Text, Some(attune_expression::ValueRef::String(_))) => match inputs.key(*field) {
                    Some(key) => see(&Item::Point(place, Raw::Text(key))),
                    None => true,
                },
                _ => true,
            }
        }
        Take::Keyed(field, weight) => {
            let Some(weight) = weigh(weight, inputs) else { return true };
            match inputs.key(*field) {
                Some(key) => see(&Item::Keyed(key, weight)),
                None => true,
            }
        }
        Take::Hashed(field) => match inputs.key(*field) {
            Some(key) => see(&Item::Hashed(key.hash)),
            None => true,
        },
        Take::Message(field) => match inputs.key(*field) {
            Some(key) => see(&Item::Answer(key.hash, role == Role::Other)),
            None => true,
        },
        Take::Item(field, quantity) => {
            let place = inputs.place();
            if role == Role::Clear {
                return see(&Item::Clear(place));
            }
            let by = quantity.map(|field| inputs.number(field).and_then(millionths));
            // What says nothing of a quantity is one.
            let quantity = (role == Role::Main).then(|| by.flatten().unwrap_or(1_000_000));
            match inputs.key(*field) {
                Some(key) => see(&Item::Put(key, place, quantity)),
                None => true,
            }
        }
        Take::Way(way, session) => {
            let (place, session) = (inputs.place(), inputs.key(*session).map(|key| key.hash));
            match (session, inputs.key(*way)) {
                (Some(session), Some(way)) => see(&Item::Touch(session, place, way)),
                _ => true,
            }
        }
    }
}

/// Binary digits behind the point of a decayed weight.
pub(crate) const DECAY_BITS: u32 = 32;
/// The greatest weight of one event in an interest, either way.
pub(crate) const MAX_WEIGHT: f64 = 1e6;

/// What an event adds to its category; none where it has no number to add.
fn weigh(weight: &Weight, inputs: &mut Inputs<'_, '_>) -> Option<i128> {
    match weight {
        Weight::One => Some(0),
        Weight::Amount(field) => inputs.number(*field).and_then(millionths).map(i128::from),
        Weight::Decayed(half_life, field) => {
            let weight = match field {
                Some(field) => inputs.number(*field)?.clamp(-MAX_WEIGHT, MAX_WEIGHT),
                None => 1.0,
            };
            // Its weight at the beginning of its bucket: one half-life makes it twice as much, so that all events of a
            // bucket are brought to a later time by one factor. Whole numbers, so that they add up in any order.
            let within = inputs.event.time.as_micros().rem_euclid(*half_life);
            let grown = weight * (within as f64 / *half_life as f64).exp2() * f64::from(DECAY_BITS).exp2();
            Some(grown.round() as i128)
        }
    }
}
