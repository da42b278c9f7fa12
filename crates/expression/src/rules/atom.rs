//! Predicates in the form in which they are evaluated.

use std::sync::Arc;

use attune_kernel::Timestamp;
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use crate::clock::Interval;
use crate::eval::{Run, compare, contains};
use crate::ir::{Expr, Function, Node, Pattern, Relation};
use crate::outcome::Cause;
use crate::schema::PathId;
use crate::source::Source;
use crate::value::{AsValue, Value, ValueRef};

/// The truth of a predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    True,
    False,
    Error,
}

impl Truth {
    pub(super) fn negated(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Error => Self::Error,
        }
    }
}

impl From<bool> for Truth {
    #[inline]
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

impl From<Result<bool, Cause>> for Truth {
    #[inline]
    fn from(value: Result<bool, Cause>) -> Self {
        value.map_or(Self::Error, Self::from)
    }
}

/// One distinct predicate; those inside of others are numbers.
///
/// What a predicate reads is the number of a slot; what [`Atom::typed`] gives has the number 0 and the access beside it.
#[derive(Debug, Clone)]
pub(crate) enum Atom {
    Const(bool),
    Present(u32),
    Test(u32, Test),
    Not(u32),
    All(Box<[u32]>),
    AnyOf(Box<[u32]>),
    /// What has no form of its own, with its step limit.
    General(Node, u32),
}

/// A field, or an entry of a map at keys known beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Access {
    path: PathId,
    keys: SmallVec<[Arc<str>; 1]>,
}

impl Access {
    /// The field.
    #[must_use]
    pub fn path(&self) -> PathId {
        self.path
    }

    /// The keys of the entry, outermost first; none for the field itself.
    #[must_use]
    pub fn keys(&self) -> &[Arc<str>] {
        &self.keys
    }

    /// A whole field.
    pub(crate) fn field(path: PathId) -> Self {
        Self { path, keys: SmallVec::new() }
    }

    /// The entry of a map at a key.
    pub(crate) fn entry(mut self, key: &Arc<str>) -> Self {
        self.keys.push(Arc::clone(key));
        self
    }

    pub(crate) fn of(node: &Node) -> Option<Self> {
        match &node.expr {
            Expr::Field(path) => Some(Self { path: *path, keys: SmallVec::new() }),
            Expr::Select(of, key) => {
                let mut access = Self::of(of)?;
                access.keys.push(Arc::clone(key));
                Some(access)
            }
            _ => None,
        }
    }

