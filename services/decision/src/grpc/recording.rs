//! Responses, imported decisions and changes of who is who.

use attune_kernel::{Problem, Timestamp};
use attune_proto::decision::v1 as pb;
use attune_proto::identity::v1 as identity;
use attune_service_kit::metrics::KeyValue;
use attune_service_kit::request::violations;

use super::deciding::{Items, path};
use super::{Decisions, convert};
use crate::domain::catalogue::{Catalogue, DEFAULT_POLICY};
use crate::domain::draw::imported_id;
use crate::domain::moment::Moment;
use crate::domain::policy::Policy;
use crate::domain::record::{Chosen, Decision};
use crate::domain::response::{Kind, Response};
use crate::error::Error;
use crate::store::{Change, Receipt, WhoIsWho};

impl Decisions {
    pub(super) async fn record_one(
        &self,
        request: pb::RecordResponseRequest,
    ) -> Result<pb::RecordResponseResponse, Error> {
        let response = response(request, self.clock.now(), "")?;
        let receipts = self.record(vec![response]).await?;
        Ok(receipts.into_iter().map(receipt).next().unwrap_or_default())
    }

    pub(super) async fn record_many(
        &self,
        request: pb::BatchRecordResponsesRequest,
    ) -> Result<pb::BatchRecordResponsesResponse, Problem> {
        use pb::batch_record_responses_result::Result as Item;
        let mut broken = Items::split(violations(&request), "responses");
        broken.whole()?;
        let now = self.clock.now();
        let mut results = Vec::with_capacity(request.responses.len());
        let mut good = Vec::with_capacity(request.responses.len());
        for (at, item) in request.responses.into_iter().enumerate() {
            let item = match broken.take(at) {
                Some(problem) => Err(problem),
                None => response(item, now, &format!("responses[{at}]")).map_err(Problem::from),
            };
            match item {
                Ok(item) => {
                    good.push(item);
                    results.push(None);
                }
                Err(problem) => results.push(Some(Item::Error(convert::status_message(problem)))),
            }
        }
        let mut receipts = self.record(good).await?.into_iter();
        let filled = results.into_iter().map(|result| {
            let result = result.or_else(|| receipts.next().map(|one| Item::Response(receipt(one))));
            pb::BatchRecordResponsesResult { result }
        });
        Ok(pb::BatchRecordResponsesResponse { results: filled.collect() })
    }

    async fn record(&self, responses: Vec<Response>) -> Result<Vec<Receipt>, Error> {
        if responses.is_empty() {
            return Ok(Vec::new());
        }
        // A response may answer a decision that still waits to be written.
        self.journal.flush().await?;
        let kinds: Vec<Kind> = responses.iter().map(|response| response.kind).collect();
        let recorded = self.store.record(responses).await?;
        self.learner.follow(&recorded).await?;
        for (kind, receipt) in kinds.into_iter().zip(&recorded.receipts) {
            let outcome = match (receipt.duplicate, receipt.decision) {
                (true, _) => "duplicate",
                (false, Some(_)) => "joined",
                (false, None) => "unmatched",
            };
            let attributes = [KeyValue::new("kind", kind.as_str()), KeyValue::new("outcome", outcome)];
            self.metrics.responses.add(1, &attributes);
        }
        self.metrics.learned.add(recorded.learned.len() as u64, &[]);
        Ok(recorded.receipts)
    }

    pub(super) async fn import(
        &self,
        request: pb::ImportDecisionsRequest,
    ) -> Result<pb::ImportDecisionsResponse, Problem> {
        let mut broken = Items::split(violations(&request), "decisions");
        broken.whole()?;
        let view = self.shelf.view.get().await?;
        let missing = || Problem::from(Error::Unknown { kind: "policy", id: DEFAULT_POLICY.to_owned() });
        let policy = view.catalogue.policy(DEFAULT_POLICY).ok_or_else(missing)?.clone();
        let mut response = pb::ImportDecisionsResponse::default();
        let mut good = Vec::with_capacity(request.decisions.len());
        for (at, item) in request.decisions.into_iter().enumerate() {
            let item = match broken.take(at) {
                Some(problem) => Err(problem),
                None => imported(item, &view.catalogue, &policy, &format!("decisions[{at}]")).map_err(Problem::from),
            };
            match item {
                Ok(decision) => {
                    response.decision_ids.push(decision.id.to_string());
                    good.push(decision);
                }
                Err(problem) => {
                    response.decision_ids.push(String::new());
                    let status = Some(convert::status_message(problem));
                    response
                        .rejected
                        .push(pb::RejectedDecision { index: i32::try_from(at).unwrap_or(i32::MAX), status });
                }
            }
        }
        let appended = self.store.append(good).await.map_err(Error::from)?;
        let duplicates = appended.iter().filter(|appended| appended.duplicate).count();
        response.duplicates = i32::try_from(duplicates).unwrap_or(i32::MAX);
        let rejected = response.rejected.len();
        for (outcome, count) in
            [("new", appended.len() - duplicates), ("duplicate", duplicates), ("rejected", rejected)]
        {
            self.metrics.imported.add(count as u64, &[KeyValue::new("outcome", outcome)]);
        }
        Ok(response)
    }

