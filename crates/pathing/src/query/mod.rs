//! Questions as values: written as JSON, asked of a log here, or compiled to SQL for ClickHouse.
//!
//! ```json
//! {"kind": "funnel", "steps": ["view", "cart[amount > 100]", "pay"], "within": "24h"}
//! {"kind": "match", "pattern": "view (search)* cart !pay", "within": "30m", "unit": {"session": "30m"}}
//! ```
//!
//! Both ways give the same rows ([`Answer`]); [`sql`] says what ClickHouse has no way to say. Fields that are not known
//! are refused; durations are written like `30m`.

mod shown;
pub mod sql;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::flow::variants;
use crate::funnel::{Funnel, Mode};
use crate::graph::directly_follows;
use crate::log::EventLog;
use crate::paths::top_paths;
use crate::pattern::{Atom, Pattern, Search, find};
use crate::sessions::{Sequences, Unit, sequences};

pub use self::shown::{From, Member, Shown};

/// A question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Query {
    /// Sequences: how many there are, and how many events they have.
    Sequences {
        /// What makes one.
        #[serde(default)]
        unit: By,
    },
    /// How many sequences get how far: a row for each step.
    Funnel {
        /// The steps, each an event with a condition where needed.
        steps: Vec<String>,
        /// The longest time from the first to the last event.
        within: String,
        /// What makes a sequence.
        #[serde(default)]
        unit: By,
        /// A step that comes again ends the chain.
        #[serde(default)]
        strict_deduplication: bool,
        /// Any other event ends the chain.
        #[serde(default)]
        strict_order: bool,
        /// Steps must be truly later than the one before.
        #[serde(default)]
        strict_increase: bool,
    },
    /// Matches of a pattern: how many, and in how many sequences.
    Match {
        /// The pattern.
        pattern: String,
        /// The longest time from the first to the last event.
        #[serde(default)]
        within: Option<String>,
        /// From every event where a match begins.
        #[serde(default)]
        overlapping: bool,
        /// What makes a sequence.
        #[serde(default)]
        unit: By,
    },
    /// The most frequent windows of a length: a row for each.
    Paths {
        /// Events in a window.
        length: usize,
        /// How many rows.
        top: usize,
        /// What makes a sequence.
        #[serde(default)]
        unit: By,
    },
    /// Which event follows which: a row for each edge, with the median seconds.
    Graph {
        /// What makes a sequence.
        #[serde(default)]
        unit: By,
    },
    /// The most frequent whole sequences: a row for each.
    Variants {
        /// How many rows.
        top: usize,
        /// What makes a sequence.
        #[serde(default)]
        unit: By,
    },
}

/// What makes one sequence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// All events of a customer.
    #[default]
    Customer,
    /// Events no further apart than this.
    Session(String),
}

/// A row of an answer: what it is about, and its figures.
pub type Answer = Vec<(String, Vec<f64>)>;

/// What is wrong with a question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Invalid {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl Invalid {
    fn new(field: &'static str, message: impl ToString) -> Self {
        Self { field, message: message.to_string() }
    }
}

/// A question with its texts read.
#[derive(Debug, Clone)]
enum Asked {
    Sequences,
    Funnel(Funnel),
    Match(Pattern, Search),
    Paths(usize, usize),
    Graph,
    Variants(usize),
}

impl Query {
    /// Asks it of a log.
    ///
    /// # Errors
    /// [`Invalid`], naming the field.
    pub fn run(&self, log: &EventLog, threads: usize) -> Result<Answer, Invalid> {
        let sequences = self.sequences(log, threads)?;
        let row = |name: String, figures: Vec<f64>| (name, figures);
        let path = |path: crate::paths::Path| row(path.text(), vec![path.count as f64]);
        Ok(match self.asked()? {
            Asked::Sequences => vec![row("sequences".to_owned(), vec![sequences.len() as f64, log.len() as f64])],
            Asked::Funnel(funnel) => {
                let levels = funnel.levels(log, &sequences, threads);
                let reached = |step: usize| levels.iter().filter(|level| **level as usize >= step).count();
                (1..=funnel.steps.len()).map(|step| row(step.to_string(), vec![reached(step) as f64])).collect()
            }
            Asked::Match(pattern, search) => {
                let found = find(log, &sequences, &pattern, search, threads);
                let mut hit: Vec<(u32, u32)> = found.iter().map(|one| (one.customer, one.session)).collect();
                hit.dedup();
                vec![row("matches".to_owned(), vec![found.len() as f64, hit.len() as f64])]
            }
            Asked::Paths(length, top) => {
                top_paths(log, &sequences, length, top, threads).into_iter().map(path).collect()
            }
            Asked::Graph => directly_follows(log, &sequences, threads)
                .into_iter()
                .map(|edge| row(format!("{}>{}", edge.from, edge.to), vec![edge.count as f64, edge.median_seconds]))
                .collect(),
            Asked::Variants(top) => variants(log, &sequences, top).top.into_iter().map(path).collect(),
        })
    }

