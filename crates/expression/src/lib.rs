//! The one rule language of the suite: CEL, checked against a schema and run without a general interpreter.
//!
//! Segments, triggers, eligibility and contact policies are written in it. [`compile`] turns a text into a
//! [`Program`], or says with line and column what is wrong; a [`Program`] reads fields from a [`Source`];
//! a [`RuleSet`] evaluates many programs at once and each distinct predicate at most once. [`check_boolean`] is what
//! a service calls when somebody creates a resource that carries a rule.
//!
//! ```
//! use attune_expression::{MapSource, Outcome, Schema, Type, compile};
//!
//! let schema = Schema::builder()
//!     .field("now", Type::Timestamp)
//!     .field("profile.age", Type::Int)
//!     .field("profile.last_seen", Type::Timestamp)
//!     .field("context", Type::map(Type::String))
//!     .build()?;
//! let rule = "profile.age >= 18 && context.channel == 'web' && now - profile.last_seen < duration('30d')";
//! let program = compile(rule, &schema, Type::Bool).map_err(|errors| errors[0].to_string())?;
//! let source = MapSource::from_json(&schema, &serde_json::json!({
//!     "now": "2026-11-22T10:00:00Z",
//!     "profile": {"age": 41, "last_seen": "2026-11-20T08:00:00Z"},
//!     "context": {"channel": "web"},
//! }));
//! assert_eq!(program.evaluate(&source), Outcome::True);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Schema
//!
//! A [`Schema`] declares dotted paths and their [`Type`]s. It is closed: a name that is not declared is refused where
//! it stands. Inside a field of type [`Type::Map`] every key may be asked for; a value of type [`Type::Any`] is
//! checked when the rule runs, unless [`Schema::with_entries`] declares entries of a map with types of their own, or
//! says that there are no others. The current time is an ordinary field, by custom `now`.
//!
//! # The language
//!
//! * Literals: numbers (`1`, `0x1F`, `1.5e3`), text (`'a'`, `"a"`, `r'\d'`, `'''a'''`), `true`, `false`, `null`, lists,
//!   maps with text keys.
//! * `+ - * / %`, `== != < <= > >=`, `in`, `&& || !`, `test ? a : b`, `list[i]`, `map['k']`, `map.k`.
//! * `has(map.k)`, `has(field)`, `size(x)`, `bool int double string timestamp duration dyn (x)`.
//! * Text: `startsWith endsWith contains matches lowerAscii upperAscii trim replace`. The pattern of `matches` is a
//!   literal, compiled once, with the syntax of the `regex` crate (no backtracking).
//! * Time: `timestamp('2026-11-22T10:00:00Z')`, `duration('1h30m')`, their sums and differences, and
//!   `getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear getHours getMinutes getSeconds
//!   getMilliseconds`, with an optional time zone (`'Asia/Seoul'`, `'+09:00'`).
//! * Macros over lists and the keys of maps: `all exists exists_one filter map`.
//!
//! # Missing, null and failing
//!
//! * A field without a value is missing. Reading it is an error; `has(field)` tells. A missing entry of a map is the
//!   same.
//! * A field of a declared type is never null: a null in the data is a missing value. Only a value of type
//!   [`Type::Any`] can be null, and is then there: `has` is true, `== null` is true.
//! * `false && error` is `false` and `true || error` is `true`, in either order; otherwise the error stays. `all` and
//!   `exists` do the same over their elements.
//! * An error as the result of a rule means *not satisfied*, and the reason is kept: [`Outcome::Error`].
//!
//! # Where it differs from the reference
//!
//! The `cel` crate parses, and its interpreter is the reference of the differential tests. These differences are meant.
//!
//! Refused when compiled, where the reference fails (or not) when run:
//! * Types that never fit (`1 == 'a'`, an `int` plus a `double`, `field == null` for a typed field), unknown names and
//!   functions: a mistake should be seen by its author, not by a customer. `dyn(x)` puts off the check.
//! * Malformed literals of `timestamp`, `duration`, regular expressions and time zones; patterns and zones that are not
//!   literals: they are computed once.
//! * Unsigned numbers, bytes, messages, `type()`, optional values, map literals with keys that are not text: nothing in
//!   a profile or an event has such types.
//! * What passes a limit of [`Limits`].
//!
//! Another value:
//! * Without a time zone, accessors read a timestamp in UTC, as the specification says; the reference reads it in the
//!   offset in which it was written.
//! * Zones follow their last rule for ever; the tables of the reference end with this century, and so do its summer
//!   times.
//! * Instants and lengths of time are kept to the microsecond, as everywhere in the suite; the reference keeps
//!   nanoseconds. Fractions are read as decimals, where the reference rounds by way of a double.
//! * `duration` also takes `d` (24 h) and `w`, as the suite's configuration does, and refuses text after the last unit,
//!   which the reference ignores. `timestamp` refuses leap seconds.
//! * A list plus a map is an error; the reference appends the keys of the map.
//! * `has(group.field)` is false when the whole group is missing, because a group is only a part of a name here; for the
//!   reference it is a map whose absence is an error.
//! * Evaluation stops with [`Cause::TooCostly`] after [`Limits::steps`] steps; the reference has no bound.

mod check;
mod clock;
pub mod columnar;
mod compare;
mod diagnostic;
mod eval;
mod ir;
mod json;
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
pub use ir::{Operator, Relation};
pub use outcome::{Cause, Outcome, Reason};
pub use program::{Program, check_boolean, compile, compile_with};
pub use rules::{Access, Evaluation, Explanation, NotBoolean, RuleSet};
pub use schema::{EntryTypes, Field, InvalidSchema, PathId, Schema, SchemaBuilder};
pub use source::{MapSource, Source};
pub use types::Type;
pub use value::{AsValue, Elements, Entries, Value, ValueRef};
