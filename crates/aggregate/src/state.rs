//! What is kept of one person, and its bytes.

use crate::codec::{Reader, put};
use crate::dictionary::Dictionary;
use crate::engine::Engine;
use crate::lane::{Lane, Shape};
use crate::plan::LaneSpec;

/// The first byte of every encoded state.
pub const VERSION: u8 = 1;

/// What is kept of one person's events. Belongs to the engine that made it; to go on with another one, encode it and decode
/// it there.
///
/// It holds values of properties and is as personal as the events are.
#[derive(Clone)]
pub struct State {
    pub(crate) lanes: Vec<Lane>,
    pub(crate) texts: Dictionary,
    /// Lanes that do not know all events, ascending.
    pub(crate) lacking: Vec<usize>,
}

/// Says how much there is, never what.
impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let used = self.lanes.iter().filter(|lane| !lane.is_empty()).count();
        f.debug_struct("State").field("lanes", &used).field("texts", &self.texts.len()).finish_non_exhaustive()
    }
}

/// Bytes that are no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They were written by a later version.
    #[error("version {0} of a state is not known")]
    Version(u8),
    /// They end too early or contradict themselves.
    #[error("not a state, or a damaged one")]
    Damaged,
}

/// Equal when they hold the same, in whatever order it came.
impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.lanes.len() == other.lanes.len() && self.lacking == other.lacking && self.body() == other.body()
    }
}

impl State {
    pub(crate) fn new(lanes: Vec<Lane>) -> Self {
        Self { lanes, texts: Dictionary::default(), lacking: Vec::new() }
    }

    /// Whether no event was taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(Lane::is_empty)
    }

    /// Whether it knows all events, so that no trait has a backlog (see [`Engine::backlog`]).
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.lacking.is_empty()
    }

    pub(crate) fn absorb(&mut self, other: &Self) {
        let map: Vec<u32> = (0..u32::try_from(other.texts.len()).unwrap_or(0))
            .map(|number| self.texts.intern(other.texts.hash(number), other.texts.text(number)))
            .collect();
        for (mine, theirs) in self.lanes.iter_mut().zip(&other.lanes) {
            mine.absorb(theirs, &mut self.texts, &map);
        }
        self.lacking.extend_from_slice(&other.lacking);
        self.lacking.sort_unstable();
        self.lacking.dedup();
    }

    /// Whether every text is used and they stand in order.
    fn is_tidy(&mut self) -> bool {
        if !self.texts.is_sorted() {
            return false;
        }
        let mut used = vec![false; self.texts.len()];
        self.mark(&mut used);
        used.iter().all(|used| *used)
    }

    fn mark(&mut self, used: &mut [bool]) {
        for lane in &mut self.lanes {
            lane.texts(&mut |number| {
                if let Some(used) = used.get_mut(*number as usize) {
                    *used = true;
                }
            });
        }
    }

    /// Drops texts that nothing uses and numbers the others by their hashes, so that equal states have equal bytes.
    fn tidy(&mut self) {
        if self.is_tidy() {
            return;
        }
        let mut used = vec![false; self.texts.len()];
        self.mark(&mut used);
        let numbers = self.texts.compact(&used);
        for lane in &mut self.lanes {
            lane.texts(&mut |number| *number = numbers.get(*number as usize).copied().unwrap_or(u32::MAX));
            lane.sort();
        }
    }

    fn body(&self) -> Vec<u8> {
        let mut copy = self.clone();
        copy.tidy();
        let mut out = Vec::new();
        copy.write(&mut out);
        out
    }

    /// Texts, a bit for each lane that holds something, and those lanes.
    fn write(&self, out: &mut Vec<u8>) {
        self.texts.encode(out);
        let bits = out.len();
        out.resize(bits + self.lanes.len().div_ceil(8), 0);
        for (index, lane) in self.lanes.iter().enumerate() {
            if !lane.is_empty() {
                out[bits + index / 8] |= 1 << (index % 8);
                lane.encode(out);
            }
        }
    }
}

impl Engine {
    /// Appends a state as bytes: the version, the lanes by their fingerprints and horizons (so that another engine finds
    /// those it knows), those that lack events, and what they hold. Equal states have equal bytes.
    ///
    /// The state is put in order on the way, which changes nothing that can be read of it.
    pub fn encode(&self, state: &mut State, out: &mut Vec<u8>) {
        state.tidy();
        out.push(VERSION);
        out.extend_from_slice(&self.layout);
        put(out, state.lacking.len() as u64);
        state.lacking.iter().for_each(|lane| put(out, *lane as u64));
        state.write(out);
    }

