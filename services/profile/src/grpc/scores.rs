//! What models say of persons.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use attune_kernel::{Problem, Timestamp, Violation};
use attune_proto::profile::v1 as proto;
use attune_service_kit::request::violations;

use super::events::rpc_status;
use super::{Profiles, check};
use crate::domain::batch::Batch;
use crate::domain::score::{Reason, Score};
use crate::store::Work;

impl Profiles {
    /// Writes scores; the ones that break a rule are named, the others are written.
    pub(super) async fn write_scores(
        &self,
        request: proto::WriteScoresRequest,
    ) -> Result<proto::WriteScoresResponse, Problem> {
        let sizes: Vec<Violation> = violations(&request).into_iter().filter(|one| one.field == "scores").collect();
        if !sizes.is_empty() {
            return Err(Problem::invalid(sizes));
        }
        let now = self.clock.now();
        let (mut rejected, mut scores) = (Vec::new(), Vec::new());
        for (index, one) in request.scores.into_iter().enumerate() {
            match score(&format!("scores[{index}]"), one, now) {
                Ok(score) => scores.push(score),
                Err(broken) => rejected.push(proto::RejectedItem {
                    index: i32::try_from(index).unwrap_or(i32::MAX),
                    status: Some(rpc_status(Problem::invalid(broken))),
                }),
            }
        }
        if scores.is_empty() {
            return Ok(proto::WriteScoresResponse { written: 0, rejected });
        }
        let written = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&written);
        let persons = scores.iter().map(|(person, ..)| person.clone()).collect();
        let work = Work {
            fill: false,
            events: Arc::default(),
            persons,
            decide: Arc::new(move |batch: &mut Batch, _| {
                // A unit that is tried again counts anew.
                count.store(0, Ordering::Relaxed);
                for (person, model, score) in &scores {
                    let record = |document: &mut crate::domain::document::Document| {
                        document.record_score(person, model, score.clone()).map_err(crate::error::Error::from)
                    };
                    if batch.change_named(person, record)? {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Ok(())
            }),
            rules: Arc::clone(&*self.rules.get().await?),
            now,
            request_id: String::new(),
        };
        let done = self.store.work(work).await?;
        self.snapshots.renew(&done.written).await;
        let written = i32::try_from(written.load(Ordering::Relaxed)).unwrap_or(i32::MAX);
        Ok(proto::WriteScoresResponse { written, rejected })
    }
}

/// Person, model and score of a message.
fn score(at: &str, one: proto::Score, now: Timestamp) -> Result<(String, String, Score), Vec<Violation>> {
    let under = |field: &str| format!("{at}.{field}");
    let mut broken: Vec<Violation> =
        violations(&one).into_iter().map(|one| Violation::new(under(&one.field), one.description)).collect();
    if let Err(problem) = check::id(&under("person_id"), &one.person_id) {
        broken.extend(problem.violations);
    }
    if !one.value.is_finite() {
        broken.push(Violation::new(under("value"), "must be a finite number"));
    }
    for (index, reason) in one.reasons.iter().enumerate() {
        if !reason.contribution.is_finite() {
            broken.push(Violation::new(under(&format!("reasons[{index}].contribution")), "must be a finite number"));
        }
    }
    let mut time = |found: Result<Option<Timestamp>, Violation>| {
        found.unwrap_or_else(|violation| {
            broken.push(violation);
            None
        })
    };
    let said = time(check::past(&under("time"), one.time.as_ref(), now));
    let until = time(super::convert::time(&under("expire_time"), one.expire_time.as_ref()));
    if !broken.is_empty() {
        return Err(broken);
    }
    let reasons = one.reasons.into_iter().map(|one| Reason { name: one.name, contribution: one.contribution });
    let score = Score {
        value: one.value,
        version: one.model_version,
        time: said.unwrap_or(now),
        received: now,
        until,
        reasons: reasons.collect(),
    };
    Ok((one.person_id, one.model_id, score))
}
