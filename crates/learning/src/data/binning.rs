//! Numbers, dates and names cut into bins.

use serde::{Deserialize, Serialize};

use super::calendar;
use super::kinds::{self, Kind, missing};
use super::table::Column;
use crate::boost;

/// The most bins of a column of numbers: enough that the cut costs nothing that could be measured.
const BINS: usize = 64;
/// The most names that have a bin of their own; the rarest share one.
const NAMES: usize = 250;
/// Rows of a name from which it has a bin of its own.
const RARE: usize = 5;

/// How a column is cut. Bin 0 is "missing".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binning {
    /// Numbers: bin 1 up to the first edge, and so on; the last bin is above the last edge.
    Number {
        /// In ascending order.
        edges: Vec<f64>,
    },
    /// Dates as days since 1970-01-01, cut like numbers.
    Date {
        /// In ascending order.
        edges: Vec<f64>,
    },
    /// Names: each has the bin one above its place; all others share the last bin.
    Name {
        /// In ascending order.
        names: Vec<String>,
    },
}

impl Binning {
    /// Cuts a column by its content in these rows.
    #[must_use]
    pub fn fit(column: &Column, kind: Kind, rows: &[u32]) -> Self {
        let mut counts = vec![0usize; column.texts.len()];
        for row in rows {
            counts[column.codes[*row as usize] as usize] += 1;
        }
        let present = || column.texts.iter().zip(&counts).filter(|one| *one.1 > 0 && !missing(one.0));
        let edges = |parse: fn(&str) -> Option<f64>| {
            edges(present().filter_map(|(text, count)| Some((parse(text)?, *count))).collect())
        };
        match kind {
            Kind::Number => Self::Number { edges: edges(kinds::number) },
            Kind::Date => Self::Date { edges: edges(calendar::parse) },
            Kind::Name => {
                let mut often: Vec<(&String, usize)> =
                    present().map(|(text, count)| (text, *count)).filter(|one| one.1 >= RARE).collect();
                often.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
                let mut names: Vec<String> = often.into_iter().take(NAMES).map(|one| one.0.clone()).collect();
                names.sort_unstable();
                Self::Name { names }
            }
        }
    }

    /// The bin of a text.
    #[must_use]
    pub fn of_text(&self, text: &str) -> u16 {
        match self {
            Self::Number { .. } => kinds::number(text).map_or(0, |number| self.of_number(number)),
            Self::Date { .. } => calendar::parse(text).map_or(0, |day| self.of_number(day)),
            Self::Name { .. } if missing(text) => 0,
            Self::Name { names } => {
                let place = names.binary_search_by(|name| name.as_str().cmp(text));
                place.unwrap_or(names.len()) as u16 + 1
            }
        }
    }

    /// The bin of a number, or of a day since 1970-01-01; a column of names has no number.
    #[must_use]
    pub fn of_number(&self, number: f64) -> u16 {
        match self {
            Self::Number { edges } | Self::Date { edges } if !number.is_nan() => {
                edges.partition_point(|edge| *edge < number) as u16 + 1
            }
            _ => 0,
        }
    }

    /// How many bins there are, with "missing".
    #[must_use]
    pub fn count(&self) -> u16 {
        match self {
            Self::Number { edges } | Self::Date { edges } => edges.len() as u16 + 2,
            Self::Name { names } => names.len() as u16 + 2,
        }
    }

    /// Whether bins are in the order of values.
    #[must_use]
    pub fn ordered(&self) -> bool {
        !matches!(self, Self::Name { .. })
    }

    /// Whether edges or names ascend, as looking them up needs.
    #[must_use]
    pub fn in_order(&self) -> bool {
        match self {
            Self::Number { edges } | Self::Date { edges } => {
                edges.len() < usize::from(u16::MAX) - 2 && edges.windows(2).all(|pair| pair[0] < pair[1])
            }
            Self::Name { names } => {
                names.len() < usize::from(u16::MAX) - 2 && names.windows(2).all(|pair| pair[0] < pair[1])
            }
        }
    }

    /// Cuts these rows of a column.
    #[must_use]
    pub fn apply(&self, column: &Column, rows: &[u32]) -> boost::Bins {
        let of_texts: Vec<u16> = column.texts.iter().map(|text| self.of_text(text)).collect();
        boost::Bins {
            kind: if self.ordered() { boost::Kind::Ordered } else { boost::Kind::Nominal },
            count: self.count(),
            values: rows.iter().map(|row| of_texts[column.codes[*row as usize] as usize]).collect(),
        }
    }

