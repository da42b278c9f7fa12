//! What is kept of a person's events: one lane for each distinct thing to keep.
//!
//! A lane is a function of the multiset of events it took, whatever their order, minus what [`Lane::trim`] dropped; two lanes
//! of the same kind add up. The bounds of lanes keep that: what is kept is the beginning of an order (of hashes, or of the
//! latest) that does not depend on arrival.

use attune_kernel::Timestamp;

use crate::clock::Clock;
use crate::codec::{Reader, put};
use crate::dictionary::Dictionary;
use crate::event::Key;

pub(crate) mod answers;
pub(crate) mod cart;
pub(crate) mod distinct;
pub(crate) mod point;
pub(crate) mod ring;
pub(crate) mod table;
pub(crate) mod touch;

use answers::Answers;
use cart::Cart;
use distinct::Distinct;
use point::{Point, Raw};
use ring::{Range, Ring, Total};
use table::Table;
use touch::Touches;

/// Time, sequence and the hash of the id: the place of an event among all of a person.
pub(crate) type Place = (i64, i64, u64);

/// Which state a lane has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Count,
    Sum,
    Range,
    First,
    Last,
    Table,
    Distinct(usize),
    Answers,
    Cart,
    Touches,
}

impl Shape {
    /// Its number in stored states.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Count => 0,
            Self::Sum => 1,
            Self::Range => 2,
            Self::First => 3,
            Self::Last => 4,
            Self::Table => 5,
            Self::Distinct(_) => 6,
            Self::Answers => 7,
            Self::Cart => 8,
            Self::Touches => 9,
        }
    }

    /// The shape of a number, enough to read over a lane.
    pub(crate) fn of(code: u8) -> Option<Self> {
        let shapes = [Self::Count, Self::Sum, Self::Range, Self::First, Self::Last, Self::Table];
        let further = [Self::Distinct(usize::MAX), Self::Answers, Self::Cart, Self::Touches];
        shapes.into_iter().chain(further).nth(usize::from(code))
    }
}

/// What one event gives to a lane.
pub(crate) enum Item<'i, 'e> {
    /// That it happened.
    Tick,
    /// A number, in millionths.
    Amount(i64),
    /// Its place and a value.
    Point(Place, Raw<'i>),
    /// A category and what is added to it.
    Keyed(&'i Key<'e>, i128),
    /// One of the values that are told apart.
    Hashed(u64),
    /// A message sent (false) or answered (true), by its key.
    Answer(u64, bool),
    /// An item put in with a quantity, or taken out.
    Put(&'i Key<'e>, Place, Option<i64>),
    /// Everything taken out.
    Clear(Place),
    /// A session's event with its way in.
    Touch(u64, Place, &'i Key<'e>),
}

/// The state of a lane.
#[derive(Debug, Clone)]
pub(crate) enum Lane {
    Count(Ring<u64>),
    Sum(Ring<Total>),
    Range(Ring<Range>),
    First(Ring<Point>),
    Last(Ring<Point>),
    Table(Table),
    Distinct(Distinct),
    Answers(Answers),
    Cart(Cart),
    Touches(Touches),
}

impl Lane {
    pub(crate) fn new(shape: Shape) -> Self {
        match shape {
            Shape::Count => Self::Count(Ring::default()),
            Shape::Sum => Self::Sum(Ring::default()),
            Shape::Range => Self::Range(Ring::default()),
            Shape::First => Self::First(Ring::default()),
            Shape::Last => Self::Last(Ring::default()),
            Shape::Table => Self::Table(Table::default()),
            Shape::Distinct(bound) => Self::Distinct(Distinct::new(bound)),
            Shape::Answers => Self::Answers(Answers::default()),
            Shape::Cart => Self::Cart(Cart::default()),
            Shape::Touches => Self::Touches(Touches::default()),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Count(ring) => ring.is_empty(),
            Self::Sum(ring) => ring.is_empty(),
            Self::Range(ring) => ring.is_empty(),
            Self::First(ring) | Self::Last(ring) => ring.is_empty(),
            Self::Table(table) => table.is_empty(),
            Self::Distinct(distinct) => distinct.is_empty(),
            Self::Answers(answers) => answers.is_empty(),
            Self::Cart(cart) => cart.is_empty(),
            Self::Touches(touches) => touches.is_empty(),
        }
    }

