//! Symmetric matrices: solving and inverting by Cholesky's factors.

/// A lower triangular factor L of a symmetric positive definite matrix A = L L'.
#[derive(Debug, Clone)]
pub struct Factor {
    size: usize,
    /// Row by row.
    lower: Vec<f64>,
}

impl Factor {
    /// Factors a symmetric matrix, given row by row; only its lower triangle is read. Nothing when it is not positive
    /// definite.
    #[must_use]
    pub fn new(matrix: &[f64], size: usize) -> Option<Self> {
        let mut lower = matrix.to_vec();
        for row in 0..size {
            for column in 0..=row {
                let (before, rest) = lower.split_at_mut(row * size);
                let left = &rest[..column];
                let dot = |above: &[f64]| left.iter().zip(above).map(|(a, b)| a * b).sum::<f64>();
                if column < row {
                    let above = &before[column * size..column * size + column + 1];
                    let value = (rest[column] - dot(&above[..column])) / above[column];
                    rest[column] = value;
                } else {
                    let value = rest[column] - dot(left);
                    if value.is_nan() || value <= 0.0 {
                        return None;
                    }
                    rest[column] = value.sqrt();
                }
            }
        }
        Some(Self { size, lower })
    }

    /// Solves A x = b.
    #[must_use]
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let size = self.size;
        let mut x = right.to_vec();
        for row in 0..size {
            let line = &self.lower[row * size..row * size + row];
            let dot: f64 = line.iter().zip(&x).map(|(a, b)| a * b).sum();
            x[row] = (x[row] - dot) / self.lower[row * size + row];
        }
        for row in (0..size).rev() {
            x[row] /= self.lower[row * size + row];
            let value = x[row];
            for (left, factor) in x.iter_mut().zip(&self.lower[row * size..row * size + row]) {
                *left -= value * factor;
            }
        }
        x
    }

    /// The inverse of A, row by row.
    #[must_use]
    pub fn inverse(&self) -> Vec<f64> {
        let size = self.size;
        let mut inverse = vec![0.0; size * size];
        let mut unit = vec![0.0; size];
        for column in 0..size {
            unit[column] = 1.0;
            for (row, value) in self.solve(&unit).into_iter().enumerate() {
                inverse[row * size + column] = value;
            }
            unit[column] = 0.0;
        }
        inverse
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Factor;

    proptest! {
        #[test]
        fn solutions_solve(values in proptest::collection::vec(-2.0f64..2.0, 25), right in proptest::collection::vec(-2.0f64..2.0, 5)) {
            // V V' + I is positive definite.
            let at = |row: usize, column: usize| (0..5).map(|k| values[row * 5 + k] * values[column * 5 + k]).sum::<f64>() + f64::from(u8::from(row == column));
            let matrix: Vec<f64> = (0..25).map(|cell| at(cell / 5, cell % 5)).collect();
            let factor = Factor::new(&matrix, 5).unwrap();
            let (x, inverse) = (factor.solve(&right), factor.inverse());
            for row in 0..5 {
                let product: f64 = (0..5).map(|column| matrix[row * 5 + column] * x[column]).sum();
                prop_assert!((product - right[row]).abs() < 1e-8);
                let also: f64 = (0..5).map(|column| inverse[row * 5 + column] * right[column]).sum();
                prop_assert!((also - x[row]).abs() < 1e-8);
            }
        }
    }

    #[test]
    fn what_is_not_positive_definite_has_no_factor() {
        assert!(Factor::new(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
        assert!(Factor::new(&[f64::NAN], 1).is_none());
    }
}
