//! Boolean expressions as predicates over columns: what evaluates one rule for very many rows works through.
//!
//! [`Program::columnar`] gives the tree of a rule. Its leaves are a test of one field against a constant ([`Leaf`]), a
//! comparison of computed numbers and times ([`Comparison`]) and what has no such form ([`RowPredicate`]). Every leaf can
//! also be asked row by row, so who evaluates columns needs forms only for what pays.
//!
//! Truth has three values, here `Some(true)`, `Some(false)` and `None` for an error, and the connectives are those of the
//! language: `false && error` is `false`, `true || error` is `true`, `!error` is an error. The tree has the same truth as
//! [`Program::evaluate`](crate::Program::evaluate), except that the limit of steps holds for each leaf.

use std::sync::Arc;

use crate::clock::{MAX_INTERVAL, in_range};
use crate::eval::Run;
use crate::ir::{EachKind, Expr, Function, Node, Operator, Relation};
use crate::program::Program;
use crate::rules::{Access, Atom, Test, Truth, normal};
use crate::schema::PathId;
use crate::source::Source;
use crate::value::{Value, ValueRef};

/// A boolean expression over columns.
#[derive(Debug, Clone)]
pub enum Predicate {
    /// Always the same.
    Const(bool),
    /// Whether a field has a value: `has(field)`.
    Present(Access),
    /// A test of one field.
    Test(Leaf),
    /// A comparison of two computed values.
    Compare(Comparison),
    /// A test of the elements of a list.
    Elements(ElementTest),
    /// The opposite.
    Not(Box<Predicate>),
    /// All of them.
    All(Vec<Predicate>),
    /// One of them at least.
    AnyOf(Vec<Predicate>),
    /// Anything else.
    Row(RowPredicate),
}

/// A test of the value of one field against constants.
#[derive(Debug, Clone)]
pub struct Leaf {
    access: Access,
    test: Test,
    row: RowPredicate,
}

/// The forms of a test for which columns have loops of their own.
#[derive(Debug, Clone, Copy)]
pub enum Shape<'t> {
    /// The value is `true`.
    Flag,
    /// A comparison with a whole number.
    Int(Relation, i64),
    /// A comparison with a floating-point number.
    Double(Relation, f64),
    /// A comparison with an instant, in microseconds.
    Instant(Relation, i64),
    /// The text begins with this one.
    StartsWith(&'t str),
    /// A list or a map holds this text.
    Holds(&'t str),
    /// A map has this key: `has(field.key)`.
    HasKey(&'t str),
    /// Another: [`Leaf::truth`] answers.
    Other,
}

impl Leaf {
    /// What it reads.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The form of the test.
    #[must_use]
    pub fn shape(&self) -> Shape<'_> {
        match &self.test {
            Test::Flag => Shape::Flag,
            Test::Int(relation, constant) => Shape::Int(*relation, *constant),
            Test::Double(relation, constant) => Shape::Double(*relation, *constant),
            Test::Instant(relation, constant) => Shape::Instant(*relation, constant.as_micros()),
            Test::Holds(Value::String(text)) => Shape::Holds(text),
            Test::HasKey(key) => Shape::HasKey(key),
            Test::StartsWith(part) => Shape::StartsWith(part),
            _ => Shape::Other,
        }
    }

    /// The truth for a value of the field that is there. Where there is none the truth is an error.
    #[inline]
    #[must_use]
    pub fn truth(&self, value: ValueRef<'_>) -> Option<bool> {
        self.test.truth(value).known()
    }

    /// The same test over a whole row.
    #[must_use]
    pub fn row(&self) -> &RowPredicate {
        &self.row
    }
}

/// `exists` or `all` over the elements of a list, with a test that reads nothing but the element.
#[derive(Debug, Clone)]
pub struct ElementTest {
    access: Access,
    all: bool,
    test: Arc<Node>,
    row: RowPredicate,
}

impl ElementTest {
    /// The list.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Whether the test has to hold for all elements instead of for one.
    #[must_use]
    pub fn all(&self) -> bool {
        self.all
    }

    /// The truth of the test for one element.
    #[must_use]
    pub fn truth(&self, element: ValueRef<'_>) -> Option<bool> {
        Run::new(&Nothing, self.row.steps).truth_of(&self.test, element).ok()
    }

    /// The same over a whole row.
    #[must_use]
    pub fn row(&self) -> &RowPredicate {
        &self.row
    }
}

/// A source without a value.
struct Nothing;

impl Source for Nothing {
    fn read(&self, _: PathId) -> Option<ValueRef<'_>> {
        None
    }
}

