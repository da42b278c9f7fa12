//! Many rules over one person: what each rule reads is found once, when the rules are compiled; of a change only the rules that
//! it may concern are evaluated.

use std::sync::Arc;

use attune_expression::{Entries as _, Evaluation, Program, RuleSet, ValueRef};

use super::catalogue::{Catalogue, Found};
use super::reading::Reading;
use super::segment::Part;

/// What changed of a person since the rules were last evaluated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// Anything may have.
    pub all: bool,
    /// Numbers of the names of events ([`Catalogue::event`]) that were taken in.
    pub events: Vec<usize>,
    /// Attributes did.
    pub attributes: bool,
    /// Tags did.
    pub tags: bool,
}

/// Where what a predicate reads lies.
#[derive(Debug, Clone)]
enum Place {
    Trait(usize),
    Member(usize, Arc<str>),
    Attribute(Arc<str>),
    Consent(Arc<str>),
    Score(Arc<str>),
    Tags,
    Now,
    /// A whole map, or something inside of a value: read through the rule's own access.
    Inside(usize),
    /// A trait that is not declared.
    Nothing,
}

/// Rules as one bit each.
type Mask = Vec<u64>;

fn set(mask: &mut Mask, rule: usize) {
    if let Some(word) = mask.get_mut(rule / 64) {
        *word |= 1 << (rule % 64);
    }
}

fn unite(mask: &mut Mask, other: &Mask) {
    for (word, other) in mask.iter_mut().zip(other) {
        *word |= other;
    }
}

fn rules(mask: &Mask) -> impl Iterator<Item = usize> {
    mask.iter().enumerate().flat_map(|(word, bits)| {
        let mut bits = *bits;
        std::iter::from_fn(move || {
            let next = (bits != 0).then(|| word * 64 + bits.trailing_zeros() as usize);
            bits &= bits.wrapping_sub(1);
            next
        })
    })
}

/// Rules, compiled together.
#[derive(Debug, Default)]
pub struct Judge {
    rules: RuleSet,
    places: Vec<Place>,
    /// For each number of an event's name, the rules that read a trait which such an event may change.
    by_event: Vec<Mask>,
    by_attributes: Mask,
    by_tags: Mask,
    by_now: Mask,
    /// The slots of the traits that some rule reads.
    slots: Vec<usize>,
    reads_consents: bool,
    reads_scores: bool,
}

impl Judge {
    /// Compiles boolean programs over the schema of segments, over these traits. A program that is not boolean cannot occur: it is
    /// refused when it is written.
    #[must_use]
    pub fn new(programs: impl IntoIterator<Item = Program>, catalogue: &Catalogue) -> Self {
        let rules = RuleSet::new(programs).unwrap_or_default();
        let place =
            |(number, access): (usize, &attune_expression::Access)| match (Part::of(access.path()), access.keys()) {
                (Some(Part::Traits), [key]) => match catalogue.find(key) {
                    Some(Found::Slot(slot)) => Place::Trait(slot),
                    Some(Found::Member(slot, member)) => Place::Member(slot, Arc::from(member)),
                    None => Place::Nothing,
                },
                (Some(Part::Attributes), [key]) => Place::Attribute(Arc::clone(key)),
                (Some(Part::Consents), [key]) => Place::Consent(Arc::clone(key)),
                (Some(Part::Scores), [key]) => Place::Score(Arc::clone(key)),
                (Some(Part::Tags), []) => Place::Tags,
                (Some(Part::Now), []) => Place::Now,
                _ => Place::Inside(number),
            };
        let places = rules.slots().iter().enumerate().map(place).collect();
        let none: Mask = vec![0; rules.len().div_ceil(64)];
        let mut judge = Self {
            places,
            by_event: vec![none.clone(); catalogue.concerned().len()],
            by_attributes: none.clone(),
            by_tags: none.clone(),
            by_now: none,
            ..Self::default()
        };
        let all: Vec<usize> = (0..catalogue.engine().traits().len()).collect();
        for number in 0..rules.len() {
            let reads = rules.program(number).map(Program::reads).unwrap_or_default();
            for access in &reads {
                match Part::of(access.path()) {
                    Some(Part::Attributes) => set(&mut judge.by_attributes, number),
                    Some(Part::Tags) => set(&mut judge.by_tags, number),
                    Some(Part::Now) => set(&mut judge.by_now, number),
                    Some(Part::Consents) => judge.reads_consents = true,
                    Some(Part::Scores) => judge.reads_scores = true,
                    Some(Part::Traits) => {
                        let read = match access.keys().first().map(|key| catalogue.find(key)) {
                            Some(Some(Found::Slot(slot) | Found::Member(slot, _))) => vec![slot],
                            Some(None) => Vec::new(),
                            None => all.clone(),
                        };
                        for (mask, concerned) in judge.by_event.iter_mut().zip(catalogue.concerned()) {
                            if read.iter().any(|slot| concerned.contains(slot)) {
                                set(mask, number);
                            }
                        }
                        judge.slots.extend(read);
                    }
                    None => {}
                }
            }
        }
        judge.slots.sort_unstable();
        judge.slots.dedup();
        judge.rules = rules;
        judge
    }

    /// The slots of the traits that some rule reads, ascending.
    #[must_use]
    pub fn slots(&self) -> &[usize] {
        &self.slots
    }

    /// Whether some rule reads consents, which may end by time.
    #[must_use]
    pub const fn reads_consents(&self) -> bool {
        self.reads_consents
    }

    /// Whether some rule reads scores, which may end by time.
    #[must_use]
    pub const fn reads_scores(&self) -> bool {
        self.reads_scores
    }

    /// Whether some rule names the current time, which nobody can foresee.
    #[must_use]
    pub fn reads_now(&self) -> bool {
        self.by_now.iter().any(|word| *word != 0)
    }

    /// The numbers of the rules that a change may concern, ascending. What ends by time is the business of whoever keeps the due
    /// times; a rule that names the current time is always concerned.
    #[must_use]
    pub fn concerned(&self, touched: &Touched) -> Vec<usize> {
        if touched.all {
            return (0..self.rules.len()).collect();
        }
        let mut mask = self.by_now.clone();
        for event in &touched.events {
            self.by_event.get(*event).into_iter().for_each(|of| unite(&mut mask, of));
        }
        if touched.attributes {
            unite(&mut mask, &self.by_attributes);
        }
        if touched.tags {
            unite(&mut mask, &self.by_tags);
        }
        rules(&mask).collect()
    }

    /// Evaluates rules for a person, into an evaluation whose memory is used again. A rule that fails, for example on a missing
    /// attribute, is not satisfied.
    pub fn evaluate(&self, reading: &Reading<'_>, numbers: &[usize], evaluation: &mut Evaluation) {
        let value = |place: &Place| -> Option<ValueRef<'_>> {
            match place {
                Place::Trait(slot) => reading.traits.slot(Found::Slot(*slot)),
                Place::Member(slot, member) => reading.traits.slot(Found::Member(*slot, member)),
                Place::Attribute(key) => reading.attributes.get(key),
                Place::Consent(key) => reading.consents.get(key),
                Place::Score(key) => reading.scores.get(key),
                Place::Tags => Some(ValueRef::List(&reading.tags)),
                Place::Now => Some(ValueRef::Timestamp(reading.now)),
                Place::Inside(number) => self.rules.slots().get(*number)?.read(reading),
                Place::Nothing => None,
            }
        };
        let values: Vec<Option<ValueRef<'_>>> = self.places.iter().map(value).collect();
        self.rules.evaluate_dense(&values, reading, numbers.iter().copied(), evaluation);
    }
}
