//! The library of tags, what it did to persons, and the history of theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_expression::Schema;
use attune_kernel::{Code, Problem, Timestamp, Violation};
use attune_proto::profile::v1 as proto;
use attune_service_kit::crud::{Crud, Writes};
use attune_storage::Resources;

use super::{Profiles, convert};
use crate::domain::document::Document;
use crate::domain::library;
use crate::domain::rules::Rules;
use crate::domain::segment::{self, Segment};
use crate::domain::tag::{Basis, State, TagMove, TagRule};
use crate::error::Error;
use crate::store::TAG_FEED;

attune_service_kit::resource! {
    /// Tags of the library.
    pub(crate) TagDefinitions(proto::TagDefinition) { kind: "tag_definition", id: tag_id }
}

/// What is wrong with a tag beyond its field rules; its rule is checked with the types of a schema if there is one.
fn check(one: &proto::TagDefinition, schema: Option<&Schema>) -> Vec<Violation> {
    let mut broken = Vec::new();
    let rule = one.basis() == proto::TagBasis::Rule;
    if rule {
        broken.extend(segment::check("expression", &one.expression, schema));
    } else if !one.expression.is_empty() {
        broken.push(Violation::new("expression", "is for tags that a rule puts on"));
    }
    match (&one.band, one.basis() == proto::TagBasis::ScoreBand) {
        (None, true) => broken.push(Violation::new("band", "must be set")),
        (Some(_), false) => broken.push(Violation::new("band", "is for tags that a score puts on")),
        (Some(band), true)
            if band.from_value.is_some_and(|from| band.below_value.is_some_and(|below| from >= below)) =>
        {
            broken.push(Violation::new("band.below_value", "must be above from_value"));
        }
        _ => {}
    }
    for (field, time) in [("start_time", one.start_time.as_ref()), ("end_time", one.end_time.as_ref())] {
        broken.extend(convert::time(field, time).err());
    }
    broken
}

const fn state(of: proto::TagState) -> State {
    match of {
        proto::TagState::Unspecified | proto::TagState::Draft => State::Draft,
        proto::TagState::Active => State::Active,
        proto::TagState::Deprecated => State::Deprecated,
        proto::TagState::Retired => State::Retired,
    }
}

const fn name(of: State) -> &'static str {
    match of {
        State::Draft => "draft",
        State::Active => "active",
        State::Deprecated => "deprecated",
        State::Retired => "retired",
    }
}

/// The rule of a tag that is judged; none of one that people put on.
pub(crate) fn rule(one: &proto::TagDefinition) -> Option<TagRule> {
    let basis = match one.basis() {
        proto::TagBasis::Rule => Basis::Rule(Segment::new(&one.tag_id, &one.expression)?),
        proto::TagBasis::ScoreBand => {
            let band = one.band.as_ref()?;
            Basis::Band { model: band.model_id.clone(), from: band.from_value, below: band.below_value }
        }
        proto::TagBasis::Manual | proto::TagBasis::Unspecified => return None,
    };
    let time = |time: Option<&prost_types::Timestamp>| convert::time("", time).ok().flatten();
    Some(TagRule {
        id: one.tag_id.clone(),
        basis,
        state: state(one.state()),
        from: time(one.start_time.as_ref()),
        until: time(one.end_time.as_ref()),
    })
}

/// The stays of a person as the contract has them.
pub(super) fn stays(document: &Document) -> Vec<proto::TagStay> {
    let one = |one: &crate::domain::history::Stay| proto::TagStay {
        tag: one.tag.clone(),
        by: one.by.clone(),
        start_time: Some(convert::stamp(one.since)),
        end_time: one.until.map(convert::stamp),
    };
    document.stays().into_iter().map(one).collect()
}

/// The library.
pub(crate) struct Tags {
    pub(super) crud: Crud<TagDefinitions>,
    resources: Arc<dyn Resources>,
    writes: Writes,
}

impl Tags {
    pub(crate) fn new(resources: Arc<dyn Resources>, writes: Writes) -> Self {
        Self { crud: Crud::new(Arc::clone(&resources), writes.clone()), resources, writes }
    }

    /// Refuses to put on or take off by hand what a rule or band decides.
    pub(super) async fn by_hand(&self, tag: &str) -> Result<(), Problem> {
        match self.crud.get(tag).await {
            Ok(one) if one.basis() != proto::TagBasis::Manual => {
                Err(Problem::invalid_field("tag", "is put on and taken off by its rule or band only"))
            }
            Err(problem) if problem.code != Code::NotFound => Err(problem),
            _ => Ok(()),
        }
    }

