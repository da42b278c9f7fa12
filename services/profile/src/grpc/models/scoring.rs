//! Writes persons' scores.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use attune_kernel::{Problem, Timestamp};
use attune_proto::profile::v1 as proto;
use attune_proto::profile::v1::person_set::Set;
use attune_service_kit::status::to_status;
use futures::stream::{self, BoxStream, StreamExt as _};
use tonic::Status;

use super::{Body, Given, Models};
use crate::domain::batch::Batch;
use crate::domain::catalogue::Catalogue;
use crate::domain::document::Document;
use crate::domain::features::texts;
use crate::domain::score::{Reason, Score};
use crate::error::Error;
use crate::grpc::convert;
use crate::store::Work;

/// Persons scored in one transaction.
const STEP: usize = 250;
/// Reasons unless the request says how many.
const REASONS: usize = 3;
/// Characters that a reason's name may have in the contract.
const MAX_NAME: usize = 128;

type Parts = BoxStream<'static, Result<proto::ScorePersonsResponse, Status>>;

/// Who is still to be scored.
enum Ahead {
    /// Everybody after an id.
    Everybody(Option<String>),
    /// These.
    List(VecDeque<String>),
    /// Nobody.
    Nobody,
}

/// A scoring under way.
struct Scoring {
    given: Given,
    scorer: Arc<Scorer>,
    ahead: Ahead,
    said: proto::ScorePersonsResponse,
    /// The sum of all scores.
    sum: f64,
}

/// A model with how its scores are written.
struct Scorer {
    id: String,
    body: Body,
    /// The places of the model's columns.
    places: HashMap<String, usize>,
    reasons: usize,
    until: Option<Timestamp>,
}

impl Models {
    /// Scores as the caller takes the answers.
    pub(super) async fn score(&self, request: proto::ScorePersonsRequest) -> Result<Parts, Problem> {
        let until = convert::time("expire_time", request.expire_time.as_ref());
        let until = until.map_err(|violation| Problem::invalid(vec![violation]))?;
        if until.is_some_and(|until| until <= self.given.clock.now()) {
            return Err(Problem::invalid_field("expire_time", "must be after the time of the call"));
        }
        let body = self.learned(&request.model_id).await?;
        let persons = request.persons.unwrap_or_default();
        let ahead = match &persons.set {
            Some(Set::Everybody(_)) => Ahead::Everybody(None),
            _ => Ahead::List(self.given.audiences.persons("persons", persons).await?.into()),
        };
        let total = if let Ahead::List(persons) = &ahead { persons.len() } else { 0 };
        let said = proto::ScorePersonsResponse {
            person_count: count(total),
            version: body.version.clone(),
            ..proto::ScorePersonsResponse::default()
        };
        let places =
            body.model.columns.iter().enumerate().map(|(place, column)| (column.name.clone(), place)).collect();
        let reasons = usize::try_from(request.reasons).ok().filter(|count| *count > 0).unwrap_or(REASONS);
        let scorer = Arc::new(Scorer { id: request.model_id, body, places, reasons, until });
        let scoring = Scoring { given: self.given.clone(), scorer, ahead, said, sum: 0.0 };
        let parts = stream::try_unfold(scoring, |scoring| async move { scoring.next().await.map_err(to_status) });
        Ok(parts.boxed())
    }
}

impl Scoring {
    /// The next persons' scores, and how far it is.
    async fn next(mut self) -> Result<Option<(proto::ScorePersonsResponse, Self)>, Problem> {
        let persons = match &mut self.ahead {
            Ahead::Nobody => return Ok(None),
            Ahead::List(list) => list.drain(..list.len().min(STEP)).collect(),
            Ahead::Everybody(after) => {
                let page = self.given.store.persons(after.as_deref(), STEP).await?;
                if let Some(last) = page.last() {
                    *after = Some(last.clone());
                }
                page
            }
        };
        if persons.is_empty() {
            self.ahead = Ahead::Nobody;
            self.said.person_count = self.said.scored_count + self.said.refused_count;
            return Ok(Some((self.said.clone(), self)));
        }
        let (given, scorer) = (&self.given, Arc::clone(&self.scorer));
        let (now, rules) = (given.clock.now(), Arc::clone(&*given.rules.get().await?));
        let documents = given.store.documents(&persons).await?;
        let by = Arc::clone(&rules);
        let scored = tokio::task::spawn_blocking(move || {
            let mut met = BTreeSet::new();
            // Two ids may be one person by now.
            let documents = documents.iter().filter(|one| !one.is_new() && met.insert(one.person_id.clone()));
            documents.map(|one| (one.person_id.clone(), scorer.score(one, by.catalogue(), now))).collect::<Vec<_>>()
        });
        let scored = scored.await.map_err(Problem::internal)?;
        self.sum += scored.iter().map(|(_, score)| score.value).sum::<f64>();
        let (all, refused) = (scored.len(), Arc::new(AtomicUsize::new(0)));
        let (full, model) = (Arc::clone(&refused), self.scorer.id.clone());
        let work = Work {
            fill: false,
            events: Arc::default(),
            persons: scored.iter().map(|(person, _)| person.clone()).collect(),
            decide: Arc::new(move |batch: &mut Batch, _| {
                // A unit that is tried again counts anew.
                full.store(0, Ordering::Relaxed);
                for (person, score) in &scored {
                    batch.change_named::<Error>(person, |document| {
                        Ok(document.record_score(person, &model, score.clone()).unwrap_or_else(|_| {
                            full.fetch_add(1, Ordering::Relaxed);
                            false
                        }))
                    })?;
                }
                Ok(())
            }),
            rules,
            now,
            request_id: String::new(),
        };
        let done = given.store.work(work).await?;
        given.snapshots.renew(&done.written).await;
        let refused = refused.load(Ordering::Relaxed);
        self.said.refused_count += count(refused);
        self.said.scored_count += count(all - refused.min(all));
        let so_far = self.said.scored_count + self.said.refused_count;
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let mean = self.sum / so_far.max(1) as f64;
        self.said.mean_score = mean;
        Ok(Some((self.said.clone(), self)))
    }
}

impl Scorer {
    /// A person's score as of `now`.
    fn score(&self, document: &Document, catalogue: &Catalogue, now: Timestamp) -> Score {
        let model = &self.body.model;
        let mut row: Vec<Option<String>> = vec![None; model.columns.len()];
        texts(document, catalogue, now, |column, text| {
            if let Some(slot) = self.places.get(column).and_then(|place| row.get_mut(*place)) {
                *slot = Some(text.to_owned());
            }
        });
        let mut bins = vec![0; model.columns.len()];
        model.cut(|place| row.get(place).and_then(Option::as_deref), &mut bins);
        let pushed = model.explain(&bins).columns;
        let mut order: Vec<usize> = (0..pushed.len()).filter(|place| pushed[*place] != 0.0).collect();
        order.sort_by(|one, two| pushed[*two].abs().total_cmp(&pushed[*one].abs()).then(one.cmp(two)));
        let reason = |place: usize| Reason {
            name: model.columns[place].name.chars().take(MAX_NAME).collect(),
            contribution: pushed[place],
        };
        Score {
            value: model.probability(&bins),
            version: self.body.version.clone(),
            time: now,
            received: now,
            until: self.until,
            reasons: order.into_iter().take(self.reasons).map(reason).collect(),
        }
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
