//! Horizontal bars with intervals: one row a label, one bar a series.

use crate::canvas::{Align, Canvas, Look, Stroke};
use crate::scale::Scale;
use crate::theme::{GRID, INK, QUIET, RULE, SERIES, SMALL, TEXT, Unit, fitted, width};
use crate::{PlotError, finite, within};

/// Rows that a picture can show.
pub const MAX_ROWS: usize = 200;
/// Series that can be told apart.
pub const MAX_SERIES: usize = SERIES.len();

/// A figure and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value {
    /// The figure, in the unit of the picture.
    pub value: f64,
    /// The lower and upper end of its interval.
    pub interval: Option<(f64, f64)>,
}

impl Value {
    /// A figure without an interval.
    #[must_use]
    pub fn exactly(value: f64) -> Self {
        Self { value, interval: None }
    }
}

/// A row of bars.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it is about.
    pub label: String,
    /// A figure for each series; nothing where there is none.
    pub values: Vec<Option<Value>>,
}

/// Bars from zero to the right and to the left.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bars {
    /// The title.
    pub title: String,
    /// What the figures are.
    pub axis: String,
    /// How they are written.
    pub unit: Unit,
    /// The names of the series; with one there is no key.
    pub series: Vec<String>,
    /// The rows, from above.
    pub rows: Vec<Row>,
    /// A figure to compare with, such as the mean, and what it is.
    pub reference: Option<(f64, String)>,
}

const LEFT: f64 = 20.0;
const WIDTH: f64 = 860.0;
const BAR: f64 = 18.0;

impl Bars {
    /// The picture.
    ///
    /// # Errors
    /// [`PlotError`] when there is nothing or too much to show, or a figure is not finite.
    pub fn svg(&self) -> Result<String, PlotError> {
        self.check()?;
        let series = self.series.len();
        let labels = self.rows.iter().map(|row| width(&row.label, TEXT)).fold(60.0, f64::max).min(300.0);
        let key = if series > 1 { 28.0 } else { 0.0 };
        let top = 50.0 + key;
        let row_height = BAR * series as f64 + 10.0;
        let bottom = top + row_height * self.rows.len() as f64;
        let mut canvas = Canvas::new(WIDTH, bottom + 58.0, &self.title, &self.description());
        let figures = self.rows.iter().flat_map(|row| row.values.iter().flatten()).flat_map(|value| {
            let (low, high) = value.interval.unwrap_or((value.value, value.value));
            [low, value.value, high]
        });
        let reference = self.reference.iter().map(|(figure, _)| *figure);
        let start = LEFT + labels + 10.0;
        let scale = Scale::new(figures.chain(reference).chain([0.0]), start, WIDTH - 90.0, 6);
        for (figure, text) in scale.ticks(self.unit) {
            let x = scale.at(figure);
            canvas.line((x, top), (x, bottom), Stroke { colour: GRID, width: 1.0, dashed: false });
            let look = Look { size: SMALL, colour: QUIET, ..Look::PLAIN };
            canvas.text(x, bottom + 16.0, &text, look.aligned(Align::Middle));
        }
        let middle = (start + WIDTH - 90.0) / 2.0;
        canvas.text(middle, bottom + 40.0, &self.axis, Look { colour: QUIET, ..Look::PLAIN }.aligned(Align::Middle));
        if series > 1 {
            key_of(&mut canvas, &self.series, start, 52.0);
        }
        for (at, row) in self.rows.iter().enumerate() {
            let y = top + row_height * at as f64 + 5.0;
            let centre = y + (row_height - 10.0) / 2.0 + TEXT * 0.35;
            let label = fitted(&row.label, TEXT, labels);
            canvas.text(start - 10.0, centre, &label, Look::PLAIN.aligned(Align::End));
            for (series, value) in row.values.iter().enumerate() {
                let Some(value) = value else { continue };
                self.bar(&mut canvas, &scale, (row, series), value, y + BAR * series as f64);
            }
        }
        let zero = scale.at(0.0);
        canvas.line((zero, top), (zero, bottom), Stroke { colour: RULE, width: 1.0, dashed: false });
        if let Some((figure, what)) = &self.reference {
            let x = scale.at(*figure);
            canvas.line((x, top - 4.0), (x, bottom), Stroke { colour: INK, width: 1.5, dashed: true });
            let look = Look { size: SMALL, colour: INK, ..Look::PLAIN };
            canvas.text(x, top - 7.0, what, look.aligned(Align::Middle));
        }
        Ok(canvas.finish())
    }

    fn bar(&self, canvas: &mut Canvas, scale: &Scale, of: (&Row, usize), value: &Value, y: f64) {
        let (row, series) = of;
        let (zero, end) = (scale.at(0.0), scale.at(value.value));
        let written = self.unit.label(value.value);
        let mut tip = if self.series.len() > 1 {
            format!("{}, {}: {written}", row.label, self.series[series])
        } else {
            format!("{}: {written}", row.label)
        };
        let mut edges = (zero.min(end), zero.max(end));
        if let Some((low, high)) = value.interval {
            tip.push_str(&format!(" ({} to {})", self.unit.label(low), self.unit.label(high)));
        }
        canvas.rect((edges.0, y + 1.0), (edges.1 - edges.0, BAR - 2.0), SERIES[series], &tip);
        if let Some((low, high)) = value.interval {
            let (low, high, centre) = (scale.at(low), scale.at(high), y + BAR / 2.0);
            let stroke = Stroke { colour: INK, width: 1.5, dashed: false };
            canvas.line((low, centre), (high, centre), stroke);
            for x in [low, high] {
                canvas.line((x, centre - 4.0), (x, centre + 4.0), stroke);
            }
            edges = (edges.0.min(low), edges.1.max(high));
        }
        let look = Look { size: SMALL, colour: INK, ..Look::PLAIN };
        let base = y + BAR / 2.0 + SMALL * 0.35;
        if value.value < 0.0 && edges.1 <= zero {
            canvas.text(zero + 5.0, base, &written, look);
        } else {
            canvas.text(edges.1 + 5.0, base, &written, look);
        }
    }

