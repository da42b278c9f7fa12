//! The whole way from rows to persons.

mod plan;
mod report;
mod rules;
mod run;
mod scorer;
mod strangers;
#[cfg(test)]
mod tests;

pub use report::{
    EstimationReport, FieldReport, InputReport, LevelReport, Report, RuleReport, StageReport, ThresholdReport, Times,
};
pub(crate) use scorer::{Observation, level_of};

use crate::config::{Config, Options};
use crate::error::Error;
use crate::model::Model;
use crate::table::RawTable;

/// A run in preparation: takes rows, then finds the persons.
#[derive(Debug)]
pub struct Dedupe {
    config: Config,
    options: Options,
    table: RawTable,
    inputs: Vec<InputReport>,
}

/// Takes the rows of one input.
#[derive(Debug)]
pub struct Input<'a> {
    dedupe: &'a mut Dedupe,
    columns: Vec<usize>,
}

/// A pair that was compared and kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The record with the lower number.
    pub left: u32,
    /// The record with the higher number.
    pub right: u32,
    /// The match weight: log2 of the odds of a match.
    pub weight: f32,
}

impl Pair {
    /// The probability of a match.
    pub fn probability(&self) -> f64 {
        1.0 / (1.0 + (-f64::from(self.weight)).exp2())
    }
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The person of every record, numbered from 0 in the order of their first records.
    pub clusters: Vec<u32>,
    /// The pairs with a probability of at least 0.01, ordered by record numbers.
    pub pairs: Vec<Pair>,
    /// What was done and learned.
    pub report: Report,
    /// The model.
    pub model: Model,
}

/// Told at the beginning of every stage: its name and how many stages there are before and in all.
pub type Progress<'a> = &'a (dyn Fn(&str, usize, usize) + Sync);
/// Tells the time used so far.
pub type Clock<'a> = &'a (dyn Fn() -> Times + Sync);

impl Dedupe {
    /// A run without rows yet; whatever the configuration leaves out is inferred.
    pub fn new(config: Option<Config>, options: Options) -> Self {
        Self { config: config.unwrap_or_default(), options, table: RawTable::default(), inputs: Vec::new() }
    }

    /// Begins an input. The header holds the columns that may be evidence: neither the record's id nor a truth label.
    /// Columns of the same name in several inputs are one column.
    ///
    /// # Errors
    /// When the header names a column twice.
    pub fn add_input(&mut self, name: &str, header: &[&str]) -> Result<Input<'_>, Error> {
        // Values that wait are of the columns of the input before.
        self.table.settle();
        let mut columns = Vec::with_capacity(header.len());
        for column in header {
            let at = self.table.column(column);
            if columns.contains(&at) {
                return Err(Error::DuplicateColumn { input: name.to_owned(), column: (*column).to_owned() });
            }
            columns.push(at);
        }
        self.inputs.push(InputReport { name: name.to_owned(), records: 0 });
        Ok(Input { dedupe: self, columns })
    }

    /// Records taken so far.
    pub fn records(&self) -> usize {
        self.table.records
    }

    /// Finds the persons.
    ///
    /// # Errors
    /// When the configuration names a column or a key that does not exist, or no column can serve as evidence.
    pub fn run(mut self, clock: Clock<'_>, progress: Progress<'_>) -> Result<Outcome, Error> {
        self.table.settle();
        let report = Report { inputs: self.inputs, ..Report::default() };
        run::run(self.table, self.config, &self.options, report, clock, progress)
    }
}

impl Input<'_> {
    /// Takes a row: one value a column of the header.
    ///
    /// # Errors
    /// When the row is shorter or longer than the header, or there are too many records.
    pub fn push<'v>(&mut self, row: impl IntoIterator<Item = &'v str>) -> Result<(), Error> {
        let table = &mut self.dedupe.table;
        let mut found = 0;
        for value in row {
            if let Some(column) = self.columns.get(found) {
                table.push(*column, value.as_bytes());
            }
            found += 1;
        }
        let input = self.dedupe.inputs.last_mut();
        let number = input.as_ref().map_or(0, |input| input.records) as usize + 1;
        if found != self.columns.len() {
            let name = input.map(|input| input.name.clone()).unwrap_or_default();
            return Err(Error::RowLength { input: name, row: number, expected: self.columns.len(), found });
        }
        if table.records >= MOST_RECORDS {
            return Err(Error::TooManyRecords { limit: MOST_RECORDS });
        }
        table.end_record();
        if let Some(input) = input {
            input.records += 1;
        }
        Ok(())
    }
}

/// Records that a run takes.
const MOST_RECORDS: usize = u32::MAX as usize / 2;

/// The connected components of a graph, numbered in the order of their first nodes.
pub(crate) fn components(nodes: usize, edges: impl Iterator<Item = (u32, u32)>) -> Vec<u32> {
    let mut parent: Vec<u32> = (0..nodes as u32).collect();
    fn root(parent: &mut [u32], mut node: u32) -> u32 {
        while parent[node as usize] != node {
            parent[node as usize] = parent[parent[node as usize] as usize];
            node = parent[node as usize];
        }
        node
    }
    for (a, b) in edges {
        let (a, b) = (root(&mut parent, a), root(&mut parent, b));
        // The lower number is the root, so that every root comes before its members.
        parent[a.max(b) as usize] = a.min(b);
    }
    let mut next = 0;
    let mut numbers = vec![u32::MAX; nodes];
    for node in 0..nodes as u32 {
        let root = root(&mut parent, node) as usize;
        if numbers[root] == u32::MAX {
            numbers[root] = next;
            next += 1;
        }
        numbers[node as usize] = numbers[root];
    }
    numbers
}
