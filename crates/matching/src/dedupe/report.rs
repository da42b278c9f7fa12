//! What a run says about itself.

use crate::comparison::LEVELS;
use crate::config::Config;
use crate::model::Model;
use serde::{Deserialize, Serialize};

/// Time used so far, as the caller measures it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Times {
    /// Wall clock in seconds, from any origin.
    pub seconds: f64,
    /// CPU time of the process in seconds.
    pub cpu_seconds: f64,
}

/// What a run did and learned.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Records of each input.
    pub inputs: Vec<InputReport>,
    /// Records in all.
    pub records: u64,
    /// The configuration in use, inferred parts filled in; the form that a configuration file takes.
    pub config: Config,
    /// The blocking rules in the order in which they were applied.
    #[serde(rename = "blocks")]
    pub rules: Vec<RuleReport>,
    /// Pairs that blocking proposed, each once.
    pub pairs_proposed: u64,
    /// Pairs whose fields were compared as far as needed to decide them.
    pub pairs_compared: u64,
    /// Pairs that scored at or above the least probability kept.
    pub pairs_kept: u64,
    /// How the parameters were estimated.
    pub estimation: EstimationReport,
    /// Fields with their comparison levels.
    pub fields: Vec<FieldReport>,
    /// The threshold and how it was chosen.
    pub threshold: ThresholdReport,
    /// Persons found.
    pub persons: u64,
    /// Persons by number of records: (records, persons).
    pub person_sizes: Vec<(u32, u64)>,
    /// Wall and CPU seconds of each stage.
    pub stages: Vec<StageReport>,
}

/// One input.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct InputReport {
    /// Its name.
    pub name: String,
    /// Its records.
    pub records: u64,
}

/// One blocking rule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleReport {
    /// Its keys.
    pub keys: Vec<String>,
    /// Pairs that agree on them.
    pub pairs: u64,
    /// Pairs among them that no earlier rule has.
    pub marginal_pairs: u64,
    /// Estimated share of all matches that agree on them.
    pub recall: f64,
    /// Estimated share of all matches that no earlier rule has.
    pub marginal_recall: f64,
}

/// How the parameters were estimated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EstimationReport {
    /// Pairs drawn at random to estimate `u`.
    pub random_pairs: u64,
    /// Candidate pairs used for `m`.
    pub training_pairs: u64,
    /// Iterations of expectation maximisation.
    pub iterations: u32,
    /// Largest change of a parameter in the last iteration.
    pub last_change: f64,
    /// Whether it came to rest.
    pub converged: bool,
    /// Share of matches among all pairs.
    pub match_share: f64,
    /// Share of pairs of one household that are two persons.
    pub household_share: f64,
}

/// One field.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FieldReport {
    /// The field.
    pub field: String,
    /// Its levels, weakest first.
    pub levels: Vec<LevelReport>,
}

/// One comparison level.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LevelReport {
    /// What it takes to reach it.
    pub level: String,
    /// Probability among matches.
    pub m: f64,
    /// Probability among pairs that have nothing to do with one another.
    pub u: f64,
    /// Probability among two persons of one household.
    pub household: f64,
    /// The match weight: the logarithm to base 2 of m over u.
    pub weight: f64,
}

/// The threshold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ThresholdReport {
    /// Least probability of a link.
    pub probability: f64,
    /// The same as a match weight.
    pub weight: f64,
    /// How it was chosen: `given` or `expected_f1`.
    pub method: String,
    /// Expected precision of the links.
    pub expected_precision: f64,
    /// Expected recall of the links.
    pub expected_recall: f64,
}

/// One stage's time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StageReport {
    /// The stage.
    pub stage: String,
    /// Wall seconds.
    pub seconds: f64,
    /// CPU seconds of the process.
    pub cpu_seconds: f64,
}

/// The fields of a model.
pub(super) fn fields(model: &Model) -> Vec<FieldReport> {
    let fields = model.columns.iter().map(|column| FieldReport {
        field: column.name.clone(),
        levels: (1..LEVELS)
            .map(|level| LevelReport {
                level: column.kind.label(level as u8).to_owned(),
                m: column.m[0][level],
                u: column.u[0][level],
                household: column.h[0][level],
                weight: (column.m[0][level] / column.u[0][level]).log2(),
            })
            .collect(),
    });
    fields.collect()
}

/// Counts persons, and persons by number of records.
pub(super) fn sizes(report: &mut Report, clusters: &[u32]) {
    let persons = clusters.iter().max().map_or(0, |most| *most as usize + 1);
    let mut records = vec![0_u32; persons];
    for person in clusters {
        records[*person as usize] += 1;
    }
    records.sort_unstable();
    report.persons = persons as u64;
    report.person_sizes = records.chunk_by(|a, b| a == b).map(|group| (group[0], group.len() as u64)).collect();
}
