//! The matching model: published, read, and held against the records of today.

use attune_kernel::{Problem, Violation};
use attune_matching::model::drift;
use attune_matching::{Model, Prepared};
use attune_proto::identity::v1 as pb;
use attune_service_kit::crud::{PageToken, page_size};
use rustc_hash::FxHashMap;

use super::{Identity, convert};
use crate::domain::matching::RecordKey;
use crate::store::records::{Batch, Models, Published};

/// Records that a report looks at when the caller names no number.
const SAMPLE: usize = 10_000;
/// Records read at a time for that.
const STRETCH: usize = 2_000;
/// Where drawing pairs starts: a report is the same for the same records.
const SEED: u64 = 1;

impl Identity {
    pub(super) async fn publish(&self, message: pb::PublishModelRequest) -> Result<pb::MatchingModel, Problem> {
        let model = Model::from_json(&message.model_json).map_err(|error| {
            // The text of a parser names a place in the JSON; the model holds no value of a person but as a hash.
            let violation = Violation::new("model_json", format!("is not a matching model: {error}"));
            Problem { reason: "INVALID_MODEL", ..Problem::invalid(vec![violation]) }
        })?;
        let version = model.version();
        if self.matching.active().version != version || self.matching.active().number == 0 {
            let published = Published {
                number: 0,
                version: version.clone(),
                time: self.clock.now(),
                actor: message.actor,
                json: message.model_json,
            };
            self.matching.records.write(Batch { model: Some(published), ..Batch::default() }).await?;
            self.matching.refresh().await?;
        }
        let mut model = self.model(&version).await?;
        model.model_json.clear();
        Ok(model)
    }

    /// A version of the model, or the one in use.
    pub(super) async fn model(&self, version: &str) -> Result<pb::MatchingModel, Problem> {
        self.matching.refresh().await?;
        let active = self.matching.active();
        if version.is_empty() || version == active.version {
            return Ok(pb::MatchingModel {
                version: active.version.clone(),
                publish_time: active.time.and_then(convert::time),
                actor: active.actor.clone(),
                model_json: active.json.clone(),
                current: true,
            });
        }
        let published = self.matching.records.models(&Models::Version(version.to_owned())).await?.pop();
        let published = published.ok_or_else(|| Problem::not_found("model", version))?;
        Ok(model_message(published, false))
    }

    pub(super) async fn models(&self, message: pb::ListModelsRequest) -> Result<pb::ListModelsResponse, Problem> {
        let size = page_size(message.page_size)?;
        let below = match PageToken::decode("model", &message.page_token)? {
            Some(token) => Some(
                token.after.parse().map_err(|_| Problem::invalid_field("page_token", "is not a token of this list"))?,
            ),
            None => None,
        };
        self.matching.refresh().await?;
        let mut models = self.matching.records.models(&Models::Page { below, limit: size + 1 }).await?;
        let more = models.len() > size;
        models.truncate(size);
        let next_page_token = models
            .last()
            .filter(|_| more)
            .map(|last| PageToken::encode("model", &last.number.to_string()))
            .unwrap_or_default();
        let active = self.matching.active();
        let messages = models.into_iter().map(|model| {
            let current = model.number == active.number;
            model_message(model, current)
        });
        let mut models: Vec<pb::MatchingModel> = messages.collect();
        if active.number == 0 && below.is_none() {
            let default = self.model("").await?;
            models.push(pb::MatchingModel { model_json: String::new(), ..default });
        }
        Ok(pb::ListModelsResponse { models, next_page_token })
    }

    pub(super) async fn drift(&self, message: pb::GetDriftRequest) -> Result<pb::GetDriftResponse, Problem> {
        let most = usize::try_from(message.max_records).ok().filter(|most| *most > 0).unwrap_or(SAMPLE);
        let active = self.matching.active();
        let mut sample: Vec<Prepared> = Vec::new();
        let mut places: FxHashMap<RecordKey, u32> = FxHashMap::default();
        let mut candidates = Vec::new();
        let (mut after, mut records) = (None, 0);
        while records < most {
            let page = self.matching.records.page(after, STRETCH.min(most - records)).await?;
            let Some(last) = page.last().map(|record| record.key) else { break };
            (after, records) = (Some(last), records + page.len());
            let keys: Vec<RecordKey> = page.iter().map(|record| record.key).collect();
            let near = self.matching.records.neighbourhood(&keys).await?;
            let forms = page.iter().map(|record| (record.key, active.form_of(record)));
            let partners = near.records.iter().map(|(key, comparable)| (*key, active.form(comparable)));
            let mut known: Vec<(RecordKey, Option<Prepared>)> = forms.chain(partners).collect();
            known.sort_by_key(|(key, _)| *key);
            for (key, form) in known {
                if let (Some(form), false) = (form, places.contains_key(&key)) {
                    places.insert(key, u32::try_from(sample.len()).unwrap_or(u32::MAX));
                    sample.push(form);
                }
            }
            for pair in near.pairs {
                if let (Some(left), Some(right)) = (places.get(&pair.left), places.get(&pair.right)) {
                    candidates.push((*left, *right));
                }
            }
            tokio::task::yield_now().await;
        }
        candidates.sort_unstable();
        candidates.dedup();
        let found = {
            let active = std::sync::Arc::clone(&active);
            let work = move || drift(&active.model, &sample, &candidates, SEED);
            tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?
        };
        let max_stability_index = found.fields.iter().map(|field| field.stability_index).fold(0.0, f64::max);
        let levels = found.fields.into_iter().flat_map(|field| {
            field.levels.into_iter().map(move |level| pb::LevelDrift {
                field: field.field.clone(),
                level: level.level,
                m_trained: level.m_trained,
                m_now: level.m_now,
                u_trained: level.u_trained,
                u_now: level.u_now,
            })
        });
        Ok(pb::GetDriftResponse {
            model_version: found.model_version,
            records: i64::try_from(records).unwrap_or(i64::MAX),
            levels: levels.collect(),
            max_stability_index,
        })
    }
}

fn model_message(model: Published, current: bool) -> pb::MatchingModel {
    pb::MatchingModel {
        version: model.version,
        publish_time: convert::time(model.time),
        actor: model.actor,
        model_json: model.json,
        current,
    }
}
