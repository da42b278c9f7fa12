//! Comparing and scoring pairs of a table's records under a model, by numbers where that is enough.

use crate::comparison::{CLOSE, COLUMNS, EXACT, LEVELS, MISSING, SWAPPED, crossed, level};
use crate::model::{Model, context_of, finish};
use crate::table::{NOWHERE, Records};

/// A pair with what it shows: four bits a field, and log2 of the chance of that among strangers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Observation {
    pub(crate) left: u32,
    pub(crate) right: u32,
    pub(crate) pattern: u64,
    pub(crate) chance: f32,
}

/// The level of a field in a pattern.
pub(crate) fn level_of(pattern: u64, field: usize) -> u8 {
    ((pattern >> (4 * field)) & 15) as u8
}

/// What two swapped fields may add at most, before looking.
const SWAP_BOUND: f32 = 10.0;

type LogTable = [[f32; LEVELS + 1]; 3];

/// One field's logarithms.
#[derive(Debug, Clone)]
struct Logs {
    m: LogTable,
    u: LogTable,
    h: LogTable,
    /// log2 of the frequency of each value.
    frequency: Vec<f32>,
    parents: Vec<usize>,
    swap: Option<usize>,
    /// The most that a level below exact can add, and exact with the rarest value.
    best_unequal: f32,
}

/// Scores pairs of records.
#[derive(Debug)]
pub(crate) struct Scorer<'a> {
    records: &'a Records,
    logs: Vec<Logs>,
    prior: f32,
    prior_household: f32,
    /// Fields in the order of what comparing their texts may still add.
    order: Vec<usize>,
}

impl<'a> Scorer<'a> {
    /// A scorer under a model; `frequencies` has the share of persons with each value of each field.
    pub(crate) fn new(records: &'a Records, model: &Model, frequencies: &[Vec<f32>]) -> Self {
        let logs: Vec<Logs> = model
            .columns
            .iter()
            .zip(frequencies)
            .map(|(column, frequency)| {
                let table = |table: &[[f64; LEVELS]; 3]| {
                    let mut logs = [[0.0; LEVELS + 1]; 3];
                    for (context, levels) in table.iter().enumerate() {
                        for (level, value) in levels.iter().enumerate().skip(1) {
                            logs[context][level] = value.max(1e-12).log2() as f32;
                        }
                    }
                    logs
                };
                let (m, u, h) = (table(&column.m), table(&column.u), table(&column.h));
                let mut best_unequal = f32::MIN;
                for context in 0..3 {
                    for level in 1..EXACT as usize {
                        best_unequal = best_unequal.max(m[context][level] - u[context][level]);
                    }
                }
                Logs {
                    m,
                    u,
                    h,
                    frequency: frequency.iter().map(|share| share.max(1e-9).log2()).collect(),
                    parents: column.parents.clone(),
                    swap: column.swap,
                    best_unequal,
                }
            })
            .collect();
        let (prior, prior_household) = model.priors();
        let mut order: Vec<usize> = (0..logs.len()).collect();
        order.sort_by(|a, b| logs[*b].best_unequal.total_cmp(&logs[*a].best_unequal));
        Self { records, logs, prior: prior as f32, prior_household: prior_household as f32, order }
    }

    /// Compares two records; none as soon as the match weight cannot reach `floor`.
    pub(crate) fn observe(&self, left: u32, right: u32, floor: f32) -> Option<Observation> {
        let (a, b) = (self.records.row(left), self.records.row(right));
        let mut pattern = 0_u64;
        let mut bound = self.prior;
        let mut open = 0_u32;
        for (at, (x, y)) in a.iter().zip(b).enumerate() {
            if *x == 0 || *y == 0 {
                bound += if self.logs[at].swap.is_some() { SWAP_BOUND } else { 0.0 };
                continue;
            }
            if x == y {
                pattern |= u64::from(EXACT) << (4 * at);
                let logs = &self.logs[at];
                // In the context of an agreeing parent it is less; a bound may be too high.
                bound += logs.m[0][6].max(logs.m[2][6]) - logs.frequency[*x as usize];
            } else {
                open |= 1 << at;
                bound +=
                    self.logs[at].best_unequal.max(if self.logs[at].swap.is_some() { SWAP_BOUND } else { f32::MIN });
            }
        }
        if bound < floor {
            return None;
        }
        for at in &self.order {
            if open & (1 << at) == 0 {
                continue;
            }
            let (at, field) = (*at, &self.records.fields[*at]);
            let reached = level(field.kind, field.value(a[at]), field.value(b[at]));
            pattern |= u64::from(reached) << (4 * at);
            let logs = &self.logs[at];
            let reached = usize::from(reached);
            let mut most = logs.m[0][reached] - logs.u[0][reached];
            if !logs.parents.is_empty() {
                for context in 1..3 {
                    most = most.max(logs.m[context][reached] - logs.u[context][reached]);
                }
            }
            if reached < usize::from(CLOSE) && logs.swap.is_some() {
                // May turn out to be swapped.
                most = most.max(SWAP_BOUND);
            }
            bound += most - if logs.swap.is_some() { logs.best_unequal.max(SWAP_BOUND) } else { logs.best_unequal };
            if bound < floor {
                return None;
            }
        }
        pattern = self.swapped(a, b, pattern);
        Some(Observation { left, right, pattern, chance: self.chance(a, b, pattern) })
    }

