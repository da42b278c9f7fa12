//! The state behind the traits of a person: bytes until it is needed, then what the engine of `attune_aggregate` keeps.
//!
//! It is a function of the person's events and of what was trimmed, whatever the order of arrival. Bytes of another
//! engine are taken over as far as the two agree; what is lacking then is told by [`Traits::lacks`] and filled from the timeline.

use std::sync::LazyLock;

use attune_aggregate::{Engine, Scratch, State, VERSION, Watch};
use attune_expression::Value;
use attune_kernel::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value as Json};

use super::catalogue::{Catalogue, json};
use super::codec::Broken;
use super::event::Event;

/// The state behind the traits of a person. Personal, as the events are.
#[derive(Clone, Default)]
pub struct Traits {
    /// As they were stored; behind the state when that is not settled.
    bytes: Vec<u8>,
    state: Option<Box<State>>,
    /// Whether the state says more than the bytes.
    changed: bool,
}

/// The state of a person whose events no engine has seen yet.
static UNKNOWN: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let (engine, mut bytes) = (Engine::default(), Vec::new());
    engine.encode(&mut engine.empty(), &mut bytes);
    bytes
});

/// Says how much there is, never what.
impl std::fmt::Debug for Traits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Traits")
            .field("bytes", &self.bytes.len())
            .field("changed", &self.changed)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Traits {
    fn eq(&self, other: &Self) -> bool {
        match (&self.state, &other.state) {
            (Some(one), Some(two)) if self.changed || other.changed => one == two,
            _ => self.bytes == other.bytes && self.changed == other.changed,
        }
    }
}

/// Only documents of the time before the binary form are JSON, and their traits are of another kind.
impl Serialize for Traits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Traits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer)?;
        Ok(Self::unknown())
    }
}

impl Traits {
    /// Of a person with events that no engine has seen: all traits lack history.
    #[must_use]
    pub fn unknown() -> Self {
        Self { bytes: UNKNOWN.clone(), ..Self::default() }
    }

    /// From bytes that [`bytes`](Self::bytes) answered.
    ///
    /// # Errors
    /// When a later version wrote them: this one must not write back less.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Broken> {
        match bytes.first() {
            Some(version) if *version > VERSION => Err(Broken(format!("version {version} of traits is not known"))),
            _ => Ok(Self { bytes: bytes.to_vec(), ..Self::default() }),
        }
    }

    /// The settled state as bytes; none of a person without events.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether no event was taken in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.changed
    }

    /// Reads the state from its bytes. Damaged ones are as those of no engine: the timeline makes them right.
    fn read(bytes: &[u8], engine: &Engine) -> State {
        if bytes.is_empty() {
            return engine.empty();
        }
        let known = engine.decode(bytes).or_else(|_| engine.decode(&UNKNOWN));
        known.unwrap_or_else(|_| engine.empty())
    }

    fn state(&mut self, catalogue: &Catalogue) -> &mut State {
        let bytes = &self.bytes;
        self.state.get_or_insert_with(|| Box::new(Self::read(bytes, catalogue.engine())))
    }

    /// Reads the state where it lies in bytes only, so that what follows need not read it again.
    pub fn open(&mut self, catalogue: &Catalogue) {
        if !self.is_empty() {
            self.state(catalogue);
        }
    }

    /// Takes in an event.
    pub fn add(&mut self, event: &Event, catalogue: &Catalogue, scratch: &mut Scratch) {
        catalogue.engine().apply(self.state(catalogue), &event.aggregated(), scratch);
        self.changed = true;
    }

    /// Adds the state of a person who was merged into this one.
    pub fn absorb(&mut self, mut other: Self, catalogue: &Catalogue) {
        if other.is_empty() {
            return;
        }
        catalogue.engine().absorb(self.state(catalogue), other.state(catalogue));
        self.changed = true;
    }

    /// Whether some trait does not know all events of the person.
    pub fn lacks(&mut self, catalogue: &Catalogue) -> bool {
        !self.is_empty() && !self.state(catalogue).is_complete()
    }

    /// Fills what is lacking from all events of the person.
    pub fn fill(&mut self, events: &[Event], catalogue: &Catalogue) {
        let events = events.iter().map(Event::aggregated);
        catalogue.engine().backfill(self.state(catalogue), events);
        self.changed = true;
    }

    /// Writes the state to its bytes, without what no reading at `from` or later takes into account.
    pub fn settle(&mut self, catalogue: &Catalogue, from: Timestamp) {
        if !self.changed {
            return;
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let state = self.state(catalogue);
        catalogue.engine().trim(state, from);
        if !state.is_empty() || !state.is_complete() {
            catalogue.engine().encode(state, &mut bytes);
        }
        self.bytes = bytes;
        self.changed = false;
    }

    /// Shows the state, which is read from its bytes where it is not at hand.
    fn with<R>(&self, catalogue: &Catalogue, see: impl FnOnce(&State) -> R) -> R {
        match &self.state {
            Some(state) => see(state),
            None => see(&Self::read(&self.bytes, catalogue.engine())),
        }
    }

    /// Every trait at a time, by slot.
    #[must_use]
    pub fn values(&self, catalogue: &Catalogue, now: Timestamp) -> Vec<Option<Value>> {
        self.with(catalogue, |state| catalogue.engine().read(state, now))
    }

    /// The watched traits at a time, by slot.
    pub fn watched(&self, catalogue: &Catalogue, now: Timestamp, watch: &Watch, values: &mut Vec<Option<Value>>) {
        self.with(catalogue, |state| catalogue.engine().read_of(state, now, watch, values));
    }

    /// When time alone changes a watched trait next.
    #[must_use]
    pub fn next_change(&self, catalogue: &Catalogue, now: Timestamp, watch: &Watch) -> Option<Timestamp> {
        if watch.is_empty() || self.is_empty() {
            return None;
        }
        self.with(catalogue, |state| catalogue.engine().next_change_of(state, now, watch))
    }

    /// The traits at a time by name, as snapshots have them.
    #[must_use]
    pub fn at(&self, catalogue: &Catalogue, now: Timestamp) -> Map<String, Json> {
        let named = catalogue.engine().named(&self.values(catalogue, now));
        named.into_iter().map(|(name, value)| (name, json(&value))).collect()
    }
}
