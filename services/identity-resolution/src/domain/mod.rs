//! Who is who: types and rules. No async, no I/O, no clock, no randomness but as arguments.
//!
//! * [`namespace`]: the policy of each kind of identifier, and [`Rules`], all of them with the other settings.
//! * [`normalize`]: the one form of a value.
//! * [`limit`]: the limits that keep an identifier from linking.
//! * [`refusal`]: why a command is refused.
//! * [`interaction`]: raw identifiers made into the candidates of one resolution.
//! * [`person`]: a person and what is known of them.
//! * [`claim`]: what people decide and what matching finds.
//! * [`partition`]: persons as a function of evidence.
//! * [`graph`]: a part of the state in memory, and the [`Changes`] made to it.
//! * `settle`: recomputing a component, placing ids, announcing what changed.
//! * [`resolve`]: evidence of an interaction added to the set.
//! * [`operate`]: decisions of people: link, unlink, erase.
//! * [`command`]: all of these as data, so that a store can run them inside its transaction.
//! * [`audit`]: what is remembered of what happened.
//! * [`explain`]: the evidence that answers a question.
//! * [`matching`]: what is done with records that were found alike.

pub mod audit;
pub mod claim;
pub mod command;
pub mod explain;
pub mod graph;
pub mod interaction;
pub mod limit;
pub mod matching;
pub mod namespace;
pub mod normalize;
pub mod operate;
pub mod partition;
pub mod person;
pub mod refusal;
pub mod resolve;

mod settle;

#[cfg(test)]
mod history_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod model_world;
#[cfg(test)]
mod scenario_tests;

pub use audit::{Entry, Holding, Kind};
pub use claim::{Claim, Says, Slot};
pub use command::{Claims, Command, Outcome, RequestKey};
pub use graph::{Change, Changes, Graph, Lookup, Recorded, View};
pub use interaction::{Candidate, Interaction, Raw};
pub use limit::{Hit, Limit};
pub use namespace::{Policy, Rules, Strength};
pub use operate::Decision;
pub use person::{Anchor, Edge, Erased, Held, IdentifierKey, Issued, Person};
pub use refusal::{Fault, Refusal};
pub use resolve::Resolution;
