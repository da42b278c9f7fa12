//! Answers about many persons at once.

mod audience;
mod bits;
mod compare;
mod history;
mod live;
pub mod lookalike;
mod overlap;
mod page;
mod select;
mod set;
pub mod split;
pub mod stats;
mod traits;
mod view;

pub use audience::{Audience, ColumnId};
pub use bits::PAGE_ROWS;
pub use compare::{Comparison, Difference, Finding, Level, NothingToCompare, compare};
pub use history::{History, Move, OutOfOrder, replay};
pub use live::Live;
pub use overlap::Overlap;
pub use select::{Given, NotBoolean, Query};
pub use set::Set;
pub use traits::TraitKind;
pub use view::View;
