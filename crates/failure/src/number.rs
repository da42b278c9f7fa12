//! Distributions: normal, chi-square with one degree of freedom, hypergeometric.

/// The upper 2.5 % point of the standard normal distribution.
pub const Z95: f64 = 1.959_963_984_540_054;

/// The natural logarithm of the gamma function for `x` > 0, to about 1e-13 relative (Lanczos, 1964, g = 7, n = 9).
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    const C: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let base = x + 7.5;
    let sum = C[1..].iter().zip(1u8..).fold(C[0], |sum, (c, i)| sum + c / (x + f64::from(i)));
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * base.ln() - base + sum.ln()
}

/// The complementary error function, to 1.2e-7 relative everywhere (the rational Chebyshev fit of Numerical Recipes,
/// 6.2). Good enough for p; not for differences of p.
#[must_use]
pub fn erfc(x: f64) -> f64 {
    const C: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let t = 1.0 / (1.0 + 0.5 * x.abs());
    let polynomial = C.iter().rev().fold(0.0, |sum, c| sum * t + c);
    let tail = t * (-x * x + polynomial).exp();
    if x >= 0.0 { tail } else { 2.0 - tail }
}

/// The two-sided p of a standard normal score.
#[must_use]
pub fn normal_p(z: f64) -> f64 {
    erfc(z.abs() / std::f64::consts::SQRT_2).min(1.0)
}

/// Logarithms of factorials, computed once.
#[derive(Debug, Default)]
pub struct Factorials(Vec<f64>);

/// Factorials that are kept; larger ones are computed by [`ln_gamma`].
const KEPT: usize = 1 << 16;

impl Factorials {
    /// A table of those that are kept.
    #[must_use]
    pub fn new() -> Self {
        let mut sum = 0.0;
        let mut table = vec![0.0];
        table.extend((1..KEPT).map(|n| {
            sum += (n as f64).ln();
            sum
        }));
        Self(table)
    }

    fn ln(&self, n: u64) -> f64 {
        usize::try_from(n).ok().and_then(|n| self.0.get(n).copied()).unwrap_or_else(|| ln_gamma(n as f64 + 1.0))
    }

    /// The two-sided p of Fisher's exact test of a table `[[a, b], [c, d]]`: the probability, given its margins, of all
    /// tables that are no likelier. Work grows with the least margin.
    #[must_use]
    pub fn fisher(&self, [a, b, c, d]: [u64; 4]) -> f64 {
        let (row, column, all) = (a + b, a + c, a + b + c + d);
        let fixed = self.ln(row) + self.ln(c + d) + self.ln(column) + self.ln(b + d) - self.ln(all);
        let chance = |a: u64| {
            // `d` of the table with this `a` and the same margins.
            let d = (all + a) - row - column;
            (fixed - self.ln(a) - self.ln(row - a) - self.ln(column - a) - self.ln(d)).exp()
        };
        let (least, most) = ((row + column).saturating_sub(all), row.min(column));
        // Tables of the same chance differ in the last digits only.
        let own = chance(a) * (1.0 + 1e-7);
        (least..=most).map(chance).filter(|chance| *chance <= own).sum::<f64>().min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values() {
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-13);
        assert!((ln_gamma(101.0) - 363.739_375_555_563_5).abs() < 1e-10);
        assert!((normal_p(Z95) - 0.05).abs() < 1e-7);
        assert!((normal_p(-6.0) / 1.973_175_290_075_396e-9 - 1.0).abs() < 1e-6);
        assert!((normal_p(0.0) - 1.0).abs() < 2e-7);
        let fisher = |table| Factorials::new().fisher(table);
        // The lady tasting tea, and the example of the manual of R.
        assert!((fisher([3, 1, 1, 3]) - 34.0 / 70.0).abs() < 1e-12);
        assert!((fisher([1, 9, 11, 3]) - 0.002_759_456_185_220_083).abs() < 1e-12);
        assert!((fisher([0, 5, 0, 7]) - 1.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn the_exact_test_is_the_sum_over_all_tables(a in 0u64..9, b in 0u64..9, c in 0u64..9, d in 0u64..9) {
            let factorial = |n: u64| (1..=n).map(|k| k as f64).product::<f64>();
            let choose = |n: u64, k: u64| factorial(n) / factorial(k) / factorial(n - k);
            let chance = |x: u64| choose(a + b, x) * choose(c + d, a + c - x) / choose(a + b + c + d, a + c);
            let all = (0..=a + b).filter(|x| *x <= a + c && a + c - x <= c + d);
            let naive: f64 = all.map(chance).filter(|p| *p <= chance(a) * (1.0 + 1e-7)).sum();
            let found = Factorials::new().fisher([a, b, c, d]);
            prop_assert!((found - naive.min(1.0)).abs() < 1e-9, "{found} {naive}");
        }
    }
}
