//! Event logs as CSV: an online shop's clicks and a bank's loan applications, through the surface to journey-pathing.

use std::path::Path;
use std::time::Instant;

use attune_kernel::Timestamp;
use attune_proto::channel::v1::CollectEvent;
use attune_proto::identity::v1::Identifier;
use attune_proto::journey::v1 as journey;
use serde::Serialize;

use super::{Each, feed, input};
use crate::accelerated::Accelerated;
use crate::cpu;
use crate::exit::Failure;
use crate::options::{Dataset, Format, ReplayOptions};
use crate::output;
use crate::values::timestamp;

/// Where a log's columns are.
struct Form {
    dataset: &'static str,
    file: &'static str,
    customer: &'static str,
    event: &'static str,
    time: &'static str,
}

const SIMPLE_SHOP: Form = Form {
    dataset: "simple-shop",
    file: "simple-onlineshop.csv",
    customer: "user_id",
    event: "event",
    time: "timestamp",
};
const BPI2012: Form = Form {
    dataset: "bpi2012",
    file: "bpi2012_events.csv",
    customer: "case:concept:name",
    event: "concept:name",
    time: "time:timestamp",
};

/// The log's figures.
#[derive(Debug, Serialize)]
struct Report {
    dataset: &'static str,
    events_in: u64,
    quarantined: i64,
    persons: i64,
    sessions: i64,
    edges: usize,
    transitions: i64,
    top_paths: Vec<Path3>,
    seconds: f64,
    cpu_seconds: f64,
}

/// A path of three events.
#[derive(Debug, Serialize)]
struct Path3 {
    path: String,
    count: i64,
}

/// Runs a log and prints its report.
///
/// # Errors
/// Bad input, or what a service answers.
pub(super) async fn run(options: &ReplayOptions) -> Result<(), Failure> {
    let (began, cpu_before) = (Instant::now(), cpu::seconds());
    let form = if options.dataset == Dataset::SimpleShop { &SIMPLE_SHOP } else { &BPI2012 };
    let path = input::find(&options.dir, form.file)?;
    let (mut total, mut first) = (0, i64::MAX);
    events(&path, form, &mut |event| {
        total += 1;
        first = first.min(event.time.map_or(i64::MAX, |time| time.seconds));
        Ok(())
    })?;
    if total == 0 {
        return Err(Failure::input(format!("{}: holds no event", path.display())));
    }
    let start = Timestamp::from_millis(first.saturating_mul(1000));
    let suite = Accelerated::start(options.data_dir.as_deref(), start, 0).await?;
    let quarantined = feed(&suite, total, move |each| events(&path, form, each)).await?;
    let mut client = suite.clients.journey.clone();
    let sessions = client.run_sessions(journey::RunSessionsRequest::default()).await?.into_inner();
    let graph = client.get_graph(journey::GetGraphRequest::default()).await?.into_inner();
    let paths =
        client.run_paths(journey::RunPathsRequest { length: 3, top: 10, ..Default::default() }).await?.into_inner();
    let report = Report {
        dataset: form.dataset,
        events_in: total,
        quarantined,
        persons: sessions.persons,
        sessions: sessions.sessions,
        edges: graph.edges.len(),
        transitions: graph.edges.iter().map(|edge| edge.count).sum(),
        top_paths: paths
            .paths
            .into_iter()
            .map(|path| Path3 { path: path.events.join(">"), count: path.count })
            .collect(),
        seconds: began.elapsed().as_secs_f64(),
        cpu_seconds: cpu::seconds() - cpu_before,
    };
    output::write_report(options.report.as_deref(), &report)?;
    match options.format {
        Format::Json => output::print_json(&report)?,
        Format::Table => output::print(&table(&report)),
    }
    suite.stop().await;
    Ok(())
}

/// Hands over every row as an event.
fn events(path: &Path, form: &Form, each: Each<'_>) -> Result<(), Failure> {
    let mut reader = csv::Reader::from_reader(input::open(path)?);
    let failed = |line: u64, message: String| Failure::input(format!("{}:{line}: {message}", path.display()));
    let headers = reader.headers().map_err(|error| failed(1, error.to_string()))?.clone();
    let column = |name: &str| {
        let found = headers.iter().position(|header| header.trim_start_matches('\u{feff}') == name);
        found.ok_or_else(|| failed(1, format!("has no column {name}")))
    };
    let (customer, event, time) = (column(form.customer)?, column(form.event)?, column(form.time)?);
    for (index, row) in reader.records().enumerate() {
        let line = index as u64 + 2;
        let row = row.map_err(|error| failed(line, error.to_string()))?;
        let when = moment(&row[time]).map_err(|error| failed(line, format!("{}: {error}", form.time)))?;
        each(CollectEvent {
            event_id: format!("{}-{line}", form.dataset),
            identifiers: vec![Identifier { namespace: "customer_id".to_owned(), value: row[customer].to_owned() }],
            event: row[event].to_owned(),
            time: Some(timestamp(when.as_micros())),
            sequence: i64::try_from(line).unwrap_or(i64::MAX),
            source: form.dataset.to_owned(),
            ..CollectEvent::default()
        })?;
    }
    Ok(())
}

/// RFC 3339 or epoch milliseconds; a date and time without a zone, as these logs have them, is read as UTC.
fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text)
        .or_else(|error| {
            let patched = format!("{}Z", text.trim().replacen(' ', "T", 1));
            Timestamp::parse(&patched)
                .or_else(|_| Timestamp::parse(&text.trim().replacen(' ', "T", 1)))
                .map_err(|_| error)
        })
        .map_err(|error| error.to_string())
}

fn table(report: &Report) -> String {
    let mut out = format!(
        "  {} events of {} persons in {} sessions; {} edges, {} transitions\n\n",
        report.events_in, report.persons, report.sessions, report.edges, report.transitions
    );
    for path in &report.top_paths {
        out.push_str(&format!("  {:>8}  {}\n", path.count, path.path));
    }
    out.push_str(&format!("\n  {:.1} s wall, {:.1} s CPU", report.seconds, report.cpu_seconds));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_zone_is_utc() {
        assert_eq!(
            moment("2019-11-01 17:59:13.273932"),
            Timestamp::parse("2019-11-01T17:59:13.273932Z").map_err(|e| e.to_string())
        );
        assert_eq!(
            moment("2011-10-01 00:38:44.546000+02:00"),
            Timestamp::parse("2011-09-30T22:38:44.546Z").map_err(|e| e.to_string())
        );
        assert!(moment("soon").is_err());
    }

    #[test]
    fn invalid_utf8_names_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.csv");
        std::fs::write(
            &path,
            b"user_id,event,timestamp\n1,view,2020-01-01T00:00:00Z\n2,\xff\xfe,2020-01-01T00:00:00Z\n",
        )
        .unwrap();
        let failure = events(&path, &SIMPLE_SHOP, &mut |_| Ok(())).unwrap_err();
        assert!(failure.to_string().contains(":3:"), "{failure}");
    }
}
