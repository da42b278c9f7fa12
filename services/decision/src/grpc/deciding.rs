//! Decide and BatchDecide.

use std::borrow::Cow;
use std::time::Instant;

use attune_kernel::{DecisionId, PersonId, Problem, Timestamp};
use attune_proto::decision::v1 as pb;
use attune_service_kit::metrics::KeyValue;
use attune_service_kit::request::violations;
use futures::StreamExt as _;

use super::{Decisions, answer, clients, convert};
use crate::config::{WithoutContact, WithoutProfile};
use crate::domain::catalogue::Placement;
use crate::domain::decide::{Ask, Deciding, Verdict, conclude, shortlist};
use crate::domain::draw::seed_of;
use crate::domain::policy::Treatment;
use crate::domain::record::Decision;
use crate::domain::subject::Subject;
use crate::error::Error;

impl Decisions {
    pub(super) async fn decide_one(&self, request: pb::DecideRequest) -> Result<pb::DecideResponse, Error> {
        let now = self.clock.now();
        let view = self.shelf.view.get().await?;
        let placement = view.catalogue.placement(&request.placement);
        let unknown = || Error::Unknown { kind: "placement", id: request.placement.clone() };
        let placement = placement.ok_or_else(unknown)?;
        let person = self.person(request.subject.unwrap_or_default(), request.dry_run).await?;
        let request_id = (!request.dry_run && !request.request_id.is_empty()).then_some(request.request_id.as_str());
        if let Some(request_id) = request_id
            && let Some(known) = self.known(request_id).await?
        {
            self.same_question(&known, person, &request.placement).await?;
            return Ok(answer::response(&known, &view, request.explain));
        }
        let mut degradations = Vec::new();
        let known = match self.neighbours.profile(person).await {
            Ok(known) => Some(known),
            Err(error) if self.dependencies.profile_unavailable == WithoutProfile::Fail => return Err(error),
            Err(error) => {
                self.degraded("profile", &error, "decided without attributes", &mut degradations);
                None
            }
        };
        let recent = in_order(request.recent_events);
        let subject = Subject { known, context: clients::values(request.context), recent, now };
        let limit = usize::try_from(request.limit).unwrap_or(0);
        let ask = Ask { placement, limit, detail: request.explain || self.reasons };

        let started = Instant::now();
        let left = shortlist(&view.catalogue, ask, &subject, &self.settings);
        let mut spent = started.elapsed();
        let offers: Vec<String> = left.offers(&view.catalogue).map(|offer| offer.id.to_string()).collect();
        let verdicts = self.verdicts(person, placement, offers, now, &mut degradations).await?;

        let started = Instant::now();
        let id = DecisionId::from_parts(now, self.ids.entropy());
        let missing = || Error::Unknown { kind: "policy", id: placement.policy.clone() };
        let policy = view.catalogue.policy(&placement.policy).ok_or_else(missing)?;
        let model = self.learner.model(&view.priors);
        let seed = seed_of(id);
        let with =
            Deciding { catalogue: &view.catalogue, model: &model, policy, settings: &self.settings, person, seed };
        let outcome = conclude(with, ask, &subject, left, verdicts);
        let decision = Decision {
            id,
            person: Some(person),
            time: now,
            sequence: 0,
            request_id: request_id.map(str::to_owned),
            placement: placement.id.clone(),
            channel: placement.channel.clone(),
            catalogue_version: view.catalogue.version().to_owned(),
            model_version: model.version(),
            seed,
            policy: policy.as_ref().clone(),
            arm: Some(outcome.arm),
            contenders: outcome.contenders,
            offered: outcome.offered,
            removed: outcome.removed,
            degradations,
        };
        let mut response = answer::response(&decision, &view, request.explain);
        spent += started.elapsed();
        self.count(&decision, outcome.arm, spent);
        if request.dry_run {
            response.decision_id.clear();
            return Ok(response);
        }
        let appended = self.journal.append(decision).await?;
        if appended.duplicate {
            // The same request was decided meanwhile: that decision is the answer.
            let first = self.store.decision(appended.id).await?;
            let first = first.ok_or(Error::Unknown { kind: "decision", id: appended.id.to_string() })?.decision;
            self.same_question(&first, person, &request.placement).await?;
            return Ok(answer::response(&first, &view, request.explain));
        }
        Ok(response)
    }

    pub(super) async fn decide_many(
        &self,
        request: pb::BatchDecideRequest,
    ) -> Result<pb::BatchDecideResponse, Problem> {
        let mut broken = Items::split(violations(&request), "requests");
        broken.whole()?;
        let items = request.requests.into_iter().enumerate().map(|(at, item)| (broken.take(at), item));
        let items: Vec<_> = items.collect();
        let decided = futures::stream::iter(items).map(|(broken, item)| async move {
            let result = match broken {
                Some(problem) => Err(problem),
                None => self.decide_one(item).await.map_err(Problem::from),
            };
            let result = match result {
                Ok(response) => pb::batch_decide_result::Result::Response(response),
                Err(problem) => pb::batch_decide_result::Result::Error(convert::status_message(problem)),
            };
            pb::BatchDecideResult { result: Some(result) }
        });
        let results = decided.buffered(self.batch_concurrency).collect().await;
        Ok(pb::BatchDecideResponse { results })
    }

