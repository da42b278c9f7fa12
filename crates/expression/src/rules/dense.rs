//! One person at a time, at the speed of an index: slots that are resolved before anything is evaluated.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Access, Evaluation, RuleSet};
use crate::program::Program;
use crate::schema::PathId;
use crate::source::Source;
use crate::value::ValueRef;

/// Where predicates find what they read.
pub(super) trait Reader {
    fn slot<'s>(&'s self, slots: &[Access], slot: u32) -> Option<ValueRef<'s>>;
    fn source(&self) -> &dyn Source;
}

impl Reader for &dyn Source {
    #[inline]
    fn slot<'s>(&'s self, slots: &[Access], slot: u32) -> Option<ValueRef<'s>> {
        slots.get(slot as usize)?.read(*self)
    }

    fn source(&self) -> &dyn Source {
        *self
    }
}

struct Dense<'d> {
    values: &'d [Option<ValueRef<'d>>],
    source: &'d dyn Source,
}

impl Reader for Dense<'_> {
    #[inline]
    fn slot<'s>(&'s self, _: &[Access], slot: u32) -> Option<ValueRef<'s>> {
        *self.values.get(slot as usize)?
    }

    fn source(&self) -> &dyn Source {
        self.source
    }
}

impl RuleSet {
    /// What the typed predicates read, each once: the number of a slot is its place here.
    ///
    /// A caller that keeps a person's values in an order of its own looks up once, when the set is built, where it has
    /// each slot's value, and per person only copies references into a table for [`RuleSet::evaluate_dense`].
    #[must_use]
    pub fn slots(&self) -> &[Access] {
        &self.slots
    }

    /// [`RuleSet::evaluate_into`] over the values of [`RuleSet::slots`]: no name is looked up. `values` is one a slot
    /// (absent: no value; what is left out at the end too); `source` has the same values and serves the predicates that
    /// have no typed form.
    pub fn evaluate_dense(
        &self,
        values: &[Option<ValueRef<'_>>],
        source: &dyn Source,
        rules: impl IntoIterator<Item = usize>,
        evaluation: &mut Evaluation,
    ) {
        self.evaluate_with(&Dense { values, source }, rules, evaluation);
    }

    /// The numbers of the rules that may change when a field does, ascending: `key` is the entry that changed, without one
    /// it is the whole field.
    #[must_use]
    pub fn affected(&self, path: PathId, key: Option<&str>) -> Vec<usize> {
        let Some(field) = self.readers.0.get(&path) else { return Vec::new() };
        let mut found = field.whole.clone();
        match key {
            Some(key) => found.extend(field.entries.get(key).into_iter().flatten()),
            None => found.extend(field.entries.values().flatten()),
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Which rules read what.
#[derive(Debug, Clone, Default)]
pub(super) struct Readers(FxHashMap<PathId, Field>);

#[derive(Debug, Clone, Default)]
struct Field {
    whole: Vec<usize>,
    entries: FxHashMap<Arc<str>, Vec<usize>>,
}

impl Readers {
    pub(super) fn of<'p>(programs: impl Iterator<Item = &'p Program>) -> Self {
        let mut fields: FxHashMap<PathId, Field> = FxHashMap::default();
        for (rule, program) in programs.enumerate() {
            for access in program.reads() {
                let field = fields.entry(access.path()).or_default();
                match access.keys().first() {
                    Some(key) => field.entries.entry(Arc::clone(key)).or_default().push(rule),
                    None => field.whole.push(rule),
                }
            }
        }
        Self(fields)
    }
}
