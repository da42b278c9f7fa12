//! How long it takes from an event until its consequence decides: collected, joined to a person, on the timeline, in the
//! segment, seen by `Decide`.
//!
//! ```text
//! segment_latency [--address ADDR] [--seconds N] [--rate EVENTS] [--probes N]
//! ```
//!
//! Against a running `attune serve`. Other people's events come at the rate given, in batches every 10 ms. A probe is a new
//! person with one event that takes them into a segment, and then `Decide` as fast as it answers, until it offers what only
//! members are offered. It stops by itself, leaves its segment, offer and placement disabled, and prints percentiles.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::cast_precision_loss, reason = "a program for people")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use attune_client::{Channel, Options};
use attune_integration_tests::Happening;
use attune_integration_tests::events::identifier;
use attune_integration_tests::values::unique;
use attune_proto::channel::v1::CollectRequest;
use attune_proto::decision::v1 as decision;
use attune_proto::profile::v1 as profile;

type Fault = Box<dyn std::error::Error>;

/// How often events are sent.
const BEAT: Duration = Duration::from_millis(10);
/// When a probe is given up.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("segment_latency: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Fault> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let text = |name: &str| words.iter().position(|word| word == name).and_then(|at| words.get(at + 1)).cloned();
    let number = |name: &str, default: u64| text(name).map_or(Ok(default), |text| text.parse::<u64>());
    let address = text("--address").unwrap_or_else(|| "127.0.0.1:50051".to_owned());
    let (seconds, rate, probes) = (number("--seconds", 60)?, number("--rate", 1000)?, number("--probes", 300)?);
    let channel = Channel::remote([format!("http://{address}")], &Options::default())?;
    let id = unique("latency");
    open(&channel, &id).await?;

    let until = Instant::now() + Duration::from_secs(seconds);
    let load = tokio::spawn(load(channel.clone(), rate, until));
    // The suite is warm before the first probe counts.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (mut taken, mut given_up) = (Vec::new(), 0);
    let pause = Duration::from_secs(seconds.saturating_sub(4)) / u32::try_from(probes.max(1))?;
    for _ in 0..probes {
        let began = Instant::now();
        if began >= until {
            break;
        }
        match probe(&channel, &id).await? {
            Some(time) => taken.push(time),
            None => given_up += 1,
        }
        tokio::time::sleep(pause.saturating_sub(began.elapsed())).await;
    }
    let sent = load.await??;
    close(&channel, &id).await?;
    taken.sort_unstable();
    let at = |share: f64| {
        let place = (taken.len() as f64 * share).ceil() as usize;
        taken.get(place.clamp(1, taken.len().max(1)) - 1).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    };
    println!(
        "{} probes among {sent} events ({rate} a second): p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms; {given_up} given up",
        taken.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
    Ok(())
}

/// A segment, an offer for its members and a place to show it.
async fn open(channel: &Channel, id: &str) -> Result<(), Fault> {
    let segment = profile::Segment {
        segment_id: id.to_owned(),
        expression: format!("traits['count.{id}'] > 0.0"),
        ..profile::Segment::default()
    };
    let request = profile::CreateSegmentRequest { segment: Some(segment), request_id: String::new() };
    attune_client::profile(channel.clone()).create_segment(request).await?;
    let mut client = attune_client::decision(channel.clone());
    let offer = decision::Offer {
        offer_id: id.to_owned(),
        issue: id.to_owned(),
        enabled: true,
        value: 1.0,
        eligibility: format!("'{id}' in segments"),
        ..decision::Offer::default()
    };
    client.create_offer(decision::CreateOfferRequest { offer: Some(offer), ..Default::default() }).await?;
    let placement = decision::Placement {
        placement_id: id.to_owned(),
        channel: "web".to_owned(),
        slots: 1,
        issues: vec![id.to_owned()],
        ..decision::Placement::default()
    };
    let request = decision::CreatePlacementRequest { placement: Some(placement), ..Default::default() };
    client.create_placement(request).await?;
    Ok(())
}

async fn close(channel: &Channel, id: &str) -> Result<(), Fault> {
    let mut client = attune_client::decision(channel.clone());
    client.delete_offer(decision::DeleteOfferRequest { offer_id: id.to_owned(), ..Default::default() }).await?;
    let request = decision::DeletePlacementRequest { placement_id: id.to_owned(), ..Default::default() };
    client.delete_placement(request).await?;
    let request = profile::DeleteSegmentRequest { segment_id: id.to_owned(), ..Default::default() };
    attune_client::profile(channel.clone()).delete_segment(request).await?;
    Ok(())
}

/// Events of ten thousand customers, so many a second; answers how many were sent.
async fn load(channel: Channel, rate: u64, until: Instant) -> Result<u64, tonic::Status> {
    let mut client = attune_client::channel(channel);
    let (began, mut sent) = (Instant::now(), 0_u64);
    while Instant::now() < until {
        let due = (began.elapsed().as_secs_f64() * rate as f64) as u64;
        if due > sent {
            let events = (sent..due).map(|at| {
                let customer = format!("load-{}", at.wrapping_mul(7_919) % 10_000);
                Happening::of("page_view").by(("customer_id", &customer)).into()
            });
            let request = CollectRequest { events: events.collect() };
            sent = due;
            client.collect(request).await?;
        }
        tokio::time::sleep(BEAT).await;
    }
    Ok(sent)
}

/// One person: from before their event is sent until they are offered what members are offered.
async fn probe(channel: &Channel, id: &str) -> Result<Option<Duration>, Fault> {
    let customer = unique("probe");
    let event = Happening::of(id).by(("customer_id", &customer));
    let began = Instant::now();
    let request = CollectRequest { events: vec![event.into()] };
    attune_client::channel(channel.clone()).collect(request).await?;
    let mut client = attune_client::decision(channel.clone());
    while began.elapsed() < PATIENCE {
        let subject = decision::Subject {
            identifiers: vec![identifier(("customer_id", &customer))],
            ..decision::Subject::default()
        };
        let request = decision::DecideRequest {
            subject: Some(subject),
            placement: id.to_owned(),
            limit: 1,
            // Looks only: neither a person nor a line of the log.
            dry_run: true,
            ..decision::DecideRequest::default()
        };
        match client.decide(request).await {
            Ok(answer) if answer.get_ref().offers.iter().any(|offer| offer.offer_id == id) => {
                return Ok(Some(began.elapsed()));
            }
            // Nobody has the identifier yet.
            Ok(_) => {}
            Err(status) if status.code() == tonic::Code::NotFound => {}
            Err(status) => return Err(status.into()),
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(None)
}
