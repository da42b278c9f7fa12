//! A funnel: how many reach each step, and how many are lost on the way.

use crate::canvas::{Align, Canvas, Look, Outline};
use crate::theme::{INK, LOSS, QUIET, SERIES, SMALL, TEXT, Unit, fitted, width};
use crate::{PlotError, finite, within};

/// Steps that a picture can show.
pub const MAX_STEPS: usize = 64;

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// How many reach it.
    pub reached: u64,
    /// The median time from the step before, in seconds.
    pub median_seconds: Option<f64>,
}

/// A funnel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Funnel {
    /// The title.
    pub title: String,
    /// The steps in order; none is reached by more than the one before.
    pub steps: Vec<Step>,
}

const WIDTH: f64 = 860.0;
const BAR: f64 = 34.0;
const BETWEEN: f64 = 26.0;

impl Funnel {
    /// The picture.
    ///
    /// # Errors
    /// [`PlotError`] when there are no or too many steps, a step is reached by more than the one before, or a time is
    /// not finite.
    pub fn svg(&self) -> Result<String, PlotError> {
        within("steps", self.steps.len(), MAX_STEPS)?;
        for step in &self.steps {
            finite("median time", &step.name, step.median_seconds.unwrap_or_default())?;
        }
        if let Some(pair) = self.steps.windows(2).find(|pair| pair[0].reached < pair[1].reached) {
            let text = format!("step {:?} is reached by more than {:?} before it", pair[1].name, pair[0].name);
            return Err(PlotError::Inconsistent(text));
        }
        let names = self.steps.iter().map(|step| width(&step.name, TEXT)).fold(40.0, f64::max).min(240.0);
        let (left, right) = (20.0 + names + 12.0, WIDTH - 170.0);
        let first = self.steps[0].reached.max(1) as f64;
        let length = |reached: u64| (right - left) * reached as f64 / first;
        let height = 56.0 + self.steps.len() as f64 * (BAR + BETWEEN);
        let mut canvas = Canvas::new(WIDTH, height, &self.title, &self.description());
        for (at, step) in self.steps.iter().enumerate() {
            let y = 52.0 + at as f64 * (BAR + BETWEEN);
            let base = y + BAR / 2.0 + TEXT * 0.35;
            let name = fitted(&step.name, TEXT, names);
            canvas.text(left - 12.0, base, &name, Look::PLAIN.aligned(Align::End));
            let share = Unit::Share.label(step.reached as f64 / first);
            let tip = format!("{}: {} ({share})", step.name, Unit::Number.label(step.reached as f64));
            canvas.rect((left, y), (length(step.reached), BAR), SERIES[0], &tip);
            let look = Look { bold: true, ..Look::PLAIN };
            canvas.text(right + 14.0, base - 7.0, &Unit::Number.label(step.reached as f64), look);
            let quiet = Look { size: SMALL, colour: QUIET, ..Look::PLAIN };
            canvas.text(right + 14.0, base + 8.0, &format!("{share} of the first"), quiet);
            if let Some(next) = self.steps.get(at + 1) {
                self.between(&mut canvas, (step, next), (left, y + BAR), &length);
            }
        }
        Ok(canvas.finish())
    }

    /// What is lost between two steps.
    fn between(&self, canvas: &mut Canvas, steps: (&Step, &Step), at: (f64, f64), length: &dyn Fn(u64) -> f64) {
        let (step, next) = steps;
        let (left, y) = at;
        let outline = Outline::from(left, y)
            .to(left + length(step.reached), y)
            .to(left + length(next.reached), y + BETWEEN)
            .to(left, y + BETWEEN)
            .closed();
        let lost = step.reached - next.reached;
        let tip = format!("{} lost between {} and {}", Unit::Number.label(lost as f64), step.name, next.name);
        canvas.area(&outline, LOSS, 1.0, &tip);
        let share = if step.reached == 0 { 0.0 } else { next.reached as f64 / step.reached as f64 };
        let mut text = format!("{} go on", Unit::Share.label(share));
        if let Some(seconds) = next.median_seconds {
            text.push_str(&format!(", after {} (median)", Unit::Seconds.label(seconds)));
        }
        let look = Look { size: SMALL, colour: INK, ..Look::PLAIN };
        canvas.text(left + 8.0, y + BETWEEN / 2.0 + SMALL * 0.35, &text, look);
    }

    fn description(&self) -> String {
        let steps = self.steps.iter().map(|step| format!("{} {}", step.name, Unit::Number.label(step.reached as f64)));
        format!("A funnel: {}", steps.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::tests::well_formed;
    use crate::theme::PAPER;
    use crate::theme::tests::contrast;

    fn funnel(reached: &[u64]) -> Funnel {
        let step = |(at, reached): (usize, &u64)| Step {
            name: format!("step {at}"),
            reached: *reached,
            median_seconds: (at > 0).then_some(90.0),
        };
        Funnel { title: "buying".to_owned(), steps: reached.iter().enumerate().map(step).collect() }
    }

    #[test]
    fn shares_and_losses_are_written() {
        let svg = funnel(&[97_597, 48_000, 0]).svg().unwrap();
        well_formed(&svg);
        for text in
            ["97,597", "49.2 % go on, after 90 s (median)", "49,597 lost between step 0 and step 1", "0 % of the first"]
        {
            assert!(svg.contains(text), "{text}");
        }
        assert!(contrast(INK, LOSS) >= 7.0 && contrast(LOSS, PAPER) > 1.1);
        well_formed(&funnel(&[0, 0]).svg().unwrap());
    }

    #[test]
    fn what_cannot_be_drawn_is_said() {
        assert_eq!(funnel(&[]).svg(), Err(PlotError::Empty("steps")));
        assert!(funnel(&[1; MAX_STEPS]).svg().is_ok());
        assert!(matches!(funnel(&[1; MAX_STEPS + 1]).svg(), Err(PlotError::TooMany { .. })));
        let error = funnel(&[1, 2]).svg().unwrap_err();
        assert_eq!(error.to_string(), "step \"step 1\" is reached by more than \"step 0\" before it");
    }
}
