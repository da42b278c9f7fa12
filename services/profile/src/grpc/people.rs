//! Reading and writing profiles, consents, rights, and changes of who is who.

use std::sync::Arc;

use attune_kernel::{Personal, Problem, Violation};
use attune_proto::identity::v1::person_change::Change;
use attune_proto::profile::v1 as proto;
use attune_service_kit::metrics::KeyValue;
use prost::Message as _;
use serde_json::json;

use super::{Profiles, cache_key, convert};
use crate::domain::consent::{self, Consent};
use crate::domain::document::{Attribute, MAX_ATTRIBUTES, MAX_TAGS, Tag};
use crate::domain::event::Filter;
use crate::error::Error;
use crate::store::{Rewrite, Rewritten, body};

/// Events that one section of an export carries.
const EXPORT_PAGE: usize = 500;

impl Profiles {
    /// A snapshot, from the cache when it is there.
    pub(super) async fn snapshot(&self, person_id: &str) -> Result<proto::Profile, Problem> {
        let key = cache_key(person_id);
        let source = |name: &'static str| [KeyValue::new("source", name)];
        if let Some(cached) = self.cache.get(&key).await.and_then(|bytes| proto::Profile::decode(bytes.as_slice()).ok())
        {
            self.metrics.snapshots.add(1, &source("cache"));
            return Ok(cached);
        }
        self.metrics.snapshots.add(1, &source("store"));
        let profile = convert::profile(&self.document(person_id).await?, self.clock.now());
        self.cache.set(&key, &profile.encode_to_vec(), self.config.cache_ttl).await;
        Ok(profile)
    }

    /// Snapshots in order.
    pub(super) async fn snapshots(&self, person_ids: &[String]) -> Result<Vec<proto::Profile>, Problem> {
        let now = self.clock.now();
        self.metrics.snapshots.add(person_ids.len() as u64, &[KeyValue::new("source", "store")]);
        Ok(self.store.documents(person_ids).await?.iter().map(|document| convert::profile(document, now)).collect())
    }

    /// Writes attributes.
    pub(super) async fn update(&self, request: proto::UpdateProfileRequest) -> Result<proto::Profile, Problem> {
        let profile = request.profile.unwrap_or_default();
        let mut broken = Vec::new();
        if profile.person_id.is_empty() {
            broken.push(Violation::new("profile.person_id", "must not be empty"));
        }
        let paths = request.update_mask.map(|mask| mask.paths).unwrap_or_default();
        let mut names = Vec::new();
        for (index, path) in paths.iter().enumerate() {
            match path.strip_prefix("attributes.") {
                Some(name) if !name.is_empty() => names.push(name.to_owned()),
                _ => broken.push(Violation::new(format!("update_mask.paths[{index}]"), "must be attributes.<name>")),
            }
        }
        if paths.is_empty() {
            names.extend(profile.attributes.keys().cloned());
        }
        let now = self.clock.now();
        let mut writes = Vec::new();
        for name in names {
            let given = profile.attributes.get(&name);
            let at = |part: &str| format!("profile.attributes[{name:?}].{part}");
            let event_time = match convert::time(&at("event_time"), given.and_then(|one| one.event_time.as_ref())) {
                Ok(time) => time.unwrap_or(now),
                Err(violation) => {
                    broken.push(violation);
                    now
                }
            };
            if name.len() > 256 {
                broken.push(Violation::new(at("name"), "must have at most 256 characters"));
            }
            let value = given.and_then(|one| one.value.as_ref()).map_or(serde_json::Value::Null, body::json);
            let source = given.map(|one| one.source.clone()).unwrap_or_default();
            writes.push((name, Attribute { value, source, event_time, received: now }));
        }
        if !broken.is_empty() {
            return Err(Problem::invalid(broken));
        }
        let etag = profile.etag.clone();
        let change = move |document: &mut crate::domain::document::Document| {
            if !etag.is_empty() && etag != document.revision.to_string() {
                return Err(Error::Etag);
            }
            for (name, attribute) in &writes {
                if !document.attributes.contains_key(name) && document.attributes.len() >= MAX_ATTRIBUTES {
                    return Err(Error::Full("attributes", MAX_ATTRIBUTES));
                }
                document.set_attribute(name, attribute.clone());
            }
            Ok(())
        };
        self.change(&profile.person_id, &request.request_id, change).await?;
        Ok(convert::profile(&self.document(&profile.person_id).await?, now))
    }

    /// Puts a tag on or takes it off.
    pub(super) async fn tag(
        &self,
        person_id: &str,
        name: String,
        on: Option<String>,
    ) -> Result<Vec<proto::Tag>, Problem> {
        let now = self.clock.now();
        let change = move |document: &mut crate::domain::document::Document| {
            match &on {
                Some(source) => {
                    if !document.tags.contains_key(&name) && document.tags.len() >= MAX_TAGS {
                        return Err(Error::Full("tags", MAX_TAGS));
                    }
                    document.tags.entry(name.clone()).or_insert_with(|| Tag { source: source.clone(), added: now });
                }
                None => {
                    document.tags.remove(&name);
                }
            }
            Ok(())
        };
        self.change(person_id, "", change).await?;
        Ok(convert::tags(&self.document(person_id).await?))
    }

