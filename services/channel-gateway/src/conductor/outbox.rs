//! Deliveries to their providers: law, intent, bytes, outcome.
//!
//! A batch's intents are one commit and its outcomes are one commit. Between the two, bytes leave; a crash there leaves
//! attempts with an intent and no outcome, which the next holder looks up or sends again under the same key.

use std::sync::Arc;
use std::time::Duration;

use attune_kernel::{Problem, Timestamp};
use attune_proto::contact::v1::Candidate;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::server::Stop;
use futures::StreamExt as _;
use tokio::sync::Notify;

use super::{complain, lease, pause};
use crate::clients::{Admission, Callees, Reported, is_passing};
use crate::domain::change::Change;
use crate::domain::delivery::{Facts, Outcome, State, Step, next_step, settle};
use crate::domain::record::{Attempt, Delivery, Lead, StateName};
use crate::domain::retry::backoff;
use crate::error::CHANNEL_DISABLED;
use crate::metrics::Metrics;
use crate::providers::{Answer, Directory, Ready};
use crate::store::Outbox;

/// Providers are asked this many at a time within a batch.
const CONCURRENT: usize = 32;
/// The pause after the store did not answer.
const AFTER_FAILURE: Duration = Duration::from_millis(500);
/// As after many attempts: the longest wait is right for what people must mend.
const MANY: u32 = 16;
/// What must be left of a lease, beyond the provider's patience, before bytes leave.
const MARGIN: Duration = Duration::from_secs(2);

/// What the worker needs.
#[derive(Clone)]
pub(crate) struct OutboxWorker {
    /// The store.
    pub outbox: Arc<dyn Outbox>,
    /// Whom it asks.
    pub callees: Callees,
    /// Channels, templates and their providers.
    pub directory: Directory,
    /// Business time.
    pub clock: Clock,
    /// Draws of the backoff's jitter.
    pub ids: IdSource,
    /// This process.
    pub owner: String,
    /// Deliveries a batch.
    pub batch: usize,
    /// How long a lease holds.
    pub lease: Duration,
    /// The first wait after a failure.
    pub backoff_base: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
    /// How long to sleep when nothing is due.
    pub idle: Duration,
    /// Rung when this process queues a delivery.
    pub bell: Arc<Notify>,
    /// Instruments.
    pub metrics: Metrics,
}

/// A delivery on its way through a batch; with its reservation, once it has an intent.
struct Job {
    delivery: Delivery,
    facts: Facts,
    ready: Ready,
}

/// What the law says of a delivery.
enum Law {
    Allowed { reservation_id: String },
    Held { by: String },
}

