//! How long it takes from an event until its trigger is on the stream, and how late timers fire with many of them pending.
//!
//! ```text
//! trigger_latency [--address ADDR] [--seconds N] [--rate EVENTS] [--beat MS] [--timers N] [--pending N] [--library NAME]
//! ```
//!
//! Against a running `attune serve`, best a fresh one: the feed is read from its beginning. First so many persons begin to
//! wait for an hour (`--pending`). Then events come at the rate given, in batches every 10 ms (`--beat`), each with one that
//! fires at once, and meanwhile so many timers of other persons come due (`--timers`), evenly over the time. With `--library` the
//! rules of `bank` or `shop` watch as well. It disables what it made and prints percentiles.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::cast_precision_loss, reason = "a program for people")]

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use attune_client::{Channel, Options};
use attune_integration_tests::events::now;
use attune_integration_tests::values::{time, unique};
use attune_kernel::Timestamp;
use attune_proto::journey::v1 as journey;
use attune_proto::journey::v1::journey_change::Change;
use attune_proto::journey::v1::trigger_rule_set::Rules;
use attune_proto::profile::v1::Event;

type Fault = Box<dyn std::error::Error>;

/// How long a wait takes.
const WAIT: Duration = Duration::from_secs(3600);
/// Calls under way at once.
const CALLS: usize = 64;
/// When nothing has come for so long, nothing comes any more.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("trigger_latency: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What came by the stream: the event and when, or how late a timer was.
struct Came {
    event: String,
    rule: String,
    at: Instant,
    late: Duration,
}

async fn run() -> Result<(), Fault> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let text = |name: &str| words.iter().position(|word| word == name).and_then(|at| words.get(at + 1)).cloned();
    let number = |name: &str, default: u64| text(name).map_or(Ok(default), |text| text.parse::<u64>());
    let address = text("--address").unwrap_or_else(|| "127.0.0.1:50051".to_owned());
    let (seconds, rate) = (number("--seconds", 30)?, number("--rate", 5000)?);
    let (timers, pending) = (number("--timers", 3000)?, number("--pending", 0)?);
    let beat = Duration::from_millis(number("--beat", 10)?);
    // Loading waits may keep the store busy for a while.
    let options = Options { deadline: Duration::from_secs(60), ..Options::default() };
    let channel = Channel::remote([format!("http://{address}")], &options)?;
    let id = unique("latency");
    let rules = format!(
        "rules:\n- {{id: now, events: {id}-now}}\n- {{id: later, events: {id}-start, wait: {{for: 1h, unless: {id}-end}}}}\n"
    );
    let mut sets = vec![(id.clone(), Rules::Source(rules))];
    sets.extend(text("--library").map(|name| (format!("{id}-library"), Rules::Template(name))));
    for (id, rules) in &sets {
        write(&channel, id, rules.clone(), true).await?;
    }

    let began = Instant::now();
    for first in (0..pending).step_by(5000) {
        let persons = first..pending.min(first + 5000);
        observe(
            &channel,
            persons.map(|at| event(&format!("{id}-p{at}"), "1", &format!("{id}-start"), now())).collect(),
        )
        .await?;
    }
    let loading = began.elapsed().as_secs_f64();
    let came = tokio::spawn(listen(channel.clone(), id.clone()));
    // Deadlines begin a little after the events are there.
    let start = now().plus(Duration::from_secs(2));
    for first in (0..timers).step_by(1000) {
        let of = |at: u64| {
            let deadline = start.plus(Duration::from_secs_f64(seconds as f64 * at as f64 / timers as f64));
            event(&format!("{id}-t{at}"), "1", &format!("{id}-start"), deadline.minus(WAIT))
        };
        observe(&channel, (first..timers.min(first + 1000)).map(of).collect()).await?;
    }
    let (sent, times) = load(&channel, &id, (rate, beat), Duration::from_secs(seconds)).await?;
    let came = came.await?;
    for (id, rules) in sets {
        write(&channel, &id, rules, false).await?;
    }
    let at_once: Vec<Duration> =
        came.iter().filter_map(|one| Some(one.at.saturating_duration_since(*times.get(&one.event)?))).collect();
    let late: Vec<Duration> = came.iter().filter(|one| one.rule == "later").map(|one| one.late).collect();
    if pending > 0 {
        println!("{pending} waits begun in {loading:.1} s, {:.0} a second", pending as f64 / loading);
    }
    println!(
        "event to stream: {} of {} triggers among {sent} events ({rate} a second): {}",
        at_once.len(),
        times.len(),
        shares(at_once)
    );
    println!("timers: {} of {timers} fired with {pending} more pending, late by {}", late.len(), shares(late));
    Ok(())
}

