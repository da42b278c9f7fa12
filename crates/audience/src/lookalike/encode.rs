//! Traits of a person as the numbers of the features that hold.

use std::sync::Arc;

use attune_expression::AsValue;
use rustc_hash::FxHashMap;

use crate::page::Cell;
use crate::set::Set;
use crate::traits::{TraitKind, level, number, tags};
use crate::view::{Column, View};

/// Bands of a number.
const BANDS: usize = 10;
/// Levels or tags of a column that are features; others are one together.
const MOST: usize = 50;
/// A level or tag of fewer persons is no feature.
const FEWEST: u64 = 10;

/// Which features there are.
pub(super) struct Encoder<'v> {
    columns: Vec<Encoded<'v>>,
    len: usize,
}

struct Encoded<'v> {
    name: &'v str,
    column: &'v Column,
    /// The number of the first feature: that there is no value.
    first: u32,
    form: Form,
}

enum Form {
    /// The least values of all bands but the first.
    Bands(Vec<f64>),
    /// Features by level; the second of the column stands for all others.
    Levels(FxHashMap<Arc<str>, u32>),
    Tags(FxHashMap<Arc<str>, u32>),
}

impl<'v> Encoder<'v> {
    /// Features of the columns of a view that are not ignored, as the persons of a set have them.
    pub(super) fn new(view: &'v View, set: &Set, ignore: &[String]) -> Self {
        let mut columns = Vec::new();
        let mut len = 0_u32;
        for name in view.column_names().filter(|name| !ignore.iter().any(|other| other == name)) {
            let Some(column) = view.column(name) else { continue };
            let (form, size) = match column.kind() {
                Some(TraitKind::Number) => bands(column, set),
                Some(TraitKind::Level) => {
                    let mut counts: FxHashMap<Arc<str>, u64> = FxHashMap::default();
                    column.each(set, |_, cell| {
                        if let Some(text) = level(&cell) {
                            match counts.get_mut(text) {
                                Some(count) => *count += 1,
                                None => _ = counts.insert(text.into(), 1),
                            }
                        }
                    });
                    let (features, size) = frequent(counts, len + 2);
                    (Form::Levels(features), size + 1)
                }
                Some(TraitKind::Tags) => {
                    let (features, size) = frequent(column.tag_counts(set), len + 1);
                    (Form::Tags(features), size)
                }
                None => continue,
            };
            columns.push(Encoded { name, column, first: len, form });
            len += 1 + size;
        }
        Self { columns, len: len as usize }
    }

    /// How many features there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The features that hold for a person.
    pub(super) fn row(&self, row: u32) -> Vec<u32> {
        let mut found = Vec::with_capacity(self.columns.len() + 8);
        for encoded in &self.columns {
            let cell = encoded.column.get(row);
            let before = found.len();
            if let Some(cell) = &cell {
                encoded.features(cell, &mut found);
            }
            if cell.is_none() || (found.len() == before && !matches!(encoded.form, Form::Tags(_))) {
                found.push(encoded.first);
            }
        }
        found
    }

    /// Columns by the mean distance of their part of the log-odds from its mean.
    pub(super) fn drivers(&self, rows: &[Vec<u32>], weights: &[f64]) -> Vec<(String, f64)> {
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        let count = rows.len().max(1) as f64;
        let mut parts = vec![Vec::with_capacity(rows.len()); self.columns.len()];
        for features in rows {
            let mut sums = vec![0.0; self.columns.len()];
            for feature in features {
                let column = self.columns.partition_point(|column| column.first <= *feature).saturating_sub(1);
                sums[column] += weights.get(*feature as usize).copied().unwrap_or_default();
            }
            parts.iter_mut().zip(sums).for_each(|(part, sum)| part.push(sum));
        }
        let mut drivers: Vec<(String, f64)> = self
            .columns
            .iter()
            .zip(parts)
            .map(|(column, part)| {
                let mean = part.iter().sum::<f64>() / count;
                (column.name.to_owned(), part.iter().map(|value| (value - mean).abs()).sum::<f64>() / count)
            })
            .collect();
        drivers.sort_by(|one, other| other.1.total_cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        drivers
    }
}

impl Encoded<'_> {
    fn features(&self, cell: &Cell<'_>, found: &mut Vec<u32>) {
        match &self.form {
            Form::Bands(cuts) => {
                if let Some(value) = number(cell.as_value()) {
                    let band = cuts.partition_point(|cut| *cut <= value);
                    found.push(self.first + 1 + u32::try_from(band).unwrap_or_default());
                }
            }
            Form::Levels(levels) => {
                if let Some(text) = level(cell) {
                    found.push(levels.get(text).copied().unwrap_or(self.first + 1));
                }
            }
            Form::Tags(features) => {
                found.extend(tags(cell).into_iter().filter_map(|tag| features.get(tag).copied()));
            }
        }
    }
}

/// Cuts at quantiles; equal values are never cut apart.
fn bands(column: &Column, set: &Set) -> (Form, u32) {
    let mut values = Vec::new();
    column.each(set, |_, cell| values.extend(number(cell.as_value())));
    values.sort_unstable_by(f64::total_cmp);
    let mut cuts: Vec<f64> = (1..BANDS).filter_map(|band| values.get(values.len() * band / BANDS).copied()).collect();
    cuts.dedup();
    let size = u32::try_from(cuts.len() + 1).unwrap_or(1);
    (Form::Bands(cuts), size)
}

/// Numbers for the most frequent, from `first`.
fn frequent(counts: impl IntoIterator<Item = (Arc<str>, u64)>, first: u32) -> (FxHashMap<Arc<str>, u32>, u32) {
    let mut counts: Vec<(Arc<str>, u64)> = counts.into_iter().filter(|(_, count)| *count >= FEWEST).collect();
    counts.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    counts.truncate(MOST);
    let size = u32::try_from(counts.len()).unwrap_or_default();
    (counts.into_iter().zip(first..).map(|((text, _), number)| (text, number)).collect(), size)
}
