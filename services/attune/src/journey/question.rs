//! `attune journey query`, `sql` and `members`.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use attune_pathing::funnel::{Funnel, Mode};
use attune_pathing::query::sql::Source;
use attune_pathing::query::{From, Invalid, Query, Shown};
use serde_json::json;

use super::input;
use super::table::Table;
use crate::exit::Failure;
use crate::files::Files;
use crate::options::question::{MembersOptions, QueryOptions, SqlOptions};
use crate::output;

/// Answers a question.
///
/// # Errors
/// Bad input.
pub(crate) fn run(options: &QueryOptions) -> Result<(), Failure> {
    let query = read(&options.query)?;
    let wrong = |error: Invalid| Failure::input(format!("{}: {error}", input::name(&options.query)));
    let log = input::events(&options.events, query.properties().map_err(wrong)?)?;
    let answer = query.run(&log, input::threads(&options.events.columns)).map_err(wrong)?;
    let columns: &[&'static str] = match query {
        Query::Sequences { .. } => &["name", "sequences", "events"],
        Query::Funnel { .. } => &["step", "reached"],
        Query::Match { .. } => &["name", "matches", "sequences"],
        Query::Paths { .. } => &["path", "count"],
        Query::Graph { .. } => &["edge", "count", "median_seconds"],
        Query::Variants { .. } => &["variant", "count"],
    };
    let mut table = Table::new(columns);
    for (name, figures) in answer {
        table.push([json!(name)].into_iter().chain(figures.into_iter().map(|figure| json!(figure))).collect());
    }
    table.print(options.format)
}

/// Prints a question as SQL.
///
/// # Errors
/// Bad input.
pub(crate) fn run_sql(options: &SqlOptions) -> Result<(), Failure> {
    let source = Source {
        table: options.table.clone(),
        customer: options.customer.clone(),
        micros: options.micros.clone(),
        event: options.event.clone(),
        order: options.order.clone(),
    };
    let sql = read(&options.query)?.clickhouse(&source);
    output::print(&sql.map_err(|error| Failure::input(format!("{}: {error}", input::name(&options.query))))?);
    Ok(())
}

fn read(path: &Path) -> Result<Query, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::input(format!("{}: {error}", input::name(path)));
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map_err(|error| wrong(&error))?;
    } else {
        text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    }
    serde_json::from_str(&text).map_err(|error| wrong(&error))
}

/// Prints how many sequences a figure counts and as which pattern; writes them.
///
/// # Errors
/// Usage or bad input.
pub(crate) fn run_members(options: &MembersOptions) -> Result<(), Failure> {
    options.output.as_deref().map_or(Ok(()), Files::check)?;
    let (shown, properties) = shown(options)?;
    let log = input::events(&options.events, properties)?;
    let threads = input::threads(&options.events.columns);
    let sequences = input::cut(&log, options.unit, threads);
    let members = shown.members(&log, &sequences, threads);
    if let Some(path) = &options.output {
        let mut list = Table::new(&["customer", "session", "count"]);
        for member in &members {
            let sequence = sequences.get(member.sequence);
            let customer = log.customers().text(sequence.customer);
            list.push(vec![json!(customer), json!(sequence.session), json!(member.count)]);
        }
        return list.save(path);
    }
    let mut customers: Vec<u32> = members.iter().map(|member| sequences.get(member.sequence).customer).collect();
    customers.dedup();
    let mut table = Table::new(&["pattern", "count", "sequences", "customers"]);
    let count: u64 = members.iter().map(|member| member.count).sum();
    table.push(vec![json!(shown.pattern()), json!(count), json!(members.len()), json!(customers.len())]);
    table.print(options.format)
}

/// The figure, and the properties that its conditions read.
fn shown(options: &MembersOptions) -> Result<(Shown, Vec<String>), Failure> {
    if let (Some(steps), within) = (&options.steps, options.within.unwrap_or(Duration::ZERO)) {
        let steps = input::atoms("steps", steps)?;
        let properties = input::properties(&steps);
        let (count, mode) = (steps.len(), Mode::default());
        let funnel = Funnel { steps, within, mode, exclusions: Vec::new() };
        let (name, step) = match (options.reached, options.dropped) {
            (Some(step), _) => ("reached", step),
            (None, Some(step)) => ("dropped", step),
            (None, None) => return Err(Failure::usage("--steps: say which by --reached or --dropped")),
        };
        if !(1..=count).contains(&step) {
            return Err(Failure::usage(format!("--{name}: not between 1 and the {count} steps")));
        }
        let shown = if name == "reached" { Shown::Reached(funnel, step) } else { Shown::Dropped(funnel, step) };
        return Ok((shown, properties));
    }
    let shown = match options.band.as_slice() {
        [] if !options.path.is_empty() => Shown::Path(options.path.clone()),
        [] => Shown::Variant(options.variant.clone()),
        [step, from, rest @ ..] => {
            let step = step.parse().ok().filter(|step| *step >= 1);
            let step = step.ok_or_else(|| Failure::usage("--band: the step is not a number from 1"))?;
            let anchor = match (&options.from, &options.to) {
                (Some(name), _) => From::First(name.clone()),
                (None, Some(name)) => From::Last(name.clone()),
                (None, None) => From::Start,
            };
            let to = rest.first().filter(|to| !to.is_empty()).cloned();
            Shown::Band(anchor, step, from.clone(), to)
        }
        [_] => return Err(Failure::usage("--band: the event at the step is missing")),
    };
    Ok((shown, Vec::new()))
}
