//! Lines over a figure, with intervals: rates by day, learning curves, calibration.

use crate::bars::key_of;
use crate::canvas::{Align, Canvas, Look, Outline, Stroke};
use crate::scale::Scale;
use crate::theme::{GRID, QUIET, RULE, SERIES, SMALL, Unit};
use crate::{PlotError, finite, within};

/// Points that a line can have.
pub const MAX_POINTS: usize = 10_000;
/// Points up to which each has a mark.
const MARKED: usize = 60;

/// A point of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Its place along the line.
    pub x: f64,
    /// Its figure.
    pub y: f64,
    /// The lower and upper end of its interval.
    pub interval: Option<(f64, f64)>,
}

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<Point>,
}

/// What lines are compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reference {
    /// Where both figures are the same: a perfect calibration.
    Diagonal,
    /// The same figure everywhere.
    Level(f64),
}

/// An axis.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Axis {
    /// What its figures are.
    pub label: String,
    /// How they are written.
    pub unit: Unit,
}

/// Lines in one picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lines {
    /// The title.
    pub title: String,
    /// The axis from left to right.
    pub x: Axis,
    /// The axis from below.
    pub y: Axis,
    /// The lines; with one there is no key.
    pub series: Vec<Series>,
    /// What they are compared with.
    pub reference: Option<Reference>,
}

const WIDTH: f64 = 860.0;
const RIGHT: f64 = WIDTH - 30.0;
const LEFT: f64 = 90.0;
const BOTTOM: f64 = 440.0;

impl Lines {
    /// The picture. Intervals are bands between lines of many points and whiskers at points that have marks.
    ///
    /// # Errors
    /// [`PlotError`] when there is nothing or too much to show, a figure is not finite, or points go backwards.
    pub fn svg(&self) -> Result<String, PlotError> {
        self.check()?;
        let top = if self.series.len() > 1 { 92.0 } else { 68.0 };
        let mut canvas = Canvas::new(WIDTH, BOTTOM + 58.0, &self.title, &self.description());
        let points = || self.series.iter().flat_map(|series| &series.points);
        let level = match self.reference {
            Some(Reference::Level(level)) => Some(level),
            _ => None,
        };
        let heights = points().flat_map(|point| {
            let (low, high) = point.interval.unwrap_or((point.y, point.y));
            [low, point.y, high]
        });
        let x = Scale::new(points().map(|point| point.x), LEFT, RIGHT, 7);
        let y = Scale::new(heights.chain(level), BOTTOM, top, 6);
        self.axes(&mut canvas, &x, &y);
        match self.reference {
            None => {}
            Some(Reference::Level(level)) => {
                let stroke = Stroke { colour: RULE, width: 1.5, dashed: true };
                canvas.line((LEFT, y.at(level)), (RIGHT, y.at(level)), stroke);
            }
            Some(Reference::Diagonal) => {
                if let Some((low, high)) = common(&x, &y, top) {
                    let stroke = Stroke { colour: RULE, width: 1.5, dashed: true };
                    canvas.line((x.at(low), y.at(low)), (x.at(high), y.at(high)), stroke);
                }
            }
        }
        if self.series.len() > 1 {
            let names: Vec<String> = self.series.iter().map(|series| series.name.clone()).collect();
            key_of(&mut canvas, &names, LEFT, 76.0);
        }
        for (at, series) in self.series.iter().enumerate() {
            self.series(&mut canvas, &x, &y, series, at);
        }
        Ok(canvas.finish())
    }

    fn axes(&self, canvas: &mut Canvas, x: &Scale, y: &Scale) {
        let grid = Stroke { colour: GRID, width: 1.0, dashed: false };
        let look = Look { size: SMALL, colour: QUIET, ..Look::PLAIN };
        for (figure, text) in y.ticks(self.y.unit) {
            canvas.line((LEFT, y.at(figure)), (RIGHT, y.at(figure)), grid);
            canvas.text(LEFT - 8.0, y.at(figure) + SMALL * 0.35, &text, look.aligned(Align::End));
        }
        for (figure, text) in x.ticks(self.x.unit) {
            canvas.line((x.at(figure), BOTTOM), (x.at(figure), BOTTOM + 5.0), grid);
            canvas.text(x.at(figure), BOTTOM + 18.0, &text, look.aligned(Align::Middle));
        }
        let rule = Stroke { colour: RULE, width: 1.0, dashed: false };
        canvas.line((LEFT, BOTTOM), (RIGHT, BOTTOM), rule);
        let quiet = Look { colour: QUIET, ..Look::PLAIN };
        canvas.text((LEFT + RIGHT) / 2.0, BOTTOM + 42.0, &self.x.label, quiet.aligned(Align::Middle));
        // Above the axis, not along it: nobody has to turn the head.
        canvas.text(20.0, 54.0, &self.y.label, quiet);
    }