    /// Reads a state. What another engine wrote is taken over where this one keeps the same; the rest is left out, and what
    /// is missing starts empty and is named by [`Engine::backlog`].
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are no state.
    pub fn decode(&self, bytes: &[u8]) -> Result<State, DecodeError> {
        let mut state = self.empty();
        self.decode_into(bytes, &mut state)?;
        Ok(state)
    }

    /// [`Engine::decode`] into a state of this engine that is not needed any more: its memory is used again.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are no state; what `state` holds then makes no sense.
    pub fn decode_into(&self, bytes: &[u8], state: &mut State) -> Result<(), DecodeError> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => self.refill(Reader(rest), state).ok_or(DecodeError::Damaged),
            Some((version, _)) => Err(DecodeError::Version(*version)),
            None => Err(DecodeError::Damaged),
        }
    }

    fn refill(&self, mut from: Reader<'_>, state: &mut State) -> Option<()> {
        let written = self.written(&mut from)?;
        state.lacking.clear();
        for _ in 0..from.count(1)? {
            state.lacking.push(usize::try_from(from.number()?).ok()?);
        }
        state.texts.refill(&mut from)?;
        let used = from.take(written.len(self).div_ceil(8))?;
        let is_used = |index: usize| used[index / 8] >> (index % 8) & 1 == 1;
        match &written {
            Written::Same => {
                for (index, lane) in state.lanes.iter_mut().enumerate() {
                    if is_used(index) {
                        lane.refill(&mut from)?;
                    } else {
                        lane.clear();
                    }
                }
            }
            Written::Other(found) => {
                state.lanes.iter_mut().for_each(Lane::clear);
                let mut complete = vec![false; self.lanes.len()];
                for (index, found) in found.iter().enumerate() {
                    let mut other = Lane::new(found.shape);
                    let target = found.target.and_then(|target| state.lanes.get_mut(target));
                    if is_used(index) {
                        target.unwrap_or(&mut other).refill(&mut from)?;
                    }
                    if let Some(target) = found.target {
                        complete[target] = !state.lacking.contains(&index) && !found.is_short;
                    }
                }
                state.lacking = (0..self.lanes.len()).filter(|lane| !complete[*lane]).collect();
            }
        }
        let numbers = u32::try_from(state.texts.len()).ok()?;
        let mut good = true;
        for lane in &mut state.lanes {
            lane.texts(&mut |number| good &= *number < numbers);
        }
        (good && from.0.is_empty()).then_some(())
    }

    /// The lanes that were written.
    fn written(&self, from: &mut Reader<'_>) -> Option<Written> {
        if let Some(rest) = from.0.strip_prefix(self.layout.as_slice()) {
            from.0 = rest;
            return Some(Written::Same);
        }
        let count = from.count(6)?;
        let mut lanes = Vec::with_capacity(count);
        for _ in 0..count {
            let fingerprint = u32::from_le_bytes(from.take(4)?.try_into().ok()?);
            let code = from.byte()?;
            let horizon = i64::try_from(from.number()?).ok()?;
            let target =
                self.lanes.iter().position(|lane| lane.fingerprint == fingerprint && lane.shape.code() == code);
            let wanted = target.and_then(|target| self.lanes.get(target)).map_or(0, |lane| lane.horizon);
            let known = target.and_then(|target| self.lanes.get(target)).map(|lane| lane.shape);
            let shape = known.or_else(|| Shape::of(code))?;
            lanes.push(Found { shape, target, is_short: horizon < wanted });
        }
        Some(Written::Other(lanes))
    }
}

/// A lane in bytes.
struct Found {
    shape: Shape,
    /// The lane here that keeps the same.
    target: Option<usize>,
    /// Whether it looks less far back than is wanted here.
    is_short: bool,
}

/// The lanes in bytes.
enum Written {
    /// Those of this engine.
    Same,
    /// Those of another.
    Other(Vec<Found>),
}

impl Written {
    fn len(&self, engine: &Engine) -> usize {
        match self {
            Self::Same => engine.lanes.len(),
            Self::Other(lanes) => lanes.len(),
        }
    }
}

/// Lanes as every state names them: fingerprint, shape and horizon.
pub(crate) fn layout(lanes: &[LaneSpec]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, lanes.len() as u64);
    for lane in lanes {
        out.extend_from_slice(&lane.fingerprint.to_le_bytes());
        out.push(lane.shape.code());
        put(&mut out, lane.horizon.unsigned_abs());
    }
    out
}
