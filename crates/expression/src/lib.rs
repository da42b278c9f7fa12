//! The one rule language of the suite: CEL, checked against a schema and run without a general interpreter.
//!
//! [`compile`] turns a source text into a [`Program`]; a [`Program`] reads fields from a [`Source`].

mod check;
mod clock;
mod compare;
mod diagnostic;
mod eval;
mod ir;
mod lex;
mod outcome;
mod parse;
mod program;
mod rules;
mod schema;
mod source;
mod types;
mod value;

pub use clock::Interval;
pub use diagnostic::{Diagnostic, Limits, Position};
pub use outcome::{Cause, Outcome, Reason};
pub use program::{Program, check_boolean, compile, compile_with};
pub use rules::{Evaluation, Explanation, NotBoolean, RuleSet};
pub use schema::{Field, InvalidSchema, PathId, Schema, SchemaBuilder};
pub use source::{MapSource, Source};
pub use types::Type;
pub use value::{AsValue, Elements, Entries, Value, ValueRef};