    /// Takes what an event gives.
    pub(crate) fn add(&mut self, bucket: i32, time: i64, item: &Item<'_, '_>, texts: &mut Dictionary) {
        match (self, item) {
            (Self::Count(ring), Item::Tick) => *ring.at(bucket) += 1,
            (Self::Sum(ring), Item::Amount(amount)) => ring.at(bucket).add(*amount),
            (Self::Range(ring), Item::Amount(amount)) => ring.at(bucket).widen(*amount),
            (Self::First(ring), Item::Point(place, raw)) => ring.at(bucket).take(*place, *raw, texts, false),
            (Self::Last(ring), Item::Point(place, raw)) => ring.at(bucket).take(*place, *raw, texts, true),
            (Self::Table(table), Item::Keyed(key, weight)) => table.add(key, bucket, *weight, texts),
            (Self::Distinct(distinct), Item::Hashed(hash)) => distinct.add(*hash, bucket),
            (Self::Answers(answers), Item::Answer(key, answer)) => answers.add(*key, time, *answer),
            (Self::Cart(cart), Item::Put(key, place, quantity)) => cart.put(key, *place, *quantity, texts),
            (Self::Cart(cart), Item::Clear(place)) => cart.clear(*place),
            (Self::Touches(touches), Item::Touch(session, place, way)) => {
                touches.add(*session, bucket, *place, way, texts);
            }
            _ => {}
        }
    }

    /// Takes back what an event gave. Answers false, and changes nothing, where only the timeline can tell what is left;
    /// with `dry` nothing is changed in any case.
    pub(crate) fn remove(
        &mut self,
        bucket: i32,
        time: i64,
        item: &Item<'_, '_>,
        texts: &Dictionary,
        dry: bool,
    ) -> bool {
        match (self, item) {
            (Self::Count(ring), Item::Tick) => ring.change(bucket, dry, |count| {
                *count = count.checked_sub(1)?;
                Some(*count == 0)
            }),
            (Self::Sum(ring), Item::Amount(amount)) => ring.change(bucket, dry, |total| total.subtract(*amount)),
            (Self::Range(ring), Item::Amount(amount)) => {
                ring.change(bucket, dry, |range| range.is_inside(*amount).then_some(false))
            }
            (Self::First(ring) | Self::Last(ring), Item::Point(place, _)) => {
                ring.change(bucket, dry, |point| (point.place != *place).then_some(false))
            }
            (Self::Table(table), Item::Keyed(key, weight)) => table.remove(key.hash, bucket, *weight, texts, dry),
            (Self::Distinct(distinct), Item::Hashed(hash)) => distinct.remove(*hash, bucket, dry),
            (Self::Answers(answers), Item::Answer(key, answer)) => answers.remove(*key, time, *answer, dry),
            (Self::Cart(cart), Item::Put(key, place, _)) => cart.is_behind(key.hash, *place, texts),
            (Self::Cart(cart), Item::Clear(place)) => cart.cleared() != Some(*place),
            (Self::Touches(touches), Item::Touch(session, place, _)) => touches.is_behind(*session, bucket, *place),
            _ => true,
        }
    }

    /// Adds the lane of another person. `map` gives the number here of each text there.
    pub(crate) fn absorb(&mut self, other: &Self, texts: &mut Dictionary, map: &[u32]) {
        match (self, other) {
            (Self::Count(mine), Self::Count(other)) => mine.absorb(other, |mine, other| *mine += other),
            (Self::Sum(mine), Self::Sum(other)) => mine.absorb(other, |mine, other| mine.absorb(*other)),
            (Self::Range(mine), Self::Range(other)) => mine.absorb(other, |mine, other| mine.absorb(*other)),
            (Self::First(mine), Self::First(other)) => mine.absorb(other, |mine, other| mine.absorb(other, map, false)),
            (Self::Last(mine), Self::Last(other)) => mine.absorb(other, |mine, other| mine.absorb(other, map, true)),
            (Self::Table(mine), Self::Table(other)) => mine.absorb(other, texts, map),
            (Self::Distinct(mine), Self::Distinct(other)) => mine.absorb(other),
            (Self::Answers(mine), Self::Answers(other)) => mine.absorb(other),
            (Self::Cart(mine), Self::Cart(other)) => mine.absorb(other, map),
            (Self::Touches(mine), Self::Touches(other)) => mine.absorb(other, map),
            _ => {}
        }
    }

