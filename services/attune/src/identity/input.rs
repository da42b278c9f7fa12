//! Files of records, taken row by row.

use std::path::Path;

use attune_matching::Dedupe;

use super::ids::Ids;
use crate::exit::Failure;
use crate::options::DedupeOptions;
use crate::rows::Rows;

/// Rows between two words of progress.
const STEP: usize = 1 << 14;

/// Everything that was read.
#[derive(Debug)]
pub(crate) struct Records {
    /// Every record's own id.
    pub(crate) ids: Ids,
    /// The inputs, each with the number of its first record.
    inputs: Vec<(String, usize)>,
}

/// Reads every input into a run.
///
/// # Errors
/// Bad input, naming file, line and field; usage, when a column to ignore is nowhere.
pub(crate) fn read(
    options: &DedupeOptions,
    dedupe: &mut Dedupe,
    told: &mut dyn FnMut(usize),
) -> Result<Records, Failure> {
    let mut records = Records { ids: Ids::default(), inputs: Vec::new() };
    let mut unseen: Vec<&str> = options.ignore.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
    let ignored = unseen.clone();
    for path in &options.input {
        read_one(path, options.id.trim(), &ignored, &mut unseen, dedupe, &mut records, told)?;
    }
    if let Some(column) = unseen.first() {
        return Err(Failure::usage(format!("--ignore: no input has a column {column}")));
    }
    match records.ids.duplicate() {
        None if records.ids.len() == 0 => {
            let names: Vec<&str> = records.inputs.iter().map(|(name, _)| name.as_str()).collect();
            Err(Failure::input(format!("{}: there are no records", names.join(", "))))
        }
        None => Ok(records),
        Some((earlier, later)) => {
            let id = records.ids.get(later);
            Err(Failure::input(format!(
                "{} field {}: id {id:?} is taken by {}",
                records.place(later),
                options.id,
                records.place(earlier),
            )))
        }
    }
}

fn read_one(
    path: &Path,
    id: &str,
    ignored: &[&str],
    unseen: &mut Vec<&str>,
    dedupe: &mut Dedupe,
    records: &mut Records,
    told: &mut dyn FnMut(usize),
) -> Result<(), Failure> {
    let mut rows = Rows::open(path)?;
    records.inputs.push((rows.name().to_owned(), records.ids.len()));
    let header = rows.header().to_vec();
    let Some(id_at) = header.iter().position(|name| name == id) else {
        let columns = header.join(", ");
        return Err(Failure::input(format!("{}: line 1: there is no field {id}; there are {columns}", rows.name())));
    };
    unseen.retain(|name| !header.iter().any(|column| column == name));
    let evidence: Vec<usize> =
        (0..header.len()).filter(|at| *at != id_at && !ignored.contains(&header[*at].as_str())).collect();
    let names: Vec<&str> = evidence.iter().map(|at| header[*at].as_str()).collect();
    let wrong_header = |error: attune_matching::Error| Failure::input(format!("{}: line 1: {error}", path.display()));
    let mut input = dedupe.add_input(rows.name(), &names).map_err(wrong_header)?;
    loop {
        let Some(row) = rows.next()? else { return Ok(()) };
        let own = row.field(id_at);
        let known = !own.is_empty();
        let pushed = input.push(evidence.iter().map(|at| row.field(*at)));
        // The id is copied before the row is let go of, so that the line can be asked for.
        let own = own.to_owned();
        if !known {
            return Err(rows.wrong(id_at, "the id is missing"));
        }
        pushed.map_err(|error| rows.wrong(id_at, &error.to_string()))?;
        let line = rows.line();
        let kept = records.ids.push(&own, line);
        kept.ok_or_else(|| rows.wrong(id_at, "the ids take more than 4 GB"))?;
        if records.ids.len().is_multiple_of(STEP) {
            told(records.ids.len());
        }
    }
}

impl Records {
    /// File and line of a record.
    fn place(&self, record: usize) -> String {
        let input = self.inputs.partition_point(|(_, first)| *first <= record);
        let name = input.checked_sub(1).map_or("", |input| self.inputs[input].0.as_str());
        format!("{name}: line {}", self.ids.line(record))
    }
}
