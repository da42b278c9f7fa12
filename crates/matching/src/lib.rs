//! Record linkage: which records are one person's, by the model of Fellegi and Sunter.
//!
//! * [`dedupe`]: the whole way from rows to persons.
//! * [`model`]: what was learned, for comparing any two records; saved, and explained.
//! * [`config`]: what may be decided by a person instead of being inferred.
//! * [`text`]: values of every role made comparable, in every script.
//! * [`similarity`]: how alike two strings are.
//! * [`comparison`]: how alike two values of one column are, as a level.
//! * [`blocking`]: which pairs of records are worth comparing.
//! * [`threshold`]: which weight makes a link.
//! * [`cluster`]: which records belong together, given pairs with weights.

pub mod blocking;
pub mod cluster;
pub mod comparison;
pub mod config;
pub mod dedupe;
mod em;
pub mod error;
pub mod model;
mod parallel;
mod roles;
pub mod similarity;
mod table;
pub mod text;
pub mod threshold;

pub use config::{ColumnConfig, Config, Options, RuleConfig};
pub use dedupe::{Dedupe, Outcome};
pub use error::Error;
pub use model::{Model, Prepared, Score, Waterfall};
