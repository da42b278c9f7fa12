//! A document as rules read it, in place: nothing is copied but what a rule asks to see whole.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use attune_expression::{AsValue, Elements, Entries, PathId, Source, Value, ValueRef};
use attune_kernel::Timestamp;

use super::catalogue::{Catalogue, Found};
use super::consent::Kind;
use super::document::Document;
use super::heard::is_aside;
use super::segment::Part;

/// A document at a time.
pub struct Reading<'a> {
    pub(super) attributes: Attributes<'a>,
    pub(super) traits: TraitValues<'a>,
    pub(super) tags: Tags<'a>,
    pub(super) consents: Consents<'a>,
    pub(super) scores: Scores<'a>,
    pub(super) now: Timestamp,
}

impl<'a> Reading<'a> {
    /// The document at `now`, with the values of its traits by slot.
    #[must_use]
    pub fn new(document: &'a Document, catalogue: &'a Catalogue, values: &'a [Option<Value>], now: Timestamp) -> Self {
        Self {
            attributes: Attributes(document),
            traits: TraitValues { catalogue, values, named: OnceCell::new() },
            tags: Tags { document, by_rules: true },
            consents: Consents { document, now, all: OnceCell::new() },
            scores: Scores { document, now },
            now,
        }
    }

    /// The same without the tags that rules put on, as those rules read it: none depends on another.
    #[must_use]
    pub const fn without_rule_tags(mut self) -> Self {
        self.tags.by_rules = false;
        self
    }
}

impl Source for Reading<'_> {
    fn read(&self, path: PathId) -> Option<ValueRef<'_>> {
        Some(match Part::of(path)? {
            Part::Attributes => ValueRef::Map(&self.attributes),
            Part::Traits => ValueRef::Map(&self.traits),
            Part::Tags => ValueRef::List(&self.tags),
            Part::Consents => ValueRef::Map(&self.consents),
            Part::Scores => ValueRef::Map(&self.scores),
            Part::Now => ValueRef::Timestamp(self.now),
        })
    }
}

/// Attributes that have a value.
pub(super) struct Attributes<'a>(&'a Document);

impl Entries for Attributes<'_> {
    fn len(&self) -> usize {
        self.0.values().count()
    }

    fn get(&self, key: &str) -> Option<ValueRef<'_>> {
        let found = self.0.attributes.get(key).filter(|one| !one.value.is_null() && !is_aside(key));
        found.map(|one| one.value.as_value())
    }

    fn visit<'s>(&'s self, see: &mut dyn FnMut(&'s str, ValueRef<'s>) -> ControlFlow<()>) {
        let _ = self.0.values().try_for_each(|(name, one)| see(name, one.value.as_value()));
    }
}

/// Traits that have a value, by name.
pub(super) struct TraitValues<'a> {
    catalogue: &'a Catalogue,
    values: &'a [Option<Value>],
    named: OnceCell<Vec<(String, Value)>>,
}

impl TraitValues<'_> {
    /// The value of a trait that was looked up before.
    pub(super) fn slot(&self, found: Found<'_>) -> Option<ValueRef<'_>> {
        self.catalogue.value(self.values, found).map(AsValue::as_value)
    }

    fn named(&self) -> &[(String, Value)] {
        self.named.get_or_init(|| self.catalogue.engine().named(self.values))
    }
}

impl Entries for TraitValues<'_> {
    fn len(&self) -> usize {
        self.named().len()
    }

    fn get(&self, key: &str) -> Option<ValueRef<'_>> {
        self.slot(self.catalogue.find(key)?)
    }

    fn visit<'s>(&'s self, see: &mut dyn FnMut(&'s str, ValueRef<'s>) -> ControlFlow<()>) {
        let _ = self.named().iter().try_for_each(|(name, value)| see(name, value.as_value()));
    }
}

/// The names of the tags.
pub(super) struct Tags<'a> {
    document: &'a Document,
    by_rules: bool,
}

impl Elements for Tags<'_> {
    fn len(&self) -> usize {
        self.document.tags.len() + if self.by_rules { self.document.rule_tags.len() } else { 0 }
    }

    fn at(&self, index: usize) -> Option<ValueRef<'_>> {
        let by_rules = self.by_rules.then_some(&self.document.rule_tags).into_iter().flatten().map(|(name, _)| name);
        self.document.tags.keys().chain(by_rules).nth(index).map(|name| ValueRef::String(name))
    }

    fn contains(&self, value: ValueRef<'_>) -> bool {
        let ValueRef::String(name) = value else { return false };
        self.document.tags.contains_key(name) || (self.by_rules && self.document.rule_tags.contains_key(name))
    }
}

/// Words on consent: by `purpose` for all channels, by `purpose.channel` for one.
pub(super) struct Consents<'a> {
    document: &'a Document,
    now: Timestamp,
    all: OnceCell<BTreeMap<String, bool>>,
}

impl Consents<'_> {
    fn all(&self) -> &BTreeMap<String, bool> {
        self.all.get_or_init(|| {
            let words = self.document.consents.iter().filter(|one| one.kind == Kind::Word);
            let named = words.map(|one| {
                let name = match one.channel.as_str() {
                    "" => one.purpose.clone(),
                    channel => format!("{}.{channel}", one.purpose),
                };
                (name, one.granted && one.until.is_none_or(|until| self.now < until))
            });
            named.collect()
        })
    }
}

impl Entries for Consents<'_> {
    fn len(&self) -> usize {
        self.all().len()
    }

    fn get(&self, key: &str) -> Option<ValueRef<'_>> {
        if self.document.consents.is_empty() {
            return None;
        }
        self.all().get(key).map(|granted| ValueRef::Bool(*granted))
    }

    fn visit<'s>(&'s self, see: &mut dyn FnMut(&'s str, ValueRef<'s>) -> ControlFlow<()>) {
        let _ = self.all().iter().try_for_each(|(name, granted)| see(name, ValueRef::Bool(*granted)));
    }
}

/// Scores that are valid, by model.
pub(super) struct Scores<'a> {
    document: &'a Document,
    now: Timestamp,
}

impl Entries for Scores<'_> {
    fn len(&self) -> usize {
        self.document.scores.values().filter(|one| one.is_valid(self.now)).count()
    }

    fn get(&self, key: &str) -> Option<ValueRef<'_>> {
        let found = self.document.scores.get(key).filter(|one| one.is_valid(self.now));
        found.map(|one| ValueRef::Double(one.value))
    }

    fn visit<'s>(&'s self, see: &mut dyn FnMut(&'s str, ValueRef<'s>) -> ControlFlow<()>) {
        let valid = self.document.scores.iter().filter(|(_, one)| one.is_valid(self.now));
        let _ = valid.into_iter().try_for_each(|(model, one)| see(model, ValueRef::Double(one.value)));
    }
}
