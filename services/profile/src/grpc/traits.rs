//! Declarations of traits.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_aggregate::{Cuts, Declaration, Operation};
use attune_kernel::{Code, Problem, Timestamp, Violation};
use attune_proto::profile::v1 as proto;
use attune_service_kit::crud::{Compiled, Crud, PageToken, Records, Writes, page_size};
use attune_storage::Resources;

use super::Profiles;
use crate::domain::catalogue::{self, Catalogue};
use crate::domain::rules::Rules;
use crate::store::Progress;

attune_service_kit::resource! {
    /// Declarations of traits.
    pub(crate) TraitDefinitions(proto::TraitDefinition) { kind: "trait_definition", id: trait_id }
}

/// Most traits that may be declared.
const MAX_TRAITS: usize = 500;

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// The domain's declaration.
///
/// # Errors
/// What is wrong with fields that only the contract has as texts.
pub(crate) fn declaration(one: &proto::TraitDefinition) -> Result<Declaration, Vec<Violation>> {
    let mut broken = Vec::new();
    let operation: Option<Operation> = serde_json::from_value(one.operation.as_str().into()).ok();
    if operation.is_none() {
        broken.push(Violation::new("operation", format!("'{}' is no operation", one.operation)));
    }
    let of = (!one.value_type.is_empty()).then(|| serde_json::from_value(one.value_type.as_str().into()));
    let of = of.transpose().unwrap_or_else(|_| {
        broken.push(Violation::new("value_type", format!("'{}' is no type", one.value_type)));
        None
    });
    if one.quantiles == 1 {
        broken.push(Violation::new("quantiles", "must be 0 or 2 to 10"));
    } else if one.quantiles > 0 && operation.is_some_and(|of| of != Operation::Rfm) {
        broken.push(Violation::new("quantiles", "is for the operation rfm"));
    }
    let (Some(operation), true) = (operation, broken.is_empty()) else { return Err(broken) };
    let number = |number: i32| u32::try_from(number).ok().filter(|number| *number > 0);
    Ok(Declaration {
        description: one.description.clone(),
        events: one.events.clone(),
        channels: one.channels.clone(),
        condition: some(&one.condition),
        property: some(&one.property),
        weight: some(&one.weight),
        window: some(&one.window),
        bucket: some(&one.bucket),
        zone: some(&one.time_zone),
        limit: number(one.limit),
        unit: some(&one.unit),
        periods: number(one.periods),
        half_life: some(&one.half_life),
        horizon: some(&one.horizon),
        answers: one.answers.clone(),
        removes: one.removes.clone(),
        clears: one.clears.clone(),
        cuts: one.cuts.as_ref().map(|cuts| Cuts {
            recency: cuts.recency.clone(),
            frequency: cuts.frequency.clone(),
            monetary: cuts.monetary.clone(),
        }),
        numerator: some(&one.numerator),
        denominator: some(&one.denominator),
        expression: some(&one.expression),
        of,
        ..Declaration::new(&one.trait_id, operation)
    })
}

