//! Models that divide each conversion by the places of its touches.

use crate::{Credit, Paths, paths::Path};

/// How a conversion is divided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// All to the first touch.
    First,
    /// All to the last touch.
    Last,
    /// The same to every touch; a channel that was touched twice has two shares.
    Linear,
    /// `ends` to the first and to the last touch each, the rest the same to those between. Of two touches each has half.
    Position {
        /// The share of either end, from 0 to 0.5; usually 0.4.
        ends: f64,
    },
    /// Halved by every half-life before the end. Paths with times count seconds; those without count touches.
    TimeDecay {
        /// Seconds, or touches, after which a touch counts half.
        half_life: f64,
    },
}

/// Divides every conversion of the paths, and its value, by a rule.
#[must_use]
pub fn attribute(paths: &Paths, rule: Rule) -> Vec<Credit> {
    let channels = paths.channels().len();
    let (mut conversions, mut values) = (vec![0.0; channels], vec![0.0; channels]);
    let mut shares = Vec::new();
    for path in paths.iter().filter(|path| path.conversions != 0.0 || path.value != 0.0) {
        weigh(&path, rule, &mut shares);
        for (touch, share) in path.touches.iter().zip(&shares) {
            conversions[usize::from(*touch)] += share * path.conversions;
            values[usize::from(*touch)] += share * path.value;
        }
    }
    paths.credits(&conversions, &values, None)
}

/// The share of every touch of a path; they add up to one.
fn weigh(path: &Path<'_>, rule: Rule, shares: &mut Vec<f64>) {
    let count = path.touches.len();
    shares.clear();
    shares.resize(count, 0.0);
    match rule {
        Rule::First => shares[0] = 1.0,
        Rule::Last => shares[count - 1] = 1.0,
        Rule::Linear => shares.fill(1.0 / count as f64),
        Rule::Position { ends } => match count {
            1 => shares[0] = 1.0,
            2 => shares.fill(0.5),
            _ => {
                shares.fill((1.0 - 2.0 * ends) / (count - 2) as f64);
                (shares[0], shares[count - 1]) = (ends, ends);
            }
        },
        Rule::TimeDecay { half_life } => {
            let age = |at: usize| path.ages.get(at).copied().unwrap_or((count - 1 - at) as f64);
            // By the distance from the youngest touch: a path whose touches are all old divides as any other.
            let youngest = (0..count).map(age).fold(f64::INFINITY, f64::min);
            let mut total = 0.0;
            for (at, share) in shares.iter_mut().enumerate() {
                *share = (-(age(at) - youngest) / half_life).exp2();
                total += *share;
            }
            shares.iter_mut().for_each(|share| *share /= total);
        }
    }
}
