//! Traits of a person, declared once and kept up to date one event at a time.
//!
//! An [`Engine`] is compiled from [`Declaration`]s. It applies [`Event`]s to a person's [`State`] in any order, takes them
//! back, adds the states of merged persons, and reads every trait at any time. A state encodes into one blob.

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
mod plan;
mod read;
#[cfg(any(test, feature = "reference"))]
pub mod reference;
mod state;
#[cfg(test)]
mod tests;
mod window;

pub use declaration::{Cuts, Declaration, Declarations, Operation, quantile_cuts};
pub use engine::{Engine, Removal, Scratch, Trait};
pub use event::Event;
pub use lane::answers::MAX_ANSWERS;
pub use lane::cart::MAX_ITEMS;
pub use lane::table::MAX_CATEGORIES;
pub use lane::touch::MAX_TOUCHES;
pub use state::{DecodeError, State, VERSION};
