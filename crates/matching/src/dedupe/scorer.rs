//! Comparing and scoring pairs of a table's records under a model, by numbers where that is enough.

use crate::blocking::Pair;
use crate::comparison::{CLOSE, EXACT, LEVELS, MISSING, SWAPPED, crossed, level};
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
    /// The most that each level can add in any context, and any level below exact.
    best: [f32; LEVELS + 1],
    best_unequal: f32,
    /// The same against two persons of one household.
    best_household: [f32; LEVELS + 1],
    best_unequal_household: f32,
    /// The most that log2 of m can be for equal values.
    best_exact: f32,
}

/// Log odds of a match below which a pair is given up: against strangers, and against a household.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floor {
    pub(crate) strangers: f32,
    pub(crate) household: f32,
}

/// Scores pairs of records.
#[derive(Debug)]
pub(crate) struct Scorer<'a> {
    records: &'a Records,
    logs: Vec<Logs>,
    prior: f32,
    prior_household: f32,
    /// Fields that may stand in one another's place.
    swaps: Vec<(usize, usize)>,
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
                let contexts = if column.parents.is_empty() { 1 } else { 3 };
                let most = |other: &LogTable| {
                    let mut best = [f32::MIN; LEVELS + 1];
                    for context in 0..contexts {
                        for level in 1..LEVELS {
                            best[level] = best[level].max(m[context][level] - other[context][level]);
                        }
                    }
                    let unequal = best[1..usize::from(EXACT)].iter().copied().fold(f32::MIN, f32::max);
                    (best, unequal)
                };
                let (best, best_unequal) = most(&u);
                let (best_household, best_unequal_household) = most(&h);
                let best_exact = m[..contexts].iter().map(|levels| levels[usize::from(EXACT)]).fold(f32::MIN, f32::max);
                Logs {
                    m,
                    u,
                    h,
                    frequency: frequency.iter().map(|share| share.max(1e-9).log2()).collect(),
                    parents: column.parents.clone(),
                    swap: column.swap,
                    best,
                    best_unequal,
                    best_household,
                    best_unequal_household,
                    best_exact,
                }
            })
            .collect();
        let (prior, prior_household) = model.priors();
        let mut order: Vec<usize> = (0..logs.len()).collect();
        // First what may take the bound down most: what differs where it could have been close.
        // Texts of a field with many of them are far away in memory.
        let drop = |field: usize| {
            let far = 1.0 + records.fields[field].len() as f32 / 40_000.0;
            (logs[field].best_unequal - logs[field].best[1]) / far.min(4.0)
        };
        order.sort_by(|a, b| drop(*b).total_cmp(&drop(*a)));
        let swaps = logs.iter().enumerate().filter_map(|(at, logs)| Some((at, logs.swap.filter(|other| at < *other)?)));
        let swaps = swaps.collect();
        Self { records, swaps, logs, prior: prior as f32, prior_household: prior_household as f32, order }
    }

    /// Compares two records in full.
    pub(crate) fn observe(&self, left: u32, right: u32) -> Option<Observation> {
        let values = (self.records.row(left), self.records.row(right));
        self.observe_pair(&Pair { left, right, values }, Floor { strangers: f32::MIN, household: f32::MIN })
    }

    /// Compares two records whose values are at hand; none as soon as the odds of a match cannot reach the floor.
    pub(crate) fn observe_pair(&self, pair: &Pair<'_>, floor: Floor) -> Option<Observation> {
        let Pair { left, right, values: (a, b) } = *pair;
        let mut pattern = 0_u64;
        let mut bound = self.prior;
        let mut bound_household = self.prior - self.prior_household;
        let mut open = 0_u32;
        for (at, (x, y)) in a.iter().zip(b).enumerate() {
            if *x == 0 || *y == 0 {
                continue;
            }
            let logs = &self.logs[at];
            if x == y {
                pattern |= u64::from(EXACT) << (4 * at);
                // In the context of an agreeing parent it is less; a bound may be too high.
                bound += logs.best_exact - logs.frequency[*x as usize];
                bound_household += logs.best_household[usize::from(EXACT)];
            } else {
                open |= 1 << at;
                bound += logs.best_unequal;
                bound_household += logs.best_unequal_household;
            }
        }
        // Fields that may turn out to be swapped can still add much.
        for (at, other) in &self.swaps {
            if self.equal(a, b, *at, *other) == Some(true) || self.equal(b, a, *at, *other) == Some(true) {
                bound += SWAP_BOUND;
                bound_household += SWAP_BOUND;
            }
        }
        if bound < floor.strangers || bound_household < floor.household {
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
            bound += logs.best[usize::from(reached)] - logs.best_unequal;
            bound_household += logs.best_household[usize::from(reached)] - logs.best_unequal_household;
            if bound < floor.strangers || bound_household < floor.household {
                return None;
            }
        }
        let pattern = self.swapped(a, b, pattern);
        let chance = self.chance(a, b, pattern);
        let (matched, household) = self.likelihoods(pattern);
        let reached = self.prior + matched - chance >= floor.strangers
            && self.prior - self.prior_household + matched - household >= floor.household;
        reached.then_some(Observation { left, right, pattern, chance })
    }

    /// Turns two fields that are unlike but stand in one another's place into one level.
    fn swapped(&self, a: &[u32], b: &[u32], pattern: u64) -> u64 {
        for (at, other) in &self.swaps {
            let (at, other) = (*at, *other);
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
        self.observe(left, right).map_or(f32::MIN, |observation| self.weight(&observation))
    }
}
