//! Sets of trigger rules and journeys from their messages to the domain.

use std::collections::BTreeSet;
use std::sync::Arc;

use attune_kernel::{Problem, Violation};
use attune_proto::journey::v1 as pb;
use attune_proto::journey::v1::trigger_rule_set::Rules;
use attune_service_kit::crud::Records;
use attune_trigger::file::RulesFile;
use attune_trigger::{Engine, Limits, RuleError, from_yaml, library, locate};

use super::{Journeys, TriggerRuleSets};
use crate::config::Config;
use crate::domain::condition::Condition;
use crate::domain::journey::{Journey, Stage};
use crate::domain::live::Rulebook;
use crate::domain::trigger::RuleSet;

type Broken = Vec<Violation>;

/// The libraries of rules: name and file.
pub(super) const TEMPLATES: [(&str, &str); 2] = [("bank", library::BANK), ("shop", library::SHOP)];

/// What is wrong with a set beyond its field rules.
pub(crate) fn check_set(set: &pb::TriggerRuleSet, limits: Limits) -> Vec<Violation> {
    compile(set, limits).map(|_| ()).map_err(|wrong| wrong.violations()).err().unwrap_or_default()
}

/// What is wrong with a journey beyond its field rules.
pub(crate) fn check_journey(journey: &pb::Journey) -> Vec<Violation> {
    to_journey(journey).err().unwrap_or_default()
}

/// Everything that is watched. What is stored was checked, but by the limits of then: a set that these limits refuse
/// is left out.
pub(crate) fn rulebook(records: &Records, config: &Config) -> Result<Rulebook, Problem> {
    let mut book = Rulebook { settle: config.settle, ..Rulebook::default() };
    for message in records.of::<TriggerRuleSets>()?.into_iter().filter(|set| set.enabled) {
        match compile(&message, config.limits()) {
            Ok((_, engine)) => {
                let set = RuleSet::new(message.trigger_rule_set_id, message.placement, engine);
                book.sets.push(Arc::new(set));
            }
            Err(wrong) => left_out("set of trigger rules", &message.trigger_rule_set_id, &wrong.violations()),
        }
    }
    for message in records.of::<Journeys>()? {
        match to_journey(&message) {
            Ok(journey) => book.journeys.push(journey),
            Err(broken) => left_out("journey", &message.journey_id, &broken),
        }
    }
    Ok(book)
}

fn left_out(kind: &'static str, id: &str, broken: &[Violation]) {
    let first = broken.first().map(|one| format!("{}: {}", one.field, one.description)).unwrap_or_default();
    tracing::error!(kind, id, problem = first, "a stored resource is not watched because it no longer fits");
}

/// Why a set cannot watch.
#[derive(Debug)]
pub(super) enum Wrong {
    /// A field of the message.
    Field(Broken),
    /// Places in its file of rules.
    File(Vec<RuleError>),
}

impl Wrong {
    /// As violations of the message.
    pub(super) fn violations(self) -> Broken {
        match self {
            Self::Field(broken) => broken,
            Self::File(errors) => errors.iter().map(|error| Violation::new("source", error.to_string())).collect(),
        }
    }
}

/// The rules of a set, those that it picks, and the engine that runs them.
pub(super) fn compile(set: &pb::TriggerRuleSet, limits: Limits) -> Result<(RulesFile, Engine), Wrong> {
    let (text, of_people) = match &set.rules {
        Some(Rules::Source(source)) => (source.as_str(), true),
        Some(Rules::Template(name)) => match TEMPLATES.iter().find(|(known, _)| known == name) {
            Some((_, text)) => (*text, false),
            None => {
                return Err(Wrong::Field(vec![Violation::new(
                    "template",
                    "names no library: there are bank and shop",
                )]));
            }
        },
        // What is missing is a field rule's to tell.
        None => return Err(Wrong::Field(Vec::new())),
    };
    let file = from_yaml(text).map_err(|error| Wrong::File(vec![error]))?;
    let unknown = |(at, id): (usize, &String)| {
        let known = file.rules.iter().any(|rule| rule.id == *id);
        (!known).then(|| Violation::new(format!("rule_ids[{at}]"), "names no rule of the file"))
    };
    let unknown: Broken = set.rule_ids.iter().enumerate().filter_map(unknown).collect();
    if !unknown.is_empty() {
        return Err(Wrong::Field(unknown));
    }
    let engine = |file: &RulesFile| {
        Engine::new(file, limits).map_err(|mut errors| {
            if of_people {
                locate(text, &mut errors);
            }
            Wrong::File(errors)
        })
    };
    if set.rule_ids.is_empty() {
        let engine = engine(&file)?;
        return Ok((file, engine));
    }
    // The whole file must be right, so that what is wrong is told by its lines.
    if of_people {
        engine(&file)?;
    }
    let picked: BTreeSet<&String> = set.rule_ids.iter().collect();
    let rules = file.rules.iter().filter(|rule| picked.contains(&rule.id)).cloned().collect();
    let file = RulesFile { rules, ..file };
    let engine = engine(&file)?;
    Ok((file, engine))
}

fn to_condition(message: Option<&pb::EventCondition>, field: &str, broken: &mut Broken) -> Option<Condition> {
    let Some(message) = message else {
        broken.push(Violation::new(field, "must be set"));
        return None;
    };
    match Condition::expressed(&message.event, &message.predicate) {
        Ok(condition) => Some(condition),
        Err(diagnostics) => {
            let field = format!("{field}.predicate");
            broken.extend(diagnostics.iter().map(|one| Violation::new(field.as_str(), one.to_string())));
            None
        }
    }
}

fn to_journey(message: &pb::Journey) -> Result<Journey, Broken> {
    let mut broken = Broken::new();
    let mut names = BTreeSet::new();
    let mut stages = Vec::with_capacity(message.stages.len());
    for (at, stage) in message.stages.iter().enumerate() {
        if !names.insert(stage.stage.as_str()) {
            broken.push(Violation::new(format!("stages[{at}].stage"), "must be unique within the journey"));
        }
        if let Some(entry) = to_condition(stage.entry.as_ref(), &format!("stages[{at}].entry"), &mut broken) {
            stages.push(Stage { name: stage.stage.clone(), entry });
        }
    }
    if broken.is_empty() { Ok(Journey { id: message.journey_id.clone(), stages, exit: None }) } else { Err(broken) }
}
