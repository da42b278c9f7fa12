//! Rows of values to vectors, learned as rows pass.
//!
//! Numbers are standardised by the mean and deviation of the rows so far (Welford 1962) and cut at quantiles of the first
//! rows. Categories are numbered as they come and share the entries of the dense vector that numbers leave, first come,
//! first served; what finds none left shares an entry of its column. A value that is missing is 0 in the dense vector and a
//! bin of its own.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Numbers.
    Number,
    /// Names.
    Category,
}

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// None.
    Missing,
    /// A number; one that is not finite counts as missing.
    Number(f64),
    /// A name.
    Category(&'a str),
}

/// A row as models read it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Encoded {
    /// The dense vector; its first entry is 1.
    pub dense: Vec<f64>,
    /// The bins that hold, one of each column, below [`Shape::bins`]; bin 0 holds always.
    pub bins: Vec<u32>,
}

/// How finely rows are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bins of a number, besides that of missing values.
    pub bins: u16,
    /// Rows after which numbers are cut; before, all of a column's numbers share a bin.
    pub warm: usize,
    /// Entries of the dense vector at most, as far as columns alone do not need more.
    pub dense: usize,
    /// Categories of a column that are told apart; the others are one.
    pub categories: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bins: 12, warm: 300, dense: 256, categories: 64 }
    }
}

/// Numbers beyond this many deviations are taken for it.
const WIDEST: f64 = 4.0;

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Column {
    Number {
        slot: usize,
        bin: u32,
        count: f64,
        mean: f64,
        squares: f64,
        first: Vec<f64>,
        cuts: Vec<f64>,
    },
    Category {
        /// The entry of categories that have none of their own.
        slot: usize,
        bin: u32,
        /// The number and the entry of each category.
        known: FxHashMap<String, (u32, usize)>,
    },
}

/// How large encoded rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Columns: about the square of the norm of a dense vector, without its first entry.
    pub columns: usize,
    /// The length of dense vectors.
    pub dense: usize,
    /// How many bins there are.
    pub bins: u32,
}

/// What is known of the columns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Encoder {
    columns: Vec<Column>,
    limits: Limits,
    shape: Shape,
    /// The first entry that no category has yet.
    free: usize,
}

impl Encoder {
    /// One for rows of these columns.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "categories of a column are bounded far below four thousand million"
    )]
    pub fn new(kinds: &[Kind], limits: Limits) -> Self {
        let (mut dense, mut bins) = (1, 1_u32);
        let mut columns = Vec::with_capacity(kinds.len());
        for kind in kinds {
            match kind {
                Kind::Number => {
                    let column = Column::Number {
                        slot: dense,
                        bin: bins,
                        count: 0.0,
                        mean: 0.0,
                        squares: 0.0,
                        first: Vec::new(),
                        cuts: Vec::new(),
                    };
                    columns.push(column);
                    dense += 1;
                    bins += u32::from(limits.bins) + 1;
                }
                Kind::Category => {
                    columns.push(Column::Category { slot: dense, bin: bins, known: FxHashMap::default() });
                    dense += 1;
                    // Missing, the known ones, and the rest.
                    bins += limits.categories as u32 + 2;
                }
            }
        }
        let free = dense;
        if kinds.contains(&Kind::Category) {
            dense = dense.max(limits.dense);
        }
        let shape = Shape { columns: kinds.len(), dense, bins };
        Self { columns, limits, shape, free }
    }

    /// How large the rows are that it makes.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Takes note of a row and encodes it; columns without a value are missing.
    pub fn encode(&mut self, row: &[Value<'_>], out: &mut Encoded) {
        out.dense.clear();
        out.dense.resize(self.shape.dense, 0.0);
        out.bins.clear();
        out.bins.push(0);
        if let Some(first) = out.dense.first_mut() {
            *first = 1.0;
        }
        for (at, column) in self.columns.iter_mut().enumerate() {
            let value = row.get(at).copied().unwrap_or(Value::Missing);
            match column {
                Column::Number { slot, bin, count, mean, squares, first, cuts } => {
                    let Value::Number(number) = value else {
                        out.bins.push(*bin);
                        continue;
                    };
                    if !number.is_finite() {
                        out.bins.push(*bin);
                        continue;
                    }
                    *count += 1.0;
                    let gap = number - *mean;
                    *mean += gap / *count;
                    *squares += gap * (number - *mean);
                    let deviation = (*squares / *count).sqrt();
                    if deviation > f64::EPSILON * mean.abs()
                        && let Some(entry) = out.dense.get_mut(*slot)
                    {
                        *entry = ((number - *mean) / deviation).clamp(-WIDEST, WIDEST);
                    }
                    if cuts.is_empty() {
                        first.push(number);
                        if first.len() >= self.limits.warm {
                            *cuts = quantiles(std::mem::take(first), usize::from(self.limits.bins));
                        }
                    }
                    let cut = cuts.partition_point(|cut| *cut <= number);
                    #[allow(clippy::cast_possible_truncation, reason = "there are fewer cuts than bins")]
                    out.bins.push(*bin + 1 + cut as u32);
                }
                Column::Category { slot, bin, known } => {
                    let Value::Category(name) = value else {
                        out.bins.push(*bin);
                        continue;
                    };
                    #[allow(clippy::cast_possible_truncation, reason = "bounded by the limit")]
                    let (next, most) = (known.len() as u32, self.limits.categories as u32);
                    let (number, entry) = match known.get(name) {
                        Some(place) => *place,
                        None if next < most => {
                            let own = self.free < self.shape.dense;
                            let entry = if own { self.free } else { *slot };
                            self.free += usize::from(own);
                            known.insert(name.to_owned(), (next, entry));
                            (next, entry)
                        }
                        None => (most, *slot),
                    };
                    out.bins.push(*bin + 1 + number);
                    if let Some(entry) = out.dense.get_mut(entry) {
                        *entry = 1.0;
                    }
                }
            }
        }
    }
}

/// Where to cut numbers so that parts have equally many, at most `bins` of them; a value lies on one side of every cut.
pub(crate) fn quantiles(mut numbers: Vec<f64>, bins: usize) -> Vec<f64> {
    numbers.sort_by(f64::total_cmp);
    let mut cuts: Vec<f64> = (1..bins).filter_map(|at| numbers.get(at * numbers.len() / bins).copied()).collect();
    cuts.dedup();
    // A cut at the least number has nothing below it.
    if cuts.first() == numbers.first() {
        cuts.remove(0);
    }
    if cuts.is_empty() {
        // All alike so far: whatever is greater will be another part.
        cuts.extend(numbers.last().map(|last| last + f64::EPSILON * last.abs().max(1.0)));
    }
    cuts
}
