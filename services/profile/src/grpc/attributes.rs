//! Declarations of attributes, and what was kept aside for the want of one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use attune_kernel::{Problem, Timestamp, Violation};
use attune_proto::profile::v1 as proto;
use attune_service_kit::crud::{Compiled, Crud, PageToken, Writes, page_size};
use attune_storage::Resources;

use super::{Profiles, convert};
use crate::domain::rules::Rules;
use crate::domain::schema::{self, Admission, Definition, Group, Pii, Policy, Shape, Type};
use crate::error::Error;
use crate::store::body;

attune_service_kit::resource! {
    /// Declarations of attributes.
    pub(crate) AttributeDefinitions(proto::AttributeDefinition) { kind: "attribute_definition", id: attribute_id, check: check }
}

/// What is wrong with a declaration beyond its field rules.
fn check(one: &proto::AttributeDefinition) -> Vec<Violation> {
    let mut broken = Vec::new();
    let Some(definition) = definition(one) else {
        return vec![Violation::new("retention", "must be a positive duration")];
    };
    let by_source = definition.policy == Policy::SourcePriority;
    if by_source == definition.sources.is_empty() {
        let text = if by_source { "must name at least one source" } else { "is only for the policy source priority" };
        broken.push(Violation::new("source_priority", text));
    }
    if definition.policy == Policy::SetUnion && definition.shape != Shape::Set {
        broken.push(Violation::new("policy", "a set union is for attributes of the shape set"));
    }
    for (at, source) in one.source_priority.iter().enumerate() {
        if source.is_empty() || source.len() > 128 {
            broken.push(Violation::new(format!("source_priority[{at}]"), "must have 1 to 128 bytes"));
        }
    }
    broken
}

/// The domain's definition; none when the retention is not a duration.
pub(crate) fn definition(one: &proto::AttributeDefinition) -> Option<Definition> {
    use proto::{AttributeGroup as G, AttributeShape as S, AttributeType as T, ConflictPolicy as C, PiiClass as P};
    let retention = match one.retention {
        Some(span) => Some(Duration::from_secs(u64::try_from(span.seconds).ok().filter(|seconds| *seconds > 0)?)),
        None => None,
    };
    Some(Definition {
        id: one.attribute_id.clone(),
        description: one.description.clone(),
        group: match one.group() {
            G::Unspecified | G::Demographics => Group::Demographics,
            G::Holdings => Group::Holdings,
            G::Value => Group::Value,
            G::Behaviour => Group::Behaviour,
            G::Preference => Group::Preference,
            G::Relation => Group::Relation,
            G::Consent => Group::Consent,
            G::Scores => Group::Scores,
            G::ThirdParty => Group::ThirdParty,
        },
        of: match one.value_type() {
            T::Unspecified | T::String => Type::String,
            T::Int => Type::Int,
            T::Double => Type::Double,
            T::Bool => Type::Bool,
            T::Timestamp => Type::Timestamp,
            T::Date => Type::Date,
            T::Money => Type::Money,
        },
        shape: match one.shape() {
            S::Unspecified | S::Single => Shape::Single,
            S::List => Shape::List,
            S::Set => Shape::Set,
        },
        pii: match one.pii() {
            P::None => Pii::None,
            P::Pseudonymous => Pii::Pseudonymous,
            P::Unspecified | P::Personal => Pii::Personal,
            P::Sensitive => Pii::Sensitive,
        },
        retention,
        policy: match one.policy() {
            C::Unspecified | C::Latest => Policy::Latest,
            C::SourcePriority => Policy::SourcePriority,
            C::MostFrequent => Policy::MostFrequent,
            C::SetUnion => Policy::SetUnion,
        },
        sources: one.source_priority.clone(),
        owner: one.owner.clone(),
        deprecated: one.deprecated,
    })
}

/// A standard definition as the contract has it.
fn standard(one: &Definition) -> proto::AttributeDefinition {
    use proto::{AttributeGroup as G, AttributeShape as S, AttributeType as T, ConflictPolicy as C, PiiClass as P};
    let group = match one.group {
        Group::Demographics => G::Demographics,
        Group::Holdings => G::Holdings,
        Group::Value => G::Value,
        Group::Behaviour => G::Behaviour,
        Group::Preference => G::Preference,
        Group::Relation => G::Relation,
        Group::Consent => G::Consent,
        Group::Scores => G::Scores,
        Group::ThirdParty => G::ThirdParty,
    };
    let of = match one.of {
        Type::String => T::String,
        Type::Int => T::Int,
        Type::Double => T::Double,
        Type::Bool => T::Bool,
        Type::Timestamp => T::Timestamp,
        Type::Date => T::Date,
        Type::Money => T::Money,
    };
    let shape = match one.shape {
        Shape::Single => S::Single,
        Shape::List => S::List,
        Shape::Set => S::Set,
    };
    let pii = match one.pii {
        Pii::None => P::None,
        Pii::Pseudonymous => P::Pseudonymous,
        Pii::Personal => P::Personal,
        Pii::Sensitive => P::Sensitive,
    };
    let policy = match one.policy {
        Policy::Latest => C::Latest,
        Policy::SourcePriority => C::SourcePriority,
        Policy::MostFrequent => C::MostFrequent,
        Policy::SetUnion => C::SetUnion,
    };
    let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    proto::AttributeDefinition {
        attribute_id: one.id.clone(),
        description: one.description.clone(),
        group: group.into(),
        value_type: of.into(),
        shape: shape.into(),
        pii: pii.into(),
        retention: one.retention.map(|span| prost_types::Duration { seconds: seconds(span), nanos: 0 }),
        policy: policy.into(),
        source_priority: one.sources.clone(),
        owner: one.owner.clone(),
        deprecated: one.deprecated,
        standard: true,
        ..proto::AttributeDefinition::default()
    }
}