    /// What a run of bins holds, for people; `first` and `last` are the same for names.
    #[must_use]
    pub fn label(&self, first: u16, last: u16) -> String {
        let shown = |edge: f64| match self {
            Self::Date { .. } => format!("day {edge:.0}"),
            _ => format!("{}", (edge * 1e4).round() / 1e4),
        };
        match self {
            _ if first == 0 => "missing".to_owned(),
            Self::Name { names } => {
                names.get(usize::from(first) - 1).map_or_else(|| "any other".to_owned(), Clone::clone)
            }
            Self::Number { edges } | Self::Date { edges } => {
                let below = usize::from(first).checked_sub(2).and_then(|at| edges.get(at));
                match (below, edges.get(usize::from(last) - 1)) {
                    (None, None) => "any".to_owned(),
                    (None, Some(above)) => format!("up to {}", shown(*above)),
                    (Some(below), None) => format!("above {}", shown(*below)),
                    (Some(below), Some(above)) => format!("{} to {}", shown(*below), shown(*above)),
                }
            }
        }
    }
}

/// Edges between bins of about as many rows; between any two values when there are few.
fn edges(mut values: Vec<(f64, usize)>) -> Vec<f64> {
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let total: usize = values.iter().map(|one| one.1).sum();
    let few = values.len() <= BINS;
    let mut edges: Vec<f64> = Vec::new();
    let mut before = 0;
    let mut cut_at = 0;
    for pair in values.windows(2) {
        before += pair[0].1;
        // The next cut lies where a share of the rows that are left, and of the bins that are left, ends.
        let enough = (before - cut_at) * (BINS - edges.len().min(BINS - 1)) >= total - cut_at;
        if (few || (enough && edges.len() + 1 < BINS)) && pair[0].0 < pair[1].0 {
            edges.push(pair[0].0 + (pair[1].0 - pair[0].0) / 2.0);
            cut_at = before;
        }
    }
    edges.dedup();
    edges
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::table::Table;
    use super::{BINS, Binning, Kind, edges};

    proptest! {
        #[test]
        fn bins_are_in_order_and_about_equal(values in proptest::collection::vec(-1e6f64..1e6, 300..2000)) {
            let edges = edges(values.iter().map(|value| (*value, 1)).collect());
            prop_assert!(edges.windows(2).all(|pair| pair[0] < pair[1]) && edges.len() < BINS);
            let binning = Binning::Number { edges };
            let mut counts = vec![0usize; usize::from(binning.count())];
            for value in &values {
                counts[usize::from(binning.of_number(*value))] += 1;
            }
            prop_assert_eq!(counts[0], 0);
            let even = values.len() as f64 / BINS as f64;
            prop_assert!(counts[1..].iter().all(|count| (*count as f64) < 2.0 * even + 2.0), "{:?}", counts);
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            prop_assert!(sorted.windows(2).all(|pair| binning.of_number(pair[0]) <= binning.of_number(pair[1])));
        }
    }

    #[test]
    fn few_values_have_a_bin_each_and_one_that_is_most_has_its_own() {
        assert_eq!(edges(vec![(3.0, 1), (1.0, 9), (2.0, 1)]), [1.5, 2.5]);
        let mut skewed: Vec<(f64, usize)> = (1..500).map(|value| (f64::from(value), 1)).collect();
        skewed.push((0.0, 100_000));
        let edges = edges(skewed);
        assert_eq!(edges[0], 0.5);
        assert!(edges.len() > 30, "{}", edges.len());
    }

    #[test]
    fn rare_and_unknown_names_share_a_bin() {
        let mut table = Table::new(["it"]);
        for row in 0..40 {
            table.push([["b", "a", "", "b"][row % 4]]);
        }
        table.push(["rare"]);
        let column = &table.columns()[0];
        let rows: Vec<u32> = (0..41).collect();
        let binning = Binning::fit(column, Kind::Name, &rows);
        assert_eq!(binning, Binning::Name { names: vec!["a".to_owned(), "b".to_owned()] });
        assert_eq!(["", "a", "b", "rare", "new"].map(|text| binning.of_text(text)), [0, 1, 2, 3, 3]);
        assert_eq!(binning.apply(column, &rows).values[..4], [2, 1, 0, 2]);
        assert_eq!([0, 2, 3].map(|bin| binning.label(bin, bin)), ["missing", "b", "any other"]);
        let numbers = Binning::Number { edges: vec![1.5, 2.5] };
        assert_eq!(numbers.of_text("x"), 0);
        assert_eq!(
            [(1, 1), (2, 2), (3, 3)].map(|(a, b)| numbers.label(a, b)),
            ["up to 1.5", "1.5 to 2.5", "above 2.5"]
        );
    }
}
