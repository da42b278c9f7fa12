//! `attune journey triggers`.

use std::fmt::Write as _;

use attune_kernel::Timestamp;
use attune_pathing::log::EventLog;
use attune_trigger::file::RulesFile;
use attune_trigger::replay::{Fired, replay};
use attune_trigger::report::{BackTest, back_test};
use attune_trigger::{Engine, EventId, Limits, from_toml, from_yaml, library, locate};
use serde_json::json;

use super::input;
use super::sessions::quoted;
use super::table::Table;
use crate::exit::Failure;
use crate::files::Files;
use crate::options::TableFormat;
use crate::options::journey::TriggersOptions;
use crate::output;

/// Writes every firing of the rules over the events.
///
/// # Errors
/// Bad input, or a file that cannot be written.
pub(crate) fn run(options: &TriggersOptions) -> Result<(), Failure> {
    Files::check(&options.output)?;
    let engine = engine(options)?;
    let mut properties = engine.properties().to_vec();
    if properties.iter().all(|name| name != "channel") {
        properties.push("channel".to_owned());
    }
    let log = input::events(&options.events, properties)?;
    let threads = input::threads(&options.events.columns);
    let fired = replay(&engine, &log, options.until, threads);
    let ids: Vec<&str> = engine.rules().map(|rule| rule.id).collect();
    let mut files = Files::default();
    files.write(&options.output, |out| {
        out.write_all(b"rule,customer,time,evidence\n")?;
        for one in &fired {
            let customer = log.customers().text(one.customer).unwrap_or_default();
            let rule = ids.get(usize::from(one.firing.rule)).copied().unwrap_or_default();
            let evidence = evidence(&engine, &log, one);
            writeln!(out, "{rule},{},{},{}", quoted(customer), one.firing.time, quoted(&evidence))?;
        }
        Ok(())
    })?;
    files.finish()?;
    if options.backtest { print(&back_test(&engine, &fired), options.format) } else { Ok(()) }
}

/// Reads and compiles the rules.
fn engine(options: &TriggersOptions) -> Result<Engine, Failure> {
    let (name, file, text): (String, _, String) = match options.rules.to_str() {
        Some("library:bank") => ("library:bank".to_owned(), library::bank(), library::BANK.to_owned()),
        Some("library:shop") => ("library:shop".to_owned(), library::shop(), library::SHOP.to_owned()),
        _ => {
            let name = options.rules.display().to_string();
            let text =
                std::fs::read_to_string(&options.rules).map_err(|error| Failure::input(format!("{name}: {error}")))?;
            let toml = options.rules.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
            (name, if toml { from_toml(&text) } else { from_yaml(&text) }, text)
        }
    };
    let file: RulesFile = file.map_err(|error| Failure::input(format!("{name}: {error}")))?;
    Engine::new(&file, Limits::default()).map_err(|mut errors| {
        locate(&text, &mut errors);
        let told: Vec<String> = errors.iter().map(|error| format!("{name}: {error}")).collect();
        Failure::input(told.join("\n"))
    })
}

/// The events that made the rule fire as `name@time`, then its figures as `name=value`.
fn evidence(engine: &Engine, log: &EventLog, fired: &Fired) -> String {
    let mut text = String::new();
    let mut next = |one: std::fmt::Arguments<'_>| {
        if !text.is_empty() {
            text.push(' ');
        }
        // Writing to a string does not fail.
        let _ = text.write_fmt(one);
    };
    for id in &fired.firing.evidence {
        if let EventId::Row(row) = id
            && let Ok(row) = usize::try_from(*row)
        {
            next(format_args!("{}@{}", log.name(row), log.time(row)));
        }
    }
    for (figure, value) in &fired.firing.figures {
        next(format_args!("{}={value}", engine.figure_name(fired.firing.rule, *figure)));
    }
    text
}

/// Prints what the rules would have done.
fn print(test: &BackTest, format: Option<TableFormat>) -> Result<(), Failure> {
    let mut rules = Table::new(&["rule", "kind", "firings", "customers", "first", "last", "busiest_day"]);
    for rule in &test.rules {
        let time = |time: Option<Timestamp>| json!(time.map(|time| time.to_string()));
        rules.push(vec![
            json!(rule.rule),
            json!(rule.kind),
            json!(rule.firings),
            json!(rule.customers),
            time(rule.span.map(|span| span.0)),
            time(rule.span.map(|span| span.1)),
            json!(rule.busiest_day),
        ]);
    }
    let mut days = Table::new(&["day", "firings", "customers", "most_per_customer"]);
    for day in &test.days {
        let date = day.day.to_string().chars().take(10).collect::<String>();
        days.push(vec![json!(date), json!(day.firings), json!(day.customers), json!(day.most)]);
    }
    let mut load = Table::new(&["firings_per_customer", "customers"]);
    for (firings, customers) in &test.load {
        load.push(vec![json!(firings), json!(customers)]);
    }
    if format == Some(TableFormat::Json) {
        let (rules, days, load) = (rules.json(), days.json(), load.json());
        return output::print_json(&json!({"customers": test.customers, "rules": rules, "days": days, "load": load}));
    }
    rules.print(format)?;
    output::print("\n");
    days.print(format)?;
    output::print("\n");
    load.print(format)
}
