//! Special functions.

/// The natural logarithm of the gamma function of `x` > 0: the recurrence up to 10, then Stirling's series
/// (Abramowitz and Stegun 6.1.41), whose error there is below 1e-14.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    let mut x = x;
    let mut product = 1.0;
    while x < 10.0 {
        product *= x;
        x += 1.0;
    }
    let square = x * x;
    let series = (1.0 / 12.0
        - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / (1188.0 * square)) / square) / square) / square)
        / x;
    (x - 0.5) * x.ln() - x + 0.918_938_533_204_672_7 + series - product.ln()
}

/// Gauss's hypergeometric function 2F1(a, b; c; z) for 0 <= `z` < 1 and `c` > 0, by its series (Abramowitz and Stegun
/// 15.1.1); nothing when the series does not settle within 100,000 terms.
#[must_use]
pub fn hypergeometric(a: f64, b: f64, c: f64, z: f64) -> Option<f64> {
    let mut term = 1.0;
    let mut sum = 1.0;
    for at in 0..100_000 {
        let n = f64::from(at);
        term *= (a + n) * (b + n) / ((c + n) * (n + 1.0)) * z;
        sum += term;
        if term.abs() <= 1e-15 * f64::abs(sum) {
            return Some(sum).filter(|sum| sum.is_finite());
        }
    }
    None
}

/// The standard normal distribution's value below which a share `p` in (0, 1) lies (Acklam's rational approximation,
/// relative error below 1.2e-9).
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -39.696_830_286_653_76,
        220.946_098_424_520_5,
        -275.928_510_446_968_7,
        138.357_751_867_269,
        -30.664_798_066_147_16,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -54.476_098_798_224_06,
        161.585_836_858_040_9,
        -155.698_979_859_886_6,
        66.801_311_887_719_72,
        -13.280_681_552_885_72,
    ];
    const C: [f64; 6] = [
        -0.007_784_894_002_430_293,
        -0.322_396_458_041_136_5,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [0.007_784_695_709_041_462, 0.322_467_129_070_039_8, 2.445_134_137_142_996, 3.754_408_661_907_416];
    let of = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, one| sum * x + one);
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        of(&C, q) / (of(&D, q) * q + 1.0)
    };
    if p < 0.02425 {
        tail(p)
    } else if p > 1.0 - 0.02425 {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        let r = q * q;
        of(&A, r) * q / (of(&B, r) * r + 1.0)
    }
}

/// The logistic function, without overflow.
#[must_use]
pub fn logistic(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

/// The log-odds of a probability, which is kept away from 0 and 1 by 1e-12.
#[must_use]
pub fn log_odds(p: f64) -> f64 {
    let p = p.clamp(1e-12, 1.0 - 1e-12);
    (p / (1.0 - p)).ln()
}

#[cfg(test)]
mod tests {
    use super::{hypergeometric, ln_gamma, log_odds, logistic, normal_quantile};

    #[test]
    fn the_gamma_function_is_a_factorial() {
        let mut factorial = 0.0;
        for n in 1..60 {
            assert!((ln_gamma(f64::from(n)) - factorial).abs() < 1e-12 * (1.0 + factorial), "{n}");
            factorial += f64::from(n).ln();
        }
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-13);
        assert!((ln_gamma(1e-3) - 6.907_178_885_383_854).abs() < 1e-12);
    }

    #[test]
    fn the_hypergeometric_function_has_its_known_forms() {
        for z in [0.0, 0.1, 0.5, 0.9] {
            // 15.1.8 and 15.1.3 of Abramowitz and Stegun.
            let power = hypergeometric(1.7, 2.5, 2.5, z).unwrap();
            assert!((power - (1.0 - z).powf(-1.7)).abs() < 1e-10 * power, "{z}");
            let log = hypergeometric(1.0, 1.0, 2.0, z).unwrap();
            let expected = if z == 0.0 { 1.0 } else { -(1.0 - z).ln() / z };
            assert!((log - expected).abs() < 1e-12, "{z}");
        }
    }

    #[test]
    fn quantiles_of_the_normal_distribution_are_the_known_ones() {
        for (p, expected) in [(0.5, 0.0), (0.975, 1.959_963_984_540_054), (0.001, -3.090_232_306_167_813)] {
            assert!((normal_quantile(p) - expected).abs() < 1e-7);
            assert!((normal_quantile(1.0 - p) + expected).abs() < 1e-7);
        }
    }

    #[test]
    fn log_odds_and_probabilities_are_inverse() {
        for x in [-20.0, -1.0, 0.0, 0.3, 20.0] {
            assert!((log_odds(logistic(x)) - x).abs() < 1e-6);
        }
        assert_eq!((logistic(-1000.0), logistic(1000.0)), (0.0, 1.0));
    }
}
