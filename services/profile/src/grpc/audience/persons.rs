//! Which persons are meant.

use std::sync::Arc;

use attune_audience::{Given, Query, Set, View};
use attune_expression::{Program, Type, check_boolean, compile};
use attune_kernel::{Problem, Timestamp, Violation};
use attune_proto::profile::v1 as proto;
use attune_proto::profile::v1::person_set::Set as Named;

use crate::domain::audience::SEGMENTS;
use crate::domain::rules::Rules;
use crate::domain::segment::SCHEMA;
use crate::error::Error;

/// A rule over everybody.
#[derive(Clone)]
pub(super) struct Rule {
    pub(super) program: Program,
    query: Query,
}

impl Rule {
    /// Compiles a rule.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` with the position.
    pub(super) fn new(field: &str, expression: &str) -> Result<Self, Problem> {
        let schema = SCHEMA.as_ref().ok_or_else(|| Problem::internal("the schema of rules does not compile"))?;
        match compile(expression, schema, Type::Bool) {
            Ok(program) => Self::of(program),
            Err(_) => Err(Problem::invalid(check_boolean(field, expression, schema))),
        }
    }

    /// A rule that is compiled already.
    ///
    /// # Errors
    /// When it is not boolean, which the compiler has refused.
    pub(super) fn of(program: Program) -> Result<Self, Problem> {
        let schema = SCHEMA.as_ref().ok_or_else(|| Problem::internal("the schema of rules does not compile"))?;
        let query = Query::new(&program, schema).map_err(Problem::internal)?;
        Ok(Self { program, query })
    }

    /// Who satisfies it.
    pub(super) fn select(&self, view: &View, now: Timestamp) -> Set {
        view.select(&self.query, &given(now))
    }
}

fn given(now: Timestamp) -> Given {
    match SCHEMA.as_ref().and_then(|schema| schema.path("now")) {
        Some(path) => Given::new().with(path, now),
        None => Given::new(),
    }
}

enum One {
    Segment(Arc<str>),
    Rule(Box<Rule>),
    /// A snapshot's.
    List(Set),
    Everybody,
}

/// Everybody at one moment, and the sets that a request names.
pub(super) struct Asked {
    pub(super) view: View,
    pub(super) now: Timestamp,
    sets: Vec<One>,
}

impl Asked {
    /// Checks what is named, each under its field; `lists` are the members of the snapshots, in their order.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for a rule that does not compile, `NOT_FOUND` for a segment that is not there.
    pub(super) fn new(
        view: View,
        lists: Vec<Set>,
        rules: &Rules,
        persons: Vec<(&'static str, proto::PersonSet)>,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let mut lists = lists.into_iter();
        let one = |(field, set): (&str, proto::PersonSet)| match set.set {
            Some(Named::SnapshotId(_)) => Ok(One::List(lists.next().unwrap_or_default())),
            Some(Named::SegmentId(id)) => {
                if !rules.segments().iter().any(|segment| segment.id() == id) {
                    return Err(Error::NoSegment(id).into());
                }
                Ok(One::Segment(id.into()))
            }
            Some(Named::Expression(text)) if text.len() > 8192 => Err(Problem::invalid(vec![Violation::new(
                format!("{field}.expression"),
                "must have at most 8192 bytes",
            )])),
            Some(Named::Expression(text)) => {
                Rule::new(&format!("{field}.expression"), &text).map(Box::new).map(One::Rule)
            }
            Some(Named::Everybody(_)) => Ok(One::Everybody),
            None => Err(Problem::invalid_field(field, "must say which persons")),
        };
        let sets = persons.into_iter().map(one).collect::<Result<_, _>>()?;
        Ok(Self { view, now, sets })
    }

    /// The set of a place in the request; everybody for one that is not there. Takes the processor for milliseconds.
    pub(super) fn set(&self, at: usize) -> Set {
        match self.sets.get(at) {
            Some(One::Segment(id)) => self.view.holding(SEGMENTS, id),
            Some(One::Rule(rule)) => rule.select(&self.view, self.now),
            Some(One::List(set)) => set.clone(),
            Some(One::Everybody) | None => self.view.everybody(),
        }
    }
}
