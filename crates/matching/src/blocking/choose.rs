//! Choosing the rules: each is tried on a sample of its blocks, and those are taken, one after the other, that find the most
//! matches not found yet for the pairs they cost.
//!
//! The matches in the samples stand for those in the table: a match that several rules can find is drawn by each with a known
//! probability, and counts by the inverse of their sum (single-frame estimation over several frames, Kalton and Anderson 1986).

use super::atoms::{Atom, AtomRule};
use super::key::mix;
use super::sort::by_key;
use crate::table::Records;

/// A rule that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    pub(crate) rule: AtomRule,
    /// Estimated pairs that agree on it.
    pub(crate) pairs: f64,
    /// Estimated share of the matches that any rule can find.
    pub(crate) recall: f64,
    /// The same, without those that an earlier rule finds.
    pub(crate) marginal: f64,
}

/// Pairs tried for each rule.
const TRIED: f64 = 300.0;
/// The same in a small table.
const TRIED_SMALL: f64 = 500.0;
/// Records whose blocks are looked at for each rule.
const SAMPLED: usize = 15_000;
/// Records up to which a table is small.
const SMALL: usize = 20_000;
/// Rules taken at most.
const MOST: usize = 20;

struct Tried {
    pairs: f64,
    rate: f64,
    found: Vec<(u32, u32, f64)>,
}

/// Chooses among a pool. `probability` is that of a match by a first guess at the model.
pub(crate) fn choose(
    records: &Records,
    atoms: &[Atom],
    pool: Vec<AtomRule>,
    budget: f64,
    seed: u64,
    threads: usize,
    probability: &(dyn Fn(u32, u32) -> f64 + Sync),
) -> Vec<Chosen> {
    let sampled = Sampled::new(records, atoms, &pool, threads);
    let numbers: Vec<usize> = (0..pool.len()).collect();
    let tried = crate::parallel::map(threads, numbers, |number| {
        let mut random = Random(mix(seed.wrapping_add(number as u64)));
        attempt(records, atoms, &pool[number], &sampled, &mut random, probability)
    });
    // Every match found, with the rules that can find it and for how many it stands.
    let mut seeds: Vec<(u128, f64)> = Vec::new();
    for one in &tried {
        for (left, right, probability) in &one.found {
            let (a, b) = (records.row(*left), records.row(*right));
            let (mut able, mut rate) = (0_u128, 0.0);
            for (number, rule) in pool.iter().enumerate() {
                if rule.agree(atoms, a, b) {
                    able |= 1 << number;
                    rate += tried[number].rate;
                }
            }
            if rate > 0.0 {
                seeds.push((able, probability / rate));
            }
        }
    }
    let total: f64 = seeds.iter().map(|(_, weight)| weight).sum();
    let mut chosen: Vec<Chosen> = Vec::new();
    let (mut spent, mut left) = (0.0, vec![true; pool.len()]);
    if seeds.is_empty() {
        // Nothing tells which rule is worth its pairs: take those of one key, the cheapest first.
        for (rule, tried) in pool.iter().zip(&tried).filter(|(rule, _)| rule.atoms.len() == 1) {
            if spent + tried.pairs <= budget {
                spent += tried.pairs;
                chosen.push(Chosen { rule: rule.clone(), pairs: tried.pairs, recall: 0.0, marginal: 0.0 });
            }
        }
    }
    while chosen.len() < MOST && total > 0.0 {
        let mut best: Option<(f64, usize, f64)> = None;
        for number in (0..pool.len()).filter(|number| left[*number]) {
            let pairs = tried[number].pairs;
            if spent + pairs > budget {
                continue;
            }
            let gain: f64 = seeds.iter().filter(|(able, _)| able >> number & 1 == 1).map(|(_, weight)| weight).sum();
            // Sorting the records by one more key costs as much as comparing some pairs.
            let value = gain / (pairs + 0.3 * records.len() as f64);
            if best.is_none_or(|(other, _, _)| value > other) {
                best = Some((value, number, gain));
            }
        }
        let Some((_, number, gain)) = best else { break };
        let pairs = tried[number].pairs.max(1.0);
        let poor = gain < 0.005 * total && gain < 0.005 * pairs && spent > 3.0 * records.len() as f64;
        // In a small table a few more pairs cost nothing.
        let least = if spent + pairs < 5.0 * records.len() as f64 && records.len() < SMALL { 0.0001 } else { 0.0004 };
        if gain < least * total || poor {
            break;
        }
        left[number] = false;
        spent += tried[number].pairs;
        let recall = chosen.iter().map(|one| one.marginal).sum::<f64>();
        seeds.retain(|(able, _)| able >> number & 1 == 0);
        chosen.push(Chosen {
            rule: pool[number].clone(),
            pairs: tried[number].pairs,
            recall: recall + gain / total,
            marginal: gain / total,
        });
    }
    chosen
}

