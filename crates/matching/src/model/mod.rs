//! What was learned about a table: enough to compare any two records like those of the table.

mod builtin;
mod drift;
mod explain;
mod prepared;
mod weigh;

pub use drift::{Drift, FieldDrift, LevelDrift, drift};
pub use explain::{Step, Waterfall};
pub use prepared::Prepared;
pub use weigh::Score;
pub(crate) use weigh::{context, context_of, finish, sigmoid};

use crate::blocking::{Rule, hash};
use crate::comparison::{Kind, LEVELS};
use crate::error::Error;
use crate::table::{Source, derive};
use crate::text::{Hints, Role};
use serde::{Deserialize, Serialize};

/// Probabilities of the levels, given nothing about the parent column, a parent that disagrees and one that agrees.
pub(crate) type Table = [[f64; LEVELS]; 3];

/// A trained model: what columns mean, how often each level occurs among matches, strangers and people of one household,
/// and how candidates are found. Written as JSON by serde.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The columns compared.
    pub(crate) columns: Vec<Column>,
    /// The blocking rules.
    pub(crate) rules: Vec<Rule>,
    /// Share of matches among all pairs.
    pub(crate) match_share: f64,
    /// Share of pairs of two persons of one household.
    pub(crate) household_share: f64,
    /// Least probability of a link.
    pub(crate) threshold: f64,
    /// Records that it was trained on.
    pub(crate) records: u64,
}

/// A column of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) hints: Hints,
    pub(crate) sources: Vec<Source>,
    pub(crate) kind: Kind,
    /// The columns that this one depends on: a city on its postcode, a mail address on both names.
    pub(crate) parents: Vec<usize>,
    /// The column whose value may stand in this one's place.
    pub(crate) swap: Option<usize>,
    pub(crate) m: Table,
    pub(crate) u: Table,
    pub(crate) h: Table,
    /// Common values by hash, with the share of persons that have each; ordered by hash.
    pub(crate) frequencies: Vec<(u64, f64)>,
    /// The share of persons that have any other value.
    pub(crate) rare: f64,
}

/// A comparison level of a field with its probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level<'a> {
    /// The field.
    pub field: &'a str,
    /// What it takes to reach the level.
    pub level: &'static str,
    /// Probability among matches.
    pub m: f64,
    /// Probability among pairs that have nothing to do with one another.
    pub u: f64,
}

impl Model {
    /// A model trained on generated customers, for a service that nobody has trained yet.
    pub fn default_model() -> Self {
        builtin::model()
    }

    /// Reads a model and checks that it is whole.
    ///
    /// # Errors
    /// When the JSON is no model, or one that contradicts itself.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let model: Self = serde_json::from_str(json).map_err(|error| Error::Model { part: error.to_string() })?;
        model.check()?;
        Ok(model)
    }

    /// The model as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn check(&self) -> Result<(), Error> {
        let wrong = |part: &str| Err(Error::Model { part: part.to_owned() });
        let known = |column: &usize| *column < self.columns.len();
        if self.columns.is_empty() || self.columns.len() > crate::comparison::COLUMNS {
            return wrong("columns");
        }
        let probability = |value: &f64| (0.0..=1.0).contains(value);
        for (at, column) in self.columns.iter().enumerate() {
            if column.parents.iter().any(|parent| *parent >= at) || !column.swap.iter().all(known) {
                return wrong(&column.name);
            }
            let mut all = column.m.iter().chain(&column.u).chain(&column.h).flatten();
            if !all.all(probability) || !probability(&column.rare) {
                return wrong(&column.name);
            }
        }
        let mut keys = self.rules.iter().flat_map(|rule| &rule.keys);
        if !keys.all(|key| known(&key.column) && key.either.iter().all(known)) {
            return wrong("rules");
        }
        if ![self.match_share, self.household_share, self.threshold].iter().all(probability) {
            return wrong("match_share, household_share or threshold");
        }
        Ok(())
    }

    /// The version: a hash of the content, 16 hexadecimal digits.
    pub fn version(&self) -> String {
        format!("{:016x}", hash(self.to_json().as_bytes()))
    }

    /// Rounds every figure to nine digits, so that none changes on its way through JSON.
    pub(crate) fn round(&mut self) {
        for column in &mut self.columns {
            let tables = [&mut column.m, &mut column.u, &mut column.h];
            tables.into_iter().flatten().flatten().for_each(round);
            column.frequencies.iter_mut().for_each(|(_, share)| round(share));
            round(&mut column.rare);
        }
        round(&mut self.match_share);
        round(&mut self.household_share);
        round(&mut self.threshold);
    }

    /// Least probability of a link.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Records that the model was trained on.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Makes a record comparable. Each attribute goes to the column of that name, or else to the first column of that
    /// role; one that the model does not know is left out.
    pub fn prepare(&self, record: &[(&str, &str)]) -> Prepared {
        let mut forms = vec![None; self.columns.len()];
        let sources = || self.columns.iter().flat_map(|column| &column.sources);
        for (name, value) in record {
            let named = sources().any(|source| source.column == *name);
            let meant = |source: &&Source| if named { source.column == *name } else { source.role.name() == *name };
            for (form, column) in forms.iter_mut().zip(&self.columns) {
                if form.is_none()
                    && let Some(source) = column.sources.iter().find(meant)
                {
                    *form = derive(column.role, source.part, value, &column.hints);
                }
            }
        }
        Prepared { forms }
    }

    /// The keys of the model's rules: two records are candidates when they share one.
    pub fn blocking_keys(&self, record: &Prepared) -> Vec<u64> {
        let mut keys: Vec<u64> =
            self.rules.iter().enumerate().filter_map(|(number, rule)| rule.hash(number, record)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The fields in the order in which they are compared.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The roles of the fields.
    pub fn roles(&self) -> impl Iterator<Item = Role> {
        self.columns.iter().map(|column| column.role)
    }

    /// Every level of every field, weakest first.
    pub fn levels(&self) -> impl Iterator<Item = Level<'_>> {
        self.columns.iter().flat_map(|column| {
            (1..LEVELS as u8).map(move |level| Level {
                field: &column.name,
                level: column.kind.label(level),
                m: column.m[0][usize::from(level)],
                u: column.u[0][usize::from(level)],
            })
        })
    }
}

fn round(value: &mut f64) {
    *value = format!("{value:.8e}").parse().unwrap_or(*value);
}

impl Column {
    /// The share of persons that have this value.
    pub(crate) fn frequency(&self, plain: &[u8]) -> f64 {
        let value = hash(plain);
        match self.frequencies.binary_search_by_key(&value, |(other, _)| *other) {
            Ok(at) => self.frequencies[at].1,
            Err(_) => self.rare,
        }
    }
}