    /// Records a word of a person.
    pub(super) async fn consent(&self, request: proto::SetConsentRequest) -> Result<Vec<proto::Consent>, Problem> {
        let word = request.consent.unwrap_or_default();
        let time =
            convert::time("consent.time", word.time.as_ref()).map_err(|violation| Problem::invalid(vec![violation]))?;
        let word = Consent {
            purpose: word.purpose,
            channel: word.channel,
            granted: word.granted,
            time: time.unwrap_or_else(|| self.clock.now()),
            source: word.source,
            proof: word.proof,
        };
        let change = move |document: &mut crate::domain::document::Document| {
            consent::record(&mut document.consents, word.clone());
            Ok(())
        };
        self.change(&request.person_id, "", change).await?;
        Ok(self.document(&request.person_id).await?.consents.iter().map(convert::consent).collect())
    }

    /// Whether a contact is allowed.
    pub(super) async fn may_contact(
        &self,
        request: &proto::MayContactRequest,
    ) -> Result<proto::MayContactResponse, Problem> {
        let document = self.document(&request.person_id).await?;
        let answer =
            consent::may_contact(&document.consents, &self.config.consent_defaults, &request.purpose, &request.channel);
        Ok(proto::MayContactResponse {
            allowed: answer.allowed,
            reason: answer.reason.to_owned(),
            consent: answer.consent.map(convert::consent),
        })
    }

    /// Everything stored of a person, a section at a time.
    pub(super) async fn export(&self, person_id: &str) -> Result<Vec<proto::ExportPersonResponse>, Problem> {
        let document = self.document(person_id).await?;
        let section = |name: &str, json: serde_json::Value| proto::ExportPersonResponse {
            section: name.to_owned(),
            json: json.to_string(),
        };
        let mut out = vec![
            section(
                "profile",
                json!({"person_id": document.person_id, "attributes": document.attributes, "traits": document.traits.at(self.clock.now()), "segments": document.segments}),
            ),
            section("tags", json!(document.tags)),
            section("consents", json!(document.consents)),
        ];
        let filter = Filter { ascending: true, ..Filter::default() };
        let mut after = None;
        loop {
            let rows = self.store.timeline(person_id, &filter, after.as_ref(), EXPORT_PAGE).await?;
            let Some((last, _)) = rows.last().cloned() else { break };
            let events = rows
                .iter()
                .map(|(place, bytes)| {
                    let event = body::message(bytes, &document.person_id)?;
                    let properties: serde_json::Map<_, _> =
                        event.properties.unwrap_or_default().fields.iter().map(|(name, value)| (name.clone(), body::json(value))).collect();
                    let via = event.via.map(|via| json!({"namespace": via.namespace, "value": via.value}));
                    Ok(json!({
                        "event_id": event.event_id, "event": event.event, "time": place.0.to_string(), "channel": event.channel,
                        "session_id": event.session_id, "source": event.source, "via": via, "properties": properties,
                    }))
                })
                .collect::<Result<Vec<_>, Error>>()?;
            out.push(section("timeline", json!(events)));
            after = Some(last);
        }
        Ok(out)
    }

    /// Removes everything of a person.
    pub(super) async fn erase(&self, person_id: &str) -> Result<Rewritten, Problem> {
        let change = Rewrite::Erase { persons: vec![person_id.to_owned()] };
        self.rewrite(None, change, "erasure", &[person_id.to_owned()]).await
    }

    /// Applies a change of who is who.
    pub(super) async fn apply(&self, request: proto::ApplyPersonChangeRequest) -> Result<bool, Problem> {
        let change = request.change.unwrap_or_default();
        let offset = u64::try_from(change.offset).ok().filter(|offset| *offset > 0);
        let offset = offset.ok_or_else(|| Problem::invalid_field("change.offset", "must be at least 1"))?;
        let (rewrite, kind, persons) = match change.change {
            Some(Change::Merge(merge)) => {
                let persons = vec![merge.surviving_person_id.clone(), merge.merged_person_id.clone()];
                let rewrite = Rewrite::Merge { surviving: merge.surviving_person_id, merged: merge.merged_person_id };
                (rewrite, "merge", persons)
            }
            Some(Change::Split(split)) => {
                let persons = vec![split.person_id.clone(), split.split_person_id.clone()];
                let via = split.identifiers.into_iter().map(|one| (one.namespace, one.value)).collect();
                let rewrite =
                    Rewrite::Split { person: split.person_id, split: split.split_person_id, via: Personal::new(via) };
                (rewrite, "split", persons)
            }
            Some(Change::Erasure(erasure)) => {
                let mut persons = erasure.alias_person_ids;
                persons.push(erasure.person_id);
                (Rewrite::Erase { persons: persons.clone() }, "erasure", persons)
            }
            None => return Err(Problem::invalid_field("change.change", "one of merge, split, erasure is required")),
        };
        Ok(self.rewrite(Some(offset), rewrite, kind, &persons).await?.applied)
    }

    async fn rewrite(
        &self,
        offset: Option<u64>,
        change: Rewrite,
        kind: &'static str,
        persons: &[String],
    ) -> Result<Rewritten, Problem> {
        let segments = Arc::clone(&*self.segments.get().await?);
        let done = self.store.rewrite(offset, change, segments, self.clock.now()).await?;
        self.forget(persons).await;
        if done.applied {
            self.metrics.rewrites.add(1, &[KeyValue::new("kind", kind)]);
        }
        Ok(done)
    }
}
