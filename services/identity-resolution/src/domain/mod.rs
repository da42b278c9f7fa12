//! Who is who: types and rules. No async, no I/O, no clock, no randomness but as arguments.
//!
//! * [`namespace`]: the policy of each kind of identifier, and [`Rules`], all of them with the other settings.
//! * [`normalize`]: the one form of a value.
//! * [`limit`]: the limits that keep an identifier from linking.
//! * [`refusal`]: why a command is refused.
//! * [`interaction`]: raw identifiers made into the candidates of one resolution.
//! * [`person`]: a person and what they hold.
//! * [`evidence`]: why identifiers belong together.
//! * [`graph`]: a part of the state in memory, and the [`Changes`] made to it.
//! * [`resolve`]: evidence of an interaction applied to a graph.
//! * [`operate`]: decisions of people: link, unlink, erase.
//! * [`command`]: all of these as data, so that a store can run them inside its transaction.
//! * [`explain`]: the part of the evidence that answers a question.
//! * [`matching`]: what is done with records that were found alike.

pub mod command;
pub mod evidence;
pub mod explain;
pub mod graph;
pub mod interaction;
pub mod limit;
pub mod matching;
pub mod namespace;
pub mod normalize;
pub mod operate;
pub mod person;
pub mod refusal;
pub mod resolve;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod scenario_tests;

pub use command::{Command, Outcome, RequestKey};
pub use evidence::{Evidence, EvidenceKind};
pub use graph::{Change, Changes, EvidenceOp, Graph, Lookup, Recorded, View};
pub use interaction::{Candidate, Interaction, Raw};
pub use limit::{Hit, Limit};
pub use namespace::{Policy, Rules, Strength};
pub use operate::Decision;
pub use person::{Erased, Held, IdentifierKey, Person};
pub use refusal::{Fault, Refusal};
pub use resolve::Resolution;
