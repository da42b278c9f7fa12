//! Axes: from figures to places.

use crate::theme::Unit;

/// A straight axis between two figures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    start: f64,
    end: f64,
    step: f64,
}

impl Scale {
    /// One that shows all of the figures, with round ends, between two places. Figures that are all alike get room on
    /// both sides.
    pub(crate) fn new(figures: impl IntoIterator<Item = f64>, start: f64, end: f64, ticks: usize) -> Self {
        let (mut low, mut high) = figures
            .into_iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), figure| (low.min(figure), high.max(figure)));
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if low == high {
            let room = if low == 0.0 { 1.0 } else { low.abs() / 2.0 };
            (low, high) = (low - room, high + room);
        }
        let step = round_step((high / 2.0 - low / 2.0) / ticks.max(1) as f64 * 2.0);
        // At the ends of the range of numbers a rounded end can be none.
        let floor = (low / step).floor() * step;
        let ceiling = (high / step).ceil() * step;
        let low = if floor.is_finite() { floor } else { low };
        let high = if ceiling.is_finite() { ceiling } else { high };
        Self { low, high, start, end, step }
    }

    /// Where a figure lies.
    pub(crate) fn at(&self, figure: f64) -> f64 {
        // Halves, so that the difference of two very large numbers is a number.
        let share = (figure / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        self.start + share * (self.end - self.start)
    }

    /// The round figures on it and how they are written.
    pub(crate) fn ticks(&self, unit: Unit) -> Vec<(f64, String)> {
        let first = (self.low / self.step).round();
        let count = ((self.high / 2.0 - self.low / 2.0) / self.step * 2.0).round().clamp(1.0, 50.0) as usize;
        let figures = (0..=count).map(|tick| (first + tick as f64) * self.step);
        figures.map(|figure| (figure, unit.tick(figure, self.step))).collect()
    }
}

/// The least of 1, 2, 2.5 and 5 times a power of ten that is not below a width.
fn round_step(width: f64) -> f64 {
    let power = 10f64.powf(width.log10().floor()).max(f64::MIN_POSITIVE);
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].iter().map(|digit| digit * power).find(|step| *step >= width);
    step.filter(|step| step.is_finite()).unwrap_or(width)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round() {
        let texts = |figures: [f64; 2], unit| {
            let scale = Scale::new(figures, 0.0, 100.0, 5);
            scale.ticks(unit).into_iter().map(|(_, text)| text).collect::<Vec<_>>()
        };
        assert_eq!(texts([0.0, 97_597.0], Unit::Number), ["0", "20,000", "40,000", "60,000", "80,000", "100,000"]);
        assert_eq!(texts([-0.3, 0.5], Unit::Share), ["-40 %", "-20 %", "0 %", "20 %", "40 %", "60 %"]);
        assert_eq!(texts([3.0, 3.0], Unit::Number), ["1", "2", "3", "4", "5"]);
        assert_eq!(Scale::new([], 0.0, 10.0, 5).at(1.0).to_bits(), 10f64.to_bits());
    }

    proptest! {
        #[test]
        fn every_figure_lies_on_the_axis(figures in prop::collection::vec(-1e300f64..1e300, 1..9), ticks in 1usize..12) {
            let scale = Scale::new(figures.iter().copied(), 40.0, 640.0, ticks);
            for figure in figures {
                let place = scale.at(figure);
                prop_assert!((39.999..=640.001).contains(&place), "{figure} at {place}");
            }
            let shown = scale.ticks(Unit::Number);
            prop_assert!(shown.len() <= 51 && shown.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}
