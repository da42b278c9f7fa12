//! The minimum of a smooth function of a few parameters, and how flat it is there.

use crate::matrix::Factor;

/// A minimum.
#[derive(Debug, Clone)]
pub(crate) struct Minimum {
    /// Where it is.
    pub(crate) at: Vec<f64>,
    /// The function there.
    pub(crate) value: f64,
    /// The inverse of its second derivatives there, row by row: the covariance of the parameters when the function is a
    /// negative log-likelihood. Nothing where the function is flat in some direction.
    pub(crate) covariance: Option<Vec<f64>>,
}

/// Steps after which the search gives up.
const STEPS: usize = 500;

/// Finds a minimum by BFGS (Nocedal and Wright, algorithm 6.1) with central differences and a backtracking line search,
/// then refines it by Newton's method; nothing when the gradient does not vanish.
pub(crate) fn minimise(function: impl Fn(&[f64]) -> f64, start: &[f64]) -> Option<Minimum> {
    let size = start.len();
    let mut at = start.to_vec();
    let mut value = function(&at);
    let mut inverse = identity(size);
    let mut slope = gradient(&function, &at);
    for _ in 0..STEPS {
        if !value.is_finite() {
            return None;
        }
        let mut direction = times(&inverse, &slope, -1.0);
        if dot(&direction, &slope) >= 0.0 {
            inverse = identity(size);
            direction = slope.iter().map(|one| -one).collect();
        }
        // A step of more than 2 in a logarithm leaves the region in which the function is known.
        let longest = direction.iter().fold(0.0f64, |most, one| most.max(one.abs()));
        let mut length = if longest > 2.0 { 2.0 / longest } else { 1.0 };
        let fall = dot(&direction, &slope);
        let (next, next_value) = loop {
            let next: Vec<f64> = at.iter().zip(&direction).map(|(x, step)| x + length * step).collect();
            let next_value = function(&next);
            if next_value <= value + 1e-4 * length * fall {
                break (next, next_value);
            }
            length /= 2.0;
            if length < 1e-10 {
                break (at.clone(), value);
            }
        };
        let gain = value - next_value;
        let next_slope = gradient(&function, &next);
        let moved: Vec<f64> = next.iter().zip(&at).map(|(a, b)| a - b).collect();
        let turned: Vec<f64> = next_slope.iter().zip(&slope).map(|(a, b)| a - b).collect();
        update(&mut inverse, &moved, &turned);
        (at, value, slope) = (next, next_value, next_slope);
        if gain <= 1e-11 * (1.0 + value.abs()) {
            break;
        }
    }
    refine(&function, at, value)
}

/// Newton's steps while they gain, and the covariance at the end.
fn refine(function: &impl Fn(&[f64]) -> f64, mut at: Vec<f64>, mut value: f64) -> Option<Minimum> {
    let size = at.len();
    for _ in 0..20 {
        let slope = gradient(function, &at);
        let Some(factor) = Factor::new(&hessian(function, &at), size) else { break };
        let step = factor.solve(&slope);
        let next: Vec<f64> = at.iter().zip(&step).map(|(x, step)| x - step).collect();
        let next_value = function(&next);
        let gains = next_value < value;
        if !gains {
            break;
        }
        (at, value) = (next, next_value);
        if step.iter().all(|one| one.abs() < 1e-9) {
            break;
        }
    }
    // Differences resolve a slope to about 1e-10 of the value.
    let flat = gradient(function, &at).iter().all(|one| one.abs() <= 1e-5 * (1.0 + value.abs()));
    let covariance = Factor::new(&hessian(function, &at), size).map(|factor| factor.inverse());
    (flat && value.is_finite()).then_some(Minimum { at, value, covariance })
}

fn update(inverse: &mut [f64], moved: &[f64], turned: &[f64]) {
    let size = moved.len();
    let curve = dot(moved, turned);
    if curve <= 1e-12 {
        return;
    }
    let carried = times(inverse, turned, 1.0);
    let scale = (1.0 + dot(turned, &carried) / curve) / curve;
    for row in 0..size {
        for column in 0..size {
            inverse[row * size + column] += scale * moved[row] * moved[column]
                - (carried[row] * moved[column] + moved[row] * carried[column]) / curve;
        }
    }
}

fn gradient(function: &impl Fn(&[f64]) -> f64, at: &[f64]) -> Vec<f64> {
    let mut x = at.to_vec();
    let each = (0..at.len()).map(|place| {
        let step = 1e-5 * (1.0 + at[place].abs());
        x[place] = at[place] + step;
        let above = function(&x);
        x[place] = at[place] - step;
        let below = function(&x);
        x[place] = at[place];
        (above - below) / (2.0 * step)
    });
    each.collect()
}

fn hessian(function: &impl Fn(&[f64]) -> f64, at: &[f64]) -> Vec<f64> {
    let size = at.len();
    let step = |place: usize| 1e-3 * (1.0 + at[place].abs());
    let shifted = |first: (usize, f64), second: (usize, f64)| {
        let mut x = at.to_vec();
        x[first.0] += first.1;
        x[second.0] += second.1;
        function(&x)
    };
    let mut out = vec![0.0; size * size];
    for row in 0..size {
        for column in 0..=row {
            let (a, b) = (step(row), step(column));
            let sum =
                shifted((row, a), (column, b)) - shifted((row, a), (column, -b)) - shifted((row, -a), (column, b))
                    + shifted((row, -a), (column, -b));
            out[row * size + column] = sum / (4.0 * a * b);
            out[column * size + row] = out[row * size + column];
        }
    }
    out
}

fn identity(size: usize) -> Vec<f64> {
    (0..size * size).map(|cell| if cell / size == cell % size { 1.0 } else { 0.0 }).collect()
}

fn times(matrix: &[f64], vector: &[f64], scale: f64) -> Vec<f64> {
    matrix.chunks_exact(vector.len()).map(|row| scale * dot(row, vector)).collect()
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::minimise;

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        let valley = |x: &[f64]| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2);
        let minimum = minimise(valley, &[-1.2, 1.0]).unwrap();
        assert!((minimum.at[0] - 1.0).abs() < 1e-5 && (minimum.at[1] - 1.0).abs() < 1e-5, "{:?}", minimum.at);
    }

    #[test]
    fn the_covariance_is_the_inverse_of_the_curvature() {
        let bowl = |x: &[f64]| 2.0 * x[0] * x[0] + x[0] * x[1] + x[1] * x[1];
        let covariance = minimise(bowl, &[3.0, -2.0]).unwrap().covariance.unwrap();
        for (found, expected) in covariance.iter().zip([2.0 / 7.0, -1.0 / 7.0, -1.0 / 7.0, 4.0 / 7.0]) {
            assert!((found - expected).abs() < 1e-5);
        }
    }

    #[test]
    fn a_function_without_a_minimum_has_none() {
        assert!(minimise(|x| -x[0].powi(2), &[1.0]).is_none());
        assert!(minimise(|_| f64::NAN, &[1.0]).is_none());
    }
}
