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

    /// Calls `visit` with every pair that a rule proposes and no earlier one, and with the values of both records; gives
    /// for each chunk the number of the rule, how many pairs there were and what `visit` gave, in order. Only the first
    /// `rules` rules, and of their blocks only every `every`-th, by its key.
    pub(crate) fn visit<R: Send>(
        &self,
        records: &Records,
        rules: usize,
        every: u32,
        threads: usize,
        visit: impl Fn(&Pair<'_>) -> Option<R> + Sync,
    ) -> Vec<(usize, u64, Vec<R>)> {
        let mut results = Vec::new();
        for number in 0..rules.min(self.width) {
            let wanted = |key: u32| key != 0 && (every <= 1 || key.is_multiple_of(every));
            let mut keyed: Vec<(u32, u32)> = (0..records.len() as u32)
                .map(|record| (self.of(record)[number], record))
                .filter(|(key, _)| wanted(*key))
                .collect();
            by_key(&mut keyed);
            let chunks = split(&keyed, threads * 4);
            let done = crate::parallel::map(threads, chunks, |chunk: &[(u32, u32)]| {
                let mut batch = Batch::default();
                let (mut proposed, mut kept) = (0, Vec::new());
                let groups = chunk.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1);
                for group in groups {
                    batch.add(records, group);
                    if batch.members.len() >= GATHERED {
                        proposed += batch.visit(self, records, number, &visit, &mut kept);
                    }
                }
                proposed += batch.visit(self, records, number, &visit, &mut kept);
                (proposed, kept)
            });
            results.extend(done.into_iter().map(|(proposed, kept)| (number, proposed, kept)));
        }
        results
    }
}

/// Two records with their values.
pub(crate) struct Pair<'a> {
    pub(crate) left: u32,
    pub(crate) right: u32,
    pub(crate) values: (&'a [u32], &'a [u32]),
}

/// Records gathered before their pairs are visited.
const GATHERED: usize = 256;

/// Some blocks, with keys and values of their members side by side: fetching them one after the other from all over memory,
/// without waiting for what is done with them, is several times as fast.
#[derive(Default)]
struct Batch {
    members: Vec<u32>,
    /// Where each block ends, and how far its members look ahead.
    blocks: Vec<(usize, usize)>,
    keys: Vec<u32>,
    values: Vec<u32>,
}

impl Batch {
    fn add(&mut self, records: &Records, group: &[(u32, u32)]) {
        let start = self.members.len();
        self.members.extend(group.iter().map(|(_, record)| *record));
        let mut window = group.len();
        if group.len() > LARGE {
            window = WINDOW;
            // Values are numbered as they come; order by the texts of the most telling fields.
            let telling = most_telling(records);
            self.members[start..].sort_by(|a, b| {
                let text = |record: u32, field: usize| records.fields[field].value(records.row(record)[field]).key;
                let order = telling.iter().map(|field| text(*a, *field).cmp(text(*b, *field)));
                order.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then).then(a.cmp(b))
            });
        }
        self.blocks.push((self.members.len(), window));
    }

    /// Visits the pairs and forgets the blocks.
    fn visit<R>(
        &mut self,
        keys: &Keys,
        records: &Records,
        number: usize,
        visit: &impl Fn(&Pair<'_>) -> Option<R>,
        kept: &mut Vec<R>,
    ) -> u64 {
        for member in &self.members {
            self.keys.extend_from_slice(&keys.of(*member)[..number]);
            self.values.extend_from_slice(records.row(*member));
        }
        let width = records.fields.len();
        let (keys, values) = (&self.keys, &self.values);
        let keys = |at: usize| &keys[at * number..][..number];
        let values = |at: usize| &values[at * width..][..width];
        let (mut start, mut proposed) = (0, 0);
        for (end, window) in &self.blocks {
            for one in start..*end {
                for two in one + 1..(*end).min(one + 1 + window) {
                    if keys(one).iter().zip(keys(two)).any(|(x, y)| x == y && *x != 0) {
                        continue;
                    }
                    proposed += 1;
                    let (one, two) = if self.members[one] < self.members[two] { (one, two) } else { (two, one) };
                    let (left, right) = (self.members[one], self.members[two]);
                    kept.extend(visit(&Pair { left, right, values: (values(one), values(two)) }));
                }
            }
            start = *end;
        }
        self.members.clear();
        self.blocks.clear();
        self.keys.clear();
        self.values.clear();
        proposed
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

/// Up to three fields with the most distinct values.
fn most_telling(records: &Records) -> Vec<usize> {
    let mut fields: Vec<usize> = (0..records.fields.len()).collect();
    fields.sort_by_key(|field| std::cmp::Reverse(records.fields[*field].len()));
    fields.truncate(3);
    fields
}