/// A comparison of two computed values.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The relation that must hold.
    pub relation: Relation,
    /// The left side.
    pub left: Term,
    /// The right side.
    pub right: Term,
    /// The same over a whole row: for rows whose values are of types that a loop does not have.
    pub row: RowPredicate,
}

/// A computed number, instant or length of time.
#[derive(Debug, Clone)]
pub enum Term {
    /// A constant.
    Const(Value),
    /// The value of a field.
    Read(Access),
    /// The number with the other sign.
    Negate(Box<Term>),
    /// `double(x)`.
    ToDouble(Box<Term>),
    /// Arithmetic.
    Arithmetic(Operator, Box<[Term; 2]>),
}

/// A predicate that is evaluated row by row.
#[derive(Debug, Clone)]
pub struct RowPredicate {
    node: Arc<Node>,
    steps: u32,
    reads: Arc<[Access]>,
}

impl RowPredicate {
    fn new(node: &Node, steps: u32) -> Self {
        Self { node: Arc::new(node.clone()), steps, reads: reads(node).into() }
    }

    /// Everything it may read, each once. An access without keys is the whole field.
    #[must_use]
    pub fn reads(&self) -> &[Access] {
        &self.reads
    }

    /// The truth for one row.
    #[must_use]
    pub fn truth(&self, source: &dyn Source) -> Option<bool> {
        Run::new(source, self.steps).truth(&self.node).ok()
    }
}

impl Program {
    /// The predicates of a boolean expression over columns; absent when it is of another type.
    #[must_use]
    pub fn columnar(&self) -> Option<Predicate> {
        self.of().assignable(&crate::Type::Bool).then(|| lower(self.root(), self.steps()))
    }

    /// Everything the expression may read, each once. An access without keys is the whole field.
    #[must_use]
    pub fn reads(&self) -> Vec<Access> {
        reads(self.root())
    }
}

fn lower(node: &Node, steps: u32) -> Predicate {
    let node = &normal(node);
    let all = |parts: &[Node]| parts.iter().map(|part| lower(part, steps)).collect();
    match &node.expr {
        Expr::All(parts) => return Predicate::All(all(parts)),
        Expr::AnyOf(parts) => return Predicate::AnyOf(all(parts)),
        Expr::Not(of) => return Predicate::Not(Box::new(lower(of, steps))),
        _ => {}
    }
    match Atom::typed(node) {
        Some((_, Atom::Const(value))) => return Predicate::Const(value),
        Some((Some(access), Atom::Present(_))) => return Predicate::Present(access),
        Some((Some(access), Atom::Test(_, test))) => {
            return Predicate::Test(Leaf { access, test, row: RowPredicate::new(node, steps) });
        }
        _ => {}
    }
    if let Expr::Compare(relation, sides) = &node.expr
        && let (Some(left), Some(right)) = (term(&sides[0]), term(&sides[1]))
    {
        let row = RowPredicate::new(node, steps);
        return Predicate::Compare(Comparison { relation: *relation, left, right, row });
    }
    if let Expr::Each(each) = &node.expr
        && let (EachKind::All | EachKind::Exists, Some(access), Some(test)) =
            (each.kind, Access::of(&each.range), &each.test)
        && reads(test).is_empty()
    {
        let (all, test) = (each.kind == EachKind::All, Arc::new(test.clone()));
        return Predicate::Elements(ElementTest { access, all, test, row: RowPredicate::new(node, steps) });
    }
    Predicate::Row(RowPredicate::new(node, steps))
}

