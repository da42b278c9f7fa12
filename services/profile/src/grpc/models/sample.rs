//! Which persons are learned from, and what is read of them.

use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

use attune_expression::Program;
use attune_kernel::{Problem, Timestamp};
use sha2::{Digest as _, Sha256};

use super::Given;
use crate::domain::document::Document;
use crate::domain::event::{Event, Filter};
use crate::domain::features::{Columns, texts};
use crate::domain::past::as_of;
use crate::domain::reading::Reading;
use crate::domain::rules::Rules;
use crate::store::{Store, body};

/// Persons read at once.
const STEP: usize = 100;
/// Ids read at once.
const IDS: usize = 5000;
/// Events read at once.
const EVENTS: usize = 5000;
/// The shortest time there is.
const INSTANT: std::time::Duration = std::time::Duration::from_micros(1);

/// As of when persons and labels are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    pub(super) cutoff: Option<Timestamp>,
    pub(super) outcome: Option<Timestamp>,
    pub(super) now: Timestamp,
}

impl Moments {
    /// As of when persons are read.
    pub(super) fn features(self) -> Timestamp {
        self.cutoff.unwrap_or(self.now)
    }

    /// As of when the label is.
    pub(super) fn outcome(self) -> Timestamp {
        self.outcome.unwrap_or(self.now)
    }
}

/// A column with the texts that occur in it, numbered as they came.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) texts: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Texts {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }
}

/// Rows of persons: for each the numbers of columns and of their texts.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<Texts>,
    pub(super) rows: Vec<Vec<(u32, u32)>>,
    pub(super) labels: Vec<bool>,
    places: BTreeMap<String, u32>,
}

/// Persons that are learned from.
pub(super) struct Sample {
    store: Arc<dyn Store>,
    rules: Arc<Rules>,
    label: Program,
    population: Option<Program>,
    columns: Columns,
    moments: Moments,
    rows: Rows,
}

impl Sample {
    pub(super) async fn new(
        given: &Given,
        label: Program,
        population: Option<Program>,
        columns: Columns,
        moments: Moments,
    ) -> Result<Self, Problem> {
        let rules = Arc::clone(&*given.rules.get().await?);
        let store = Arc::clone(&given.store);
        // As of the same moment, what the label reads is the label.
        let columns = if moments.features() < moments.outcome() { columns } else { columns.without(&label) };
        Ok(Self { store, rules, label, population, columns, moments, rows: Rows::default() })
    }

    /// Persons read at once.
    pub(super) const fn step(&self) -> usize {
        STEP
    }

    pub(super) fn into_rows(self) -> Rows {
        self.rows
    }

    /// The ids of at most so many persons, ascending: those whose id with the seed has the smallest hash, which is a draw without
    /// replacement that does not depend on the order of persons.
    pub(super) async fn choose(&self, seed: u64, most: usize) -> Result<Vec<String>, Problem> {
        let mut chosen: BinaryHeap<(u64, String)> = BinaryHeap::new();
        let mut after: Option<String> = None;
        loop {
            let ids = self.store.persons(after.as_deref(), IDS).await?;
            let Some(last) = ids.last().cloned() else { break };
            for id in ids {
                let hash = Sha256::new_with_prefix(seed.to_be_bytes()).chain_update(&id).finalize();
                let draw = hash.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte));
                if chosen.len() < most || chosen.peek().is_some_and(|(largest, _)| draw < *largest) {
                    chosen.push((draw, id));
                }
                if chosen.len() > most {
                    chosen.pop();
                }
            }
            after = Some(last);
        }
        let mut chosen: Vec<String> = chosen.into_iter().map(|(_, id)| id).collect();
        chosen.sort_unstable();
        Ok(chosen)
    }

    /// Reads persons, each as a row with its label.
    pub(super) async fn read(mut self, persons: &[String]) -> Result<Self, Problem> {
        let documents = self.store.documents(persons).await?;
        let mut all = Vec::with_capacity(documents.len());
        for document in documents {
            let events = self.events(&document.person_id).await?;
            all.push((document, events));
        }
        let taken = tokio::task::spawn_blocking(move || {
            for (document, events) in all {
                self.take(&document, &events);
            }
            self
        });
        taken.await.map_err(Problem::internal)
    }

    /// The events of a person until the last moment of the past that is read; none where only today is.
    async fn events(&self, person: &str) -> Result<Vec<Event>, Problem> {
        let past = [self.moments.cutoff, self.moments.outcome];
        let Some(last) = past.into_iter().flatten().filter(|time| *time < self.moments.now).max() else {
            return Ok(Vec::new());
        };
        let filter = Filter { ascending: true, until: Some(last.plus(INSTANT)), ..Filter::default() };
        let (mut events, mut after) = (Vec::new(), None);
        loop {
            let rows = self.store.timeline(person, &filter, after.as_ref(), EVENTS).await?;
            for (_, row) in &rows {
                events.push(body::decode(row, person)?);
            }
            let full = rows.len() == EVENTS;
            after = rows.into_iter().next_back().map(|(place, _)| place);
            if !full {
                return Ok(events);
            }
        }
    }

    fn take(&mut self, document: &Document, events: &[Event]) {
        let (rules, moments) = (Arc::clone(&self.rules), self.moments);
        let at = |time: Timestamp| (time < moments.now).then(|| as_of(document, events, &rules, time));
        let past = at(moments.features());
        let then = past.as_ref().unwrap_or(document);
        let unknown = then.attributes.is_empty() && then.traits.is_empty() && then.tags.is_empty();
        if unknown || self.population.as_ref().is_some_and(|rule| !holds(rule, then, &rules, moments.features())) {
            return;
        }
        let outcome = at(moments.outcome());
        let outcome = outcome.as_ref().unwrap_or(document);
        self.rows.labels.push(holds(&self.label, outcome, &rules, moments.outcome()));
        let mut row = Vec::new();
        let (columns, rows) = (&self.columns, &mut self.rows);
        texts(then, rules.catalogue(), moments.features(), |name, text| {
            let place = match rows.places.get(name) {
                Some(place) => *place,
                None if !columns.holds(name, rules.registry()) => return,
                None => {
                    let place = u32::try_from(rows.names.len()).unwrap_or(u32::MAX);
                    rows.names.push(name.to_owned());
                    rows.columns.push(Texts::default());
                    rows.places.insert(name.to_owned(), place);
                    place
                }
            };
            if let Some(column) = rows.columns.get_mut(place as usize) {
                row.push((place, column.number(text)));
            }
        });
        rows.rows.push(row);
    }
}

/// Whether a rule holds; one that fails does not.
fn holds(rule: &Program, document: &Document, rules: &Rules, now: Timestamp) -> bool {
    let values = document.traits.values(rules.catalogue(), now);
    rule.evaluate(&Reading::new(document, rules.catalogue(), &values, now)).is_true()
}
