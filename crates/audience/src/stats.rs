//! Tails of the normal, chi-square and t distributions, and tests of two samples.
//!
//! Incomplete gamma and beta functions by series and continued fraction (Press et al., Numerical Recipes, 6.2 and 6.4;
//! the continued fractions by Lentz's method), the logarithm of gamma by Lanczos' approximation with g = 7 and n = 9.

mod tests_of_two;

pub use tests_of_two::{Ranks, Welch, chi_square, cliff, fisher, welch};

const TINY: f64 = 1e-300;
const EPSILON: f64 = 1e-15;
const STEPS: usize = 10_000;

/// The logarithm of the gamma function for `x` above 0.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        return (std::f64::consts::PI / (std::f64::consts::PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let mut sum = 0.999_999_999_999_809_9;
    let mut at = x;
    for coefficient in COEFFICIENTS {
        at += 1.0;
        sum += coefficient / at;
    }
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// The upper incomplete gamma function Q(a, x), from 1 at x = 0 to 0.
#[must_use]
pub fn gamma_q(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let scale = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut at) = (1.0 / a, 1.0 / a, a);
        for _ in 0..STEPS {
            at += 1.0;
            term *= x / at;
            sum += term;
            if term < sum * EPSILON {
                break;
            }
        }
        return (1.0 - sum * scale).clamp(0.0, 1.0);
    }
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut product = d;
    let mut number = 0.0;
    for _ in 0..STEPS {
        number += 1.0;
        let factor = -number * (number - a);
        b += 2.0;
        d = 1.0 / nonzero(factor * d + b);
        c = nonzero(b + factor / c);
        product *= d * c;
        if (d * c - 1.0).abs() < EPSILON {
            break;
        }
    }
    (scale * product).clamp(0.0, 1.0)
}

fn nonzero(x: f64) -> f64 {
    if x.abs() < TINY { TINY } else { x }
}

/// The regularised incomplete beta function I_x(a, b).
#[must_use]
pub fn beta_inc(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    let scale = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        scale * beta_fraction(a, b, x) / a
    } else {
        1.0 - scale * beta_fraction(b, a, 1.0 - x) / b
    }
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let mut c = 1.0;
    let mut d = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0));
    let mut product = d;
    let mut m = 0.0;
    for _ in 0..STEPS {
        m += 1.0;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        for factor in [even, odd] {
            d = 1.0 / nonzero(1.0 + factor * d);
            c = nonzero(1.0 + factor / c);
            product *= d * c;
        }
        if (d * c - 1.0).abs() < EPSILON {
            break;
        }
    }
    product
}

/// The chance of a chi-square value of at least `x` with so many degrees of freedom.
#[must_use]
pub fn chi_square_tail(x: f64, degrees: f64) -> f64 {
    gamma_q(degrees / 2.0, x / 2.0)
}

/// The chance that a standard normal value is at least as far from 0 as `z`.
#[must_use]
pub fn normal_tails(z: f64) -> f64 {
    gamma_q(0.5, z * z / 2.0)
}

/// The chance that Student's t is at least as far from 0 as `t`.
#[must_use]
pub fn t_tails(t: f64, degrees: f64) -> f64 {
    beta_inc(degrees / 2.0, 0.5, degrees / (degrees + t * t))
}

/// Adjusts p-values so that rejecting those up to `q` keeps the expected share of false rejections at most `q`
/// (Benjamini and Hochberg 1995). In the order given.
#[must_use]
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|one, other| p_values[*other].total_cmp(&p_values[*one]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least = 1.0_f64;
    #[expect(clippy::cast_precision_loss, reason = "a count of columns")]
    for (place, index) in order.iter().enumerate() {
        let rank = (p_values.len() - place) as f64;
        least = least.min(p_values[*index] * p_values.len() as f64 / rank);
        adjusted[*index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(found: f64, wanted: f64, share: f64) {
        assert!((found - wanted).abs() <= share * wanted.abs().max(1e-280), "{found} instead of {wanted}");
    }

    fn near(found: f64, wanted: f64) {
        within(found, wanted, 1e-11);
    }

    #[test]
    fn tails_are_those_of_the_tables() {
        // From scipy 1.17: stats.chi2.sf, 2 * stats.norm.sf, 2 * stats.t.sf, special.gammaln.
        CHI.iter().for_each(|(x, degrees, wanted)| near(chi_square_tail(*x, *degrees), *wanted));
        NORMAL.iter().for_each(|(z, wanted)| near(normal_tails(*z), *wanted));
        // With many degrees of freedom large logarithms cancel.
        T.iter().for_each(|(t, degrees, wanted)| within(t_tails(*t, *degrees), *wanted, 1e-8));
        GAMMA.iter().for_each(|(x, wanted)| near(ln_gamma(*x), *wanted));
    }

    const CHI: [(f64, f64, f64); 5] = [
        (3.84, 1.0, 0.05004352124870519),
        (0.5, 2.0, 0.7788007830714049),
        (30.0, 10.0, 0.000856641210775301),
        (200.0, 50.0, 7.857610724654791e-20),
        (1000.0, 4.0, 3.5694127797773694e-215),
    ];
    const NORMAL: [(f64, f64); 4] = [
        (0.3, 0.7641771556220948),
        (1.96, 0.04999579029644087),
        (5.0, 5.733031437583866e-7),
        (20.0, 5.507248237212311e-89),
    ];
    const T: [(f64, f64, f64); 5] = [
        (0.2, 3.5, 0.8525516696826146),
        (2.0, 10.0, 0.07338803477074037),
        (5.0, 100.0, 2.450173413503802e-6),
        (3.0, 1.0, 0.20483276469913345),
        (10.0, 1000000.0, 1.527861076817818e-23),
    ];
    const GAMMA: [(f64, f64); 5] = [
        (0.1, 2.252712651734206),
        (0.5, 0.5723649429247),
        (1.5, -0.12078223763524526),
        (10.0, 12.801827480081469),
        (1000.5, 5908.674175848678),
    ];

    #[test]
    fn adjusted_p_values_keep_their_order() {
        // From scipy 1.17: stats.false_discovery_control.
        let adjusted = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.005, 0.5]);
        for (found, wanted) in adjusted.iter().zip([0.025, 0.05, 0.05, 0.025, 0.5]) {
            near(*found, wanted);
        }
        assert!(benjamini_hochberg(&[]).is_empty());
    }
}
