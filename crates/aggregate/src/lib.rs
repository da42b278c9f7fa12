//! Traits of a person, declared once and kept up to date one event at a time.
//!
//! An [`Engine`] is compiled from [`Declaration`]s. It applies [`Event`]s to a person's [`State`] in any order, takes them
//! back ([`Engine::remove`]), adds the states of merged persons ([`Engine::absorb`]), and reads every trait at any time
//! ([`Engine::read`]) into slots that are fixed when it is compiled. [`Engine::next_change`] tells when time alone changes
//! one. A state is one blob ([`Engine::encode`]), which another engine takes over as far as the two agree.
//!
//! ```
//! use attune_aggregate::{Engine, Event, Scratch, library};
//! use attune_kernel::Timestamp;
//!
//! let declarations = library::parse(
//!     "[[trait]]
//!      name = 'spent_30d'
//!      operation = 'sum'
//!      events = ['purchase']
//!      where = \"channel == 'web'\"
//!      property = 'amount'
//!      window = '30d'",
//! )?;
//! let engine = Engine::new(&declarations).map_err(|violations| violations[0].description.clone())?;
//! let mut state = engine.empty();
//! let properties = serde_json::json!({"amount": 12.5});
//! let event = Event {
//!     id: "e1",
//!     name: "purchase",
//!     time: Timestamp::parse("2026-11-20T10:00:00Z")?,
//!     sequence: 0,
//!     channel: "web",
//!     session: "",
//!     source: "shop",
//!     properties: properties.as_object().ok_or("no object")?,
//! };
//! engine.apply(&mut state, &event, &mut Scratch::default());
//! let values = engine.read(&state, Timestamp::parse("2026-11-23T10:00:00Z")?);
//! assert_eq!(values[0], Some(12.5.into()));
//! let next = engine.next_change(&state, Timestamp::parse("2026-11-23T10:00:00Z")?);
//! assert_eq!(next, Some(Timestamp::parse("2026-12-20T00:00:00Z")?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Windows
//!
//! Time is cut into buckets of a length `g`: from 1970-01-01 on, in UTC, or by the days of a time zone where `g` is whole
//! days. A window of length `n * g` at a time is the union of whole buckets: the one in which that time lies and the `n - 1`
//! before it. By custom `g` is `1m` for windows up to `2h`, `1h` up to `7d`, else `1d`; a window is a whole number of
//! buckets. So a window at a time holds everything of the last `(n - 1) * g` and something up to `g` more, and what lies
//! later in the current bucket counts.
//!
//! # What is exact
//!
//! * A state is a function of the set of events, whatever the order they came in, of what [`Engine::trim`] dropped, and of
//!   nothing else. Each event is given once: to know a repeat by its id is the timeline's part.
//! * A reading at or after the time of the last trim is exact, for events however late. A reading before it is not.
//! * Of events at the same time the one with the greater sequence is the later, then the one with the greater hash of its id.
//! * Sums are whole millionths (a number is rounded to that, one beyond 9.2e12 is none), so they do not depend on the order
//!   of their terms. An interest is a sum of whole numbers too: an event weighs `2^(t / half_life)`, cut into half-lives,
//!   and a reading divides by the same power of its own time.
//! * [`Engine::remove`] subtracts where that is possible and answers [`Removal::NeedsTimeline`] where it is not, and then
//!   [`Engine::replay`] over what is left of the timeline is the answer.
//! * A value is counted by its text, of which the first 256 bytes are looked at; an empty text is none.
//!
//! # Bounds
//!
//! A table has [`MAX_CATEGORIES`] categories, those of the lowest hashes; an entry that is kept was kept from the beginning,
//! so its numbers are whole. Messages and sessions are sampled in the same way beyond [`MAX_ANSWERS`] and [`MAX_TOUCHES`]. A
//! cart has the [`MAX_ITEMS`] items that were touched last. A distinct count is exact up to `limit` pairs of a value and a
//! bucket, then an estimate with a standard error of 3.3 %. None of it depends on the order of arrival.
//!
//! # Operations
//!
//! Every operation of events takes `events`, `channels`, `where`, and `window`, `bucket`, `zone` if not said otherwise.
//!
//! | operation | further fields (needed ones in bold) | value | can be taken back |
//! |---|---|---|---|
//! | `count`, `exists` | | int, bool | yes |
//! | `sum`, `mean` | **property** | double | yes |
//! | `min`, `max` | **property** | double | unless it is the least or greatest of its bucket |
//! | `first`, `last` | **property**, `type` | string, double or bool | unless it is the one of its bucket |
//! | `first_time`, `last_time` | | timestamp | the same |
//! | `since_first`, `since_last` | `unit` | int, whole units | the same |
//! | `interval_mean` | | duration | the same |
//! | `distinct` | **property**, `limit` | int | as long as it is exact |
//! | `top`, `preferred` | **property**, `weight`, `limit` (`top`) | list of strings, string | yes |
//! | `count_by`, `sum_by` | **property**, **weight** (`sum_by`), `limit` | map to int, double | yes |
//! | `best_hour`, `best_weekday` | | int | yes |
//! | `days_active`, `streak` | by custom of `400d`; no `bucket` | int | yes |
//! | `trend`, `slope` | **window**, `property`, `periods` (`slope`) | double | yes |
//! | `interest` | **property**, **half_life**, `weight`, `limit`; `bucket` is the step of readings; no `window` | map to double | yes |
//! | `rfm` | **property**, `cuts` | map to double | unless it is the last of its bucket |
//! | `response_rate`, `response_lag` | **events**, **answers**, **property** (the message), `horizon` | double, duration | yes |
//! | `cart` | **events** (put in), `removes`, `clears`, **property** (the item), `weight` (quantity) | map to double | unless it is the last word on an item |
//! | `inflow` | **property** (the way in) | string | unless a session begins with it |
//! | `ratio` | **numerator**, **denominator** | double | |
//! | `derived` | **expression**, **type** | that type | |
//!
//! Without events a count, a sum and their like are 0, lists and maps are empty, and everything else has no value; neither
//! has a quotient by zero.

mod clock;
mod codec;
mod compile;
mod declaration;
mod dictionary;
mod due;
mod engine;
mod event;
mod hash;
mod lane;
pub mod library;
#[cfg(test)]
mod limits_tests;
mod plan;
mod read;
#[cfg(any(test, feature = "reference"))]
pub mod reference;
mod state;
#[cfg(test)]
mod tests;
mod watch;
mod window;

pub use declaration::{Cuts, Declaration, Declarations, Operation, quantile_cuts};
pub use engine::{Engine, Removal, Scratch, Trait};
pub use event::Event;
pub use lane::answers::MAX_ANSWERS;
pub use lane::cart::MAX_ITEMS;
pub use lane::table::MAX_CATEGORIES;
pub use lane::touch::MAX_TOUCHES;
pub use read::Slots;
pub use state::{DecodeError, State, VERSION};
pub use watch::Watch;
