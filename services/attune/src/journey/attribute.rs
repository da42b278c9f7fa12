//! `attune journey attribute`.

use std::path::Path;

use attune_attribution::heuristic::{self, Rule};
use attune_attribution::shapley::Game;
use attune_attribution::{Credit, Error, Paths, markov, shapley};
use attune_pathing::log::EventLog;
use attune_pathing::value::Scalar;
use rustc_hash::FxHashMap;
use serde_json::json;

use super::input;
use super::table::Table;
use crate::exit::Failure;
use crate::options::journey::{AttributeOptions, AttributionModel, ShapleyGame};
use crate::rows::Rows;

/// Prints what each channel is given.
///
/// # Errors
/// Usage or bad input.
pub(crate) fn run(options: &AttributeOptions) -> Result<(), Failure> {
    let costs = options.costs.as_deref().map(read_costs).transpose()?;
    let paths = match (&options.paths, &options.events) {
        (Some(file), _) => read(file)?,
        (None, Some(file)) => of_events(options, file)?,
        (None, None) => return Err(Failure::usage("--paths or --events is needed")),
    };
    let mut credits = attribute(options, &paths).map_err(|error| match error {
        Error::TooManyChannels { .. } | Error::EmptyPath | Error::BadNumber { .. } => Failure::input(error.to_string()),
        Error::BadOrder { .. } => Failure::usage(format!("--order: {error}")),
        Error::Unsettled { .. } => Failure::other(error.to_string()),
    })?;
    credits.sort_by(|a, b| a.channel.cmp(&b.channel));
    let sampled = credits.iter().any(|credit| credit.error > 0.0);
    let mut columns = vec!["channel", "conversions", "value"];
    columns.extend(sampled.then_some("conversions_error"));
    columns.extend(costs.iter().flat_map(|_| ["cost", "return"]));
    let mut table = Table::new(&columns);
    for credit in credits {
        let mut row = vec![json!(credit.channel), json!(credit.conversions), json!(credit.value)];
        row.extend(sampled.then(|| json!(credit.error)));
        if let Some(costs) = &costs {
            // Without a cost there is no return that could be told.
            let cost = costs.get(&credit.channel).copied();
            row.extend([json!(cost), json!(cost.filter(|cost| *cost > 0.0).map(|cost| credit.value / cost))]);
        }
        table.push(row);
    }
    table.print(options.format)
}

fn attribute(options: &AttributeOptions, paths: &Paths) -> Result<Vec<Credit>, Error> {
    let rule = match options.model {
        AttributionModel::First => Rule::First,
        AttributionModel::Last => Rule::Last,
        AttributionModel::Linear => Rule::Linear,
        AttributionModel::Position => Rule::Position { ends: options.ends },
        AttributionModel::TimeDecay => {
            let seconds = options.half_life.as_secs_f64();
            Rule::TimeDecay { half_life: if options.paths.is_some() { options.half_life_touches } else { seconds } }
        }
        AttributionModel::Markov => return markov::attribute(paths, usize::from(options.order)),
        AttributionModel::Shapley => {
            let game = match options.game {
                ShapleyGame::Conversions => Game::Conversions,
                ShapleyGame::Rate => Game::Rate,
            };
            return shapley::attribute(paths, game, options.seed);
        }
    };
    Ok(heuristic::attribute(paths, rule))
}

/// The touches of each customer up to each goal; after a goal a new path begins, and touches after the last one are a
/// path to nothing. Goals without a touch belong to no channel.
fn of_events(options: &AttributeOptions, file: &Path) -> Result<Paths, Failure> {
    let goal = options.goal.as_deref().unwrap_or_default();
    if options.touch.iter().any(|touch| touch == goal) {
        return Err(Failure::usage("--goal: is a touch too"));
    }
    let log = input::events_of(file, &options.columns, options.value_column.iter().cloned().collect())?;
    let wrong = |error: Error| Failure::input(format!("{}: {error}", input::name(file)));
    let mut paths = Paths::default();
    for customer in (0u32..).take(log.customers().len()) {
        let mut open: Vec<usize> = Vec::new();
        for row in log.rows_of(customer) {
            let name = log.name(row);
            if name == goal {
                close(options, &log, &open, Some(row), &mut paths).map_err(wrong)?;
                open.clear();
            } else if options.touch.iter().any(|touch| touch == name) {
                open.push(row);
            }
        }
        close(options, &log, &open, None, &mut paths).map_err(wrong)?;
    }
    Ok(paths)
}

