//! A table of shares in colours: retention by cohort, co-occurrence.

use crate::canvas::{Align, Canvas, Look};
use crate::theme::{HEAT, INK, PAPER, QUIET, SMALL, TEXT, Unit, fitted, width};
use crate::{PlotError, finite, within};

/// Rows, and columns, that a picture can show.
pub const MAX_SIDE: usize = 100;

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it is, such as a week.
    pub label: String,
    /// How many it is made of.
    pub size: u64,
    /// A share for each column, from 0 to 1; nothing where it is not known yet.
    pub shares: Vec<Option<f64>>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heat {
    /// The title.
    pub title: String,
    /// What the columns are, above them.
    pub columns: Vec<String>,
    /// The rows from above.
    pub rows: Vec<Row>,
}

const CELL: (f64, f64) = (56.0, 26.0);

impl Heat {
    /// The picture.
    ///
    /// # Errors
    /// [`PlotError`] when there is nothing or too much to show, a row is longer than the columns, or a share is not
    /// between 0 and 1.
    pub fn svg(&self) -> Result<String, PlotError> {
        within("rows", self.rows.len(), MAX_SIDE)?;
        within("columns", self.columns.len(), MAX_SIDE)?;
        for row in &self.rows {
            if row.shares.len() > self.columns.len() {
                return Err(PlotError::Inconsistent(format!("row {:?} is longer than the columns", row.label)));
            }
            for share in row.shares.iter().flatten() {
                finite("share", &row.label, *share)?;
                if !(0.0..=1.0).contains(share) {
                    return Err(PlotError::Inconsistent(format!("a share of {:?} is not between 0 and 1", row.label)));
                }
            }
        }
        let labels = self.rows.iter().map(|row| width(&row.label, TEXT)).fold(40.0, f64::max).min(220.0);
        let left = 20.0 + labels + 80.0;
        let size = (left + CELL.0 * self.columns.len() as f64 + 20.0, 92.0 + CELL.1 * self.rows.len() as f64);
        let most = self.rows.iter().flat_map(|row| row.shares.iter().flatten()).fold(0.0, |a: f64, b| a.max(*b));
        let description = format!(
            "A table of {} rows and {} columns; the largest share is {}",
            self.rows.len(),
            self.columns.len(),
            Unit::Share.label(most)
        );
        let mut canvas = Canvas::new(size.0.max(400.0), size.1, &self.title, &description);
        let quiet = Look { size: SMALL, colour: QUIET, ..Look::PLAIN };
        for (at, column) in self.columns.iter().enumerate() {
            let x = left + CELL.0 * (at as f64 + 0.5);
            canvas.text(x, 64.0, &fitted(column, SMALL, CELL.0), quiet.aligned(Align::Middle));
        }
        for (at, row) in self.rows.iter().enumerate() {
            let y = 72.0 + CELL.1 * at as f64;
            let base = y + CELL.1 / 2.0 + TEXT * 0.35;
            canvas.text(20.0, base, &fitted(&row.label, TEXT, labels), Look::PLAIN);
            canvas.text(left - 10.0, base, &Unit::Number.label(row.size as f64), quiet.aligned(Align::End));
            for ((column, name), share) in self.columns.iter().enumerate().zip(&row.shares) {
                let Some(share) = share else { continue };
                let step = ((share * HEAT.len() as f64) as usize).min(HEAT.len() - 1);
                let x = left + CELL.0 * column as f64;
                let tip = format!("{}, {name}: {} of {}", row.label, Unit::Share.label(*share), row.size);
                canvas.rect((x + 1.0, y + 1.0), (CELL.0 - 2.0, CELL.1 - 2.0), HEAT[step], &tip);
                let look = Look { size: SMALL, colour: on(step), align: Align::Middle, bold: false };
                let text = format!("{:.0} %", share * 100.0);
                canvas.text(x + CELL.0 / 2.0, y + CELL.1 / 2.0 + SMALL * 0.35, &text, look);
            }
        }
        Ok(canvas.finish())
    }
}

/// The colour of a text on a step of the scale.
fn on(step: usize) -> &'static str {
    if step < 4 { INK } else { PAPER }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::tests::well_formed;
    use crate::theme::tests::contrast;

    fn table(rows: usize, columns: usize) -> Heat {
        let row = |at: usize| Row {
            label: format!("week {at}"),
            size: 1000,
            shares: (0..columns).map(|column| (column + at < columns).then_some(1.0 / (column + 1) as f64)).collect(),
        };
        Heat {
            title: "retention".to_owned(),
            columns: (0..columns).map(|at| at.to_string()).collect(),
            rows: (0..rows).map(row).collect(),
        }
    }

    #[test]
    fn figures_can_be_read_on_every_colour() {
        for (step, colour) in HEAT.iter().enumerate() {
            assert!(contrast(on(step), colour) >= 4.5, "{colour}");
        }
    }

    #[test]
    fn every_known_share_is_a_cell() {
        let svg = table(3, 3).svg().unwrap();
        well_formed(&svg);
        assert_eq!(svg.matches("<rect").count() - 1, 6);
        assert!(svg.contains("week 0, 2: 33.3 % of 1000"));
    }

    #[test]
    fn what_cannot_be_drawn_is_said() {
        assert_eq!(table(0, 1).svg(), Err(PlotError::Empty("rows")));
        assert!(table(MAX_SIDE, MAX_SIDE).svg().is_ok());
        assert!(matches!(table(1, MAX_SIDE + 1).svg(), Err(PlotError::TooMany { what: "columns", .. })));
        let mut wrong = table(1, 1);
        wrong.rows[0].shares[0] = Some(1.5);
        assert_eq!(wrong.svg().unwrap_err().to_string(), "a share of \"week 0\" is not between 0 and 1");
        wrong.rows[0].shares = vec![None; 2];
        assert_eq!(wrong.svg().unwrap_err().to_string(), "row \"week 0\" is longer than the columns");
    }
}
