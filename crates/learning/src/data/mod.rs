//! From the texts of a table to bins.
//!
//! | module | what it is |
//! |---|---|
//! | [`table`] | columns of texts, each kept once |
//! | [`kinds`] | what a column holds, told by its content; which columns are left out and why |
//! | [`binning`] | numbers, dates and names cut into bins |
//! | [`calendar`] | dates |

pub mod binning;
pub mod calendar;
pub mod kinds;
pub mod table;

pub use binning::Binning;
pub use kinds::{Kind, LeftOut};
pub use table::{Column, Table};
