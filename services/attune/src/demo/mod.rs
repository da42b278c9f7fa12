//! `attune demo`: a generated bank drives the whole suite in one process through its gRPC surface, accelerated.

mod driver;
mod measure;
mod names;
mod page;
mod setup;
mod traffic;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use attune_client::Clients;
use attune_kernel::Timestamp;
use attune_proto::channel::v1::{GetPipelineRequest, GetPipelineResponse};
use attune_proto::identity::v1::{BatchResolveRequest, Identifier, ResolveRequest, batch_resolve_result};
use attune_proto::journey::v1 as journey;

use self::driver::{Driver, FIRST_DAY};
use self::measure::{Measure, Period, Report, Step};
use crate::accelerated::Accelerated;
use crate::cpu;
use crate::exit::Failure;
use crate::options::{DemoOptions, Format};
use crate::output;
use crate::progress::Progress;

/// Identifiers that one resolve chunk carries.
const CHUNK: usize = 500;
/// How many periods the rates are shown for.
const PERIODS: u32 = 7;

/// Runs the demo and prints its page.
///
/// # Errors
/// What a service answers, or a report that cannot be written.
pub(crate) async fn run(options: DemoOptions) -> Result<(), Failure> {
    let (began, cpu_before) = (Instant::now(), cpu::seconds());
    let suite =
        Accelerated::start(options.data_dir.as_deref(), Timestamp::from_micros(FIRST_DAY), options.seed).await?;
    setup::run(&suite.clients).await?;
    let world = world::draw(options.customers as usize, options.seed);
    let mut driver = Driver::new(suite.clients.clone(), suite.clock.clone(), options.seed);
    let mut progress = Progress::new("days", u64::from(options.days));
    for day in 0..options.days {
        driver.play(&world, day).await?;
        progress.add(1);
    }
    progress.finish();
    let pipeline = settled(&mut driver, &suite).await?;
    let mail = suite.data_dir().join("outbox").join(setup::EMAIL_FILE);
    let report = report(&options, &suite.clients, &driver, &pipeline, &mail, (began, cpu_before)).await?;
    output::write_report(options.report.as_deref(), &report)?;
    match options.format {
        Format::Json => output::print_json(&report)?,
        Format::Table => output::print(&page::render(&report)),
    }
    suite.stop().await;
    Ok(())
}

/// How often it is looked whether everything has come to rest; a minute in all.
const LOOKS: u32 = 400;

/// Waits until nothing moves any more: no event, no feed, no delivery. Business time goes on meanwhile, because a delivery
/// that failed for a moment waits for its next attempt by that clock. What is still open at the end stays in the figures.
async fn settled(driver: &mut Driver, suite: &Accelerated) -> Result<GetPipelineResponse, Failure> {
    let mut client = suite.clients.channel.clone();
    let mut before = driver.ingest.drained().await?;
    let mut quiet = 0;
    for _ in 0..LOOKS {
        if quiet == 4 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
        let now = client.get_pipeline(GetPipelineRequest {}).await?.into_inner();
        let open =
            ["QUEUED", "ATTEMPTING"].iter().any(|state| now.deliveries.get(*state).is_some_and(|count| *count > 0));
        if open {
            suite.clock.advance(Duration::from_secs(30));
        }
        quiet = if open || now.cursors != before.cursors || now.inbox_pending > 0 { 0 } else { quiet + 1 };
        before = now;
    }
    Ok(before)
}

async fn report(
    options: &DemoOptions,
    clients: &Clients,
    driver: &Driver,
    pipeline: &GetPipelineResponse,
    mail: &Path,
    (began, cpu_before): (Instant, f64),
) -> Result<Report, Failure> {
    let measure = &driver.measure;
    let totals = driver.ingest.totals();
    let (persons_found, persons_mixed) = persons(clients, measure).await?;
    let changes = journey_changes(clients).await?;
    let deliveries = pipeline.deliveries.get("DELIVERED").copied().unwrap_or_default();
    let sends: i64 = pipeline.deliveries.values().sum();
    let (in_file, distinct) = delivered(mail)?;
    let mut suppressed: BTreeMap<String, u64> = measure.held_back.clone();
    for (rule, count) in &pipeline.suppressed {
        *suppressed.entry(rule.clone()).or_default() += u64::try_from(*count).unwrap_or_default();
    }
    let accepted = totals.accepted + totals.duplicates;
    // Lost: accepted events that were never worked through, and deliveries that the provider does not have.
    let unworked = accepted.saturating_sub(u64::try_from(pipeline.inbox_done).unwrap_or_default());
    let undelivered = u64::try_from(deliveries).unwrap_or_default().saturating_sub(distinct);
    Ok(Report {
        customers: options.customers as usize,
        days: options.days,
        seed: options.seed,
        events_in: accepted,
        persons_found,
        persons_true: measure.customers_seen(),
        persons_mixed,
        sessions: sessions(clients).await?,
        decisions: measure.decisions(),
        decisions_without_offer: measure.empty,
        decisions_degraded: measure.degraded,
        decide_p50_ms: measure.latency_ms(0.5),
        decide_p99_ms: measure.latency_ms(0.99),
        response_rate: measure.rates(0..options.days),
        response_rate_over_time: periods(measure, options.days),
        suppressed,
        sends: u64::try_from(sends).unwrap_or_default(),
        deliveries: distinct,
        duplicates: in_file - distinct,
        lost: unworked + undelivered,
        triggers: changes.0,
        stage_changes: changes.1,
        funnel: funnel(clients).await?,
        seconds: began.elapsed().as_secs_f64(),
        cpu_seconds: cpu::seconds() - cpu_before,
    })
}