fn close(
    options: &AttributeOptions,
    log: &EventLog,
    touches: &[usize],
    goal: Option<usize>,
    paths: &mut Paths,
) -> Result<(), Error> {
    let Some(end) = goal.or(touches.last().copied()) else { return Ok(()) };
    let in_time = |row: &&usize| {
        goal.is_none() || options.within.is_none_or(|within| log.time(end).since(log.time(**row)) <= within)
    };
    let age = |row: &usize| (log.name(*row), log.time(end).since(log.time(*row)).as_secs_f64());
    let timed: Vec<(&str, f64)> = touches.iter().filter(in_time).map(age).collect();
    if timed.is_empty() {
        return Ok(());
    }
    let Some(goal) = goal else { return paths.add_timed(timed, 0.0, 0.0, 1.0) };
    let column = options.value_column.as_deref().map(|name| log.column(name).and_then(|column| column.get(goal)));
    let value = match column {
        None => 1.0,
        Some(Some(Scalar::Number(value))) => value,
        // A goal whose worth nobody wrote down is still a goal.
        Some(_) => 0.0,
    };
    paths.add_timed(timed, 1.0, value, 0.0)
}

/// Reads a table of paths. The columns of value and of paths to nothing may be absent; a field that is empty is 0.
fn read(file: &Path) -> Result<Paths, Failure> {
    let mut rows = Rows::open(file)?;
    let path = place(&rows, "path")?;
    let figures =
        [Some(place(&rows, "total_conversions")?), find(&rows, "total_conversion_value"), find(&rows, "total_null")];
    let mut paths = Paths::default();
    loop {
        let Some(row) = rows.next()? else { return Ok(paths) };
        let mut values = [0.0; 3];
        let mut wrong = None;
        for (value, at) in values.iter_mut().zip(figures) {
            let Some(at) = at else { continue };
            match number(row.field(at)) {
                Some(number) => *value = number,
                None => wrong = wrong.or(Some(at)),
            }
        }
        let touches = row.field(path).split('>').map(str::trim).filter(|touch| !touch.is_empty());
        let added = paths.add(touches, values[0], values[1], values[2]);
        if let Some(at) = wrong {
            return Err(rows.wrong(at, "not a number"));
        }
        added.map_err(|error| rows.wrong(path, &error.to_string()))?;
    }
}

/// Reads what each channel cost.
fn read_costs(file: &Path) -> Result<FxHashMap<String, f64>, Failure> {
    let mut rows = Rows::open(file)?;
    let (channel, cost) = (place(&rows, "channel")?, place(&rows, "cost")?);
    let mut costs = FxHashMap::default();
    loop {
        let Some(row) = rows.next()? else { return Ok(costs) };
        let name = row.field(channel).to_owned();
        let Some(value) = number(row.field(cost)) else { return Err(rows.wrong(cost, "not a number")) };
        *costs.entry(name).or_default() += value;
    }
}

fn find(rows: &Rows, name: &str) -> Option<usize> {
    rows.header().iter().position(|column| column == name)
}

fn place(rows: &Rows, name: &str) -> Result<usize, Failure> {
    let columns = rows.header().join(", ");
    let missing = || Failure::input(format!("{}: line 1: there is no field {name}; there are {columns}", rows.name()));
    find(rows, name).ok_or_else(missing)
}

fn number(text: &str) -> Option<f64> {
    if text.is_empty() { Some(0.0) } else { text.parse().ok().filter(|number: &f64| number.is_finite()) }
}
