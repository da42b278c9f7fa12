//! What a model is worth, for people and machines.

use std::fmt::Write as _;

use attune_learning::causes::{Cause, Leak};
use attune_learning::data::LeftOut;
use attune_learning::evaluate::Figures;
use attune_learning::evaluate::figures::Month;
use attune_learning::model::{Blend, Training};
use serde::Serialize;

/// What a model is worth.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// The column that is predicted.
    pub(crate) label: String,
    /// Which of its values.
    pub(crate) positive: String,
    /// Which rows the figures are of.
    pub(crate) validation: String,
    /// How good the probabilities of rows that were not learned from are.
    pub(crate) figures: Figures,
    /// What was predicted for each month and what happened.
    pub(crate) by_month: Vec<Month>,
    /// Which columns push, in the model that is kept.
    pub(crate) causes: Vec<Cause>,
    /// Columns that nearly decide the label alone.
    pub(crate) leaks: Vec<Leak>,
    /// Columns that were not learned from.
    pub(crate) left_out: Vec<LeftOut>,
    /// How the model that is kept was learned.
    pub(crate) training: Training,
    /// How its parts are weighed.
    pub(crate) blend: Blend,
    /// What it took.
    pub(crate) cost: Cost,
}

/// What learning took, with the validation.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Cost {
    /// Seconds that passed.
    pub(crate) wall_seconds: f64,
    /// Seconds of all processors.
    pub(crate) cpu_seconds: f64,
    /// Most memory at a time.
    pub(crate) peak_memory_bytes: u64,
}

/// Causes and groups that a page shows.
const CAUSES: usize = 12;
const GROUPS: usize = 6;

impl Report {
    /// A page for people.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let figures = &self.figures;
        writeln!(
            out,
            "{} = {}: {} of {} rows, {}",
            self.label, self.positive, figures.positives, figures.rows, self.validation
        )?;
        for leak in &self.leaks {
            writeln!(out, "warning: {} alone reaches an AUC of {:.3}; was it known before?", leak.column, leak.auc)?;
        }
        for left in &self.left_out {
            writeln!(out, "left out: {}: {}", left.column, left.reason)?;
        }
        writeln!(out)?;
        if let Some(auc) = figures.auc {
            writeln!(out, "AUC                {:.4}  ({:.4} to {:.4})", auc.value, auc.interval.0, auc.interval.1)?;
        }
        writeln!(out, "accuracy           {:.4}", figures.accuracy)?;
        writeln!(out, "log-loss           {:.4}", figures.log_loss)?;
        writeln!(out, "Brier              {:.4}", figures.brier)?;
        writeln!(out, "calibration error  {:.4}", figures.calibration_error)?;
        writeln!(out, "\n decile    rows  predicted  actual    lift  captured")?;
        for (at, one) in figures.deciles.iter().enumerate() {
            let (predicted, actual) = (one.predicted * 100.0, one.actual * 100.0);
            let captured = one.captured * 100.0;
            writeln!(
                out,
                "{:>7} {:>7} {predicted:>9.1}% {actual:>6.1}% {:>7.2} {captured:>8.1}%",
                at + 1,
                one.rows,
                one.lift
            )?;
        }
        self.write_causes(out)?;
        if !self.by_month.is_empty() {
            writeln!(out, "\nmonth       rows  predicted   actual  95 of 100 between")?;
        }
        for one in &self.by_month {
            let (low, high) = one.interval;
            writeln!(
                out,
                "{:<8} {:>7} {:>10.1} {:>8}  {low:.1} and {high:.1}",
                one.month, one.rows, one.predicted, one.actual
            )?;
        }
        let (training, blend) = (&self.training, &self.blend);
        writeln!(
            out,
            "\nregression x {:.2} (penalty {}) + trees x {:.2} ({} of {} leaves); cross-validated log-loss {:.4}, {:.4}, both {:.4}",
            blend.regression,
            training.penalty,
            blend.trees,
            training.trees,
            training.leaves,
            training.losses[0],
            training.losses[1],
            training.losses[2],
        )?;
        let cost = &self.cost;
        let memory = cost.peak_memory_bytes as f64 / f64::from(1 << 20);
        writeln!(out, "{:.1} s, {:.1} s of processors, {memory:.0} MiB", cost.wall_seconds, cost.cpu_seconds)
    }

    fn write_causes(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "\ncause                           share     rows   actual   push  effect (95 of 100)")?;
        for cause in self.causes.iter().take(CAUSES).filter(|cause| cause.share >= 0.005) {
            writeln!(out, "{:<30} {:>5.1}%", cause.column, cause.share * 100.0)?;
            let mut groups: Vec<_> = cause.groups.iter().collect();
            // Names are many; those that push the most are told.
            if groups.len() > GROUPS {
                groups.sort_by(|a, b| (b.effect.abs() * b.rows as f64).total_cmp(&(a.effect.abs() * a.rows as f64)));
                groups.truncate(GROUPS);
            }
            for group in groups {
                let push = group.push.map_or_else(|| "-".to_owned(), |push| format!("{push:+.2}"));
                let interval =
                    group.interval.map_or_else(String::new, |(low, high)| format!(" ({low:+.2} to {high:+.2})"));
                let actual = group.actual * 100.0;
                writeln!(
                    out,
                    "  {:<35} {:>8} {actual:>7.1}% {push:>6}  {:+.2}{interval}",
                    group.values, group.rows, group.effect
                )?;
            }
        }
        Ok(())
    }
}
