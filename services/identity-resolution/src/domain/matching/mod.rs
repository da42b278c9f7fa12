//! What is done with records that were found alike: link, review, relate, or nothing. No scoring happens here.
//!
//! * [`record`]: what a source says about a person, and what it is found by.
//! * [`standing`]: what a score means under the thresholds.
//! * [`grouping`]: which records of a component are one person's.
//! * [`picture`]: what is known about pairs around the records examined.
//! * [`plan`]: which matches of a component of records hold, as differences to those that hold now.
//! * [`review`]: pairs for a person to decide, and the constraints that a verdict makes.
//! * [`relation`]: persons who are two and belong together.
//! * [`household`]: who lives with whom.

pub mod grouping;
pub mod household;
pub mod picture;
pub mod plan;
pub mod record;
pub mod relation;
pub mod review;
pub mod standing;

#[cfg(test)]
mod plan_tests;

pub use household::Household;
pub use picture::Picture;
pub use plan::{Component, Pair, Plan, plan};
pub use record::{AttributeRecord, Attributes, NAMESPACE, RecordKey};
pub use relation::{End, Relation, RelationId};
pub use review::{Constraint, Review, ReviewId, Verdict};
pub use standing::{Likeness, Standing, Thresholds};
