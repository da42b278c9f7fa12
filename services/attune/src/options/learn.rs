//! The command line of what is learned: `attune profile train|score|ltv`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::profile::PageFormat;

/// `attune profile train`.
#[derive(Debug, Clone, Args)]
pub(crate) struct TrainOptions {
    /// Rows of persons with their label: separated by commas, semicolons or tabs; plain or gzip; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// The column to predict. It has two values.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: String,
    /// The value to predict; the rarer one without it.
    #[arg(long, value_name = "VALUE")]
    pub(crate) positive: Option<String>,
    /// Columns that are not known when the model is asked.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// Folds of the cross-validation that the report is of.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(2..=20))]
    pub(crate) folds: u16,
    /// Keep this share of the rows aside instead, and report on them.
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with = "folds")]
    pub(crate) holdout: Option<f64>,
    /// What the draws depend on.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Threads; all cores without it.
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Where to write the model.
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,
    /// Where to write the report as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Where to draw; the names get `.lift`, `.calibration` and `.causes` before their ending.
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
    /// Where to write the probability of each row that the report is of: row, fold, label, probability.
    #[arg(long, value_name = "FILE")]
    pub(crate) predictions: Option<PathBuf>,
    /// A column of dates by whose months predictions are compared with what happened; it is not learned from.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) time_column: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = PageFormat::Table)]
    pub(crate) format: PageFormat,
}

fn share(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|error| format!("{error}"))?;
    if value > 0.0 && value < 1.0 { Ok(value) } else { Err("not between 0 and 1".to_owned()) }
}

/// `attune profile score`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScoreOptions {
    /// The model: of `attune profile train`, or ONNX of whoever trained it.
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// Columns that an ONNX model with one table as input reads, in its order; all but the id's without it.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub(crate) features: Vec<String>,
    /// Rows of persons with the model's columns.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// Where to write the rows' scores; `-` is standard output, `.gz` is compressed.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// A column that names the rows; their numbers without it.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) id_column: Option<String>,
    /// Columns that push the most, for each row, with what they add to the log-odds.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) reasons: usize,
    /// How to print how far the rows have drifted from those of the training.
    #[arg(long, value_enum, default_value_t = PageFormat::Table)]
    pub(crate) format: PageFormat,
}

/// `attune profile ltv`.
#[derive(Debug, Clone, Args)]
pub(crate) struct LtvOptions {
    /// Purchases, one a row: separated by commas, semicolons, tabs or blanks; plain or gzip.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    /// The column of the customer.
    #[arg(long, value_name = "COLUMN", default_value = "customer_id")]
    pub(crate) customer_column: String,
    /// The column of the date: 2026-11-23, 2026/11/23 or 20261123, with or without a time.
    #[arg(long, value_name = "COLUMN", default_value = "time")]
    pub(crate) time_column: String,
    /// The column of the value. Without it, only purchases are predicted.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) value_column: Option<String>,
    /// The last day that is learned from; what comes after is compared. Without it, all is learned from.
    #[arg(long, value_name = "DATE")]
    pub(crate) calibration_end: Option<String>,
    /// How far to predict: weeks or days, such as 39w or 180d. What is compared ends there or with the file.
    #[arg(long, value_name = "TIME", default_value = "39w", value_parser = horizon)]
    pub(crate) horizon: u32,
    /// What a value loses by waiting a year, as a share.
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub(crate) discount: f64,
    /// Where to write each customer's figures.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Where to write the report as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Where to draw expected and actual purchases by the number of purchases before.
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = PageFormat::Table)]
    pub(crate) format: PageFormat,
}

/// Days of a horizon.
fn horizon(text: &str) -> Result<u32, String> {
    let wrong = || "not a number of weeks or days, such as 39w or 180d".to_owned();
    let unit = match text.chars().last() {
        Some('w') => 7,
        Some('d') => 1,
        _ => return Err(wrong()),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let days = count.checked_mul(unit).filter(|days| (1..=36_525).contains(days));
    days.ok_or_else(|| "not between a day and a hundred years".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{horizon, share};

    #[test]
    fn horizons_are_weeks_or_days() {
        assert_eq!((horizon("39w"), horizon("180d")), (Ok(273), Ok(180)));
        for text in ["", "w", "39", "0d", "-1w", "36526d", "9999999999w"] {
            horizon(text).unwrap_err();
        }
    }

    #[test]
    fn shares_leave_something_on_both_sides() {
        assert_eq!(share("0.5"), Ok(0.5));
        for text in ["0", "1", "x", "nan"] {
            share(text).unwrap_err();
        }
    }
}
