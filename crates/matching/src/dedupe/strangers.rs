//! What two records show that have nothing to do with one another: frequencies of values, and pairs drawn at random.

use super::scorer::{Observation, Scorer, level_of};
use crate::blocking::mix;
use crate::comparison::{EXACT, LEVELS};
use crate::em::normal;
use crate::model::{Table, context_of};
use crate::table::Records;

/// Pairs drawn at random, and pairs drawn for each field that depends on another.
const DRAWN: u64 = 50_000;
const DRAWN_DEPENDENT: usize = 5_000;

/// For each value of each field, the probability that a stranger has it too.
///
/// Where it is known which records are one person's, a person counts once, and what counts are the *others* that have the
/// value: one less than have it, plus what is usual, so that a number that nobody shares is not taken for one that two
/// persons have. Before that is known, records stand for persons, and a value is taken to be shared when it is much more
/// frequent than most.
pub(crate) fn frequencies(records: &Records, persons: Option<&[u32]>) -> Vec<Vec<f32>> {
    match persons {
        None => records.fields.iter().map(|field| of_records(&field.counts)).collect(),
        Some(persons) => of_persons(records, persons).iter().map(|counts| of_counts(counts, LEAST_SHARED)).collect(),
    }
}

/// The least mean number of others that have a value.
const LEAST_SHARED: f64 = 0.05;
/// The same before persons are known, and the share of distinct values from which a field is one that tells persons apart.
const GUESSED_SHARED: f64 = 0.2;
const TELLING: f64 = 0.2;

fn of_records(counts: &[u32]) -> Vec<f32> {
    let present: f64 = counts[1..].iter().map(|count| f64::from(*count)).sum();
    let mut sorted: Vec<u32> = counts[1..].iter().copied().filter(|count| *count > 0).collect();
    sorted.sort_unstable();
    if (sorted.len() as f64) < TELLING * present {
        return counts.iter().map(|count| (f64::from((*count).max(1)) / present.max(1.0)).min(1.0) as f32).collect();
    }
    let usual = f64::from(sorted.get(sorted.len() * 19 / 20).copied().unwrap_or(1));
    let each = |count: &u32| {
        let persons = (f64::from(*count) / usual).max(1.0);
        ((persons - 1.0 + GUESSED_SHARED) * usual / present.max(1.0)).min(1.0) as f32
    };
    counts.iter().map(each).collect()
}

fn of_counts(counts: &[u32], least: f64) -> Vec<f32> {
    let present: f64 = counts[1..].iter().map(|count| f64::from(*count)).sum();
    let others: f64 = counts[1..].iter().map(|count| f64::from(*count) * (f64::from(*count) - 1.0).max(0.0)).sum();
    let usual = (others / present.max(1.0)).clamp(least, 1.0);
    let each = |count: &u32| ((f64::from((*count).max(1)) - 1.0 + usual) / present.max(1.0)).min(1.0) as f32;
    counts.iter().map(each).collect()
}

fn of_persons(records: &Records, persons: &[u32]) -> Vec<Vec<u32>> {
    let mut counts: Vec<Vec<u32>> = records.fields.iter().map(|field| vec![0; field.len()]).collect();
    let mut keyed: Vec<(u32, u32)> =
        persons.iter().enumerate().map(|(record, person)| (*person, record as u32)).collect();
    crate::blocking::by_key(&mut keyed);
    let mut codes = Vec::new();
    for group in keyed.chunk_by(|a, b| a.0 == b.0) {
        for (field, counts) in counts.iter_mut().enumerate() {
            codes.clear();
            codes.extend(group.iter().map(|(_, record)| records.row(*record)[field]));
            codes.sort_unstable();
            codes.dedup();
            for code in &codes {
                counts[*code as usize] += 1;
            }
        }
    }
    counts
}

/// Pairs drawn at random with their levels; the draw is made once.
#[derive(Debug)]
pub(crate) struct Draws {
    /// Pairs of any records.
    any: Vec<Observation>,
    /// For each field with parents, pairs that agree on these.
    dependent: Vec<Vec<Observation>>,
}

impl Draws {
    pub(crate) fn new(records: &Records, scorer: &Scorer<'_>, parents: &[Vec<usize>], seed: u64) -> Self {
        let total = records.len() as u64;
        let mut any = Vec::new();
        for draw in 0..DRAWN.min(total * 30) {
            let random = mix(mix(seed).wrapping_add(draw));
            let (a, b) = (((random >> 32) % total) as u32, ((random & 0xffff_ffff) % total) as u32);
            if a != b {
                any.extend(scorer.observe(a, b));
            }
        }
        let dependent = parents.iter().enumerate().map(|(at, parents)| {
            let mut drawn = Vec::new();
            if !parents.is_empty() {
                drawn = dependent(records, scorer, parents, at, seed);
            }
            if parents.len() > 1 {
                for parent in parents {
                    drawn.extend(dependent(records, scorer, &[*parent], at, seed));
                }
            }
            drawn
        });
        Self { any, dependent: dependent.collect() }
    }

