//! Answers about many persons at once: who satisfies a rule, how many, how segments overlap, in what they differ, who is
//! like them, where heavy users begin. Pure: no clock, no input or output, no lock while something is read.
//!
//! | where | what |
//! |---|---|
//! | [`Audience`] | persons in dense rows, columns by name; for the one who writes |
//! | [`View`] | the same at one moment, for readers: values, numbers, [`View::select`], [`View::count`] |
//! | [`Query`], [`Given`] | a rule of the one expression language, and what is the same for everybody, as `now` is |
//! | [`Live`] | one changed person against many rules |
//! | [`Set`], [`Overlap`], [`History`] | sets of rows, all pairs of them, and as of any past time |
//! | [`compare()`](compare()) | the traits in which two segments differ |
//! | [`lookalike`] | who is like a segment |
//! | [`split`] | heavy, medium, light, dormant; bands of recency, frequency and money; quadrants of value |
//! | [`stats`] | the tests behind them |
//!
//! ```
//! use attune_audience::{Audience, Given, Query};
//! use attune_expression::{Schema, Type, Value, compile};
//!
//! let schema = Schema::builder()
//!     .field("attributes", Type::map(Type::Any))
//!     .field("tags", Type::list(Type::String))
//!     .build()?;
//! let mut audience = Audience::new();
//! let tags = Value::from(vec!["gold", "mobile"]);
//! audience.upsert("anna", [("attributes.age", Some(Value::Int(41))), ("tags", Some(tags))]);
//! audience.upsert("ben", [("attributes.age", Some(Value::Int(17)))]);
//! let rule = compile("attributes.age >= 18 && 'gold' in tags", &schema, Type::Bool).map_err(|errors| errors[0].to_string())?;
//! let view = audience.view();
//! let found = view.select(&Query::new(&rule, &schema)?, &Given::new());
//! assert_eq!(found.iter().filter_map(|row| view.person(row)).collect::<Vec<_>>(), ["anna"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it is kept
//!
//! Rows are in pages of 4,096. Each page of each column has the form that fits its values: an array of numbers or instants,
//! bits, distinct texts with two bytes a row, a bitmap for each tag; few values, and values of other types than most, are in
//! a list by row. So a sparse column is small, a new one costs nothing, and mixed types stay what they are. A view shares the
//! pages with the writer, who copies one before the first change after the view was taken.
//!
//! A rule is evaluated page by page. Parts of `&&` and `||` run in the order of their cost, each only for the rows that are
//! still open; a text is tested once for all rows of a page that have it; what has no loop of its own is asked row by row.
//! The truth is the one that [`Program::evaluate`](attune_expression::Program::evaluate) has for each row by itself, missing
//! values and errors included, except that the limit of steps holds for each predicate. Pages are spread over the threads
//! of the surrounding rayon pool, with one result whatever their number.

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
pub use compare::{Comparison, Difference, Finding, Level, NothingToCompare, compare, compare_in};
pub use history::{History, Move, OutOfOrder, replay};
pub use live::Live;
pub use overlap::Overlap;
pub use select::{Given, NotBoolean, Query};
pub use set::Set;
pub use traits::TraitKind;
pub use view::View;