    fn series(&self, canvas: &mut Canvas, x: &Scale, y: &Scale, series: &Series, at: usize) {
        let colour = SERIES[at];
        let marked = series.points.len() <= MARKED;
        if !marked {
            band(canvas, x, y, series, colour);
        }
        let mut points = series.points.iter();
        let Some(first) = points.next() else { return };
        let outline = points
            .fold(Outline::from(x.at(first.x), y.at(first.y)), |line, point| line.to(x.at(point.x), y.at(point.y)));
        canvas.curve(&outline, Stroke { colour, width: 2.0, dashed: false }, 1.0, &series.name);
        if !marked {
            return;
        }
        for point in &series.points {
            let place = (x.at(point.x), y.at(point.y));
            let mut tip = format!("{}: {} at {}", series.name, self.y.unit.label(point.y), self.x.unit.label(point.x));
            if let Some((low, high)) = point.interval {
                tip.push_str(&format!(" ({} to {})", self.y.unit.label(low), self.y.unit.label(high)));
                let stroke = Stroke { colour, width: 1.2, dashed: false };
                canvas.line((place.0, y.at(low)), (place.0, y.at(high)), stroke);
                for end in [low, high] {
                    canvas.line((place.0 - 4.0, y.at(end)), (place.0 + 4.0, y.at(end)), stroke);
                }
            }
            canvas.area(&mark(at, place), colour, 1.0, &tip);
        }
    }

    fn check(&self) -> Result<(), PlotError> {
        within("lines", self.series.len(), SERIES.len())?;
        for series in &self.series {
            within("points", series.points.len(), MAX_POINTS)?;
            for point in &series.points {
                finite("place", &series.name, point.x)?;
                finite("value", &series.name, point.y)?;
                let (low, high) = point.interval.unwrap_or((point.y, point.y));
                finite("interval", &series.name, low)?;
                finite("interval", &series.name, high)?;
            }
            if series.points.windows(2).any(|pair| pair[0].x > pair[1].x) {
                return Err(PlotError::Inconsistent(format!("the points of {:?} go backwards", series.name)));
            }
        }
        match self.reference {
            Some(Reference::Level(level)) => finite("level", &self.title, level),
            _ => Ok(()),
        }
    }

    fn description(&self) -> String {
        let ends = self.series.iter().filter_map(|series| {
            let (first, last) = (series.points.first()?, series.points.last()?);
            let unit = self.y.unit;
            Some(format!("{} goes from {} to {}", series.name, unit.label(first.y), unit.label(last.y)))
        });
        let ends: Vec<String> = ends.collect();
        format!("{} by {}: {}", self.y.label, self.x.label, ends.join("; "))
    }
}

/// Where both axes have the same figures.
fn common(x: &Scale, y: &Scale, top: f64) -> Option<(f64, f64)> {
    let inside = |figure: f64| {
        let (left, height) = (x.at(figure), y.at(figure));
        (LEFT - 0.01..=RIGHT + 0.01).contains(&left) && (top - 0.01..=BOTTOM + 0.01).contains(&height)
    };
    let ticks = x.ticks(Unit::Number).into_iter().chain(y.ticks(Unit::Number)).map(|(figure, _)| figure);
    let mut shared: Vec<f64> = ticks.filter(|figure| inside(*figure)).collect();
    shared.sort_unstable_by(f64::total_cmp);
    let (low, high) = (*shared.first()?, *shared.last()?);
    (low < high).then_some((low, high))
}

