//! One changed person against many segments.

use std::cell::OnceCell;

use attune_expression::{AsValue, Elements, Evaluation, PathId, RuleSet, Schema, Source, ValueRef};

use crate::page::Cell;
use crate::select::{Field, FieldName, Given, Row, field_names, group};
use crate::view::View;

/// A set of rules whose fields are resolved to columns once; a person is then evaluated without a look-up of a name.
///
/// Fields are found as [`Query`](crate::Query) finds them.
#[derive(Debug, Clone)]
pub struct Live {
    rules: RuleSet,
    fields: Vec<FieldName>,
    slots: Vec<Slot>,
    /// How many columns there were when the slots were resolved.
    columns: usize,
}

#[derive(Debug, Clone, Copy)]
enum Slot {
    Column(usize),
    /// No column has that name.
    Missing,
    /// Given with the question, a whole group, or inside of a value.
    Asked,
}

impl Live {
    /// Rules that were compiled against `schema`.
    #[must_use]
    pub fn new(rules: RuleSet, schema: &Schema) -> Self {
        Self { slots: Vec::new(), fields: field_names(schema), rules, columns: usize::MAX }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Evaluates the numbered rules for a row, into an evaluation whose memory is used again.
    /// [`RuleSet::affected`] gives the rules that a change may concern.
    pub fn evaluate(
        &mut self,
        view: &View,
        row: u32,
        given: &Given,
        rules: impl IntoIterator<Item = usize>,
        evaluation: &mut Evaluation,
    ) {
        self.resolve(view, given);
        let cell = |slot: &Slot| match slot {
            Slot::Column(number) => view.columns.get(*number)?.get(row),
            Slot::Missing | Slot::Asked => None,
        };
        let cells: Vec<Option<Cell<'_>>> = self.slots.iter().map(cell).collect();
        let source = Lazy { fields: &self.fields, view, given, row, read: OnceCell::new() };
        let asked = |number: usize| match self.slots.get(number) {
            Some(Slot::Asked) => self.rules.slots().get(number)?.read(&source),
            _ => None,
        };
        // A set is asked for many of its texts: a short list is searched faster than the texts of everybody.
        let lists: Vec<Option<Texts<'_>>> = cells
            .iter()
            .map(|cell| if let Some(Cell::Tags(tags)) = cell { Some(Texts(tags.held().collect())) } else { None })
            .collect();
        let mut values: Vec<Option<ValueRef<'_>>> = Vec::with_capacity(cells.len());
        for (number, (cell, list)) in cells.iter().zip(&lists).enumerate() {
            values.push(match (list, cell) {
                (Some(list), _) => Some(ValueRef::List(list)),
                (None, Some(cell)) => Some(cell.as_value()),
                (None, None) => asked(number),
            });
        }
        self.rules.evaluate_dense(&values, &source, rules, evaluation);
    }

    /// Finds the columns again when there are new ones.
    fn resolve(&mut self, view: &View, given: &Given) {
        if self.columns == view.columns.len() {
            return;
        }
        self.columns = view.columns.len();
        let slot = |access: &attune_expression::Access| {
            let field = self.fields.get(access.path().index());
            let named = |name: &str| view.names.get(name).map_or(Slot::Missing, |number| Slot::Column(*number));
            match (field, access.keys()) {
                _ if given.get(access.path()).is_some() => Slot::Asked,
                (Some(field), [key]) if field.group => named(&format!("{}.{key}", field.path)),
                (Some(field), []) if !field.group => named(&field.path),
                _ => Slot::Asked,
            }
        };
        self.slots = self.rules.slots().iter().map(slot).collect();
    }
}

/// The texts of a set, ascending.
struct Texts<'r>(Vec<&'r str>);

impl Elements for Texts<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn at(&self, index: usize) -> Option<ValueRef<'_>> {
        self.0.get(index).map(|text| ValueRef::String(text))
    }

    fn contains(&self, value: ValueRef<'_>) -> bool {
        matches!(value, ValueRef::String(text) if self.0.contains(&text))
    }
}

/// A row that is read only when a predicate without a typed form asks.
struct Lazy<'r> {
    fields: &'r [FieldName],
    view: &'r View,
    given: &'r Given,
    row: u32,
    read: OnceCell<Row<'r>>,
}

impl Source for Lazy<'_> {
    fn read(&self, path: PathId) -> Option<ValueRef<'_>> {
        if let Some(value) = self.given.get(path) {
            return Some(value.as_value());
        }
        let row = self.read.get_or_init(|| {
            let mut row = Row::new(self.fields.iter().map(|field| match field.group {
                true => Field::Group(group(self.view, &field.path)),
                false => Field::Column(self.view.column(&field.path)),
            }));
            row.load(self.row as usize);
            row
        });
        row.read(path)
    }
}
