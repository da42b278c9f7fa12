//! Named values to bins, for models whose predictors are not known beforehand.
//!
//! A predictor is a name that rows bring a value for. Names are numbered as they come, up to a limit; what comes later is
//! not read. Each predictor has the same number of bins:
//!
//! | place | what falls there |
//! |---|---|
//! | 0 | no value, or a number that is none |
//! | 1 to `parts` | numbers, cut at quantiles of the first ones |
//! | then `categories` | names, as they come |
//! | the last | what is not told apart: numbers before they are cut, names beyond the limit |
//!
//! One predictor may bring numbers and names. A bin never changes its meaning once something fell into it, so what was
//! learned of it stays true.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::encode::{Value, quantiles};

/// How much is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Predictors that are read, at most.
    pub predictors: u32,
    /// Parts that numbers are cut into, at least 2.
    pub parts: u8,
    /// Names that are told apart, a predictor.
    pub categories: u16,
    /// Numbers that are seen before they are cut.
    pub warm: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { predictors: 100, parts: 8, categories: 16, warm: 200 }
    }
}

/// What falls into a bin.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<'a> {
    /// No value.
    Missing,
    /// Numbers from the first, if any, up to but not with the second, if any.
    Numbers(Option<f64>, Option<f64>),
    /// This name.
    Category(&'a str),
    /// What is not told apart.
    Rest,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Column {
    name: String,
    first: Vec<f64>,
    cuts: Vec<f64>,
    known: Vec<String>,
}

/// Numbers names and cuts values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predictors {
    limits: Limits,
    numbers: BTreeMap<String, u32>,
    columns: Vec<Column>,
}

impl Predictors {
    /// One that knows no predictor yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits: Limits { parts: limits.parts.max(2), ..limits }, numbers: BTreeMap::new(), columns: Vec::new() }
    }

    /// The bins of one predictor.
    #[must_use]
    pub fn width(&self) -> u32 {
        u32::from(self.limits.parts) + u32::from(self.limits.categories) + 2
    }

    /// All bins there may ever be.
    #[must_use]
    pub fn bins(&self) -> u32 {
        self.limits.predictors * self.width()
    }

    /// The names of the predictors, by their numbers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// Takes note of a row, then encodes it as [`Predictors::read`] does.
    pub fn encode(&mut self, row: &[(&str, Value<'_>)], bins: &mut Vec<u32>) {
        for (name, value) in row {
            if matches!(value, Value::Missing) {
                continue;
            }
            let number = match self.numbers.get(*name) {
                Some(number) => *number,
                None => {
                    #[allow(clippy::cast_possible_truncation, reason = "bounded by the limit, which is 32 bits wide")]
                    let next = self.columns.len() as u32;
                    if next >= self.limits.predictors {
                        continue;
                    }
                    self.numbers.insert((*name).to_owned(), next);
                    self.columns.push(Column { name: (*name).to_owned(), ..Column::default() });
                    next
                }
            };
            if let Some(column) = self.columns.get_mut(number as usize) {
                column.note(*value, self.limits);
            }
        }
        self.read(row, bins);
    }

    /// The bins of a row, one of each known predictor, in the order of their numbers. Where a name comes twice its last
    /// value counts.
    pub fn read(&self, row: &[(&str, Value<'_>)], bins: &mut Vec<u32>) {
        bins.clear();
        let width = self.width();
        #[allow(clippy::cast_possible_truncation, reason = "bounded by the limit, which is 32 bits wide")]
        bins.extend((0..self.columns.len() as u32).map(|number| number * width));
        for (name, value) in row {
            let Some(number) = self.numbers.get(*name) else { continue };
            let place = self.columns.get(*number as usize).map_or(0, |column| column.place(*value, self.limits));
            if let Some(bin) = bins.get_mut(*number as usize) {
                *bin = number * width + place;
            }
        }
    }

    /// The predictor of a bin and what falls there, if it is known.
    #[must_use]
    pub fn describe(&self, bin: u32) -> Option<(&str, Part<'_>)> {
        let column = self.columns.get((bin / self.width()) as usize)?;
        let (place, parts) = ((bin % self.width()) as usize, usize::from(self.limits.parts));
        let part = if place == 0 {
            Part::Missing
        } else if place <= parts {
            let below = place.checked_sub(2).and_then(|at| column.cuts.get(at));
            Part::Numbers(below.copied(), column.cuts.get(place - 1).copied())
        } else {
            column.known.get(place - parts - 1).map_or(Part::Rest, |name| Part::Category(name))
        };
        Some((&column.name, part))
    }
}

impl Column {
    fn note(&mut self, value: Value<'_>, limits: Limits) {
        match value {
            Value::Number(number) if number.is_finite() && self.cuts.is_empty() => {
                self.first.push(number);
                if self.first.len() >= limits.warm {
                    self.cuts = quantiles(std::mem::take(&mut self.first), usize::from(limits.parts));
                }
            }
            Value::Category(name)
                if self.known.len() < usize::from(limits.categories) && !self.known.iter().any(|one| one == name) =>
            {
                self.known.push(name.to_owned());
            }
            _ => {}
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "places are below the width")]
    fn place(&self, value: Value<'_>, limits: Limits) -> u32 {
        let (parts, rest) = (u32::from(limits.parts), u32::from(limits.parts) + u32::from(limits.categories) + 1);
        match value {
            Value::Number(number) if number.is_finite() => {
                if self.cuts.is_empty() {
                    rest
                } else {
                    1 + self.cuts.partition_point(|cut| *cut <= number) as u32
                }
            }
            Value::Category(name) => {
                self.known.iter().position(|one| one == name).map_or(rest, |at| parts + 1 + at as u32)
            }
            Value::Number(_) | Value::Missing => 0,
        }
    }
}
