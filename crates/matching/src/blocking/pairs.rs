//! The pairs that rules propose, each once.

use super::atoms::{Atom, AtomRule};
use super::sort::by_key;
use crate::table::Records;

/// A block up to this size is compared pair by pair; in a larger one each record meets its neighbours in an order in which
/// like records are near one another.
const LARGE: usize = 120;
const WINDOW: usize = 12;

/// The keys of all records under all rules.
pub(crate) struct Keys {
    keys: Vec<u32>,
    width: usize,
}

impl Keys {
    pub(crate) fn new(records: &Records, atoms: &[Atom], rules: &[AtomRule]) -> Self {
        let width = rules.len();
        let mut keys = vec![0_u32; width * records.len()];
        for (record, keys) in keys.chunks_exact_mut(width.max(1)).enumerate() {
            let row = records.row(record as u32);
            for (key, rule) in keys.iter_mut().zip(rules) {
                *key = rule.hash(atoms, row);
            }
        }
        Self { keys, width }
    }

    fn of(&self, record: u32) -> &[u32] {
        &self.keys[record as usize * self.width..][..self.width]
    }

    /// Calls `visit` with chunks of pairs of one rule that no earlier rule proposes, and gives what it gives, in order, with
    /// the number of the rule. Only the first `rules` rules, and of their blocks only every `every`-th, by its key.
    pub(crate) fn visit<R: Send>(
        &self,
        records: &Records,
        rules: usize,
        every: u32,
        threads: usize,
        visit: impl Fn(&mut dyn Iterator<Item = (u32, u32)>) -> R + Sync,
    ) -> Vec<(usize, R)> {
        let mut results = Vec::new();
        for number in 0..rules.min(self.width) {
            let wanted = |key: u32| key != 0 && (every <= 1 || key % every == 0);
            let mut keyed: Vec<(u32, u32)> = (0..records.len() as u32)
                .map(|record| (self.of(record)[number], record))
                .filter(|(key, _)| wanted(*key))
                .collect();
            by_key(&mut keyed);
            let chunks = split(&keyed, threads * 4);
            let done = crate::parallel::map(threads, chunks, |chunk: &[(u32, u32)]| {
                let groups = chunk.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1);
                let fresh = |left: u32, right: u32| {
                    let (a, b) = (self.of(left), self.of(right));
                    !a[..number].iter().zip(&b[..number]).any(|(x, y)| x == y && *x != 0)
                };
                let mut pairs = groups.flat_map(|group| Block::new(records, group)).filter(|(a, b)| fresh(*a, *b));
                visit(&mut pairs)
            });
            results.extend(done.into_iter().map(|result| (number, result)));
        }
        results
    }
}

/// Cuts sorted records into about so many chunks without cutting a block.
fn split(keyed: &[(u32, u32)], chunks: usize) -> Vec<&[(u32, u32)]> {
    let size = keyed.len().div_ceil(chunks.max(1)).max(2048);
    let mut rest = keyed;
    let mut result = Vec::new();
    while !rest.is_empty() {
        let mut end = size.min(rest.len());
        while end < rest.len() && rest[end].0 == rest[end - 1].0 {
            end += 1;
        }
        let (head, tail) = rest.split_at(end);
        result.push(head);
        rest = tail;
    }
    result
}

/// The pairs of one block.
struct Block {
    members: Vec<u32>,
    window: usize,
    at: usize,
    ahead: usize,
}

impl Block {
    fn new(records: &Records, group: &[(u32, u32)]) -> Self {
        let mut members: Vec<u32> = group.iter().map(|(_, record)| *record).collect();
        let mut window = members.len();
        if members.len() > LARGE {
            window = WINDOW;
            // Values are numbered as they come; order by the texts of the most telling fields.
            let telling = most_telling(records);
            members.sort_by(|a, b| {
                let text = |record: u32, field: usize| records.fields[field].value(records.row(record)[field]).key;
                let order = telling.iter().map(|field| text(*a, *field).cmp(text(*b, *field)));
                order.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then).then(a.cmp(b))
            });
        }
        Self { members, window, at: 0, ahead: 0 }
    }
}

impl Iterator for Block {
    type Item = (u32, u32);

    fn next(&mut self) -> Option<(u32, u32)> {
        loop {
            self.ahead += 1;
            if self.ahead > self.window || self.at + self.ahead >= self.members.len() {
                self.at += 1;
                self.ahead = 0;
                if self.at + 1 >= self.members.len() {
                    return None;
                }
                continue;
            }
            let (a, b) = (self.members[self.at], self.members[self.at + self.ahead]);
            return Some((a.min(b), a.max(b)));
        }
    }
}

/// Up to three fields with the most distinct values.
fn most_telling(records: &Records) -> Vec<usize> {
    let mut fields: Vec<usize> = (0..records.fields.len()).collect();
    fields.sort_by_key(|field| std::cmp::Reverse(records.fields[*field].len()));
    fields.truncate(3);
    fields
}