    async fn person(&self, subject: pb::Subject, read_only: bool) -> Result<PersonId, Error> {
        match (subject.person_id.as_str(), subject.identifiers.is_empty()) {
            ("", true) => Err(Error::field("subject", "must have a person_id or identifiers")),
            ("", false) => self.neighbours.resolve(subject.identifiers, read_only).await,
            (text, true) => convert::person(text, "subject.person_id"),
            (_, false) => Err(Error::field("subject", "must not have both a person_id and identifiers")),
        }
    }

    /// The decision that a request was answered with before.
    async fn known(&self, request_id: &str) -> Result<Option<Decision>, Error> {
        match self.journal.waiting_request(request_id) {
            Some(waiting) => Ok(Some(waiting)),
            None => Ok(self.store.by_request(request_id).await?),
        }
    }

    /// Refuses to answer a request with the decision for another person or placement.
    async fn same_question(&self, known: &Decision, person: PersonId, placement: &str) -> Result<(), Error> {
        let same_person = known.person == Some(person)
            // The person may have been merged since.
            || (known.person.is_some() && self.store.current_person(person).await? == known.person);
        if same_person && known.placement == placement { Ok(()) } else { Err(Error::RequestIdReused) }
    }

    async fn verdicts(
        &self,
        person: PersonId,
        placement: &Placement,
        offers: Vec<String>,
        now: Timestamp,
        degradations: &mut Vec<String>,
    ) -> Result<Vec<Verdict>, Error> {
        let count = offers.len();
        if count == 0 {
            return Ok(Vec::new());
        }
        let (error, verdict, what) = match self.neighbours.admit(person, &placement.channel, offers, now).await {
            Ok(verdicts) => return Ok(verdicts),
            Err(error) => match self.dependencies.contact_unavailable {
                WithoutContact::Fail => return Err(error),
                WithoutContact::Admit => (error, Verdict::Admitted, "admitted every offer"),
                WithoutContact::Hold => {
                    let rule = "contact policy is unavailable".to_owned();
                    let held = Verdict::Denied { rule, limit: String::new(), used: String::new() };
                    (error, held, "held every offer back")
                }
            },
        };
        self.degraded("contact-optimization", &error, what, degradations);
        Ok(vec![verdict; count])
    }

    fn degraded(&self, name: &'static str, error: &Error, what: &str, degradations: &mut Vec<String>) {
        tracing::debug!(dependency = name, %error, "decided without a dependency");
        self.metrics.degradations.add(1, &[KeyValue::new("dependency", name)]);
        degradations.push(format!("{name}: unavailable, {what}"));
    }

    fn count(&self, decision: &Decision, arm: Treatment, spent: std::time::Duration) {
        let treatment = [KeyValue::new("treatment", arm.as_str())];
        self.metrics.decisions.add(1, &treatment);
        self.metrics.offers.add(decision.offered.len() as u64, &treatment);
        for (stage, rule, count) in decision.stage_counts() {
            if rule.is_empty() {
                self.metrics.candidates.add(count as u64, &[KeyValue::new("stage", stage.as_str())]);
            }
        }
        self.metrics.pipeline.record(spent.as_secs_f64(), &[]);
        self.metrics.waiting.record(self.journal.waiting() as f64, &[]);
    }
}

/// Names of the events, oldest first; those without a time keep their place at the end.
fn in_order(mut events: Vec<pb::RecentEvent>) -> Vec<String> {
    let key = |event: &pb::RecentEvent| event.time.map_or((i64::MAX, 0), |time| (time.seconds, time.nanos));
    events.sort_by_key(key);
    events.into_iter().map(|event| event.event).collect()
}

/// Broken rules of a batch, item by item, so that a broken item fails alone.
pub(super) struct Items {
    items: rustc_hash::FxHashMap<usize, Vec<attune_kernel::Violation>>,
    whole: Vec<attune_kernel::Violation>,
}

impl Items {
    /// Splits the broken rules of a request whose items are in `list`.
    pub(super) fn split(violations: Vec<attune_kernel::Violation>, list: &str) -> Self {
        let mut split = Self { items: rustc_hash::FxHashMap::default(), whole: Vec::new() };
        for violation in violations {
            let item = violation.field.strip_prefix(list).and_then(|rest| rest.strip_prefix('['));
            let index = item.and_then(|rest| rest.split_once(']')).and_then(|(index, _)| index.parse().ok());
            match index {
                Some(index) => split.items.entry(index).or_default().push(violation),
                None => split.whole.push(violation),
            }
        }
        split
    }

    /// What is wrong with the request as a whole.
    pub(super) fn whole(&mut self) -> Result<(), Problem> {
        let whole = std::mem::take(&mut self.whole);
        if whole.is_empty() { Ok(()) } else { Err(Problem::invalid(whole)) }
    }

    /// What is wrong with an item.
    pub(super) fn take(&mut self, index: usize) -> Option<Problem> {
        self.items.remove(&index).map(Problem::invalid)
    }
}

/// A path within an item of a batch; the path itself outside of one.
pub(super) fn path<'a>(prefix: &str, field: &'a str) -> Cow<'a, str> {
    if prefix.is_empty() { Cow::Borrowed(field) } else { Cow::Owned(format!("{prefix}.{field}")) }
}
