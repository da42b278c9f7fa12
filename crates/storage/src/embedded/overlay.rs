//! Writes that are not committed yet, and reading them merged with what is.

use std::collections::BTreeMap;
use std::iter::Peekable;

use super::scan::Scan;
use super::space::{Pair, Space, Value};
use crate::error::StorageError;

/// A write that is not committed yet.
pub(super) struct Pending {
    /// `None` for a deletion.
    pub(super) value: Option<Value>,
    /// With whose key it is sealed; `None` for nobody's.
    pub(super) subject: Option<Vec<u8>>,
    /// How many keys the group had destroyed before.
    pub(super) era: usize,
}

/// The last write to each key.
type Writes = BTreeMap<Vec<u8>, Pending>;

/// Pending writes of a few spaces.
#[derive(Default)]
pub(super) struct Overlay {
    spaces: Vec<(Space, Writes)>,
    bytes: usize,
}

impl Overlay {
    pub(super) fn is_empty(&self) -> bool {
        self.spaces.iter().all(|(_, writes)| writes.is_empty())
    }

    /// Bytes of keys and values written since the last [`clear`](Self::clear); overwritten ones count again.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn set(&mut self, space: &Space, key: Vec<u8>, pending: Pending) {
        self.bytes += key.len() + pending.value.as_ref().map_or(0, |value| value.len());
        let position = self.position(space).unwrap_or_else(|| {
            self.spaces.push((space.clone(), Writes::new()));
            self.spaces.len() - 1
        });
        self.spaces[position].1.insert(key, pending);
    }

    /// Whether a write is pending that is sealed for a subject.
    pub(super) fn holds(&self, space: &Space, subject: &[u8]) -> bool {
        self.position(space).is_some_and(|position| {
            self.spaces[position].1.values().any(|pending| pending.subject.as_deref() == Some(subject))
        })
    }

    /// The pending write of a key, if there is one.
    pub(super) fn get(&self, space: &Space, key: &[u8]) -> Option<&Pending> {
        self.spaces[self.position(space)?].1.get(key)
    }

    /// Moves all writes of `newer` over the ones here and leaves `newer` empty.
    pub(super) fn absorb(&mut self, newer: &mut Self) {
        self.bytes += newer.bytes;
        for (space, writes) in &mut newer.spaces {
            match self.position(space) {
                Some(position) if self.spaces[position].1.is_empty() => {
                    std::mem::swap(&mut self.spaces[position].1, writes)
                }
                // One by one: `append` rebuilds the whole map, which a large group would pay with each small write.
                Some(position) => self.spaces[position].1.extend(std::mem::take(writes)),
                None => self.spaces.push((space.clone(), std::mem::take(writes))),
            }
        }
        newer.clear();
    }

    pub(super) fn clear(&mut self) {
        // The maps stay: the same few spaces come again with the next write.
        self.spaces.iter_mut().for_each(|(_, writes)| writes.clear());
        self.bytes = 0;
    }

    /// All pending writes, by space and key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Space, &[u8], &Pending)> {
        self.spaces
            .iter()
            .flat_map(|(space, writes)| writes.iter().map(move |(key, value)| (space, key.as_slice(), value)))
    }

    /// Pending writes within the scan's bounds, in its direction.
    pub(super) fn scan<'a>(&'a self, space: &Space, scan: &'a Scan) -> Box<dyn Iterator<Item = Layered> + 'a> {
        let (Some(position), Some(range)) = (self.position(space), scan.range()) else {
            return Box::new(std::iter::empty());
        };
        let writes = self.spaces[position].1.range::<[u8], _>(range);
        let layered = |(key, pending): (&Vec<u8>, &Pending)| Ok((Value::from(key.as_slice()), pending.value.clone()));
        if scan.reverse { Box::new(writes.rev().map(layered)) } else { Box::new(writes.map(layered)) }
    }

    fn position(&self, space: &Space) -> Option<usize> {
        self.spaces.iter().position(|(known, _)| known.number() == space.number())
    }
}

/// A key with its value, or `None` where a layer says that the key is deleted.
pub(super) type Layered = Result<(Value, Option<Value>), StorageError>;

/// Merges sorted layers, newest first: for equal keys the newest layer's word counts; deletions are left out.
pub(super) struct Merge<'a> {
    layers: Vec<Peekable<Box<dyn Iterator<Item = Layered> + 'a>>>,
    reverse: bool,
}

impl<'a> Merge<'a> {
    pub(super) fn new(layers: Vec<Box<dyn Iterator<Item = Layered> + 'a>>, reverse: bool) -> Self {
        Self { layers: layers.into_iter().map(Iterator::peekable).collect(), reverse }
    }

    /// The key that comes next, or an error that a layer met.
    fn next_key(&mut self) -> Option<Result<Value, StorageError>> {
        let mut best: Option<Value> = None;
        for layer in &mut self.layers {
            match layer.peek() {
                None => {}
                Some(Err(error)) => return Some(Err(error.clone())),
                Some(Ok((key, _))) => {
                    let better = best.as_ref().is_none_or(|best| if self.reverse { key > best } else { key < best });
                    if better {
                        best = Some(key.clone());
                    }
                }
            }
        }
        best.map(Ok)
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<Pair, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let key = match self.next_key()? {
                Ok(key) => key,
                Err(error) => {
                    self.layers.clear();
                    return Some(Err(error));
                }
            };
            let mut newest: Option<Option<Value>> = None;
            for layer in &mut self.layers {
                let same = layer.next_if(|item| matches!(item, Ok((other, _)) if *other == key));
                if let Some(Ok((_, value))) = same {
                    newest.get_or_insert(value);
                }
            }
            if let Some(Some(value)) = newest {
                return Some(Ok((key, value)));
            }
        }
    }
}