    /// Turns two fields that are unlike but stand in one another's place into one level.
    fn swapped(&self, a: &[u32], b: &[u32], pattern: u64) -> u64 {
        for (at, logs) in self.logs.iter().enumerate() {
            let Some(other) = logs.swap.filter(|other| at < *other) else { continue };
            if level_of(pattern, at) >= CLOSE || level_of(pattern, other) >= CLOSE {
                continue;
            }
            if self.crossing(a, b, at, other) {
                let cleared = pattern & !(15 << (4 * at)) & !(15 << (4 * other));
                return cleared | u64::from(SWAPPED) << (4 * at);
            }
        }
        pattern
    }

    fn crossing(&self, a: &[u32], b: &[u32], at: usize, other: usize) -> bool {
        let (one, two) = (self.equal(a, b, at, other), self.equal(b, a, at, other));
        // Texts are compared only when one of the two is equal.
        let closer = |equal: Option<bool>, x: &[u32], y: &[u32]| match equal {
            None => MISSING,
            Some(true) => EXACT,
            Some(false) => {
                let (field, there) = (&self.records.fields[at], &self.records.fields[other]);
                level(field.kind, field.value(x[at]), there.value(y[other]))
            }
        };
        (one == Some(true) || two == Some(true)) && crossed(closer(one, a, b), closer(two, b, a))
    }

    /// Whether one record has in the first field what the other has in the second; none when one has nothing there.
    fn equal(&self, a: &[u32], b: &[u32], at: usize, other: usize) -> Option<bool> {
        if a[at] == 0 || b[other] == 0 {
            return None;
        }
        let there = self.records.fields[at].across.get(a[at] as usize).copied().unwrap_or(NOWHERE);
        Some(there == b[other])
    }

    /// log2 of the probability of a pattern among strangers.
    fn chance(&self, a: &[u32], b: &[u32], pattern: u64) -> f32 {
        let mut chance = 0.0;
        for (at, logs) in self.logs.iter().enumerate() {
            let level = level_of(pattern, at);
            if level == MISSING {
                continue;
            }
            let context = context_of(&logs.parents, |parent| level_of(pattern, parent));
            chance += match (level, logs.swap) {
                (EXACT, _) if context != 2 => logs.frequency[a[at] as usize],
                (SWAPPED, Some(other)) => {
                    let there = |x: &[u32], y: &[u32]| match self.equal(x, y, at, other) {
                        Some(true) => logs.frequency[x[at] as usize],
                        _ => 0.0,
                    };
                    there(a, b) + there(b, a)
                }
                _ => logs.u[context][usize::from(level)],
            };
        }
        chance
    }

    /// Computes the chance anew, for another model.
    pub(crate) fn refresh(&self, observation: &mut Observation) {
        let (a, b) = (self.records.row(observation.left), self.records.row(observation.right));
        observation.chance = self.chance(a, b, observation.pattern);
    }

    /// log2 of the probability of a pattern among matches and among people of one household.
    pub(crate) fn likelihoods(&self, pattern: u64) -> (f32, f32) {
        let (mut matched, mut household) = (0.0, 0.0);
        for (at, logs) in self.logs.iter().enumerate() {
            let level = usize::from(level_of(pattern, at));
            let context = context_of(&logs.parents, |parent| level_of(pattern, parent));
            matched += logs.m[context][level];
            household += logs.h[context][level];
        }
        (matched, household)
    }

    /// The match weight of an observation.
    pub(crate) fn weight(&self, observation: &Observation) -> f32 {
        let (matched, household) = self.likelihoods(observation.pattern);
        let score = finish(
            f64::from(self.prior + matched - observation.chance),
            f64::from(self.prior_household + household - observation.chance),
        );
        score.weight as f32
    }

    /// The match weight of any two records.
    pub(crate) fn pair(&self, left: u32, right: u32) -> f32 {
        self.observe(left, right, f32::MIN).map_or(f32::MIN, |observation| self.weight(&observation))
    }

    /// How many fields there are.
    pub(crate) fn fields(&self) -> usize {
        self.logs.len().min(COLUMNS)
    }
}