/// The records that each key's sampled blocks hold.
struct Sampled {
    share: f64,
    of_atom: Vec<Vec<u32>>,
}

impl Sampled {
    /// Samples the blocks of the first key of every rule of the pool.
    fn new(records: &Records, atoms: &[Atom], pool: &[AtomRule], threads: usize) -> Self {
        let mut mask = 1_u32;
        while records.len() / mask as usize > SAMPLED {
            mask *= 2;
        }
        let of_atom = crate::parallel::map(threads, (0..atoms.len()).collect(), |atom: usize| {
            if !pool.iter().any(|rule| leader(atoms, rule) == atom) {
                return Vec::new();
            }
            let kept = |record: &u32| {
                let hash = atoms[atom].of(records.row(*record));
                hash != 0 && mix(u64::from(hash)) as u32 & (mask - 1) == 0
            };
            (0..records.len() as u32).filter(kept).collect()
        });
        Self { share: 1.0 / f64::from(mask), of_atom }
    }
}

/// The key of a rule with the smallest blocks, by which its blocks are sampled.
fn leader(atoms: &[Atom], rule: &AtomRule) -> usize {
    let least = rule.atoms.iter().copied().min_by(|a, b| atoms[*a].agreement.total_cmp(&atoms[*b].agreement));
    least.unwrap_or_default()
}

/// Numbers that look random (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn attempt(
    records: &Records,
    atoms: &[Atom],
    rule: &AtomRule,
    sampled: &Sampled,
    random: &mut Random,
    probability: &(dyn Fn(u32, u32) -> f64 + Sync),
) -> Tried {
    let share = sampled.share;
    let mut keyed: Vec<(u32, u32)> = sampled.of_atom[leader(atoms, rule)]
        .iter()
        .map(|record| (rule.hash(atoms, records.row(*record)), *record))
        .filter(|(hash, _)| *hash != 0)
        .collect();
    by_key(&mut keyed);
    let pairs_of = |group: &[(u32, u32)]| group.len() as f64 * (group.len() as f64 - 1.0) / 2.0;
    let pairs: f64 = keyed.chunk_by(|a, b| a.0 == b.0).map(pairs_of).sum();
    let tries = if records.len() < SMALL { TRIED_SMALL } else { TRIED };
    let rate = (tries / pairs.max(1.0)).min(1.0);
    let mut found = Vec::new();
    for group in keyed.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        if group.len() <= 12 || rate >= 1.0 {
            for (at, (_, left)) in group.iter().enumerate() {
                for (_, right) in &group[at + 1..] {
                    if rate >= 1.0 || random.unit() <= rate {
                        try_pair(*left, *right, probability, &mut found);
                    }
                }
            }
        } else {
            let expected = pairs_of(group) * rate;
            let whole = expected.floor();
            for _ in 0..whole as usize + usize::from(random.unit() < expected - whole) {
                let (a, b) = (random.next() as usize % group.len(), random.next() as usize % group.len());
                if a != b {
                    try_pair(group[a].1, group[b].1, probability, &mut found);
                }
            }
        }
    }
    // Few blocks may miss the large ones; then what would be expected of independent keys is nearer.
    let all = records.len() as f64 * (records.len() as f64 - 1.0) / 2.0;
    let each = |atom: &usize| atoms[*atom].agreement * atoms[*atom].present * atoms[*atom].present;
    let expected = all * rule.atoms.iter().map(each).product::<f64>();
    Tried { pairs: (pairs / share).max(if share < 1.0 { expected } else { 0.0 }), rate: rate * share, found }
}

fn try_pair(left: u32, right: u32, probability: &(dyn Fn(u32, u32) -> f64 + Sync), found: &mut Vec<(u32, u32, f64)>) {
    let probability = probability(left, right);
    if probability > 0.5 {
        found.push((left, right, probability));
    }
}
