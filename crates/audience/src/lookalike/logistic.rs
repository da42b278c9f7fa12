//! Logistic regression over features that hold or do not, by Newton's method with conjugate gradients (Lin, Weng and
//! Keerthi 2008, without the trust region: steps that do not help are halved).

/// Coefficients.
pub(super) struct Model {
    pub(super) weights: Vec<f64>,
    base: f64,
}

const ROUNDS: usize = 30;
const INNER: usize = 50;

impl Model {
    /// The score of a person by the features that hold.
    pub(super) fn score(&self, features: &[u32]) -> f64 {
        logistic(self.base + sum(&self.weights, features))
    }
}

fn sum(weights: &[f64], features: &[u32]) -> f64 {
    features.iter().map(|feature| weights.get(*feature as usize).copied().unwrap_or_default()).sum()
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The problem: both classes weigh half of all observations; the last coefficient is the base, which is not penalised.
struct Problem<'p> {
    rows: &'p [Vec<u32>],
    labels: &'p [bool],
    class: [f64; 2],
    features: usize,
    penalty: f64,
}

impl Problem<'_> {
    fn odds(&self, at: &[f64]) -> Vec<f64> {
        self.rows.iter().map(|row| at[self.features] + sum(at, row)).collect()
    }

    fn weight(&self, row: usize) -> f64 {
        self.class[usize::from(self.labels[row])]
    }

    fn loss(&self, at: &[f64]) -> f64 {
        let fit: f64 = self
            .odds(at)
            .iter()
            .enumerate()
            .map(|(row, odds)| {
                let signed = if self.labels[row] { -odds } else { *odds };
                self.weight(row) * (signed.max(0.0) + (-signed.abs()).exp().ln_1p())
            })
            .sum();
        fit + self.penalty / 2.0 * at[..self.features].iter().map(|weight| weight * weight).sum::<f64>()
    }

    /// Adds a value of each row to the coefficients of its features, and the penalty of `at`.
    fn gather(&self, values: impl Iterator<Item = f64>, at: &[f64]) -> Vec<f64> {
        let mut sums: Vec<f64> = at.iter().map(|weight| self.penalty * weight).collect();
        sums[self.features] = 0.0;
        for (row, value) in self.rows.iter().zip(values) {
            row.iter().for_each(|feature| sums[*feature as usize] += value);
            sums[self.features] += value;
        }
        sums
    }
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// Fits coefficients to rows of features below `features`.
pub(super) fn fit(rows: &[Vec<u32>], labels: &[bool], features: usize, penalty: f64) -> Model {
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    let class = [false, true]
        .map(|class| rows.len() as f64 / (2.0 * labels.iter().filter(|label| **label == class).count().max(1) as f64));
    let problem = Problem { rows, labels, class, features, penalty: penalty.max(1e-6) };
    let mut at = vec![0.0; features + 1];
    let mut loss = problem.loss(&at);
    for _ in 0..ROUNDS {
        let chances: Vec<f64> = problem.odds(&at).into_iter().map(logistic).collect();
        let errors = chances
            .iter()
            .enumerate()
            .map(|(row, chance)| problem.weight(row) * (chance - f64::from(u8::from(labels[row]))));
        let slope = problem.gather(errors, &at);
        let curve: Vec<f64> =
            chances.iter().enumerate().map(|(row, chance)| problem.weight(row) * chance * (1.0 - chance)).collect();
        let step = conjugate(&problem, &curve, &slope);
        let mut length = 1.0;
        let (mut next, mut next_loss) = (at.clone(), loss);
        for _ in 0..20 {
            next = at.iter().zip(&step).map(|(at, step)| at - length * step).collect();
            next_loss = problem.loss(&next);
            if next_loss < loss {
                break;
            }
            length /= 2.0;
        }
        let gain = loss - next_loss;
        if gain <= 0.0 {
            break;
        }
        (at, loss) = (next, next_loss);
        if gain < 1e-7 * loss {
            break;
        }
    }
    let base = at.pop().unwrap_or_default();
    Model { weights: at, base }
}

/// Solves curvature times step = slope, roughly.
fn conjugate(problem: &Problem<'_>, curve: &[f64], slope: &[f64]) -> Vec<f64> {
    let mut step = vec![0.0; slope.len()];
    let mut rest = slope.to_vec();
    let mut direction = rest.clone();
    let mut size = dot(&rest, &rest);
    let enough = size * 1e-8;
    for _ in 0..INNER {
        if size <= enough {
            break;
        }
        let odds = problem.odds(&direction);
        let image = problem.gather(odds.iter().zip(curve).map(|(odds, curve)| odds * curve), &direction);
        let bend = dot(&direction, &image);
        if bend <= 0.0 {
            break;
        }
        let length = size / bend;
        for index in 0..step.len() {
            step[index] += length * direction[index];
            rest[index] -= length * image[index];
        }
        let next = dot(&rest, &rest);
        let keep = next / size;
        size = next;
        for (direction, rest) in direction.iter_mut().zip(&rest) {
            *direction = rest + keep * *direction;
        }
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One feature that holds for 30 of 40 members and 10 of 40 others, nearly without penalty: the odds are those of the
    /// table.
    #[test]
    fn odds_are_those_of_the_table() {
        let rows: Vec<Vec<u32>> = (0..80).map(|n| if !(30..70).contains(&n) { vec![0] } else { vec![] }).collect();
        let labels: Vec<bool> = (0..80).map(|n| n < 40).collect();
        let model = fit(&rows, &labels, 1, 0.0);
        assert!((model.weights[0] - 9.0_f64.ln()).abs() < 1e-3, "{:?}", model.weights);
        assert!((model.score(&[0]) - 0.75).abs() < 1e-3 && (model.score(&[]) - 0.25).abs() < 1e-3);
    }
}