fn band(canvas: &mut Canvas, x: &Scale, y: &Scale, series: &Series, colour: &str) {
    let sure: Vec<(f64, (f64, f64))> =
        series.points.iter().filter_map(|point| Some((point.x, point.interval?))).collect();
    let Some((first, ends)) = sure.first() else { return };
    let upper = sure.iter().skip(1).map(|(at, ends)| (x.at(*at), y.at(ends.1)));
    let lower = sure.iter().rev().map(|(at, ends)| (x.at(*at), y.at(ends.0)));
    let outline =
        upper.chain(lower).fold(Outline::from(x.at(*first), y.at(ends.1)), |line, (x, y)| line.to(x, y)).closed();
    canvas.area(&outline, colour, 0.18, "");
}

/// A mark by the number of the series: diamonds, squares, triangles and so on.
fn mark(series: usize, (x, y): (f64, f64)) -> Outline {
    let corners: &[(f64, f64)] = match series % 4 {
        0 => &[(0.0, -4.5), (4.5, 0.0), (0.0, 4.5), (-4.5, 0.0)],
        1 => &[(-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)],
        2 => &[(0.0, -4.5), (4.5, 3.5), (-4.5, 3.5)],
        _ => &[(0.0, 4.5), (4.5, -3.5), (-4.5, -3.5)],
    };
    let first = Outline::from(x + corners[0].0, y + corners[0].1);
    corners[1..].iter().fold(first, |outline, corner| outline.to(x + corner.0, y + corner.1)).closed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::tests::well_formed;

    fn line(name: &str, points: usize) -> Series {
        let points = (0..points).map(|at| {
            let at = at as f64;
            Point { x: at, y: at / 10.0, interval: Some((at / 10.0 - 0.1, at / 10.0 + 0.1)) }
        });
        Series { name: name.to_owned(), points: points.collect() }
    }

    fn lines(series: Vec<Series>) -> Lines {
        Lines { title: "rate".to_owned(), series, ..Lines::default() }
    }

    #[test]
    fn few_points_have_marks_and_many_a_band() {
        let few = lines(vec![line("a", MARKED), line("b", 3)]);
        let svg = few.svg().unwrap();
        well_formed(&svg);
        assert!(svg.contains("a: 0.1 at 1 (0 to 0.2)") && !svg.contains("fill-opacity"));
        let many = Lines { reference: Some(Reference::Level(2.0)), ..lines(vec![line("a", MARKED + 1)]) };
        let svg = many.svg().unwrap();
        well_formed(&svg);
        assert!(svg.contains("fill-opacity=\"0.18\"") && svg.contains("stroke-dasharray"));
    }

    #[test]
    fn the_diagonal_joins_the_same_figures_of_both_axes() {
        let points = [(0.0, 0.1), (1.0, 0.9)].map(|(x, y)| Point { x, y, interval: None }).to_vec();
        let picture = Lines {
            reference: Some(Reference::Diagonal),
            ..lines(vec![Series { name: "calibration".to_owned(), points }])
        };
        let svg = picture.svg().unwrap();
        let dashed = svg.lines().find(|line| line.contains("stroke-dasharray")).unwrap();
        assert!(dashed.contains("x1=\"90\" y1=\"440\" x2=\"830\" y2=\"68\""), "{dashed}");
    }

    #[test]
    fn what_cannot_be_drawn_is_said() {
        assert_eq!(lines(Vec::new()).svg(), Err(PlotError::Empty("lines")));
        assert_eq!(lines(vec![line("a", 0)]).svg(), Err(PlotError::Empty("points")));
        assert!(lines(vec![line("a", MAX_POINTS)]).svg().is_ok());
        assert!(matches!(lines(vec![line("a", MAX_POINTS + 1)]).svg(), Err(PlotError::TooMany { .. })));
        let mut back = line("a", 3);
        back.points.reverse();
        assert_eq!(lines(vec![back]).svg().unwrap_err().to_string(), "the points of \"a\" go backwards");
        let endless = Lines { reference: Some(Reference::Level(f64::INFINITY)), ..lines(vec![line("a", 2)]) };
        assert!(matches!(endless.svg(), Err(PlotError::NotFinite { what: "level", .. })));
    }
}
