//! Trigger rules and journeys from their messages to the domain.

use std::collections::BTreeSet;
use std::time::Duration;

use attune_kernel::{Problem, Violation};
use attune_proto::journey::v1 as pb;
use attune_proto::journey::v1::trigger_rule::Detector as PbDetector;
use attune_service_kit::crud::Records;
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use super::convert::duration;
use super::{Journeys, TriggerRules};
use crate::config::Config;
use crate::domain::condition::Condition;
use crate::domain::journey::{Journey, Stage};
use crate::domain::live::{ActiveRule, Rulebook};
use crate::domain::pattern::Pattern;
use crate::domain::trigger::{Detector, Limits, Restart, Rule};

/// The longest time a rule may wait or look back: ten years.
const LONGEST: Duration = Duration::from_secs(3653 * 86_400);

type Broken = Vec<Violation>;

/// What is wrong with a rule beyond its field rules.
pub(crate) fn check_rule(rule: &pb::TriggerRule, limits: Limits) -> Vec<Violation> {
    to_rule(rule, limits).err().unwrap_or_default()
}

/// What is wrong with a journey beyond its field rules.
pub(crate) fn check_journey(journey: &pb::Journey) -> Vec<Violation> {
    to_journey(journey).err().unwrap_or_default()
}

/// Everything that is watched. What is stored was checked, but by the limits of then: a rule that these limits refuse
/// is left out.
pub(crate) fn rulebook(records: &Records, config: &Config) -> Result<Rulebook, Problem> {
    let mut book = Rulebook { settle: config.settle, ..Rulebook::default() };
    for message in records.of::<TriggerRules>()?.into_iter().filter(|rule| rule.enabled) {
        match to_rule(&message, config.limits()) {
            Ok(rule) => book.rules.push(ActiveRule { rule, placement: message.placement }),
            Err(broken) => left_out("trigger rule", &message.trigger_rule_id, &broken),
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

fn to_rule(message: &pb::TriggerRule, limits: Limits) -> Result<Rule, Broken> {
    let mut broken = Broken::new();
    let cool_down = optional(message.cool_down.as_ref(), "cool_down", &mut broken);
    let detector = message.detector.as_ref().and_then(|detector| to_detector(detector, &mut broken));
    let Some(detector) = detector.filter(|_| broken.is_empty()) else { return Err(broken) };
    let rule = Rule {
        id: message.trigger_rule_id.clone(),
        version: version(message),
        cool_down: cool_down.unwrap_or_default(),
        detector,
        limits,
    };
    match rule.check() {
        Ok(()) => Ok(rule),
        Err(invalid) => Err(vec![Violation::new(invalid.field, invalid.message)]),
    }
}

/// A fingerprint of what the rule watches for: only a change of that makes its detectors begin anew.
fn version(message: &pb::TriggerRule) -> u64 {
    let watched = pb::TriggerRule { detector: message.detector.clone(), ..pb::TriggerRule::default() };
    let digest = Sha256::digest(watched.encode_to_vec());
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn to_detector(message: &PbDetector, broken: &mut Broken) -> Option<Detector> {
    match message {
        PbDetector::Abandoned(of) => {
            let start = to_condition(of.start.as_ref(), "abandoned.start", broken);
            let completion = to_condition(of.completion.as_ref(), "abandoned.completion", broken);
            let within = required(of.within.as_ref(), "abandoned.within", broken);
            Some(Detector::Abandoned {
                start: start?,
                completion: completion?,
                within: within?,
                restart: Restart::Latest,
            })
        }
        PbDetector::Sequence(of) => {
            let within = required(of.within.as_ref(), "sequence.within", broken);
            match Pattern::parse(&of.pattern) {
                Ok(pattern) => Some(Detector::Sequence { pattern, within: within? }),
                Err(error) => {
                    broken.push(Violation::new("sequence.pattern", error.to_string()));
                    None
                }
            }
        }
        PbDetector::Threshold(of) => {
            let condition = to_condition(of.condition.as_ref(), "threshold.condition", broken);
            let window = required(of.window.as_ref(), "threshold.window", broken);
            let property = (!of.property.is_empty()).then(|| of.property.clone());
            Some(Detector::Threshold { condition: condition?, property, limit: of.limit, window: window? })
        }
        PbDetector::Event(of) => Some(Detector::Event(to_condition(Some(of), "event", broken)?)),
        PbDetector::Inactive(of) => {
            Some(Detector::Inactive { after: required(of.after.as_ref(), "inactive.after", broken)? })
        }
    }
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

fn optional(message: Option<&prost_types::Duration>, field: &str, broken: &mut Broken) -> Option<Duration> {
    match duration(message?) {
        Some(duration) if duration <= LONGEST => Some(duration),
        Some(_) => {
            broken.push(Violation::new(field, "must be at most ten years"));
            None
        }
        None => {
            broken.push(Violation::new(field, "must not be negative"));
            None
        }
    }
}

fn required(message: Option<&prost_types::Duration>, field: &str, broken: &mut Broken) -> Option<Duration> {
    if message.is_none() {
        broken.push(Violation::new(field, "must be set"));
    }
    optional(message, field, broken)
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
