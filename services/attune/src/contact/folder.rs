//! What a plan leaves for `attune contact explain`: the rules with their prices, and the proposals by customer.
//!
//! `plan.json` holds rules and prices; `proposals.csv` the proposals ordered by customer, so that one of them is found by
//! halving the file.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use attune_optimizer::Solution;
use serde::{Deserialize, Serialize};

use super::input::Proposals;
use super::model::{Model, RuleUse};
use super::rules::Rule;
use crate::exit::Failure;
use crate::files::Files;

const PLAN: &str = "plan.json";
const PROPOSALS: &str = "proposals.csv";

/// `plan.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) rules: Vec<Rule>,
    pub(super) uses: Vec<RuleUse>,
}

/// A proposal of a customer, as it was read, and what became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) customer_id: String,
    pub(super) proposal_id: String,
    pub(super) offer_id: String,
    pub(super) channel: String,
    pub(super) slot: String,
    pub(super) segment: String,
    pub(super) campaign: String,
    pub(super) value: f64,
    /// In millionths.
    pub(super) cost: i64,
    pub(super) chosen: bool,
    /// The rule that kept it out before anything was chosen.
    pub(super) barred: String,
    /// Rules whose need the history meets, with blanks between.
    pub(super) met: String,
}

/// Looks whether a plan can be left there.
pub(super) fn check(dir: &Path) -> Result<(), Failure> {
    if dir.is_file() {
        return Err(Failure::usage(format!("--plan-dir: {} is a file", dir.display())));
    }
    Ok(())
}

/// Writes both files.
pub(super) fn write(
    dir: &Path,
    proposals: &Proposals,
    rules: &[Rule],
    model: &Model,
    solution: &Solution,
    uses: &[RuleUse],
) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(|error| Failure::other(format!("{}: {error}", dir.display())))?;
    let mut chosen = vec![false; proposals.len()];
    solution.chosen.iter().for_each(|at| chosen[model.kept[*at as usize] as usize] = true);
    let mut order: Vec<usize> = (0..proposals.len()).collect();
    order.sort_by_key(|at| (proposals.customers.text(proposals.customer[*at]), *at));
    let mut files = Files::default();
    files.write(&dir.join(PROPOSALS), |out| {
        let mut out = csv::Writer::from_writer(out);
        for at in order {
            let [offer_id, channel, slot, segment, campaign] = proposals.keys(at).map(str::to_owned);
            let number = u32::try_from(at).unwrap_or(u32::MAX);
            let met = model.met.get(&number).map(Vec::as_slice).unwrap_or_default();
            out.serialize(Line {
                customer_id: proposals.customers.text(proposals.customer[at]).to_owned(),
                proposal_id: proposals.id(at).to_owned(),
                offer_id,
                channel,
                slot,
                segment,
                campaign,
                value: proposals.value[at],
                cost: proposals.cost[at],
                chosen: chosen[at],
                barred: model.barred.get(&number).map_or(String::new(), |rule| rules[*rule].id.clone()),
                met: met.iter().map(|rule| rules[*rule].id.as_str()).collect::<Vec<_>>().join(" "),
            })?;
        }
        out.flush()
    })?;
    let plan = Plan { rules: rules.to_vec(), uses: uses.to_vec() };
    files.write(&dir.join(PLAN), |out| serde_json::to_writer_pretty(out, &plan).map_err(std::io::Error::from))?;
    files.finish()
}

/// Reads the rules and one customer's proposals.
///
/// # Errors
/// Bad input when the directory holds no plan or the plan nobody of that id.
pub(super) fn read(dir: &Path, customer: &str) -> Result<(Plan, Vec<Line>), Failure> {
    let name = |file: &str| dir.join(file).display().to_string();
    let text = std::fs::read(dir.join(PLAN)).map_err(|error| Failure::input(format!("{}: {error}", name(PLAN))))?;
    let plan = serde_json::from_slice(&text).map_err(|error| Failure::input(format!("{}: {error}", name(PLAN))))?;
    let lines = find(&dir.join(PROPOSALS), customer)
        .map_err(|error| Failure::input(format!("{}: {error}", name(PROPOSALS))))?;
    if lines.is_empty() {
        return Err(Failure::input(format!("{}: there is no customer {customer}", name(PROPOSALS))));
    }
    Ok((plan, lines))
}

/// The lines of a customer in a file that is ordered by customer, found by halving.
fn find(path: &Path, customer: &str) -> std::io::Result<Vec<Line>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut header = Vec::new();
    file.read_until(b'\n', &mut header)?;
    let (first, end) = (header.len() as u64, file.get_ref().metadata()?.len());
    // Lines before `low` belong to lesser customers, those from `high` on do not.
    let (mut low, mut high) = (first, end);
    while low < high {
        let middle = low + (high - low) / 2;
        let (start, line) = line_from(&mut file, middle, first)?;
        if start >= high {
            // The line in the middle is the last before `high`: look at the one that begins at `low`.
            let (_, line) = line_from(&mut file, low, first)?;
            if parsed(&line).is_some_and(|line| line.customer_id.as_str() < customer) {
                low += line.len() as u64;
            } else {
                high = low;
            }
            continue;
        }
        if parsed(&line).is_some_and(|line| line.customer_id.as_str() < customer) {
            low = start + line.len() as u64;
        } else {
            high = start;
        }
    }
    file.seek(SeekFrom::Start(low))?;
    let mut found = Vec::new();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file.take(end - low));
    for line in reader.deserialize::<Line>() {
        let line = line.map_err(std::io::Error::from)?;
        if line.customer_id != customer {
            break;
        }
        found.push(line);
    }
    Ok(found)
}

/// The first line that begins at a place or after it.
fn line_from(file: &mut BufReader<File>, place: u64, first: u64) -> std::io::Result<(u64, Vec<u8>)> {
    let mut start = place;
    if place > first {
        file.seek(SeekFrom::Start(place - 1))?;
        let mut rest = Vec::new();
        start = place - 1 + file.read_until(b'\n', &mut rest)? as u64;
    } else {
        file.seek(SeekFrom::Start(first))?;
    }
    let mut line = Vec::new();
    file.read_until(b'\n', &mut line)?;
    Ok((start, line))
}

fn parsed(line: &[u8]) -> Option<Line> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line);
    reader.deserialize().next()?.ok()
}
