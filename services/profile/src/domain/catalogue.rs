//! The declared traits, compiled, with their names as rules and snapshots use them.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use attune_aggregate::{Declaration, Engine, library};
use attune_expression::{EntryTypes, Interval, Type, Value};
use attune_kernel::Violation;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

/// Where a name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// A trait by its slot.
    Slot(usize),
    /// One of a family: the slot, and which.
    Member(usize, &'a str),
}

/// A family of traits: what stands before and behind the name of a member.
#[derive(Debug, Clone)]
struct Family {
    slot: usize,
    begins: String,
    ends: String,
}

/// Declared traits.
#[derive(Debug)]
pub struct Catalogue {
    engine: Engine,
    declarations: Vec<Declaration>,
    names: BTreeMap<String, usize>,
    families: Vec<Family>,
    /// Numbers of the names of events that some trait knows, from 1 on; 0 is every other name.
    events: BTreeMap<String, usize>,
    /// For each number, the traits that such an event may change.
    concerned: Vec<Vec<usize>>,
    fingerprint: String,
}

static STANDARD: LazyLock<Vec<Declaration>> = LazyLock::new(|| library::parse(library::DEFAULT).unwrap_or_default());

/// The traits that need no knowledge of the business.
#[must_use]
pub fn standard() -> &'static [Declaration] {
    &STANDARD
}

/// The declarations of a library by its name: `default`, `bank` or `shop`.
#[must_use]
pub fn shipped(name: &str) -> Option<Vec<Declaration>> {
    let text = match name {
        "default" => library::DEFAULT,
        "bank" => library::BANK,
        "shop" => library::SHOP,
        _ => return None,
    };
    library::parse(text).ok()
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::lenient(standard().to_vec()).0
    }
}

/// The standard traits, compiled once.
#[must_use]
pub fn default() -> Arc<Catalogue> {
    static DEFAULT: LazyLock<Arc<Catalogue>> = LazyLock::new(Arc::default);
    Arc::clone(&DEFAULT)
}

impl Catalogue {
    /// Compiles declarations.
    ///
    /// # Errors
    /// Everything that is wrong, by path: `traits[3].window`.
    pub fn new(declarations: Vec<Declaration>) -> Result<Self, Vec<Violation>> {
        let engine = Engine::new(&declarations)?;
        let (mut names, mut families) = (BTreeMap::new(), Vec::new());
        for (slot, one) in engine.traits().enumerate() {
            match one.name.split_once("{}") {
                Some((begins, ends)) => {
                    families.push(Family { slot, begins: begins.to_owned(), ends: ends.to_owned() });
                }
                None => {
                    names.insert(one.name.to_owned(), slot);
                }
            }
        }
        let known: std::collections::BTreeSet<&str> = engine.event_names().collect();
        let events = known.iter().enumerate().map(|(at, name)| ((*name).to_owned(), at + 1)).collect();
        // No event has an empty name, so it stands for all that no trait knows by name.
        let concerned = std::iter::once("").chain(known).map(|name| engine.concerned(name)).collect();
        let mut hash = Sha256::new();
        for one in &declarations {
            let text = serde_json::to_string(one).unwrap_or_default();
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        let fingerprint = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { engine, declarations, names, families, events, concerned, fingerprint })
    }

    /// Compiles what compiles: declarations that two writers made wrong together are left out and answered by name.
    #[must_use]
    pub fn lenient(mut declarations: Vec<Declaration>) -> (Self, Vec<String>) {
        let mut left = Vec::new();
        loop {
            match Self::new(declarations.clone()) {
                Ok(catalogue) => return (catalogue, left),
                Err(broken) => {
                    if declarations.is_empty() {
                        return (Self::empty(), left);
                    }
                    let worst = broken.iter().find_map(|one| place(&one.field));
                    let last = declarations.len() - 1;
                    left.push(declarations.remove(worst.unwrap_or(last).min(last)).name);
                }
            }
        }
    }

    fn empty() -> Self {
        Self {
            engine: Engine::default(),
            declarations: Vec::new(),
            names: BTreeMap::new(),
            families: Vec::new(),
            events: BTreeMap::new(),
            concerned: vec![Vec::new()],
            fingerprint: String::new(),
        }
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The declarations, in the order of their slots.
    #[must_use]
    pub fn declarations(&self) -> &[Declaration] {
        &self.declarations
    }

    /// A text that is another one whenever the declarations are.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Where a name stands.
    #[must_use]
    pub fn find<'n>(&self, name: &'n str) -> Option<Found<'n>> {
        if let Some(slot) = self.names.get(name) {
            return Some(Found::Slot(*slot));
        }
        self.families.iter().find_map(|family| {
            let member = name.strip_prefix(&family.begins)?.strip_suffix(family.ends.as_str())?;
            (!member.is_empty()).then_some(Found::Member(family.slot, member))
        })
    }

    /// The value that a name has among those of a reading.
    #[must_use]
    pub fn value<'v>(&self, values: &'v [Option<Value>], found: Found<'_>) -> Option<&'v Value> {
        match found {
            Found::Slot(slot) => values.get(slot)?.as_ref(),
            Found::Member(slot, member) => match values.get(slot)?.as_ref()? {
                Value::Map(members) => members.get(member),
                _ => None,
            },
        }
    }

    /// The number of an event's name.
    #[must_use]
    pub fn event(&self, name: &str) -> usize {
        self.events.get(name).copied().unwrap_or(0)
    }

    /// How many numbers there are, and the slots of the traits that an event of a number may change.
    pub fn concerned(&self) -> impl ExactSizeIterator<Item = &[usize]> {
        self.concerned.iter().map(Vec::as_slice)
    }

    /// What rules may name, with types.
    #[must_use]
    pub fn entries(&self) -> EntryTypes {
        let all: Vec<_> = self.engine.traits().collect();
        let named = self.names.iter().fold(EntryTypes::default(), |types, (name, slot)| {
            types.entry(name, all.get(*slot).map_or(Type::Any, |one| one.of.clone()))
        });
        let typed = self.families.iter().fold(named, |types, family| {
            let of = match all.get(family.slot).map(|one| one.of) {
                Some(Type::Map(of)) => (**of).clone(),
                _ => Type::Any,
            };
            types.family(&family.begins, &family.ends, of)
        });
        typed.closed()
    }
}

/// The number in `traits[3].window`.
fn place(field: &str) -> Option<usize> {
    field.strip_prefix("traits[")?.split_once(']')?.0.parse().ok()
}

/// A value as snapshots and exports have it: times are texts, lengths of time are seconds.
#[must_use]
pub fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Double(value) => (*value).into(),
        Value::String(text) => Json::from(&**text),
        Value::Timestamp(time) => time.to_string().into(),
        Value::Duration(length) => seconds(*length).into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.to_string(), json(value))).collect())
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a length of time to be shown")]
fn seconds(length: Interval) -> f64 {
    length.as_micros() as f64 / 1e6
}
