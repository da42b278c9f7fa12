//! How good probabilities are that were said before the answer was known.

use serde::Serialize;

/// Parts of equal size in which probabilities are compared with shares.
const PARTS: usize = 10;

/// Figures about probabilities of a yes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Quality {
    /// The answer that counts as yes.
    pub(crate) positive: String,
    /// The share of yes.
    pub(crate) share: f64,
    /// The probability that a yes had been given more than a no (Hanley and McNeil 1982); ties count half.
    pub(crate) auc: f64,
    /// The mean of minus the natural logarithm of the probability of what happened.
    pub(crate) log_loss: f64,
    /// The expected calibration error: the mean gap between probability and share over ten parts of equal size.
    pub(crate) ece: f64,
}

/// The figures; `said` and `yes` are as long, and there is a yes and a no.
pub(crate) fn quality(positive: &str, said: &[f64], yes: &[bool]) -> Quality {
    let count = said.len() as f64;
    let positives = yes.iter().filter(|yes| **yes).count() as f64;
    let mut order: Vec<usize> = (0..said.len()).collect();
    order.sort_by(|one, two| said[*one].total_cmp(&said[*two]));
    let mut ranks = 0.0;
    let mut before = 0;
    for tied in order.chunk_by(|one, two| said[*one].total_cmp(&said[*two]).is_eq()) {
        // Ties share the mean of their ranks, which begin at 1.
        let rank = before as f64 + (tied.len() as f64 + 1.0) / 2.0;
        ranks += rank * tied.iter().filter(|row| yes[**row]).count() as f64;
        before += tied.len();
    }
    let auc = (ranks - positives * (positives + 1.0) / 2.0) / (positives * (count - positives));
    let loss = |(said, yes): (&f64, &bool)| {
        let inside = said.clamp(1e-12, 1.0 - 1e-12);
        -(if *yes { inside } else { 1.0 - inside }).ln()
    };
    let log_loss = said.iter().zip(yes).map(loss).sum::<f64>() / count;
    let gap = |part: usize| {
        let rows = &order[part * order.len() / PARTS..(part + 1) * order.len() / PARTS];
        let gap: f64 = rows.iter().map(|row| said[*row] - f64::from(u8::from(yes[*row]))).sum();
        gap.abs()
    };
    let ece = (0..PARTS).map(gap).sum::<f64>() / count;
    Quality { positive: positive.to_owned(), share: positives / count, auc, log_loss, ece }
}

#[cfg(test)]
mod tests {
    use super::quality;

    #[test]
    fn figures_are_those_of_their_definitions() {
        let said = [0.1, 0.4, 0.4, 0.8, 0.2, 0.9];
        let yes = [false, true, false, true, false, false];
        let quality = quality("yes", &said, &yes);
        // Pairs of a yes and a no: 0.4 beats 0.1 and 0.2 and ties with 0.4; 0.8 beats all but 0.9.
        assert!((quality.auc - (2.5 + 3.0) / 8.0).abs() < 1e-12, "{quality:?}");
        let log = -(0.9_f64.ln() + 0.4_f64.ln() + 0.6_f64.ln() + 0.8_f64.ln() + 0.8_f64.ln() + 0.1_f64.ln()) / 6.0;
        assert!((quality.log_loss - log).abs() < 1e-12);
        assert!((quality.share - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn calibration_compares_parts() {
        let said: Vec<f64> = (0..1000).map(|at| f64::from(at / 100) / 10.0 + 0.05).collect();
        let yes: Vec<bool> = (0..1000).map(|at| at % 100 < 10 * (at / 100) + 5).collect();
        assert!(quality("1", &said, &yes).ece < 1e-12);
        let shifted: Vec<f64> = said.iter().map(|one| one - 0.04).collect();
        assert!((quality("1", &shifted, &yes).ece - 0.04).abs() < 1e-9);
    }
}
