//! Accepted events to identity, profile, journey, contact and decision.
//!
//! One holder of the inbox's lease works at a time, in order of arrival, so that a person's contact is known before the
//! response to it. A batch is one call to each callee, and the persons of the next batch are resolved meanwhile. When a
//! callee refuses a batch as a whole, its events go one by one, so that a bad one is found and set aside without holding
//! up the others. Whatever fails for a while is done again from the start of what waits, which every callee takes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use attune_kernel::{Problem, Timestamp};
use attune_proto::channel::v1::CollectEvent;
use attune_service_kit::server::Stop;
use prost::Message as _;
use tokio::sync::Notify;

use super::event::{named_person, relay_of, resolve_request};
use super::work::Work;
use super::{complain, lease, pause};
use crate::clients::{Callees, is_passing, is_passing_item};
use crate::domain::record::Claimed;
use crate::domain::relay::Relay;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::store::Inbox;

/// The longest pause while a callee is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Batches after which a claim begins with the oldest event again.
const START_OVER: u32 = 32;

/// What the relay needs.
#[derive(Clone)]
pub(crate) struct InboxRelay {
    /// The store.
    pub inbox: Arc<dyn Inbox>,
    /// Whom it calls.
    pub callees: Callees,
    /// This process.
    pub owner: String,
    /// Events a batch.
    pub batch: usize,
    /// How long a lease holds.
    pub lease: Duration,
    /// How often an event may fail before it is set aside.
    pub max_failures: u32,
    /// How long to sleep when nothing is there; a new event wakes earlier.
    pub idle: Duration,
    /// Rung when this process accepts events.
    pub bell: Arc<Notify>,
    /// Instruments.
    pub metrics: Metrics,
}

/// Why single events failed, by position.
pub(super) type Failures = BTreeMap<u64, String>;

/// An event whose person is known.
pub(super) struct Item {
    pub(super) position: u64,
    pub(super) received: Timestamp,
    pub(super) event: CollectEvent,
    pub(super) person_id: String,
    pub(super) relay: Relay,
}

/// A batch between its two stages.
struct Resolved {
    positions: Vec<u64>,
    items: Vec<Item>,
    failures: Failures,
}

