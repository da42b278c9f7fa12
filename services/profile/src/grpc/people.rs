//! Reading and writing profiles, tags and consents.

use std::collections::BTreeSet;
use std::sync::Arc;

use attune_kernel::{Problem, Violation};
use attune_proto::profile::v1 as proto;

use super::{Profiles, check, convert};
use crate::domain::document::{Attribute, Document, Tag};
use crate::error::Error;
use crate::store::body;

/// An attribute to write. Without a time of its own it is true from the call on, whatever is known of now.
#[derive(Clone)]
struct Write {
    name: String,
    attribute: Attribute,
    timed: bool,
}

impl Profiles {
    /// A snapshot.
    pub(super) async fn snapshot(&self, person_id: &str) -> Result<proto::Profile, Problem> {
        check::id("person_id", person_id)?;
        let mut profiles = self.profiles(&[person_id.to_owned()]).await?;
        profiles.pop().ok_or_else(|| Problem::internal("the store answered nothing"))
    }

    /// Snapshots in order.
    pub(super) async fn snapshots(&self, person_ids: &[String]) -> Result<Vec<proto::Profile>, Problem> {
        let broken = |(at, id): (usize, &String)| check::id(&format!("person_ids[{at}]"), id).err();
        let broken: Vec<Violation> =
            person_ids.iter().enumerate().filter_map(broken).flat_map(|problem| problem.violations).collect();
        if !broken.is_empty() {
            return Err(Problem::invalid(broken));
        }
        self.profiles(person_ids).await
    }

    /// Writes attributes.
    pub(super) async fn update(
        &self,
        request: proto::UpdateProfileRequest,
    ) -> Result<proto::UpdateProfileResponse, Problem> {
        let profile = request.profile.unwrap_or_default();
        check::id("profile.person_id", &profile.person_id)?;
        let mut broken = Vec::new();
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
        names.sort();
        names.dedup();
        let now = self.clock.now();
        let mut writes = Vec::new();
        for name in names {
            let given = profile.attributes.get(&name);
            let field = format!("profile.attributes[{name:?}]");
            let event_time = given.and_then(|one| one.event_time.as_ref());
            let event_time = check::past(&format!("{field}.event_time"), event_time, now).unwrap_or_else(|violation| {
                broken.push(violation);
                None
            });
            broken.extend(check::attribute(&field, &name, given.and_then(|one| one.value.as_ref())));
            let value = given.and_then(|one| one.value.as_ref()).map_or(serde_json::Value::Null, body::json);
            let source = given.map(|one| one.source.clone()).unwrap_or_default();
            let timed = event_time.is_some();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to 1, as the field rules say"
            )]
            let confidence = given.and_then(|one| one.confidence).map(|share| (share * 1000.0).round() as u16);
            let attribute = Attribute {
                value,
                source,
                event_time: event_time.unwrap_or(now),
                received: now,
                confidence,
                lineage: request.request_id.clone(),
                ..Attribute::default()
            };
            writes.push(Write { name, attribute, timed });
        }
        if !broken.is_empty() {
            return Err(Problem::invalid(broken));
        }
        let (etag, named) = (profile.etag.clone(), profile.person_id.clone());
        let rules = Arc::clone(&*self.rules.get().await?);
        let judged = Arc::clone(&rules);
        let written: BTreeSet<String> = writes.iter().map(|one| one.name.clone()).collect();
        let change = move |document: &mut Document| {
            if !etag.is_empty() && etag != document.revision.to_string() {
                return Err(Error::Etag);
            }
            let mut changed = false;
            for Write { name, mut attribute, timed } in writes.iter().cloned() {
                match document.attributes.get(&name) {
                    // Two calls at one tick of the clock: the later call is the later word.
                    Some(known) if !timed && known.event_time >= attribute.event_time => {
                        attribute.event_time = known.event_time.plus(std::time::Duration::from_micros(1));
                    }
                    _ => {}
                }
                let removes = attribute.value.is_null() && !document.attributes.contains_key(&name);
                match document.hear(&named, &name, attribute, rules.registry()) {
                    // There is nothing to remove and no room for the word that it is gone.
                    Err(_) if removes => {}
                    done => changed |= done?.changed,
                }
            }
            Ok(changed)
        };
        let request_id = once("update", &request.request_id);
        self.change(&profile.person_id, request_id, change).await?;
        let aside = self.aside_values(&profile.person_id).await?;
        let aside: Vec<_> = aside.into_iter().filter(|one| written.contains(&one.attribute_id)).collect();
        self.metrics.aside.add(aside.len() as u64, &[]);
        let profile = convert::profile(&self.document(&profile.person_id).await?, judged.catalogue(), now);
        Ok(proto::UpdateProfileResponse { profile: Some(profile), aside })
    }

    /// Puts a tag on or takes it off.
    pub(super) async fn tag(
        &self,
        person_id: &str,
        name: String,
        on: Option<String>,
    ) -> Result<Vec<proto::Tag>, Problem> {
        self.tags.by_hand(&name).await?;
        let now = self.clock.now();
        let named = person_id.to_owned();
        let change = move |document: &mut Document| {
            let changed = match &on {
                Some(source) => document.add_tag(&named, &name, Tag { source: source.clone(), added: now })?,
                None => document.remove_tag(&named, &name),
            };
            if changed {
                document.note_tag(&name, on.as_deref().unwrap_or_default(), on.is_some(), now);
            }
            Ok(changed)
        };
        self.change(person_id, String::new(), change).await?;
        Ok(convert::tags(&self.document(person_id).await?))
    }
}

/// A request's id within its method; empty stays empty.
pub(super) fn once(method: &str, request_id: &str) -> String {
    if request_id.is_empty() { String::new() } else { format!("{method}:{request_id}") }
}
