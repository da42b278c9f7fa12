//! `attune replay`: a public data set through the same surface that channels use.
//!
//! Every event has an id made from its place in the file, so a replay that was interrupted is run again with the same
//! data directory and ends with the same report.

mod input;
mod log;
mod starbucks;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use attune_client::Clients;
use attune_kernel::Timestamp;
use attune_proto::channel::v1::CollectEvent;
use attune_proto::decision::v1::{CreateOfferRequest, OfferReport, ReportOffersRequest};
use serde::Serialize;
use tonic::Code;

use crate::accelerated::Accelerated;
use crate::cpu;
use crate::exit::Failure;
use crate::ingest::Ingest;
use crate::options::{Dataset, Format, ReplayOptions};
use crate::output;
use crate::progress::Progress;

/// Events read ahead of the gateway.
const READ_AHEAD: usize = 2000;

/// Runs a data set and prints its report.
///
/// # Errors
/// Bad input, or what a service answers.
pub(crate) async fn run(options: ReplayOptions) -> Result<(), Failure> {
    match options.dataset {
        Dataset::Starbucks => starbucks_report(&options).await,
        Dataset::SimpleShop | Dataset::Bpi2012 => log::run(&options).await,
    }
}

/// The rewards log's figures.
#[derive(Debug, Serialize)]
struct Report {
    dataset: &'static str,
    events_in: u64,
    quarantined: i64,
    offers: BTreeMap<String, OfferFigures>,
    /// Seconds of this run; a run that goes on counts only itself.
    seconds: f64,
    cpu_seconds: f64,
}

/// One offer's figures.
#[derive(Debug, Serialize)]
struct OfferFigures {
    received: i64,
    viewed: i64,
    completed: i64,
    influenced: i64,
    median_view_hours: Option<f64>,
    median_complete_hours: Option<f64>,
    unmatched: i64,
}

impl From<OfferReport> for OfferFigures {
    fn from(report: OfferReport) -> Self {
        Self {
            received: report.received,
            viewed: report.viewed,
            completed: report.completed,
            influenced: report.influenced,
            median_view_hours: report.median_view_hours,
            median_complete_hours: report.median_complete_hours,
            unmatched: report.unmatched,
        }
    }
}

async fn starbucks_report(options: &ReplayOptions) -> Result<(), Failure> {
    let (began, cpu_before) = (Instant::now(), cpu::seconds());
    // Read before anything starts: a file that is missing or broken costs nothing.
    let offers = starbucks::offers(&options.dir)?;
    let mut total = 0;
    starbucks::events(&options.dir, |_| {
        total += 1;
        Ok(())
    })?;
    let suite = Accelerated::start(options.data_dir.as_deref(), Timestamp::from_micros(starbucks::START), 0).await?;
    for offer in offers {
        let request = CreateOfferRequest { offer: Some(offer), ..CreateOfferRequest::default() };
        match suite.clients.decision.clone().create_offer(request).await {
            Err(status) if status.code() != Code::AlreadyExists => return Err(status.into()),
            _ => {}
        }
    }
    let dir = options.dir.clone();
    let quarantined = feed(&suite, total, move |each| starbucks::events(&dir, each)).await?;
    let report = Report {
        dataset: "starbucks",
        events_in: total,
        quarantined,
        offers: figures(&suite.clients).await?,
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

/// A reader of events that hands over each one.
type Each<'a> = &'a mut dyn FnMut(CollectEvent) -> Result<(), Failure>;

/// Hands every event of a reader to the gateway and waits until all are worked through; answers how many were set aside.
async fn feed(
    suite: &Accelerated,
    total: u64,
    read: impl FnOnce(Each<'_>) -> Result<(), Failure> + Send + 'static,
) -> Result<i64, Failure> {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(READ_AHEAD);
    // Files are read on a thread of their own; the channel holds the reader back when the suite is slower.
    let reader = tokio::task::spawn_blocking(move || {
        read(&mut |event| sender.blocking_send(event).map_err(|_| Failure::other("replay stopped")))
    });
    let mut ingest = Ingest::new(suite.clients.channel.clone());
    let mut progress = Progress::new("events", total);
    let mut latest = suite.clock.now();
    while let Some(event) = receiver.recv().await {
        if let Some(time) =
            event.time.as_ref().and_then(|time| Timestamp::from_seconds_nanos(time.seconds, time.nanos).ok())
        {
            latest = latest.max(time);
        }
        ingest.push(event).await?;
        progress.add(1);
    }
    reader.await.map_err(|error| Failure::other(error.to_string()))??;
    let pipeline = ingest.drained().await?;
    suite.clock.set(latest);
    progress.finish();
    Ok(pipeline.inbox_quarantined)
}

async fn figures(clients: &Clients) -> Result<BTreeMap<String, OfferFigures>, Failure> {
    let answer = clients.decision.clone().report_offers(ReportOffersRequest::default()).await?.into_inner();
    Ok(answer.offers.into_iter().map(|offer| (offer.offer_id.clone(), offer.into())).collect())
}

fn table(report: &Report) -> String {
    let mut out = format!(
        "  {:<34}{:>9}{:>9}{:>10}{:>11}{:>12}\n",
        "offer", "received", "viewed", "completed", "influenced", "view hours"
    );
    for (id, offer) in &report.offers {
        let hours = offer.median_view_hours.map_or_else(|| "-".to_owned(), |hours| format!("{hours:.1}"));
        let _ = writeln!(
            out,
            "  {id:<34}{:>9}{:>9}{:>10}{:>11}{hours:>12}",
            offer.received, offer.viewed, offer.completed, offer.influenced
        );
    }
    let _ = writeln!(
        out,
        "\n  {} events, {} set aside, {:.1} s wall, {:.1} s CPU",
        report.events_in, report.quarantined, report.seconds, report.cpu_seconds
    );
    out
}
