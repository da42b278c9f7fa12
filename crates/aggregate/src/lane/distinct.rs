//! How many different values there were.
//!
//! Up to a bound every value is kept by its hash, with the buckets it occurred in: exact. From there on there is one
//! HyperLogLog a bucket (Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog: the analysis of a near-optimal cardinality
//! estimation algorithm", 2007), of 1,024 registers with linear counting for small numbers: a standard error of
//! 1.04 / sqrt(1024), 3.3 %. It is the same whether values came before or after the bound was passed.

use crate::codec::{Reader, put, put_signed};

const BITS: u32 = 10;
/// Registers of an estimate.
pub(crate) const REGISTERS: usize = 1 << BITS;

/// A register of one bucket: the longest run of zeros seen, plus one.
type Register = (i32, u16, u8);

/// A set of hashes by bucket of which the size is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Distinct {
    bound: usize,
    kept: Kept,
}

#[derive(Debug, Clone)]
enum Kept {
    /// Hash, bucket and how often, ascending.
    Exact(Vec<(u64, i32, u32)>),
    /// Registers that are not zero, ascending.
    Estimate(Vec<Register>),
}

/// The register of a hash and its value.
pub(crate) fn register(hash: u64) -> (u16, u8) {
    let index = (hash >> (64 - BITS)) as u16;
    let rest = hash << BITS | 1 << (BITS - 1);
    (index, rest.leading_zeros() as u8 + 1)
}

/// The estimate of registers united.
pub(crate) fn estimate(registers: &[u8; REGISTERS]) -> u64 {
    let size = REGISTERS as f64;
    let zeros = registers.iter().filter(|register| **register == 0).count();
    let sum: f64 = registers.iter().map(|register| 0.5_f64.powi(i32::from(*register))).sum();
    let raw = 0.7213 / (1.0 + 1.079 / size) * size * size / sum;
    let estimate = if raw <= 2.5 * size && zeros > 0 { size * (size / zeros as f64).ln() } else { raw };
    estimate.round() as u64
}

