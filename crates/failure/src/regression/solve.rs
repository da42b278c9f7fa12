//! Symmetric positive definite systems.

/// A Cholesky factor: lower triangular rows.
#[derive(Debug)]
pub(super) struct Factor(Vec<Vec<f64>>);

impl Factor {
    /// Factors a matrix whose lower triangle is given. A pivot that rounding has brought to zero becomes the least that
    /// counts beside the largest, so that its direction is all but left out.
    pub(super) fn new(matrix: &[Vec<f64>]) -> Self {
        let least =
            matrix.iter().enumerate().map(|(at, row)| row[at]).fold(0.0, f64::max).max(f64::MIN_POSITIVE) * 1e-13;
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(matrix.len());
        for (i, given) in matrix.iter().enumerate() {
            let mut row = Vec::with_capacity(i + 1);
            for j in 0..=i {
                let before: &[f64] = if j == i { &row } else { &rows[j][..j] };
                let sum: f64 = row.iter().zip(before).map(|(a, b): (&f64, &f64)| a * b).sum();
                let rest = given[j] - sum;
                row.push(if j == i { rest.max(least).sqrt() } else { rest / rows[j][j] });
            }
            rows.push(row);
        }
        Self(rows)
    }

    /// The solution for a right-hand side.
    pub(super) fn solve(&self, right: &[f64]) -> Vec<f64> {
        let mut x = right.to_vec();
        for (i, row) in self.0.iter().enumerate() {
            let sum: f64 = row[..i].iter().zip(&x).map(|(a, b)| a * b).sum();
            x[i] = (x[i] - sum) / row[i];
        }
        for i in (0..x.len()).rev() {
            x[i] /= self.0[i][i];
            let own = x[i];
            for (j, factor) in self.0[i][..i].iter().enumerate() {
                x[j] -= factor * own;
            }
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_solution_gives_the_right_side_back(
            roots in prop::collection::vec(prop::collection::vec(-2.0f64..2.0, 5), 5),
            right in prop::collection::vec(-3.0f64..3.0, 5),
        ) {
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let matrix: Vec<Vec<f64>> = (0..5)
                .map(|i| (0..5).map(|j| dot(&roots[i], &roots[j]) + f64::from(u8::from(i == j))).collect())
                .collect();
            let x = Factor::new(&matrix).solve(&right);
            for (row, wanted) in matrix.iter().zip(&right) {
                prop_assert!((dot(row, &x) - wanted).abs() < 1e-9);
            }
        }
    }
}
