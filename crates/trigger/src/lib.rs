//! Triggers: rules over what one person does, live and in batch with the same firings.
//!
//! A rules file ([`file`], YAML or TOML) is compiled into an [`Engine`]. It takes a person's events one at a time
//! ([`Engine::observe`]), tells when it wants to be woken ([`Engine::due`], [`Engine::tick`]), and answers [`Firing`]s. What
//! it remembers of a person is a [`State`], small, bounded and one blob ([`Engine::encode`]); the timers of a person lie in
//! it, so that whoever keeps the states needs an index of one time a person and nothing in memory. [`replay`] runs the same
//! engine over history.
//!
//! ```
//! use attune_kernel::Timestamp;
//! use attune_trigger::{Engine, Event, EventRef, Limits, Scratch, State, from_yaml};
//!
//! let file = from_yaml(
//!     "rules:
//!      - id: basket-left
//!        events: cart
//!        wait: {for: 30m, unless: purchase}",
//! )?;
//! let engine = Engine::new(&file, Limits::default()).map_err(|errors| errors[0].clone())?;
//! let (mut state, mut fired) = (State::default(), Vec::new());
//! let time = Timestamp::from_millis(0);
//! let event = Event { id: EventRef::Text("e1"), symbol: engine.symbol("cart"), name: "cart", time, channel: "", facts: &() };
//! engine.observe(&mut state, "ada", &event, &mut Scratch::default(), &mut fired);
//! let due = engine.due(&state).ok_or("no timer")?;
//! engine.tick(&mut state, "ada", due, &mut fired);
//! assert_eq!(fired[0].time, Timestamp::from_millis(30 * 60 * 1000));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Order, ties, lateness
//!
//! * Events of a person are taken in the order in which they come; of events at the same time that is their order (in a
//!   file: the order of lines).
//! * Before an event is looked at, every timer with a deadline before its time fires, the earliest first, at the time of the
//!   deadline; of one deadline the rule with the greater priority, then the one that stands first in the file, then the
//!   older start. An event exactly at a deadline still counts.
//! * For one event: figures marked `prior` are read, the event is added to the figures, it ends waits, then rules fire or
//!   begin to wait in the order of priority, patterns last.
//! * An event older than the person's newest one is late. Later than [`Limits::lateness`] it is ignored. Otherwise it is
//!   looked at as of its own time over what is known by then: it counts in the windows that it lies in, ends the waits
//!   that it would have ended, begins to wait unless a known event has ended that, and fires. It changes no newer `last`
//!   value, no `edge`, and no pattern but for what must not follow. What has fired is not taken back.
//! * Timers wait for [`Limits::grace`] beyond their deadline for late events.
//!
//! So a history in the order of time fires the same whether it comes event by event or as a whole, which a property test
//! proves, and every firing is what the rule's definition says over the events that are known at that moment.

mod calendar;
pub mod cases;
mod codec;
mod compile;
mod engine;
mod error;
mod event;
pub mod file;
mod judge;
mod lane;
pub mod library;
#[cfg(test)]
mod live_is_batch;
mod look;
pub mod replay;
pub mod report;
mod rule;
mod sequence;
mod state;
#[cfg(test)]
mod tests;
mod timers;

pub use codec::{DecodeError, VERSION};
pub use engine::{Engine, RuleInfo, Scratch, Taken};
pub use error::{RuleError, from_toml, from_yaml, locate};
pub use event::{Event, EventId, EventRef, Facts, Firing, Symbol};
pub use rule::Limits;
pub use state::State;

/// The events that a firing names as its evidence, at most.
pub const MAX_EVIDENCE: usize = 16;