    fn check(&self) -> Result<(), PlotError> {
        within("rows", self.rows.len(), MAX_ROWS)?;
        within("series", self.series.len(), MAX_SERIES)?;
        for row in &self.rows {
            if row.values.len() != self.series.len() {
                let (label, figures, series) = (&row.label, row.values.len(), self.series.len());
                return Err(PlotError::Inconsistent(format!(
                    "row {label:?} has {figures} figures for {series} series"
                )));
            }
            for value in row.values.iter().flatten() {
                finite("value", &row.label, value.value)?;
                let (low, high) = value.interval.unwrap_or((value.value, value.value));
                finite("interval", &row.label, low)?;
                finite("interval", &row.label, high)?;
                if low > high {
                    return Err(PlotError::Inconsistent(format!(
                        "the interval of {:?} ends before it begins",
                        row.label
                    )));
                }
            }
        }
        self.reference.as_ref().map_or(Ok(()), |(figure, what)| finite("reference", what, *figure))
    }

    fn description(&self) -> String {
        let first = self.rows.iter().take(3).filter_map(|row| {
            let value = row.values.iter().flatten().next()?;
            Some(format!("{} {}", row.label, self.unit.label(value.value)))
        });
        let first: Vec<String> = first.collect();
        format!("{} bars of {}; the first: {}", self.rows.len(), self.axis, first.join(", "))
    }
}

/// The key to the colours of series.
pub(crate) fn key_of(canvas: &mut Canvas, series: &[String], left: f64, base: f64) {
    let room = (WIDTH - left - 20.0) / series.len() as f64 - 28.0;
    let mut x = left;
    for (name, colour) in series.iter().zip(SERIES) {
        canvas.rect((x, base - 10.0), (12.0, 12.0), colour, "");
        let shown = fitted(name, TEXT, room);
        canvas.text(x + 18.0, base, &shown, Look::PLAIN);
        x += width(&shown, TEXT) + 28.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::tests::well_formed;

    fn row(label: &str, value: f64) -> Row {
        Row { label: label.to_owned(), values: vec![Some(Value::exactly(value))] }
    }

    fn bars(rows: Vec<Row>) -> Bars {
        Bars {
            title: "lift".to_owned(),
            axis: "lift".to_owned(),
            series: vec!["lift".to_owned()],
            rows,
            ..Bars::default()
        }
    }

    #[test]
    fn a_bar_is_as_long_as_its_figure() {
        let svg = bars(vec![row("a", 2.0), row("b & c", 1.0), row("d", -0.5)]).svg().unwrap();
        well_formed(&svg);
        let widths: Vec<f64> = svg
            .lines()
            .filter(|line| line.contains("fill=\"#0072b2\""))
            .map(|line| line.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
            .collect();
        assert!((widths[0] - 2.0 * widths[1]).abs() < 0.02 && (widths[1] - 2.0 * widths[2]).abs() < 0.02, "{widths:?}");
        assert!(svg.contains("<title>b &amp; c: 1</title>"));
    }

    #[test]
    fn intervals_series_and_references_are_drawn() {
        let mut picture = bars(Vec::new());
        picture.series.push("control".to_owned());
        picture.reference = Some((0.5, "mean".to_owned()));
        let value = Value { value: 0.4, interval: Some((0.3, 0.6)) };
        picture.rows.push(Row { label: "한국어".to_owned(), values: vec![Some(value), None] });
        let svg = picture.svg().unwrap();
        well_formed(&svg);
        assert!(svg.contains("한국어, lift: 0.4 (0.3 to 0.6)") && svg.contains(">control<") && svg.contains(">mean<"));
        assert_eq!(svg, picture.svg().unwrap());
    }

    #[test]
    fn what_cannot_be_drawn_is_said() {
        assert_eq!(bars(Vec::new()).svg(), Err(PlotError::Empty("rows")));
        let many = |count: usize| bars((0..count).map(|at| row(&at.to_string(), 1.0)).collect()).svg();
        assert!(many(MAX_ROWS).is_ok());
        assert_eq!(many(MAX_ROWS + 1), Err(PlotError::TooMany { what: "rows", count: 201, limit: 200 }));
        let error = bars(vec![row("a", f64::NAN)]).svg().unwrap_err();
        assert_eq!(error.to_string(), "the value of \"a\" is not a finite number");
        let mut uneven = bars(vec![row("a", 1.0)]);
        uneven.rows[0].values.push(None);
        assert_eq!(uneven.svg().unwrap_err().to_string(), "row \"a\" has 2 figures for 1 series");
        let mut backwards = bars(vec![row("a", 1.0)]);
        backwards.rows[0].values[0] = Some(Value { value: 1.0, interval: Some((2.0, 0.0)) });
        assert_eq!(backwards.svg().unwrap_err().to_string(), "the interval of \"a\" ends before it begins");
    }
}