    /// Changes a tag; its state goes one step at a time and its basis does not change.
    pub(super) async fn update(
        &self,
        request: proto::UpdateTagDefinitionRequest,
        rules: Arc<Rules>,
        now: Timestamp,
    ) -> Result<proto::TagDefinition, Problem> {
        let id = request.tag_definition.as_ref().map(|one| one.tag_id.clone()).unwrap_or_default();
        let old = self.crud.get(&id).await?;
        let (from, basis, rule) = (state(old.state()), old.basis(), old.expression);
        let refused = Arc::new(parking_lot::Mutex::new(None));
        let seen = Arc::clone(&refused);
        // The check sees the tag as it would be, after the mask.
        let crud =
            Crud::<TagDefinitions>::new(Arc::clone(&self.resources), self.writes.clone()).checked_by(move |one| {
                // The rule that it has already may stay, whatever was declared or taken away since.
                let mut broken = check(one, rules.schema().filter(|_| one.expression != rule));
                let to = state(one.state());
                if !from.may_become(to) {
                    *seen.lock() = Some(Error::TagState(name(from), name(to)));
                    broken.push(Violation::new("state", "does not follow"));
                }
                if one.basis() != basis {
                    broken.push(Violation::new("basis", "does not change"));
                }
                broken
            });
        let updated = crud.update(request.tag_definition, request.update_mask, now).await;
        let refused = refused.lock().take();
        refused.map_or(updated, |error| Err(error.into()))
    }

    async fn all(&self) -> Result<Vec<proto::TagDefinition>, Problem> {
        let (mut all, mut token) = (Vec::new(), String::new());
        loop {
            let page = self.crud.list(1000, &token).await?;
            all.extend(page.items);
            token = page.next_page_token;
            if token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// The categories with their sub-categories and tags.
    pub(super) async fn categories(&self) -> Result<Vec<proto::TagCategory>, Problem> {
        let mut tree: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        for one in self.all().await? {
            tree.entry(one.category).or_default().entry(one.subcategory).or_default().push(one.tag_id);
        }
        let categories = tree.into_iter().map(|(category, inner)| proto::TagCategory {
            category,
            subcategories: inner
                .into_iter()
                .map(|(subcategory, tag_ids)| proto::TagSubcategory { subcategory, tag_ids })
                .collect(),
        });
        Ok(categories.collect())
    }

    /// Creates the tags of a library where they are not there yet.
    pub(super) async fn install(
        &self,
        request: &proto::InstallTagLibraryRequest,
        now: Timestamp,
    ) -> Result<proto::InstallTagLibraryResponse, Problem> {
        let shipped =
            library::tags(&request.library).ok_or_else(|| Problem::invalid_field("library", "must be bank"))?;
        let state = match request.state() {
            proto::TagState::Unspecified | proto::TagState::Draft => proto::TagState::Draft,
            proto::TagState::Active => proto::TagState::Active,
            _ => return Err(Problem::invalid_field("state", "must be draft or active")),
        };
        let mut done = proto::InstallTagLibraryResponse::default();
        for one in shipped {
            let basis = if one.rule.is_empty() { proto::TagBasis::Manual } else { proto::TagBasis::Rule };
            let tag = proto::TagDefinition {
                tag_id: one.id.clone(),
                category: one.category.clone(),
                subcategory: one.subcategory.clone(),
                display_name: one.name.clone(),
                owner: "library".to_owned(),
                state: state.into(),
                basis: basis.into(),
                expression: one.rule.clone(),
                ..proto::TagDefinition::default()
            };
            // A rule of a library reads what the business may not have declared yet.
            match self.crud.clone().checked_by(|one| check(one, None)).create(Some(tag), "", now).await {
                Ok(_) => done.created += 1,
                Err(problem) if problem.code == Code::AlreadyExists => done.existing += 1,
                Err(problem) => return Err(problem),
            }
        }
        Ok(done)
    }
}

impl Profiles {
    /// Changes a tag.
    pub(super) async fn update_tag(
        &self,
        request: proto::UpdateTagDefinitionRequest,
    ) -> Result<proto::TagDefinition, Problem> {
        let rules = Arc::clone(&*self.rules.get().await?);
        self.tags.update(request, rules, self.clock.now()).await
    }

    /// Creates a tag.
    pub(super) async fn create_tag(
        &self,
        request: proto::CreateTagDefinitionRequest,
    ) -> Result<proto::TagDefinition, Problem> {
        let rules = Arc::clone(&*self.rules.get().await?);
        let crud = self.tags.crud.clone().checked_by(move |one| check(one, rules.schema()));
        crud.create(request.tag_definition, &request.request_id, self.clock.now()).await
    }

    /// A part of the feed of tags.
    pub(super) async fn tag_moves(
        &self,
        request: &proto::ReadTagChangesRequest,
    ) -> Result<proto::ReadTagChangesResponse, Problem> {
        let (entries, next_offset) =
            self.entries(TAG_FEED, request.after_offset, request.max_changes, request.wait_millis).await?;
        let change = |entry: attune_storage::feed::Entry| {
            let one: TagMove = serde_json::from_slice(&entry.body).map_err(Problem::internal)?;
            Ok(proto::TagChange {
                offset: i64::try_from(entry.offset).unwrap_or(i64::MAX),
                tag: one.tag,
                person_id: one.person_id,
                added: one.added,
                time: Some(convert::stamp(one.time)),
            })
        };
        let changes = entries.into_iter().map(change).collect::<Result<_, Problem>>()?;
        Ok(proto::ReadTagChangesResponse { changes, next_offset })
    }
}
