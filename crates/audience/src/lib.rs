//! Answers about many persons at once.

mod audience;
mod bits;
mod history;
mod overlap;
mod page;
mod select;
mod set;
mod view;

pub use audience::{Audience, ColumnId};
pub use bits::PAGE_ROWS;
pub use history::{History, Move, OutOfOrder, replay};
pub use overlap::Overlap;
pub use select::{Given, NotBoolean, Query};
pub use set::Set;
pub use view::View;