    /// The value that a source has here; absent also where something on the way is no map.
    #[inline]
    pub fn read<'s>(&self, source: &'s dyn Source) -> Option<ValueRef<'s>> {
        let mut value = source.read(self.path)?;
        for key in &self.keys {
            value = match value {
                ValueRef::Map(map) => map.get(key)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

/// A test of one value against constants.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    /// The value is `true`.
    Flag,
    Int(Relation, i64),
    Double(Relation, f64),
    Text(Relation, Arc<str>),
    Instant(Relation, Timestamp),
    Interval(Relation, Interval),
    Other(Relation, Value),
    OneOfInts(Box<[i64]>, Value),
    OneOfTexts(FxHashSet<Arc<str>>, Value),
    OneOf(Value),
    /// The value is a list or map that holds the constant.
    Holds(Value),
    HasKey(Arc<str>),
    StartsWith(Arc<str>),
    EndsWith(Arc<str>),
    Contains(Arc<str>),
    Matches(Pattern),
}

impl Test {
    /// The truth of the test for a value; the typed forms first, what is of another type by the general comparison.
    pub(crate) fn truth(&self, value: ValueRef<'_>) -> Truth {
        match (self, value) {
            (Self::Flag, ValueRef::Bool(value)) => value.into(),
            (Self::Int(relation, constant), ValueRef::Int(value)) => relation.holds(value.cmp(constant)).into(),
            (Self::Double(relation, constant), ValueRef::Double(value)) => match value.partial_cmp(constant) {
                Some(order) => relation.holds(order).into(),
                None => compare(*relation, ValueRef::Double(value), ValueRef::Double(*constant)).into(),
            },
            (Self::Text(relation, constant), ValueRef::String(value)) => relation.holds(value.cmp(constant)).into(),
            (Self::Instant(relation, constant), ValueRef::Timestamp(value)) => {
                relation.holds(value.cmp(constant)).into()
            }
            (Self::Interval(relation, constant), ValueRef::Duration(value)) => {
                relation.holds(value.cmp(constant)).into()
            }
            (Self::Int(relation, constant), value) => compare(*relation, value, ValueRef::Int(*constant)).into(),
            (Self::Double(relation, constant), value) => compare(*relation, value, ValueRef::Double(*constant)).into(),
            (Self::Text(relation, constant), value) => compare(*relation, value, ValueRef::String(constant)).into(),
            (Self::Instant(relation, constant), value) => {
                compare(*relation, value, ValueRef::Timestamp(*constant)).into()
            }
            (Self::Interval(relation, constant), value) => {
                compare(*relation, value, ValueRef::Duration(*constant)).into()
            }
            (Self::Other(relation, constant), value) => compare(*relation, value, constant.as_value()).into(),
            (Self::OneOfInts(constants, _), ValueRef::Int(value)) => constants.binary_search(&value).is_ok().into(),
            (Self::OneOfTexts(constants, _), ValueRef::String(value)) => constants.contains(value).into(),
            (Self::OneOfInts(_, list) | Self::OneOfTexts(_, list) | Self::OneOf(list), value) => {
                contains(value, list.as_value()).into()
            }
            (Self::Holds(constant), value) => contains(constant.as_value(), value).into(),
            (Self::HasKey(key), ValueRef::Map(map)) => map.get(key).is_some().into(),
            (Self::StartsWith(part), ValueRef::String(value)) => value.starts_with(&**part).into(),
            (Self::EndsWith(part), ValueRef::String(value)) => value.ends_with(&**part).into(),
            (Self::Contains(part), ValueRef::String(value)) => value.contains(&**part).into(),
            (Self::Matches(pattern), ValueRef::String(value)) => pattern.regex.is_match(value).into(),
            _ => Truth::Error,
        }
    }

    fn relation(relation: Relation, constant: &Value) -> Self {
        match constant {
            Value::Int(constant) => Self::Int(relation, *constant),
            Value::Double(constant) => Self::Double(relation, *constant),
            Value::String(constant) => Self::Text(relation, Arc::clone(constant)),
            Value::Timestamp(constant) => Self::Instant(relation, *constant),
            Value::Duration(constant) => Self::Interval(relation, *constant),
            other => Self::Other(relation, other.clone()),
        }
    }

    fn one_of(list: &Value) -> Self {
        let Value::List(items) = list else { return Self::OneOf(list.clone()) };
        let ints: Option<Vec<i64>> =
            items.iter().map(|item| if let Value::Int(item) = item { Some(*item) } else { None }).collect();
        if let Some(mut ints) = ints {
            ints.sort_unstable();
            return Self::OneOfInts(ints.into(), list.clone());
        }
        let texts: Option<FxHashSet<Arc<str>>> = items
            .iter()
            .map(|item| if let Value::String(item) = item { Some(Arc::clone(item)) } else { None })
            .collect();
        match texts {
            Some(texts) => Self::OneOfTexts(texts, list.clone()),
            None => Self::OneOf(list.clone()),
        }
    }
}

/// A node with its constant on the right and without a `!` that a comparison can take in.
pub(crate) fn normal(node: &Node) -> Node {
    let constant = |node: &Node| matches!(node.expr, Expr::Const(_));
    let expr = match &node.expr {
        Expr::Compare(relation, sides) if constant(&sides[0]) && !constant(&sides[1]) => {
            let [left, right] = (**sides).clone();
            Expr::Compare(relation.mirrored(), Box::new([right, left]))
        }
        Expr::Not(of) => match normal(of) {
            Node { expr: Expr::Compare(Relation::Equal, sides), .. } => Expr::Compare(Relation::NotEqual, sides),
            Node { expr: Expr::Compare(Relation::NotEqual, sides), .. } => Expr::Compare(Relation::Equal, sides),
            of => Expr::Not(Box::new(of)),
        },
        other => other.clone(),
    };
    Node { expr, span: node.span }
}

/// The parts of a predicate about one field: the field and the constant it is compared with.
pub(super) fn field_and_constant(node: &Node) -> (Option<&Node>, Option<Value>) {
    let is_access = |node: &Node| Access::of(node).is_some();
    let pair = |one: &'_ Node, other: &Node| match &other.expr {
        Expr::Const(value) if is_access(one) => Some(value.clone()),
        _ => None,
    };
    match &node.expr {
        Expr::Compare(_, sides) | Expr::In(sides) => {
            let [left, right] = &**sides;
            match (pair(left, right), pair(right, left)) {
                (Some(constant), _) => (Some(left), Some(constant)),
                (_, Some(constant)) => (Some(right), Some(constant)),
                _ => (None, None),
            }
        }
        Expr::Call(_, args) => match args.as_slice() {
            [of, with] => pair(of, with).map_or((None, None), |constant| (Some(of), Some(constant))),
            _ => (None, None),
        },
        Expr::Matches(of, pattern) if is_access(of) => (Some(of), Some(Value::from(pattern.regex.as_str()))),
        Expr::Not(of) => match field_and_constant(of) {
            (Some(field), None) => (Some(field), Some(Value::Bool(false))),
            found => found,
        },
        Expr::Field(_) | Expr::Select(..) if is_access(node) => (Some(node), None),
        _ => (None, None),
    }
}