    /// The sequences that it is asked of.
    ///
    /// # Errors
    /// [`Invalid`], naming the field.
    pub fn sequences(&self, log: &EventLog, threads: usize) -> Result<Sequences, Invalid> {
        let unit = match self.gap()? {
            None => Unit::Customer,
            Some(gap) => Unit::Session { gap },
        };
        Ok(sequences(log, unit, threads))
    }

    /// The properties that its conditions read.
    ///
    /// # Errors
    /// [`Invalid`], naming the field.
    pub fn properties(&self) -> Result<Vec<String>, Invalid> {
        let names = |atoms: &[Atom]| atoms.iter().flat_map(Atom::properties).map(str::to_owned).collect();
        Ok(match self.asked()? {
            Asked::Funnel(funnel) => names(&funnel.steps),
            Asked::Match(pattern, _) => names(&pattern.program().atoms),
            Asked::Sequences | Asked::Paths(..) | Asked::Graph | Asked::Variants(_) => Vec::new(),
        })
    }

    fn gap(&self) -> Result<Option<Duration>, Invalid> {
        let (Self::Sequences { unit }
        | Self::Funnel { unit, .. }
        | Self::Match { unit, .. }
        | Self::Paths { unit, .. }
        | Self::Graph { unit }
        | Self::Variants { unit, .. }) = self;
        match unit {
            By::Customer => Ok(None),
            By::Session(gap) => duration("unit", gap).map(Some),
        }
    }

    fn asked(&self) -> Result<Asked, Invalid> {
        Ok(match self {
            Self::Sequences { .. } => Asked::Sequences,
            Self::Graph { .. } => Asked::Graph,
            Self::Variants { top, .. } => Asked::Variants(*top),
            Self::Paths { length: 0, .. } => return Err(Invalid::new("length", "must be at least 1")),
            Self::Paths { length, top, .. } => Asked::Paths(*length, *top),
            Self::Match { pattern, within, overlapping, .. } => {
                let pattern = Pattern::parse(pattern).map_err(|error| Invalid::new("pattern", error))?;
                let within = within.as_deref().map(|text| duration("within", text)).transpose()?;
                Asked::Match(pattern, Search { within, overlapping: *overlapping })
            }
            Self::Funnel { steps, within, strict_deduplication, strict_order, strict_increase, .. } => {
                let atom = |text: &String| {
                    let one = Atom::list(text).map_err(|error| Invalid::new("steps", error))?;
                    <[Atom; 1]>::try_from(one)
                        .map(|[atom]| atom)
                        .map_err(|_| Invalid::new("steps", format!("{text:?} is not one event")))
                };
                let steps = steps.iter().map(atom).collect::<Result<Vec<_>, _>>()?;
                if steps.is_empty() {
                    return Err(Invalid::new("steps", "there is no event"));
                }
                let mode = Mode {
                    strict_deduplication: *strict_deduplication,
                    strict_order: *strict_order,
                    strict_increase: *strict_increase,
                    any_order: false,
                };
                Asked::Funnel(Funnel { steps, within: duration("within", within)?, mode, exclusions: Vec::new() })
            }
        })
    }
}

fn duration(field: &'static str, text: &str) -> Result<Duration, Invalid> {
    attune_kernel::parse_duration(text).map_err(|message| Invalid::new(field, message))
}
