//! Which pairs of records are worth comparing.

mod atoms;
mod choose;
mod key;
mod pairs;
mod pool;
mod sort;

pub(crate) use atoms::{Atom, AtomRule};
pub(crate) use choose::{Chosen, choose};
pub use key::{Key, Part, Rule};
pub(crate) use key::{hash, mix};
pub(crate) use pairs::{Keys, Pair};
pub(crate) use pool::{atoms, household, pool};
pub(crate) use sort::by_key;