impl Atom {
    /// The typed form of a predicate about one field, and what it reads.
    pub(crate) fn typed(node: &Node) -> Option<(Option<Access>, Self)> {
        let (access, test) = match &node.expr {
            Expr::Const(Value::Bool(value)) => return Some((None, Self::Const(*value))),
            Expr::HasField(path) => return Some((Some(Access::field(*path)), Self::Present(0))),
            Expr::Field(_) | Expr::Select(..) => (Access::of(node)?, Test::Flag),
            Expr::HasKey(of, key) => (Access::of(of)?, Test::HasKey(Arc::clone(key))),
            Expr::Matches(of, pattern) => (Access::of(of)?, Test::Matches(pattern.clone())),
            Expr::Compare(relation, sides) => match &**sides {
                [of, Node { expr: Expr::Const(constant), .. }] => {
                    (Access::of(of)?, Test::relation(*relation, constant))
                }
                _ => return None,
            },
            Expr::In(sides) => match &**sides {
                [of, Node { expr: Expr::Const(list), .. }] => (Access::of(of)?, Test::one_of(list)),
                [Node { expr: Expr::Const(item), .. }, of] => (Access::of(of)?, Test::Holds(item.clone())),
                _ => return None,
            },
            Expr::Call(function, args) => match args.as_slice() {
                [of, Node { expr: Expr::Const(Value::String(part)), .. }] => {
                    let part = Arc::clone(part);
                    let test = match function {
                        Function::StartsWith => Test::StartsWith(part),
                        Function::EndsWith => Test::EndsWith(part),
                        Function::Contains => Test::Contains(part),
                        _ => return None,
                    };
                    (Access::of(of)?, test)
                }
                _ => return None,
            },
            _ => return None,
        };
        Some((Some(access), Self::Test(0, test)))
    }
}

/// The truth of a predicate without a form of its own.
pub(super) fn general(node: &Node, steps: u32, source: &dyn Source) -> Truth {
    Run::new(source, steps).truth(node).map_or(Truth::Error, Truth::from)
}
