//! A predicate with its columns found.

use attune_expression::columnar::{Comparison, ElementTest, Leaf, Predicate, RowPredicate, Shape, Term};
use attune_expression::{Access, AsValue, Operator, Relation, Value};

use super::row::{Field, Row};
use super::{FieldName, Given, path_of};
use crate::view::{Column, View};

pub(crate) enum Bound<'v> {
    Const(Option<bool>),
    Present(Option<&'v Column>),
    Test { column: Option<&'v Column>, leaf: &'v Leaf },
    Compare(BoundComparison<'v>),
    Elements { column: Option<&'v Column>, test: &'v ElementTest, row: BoundRow<'v> },
    Not(Box<Bound<'v>>),
    All(Vec<Bound<'v>>),
    AnyOf(Vec<Bound<'v>>),
    Row(BoundRow<'v>),
}

pub(crate) struct BoundComparison<'v> {
    pub(crate) relation: Relation,
    pub(crate) left: BoundTerm<'v>,
    pub(crate) right: BoundTerm<'v>,
    pub(crate) row: BoundRow<'v>,
}

pub(crate) enum BoundTerm<'v> {
    Const(&'v Value),
    Column(Option<&'v Column>),
    Negate(Box<BoundTerm<'v>>),
    ToDouble(Box<BoundTerm<'v>>),
    Arithmetic(Operator, Box<[BoundTerm<'v>; 2]>),
}

/// A predicate over a row, and where its fields come from.
pub(crate) struct BoundRow<'v> {
    pub(crate) predicate: &'v RowPredicate,
    fields: Vec<Field<'v>>,
    /// The column when it reads nothing else.
    pub(crate) only: Option<&'v Column>,
}

impl<'v> BoundRow<'v> {
    pub(crate) fn row(&self) -> Row<'v> {
        Row::new(self.fields.iter().cloned())
    }
}

/// What an access comes to.
enum Place<'v> {
    Given(&'v Value),
    /// Given, but without this entry.
    NotGiven,
    Column(Option<&'v Column>),
    /// All entries of a group.
    Group,
    /// An entry inside of a value.
    Inside,
}

struct Binder<'v> {
    fields: &'v [FieldName],
    view: &'v View,
    given: &'v Given,
}

pub(crate) fn bind<'v>(
    predicate: &'v Predicate,
    fields: &'v [FieldName],
    view: &'v View,
    given: &'v Given,
) -> Bound<'v> {
    Binder { fields, view, given }.predicate(predicate)
}

/// The columns of a group by key, ascending.
pub(crate) fn group<'v>(view: &'v View, path: &str) -> Vec<(&'v str, &'v Column)> {
    let prefix = format!("{path}.");
    let from = view.names.range::<str, _>((std::ops::Bound::Included(prefix.as_str()), std::ops::Bound::Unbounded));
    from.take_while(|(name, _)| name.starts_with(&prefix))
        .filter_map(|(name, number)| Some((&name[prefix.len()..], &**view.columns.get(*number)?)))
        .collect()
}

impl<'v> Binder<'v> {
    fn predicate(&self, predicate: &'v Predicate) -> Bound<'v> {
        match predicate {
            Predicate::Const(value) => Bound::Const(Some(*value)),
            Predicate::Present(access) => match self.place(access) {
                Place::Given(_) | Place::Group => Bound::Const(Some(true)),
                Place::NotGiven | Place::Inside => Bound::Const(Some(false)),
                Place::Column(column) => Bound::Present(column),
            },
            Predicate::Test(leaf) => self.leaf(leaf),
            Predicate::Compare(comparison) => self.comparison(comparison),
            Predicate::Elements(test) => match self.place(test.access()) {
                Place::Column(column) => Bound::Elements { column, test, row: self.row(test.row()) },
                _ => Bound::Row(self.row(test.row())),
            },
            Predicate::Not(of) => Bound::Not(Box::new(self.predicate(of))),
            Predicate::All(parts) => Bound::All(self.parts(parts)),
            Predicate::AnyOf(parts) => Bound::AnyOf(self.parts(parts)),
            Predicate::Row(row) => Bound::Row(self.row(row)),
        }
    }

    /// The parts, what is cheap first: their order does not matter for the truth.
    fn parts(&self, parts: &'v [Predicate]) -> Vec<Bound<'v>> {
        let mut parts: Vec<Bound<'v>> = parts.iter().map(|part| self.predicate(part)).collect();
        parts.sort_by_key(cost);
        parts
    }

    fn leaf(&self, leaf: &'v Leaf) -> Bound<'v> {
        match self.place(leaf.access()) {
            Place::Given(value) => Bound::Const(leaf.truth(value.as_value())),
            Place::NotGiven => Bound::Const(None),
            Place::Column(column) => Bound::Test { column, leaf },
            Place::Group => match leaf.shape() {
                Shape::Holds(key) | Shape::HasKey(key) => Bound::Present(self.entry(path_of(leaf.access()), key)),
                _ => Bound::Row(self.row(leaf.row())),
            },
            Place::Inside => Bound::Row(self.row(leaf.row())),
        }
    }

    fn comparison(&self, comparison: &'v Comparison) -> Bound<'v> {
        let row = self.row(&comparison.row);
        match (self.term(&comparison.left), self.term(&comparison.right)) {
            (Some(left), Some(right)) => {
                Bound::Compare(BoundComparison { relation: comparison.relation, left, right, row })
            }
            _ => Bound::Row(row),
        }
    }

    fn term(&self, term: &'v Term) -> Option<BoundTerm<'v>> {
        Some(match term {
            Term::Const(value) => BoundTerm::Const(value),
            Term::Read(access) => match self.place(access) {
                Place::Given(value) => BoundTerm::Const(value),
                Place::NotGiven => BoundTerm::Column(None),
                Place::Column(column) => BoundTerm::Column(column),
                Place::Group | Place::Inside => return None,
            },
            Term::Negate(of) => BoundTerm::Negate(Box::new(self.term(of)?)),
            Term::ToDouble(of) => BoundTerm::ToDouble(Box::new(self.term(of)?)),
            Term::Arithmetic(operator, sides) => {
                BoundTerm::Arithmetic(*operator, Box::new([self.term(&sides[0])?, self.term(&sides[1])?]))
            }
        })
    }

    fn place(&self, access: &Access) -> Place<'v> {
        if let Some(value) = self.given.get(access.path()) {
            let mut value = value;
            for key in access.keys() {
                match value {
                    Value::Map(map) => match map.get(key) {
                        Some(inner) => value = inner,
                        None => return Place::NotGiven,
                    },
                    _ => return Place::NotGiven,
                }
            }
            return Place::Given(value);
        }
        let path = path_of(access);
        let Some(field) = self.fields.get(path) else { return Place::NotGiven };
        match (field.group, access.keys()) {
            (true, []) => Place::Group,
            (true, [key]) => Place::Column(self.entry(path, key)),
            (false, []) => Place::Column(self.view.column(&field.path)),
            _ => Place::Inside,
        }
    }

    fn entry(&self, path: usize, key: &str) -> Option<&'v Column> {
        self.fields.get(path).and_then(|field| self.view.column(&format!("{}.{key}", field.path)))
    }

    fn row(&self, predicate: &'v RowPredicate) -> BoundRow<'v> {
        let mut fields: Vec<Field<'v>> = self.fields.iter().map(|_| Field::Unread).collect();
        for access in predicate.reads() {
            let path = path_of(access);
            let (Some(found), Some(field)) = (self.fields.get(path), fields.get_mut(path)) else { continue };
            if let Some(value) = self.given.get(access.path()) {
                *field = Field::Given(value);
                continue;
            }
            match (found.group, access.keys().first()) {
                (false, _) => *field = Field::Column(self.view.column(&found.path)),
                (true, None) => *field = Field::Group(group(self.view, &found.path)),
                (true, Some(key)) => {
                    if !matches!(field, Field::Group(_)) {
                        *field = Field::Group(Vec::new());
                    }
                    let column = self.view.names.get_key_value(format!("{}.{key}", found.path).as_str());
                    let (Field::Group(entries), Some((name, number))) = (field, column) else { continue };
                    let key = &name[found.path.len() + 1..];
                    if let (Err(place), Some(column)) =
                        (entries.binary_search_by(|(known, _)| (*known).cmp(key)), self.view.columns.get(*number))
                    {
                        entries.insert(place, (key, column));
                    }
                }
            }
        }
        let mut columns = fields.iter().flat_map(|field| match field {
            Field::Unread | Field::Given(_) | Field::Column(None) => Vec::new(),
            Field::Column(Some(column)) => vec![*column],
            Field::Group(entries) => entries.iter().map(|(_, column)| *column).collect(),
        });
        let only = columns.next().filter(|_| columns.next().is_none());
        BoundRow { predicate, fields, only }
    }
}

/// What a predicate costs a row, by rank.
fn cost(bound: &Bound<'_>) -> u32 {
    match bound {
        Bound::Const(_) => 0,
        Bound::Present(_) => 1,
        Bound::Test { leaf, .. } => match leaf.shape() {
            Shape::Flag | Shape::Holds(_) | Shape::HasKey(_) => 1,
            Shape::Int(..) | Shape::Double(..) | Shape::Instant(..) => 2,
            Shape::StartsWith(_) | Shape::Other => 3,
        },
        Bound::Compare(_) | Bound::Elements { .. } => 20,
        Bound::Row(_) => 1000,
        Bound::Not(of) => cost(of),
        Bound::All(parts) | Bound::AnyOf(parts) => parts.iter().map(cost).sum(),
    }
}
