//! Sets of trigger rules over one person's events as they arrive.
//!
//! What the rules say and when they fire, stands in the crate of the rules language, which runs them over history as well:
//! the same rules over the same events fire the same, which a property test proves for what is remembered in between too.
//! Here is what a service adds: whose state it is, ids that a replay repeats, and what is remembered as a value that can be
//! stored.
//!
//! The built-in detectors of earlier builds (a start that is not completed, a pattern, a count or a sum that reaches a limit,
//! an event, silence) are rules of that language; another property test holds them to their definitions.

mod id;

use std::collections::BTreeMap;

use attune_expression::ValueRef;
use attune_kernel::Timestamp;
use attune_trigger::{DecodeError, Engine, EventRef, Facts, Firing, Scratch, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::id::TriggerId;
use super::event::Event;
use super::value::{Facts as _, Scalar};

/// A rules file that watches.
#[derive(Debug)]
pub struct RuleSet {
    /// Its id.
    pub id: String,
    /// Where firings of rules lead that name no placement themselves; empty for nowhere.
    pub placement: String,
    /// The compiled rules.
    engine: Engine,
    /// By rule, in the order of the file.
    rules: Vec<Named>,
}

/// What names a rule.
#[derive(Debug)]
struct Named {
    id: String,
    /// With the set's id, unique among all rules.
    path: String,
    /// Another one when what the rule watches changes.
    mark: u64,
}

/// What a set of rules remembers of a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// When a timer is due; absent when only an event can change anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// The engine's state.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    state: Vec<u8>,
}

/// A rule has fired for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Fired {
    /// The same for the same rule, person and cause, whenever it is computed.
    pub id: TriggerId,
    /// The rule's id within its set.
    pub rule: String,
    /// Where it leads; empty for nowhere.
    pub placement: String,
    /// When, in the time of the events: that of the event, the deadline, or the hour to which it was put off.
    pub time: Timestamp,
    /// The ids of the events that made it fire, oldest first.
    pub evidence: Vec<String>,
    /// The rule's figures that were numbers.
    pub figures: BTreeMap<String, f64>,
}

/// What was stored is no state of the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what rules remember of a person does not decode: {0}")]
pub struct Damaged(#[from] DecodeError);

impl RuleSet {
    /// A set of compiled rules.
    #[must_use]
    pub fn new(id: String, placement: String, engine: Engine) -> Self {
        let named = |rule: attune_trigger::RuleInfo<'_>| Named {
            id: rule.id.to_owned(),
            path: format!("{id}/{}", rule.id),
            mark: rule.mark,
        };
        let rules = engine.rules().map(named).collect();
        Self { id, placement, engine, rules }
    }

    fn fired(&self, person: &str, firing: Firing) -> Option<Fired> {
        let named = self.rules.get(usize::from(firing.rule))?;
        let placement = match self.engine.placement(&firing) {
            "" => self.placement.as_str(),
            placement => placement,
        };
        let figure = |(figure, value): &(u16, f64)| (self.engine.figure_name(firing.rule, *figure).to_owned(), *value);
        let cause = firing.cause.to_string();
        Some(Fired {
            id: TriggerId::new(&named.path, named.mark, person, &cause, firing.time),
            rule: named.id.clone(),
            placement: placement.to_owned(),
            time: firing.time,
            // JSON, in which the feed is kept, has no other numbers.
            figures: firing.figures.iter().filter(|(_, value)| value.is_finite()).map(figure).collect(),
            evidence: firing.evidence.iter().map(ToString::to_string).collect(),
        })
    }
}

/// A set at work on a person.
pub struct Running<'a> {
    set: &'a RuleSet,
    person: &'a str,
    state: State,
    scratch: Scratch,
    firings: Vec<Firing>,
}

impl<'a> Running<'a> {
    /// Takes up what was remembered. Of a person of whom there is nothing the newest event was at `newest`.
    ///
    /// # Errors
    /// [`Damaged`] when what was stored is no state.
    pub fn open(
        set: &'a RuleSet,
        person: &'a str,
        memory: Option<&Memory>,
        newest: Option<Timestamp>,
    ) -> Result<Self, Damaged> {
        let state = match memory {
            Some(memory) => set.engine.decode(&memory.state)?,
            None => State::since(newest),
        };
        Ok(Self { set, person, state, scratch: Scratch::default(), firings: Vec::new() })
    }

    /// Takes an event. What was due before it fires first.
    pub fn observe(&mut self, event: &Event) -> impl Iterator<Item = Fired> {
        let engine = &self.set.engine;
        let seen = Seen { engine, event };
        let of_rules = attune_trigger::Event {
            id: EventRef::Text(&event.id),
            symbol: engine.symbol(&event.name),
            name: &event.name,
            time: event.time,
            channel: event.place_name(),
            facts: &seen,
        };
        engine.observe(&mut self.state, self.person, &of_rules, &mut self.scratch, &mut self.firings);
        self.told()
    }

    /// Fires what is due.
    pub fn tick(&mut self, now: Timestamp) -> impl Iterator<Item = Fired> {
        self.set.engine.tick(&mut self.state, self.person, now, &mut self.firings);
        self.told()
    }

    fn told(&mut self) -> impl Iterator<Item = Fired> {
        let (set, person) = (self.set, self.person);
        self.firings.drain(..).filter_map(move |firing| set.fired(person, firing))
    }

    /// What is to be remembered; nothing when nothing is.
    #[must_use]
    pub fn close(mut self) -> Option<Memory> {
        let engine = &self.set.engine;
        engine.trim(&mut self.state);
        let memory = || Memory { due: engine.due(&self.state), state: engine.encode(&self.state) };
        (!self.state.is_idle()).then(memory)
    }
}

/// An event as rules read it. Only what a log of events can hold counts, so that rules fire alike over history.
struct Seen<'a> {
    engine: &'a Engine,
    event: &'a Event,
}

impl Facts for Seen<'_> {
    fn property(&self, slot: usize) -> Option<ValueRef<'_>> {
        let name = self.engine.properties().get(slot)?;
        if name == "channel" && !self.event.channel.is_empty() {
            return Some(ValueRef::String(&self.event.channel));
        }
        match self.event.property(name)? {
            Scalar::Text("") => None,
            Scalar::Text(text) => Some(ValueRef::String(text)),
            Scalar::Number(number) => Some(ValueRef::Double(number)),
            Scalar::Flag(flag) => Some(ValueRef::Bool(flag)),
        }
    }
}

fn to_base64<S: Serializer>(state: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&STANDARD_NO_PAD.encode(state))
}

fn from_base64<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(from)?;
    STANDARD_NO_PAD.decode(text).map_err(|_| serde::de::Error::custom("not base64"))
}

/// Rules in YAML as the set `set`, with the limits by custom.
#[cfg(test)]
pub(crate) fn compiled(rules: &str) -> std::sync::Arc<RuleSet> {
    let file = attune_trigger::from_yaml(rules).unwrap();
    let engine = Engine::new(&file, attune_trigger::Limits::default());
    let engine = engine.unwrap_or_else(|errors| panic!("{errors:?}\n{rules}"));
    std::sync::Arc::new(RuleSet::new("set".to_owned(), String::new(), engine))
}

#[cfg(test)]
mod definitions;
#[cfg(test)]
mod live_is_batch;
