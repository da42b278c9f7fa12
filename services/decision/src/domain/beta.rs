//! The beta distribution, as far as a posterior needs it.
//!
//! * The distribution function is the regularised incomplete beta function, by its continued fraction (NIST Digital
//!   Library of Mathematical Functions, 8.17.22) evaluated with Lentz's method.
//! * `ln Gamma` is Lanczos' approximation (SIAM J. Numer. Anal. B 1, 1964) with g = 7 and nine terms, relative error
//!   about 1e-15.
//! * Quantiles are found by Newton's method inside a bracket that only shrinks.

/// How many equiprobable parts a posterior is divided into.
pub const PARTS: usize = 32;

/// Steps within which the continued fraction converges for parameters up to about 10^8.
const MAX_TERMS: usize = 50_000;

fn ln_gamma(x: f64) -> f64 {
    #[expect(clippy::excessive_precision, reason = "the digits as published")]
    const TERMS: [f64; 9] = [
        0.999_999_999_999_809_93,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_13,
        -176.615_029_162_140_59,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_571_6e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        // Reflection keeps the series where it is accurate.
        return (std::f64::consts::PI / (std::f64::consts::PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let mut sum = TERMS[0];
    let mut at = x;
    for term in &TERMS[1..] {
        at += 1.0;
        sum += term / at;
    }
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// `ln B(a, b)`.
fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    let mut m = 0.0;
    for _ in 0..MAX_TERMS {
        m += 1.0;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        result *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        let step = d * c;
        result *= step;
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    result
}

/// A beta distribution with its constant computed once.
#[derive(Debug, Clone, Copy)]
struct Beta {
    a: f64,
    b: f64,
    ln_beta: f64,
}

impl Beta {
    /// The probability of a value up to `x`.
    fn cdf(&self, x: f64) -> f64 {
        if x <= 0.0 {
            return 0.0;
        }
        if x >= 1.0 {
            return 1.0;
        }
        let front = (self.a * x.ln() + self.b * (-x).ln_1p() - self.ln_beta).exp();
        if x < (self.a + 1.0) / (self.a + self.b + 2.0) {
            front * continued_fraction(self.a, self.b, x) / self.a
        } else {
            1.0 - front * continued_fraction(self.b, self.a, 1.0 - x) / self.b
        }
    }

    fn density(&self, x: f64) -> f64 {
        ((self.a - 1.0) * x.ln() + (self.b - 1.0) * (-x).ln_1p() - self.ln_beta).exp()
    }

    /// The value below which lies the probability `p`, known to lie at or above `low`.
    fn quantile(&self, p: f64, low: f64) -> f64 {
        let (mut low, mut high) = (low, 1.0);
        let mean = self.a / (self.a + self.b);
        let mut x = if mean > low { mean } else { f64::midpoint(low, high) };
        for _ in 0..200 {
            let error = self.cdf(x) - p;
            if error > 0.0 {
                high = x;
            } else {
                low = x;
            }
            if high - low <= 1e-15 + 1e-14 * low || error.abs() <= 1e-14 {
                break;
            }
            let step = x - error / self.density(x);
            x = if step > low && step < high { step } else { f64::midpoint(low, high) };
        }
        x
    }
}

/// The quantiles of `Beta(a, b)` at the midpoints `(i + 1/2) / PARTS`, ascending: `PARTS` values of equal probability
/// that stand for the distribution. What lies beyond the outermost midpoints is cut off.
#[must_use]
pub fn midpoints(a: f64, b: f64) -> [f64; PARTS] {
    let beta = Beta { a, b, ln_beta: ln_beta(a, b) };
    let mut values = [0.0; PARTS];
    let mut low = 0.0;
    for (index, value) in values.iter_mut().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "an index below 32")]
        let p = (index as f64 + 0.5) / PARTS as f64;
        // Starting from the one before keeps the order whatever the rounding.
        low = beta.quantile(p, low);
        *value = low;
    }
    values
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn p(index: usize) -> f64 {
        (index as f64 + 0.5) / PARTS as f64
    }

    #[test]
    fn closed_forms_are_met() {
        for (index, value) in midpoints(1.0, 1.0).into_iter().enumerate() {
            assert!((value - p(index)).abs() < 1e-12, "{index}: {value}");
        }
        for (index, value) in midpoints(3.0, 1.0).into_iter().enumerate() {
            assert!((value - p(index).cbrt()).abs() < 1e-12, "{index}: {value}");
        }
        for (index, value) in midpoints(1.0, 40.0).into_iter().enumerate() {
            assert!((value - (1.0 - (1.0 - p(index)).powf(1.0 / 40.0))).abs() < 1e-12, "{index}: {value}");
        }
    }

    #[test]
    fn ln_gamma_meets_factorials() {
        assert!((ln_gamma(1.0)).abs() < 1e-13 && (ln_gamma(2.0)).abs() < 1e-13);
        assert!((ln_gamma(11.0) - 3_628_800f64.ln()).abs() < 1e-12);
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-13);
    }

    /// The distribution function by the trapezoid rule: slow, simple, independent.
    fn naive_cdf(a: f64, b: f64, x: f64) -> f64 {
        let steps = 20_000;
        let density = |t: f64| t.powf(a - 1.0) * (1.0 - t).powf(b - 1.0);
        let area = |to: f64| {
            let h = to / f64::from(steps);
            (0..steps).map(|i| (density(f64::from(i) * h) + density(f64::from(i + 1) * h)) * h / 2.0).sum::<f64>()
        };
        area(x) / area(1.0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn quantiles_invert_an_independent_integral(a in 1.5f64..60.0, b in 1.5f64..60.0, index in 0..PARTS) {
            let value = midpoints(a, b)[index];
            prop_assert!((naive_cdf(a, b, value) - p(index)).abs() < 1e-4);
        }

        #[test]
        fn quantiles_ascend_within_bounds(ln_a in -6.0f64..14.0, ln_b in -6.0f64..14.0) {
            let values = midpoints(ln_a.exp(), ln_b.exp());
            prop_assert!(values.iter().all(|value| (0.0..=1.0).contains(value)));
            prop_assert!(values.windows(2).all(|pair| pair[0] <= pair[1]));
        }
    }

    #[test]
    fn a_confident_posterior_is_narrow() {
        let values = midpoints(50_000.0, 950_000.0);
        assert!(values.iter().all(|value| (value - 0.05).abs() < 0.001), "{values:?}");
    }
}