/// The declarations: those of the business over the standard ones.
pub(crate) struct Attributes {
    crud: Crud<AttributeDefinitions>,
    resources: Arc<dyn Resources>,
    writes: Writes,
    rules: Arc<Compiled<Arc<Rules>>>,
}

impl Attributes {
    pub(crate) fn new(resources: Arc<dyn Resources>, writes: Writes, rules: Arc<Compiled<Arc<Rules>>>) -> Self {
        Self { crud: Crud::new(Arc::clone(&resources), writes.clone()), resources, writes, rules }
    }

    /// Declares an attribute. In the place of a standard one only what the standard one may become.
    pub(super) async fn create(
        &self,
        request: proto::CreateAttributeDefinitionRequest,
        now: Timestamp,
    ) -> Result<proto::AttributeDefinition, Problem> {
        let new = request.attribute_definition.as_ref().and_then(definition);
        if let Some(new) = new
            && let Some(old) = schema::standard().iter().find(|old| old.id == new.id)
            && self.rules.get().await?.registry().definition(&new.id) == Some(old)
        {
            may_become(old, &new)?;
        }
        self.crud.create(request.attribute_definition, &request.request_id, now).await
    }

    pub(super) async fn get(&self, id: &str) -> Result<proto::AttributeDefinition, Problem> {
        match self.crud.get(id).await {
            Err(problem) => {
                let rules = self.rules.get().await?;
                let known = rules.registry().definition(id).filter(|one| one.id == id);
                known.filter(|_| problem.code == attune_kernel::Code::NotFound).map(standard).ok_or(problem)
            }
            found => found,
        }
    }

    /// A page of all declarations by id.
    pub(super) async fn list(
        &self,
        request: &proto::ListAttributeDefinitionsRequest,
    ) -> Result<proto::ListAttributeDefinitionsResponse, Problem> {
        const KIND: &str = "attribute_definition";
        let size = page_size(request.page_size)?;
        let after = PageToken::decode(KIND, &request.page_token)?.map(|token| token.after);
        let later = |id: &str| after.as_deref().is_none_or(|after| id > after);
        let rules = self.rules.get().await?;
        let known = rules.registry().definitions().filter(|one| later(&one.id)).take(size + 1);
        let mut all: BTreeMap<String, proto::AttributeDefinition> =
            known.map(|one| (one.id.clone(), standard(one))).collect();
        for record in self.resources.list(KIND, after.as_deref(), size + 1).await? {
            let one = self.crud.get(&record.id).await?;
            all.insert(record.id, one);
        }
        let more = all.len() > size;
        let attribute_definitions: Vec<_> = all.into_values().take(size).collect();
        let last = attribute_definitions.last().filter(|_| more);
        let next_page_token = last.map(|last| PageToken::encode(KIND, &last.attribute_id)).unwrap_or_default();
        Ok(proto::ListAttributeDefinitionsResponse { attribute_definitions, next_page_token })
    }

    /// Changes a declaration; whoever came between makes it start again, so what was checked is what is written.
    pub(super) async fn update(
        &self,
        request: proto::UpdateAttributeDefinitionRequest,
        now: Timestamp,
    ) -> Result<proto::AttributeDefinition, Problem> {
        let id = request.attribute_definition.as_ref().map(|one| one.attribute_id.clone()).unwrap_or_default();
        let old = definition(&self.crud.get(&id).await?);
        let refused = Arc::new(parking_lot::Mutex::new(Vec::new()));
        let (seen, prior) = (Arc::clone(&refused), old.clone());
        // The check sees the declaration as it would be, after the mask.
        let crud = Crud::<AttributeDefinitions>::new(Arc::clone(&self.resources), self.writes.clone()).checked_by(
            move |one| {
                let broken = check(one);
                if let (true, Some(old), Some(new)) = (broken.is_empty(), &prior, definition(one)) {
                    let against = schema::refused(old, &new);
                    if !against.is_empty() {
                        *seen.lock() = against.clone();
                        return against;
                    }
                }
                broken
            },
        );
        let updated = crud.update(request.attribute_definition, request.update_mask, now).await;
        let against = std::mem::take(&mut *refused.lock());
        if against.is_empty() { updated } else { Err(refusal(against)) }
    }
}

fn may_become(old: &Definition, new: &Definition) -> Result<(), Problem> {
    let against = schema::refused(old, new);
    if against.is_empty() { Ok(()) } else { Err(refusal(against)) }
}

fn refusal(mut against: Vec<Violation>) -> Problem {
    for one in &mut against {
        one.field = format!("attribute_definition.{}", one.field);
    }
    Error::Schema(against).into()
}

impl Profiles {
    /// What was kept aside of a person, with the reason as of now.
    pub(super) async fn aside_values(&self, person_id: &str) -> Result<Vec<proto::AsideValue>, Problem> {
        let document = self.document(person_id).await?;
        let rules = self.rules.get().await?;
        let one = |(name, one): (&str, &crate::domain::document::Attribute)| {
            let Admission::Aside(why) = rules.registry().admit(name, &one.value, &one.source) else { return None };
            Some(proto::AsideValue {
                attribute_id: name.to_owned(),
                value: Some(body::value(&one.value)),
                source: one.source.clone(),
                event_time: Some(convert::stamp(one.event_time)),
                receive_time: Some(convert::stamp(one.received)),
                lineage: one.lineage.clone(),
                reason: why.reason().to_owned(),
                detail: why.detail(),
            })
        };
        Ok(document.aside().filter_map(one).collect())
    }
}
