//! Prices to start from: the problem of a small sample of the customers, then of a larger one.

use super::dual;
use super::model::Model;
use super::{Progress, Step};

/// One customer in so many, stage by stage.
const STAGES: [u64; 2] = [64, 8];
/// A stage with fewer customers than this says too little.
const FEWEST: usize = 1000;
/// A sample's own gap below which its prices are as good as they get.
const GAP: f64 = 1e-3;

/// The prices that samples suggest, and how many passes that took.
pub(super) fn warm_start(model: &Model<'_>, seed: u64, watch: &mut dyn FnMut(Progress) -> Step) -> (Vec<f64>, u32) {
    let mut prices = vec![0.0; model.coupling.len()];
    let mut passes = 0;
    if prices.is_empty() {
        return (prices, passes);
    }
    for one_in in STAGES {
        let customers = u32::try_from(model.columns.customers()).unwrap_or(u32::MAX);
        let drawn: Vec<u32> =
            (0..customers).filter(|&customer| mix(seed, u64::from(customer)).is_multiple_of(one_in)).collect();
        if drawn.len() < FEWEST {
            continue;
        }
        let columns = model.columns.sample(&drawn);
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
        let share = columns.len() as f64 / model.columns.len() as f64;
        let found = dual::search(&model.sample(&columns, share), prices, GAP, passes, watch);
        (prices, passes) = (found.prices, found.passes);
    }
    (prices, passes)
}

/// A well-mixed hash of a seed and a number (the finalizer of `SplitMix64`, Steele, Lea and Flood 2014).
fn mix(seed: u64, number: u64) -> u64 {
    let mut bits = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