fn periods(measure: &Measure, days: u32) -> Vec<Period> {
    let length = days.div_ceil(PERIODS).max(1);
    (0..days.div_ceil(length))
        .map(|index| {
            let range = index * length..days.min((index + 1) * length);
            Period { days: format!("{}-{}", range.start + 1, range.end), rates: measure.rates(range) }
        })
        .collect()
}

/// How many persons the suite made of the identifiers that were seen, and how many of them mix customers.
async fn persons(clients: &Clients, measure: &Measure) -> Result<(usize, usize), Failure> {
    let known: Vec<(&(&'static str, String), &usize)> = measure.identifiers.iter().collect();
    let mut owners: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for chunk in known.chunks(CHUNK) {
        let requests = chunk.iter().map(|((namespace, value), _)| ResolveRequest {
            identifiers: vec![Identifier { namespace: (*namespace).to_owned(), value: value.clone() }],
            read_only: true,
            ..ResolveRequest::default()
        });
        let request = BatchResolveRequest { requests: requests.collect() };
        let mut answers = clients.identity.clone().batch_resolve(futures::stream::iter([request])).await?.into_inner();
        let mut customers = chunk.iter().map(|(_, customer)| **customer);
        while let Some(answer) = answers.message().await? {
            for (result, customer) in answer.results.into_iter().zip(&mut customers) {
                if let Some(batch_resolve_result::Result::Response(response)) = result.result {
                    owners.entry(response.person_id).or_default().insert(customer);
                }
            }
        }
    }
    let mixed = owners.values().filter(|customers| customers.len() > 1).count();
    Ok((owners.len(), mixed))
}

/// Triggers and stage changes in the feed.
async fn journey_changes(clients: &Clients) -> Result<(u64, u64), Failure> {
    let request = journey::StreamTriggersRequest { consumer: "demo-report".to_owned(), after_offset: Some(0) };
    let mut feed = clients.journey.clone().stream_triggers(request).await?.into_inner();
    let (mut triggers, mut stages) = (0, 0);
    // The stream stays open; it has caught up when nothing comes for a moment.
    while let Ok(answer) = tokio::time::timeout(Duration::from_millis(300), feed.message()).await {
        let Some(answer) = answer? else { break };
        for change in answer.changes {
            match change.change {
                Some(journey::journey_change::Change::Trigger(_)) => triggers += 1,
                Some(journey::journey_change::Change::StageChange(_)) => stages += 1,
                None => {}
            }
        }
    }
    Ok((triggers, stages))
}

async fn sessions(clients: &Clients) -> Result<i64, Failure> {
    // What people do themselves; what the suite shows them is not a visit.
    let events =
        ["page_view", "login", "logout"].iter().chain(&traffic::FORM).map(|event| (*event).to_owned()).collect();
    let selection = Some(journey::Selection { events, ..Default::default() });
    let answer = clients.journey.clone().run_sessions(journey::RunSessionsRequest { selection, gap: None }).await?;
    Ok(answer.into_inner().sessions)
}

async fn funnel(clients: &Clients) -> Result<Vec<Step>, Failure> {
    let request = journey::RunFunnelRequest {
        steps: traffic::FORM.iter().map(|step| (*step).to_owned()).collect(),
        within: Some(prost_types::Duration { seconds: 3600, nanos: 0 }),
        by: journey::SequenceUnit::Session.into(),
        ..Default::default()
    };
    let steps = clients.journey.clone().run_funnel(request).await?.into_inner().steps;
    let step = |step: journey::FunnelStep| Step {
        name: step.name,
        reached: step.reached,
        converted_from_previous: step.converted_from_previous,
        median_seconds: step.median_seconds,
    };
    Ok(steps.into_iter().map(step).collect())
}

/// Lines in the provider's file, and distinct keys among them.
fn delivered(mail: &Path) -> Result<(u64, u64), Failure> {
    #[derive(serde::Deserialize)]
    struct Line {
        key: String,
    }
    let text = match std::fs::read_to_string(mail) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((0, 0)),
        Err(error) => return Err(error.into()),
    };
    let mut keys = BTreeSet::new();
    let mut lines = 0;
    for (number, line) in text.lines().enumerate() {
        let line: Line = serde_json::from_str(line)
            .map_err(|error| Failure::other(format!("{}:{}: {error}", mail.display(), number + 1)))?;
        lines += 1;
        keys.insert(line.key);
    }
    Ok((lines, keys.len() as u64))
}