    pub(crate) fn len(&self) -> u64 {
        self.any.len() as u64
    }
}

/// Probability of each level of each field among strangers. `stranger` gives the probability that a drawn pair is one of
/// strangers; without it all are taken for strangers, and fields for independent.
pub(crate) fn tables(
    draws: &Draws,
    frequencies: &[Vec<f32>],
    parents: &[Vec<usize>],
    stranger: Option<&dyn Fn(&Observation) -> f64>,
) -> Vec<Table> {
    let fields = parents.len();
    let mut counts = vec![[[0.0_f64; LEVELS]; 3]; fields];
    for seen in &draws.any {
        let weight = stranger.map_or(1.0, |stranger| stranger(seen));
        for at in 0..fields {
            let level = usize::from(level_of(seen.pattern, at));
            let context = context_of(&parents[at], |parent| level_of(seen.pattern, parent));
            counts[at][0][level] += weight;
            if context != 0 {
                counts[at][context][level] += weight;
            }
        }
    }
    let mut tables = Vec::with_capacity(fields);
    for at in 0..fields {
        let exact: f64 = frequencies[at][1..].iter().map(|share| f64::from(*share) * f64::from(*share)).sum();
        let exact = exact.min(0.999);
        let level = usize::from(EXACT);
        let near: f64 = counts[at][0][1..level].iter().sum();
        let mut base = [0.0; LEVELS];
        for (share, count) in base.iter_mut().zip(&counts[at][0]).skip(1) {
            *share = (count + 0.2) / (near + 1.0) * (1.0 - exact);
        }
        base[level] = exact;
        let base = normal(base);
        let mut table = [base; 3];
        if !parents[at].is_empty() {
            for seen in stranger.iter().flat_map(|_| &draws.dependent[at]) {
                let level = usize::from(level_of(seen.pattern, at));
                let context = context_of(&parents[at], |parent| level_of(seen.pattern, parent));
                counts[at][context.max(1)][level] += stranger.map_or(1.0, |stranger| stranger(seen));
            }
            for context in 1..3 {
                let seen: f64 = counts[at][context][1..].iter().sum();
                let mut shares = [0.0; LEVELS];
                for (level, share) in shares.iter_mut().enumerate().skip(1) {
                    *share = (counts[at][context][level] + 20.0 * base[level]) / (seen + 20.0);
                }
                if stranger.is_some() {
                    table[context] = normal(shares);
                }
            }
        }
        tables.push(table);
    }
    tables
}

/// Draws pairs that agree on a field's parents, with the level of the field.
fn dependent(records: &Records, scorer: &Scorer<'_>, parents: &[usize], field: usize, seed: u64) -> Vec<Observation> {
    let mut drawn = Vec::new();
    let every = (records.len() / (4 * DRAWN_DEPENDENT)).max(1) as u64;
    let mut keyed: Vec<(u32, u32)> = Vec::new();
    for record in 0..records.len() as u32 {
        let row = records.row(record);
        if parents.iter().all(|parent| row[*parent] != 0) {
            let key = parents.iter().fold(0, |key, parent| mix(key ^ u64::from(row[*parent])));
            // Some of the blocks are enough.
            if key % every == 0 {
                keyed.push(((key >> 32) as u32, record));
            }
        }
    }
    crate::blocking::by_key(&mut keyed);
    // Where the block of each record begins and ends.
    let mut blocks: Vec<(u32, u32)> = Vec::with_capacity(keyed.len());
    for group in keyed.chunk_by(|a, b| a.0 == b.0) {
        let start = blocks.len() as u32;
        blocks.extend(group.iter().map(|_| (start, start + group.len() as u32)));
    }
    if keyed.len() < 2 {
        return drawn;
    }
    for draw in 0..DRAWN_DEPENDENT.min(keyed.len() * 4) as u64 {
        let random = mix(mix(seed ^ 0x5bd1_e995 ^ field as u64).wrapping_add(draw));
        // A record, then another of the same block: blocks count by their size, so weigh by the pairs that each stands for.
        let at = (random >> 32) as usize % keyed.len();
        let (start, end) = blocks[at];
        let a = keyed[at].1;
        let b = keyed[start as usize + (random & 0xffff_ffff) as usize % (end - start) as usize].1;
        if a != b {
            drawn.extend(scorer.observe(a, b));
        }
    }
    drawn
}
