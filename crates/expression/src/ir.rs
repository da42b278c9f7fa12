//! The checked expression.

use std::fmt::Write;
use std::sync::Arc;

use regex::Regex;

use crate::clock::{Part, Zone};
use crate::outcome::Span;
use crate::schema::PathId;
use crate::value::Value;

/// An expression and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) expr: Expr,
    pub(crate) span: Span,
}

/// What an expression does. Types are checked; where a part is [`Type::Any`](crate::Type::Any) the evaluation checks.
#[derive(Debug, Clone)]
pub(crate) enum Expr {
    Const(Value),
    /// The value of a field.
    Field(PathId),
    /// A variable of a macro, by its depth from the outermost.
    Local(usize),
    /// The entry of a map at a key known beforehand.
    Select(Box<Node>, Arc<str>),
    HasField(PathId),
    HasKey(Box<Node>, Arc<str>),
    Not(Box<Node>),
    Negate(Box<Node>),
    /// Two or more, none of them an `All` itself.
    All(Vec<Node>),
    /// Two or more, none of them an `AnyOf` itself.
    AnyOf(Vec<Node>),
    If(Box<[Node; 3]>),
    Arithmetic(Operator, Box<[Node; 2]>),
    Compare(Relation, Box<[Node; 2]>),
    In(Box<[Node; 2]>),
    Index(Box<[Node; 2]>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Call(Function, Vec<Node>),
    Matches(Box<Node>, Pattern),
    Part(Part, Box<Node>, Zone),
    Each(Box<Each>),
}

/// Arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Relation {
    /// The same comparison with its sides exchanged.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }

    /// Whether it holds for two values ordered like this.
    #[inline]
    #[must_use]
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// Functions of values; the arguments of members begin with the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Size,
    StartsWith,
    EndsWith,
    Contains,
    LowerAscii,
    UpperAscii,
    Trim,
    Replace,
    ToBool,
    ToInt,
    ToDouble,
    ToString,
    ToTimestamp,
    ToDuration,
    ToAny,
}

/// A compiled regular expression.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub(crate) regex: Arc<Regex>,
}

/// A macro over the elements of a list or the keys of a map.
#[derive(Debug, Clone)]
pub(crate) struct Each {
    pub(crate) kind: EachKind,
    pub(crate) range: Node,
    /// The predicate, for `map` the optional filter.
    pub(crate) test: Option<Node>,
    /// What `map` makes of an element.
    pub(crate) body: Option<Node>,
}

/// Which macro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EachKind {
    All,
    Exists,
    ExistsOne,
    /// `map` and `filter`; without a body the element itself is kept.
    Collect,
}

impl Node {
    /// A text that two nodes share exactly when they compute the same, wherever they stand.
    pub(crate) fn key(&self) -> String {
        let mut out = String::new();
        self.write_key(&mut out);
        out
    }

    fn write_key(&self, out: &mut String) {
        // Writing to a String cannot fail.
        let _ = match &self.expr {
            Expr::Const(value) => write!(out, "={}:{value}", value_kind(value)),
            Expr::Field(path) => write!(out, "f{}", path.index()),
            Expr::Local(slot) => write!(out, "l{slot}"),
            Expr::HasField(path) => write!(out, "h{}", path.index()),
            Expr::Select(of, key) => list(out, &format!("sel{key:?}"), [&**of]),
            Expr::HasKey(of, key) => list(out, &format!("has{key:?}"), [&**of]),
            Expr::Not(of) => list(out, "not", [&**of]),
            Expr::Negate(of) => list(out, "neg", [&**of]),
            Expr::All(parts) => list(out, "and", parts),
            Expr::AnyOf(parts) => list(out, "or", parts),
            Expr::If(parts) => list(out, "if", &**parts),
            Expr::Arithmetic(operator, parts) => list(out, &format!("{operator:?}"), &**parts),
            Expr::Compare(relation, parts) => list(out, &format!("{relation:?}"), &**parts),
            Expr::In(parts) => list(out, "in", &**parts),
            Expr::Index(parts) => list(out, "at", &**parts),
            Expr::List(parts) => list(out, "list", parts),
            Expr::Map(entries) => list(out, "map", entries.iter().flat_map(|(key, value)| [key, value])),
            Expr::Call(function, parts) => list(out, &format!("{function:?}"), parts),
            Expr::Matches(of, pattern) => list(out, &format!("re{:?}", pattern.regex.as_str()), [&**of]),
            Expr::Part(part, of, zone) => match zone {
                Zone::Fixed(seconds) => list(out, &format!("{part:?}{seconds}"), [&**of]),
                Zone::Named(name, _) => list(out, &format!("{part:?}{name}"), [&**of]),
            },
            Expr::Each(each) => {
                let parts = [Some(&each.range), each.test.as_ref(), each.body.as_ref()];
                let shape = (each.kind, each.test.is_some(), each.body.is_some());
                list(out, &format!("{shape:?}"), parts.into_iter().flatten())
            }
        };
    }
}

fn value_kind(value: &Value) -> &'static str {
    use crate::value::AsValue;
    value.as_value().type_name()
}

fn list<'n>(out: &mut String, name: &str, parts: impl IntoIterator<Item = &'n Node>) -> std::fmt::Result {
    write!(out, "{name}(")?;
    for part in parts {
        part.write_key(out);
        out.push(';');
    }
    out.push(')');
    Ok(())
}