    /// Drops what no reading at `now` or later takes into account: all before bucket `first`.
    pub(crate) fn trim(&mut self, first: i32, clock: &Clock) {
        match self {
            Self::Count(ring) => ring.trim(first),
            Self::Sum(ring) => ring.trim(first),
            Self::Range(ring) => ring.trim(first),
            Self::First(ring) | Self::Last(ring) => ring.trim(first),
            Self::Table(table) => table.trim(first),
            Self::Distinct(distinct) => distinct.trim(first),
            Self::Answers(answers) => {
                answers.retain(|time| clock.bucket(Timestamp::from_micros(time)) >= first);
            }
            Self::Cart(cart) => cart.retain(|time| clock.bucket(Timestamp::from_micros(time)) >= first),
            Self::Touches(touches) => touches.trim(first),
        }
    }

    /// Visits the numbers of texts, to be marked or changed.
    pub(crate) fn texts(&mut self, visit: &mut impl FnMut(&mut u32)) {
        match self {
            Self::First(ring) | Self::Last(ring) => {
                ring.entries_mut().for_each(|(_, point)| point.texts(visit));
            }
            Self::Table(table) => table.texts(visit),
            Self::Cart(cart) => cart.texts(visit),
            Self::Touches(touches) => touches.texts(visit),
            _ => {}
        }
    }

    /// Brings the order of rows back after numbers of texts have changed.
    pub(crate) fn sort(&mut self) {
        match self {
            Self::Table(table) => table.sort(),
            Self::Cart(cart) => cart.sort(),
            _ => {}
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Count(ring) => ring.encode(out, |count, out| put(out, *count)),
            Self::Sum(ring) => ring.encode(out, Total::encode),
            Self::Range(ring) => ring.encode(out, Range::encode),
            Self::First(ring) | Self::Last(ring) => ring.encode(out, Point::encode),
            Self::Table(table) => table.encode(out),
            Self::Distinct(distinct) => distinct.encode(out),
            Self::Answers(answers) => answers.encode(out),
            Self::Cart(cart) => cart.encode(out),
            Self::Touches(touches) => touches.encode(out),
        }
    }

    pub(crate) fn clear(&mut self) {
        match self {
            Self::Count(ring) => ring.clear(),
            Self::Sum(ring) => ring.clear(),
            Self::Range(ring) => ring.clear(),
            Self::First(ring) | Self::Last(ring) => ring.clear(),
            Self::Table(table) => table.clear(),
            Self::Distinct(distinct) => distinct.clear(),
            Self::Answers(answers) => answers.clear(),
            Self::Cart(cart) => cart.forget(),
            Self::Touches(touches) => touches.clear(),
        }
    }

    /// Reads what was encoded in the place of what is held; nothing when it makes no sense.
    pub(crate) fn refill(&mut self, from: &mut Reader<'_>) -> Option<()> {
        match self {
            Self::Count(ring) => ring.refill(from, |from| from.number()),
            Self::Sum(ring) => ring.refill(from, Total::decode),
            Self::Range(ring) => ring.refill(from, Range::decode),
            Self::First(ring) | Self::Last(ring) => ring.refill(from, Point::decode),
            Self::Table(table) => table.refill(from),
            Self::Distinct(distinct) => distinct.refill(from),
            Self::Answers(answers) => answers.refill(from),
            Self::Cart(cart) => cart.refill(from),
            Self::Touches(touches) => touches.refill(from),
        }
    }
}