impl OutboxWorker {
    /// Works until told to stop.
    ///
    /// # Errors
    /// Never: what fails is tried again after a pause.
    pub(crate) async fn run(self, stop: Stop) -> Result<(), Problem> {
        while !stop.is_cancelled() {
            // A batch that began is finished: stopping between intent and outcome would only make work for the next one.
            match self.batch(&stop).await {
                Ok(0) => {
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = self.bell.notified() => {}
                        () = tokio::time::sleep(self.idle) => {}
                    }
                }
                Ok(_) => {}
                Err(problem) => {
                    complain("outbox", &problem);
                    self.metrics.relay_failed("outbox");
                    if !pause(&stop, AFTER_FAILURE).await {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Works through one batch; answers how many deliveries it held.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn batch(&self, stop: &Stop) -> Result<usize, Problem> {
        let now = self.clock.now();
        let claim = lease(&self.owner, self.lease);
        let claimed = self.outbox.claim(&claim, now, self.batch).await?;
        let count = claimed.len();
        if count == 0 {
            return Ok(0);
        }
        let prepared: Vec<Result<Job, Box<(String, Change)>>> =
            futures::stream::iter(claimed.into_iter().map(|delivery| self.prepare(delivery, now)))
                .buffered(CONCURRENT)
                .collect()
                .await;
        let (mut first, mut jobs) = (Vec::new(), Vec::new());
        for one in prepared {
            match one {
                Ok(job) => jobs.push(job),
                Err(change) => first.push(*change),
            }
        }
        let (intents, rest) = self.intents(jobs, now, &mut first).await;
        // Open attempts need no intent, but the lease as much.
        let offset = first.len() - intents.len();
        first.extend(rest.iter().map(|job| (job.delivery.delivery_id.clone(), Change::Hold)));
        let held = lease(&self.owner, self.lease);
        let applied = self.outbox.apply(&held, now, first).await?;
        // Only deliveries that are ours by a durable commit may be sent.
        let going: Vec<Job> = intents
            .into_iter()
            .chain(rest)
            .zip(&applied[offset..])
            .filter(|(_, ours)| **ours)
            .map(|(job, _)| job)
            .collect();
        let ends: Vec<Option<(Delivery, Change)>> =
            futures::stream::iter(going.into_iter().map(|job| self.act(job, held.deadline)))
                .buffered(CONCURRENT)
                .collect()
                .await;
        self.settle(ends.into_iter().flatten().collect(), stop).await?;
        Ok(count)
    }

    /// What happens next to a delivery: a job, or a change that needs no provider.
    async fn prepare(&self, delivery: Delivery, now: Timestamp) -> Result<Job, Box<(String, Change)>> {
        let id = delivery.delivery_id.clone();
        let ready = match self.directory.ready(&delivery).await {
            Ok(ready) => ready,
            // A channel that is off may be turned on again.
            Err(problem) if is_passing(&problem) || problem.reason == CHANNEL_DISABLED => {
                return Err(Box::new((id, Change::Later { due: self.later(now, MANY) })));
            }
            // A channel or template that is gone cannot come back by waiting; what was begun cannot be known then.
            Err(problem) => {
                let state = if delivery.has_open_attempt() { StateName::Unknown } else { StateName::Dead };
                return Err(Box::new((id, Change::Ended { state, by: problem.reason.to_owned() })));
            }
        };
        let facts = Facts {
            state: State::from(delivery.state),
            attempts: u32::try_from(delivery.attempts.len()).unwrap_or(u32::MAX),
            open_attempt: delivery.has_open_attempt(),
            expires: delivery.request.expires,
            max_attempts: ready.max_attempts,
            memory: ready.provider.memory(),
            guarantee: ready.guarantee,
        };
        let ended = |state| Err(Box::new((id.clone(), Change::Ended { state, by: String::new() })));
        match next_step(&facts, now) {
            Step::Expire => ended(StateName::Expired),
            Step::Die => ended(StateName::Dead),
            Step::GiveUpUnknown => ended(StateName::Unknown),
            Step::Rest => Err(Box::new((id, Change::Later { due: delivery.due }))),
            Step::Attempt { .. } | Step::LookUp | Step::Resend | Step::AttemptAgain { .. } => {
                Ok(Job { delivery, facts, ready })
            }
        }
    }

    /// Splits jobs into those that need an intent first (asking the law for new ones) and the rest. Appends the intents'
    /// changes at the end of `changes`, in order.
    async fn intents(
        &self,
        jobs: Vec<Job>,
        now: Timestamp,
        changes: &mut Vec<(String, Change)>,
    ) -> (Vec<Job>, Vec<Job>) {
        let judged: Vec<(Job, Option<Result<Law, Problem>>)> =
            futures::stream::iter(jobs.into_iter().map(|job| async {
                let law = match next_step(&job.facts, now) {
                    Step::Attempt { .. } => Some(self.law(&job.delivery).await),
                    // The first intent was admitted; a second try of the same message is not a second contact.
                    Step::AttemptAgain { .. } => {
                        Some(Ok(Law::Allowed { reservation_id: job.delivery.reservation_id.clone() }))
                    }
                    _ => None,
                };
                (job, law)
            }))
            .buffered(CONCURRENT)
            .collect()
            .await;
        let (mut intents, mut rest, mut intended) = (Vec::new(), Vec::new(), Vec::new());
        for (mut job, law) in judged {
            let id = job.delivery.delivery_id.clone();
            match law {
                None => rest.push(job),
                Some(Ok(Law::Held { by })) => changes.push((id, Change::Ended { state: StateName::Suppressed, by })),
                Some(Ok(Law::Allowed { reservation_id })) => {
                    let attempt = Attempt {
                        number: job.facts.attempts + 1,
                        provider_key: id.clone(),
                        intent: now,
                        settled: None,
                        outcome: String::new(),
                        detail: String::new(),
                    };
                    job.facts.attempts += 1;
                    job.facts.open_attempt = false;
                    job.delivery.reservation_id.clone_from(&reservation_id);
                    intended.push((id, Change::Intent { attempt, reservation_id }));
                    intents.push(job);
                }
                // A callee that will not take this delivery as it is will not take it later either.
                Some(Err(problem)) if !is_passing(&problem) => {
                    complain("outbox", &problem);
                    changes.push((id, Change::Ended { state: StateName::Dead, by: problem.reason.to_owned() }));
                }
                Some(Err(problem)) => {
                    complain("outbox", &problem);
                    changes.push((id, Change::Later { due: self.later(now, 1) }));
                }
            }
        }
        changes.extend(intended);
        (intents, rest)
    }

    /// Consent first, then the contact policies, at the last moment before the intent.
    async fn law(&self, delivery: &Delivery) -> Result<Law, Problem> {
        let request = &delivery.request;
        if let Err(reason) = self.callees.may_contact(&request.person_id, &request.purpose, &request.channel).await? {
            return Ok(Law::Held { by: format!("consent:{}", reason.to_lowercase()) });
        }
        let candidate = Candidate {
            offer_id: request.offer_id.clone(),
            channel: request.channel.clone(),
            campaign_id: request.campaign_id.clone(),
        };
        // An earlier attempt that failed for certain gave its reservation back: each attempt has a key of its own.
        let key = format!("{}:{}", delivery.delivery_id, delivery.attempts.len() + 1);
        Ok(match self.callees.admit(&key, &request.person_id, candidate).await? {
            Admission::Admitted(reservation_id) => Law::Allowed { reservation_id },
            Admission::Denied(by) => Law::Held { by },
        })
    }

    /// Bytes leave, or the provider is asked about those that did. `None` when the lease is no longer ours: whoever has it
    /// goes on from the intent.
    async fn act(&self, job: Job, deadline: Timestamp) -> Option<(Delivery, Change)> {
        let needed = job.ready.provider.patience() + MARGIN.min(self.lease / 4);
        if lease(&self.owner, self.lease).now.plus(needed) >= deadline {
            // Others of the batch took long: make sure that nobody took this one over meanwhile.
            let longer = lease(&self.owner, self.lease.max(needed * 2));
            let hold = vec![(job.delivery.delivery_id.clone(), Change::Hold)];
            match self.outbox.apply(&longer, self.clock.now(), hold).await {
                Ok(ours) if ours.first() == Some(&true) => {}
                Ok(_) => {
                    tracing::info!(delivery = job.delivery.delivery_id, "delivery lease lost");
                    return None;
                }
                Err(error) => {
                    complain("outbox", &error.into());
                    return None;
                }
            }
        }
        let now = self.clock.now();
        let key = &job.delivery.delivery_id;
        let answer = if job.facts.open_attempt && matches!(next_step(&job.facts, now), Step::LookUp) {
            match job.ready.provider.look_up(key).await {
                Ok(true) => Answer::new(Outcome::Delivered, "found at the provider"),
                // The provider certainly does not have it: the open attempt may be sent.
                Ok(false) => job.ready.provider.send(&job.delivery, &job.ready.message).await,
                Err(detail) => Answer::new(Outcome::Ambiguous, detail),
            }
        } else {
            job.ready.provider.send(&job.delivery, &job.ready.message).await
        };
        let settled = settle(&job.facts, answer.outcome);
        let due = if settled.again { self.later(now, job.facts.attempts) } else { now };
        let delivered = settled.state == State::Delivered;
        let lead = (job.ready.provider.is_lead() && delivered).then(|| Box::new(lead(&job, now)));
        self.metrics.attempted(answer.outcome.as_str());
        let change = Change::Settled {
            outcome: answer.outcome.as_str(),
            detail: answer.detail,
            state: settled.state.into(),
            keep_open: settled.open_attempt,
            due,
            lead,
        };
        Some((job.delivery, change))
    }

    /// Records contacts and gives reservations back, then commits the outcomes. In this order, because an outcome that is
    /// committed is never looked at again, while a contact recorded twice is known by its id. While contact-optimization
    /// is away the outcomes are kept here and the leases renewed: what a provider said must not be forgotten.
    async fn settle(&self, ends: Vec<(Delivery, Change)>, stop: &Stop) -> Result<(), Problem> {
        if ends.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let mut wait = self.lease / 20;
        while let Err(problem) = self.report(&ends, now).await {
            complain("outbox", &problem);
            self.metrics.relay_failed("outbox");
            if !is_passing(&problem) {
                break;
            }
            if !pause(stop, wait).await {
                return Err(problem);
            }
            wait = (wait * 2).min(self.lease / 4);
            let holds = ends.iter().map(|(delivery, _)| (delivery.delivery_id.clone(), Change::Hold)).collect();
            self.outbox.apply(&lease(&self.owner, self.lease), now, holds).await?;
        }
        let changes = ends.into_iter().map(|(delivery, change)| (delivery.delivery_id, change)).collect();
        self.outbox.apply(&lease(&self.owner, self.lease), now, changes).await?;
        Ok(())
    }

    /// Tells contact-optimization what became of the reservations.
    async fn report(&self, ends: &[(Delivery, Change)], now: Timestamp) -> Result<(), Problem> {
        let mut contacts = Vec::new();
        for (delivery, change) in ends {
            let Change::Settled { state, .. } = change else { continue };
            if *state == StateName::Delivered {
                contacts.push(contact(delivery, now));
            } else if matches!(state, StateName::Dead | StateName::Queued) && !delivery.reservation_id.is_empty() {
                self.callees.release(&delivery.request.person_id, &delivery.reservation_id).await?;
            }
        }
        self.callees.record_contacts(&contacts).await
    }

    fn later(&self, now: Timestamp, attempt: u32) -> Timestamp {
        #[expect(clippy::cast_precision_loss, reason = "a uniform draw")]
        let draw = (self.ids.seed() >> 11) as f64 / (1_u64 << 53) as f64;
        now.plus(backoff(attempt, self.backoff_base, self.backoff_max, draw))
    }
}

fn contact(delivery: &Delivery, time: Timestamp) -> Reported {
    Reported {
        contact_id: delivery.delivery_id.clone(),
        person_id: delivery.request.person_id.clone(),
        channel: delivery.request.channel.clone(),
        offer_id: delivery.request.offer_id.clone(),
        campaign_id: delivery.request.campaign_id.clone(),
        decision_id: delivery.request.decision_id.clone(),
        time,
        reservation_id: delivery.reservation_id.clone(),
    }
}

fn lead(job: &Job, now: Timestamp) -> Lead {
    let request = &job.delivery.request;
    Lead {
        lead_id: job.delivery.delivery_id.clone(),
        channel: request.channel.clone(),
        person_id: request.person_id.clone(),
        offer_id: request.offer_id.clone(),
        decision_id: request.decision_id.clone(),
        content: attune_kernel::Personal::new(job.ready.message.body.clone()),
        agent: String::new(),
        claimed_until: None,
        outcome: String::new(),
        created: now,
        revision: 1,
    }
}