    pub(super) async fn apply(&self, change: identity::PersonChange) -> Result<bool, Error> {
        use identity::person_change::Change as What;
        self.journal.flush().await?;
        let what = match change.change {
            Some(What::Merge(merge)) => WhoIsWho::Merged {
                surviving: convert::person(&merge.surviving_person_id, "change.merge.surviving_person_id")?,
                merged: convert::person(&merge.merged_person_id, "change.merge.merged_person_id")?,
            },
            Some(What::Split(split)) => {
                let alias = |(at, id): (usize, &String)| {
                    convert::person(id, &format!("change.split.split_alias_person_ids[{at}]"))
                };
                WhoIsWho::Split {
                    person: convert::person(&split.person_id, "change.split.person_id")?,
                    split: convert::person(&split.split_person_id, "change.split.split_person_id")?,
                    ids: split.split_alias_person_ids.iter().enumerate().map(alias).collect::<Result<_, _>>()?,
                }
            }
            Some(What::Erasure(erasure)) => {
                let mut persons = vec![convert::person(&erasure.person_id, "change.erasure.person_id")?];
                for (at, alias) in erasure.alias_person_ids.iter().enumerate() {
                    let field = format!("change.erasure.alias_person_ids[{at}]");
                    persons.push(convert::person(alias, &field)?);
                }
                let (high, low) = (self.ids.seed().to_be_bytes(), self.ids.seed().to_be_bytes());
                let mut anonymous = [0; 16];
                anonymous[..8].copy_from_slice(&high);
                anonymous[8..].copy_from_slice(&low);
                WhoIsWho::Erased { persons, anonymous }
            }
            None => return Err(Error::field("change", "must be a merge, a split or an erasure")),
        };
        if change.offset <= 0 {
            return Err(Error::field("change.offset", "must be at least 1"));
        }
        Ok(self.store.apply(Change { offset: change.offset, what }).await?)
    }
}

fn response(request: pb::RecordResponseRequest, now: Timestamp, prefix: &str) -> Result<Response, Error> {
    let field = |name: &'static str| path(prefix, name).into_owned();
    let decision = match request.decision_id.as_str() {
        "" => None,
        text => Some(convert::decision(text, &field("decision_id"))?),
    };
    let person = match request.person_id.as_str() {
        "" => None,
        text => Some(convert::person(text, &field("person_id"))?),
    };
    if decision.is_none() && person.is_none() {
        return Err(Error::field(field("person_id"), "must be set when decision_id is empty"));
    }
    let kind = convert::kind(&request.kind).ok_or_else(|| Error::field(field("kind"), "is not a kind of response"))?;
    Ok(Response {
        request_id: request.request_id,
        decision,
        person,
        offer: request.offer_id,
        kind,
        value: request.value,
        moment: Moment {
            time: convert::time(request.time, &field("time"))?.unwrap_or(now),
            sequence: request.sequence,
        },
    })
}

fn receipt(receipt: Receipt) -> pb::RecordResponseResponse {
    pb::RecordResponseResponse {
        decision_id: receipt.decision.map(|id| id.to_string()).unwrap_or_default(),
        duplicate: receipt.duplicate,
    }
}

fn imported(
    item: pb::ImportedDecision,
    catalogue: &Catalogue,
    policy: &Policy,
    prefix: &str,
) -> Result<Decision, Error> {
    let field = |name: &'static str| path(prefix, name).into_owned();
    let missing = || Error::field(field("time"), "must be set");
    let time = convert::time(item.time, &field("time"))?.ok_or_else(missing)?;
    let chosen = Chosen {
        message: None,
        score: 0.0,
        propensity: 0.0,
        value: catalogue.offer(&item.offer_id).map_or(0.0, |offer| offer.value),
        offer: item.offer_id.into(),
        selection_probability: item.selection_probability,
    };
    Ok(Decision {
        id: imported_id(&item.external_id),
        person: Some(convert::person(&item.person_id, &field("person_id"))?),
        time,
        sequence: item.sequence,
        request_id: None,
        placement: String::new(),
        channel: item.channel,
        catalogue_version: String::new(),
        model_version: 0,
        seed: 0,
        policy: policy.clone(),
        arm: None,
        contenders: Vec::new(),
        offered: vec![chosen],
        removed: Vec::new(),
        degradations: Vec::new(),
    })
}
