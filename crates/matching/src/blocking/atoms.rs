//! The keys of a table: a hash a distinct value, so that the key of a record is a look-up.

use super::key::{Key, Part, Rule, join, mix};
use crate::table::Records;

/// A key with its hash for every value of the column; 0 where the value has no such part.
#[derive(Debug, Clone)]
pub(crate) struct Atom {
    pub(crate) key: Key,
    hashes: Vec<u32>,
    /// The hashes of the other column, when the two may be swapped.
    other: Vec<u32>,
    /// Probability that two records that both have it agree on it.
    pub(crate) agreement: f64,
    /// Share of records that have it.
    pub(crate) present: f64,
}

impl Atom {
    pub(crate) fn new(records: &Records, key: Key) -> Self {
        let hashes = hashes(records, key.column, key.part);
        let other = key.either.map(|other| hashes_of(records, other, key.part)).unwrap_or_default();
        let mut atom = Self { key, hashes, other, agreement: 0.0, present: 0.0 };
        atom.count(records);
        atom
    }

    fn count(&mut self, records: &Records) {
        let total = records.len().max(1) as f64;
        if self.key.either.is_some() {
            // Two names agree about as seldom as both do.
            let one = share(&records.fields[self.key.column].counts, &self.hashes);
            let both = self.key.either.map(|other| share(&records.fields[other].counts, &self.other));
            let both = both.unwrap_or((1.0, 1.0));
            self.agreement = 2.0 * one.0 * both.0;
            self.present = (one.1 / total).min(both.1 / total);
            return;
        }
        let (agreement, present) = share(&records.fields[self.key.column].counts, &self.hashes);
        self.agreement = agreement;
        self.present = present / total;
    }

    /// The hash of a record's key; 0 when it has none.
    pub(crate) fn of(&self, row: &[u32]) -> u32 {
        let one = self.hashes[row[self.key.column] as usize];
        match self.key.either {
            None => one,
            Some(other) => {
                let two = self.other[row[other] as usize];
                if one == 0 || two == 0 { 0 } else { one.wrapping_add(two).max(1) }
            }
        }
    }

    /// Distinct keys.
    pub(crate) fn distinct(&self) -> usize {
        let mut all: Vec<u32> = self.hashes.iter().copied().filter(|hash| *hash != 0).collect();
        all.sort_unstable();
        all.dedup();
        all.len()
    }
}

fn hashes(records: &Records, column: usize, part: Part) -> Vec<u32> {
    hashes_of(records, column, part)
}

fn hashes_of(records: &Records, column: usize, part: Part) -> Vec<u32> {
    let field = &records.fields[column];
    (0..field.len() as u32)
        .map(|code| {
            if code == 0 {
                return 0;
            }
            let value = field.value(code);
            part.hash(value.plain, value.key).map_or(0, |hash| ((hash >> 32) as u32).max(1))
        })
        .collect()
}

/// Probability that two records agree on a hash, and how many have one.
fn share(counts: &[u32], hashes: &[u32]) -> (f64, f64) {
    let mut all: Vec<(u32, u32)> =
        hashes.iter().zip(counts).filter(|(hash, _)| **hash != 0).map(|(hash, count)| (*hash, *count)).collect();
    all.sort_unstable();
    let present: f64 = all.iter().map(|(_, count)| f64::from(*count)).sum();
    let mut squares = 0.0;
    for group in all.chunk_by(|a, b| a.0 == b.0) {
        let sum: f64 = group.iter().map(|(_, count)| f64::from(*count)).sum();
        squares += sum * sum;
    }
    (squares / (present * present).max(1.0), present)
}

/// A rule over atoms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AtomRule {
    /// Positions of atoms.
    pub(crate) atoms: Vec<usize>,
}

impl AtomRule {
    /// The hash of a record's keys; 0 when one is missing.
    pub(crate) fn hash(&self, atoms: &[Atom], row: &[u32]) -> u32 {
        let mut total = 0;
        for atom in &self.atoms {
            let hash = atoms[*atom].of(row);
            if hash == 0 {
                return 0;
            }
            total = join(total, u64::from(hash));
        }
        ((mix(total) >> 32) as u32).max(1)
    }

    /// Whether two records agree on every key.
    pub(crate) fn agree(&self, atoms: &[Atom], a: &[u32], b: &[u32]) -> bool {
        self.atoms.iter().all(|atom| {
            let hash = atoms[*atom].of(a);
            hash != 0 && hash == atoms[*atom].of(b)
        })
    }

    pub(crate) fn rule(&self, atoms: &[Atom]) -> Rule {
        Rule { keys: self.atoms.iter().map(|atom| atoms[*atom].key).collect() }
    }
}
