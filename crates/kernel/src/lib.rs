//! The vocabulary every other crate shares: ids, time as values, money, personal data and problems.
//!
//! Nothing here performs I/O, reads a clock or draws a random number; those are arguments.
//!
//! * [`deadline`]: how long a caller still waits.
//! * [`ids`]: typed identifiers.
//! * [`time`]: [`Timestamp`](time::Timestamp) (microseconds, UTC) and duration parsing.
//! * [`money`]: exact amounts.
//! * [`personal`]: wrappers that keep personal data and secrets out of logs.
//! * [`problem`]: what an operation answers when it cannot do what was asked.

pub mod deadline;
pub mod ids;
pub mod money;
pub mod personal;
pub mod problem;
pub mod time;

pub use deadline::Deadline;
pub use ids::{DecisionId, EventId, PersonId};
pub use money::Money;
pub use personal::{Personal, Secret};
pub use problem::{Code, Problem, Violation};
pub use time::{Timestamp, parse_duration};
