//! How far the records of today are from those that a model was trained on.

use super::{Model, Prepared, context};
use crate::blocking::mix;
use crate::comparison::LEVELS;
use serde::{Deserialize, Serialize};

/// The model's parameters then and now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// The version of the model.
    pub model_version: String,
    /// Records looked at.
    pub records: u64,
    /// The fields.
    pub fields: Vec<FieldDrift>,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldDrift {
    /// The field.
    pub field: String,
    /// Its levels.
    pub levels: Vec<LevelDrift>,
    /// The larger of the population stability indices of m and of u: sum of (now - then) ln(now / then).
    pub stability_index: f64,
}

/// One level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelDrift {
    /// What it takes to reach it.
    pub level: String,
    /// Probability among matches when trained.
    pub m_trained: f64,
    /// Probability among matches now.
    pub m_now: f64,
    /// Probability among strangers when trained.
    pub u_trained: f64,
    /// Probability among strangers now.
    pub u_now: f64,
}

/// Compares the model with a sample of records: `u` from pairs drawn from the sample, `m` from the pairs given, which are
/// positions in the sample of candidates that blocking found, each weighed by its probability of a match.
pub fn drift(model: &Model, sample: &[Prepared], candidates: &[(u32, u32)], seed: u64) -> Drift {
    let columns = model.columns.len();
    let mut m = vec![[0.0; LEVELS]; columns];
    let mut u = vec![[0.0; LEVELS]; columns];
    let count = |into: &mut Vec<[f64; LEVELS]>, a: &Prepared, b: &Prepared, weigh: bool, only_root: bool| {
        let evidence = model.evidence(a, b);
        let weight = if weigh { model.weigh(&evidence).probability } else { 1.0 };
        for (at, column) in model.columns.iter().enumerate() {
            if !only_root || context(column, &evidence.levels) <= 2 {
                into[at][usize::from(evidence.levels[at])] += weight;
            }
        }
    };
    let at = |position: u32| sample.get(position as usize);
    for (a, b) in candidates {
        if let (Some(a), Some(b)) = (at(*a), at(*b)) {
            count(&mut m, a, b, true, true);
        }
    }
    let records = sample.len() as u64;
    if records > 1 {
        for draw in 0..(records * 20).min(200_000) {
            let random = mix(mix(seed).wrapping_add(draw));
            let (a, b) = ((random >> 32) % records, (random & 0xffff_ffff) % records);
            if a != b {
                count(&mut u, &sample[a as usize], &sample[b as usize], false, true);
            }
        }
    }
    let fields = model.columns.iter().enumerate().map(|(at, column)| {
        let share = |counts: &[f64; LEVELS], level: usize, prior: f64| {
            let total: f64 = counts[1..].iter().sum();
            (counts[level] + prior) / (total + 1.0)
        };
        let levels: Vec<LevelDrift> = (1..LEVELS)
            .map(|level| {
                let (m_trained, u_trained) = (column.m[0][level], column.u[0][level]);
                LevelDrift {
                    level: column.kind.label(level as u8).to_owned(),
                    m_trained,
                    m_now: share(&m[at], level, m_trained),
                    u_trained,
                    u_now: share(&u[at], level, u_trained),
                }
            })
            .collect();
        let index = |of: fn(&LevelDrift) -> (f64, f64)| -> f64 {
            levels.iter().map(of).filter(|(a, b)| *a > 0.0 && *b > 0.0).map(|(a, b)| (b - a) * (b / a).ln()).sum()
        };
        let stability_index =
            index(|level| (level.m_trained, level.m_now)).max(index(|level| (level.u_trained, level.u_now)));
        FieldDrift { field: column.name.clone(), levels, stability_index }
    });
    Drift { model_version: model.version(), records, fields: fields.collect() }
}