impl InboxRelay {
    /// Works until told to stop.
    ///
    /// # Errors
    /// Never: what fails is tried again after a pause.
    pub(crate) async fn run(self, stop: Stop) -> Result<(), Problem> {
        let mut wait = self.idle;
        let mut ahead: Option<Resolved> = None;
        let mut batches = 0_u32;
        while !stop.is_cancelled() {
            let current = ahead.take();
            let was_empty = current.is_none();
            let after = current.as_ref().and_then(|batch| batch.positions.last().copied()).unwrap_or(0);
            // A batch with failures leaves events behind, and a commit that took long leaves one before those claimed:
            // the next claim begins with them.
            batches = batches.wrapping_add(1);
            let look_ahead = was_empty
                || current.as_ref().is_none_or(|batch| batch.failures.is_empty())
                    && !batches.is_multiple_of(START_OVER);
            let (handed, next) = tokio::join!(self.finish(current), async {
                if look_ahead { self.begin(after).await } else { Ok(None) }
            });
            match handed.and_then(|moved| Ok((moved, next?))) {
                Ok((moved, next)) => {
                    wait = self.idle;
                    let idle = next.is_none() && look_ahead && was_empty || !was_empty && moved == 0;
                    ahead = next;
                    if idle {
                        tokio::select! {
                            () = stop.cancelled() => break,
                            () = self.bell.notified() => {}
                            () = tokio::time::sleep(self.idle) => {}
                        }
                    }
                }
                Err(problem) => {
                    complain("inbox", &problem);
                    self.metrics.relay_failed("inbox");
                    wait = (wait * 2).min(LONGEST_PAUSE);
                    if !pause(&stop, wait).await {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// First stage: claims a batch and learns whose events they are.
    async fn begin(&self, after: u64) -> Result<Option<Resolved>, Problem> {
        let claimed = self.inbox.claim(&lease(&self.owner, self.lease), after, self.batch).await?;
        if claimed.is_empty() {
            return Ok(None);
        }
        let positions = claimed.iter().map(|one| one.position).collect();
        let mut failures = Failures::new();
        let mut events = Vec::with_capacity(claimed.len());
        for one in claimed {
            match read(&one) {
                Ok((event, relay)) => events.push((one, event, relay)),
                Err(why) => {
                    failures.insert(one.position, why);
                }
            }
        }
        let persons = self.persons(&events, &mut failures).await?;
        let items = events.into_iter().zip(persons).filter_map(|((one, event, relay), person_id)| {
            let (position, received) = (one.position, one.event.received);
            person_id.map(|person_id| Item { position, received, event, person_id, relay })
        });
        Ok(Some(Resolved { positions, items: items.collect(), failures }))
    }

    /// Second stage: hands a batch to every service it concerns and removes what was taken; answers how many.
    async fn finish(&self, batch: Option<Resolved>) -> Result<usize, Problem> {
        let Some(Resolved { positions, items, mut failures }) = batch else { return Ok(0) };
        match Work::of(&items).hand_over(&self.callees, &mut failures).await {
            Ok(()) => {}
            Err(problem) if is_passing(&problem) => return Err(problem),
            // Something in the batch is poison: find it by going one by one.
            Err(_) => self.one_by_one(&items, &mut failures).await?,
        }
        let now = lease(&self.owner, self.lease);
        let settled = async {
            if !failures.is_empty() {
                let list: Vec<(u64, String)> = failures.iter().map(|(at, why)| (*at, why.clone())).collect();
                let aside = self.inbox.failed(&now, &list, self.max_failures).await?;
                tracing::warn!(failed = list.len(), quarantined = aside, reason = list[0].1, "events were refused");
                self.metrics.quarantined(aside);
            }
            let done: Vec<u64> =
                positions.iter().copied().filter(|position| !failures.contains_key(position)).collect();
            if !done.is_empty() {
                self.inbox.done(&now, &done).await?;
                self.metrics.relayed("inbox", done.len());
            }
            Ok(done.len())
        };
        match settled.await {
            Ok(done) => Ok(done),
            // Another worker took over: it does the batch again, which is harmless.
            Err(Error::LeaseLost) => {
                tracing::info!("inbox lease lost");
                Ok(0)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn one_by_one(&self, items: &[Item], failures: &mut Failures) -> Result<(), Problem> {
        for item in items {
            match Work::of(std::slice::from_ref(item)).hand_over(&self.callees, failures).await {
                Ok(()) => {}
                Err(problem) if is_passing(&problem) => return Err(problem),
                Err(problem) => {
                    failures.insert(item.position, problem.reason.to_owned());
                }
            }
        }
        Ok(())
    }

    /// The person of each event; `None` for one that was refused.
    async fn persons(
        &self,
        events: &[(Claimed, CollectEvent, Relay)],
        failures: &mut Failures,
    ) -> Result<Vec<Option<String>>, Problem> {
        let named = events.iter().map(|(_, event, _)| named_person(event).map(str::to_owned));
        let mut persons: Vec<Option<String>> = named.collect();
        let unnamed: Vec<usize> = (0..events.len()).filter(|index| persons[*index].is_none()).collect();
        if unnamed.is_empty() {
            return Ok(persons);
        }
        let requests: Vec<_> = unnamed.iter().map(|index| resolve_request(&events[*index].1)).collect();
        let mut results = Vec::with_capacity(requests.len());
        match self.callees.resolve(requests.clone()).await {
            Ok(all) => results = all,
            Err(problem) if is_passing(&problem) => return Err(problem),
            // Refused as a whole: ask for each alone.
            Err(_) => {
                for request in requests {
                    let one = self.callees.resolve(vec![request]).await.and_then(|mut one| {
                        one.pop().unwrap_or_else(|| Err(Problem::internal("identity answered nothing")))
                    });
                    results.push(one);
                }
            }
        }
        for (index, result) in unnamed.into_iter().zip(results) {
            match result {
                Ok(person) => persons[index] = Some(person),
                Err(problem) if is_passing_item(&problem) => return Err(problem),
                Err(problem) => {
                    failures.insert(events[index].0.position, problem.reason.to_owned());
                }
            }
        }
        Ok(persons)
    }
}

/// The event of a claim and where it goes besides identity, profile and journey; why it cannot be used, if so.
fn read(one: &Claimed) -> Result<(CollectEvent, Relay), String> {
    let event = CollectEvent::decode(one.event.body.expose().as_slice()).map_err(|_| "CORRUPT".to_owned())?;
    let relay = relay_of(&event).map_err(|violation| format!("INVALID_FIELD {}", violation.field))?;
    Ok((event, relay))
}