/// A declaration as the contract has it.
fn message(one: &Declaration) -> proto::TraitDefinition {
    let name = |value: serde_json::Result<serde_json::Value>| {
        value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let number = |number: Option<u32>| i32::try_from(number.unwrap_or_default()).unwrap_or_default();
    proto::TraitDefinition {
        trait_id: one.name.clone(),
        description: one.description.clone(),
        operation: name(serde_json::to_value(one.operation)),
        events: one.events.clone(),
        channels: one.channels.clone(),
        condition: text(&one.condition),
        property: text(&one.property),
        weight: text(&one.weight),
        window: text(&one.window),
        bucket: text(&one.bucket),
        time_zone: text(&one.zone),
        limit: number(one.limit),
        unit: text(&one.unit),
        periods: number(one.periods),
        half_life: text(&one.half_life),
        horizon: text(&one.horizon),
        answers: one.answers.clone(),
        removes: one.removes.clone(),
        clears: one.clears.clone(),
        cuts: one.cuts.as_ref().map(|cuts| proto::TraitCuts {
            recency: cuts.recency.clone(),
            frequency: cuts.frequency.clone(),
            monetary: cuts.monetary.clone(),
        }),
        numerator: text(&one.numerator),
        denominator: text(&one.denominator),
        expression: text(&one.expression),
        value_type: one.of.as_ref().map(|of| name(serde_json::to_value(of))).unwrap_or_default(),
        ..proto::TraitDefinition::default()
    }
}

/// The traits of a process: those of the business over the standard ones. What two writers made wrong together is left out.
///
/// # Errors
/// When what is stored cannot be read.
pub(crate) fn catalogue(records: &Records, standard: bool) -> Result<Arc<Catalogue>, Problem> {
    let declared = records.of::<TraitDefinitions>()?;
    if declared.is_empty() && standard {
        return Ok(catalogue::default());
    }
    let declared = declared.iter().filter_map(|one| declaration(one).ok()).collect();
    let (catalogue, left) = Catalogue::lenient(over_standard(declared, standard));
    if !left.is_empty() {
        tracing::warn!(traits = ?left, "declared traits do not compile together and are left out");
    }
    Ok(Arc::new(catalogue))
}

/// Standard declarations, each unless one of the same name takes its place, and then these.
fn over_standard(declared: Vec<Declaration>, standard: bool) -> Vec<Declaration> {
    let replaced = |one: &Declaration| declared.iter().any(|other| other.name == one.name);
    let known = catalogue::standard().iter().filter(|one| standard && !replaced(one)).cloned();
    known.chain(declared.iter().cloned()).collect()
}

/// What is wrong with a declaration among the others.
fn check(one: &proto::TraitDefinition, others: &[Declaration]) -> Vec<Violation> {
    let new = match declaration(one) {
        Ok(new) => new,
        Err(broken) => return broken,
    };
    let mut all: Vec<Declaration> = others.iter().filter(|other| other.name != new.name).cloned().collect();
    if all.len() >= MAX_TRAITS {
        return vec![Violation::new("trait_id", format!("is one more than {MAX_TRAITS} traits"))];
    }
    let own = format!("traits[{}]", all.len());
    all.push(new);
    let Err(broken) = Catalogue::new(all.clone()) else { return Vec::new() };
    let field = |one: Violation| match one.field.strip_prefix(&own) {
        Some(rest) => {
            let field = match rest.trim_start_matches('.') {
                "name" => "trait_id",
                "where" => "condition",
                "zone" => "time_zone",
                "type" => "value_type",
                "" => "operation",
                field => field,
            };
            Violation::new(field, one.description)
        }
        None => {
            let number =
                one.field.strip_prefix("traits[").and_then(|rest| rest.split_once(']')?.0.parse::<usize>().ok());
            let name = number.and_then(|at| all.get(at)).map_or("", |other| other.name.as_str());
            Violation::new("trait_id", format!("another trait, '{name}', would be wrong: {}", one.description))
        }
    };
    broken.into_iter().map(field).collect()
}

/// The declared traits.
pub(crate) struct Traits {
    crud: Crud<TraitDefinitions>,
    resources: Arc<dyn Resources>,
    rules: Arc<Compiled<Arc<Rules>>>,
}

impl Traits {
    pub(crate) fn new(resources: Arc<dyn Resources>, writes: Writes, rules: Arc<Compiled<Arc<Rules>>>) -> Self {
        Self { crud: Crud::new(Arc::clone(&resources), writes), resources, rules }
    }

    /// The declarations with a check against all that are there now.
    async fn checked(&self) -> Result<Crud<TraitDefinitions>, Problem> {
        let rules = Arc::clone(&*self.rules.get().await?);
        Ok(self.crud.clone().checked_by(move |one| check(one, rules.catalogue().declarations())))
    }

    pub(super) async fn create(
        &self,
        request: proto::CreateTraitDefinitionRequest,
        now: Timestamp,
    ) -> Result<proto::TraitDefinition, Problem> {
        self.checked().await?.create(request.trait_definition, &request.request_id, now).await
    }

    pub(super) async fn update(
        &self,
        request: proto::UpdateTraitDefinitionRequest,
        now: Timestamp,
    ) -> Result<proto::TraitDefinition, Problem> {
        self.checked().await?.update(request.trait_definition, request.update_mask, now).await
    }

    /// The standard trait of a name, where it is in force.
    async fn standard(&self, id: &str) -> Result<Option<proto::TraitDefinition>, Problem> {
        let rules = self.rules.get().await?;
        let found = rules.catalogue().declarations().iter().find(|one| one.name == id);
        let standard = found.filter(|one| catalogue::standard().contains(one));
        Ok(standard.map(|one| proto::TraitDefinition { standard: true, ..message(one) }))
    }

    pub(super) async fn get(&self, id: &str) -> Result<proto::TraitDefinition, Problem> {
        match self.crud.get(id).await {
            Err(problem) if problem.code == Code::NotFound => self.standard(id).await?.ok_or(problem),
            found => found,
        }
    }

    /// Takes a declared trait away; a standard one of its name comes back.
    pub(super) async fn delete(&self, request: &proto::DeleteTraitDefinitionRequest) -> Result<(), Problem> {
        let rules = self.rules.get().await?;
        let mut left: Vec<Declaration> = rules.catalogue().declarations().to_vec();
        left.retain(|one| one.name != request.trait_id);
        left.extend(catalogue::standard().iter().find(|one| one.name == request.trait_id).cloned());
        if let Err(broken) = Catalogue::new(left) {
            let why =
                broken.into_iter().map(|one| Violation::new("trait_id", format!("is needed: {}", one.description)));
            return Err(Problem::invalid(why.collect::<Vec<_>>()));
        }
        self.crud.delete(&request.trait_id, &request.etag).await
    }

    /// A page of all traits by name.
    pub(super) async fn list(
        &self,
        request: &proto::ListTraitDefinitionsRequest,
    ) -> Result<(Vec<proto::TraitDefinition>, String), Problem> {
        const KIND: &str = "trait_definition";
        let size = page_size(request.page_size)?;
        let after = PageToken::decode(KIND, &request.page_token)?.map(|token| token.after);
        let rules = self.rules.get().await?;
        let known = rules.catalogue().declarations().iter().filter(|one| catalogue::standard().contains(one));
        let later = known.filter(|one| after.as_deref().is_none_or(|after| one.name.as_str() > after));
        let standard = |one: &Declaration| proto::TraitDefinition { standard: true, ..message(one) };
        let mut all: BTreeMap<String, _> = later.map(|one| (one.name.clone(), standard(one))).collect();
        for record in self.resources.list(KIND, after.as_deref(), size + 1).await? {
            let one = self.crud.get(&record.id).await?;
            all.insert(record.id, one);
        }
        let more = all.len() > size;
        let page: Vec<_> = all.into_values().take(size).collect();
        let last = page.last().filter(|_| more);
        let next = last.map(|last| PageToken::encode(KIND, &last.trait_id)).unwrap_or_default();
        Ok((page, next))
    }

    /// Declares the traits of a library that are not there yet.
    pub(super) async fn install(
        &self,
        library: &str,
        now: Timestamp,
    ) -> Result<proto::InstallTraitLibraryResponse, Problem> {
        let shipped = catalogue::shipped(library)
            .ok_or_else(|| Problem::invalid_field("library", "must be default, bank or shop"))?;
        let rules = Arc::clone(&*self.rules.get().await?);
        let mut all = rules.catalogue().declarations().to_vec();
        let mut done = proto::InstallTraitLibraryResponse::default();
        let new: Vec<Declaration> =
            shipped.into_iter().filter(|one| !all.iter().any(|other| other.name == one.name)).collect();
        all.extend(new.iter().cloned());
        if all.len() > MAX_TRAITS {
            return Err(Problem::invalid_field("library", format!("would make more than {MAX_TRAITS} traits")));
        }
        // Together they are checked before the first is written: one may be made of another.
        Catalogue::new(all).map_err(Problem::invalid)?;
        let crud = self.crud.clone().checked_by(|_| Vec::new());
        let total = catalogue::shipped(library).map_or(0, |all| all.len());
        for one in &new {
            match crud.create(Some(message(one)), "", now).await {
                Ok(_) => done.created += 1,
                Err(problem) if problem.code == Code::AlreadyExists => {}
                Err(problem) => return Err(problem),
            }
        }
        done.existing = i32::try_from(total).unwrap_or(i32::MAX) - done.created;
        Ok(done)
    }
}

impl Profiles {
    /// A page of traits, with how far everybody is brought up to them.
    pub(super) async fn list_traits(
        &self,
        request: &proto::ListTraitDefinitionsRequest,
    ) -> Result<proto::ListTraitDefinitionsResponse, Problem> {
        let (trait_definitions, next_page_token) = self.traits.list(request).await?;
        let progress = Progress::read(&*self.store).await?;
        let wide = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let rules = self.rules.get().await?;
        let backfill = proto::TraitBackfill {
            done: progress.done && progress.wanted.starts_with(rules.fingerprint()),
            persons: wide(progress.persons),
            filled: wide(progress.filled),
        };
        Ok(proto::ListTraitDefinitionsResponse { trait_definitions, next_page_token, backfill: Some(backfill) })
    }
}