impl Distinct {
    pub(crate) fn new(bound: usize) -> Self {
        Self { bound, kept: Kept::Exact(Vec::new()) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(&self.kept, Kept::Exact(list) if list.is_empty())
    }

    pub(crate) fn add(&mut self, hash: u64, bucket: i32) {
        self.insert(hash, bucket, 1);
    }

    fn insert(&mut self, hash: u64, bucket: i32, count: u32) {
        match &mut self.kept {
            Kept::Exact(list) => match list.binary_search_by_key(&(hash, bucket), |entry| (entry.0, entry.1)) {
                Ok(place) => list[place].2 = list[place].2.saturating_add(count),
                Err(place) => {
                    list.insert(place, (hash, bucket, count));
                    if list.len() > self.bound {
                        self.give_up();
                    }
                }
            },
            Kept::Estimate(registers) => raise(registers, bucket, register(hash)),
        }
    }

    /// Goes on with an estimate.
    fn give_up(&mut self) {
        if let Kept::Exact(list) = &self.kept {
            let mut registers: Vec<Register> = list
                .iter()
                .map(|(hash, bucket, _)| {
                    let (index, value) = register(*hash);
                    (*bucket, index, value)
                })
                .collect();
            registers.sort_unstable_by_key(|(bucket, index, value)| (*bucket, *index, std::cmp::Reverse(*value)));
            registers.dedup_by_key(|(bucket, index, _)| (*bucket, *index));
            self.kept = Kept::Estimate(registers);
        }
    }

    pub(crate) fn remove(&mut self, hash: u64, bucket: i32, dry: bool) -> bool {
        let Kept::Exact(list) = &mut self.kept else { return false };
        if let Ok(place) = list.binary_search_by_key(&(hash, bucket), |entry| (entry.0, entry.1))
            && !dry
        {
            list[place].2 -= 1;
            if list[place].2 == 0 {
                list.remove(place);
            }
        }
        true
    }

    pub(crate) fn absorb(&mut self, other: &Self) {
        match &other.kept {
            Kept::Exact(list) => list.iter().for_each(|(hash, bucket, count)| self.insert(*hash, *bucket, *count)),
            Kept::Estimate(registers) => {
                self.give_up();
                if let Kept::Estimate(mine) = &mut self.kept {
                    registers.iter().for_each(|(bucket, index, value)| raise(mine, *bucket, (*index, *value)));
                }
            }
        }
    }

    pub(crate) fn trim(&mut self, first: i32) {
        match &mut self.kept {
            Kept::Exact(list) => list.retain(|(_, bucket, _)| *bucket >= first),
            Kept::Estimate(registers) => registers.retain(|(bucket, _, _)| *bucket >= first),
        }
    }

    /// How many different values there were in the buckets `first..=last`.
    pub(crate) fn count(&self, (first, last): (i32, i32)) -> u64 {
        match &self.kept {
            Kept::Exact(list) => {
                let (mut count, mut before) = (0, None);
                for (hash, bucket, _) in list {
                    if (first..=last).contains(bucket) && before != Some(*hash) {
                        count += 1;
                        before = Some(*hash);
                    }
                }
                count
            }
            Kept::Estimate(list) => {
                let mut registers = [0_u8; REGISTERS];
                for (bucket, index, value) in list {
                    if (first..=last).contains(bucket) {
                        let register = &mut registers[usize::from(*index) % REGISTERS];
                        *register = (*register).max(*value);
                    }
                }
                estimate(&registers)
            }
        }
    }

    /// The buckets with a value, repeated and in any order.
    pub(crate) fn buckets(&self) -> Box<dyn Iterator<Item = i32> + '_> {
        match &self.kept {
            Kept::Exact(list) => Box::new(list.iter().map(|entry| entry.1)),
            Kept::Estimate(list) => Box::new(list.iter().map(|entry| entry.0)),
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut before = 0;
        match &self.kept {
            Kept::Exact(list) => {
                put(out, (list.len() as u64) << 1);
                for (hash, bucket, count) in list {
                    out.extend_from_slice(&hash.to_le_bytes());
                    put_signed(out, i64::from(*bucket) - i64::from(before));
                    put(out, u64::from(*count));
                    before = *bucket;
                }
            }
            Kept::Estimate(list) => {
                put(out, (list.len() as u64) << 1 | 1);
                for (bucket, index, value) in list {
                    put_signed(out, i64::from(*bucket) - i64::from(before));
                    put(out, u64::from(*index) << 6 | u64::from(*value));
                    before = *bucket;
                }
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        match &mut self.kept {
            Kept::Exact(list) => list.clear(),
            Kept::Estimate(_) => self.kept = Kept::Exact(Vec::new()),
        }
    }

    /// Reads values in the place of those that are held.
    pub(crate) fn refill(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.clear();
        let head = from.number()?;
        let (estimated, count) = (head & 1 == 1, usize::try_from(head >> 1).ok()?);
        if count > from.0.len() / 2 {
            return None;
        }
        let mut before = 0;
        if estimated {
            let mut list: Vec<Register> = Vec::with_capacity(count);
            for _ in 0..count {
                before = from.bucket(before)?;
                let packed = from.small()?;
                let (index, value) = (u16::try_from(packed >> 6).ok()?, (packed & 63) as u8);
                if usize::from(index) >= REGISTERS
                    || list.last().is_some_and(|last| (last.0, last.1) >= (before, index))
                {
                    return None;
                }
                list.push((before, index, value));
            }
            self.kept = Kept::Estimate(list);
            return Some(());
        }
        let Kept::Exact(list) = &mut self.kept else { return None };
        list.reserve(count);
        for _ in 0..count {
            let hash = from.fixed()?;
            before = from.bucket(before)?;
            let count = from.small().filter(|count| *count > 0)?;
            if list.last().is_some_and(|last| (last.0, last.1) >= (hash, before)) {
                return None;
            }
            list.push((hash, before, count));
        }
        if count > self.bound {
            self.give_up();
        }
        Some(())
    }
}

fn raise(registers: &mut Vec<Register>, bucket: i32, (index, value): (u16, u8)) {
    match registers.binary_search_by_key(&(bucket, index), |entry| (entry.0, entry.1)) {
        Ok(place) => registers[place].2 = registers[place].2.max(value),
        Err(place) => registers.insert(place, (bucket, index, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::hash;

    #[test]
    fn exact_to_the_bound_and_close_beyond() {
        let mut distinct = Distinct::new(100);
        for index in 0..100_u32 {
            distinct.add(hash(&index.to_le_bytes()), 0);
            distinct.add(hash(&index.to_le_bytes()), 0);
            assert_eq!(distinct.count((0, 0)), u64::from(index) + 1);
        }
        let mut out = Vec::new();
        for size in [1_000_u32, 10_000, 100_000] {
            for index in 0..size {
                distinct.add(hash(&index.to_le_bytes()), (index % 7).cast_signed());
            }
            let counted = distinct.count((0, 6)) as f64 / f64::from(size);
            assert!((0.9..1.1).contains(&counted), "{size}: {counted}");
            let part = distinct.count((0, 0)) as f64 / f64::from(100 + (size - 100) / 7);
            assert!((0.85..1.15).contains(&part), "{size}: {part}");
            out.clear();
            distinct.encode(&mut out);
            let mut back = Distinct::new(100);
            back.refill(&mut Reader(&out)).unwrap();
            assert_eq!(back.count((1, 4)), distinct.count((1, 4)));
        }
    }
}
