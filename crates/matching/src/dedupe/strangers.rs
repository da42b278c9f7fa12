//! What two records show that have nothing to do with one another: frequencies of values, and pairs drawn at random.

use super::scorer::{Observation, Scorer, level_of};
use crate::blocking::mix;
use crate::comparison::{EXACT, LEVELS, level};
use crate::em::normal;
use crate::model::{Table, context_of};
use crate::table::Records;

/// Pairs drawn at random, and pairs drawn for each field that depends on another.
const DRAWN: u64 = 60_000;
const DRAWN_DEPENDENT: usize = 10_000;

/// Shares of persons with each value of each field. Where it is known which records are one person's, a person counts once.
pub(crate) fn frequencies(records: &Records, persons: Option<&[u32]>) -> Vec<Vec<f32>> {
    let counts: Vec<Vec<u32>> = match persons {
        None => records.fields.iter().map(|field| field.counts.clone()).collect(),
        Some(persons) => of_persons(records, persons),
    };
    counts
        .into_iter()
        .map(|counts| {
            let present: f64 = counts[1..].iter().map(|count| f64::from(*count)).sum();
            counts.iter().map(|count| (f64::from((*count).max(1)) / present.max(1.0)).min(1.0) as f32).collect()
        })
        .collect()
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
    /// For each field with parents, pairs that agree on these, and the level.
    dependent: Vec<Vec<(u32, u32, u8)>>,
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
        let dependent = parents
            .iter()
            .enumerate()
            .map(|(at, parents)| if parents.is_empty() { Vec::new() } else { dependent(records, parents, at, seed) });
        Self { any, dependent: dependent.collect() }
    }

    pub(crate) fn len(&self) -> u64 {
        self.any.len() as u64
    }
}

/// Probability of each level of each field among strangers.
pub(crate) fn tables(
    draws: &Draws,
    frequencies: &[Vec<f32>],
    parents: &[Vec<usize>],
    persons: Option<&[u32]>,
) -> Vec<Table> {
    let fields = parents.len();
    let strangers = |a: u32, b: u32| persons.is_none_or(|persons| persons[a as usize] != persons[b as usize]);
    let mut counts = vec![[[0.0_f64; LEVELS]; 3]; fields];
    for seen in draws.any.iter().filter(|seen| strangers(seen.left, seen.right)) {
        for at in 0..fields {
            let level = usize::from(level_of(seen.pattern, at));
            let context = context_of(&parents[at], |parent| level_of(seen.pattern, parent));
            counts[at][0][level] += 1.0;
            if context != 0 {
                counts[at][context][level] += 1.0;
            }
        }
    }
    let mut tables = Vec::with_capacity(fields);
    for at in 0..fields {
        let exact: f64 = match persons {
            // Among persons that are each counted once, a value of one person makes no pair.
            Some(_) => {
                let rarest = f64::from(frequencies[at].iter().copied().fold(1.0_f32, f32::min));
                frequencies[at][1..]
                    .iter()
                    .map(|share| f64::from(*share) * (f64::from(*share) - rarest).max(0.0))
                    .sum::<f64>()
                    + rarest * rarest
            }
            None => frequencies[at][1..].iter().map(|share| f64::from(*share) * f64::from(*share)).sum(),
        };
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
            for (_, _, level) in draws.dependent[at].iter().filter(|(a, b, _)| strangers(*a, *b)) {
                counts[at][2][usize::from(*level)] += 1.0;
            }
            for context in 1..3 {
                let seen: f64 = counts[at][context][1..].iter().sum();
                let mut shares = [0.0; LEVELS];
                for (level, share) in shares.iter_mut().enumerate().skip(1) {
                    *share = (counts[at][context][level] + 20.0 * base[level]) / (seen + 20.0);
                }
                table[context] = normal(shares);
            }
        }
        tables.push(table);
    }
    tables
}

/// Draws pairs that agree on a field's parents, with the level of the field.
fn dependent(records: &Records, parents: &[usize], field: usize, seed: u64) -> Vec<(u32, u32, u8)> {
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
        let (x, y) = (records.row(a)[field], records.row(b)[field]);
        if a == b || x == 0 || y == 0 {
            continue;
        }
        let field = &records.fields[field];
        let level = if x == y { EXACT } else { level(field.kind, field.value(x), field.value(y)) };
        drawn.push((a, b, level));
    }
    drawn
}
