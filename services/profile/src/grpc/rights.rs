//! Rights of persons, and changes of who is who.

use std::sync::Arc;

use attune_kernel::{Personal, Problem, Timestamp};
use attune_proto::identity::v1::person_change::Change;
use attune_proto::profile::v1 as proto;
use attune_service_kit::metrics::KeyValue;
use attune_service_kit::status::to_status;
use futures::stream::{self, BoxStream, StreamExt as _};
use serde_json::{Value, json};
use tonic::Status;

use super::people::once;
use super::{Profiles, check};
use crate::domain::catalogue::Catalogue;
use crate::domain::document::Document;
use crate::domain::event::{Filter, Place};
use crate::store::{Once, Rewrite, Rewritten, Store, body};

/// Events that one section of an export carries, if they are small.
const EXPORT_PAGE: usize = 500;
/// Bytes after which a section ends, well below what a message may have.
const EXPORT_BYTES: usize = 1 << 20;

type Sections = BoxStream<'static, Result<proto::ExportPersonResponse, Status>>;

/// Where a timeline's export is.
struct Export {
    store: Arc<dyn Store>,
    person_id: String,
    after: Option<Place>,
}

impl Profiles {
    /// Everything stored of a person, a section at a time; the timeline is read page by page as the caller takes it.
    pub(super) async fn export(&self, person_id: &str) -> Result<Sections, Problem> {
        let document = self.document(person_id).await?;
        let now = self.clock.now();
        let first = vec![
            section("profile", &profile(&document, self.rules.get().await?.catalogue(), now)),
            section("tags", &json!(document.tags)),
            section("consents", &json!(document.consents)),
        ];
        let export = Export { store: Arc::clone(&self.store), person_id: document.person_id, after: None };
        let timeline = stream::try_unfold(export, |export| async move { export.page().await.map_err(to_status) });
        Ok(stream::iter(first.into_iter().map(Ok)).chain(timeline).boxed())
    }

    /// Removes everything of a person.
    pub(super) async fn erase(&self, request: &proto::ErasePersonRequest) -> Result<Rewritten, Problem> {
        check::id("person_id", &request.person_id)?;
        let change = Rewrite::Erase { persons: vec![request.person_id.clone()] };
        let id = once("erase", &request.request_id);
        let once = if id.is_empty() { Once::No } else { Once::Request(id) };
        self.rewrite(once, change, "erasure").await
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
                let mut persons = vec![split.person_id.clone(), split.split_person_id.clone()];
                persons.extend(split.split_alias_person_ids.iter().cloned());
                let via = split.identifiers.into_iter().map(|one| (one.namespace, one.value)).collect();
                let rewrite = Rewrite::Split {
                    person: split.person_id,
                    split: split.split_person_id,
                    ids: split.split_alias_person_ids,
                    via: Personal::new(via),
                };
                (rewrite, "split", persons)
            }
            Some(Change::Erasure(erasure)) => {
                let mut persons = erasure.alias_person_ids;
                persons.push(erasure.person_id);
                (Rewrite::Erase { persons: persons.clone() }, "erasure", persons)
            }
            None => return Err(Problem::invalid_field("change.change", "one of merge, split, erasure is required")),
        };
        for (at, person) in persons.iter().enumerate() {
            check::id(&format!("change.{kind}.person_ids[{at}]"), person)?;
        }
        Ok(self.rewrite(Once::Offset(offset), rewrite, kind).await?.applied)
    }

    async fn rewrite(&self, once: Once, change: Rewrite, kind: &'static str) -> Result<Rewritten, Problem> {
        let rules = Arc::clone(&*self.rules.get().await?);
        let done = self.store.rewrite(once, change, rules, self.clock.now()).await?;
        self.snapshots.forget(&done.written).await;
        if done.applied {
            self.metrics.rewrites.add(1, &[KeyValue::new("kind", kind)]);
        }
        Ok(done)
    }
}

impl Export {
    async fn page(mut self) -> Result<Option<(proto::ExportPersonResponse, Self)>, Problem> {
        let filter = Filter { ascending: true, ..Filter::default() };
        let rows = self.store.timeline(&self.person_id, &filter, self.after.as_ref(), EXPORT_PAGE).await?;
        let (mut events, mut bytes) = (Vec::new(), 0);
        for (place, row) in rows {
            bytes += row.len();
            events.push(event(&body::message(&row, &self.person_id)?, place.0));
            self.after = Some(place);
            if bytes > EXPORT_BYTES {
                break;
            }
        }
        Ok((!events.is_empty()).then(|| (section("timeline", &Value::Array(events)), self)))
    }
}

fn section(name: &str, json: &Value) -> proto::ExportPersonResponse {
    proto::ExportPersonResponse { section: name.to_owned(), json: json.to_string() }
}

fn profile(document: &Document, catalogue: &Catalogue, now: Timestamp) -> Value {
    json!({
        "person_id": document.person_id,
        "attributes": document.values().collect::<std::collections::BTreeMap<_, _>>(),
        "aside": document.aside().collect::<std::collections::BTreeMap<_, _>>(),
        "scores": document.scores,
        "quiet": document.quiet,
        "tag_history": document.stays(),
        "rule_tags": document.rule_tags,
        "traits": document.traits.at(catalogue, now),
        "segments": document.segments,
        "recorded_under": recorded_under(document),
        "etag": document.revision.to_string(),
        "update_time": (!document.is_new()).then(|| document.updated.to_string()),
    })
}

/// What was written under each id of a merged person, which the profile shows as one.
fn recorded_under(document: &Document) -> Value {
    let parts = document.parts().map(|(id, part)| {
        let part = json!(part);
        (id.clone(), part)
    });
    Value::Object(parts.collect())
}

fn event(event: &proto::Event, time: Timestamp) -> Value {
    let properties = event.properties.iter().flat_map(|properties| &properties.fields);
    let properties: serde_json::Map<_, _> = properties.map(|(name, value)| (name.clone(), body::json(value))).collect();
    let received = event.receive_time.as_ref().and_then(|at| Timestamp::from_seconds_nanos(at.seconds, at.nanos).ok());
    json!({
        "event_id": event.event_id,
        "event": event.event,
        "time": time.to_string(),
        "sequence": event.sequence,
        "channel": event.channel,
        "session_id": event.session_id,
        "source": event.source,
        "receive_time": received.map(|time| time.to_string()),
        "via": event.via.as_ref().map(|via| json!({"namespace": via.namespace, "value": via.value})),
        "properties": properties,
    })
}