fn term(node: &Node) -> Option<Term> {
    Some(match &node.expr {
        Expr::Const(value @ (Value::Int(_) | Value::Double(_) | Value::Timestamp(_) | Value::Duration(_))) => {
            Term::Const(value.clone())
        }
        Expr::Field(_) | Expr::Select(..) => Term::Read(Access::of(node)?),
        Expr::Negate(of) => Term::Negate(Box::new(term(of)?)),
        Expr::Call(Function::ToAny, of) if of.len() == 1 => term(&of[0])?,
        Expr::Call(Function::ToDouble, of) if of.len() == 1 => Term::ToDouble(Box::new(term(&of[0])?)),
        Expr::Arithmetic(operator, sides) => {
            Term::Arithmetic(*operator, Box::new([term(&sides[0])?, term(&sides[1])?]))
        }
        _ => return None,
    })
}

/// What a node may read.
pub(crate) fn reads(node: &Node) -> Vec<Access> {
    let mut found = Vec::new();
    collect(node, &mut found);
    found
}

fn collect(node: &Node, found: &mut Vec<Access>) {
    let mut note = |access: Access| {
        if !found.contains(&access) {
            found.push(access);
        }
    };
    if let Some(access) = Access::of(node) {
        return note(access);
    }
    match &node.expr {
        Expr::HasField(path) => note(Access::field(*path)),
        Expr::HasKey(of, key) => match Access::of(of) {
            Some(access) => note(access.entry(key)),
            None => collect(of, found),
        },
        Expr::Const(_) | Expr::Field(_) | Expr::Local(_) => {}
        Expr::Select(of, _) | Expr::Not(of) | Expr::Negate(of) | Expr::Matches(of, _) | Expr::Part(_, of, _) => {
            collect(of, found);
        }
        Expr::All(parts) | Expr::AnyOf(parts) | Expr::List(parts) | Expr::Call(_, parts) => {
            parts.iter().for_each(|part| collect(part, found));
        }
        Expr::If(parts) => parts.iter().for_each(|part| collect(part, found)),
        Expr::Arithmetic(_, parts) | Expr::Compare(_, parts) | Expr::In(parts) | Expr::Index(parts) => {
            parts.iter().for_each(|part| collect(part, found));
        }
        Expr::Map(entries) => entries.iter().for_each(|(key, value)| {
            collect(key, found);
            collect(value, found);
        }),
        Expr::Each(each) => {
            [Some(&each.range), each.test.as_ref(), each.body.as_ref()]
                .into_iter()
                .flatten()
                .for_each(|part| collect(part, found));
        }
    }
}

impl Operator {
    /// The result for two whole numbers; absent where the language has an error.
    #[inline]
    #[must_use]
    pub fn ints(self, left: i64, right: i64) -> Option<i64> {
        match self {
            Self::Add => left.checked_add(right),
            Self::Subtract => left.checked_sub(right),
            Self::Multiply => left.checked_mul(right),
            Self::Divide => left.checked_div(right),
            Self::Remainder => left.checked_rem(right),
        }
    }

    /// The result for two floating-point numbers; absent for `%`, which they do not have.
    #[inline]
    #[must_use]
    pub fn doubles(self, left: f64, right: f64) -> Option<f64> {
        Some(match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / right,
            Self::Remainder => return None,
        })
    }

    /// The microseconds of a sum or difference of instants and lengths of time; `instant` says what the result is.
    /// Absent for other operators and outside of the range of the language.
    #[inline]
    #[must_use]
    pub fn micros(self, left: i64, right: i64, instant: bool) -> Option<i64> {
        let micros = match self {
            Self::Add => left.checked_add(right)?,
            Self::Subtract => left.checked_sub(right)?,
            _ => return None,
        };
        let good = if instant { in_range(micros) } else { (-MAX_INTERVAL..=MAX_INTERVAL).contains(&micros) };
        good.then_some(micros)
    }
}

impl Truth {
    fn known(self) -> Option<bool> {
        match self {
            Self::True => Some(true),
            Self::False => Some(false),
            Self::Error => None,
        }
    }
}