/// Percentiles as text.
fn shares(mut taken: Vec<Duration>) -> String {
    taken.sort_unstable();
    let at = |share: f64| {
        let place = (taken.len() as f64 * share).ceil() as usize;
        taken.get(place.clamp(1, taken.len().max(1)) - 1).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    };
    format!("p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms", at(0.5), at(0.9), at(0.99), at(1.0))
}

fn event(person: &str, id: &str, name: &str, at: Timestamp) -> Event {
    Event {
        event_id: id.to_owned(),
        person_id: person.to_owned(),
        event: name.to_owned(),
        time: Some(time(at)),
        ..Event::default()
    }
}

/// Creates a set, or disables it.
async fn write(channel: &Channel, id: &str, rules: Rules, enabled: bool) -> Result<(), Fault> {
    let mut client = attune_client::journey(channel.clone());
    let set = journey::TriggerRuleSet {
        trigger_rule_set_id: id.to_owned(),
        enabled,
        rules: Some(rules),
        ..journey::TriggerRuleSet::default()
    };
    if enabled {
        let request = journey::CreateTriggerRuleSetRequest { trigger_rule_set: Some(set), ..Default::default() };
        client.create_trigger_rule_set(request).await?;
    } else {
        let update_mask = Some(prost_types::FieldMask { paths: vec!["enabled".to_owned()] });
        let request = journey::UpdateTriggerRuleSetRequest { trigger_rule_set: Some(set), update_mask };
        client.update_trigger_rule_set(request).await?;
    }
    Ok(())
}

async fn observe(channel: &Channel, events: Vec<Event>) -> Result<(), tonic::Status> {
    attune_client::journey(channel.clone()).observe(journey::ObserveRequest { events }).await.map(|_| ())
}

/// Reads the stream until nothing has come for a while.
async fn listen(channel: Channel, set: String) -> Vec<Came> {
    let request = journey::StreamTriggersRequest { consumer: set.clone(), after_offset: Some(0) };
    let mut came = Vec::new();
    let Ok(stream) = attune_client::journey(channel).stream_triggers(request).await else { return came };
    let mut stream = stream.into_inner();
    while let Ok(Ok(Some(message))) = tokio::time::timeout(PATIENCE, stream.message()).await {
        let (at, clock) = (Instant::now(), now());
        for change in message.changes {
            let due = change.time.and_then(|time| Timestamp::from_seconds_nanos(time.seconds, time.nanos).ok());
            let (Some(due), Some(Change::Trigger(trigger))) = (due, change.change) else { continue };
            if trigger.trigger_rule_set_id == set {
                let event = trigger.evidence_event_ids.into_iter().next().unwrap_or_default();
                came.push(Came { event, rule: trigger.trigger_rule_id, at, late: clock.since(due) });
            }
        }
    }
    came
}

/// Events of ten thousand persons, so many a second; answers how many were sent, and when those that fire at once were.
async fn load(
    channel: &Channel,
    id: &str,
    (rate, beat): (u64, Duration),
    length: Duration,
) -> Result<(u64, HashMap<String, Instant>), Fault> {
    let (began, mut sent, mut times) = (Instant::now(), 0_u64, HashMap::new());
    let (calls, mut running) = (Arc::new(tokio::sync::Semaphore::new(CALLS)), tokio::task::JoinSet::new());
    while began.elapsed() < length {
        // Not more than a call takes, when the store has been busy.
        let due = ((began.elapsed().as_secs_f64() * rate as f64) as u64).min(sent + 5000);
        if due > sent {
            let person = |at: u64| format!("{id}-{}", at.wrapping_mul(7_919) % 10_000);
            let mut events: Vec<Event> =
                (sent..due).map(|at| event(&person(at), &format!("e{at}"), "page_view", now())).collect();
            if let Some(last) = events.last_mut() {
                last.event = format!("{id}-now");
                times.insert(last.event_id.clone(), Instant::now());
            }
            sent = due;
            let permit = Arc::clone(&calls).acquire_owned().await?;
            let channel = channel.clone();
            running.spawn(async move {
                let answer = observe(&channel, events).await;
                drop(permit);
                answer
            });
        }
        while let Some(done) = running.try_join_next() {
            done??;
        }
        tokio::time::sleep(beat).await;
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok((sent, times))
}
