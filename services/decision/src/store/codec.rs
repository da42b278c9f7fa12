//! A decision as bytes: a protobuf message of this module, so that fields can be added later. Numbers are kept to the last
//! bit; the person is not part of it, because it changes when persons merge.

use std::borrow::Cow;
use std::sync::Arc;

use attune_kernel::{DecisionId, Timestamp};
use attune_storage::StorageError;
use prost::Message;
use rustc_hash::FxHashMap;

use crate::domain::arbitration::Contender;
use crate::domain::model::Posterior;
use crate::domain::policy::{Exploration, Policy, Treatment};
use crate::domain::record::{Chosen, Decision, Removal, Stage, Why};
use crate::domain::response::Kind;

#[derive(Clone, PartialEq, Message)]
struct Body {
    #[prost(int64, tag = "1")]
    time: i64,
    #[prost(int64, tag = "2")]
    sequence: i64,
    #[prost(string, optional, tag = "3")]
    request_id: Option<String>,
    #[prost(string, tag = "4")]
    placement: String,
    #[prost(string, tag = "5")]
    channel: String,
    #[prost(string, tag = "6")]
    catalogue_version: String,
    #[prost(uint64, tag = "7")]
    model_version: u64,
    #[prost(fixed64, tag = "8")]
    seed: u64,
    #[prost(message, optional, tag = "9")]
    policy: Option<PolicyBody>,
    /// 0 for an imported decision.
    #[prost(uint32, tag = "10")]
    arm: u32,
    #[prost(message, repeated, tag = "11")]
    contenders: Vec<ContenderBody>,
    #[prost(message, repeated, tag = "12")]
    offered: Vec<ChosenBody>,
    #[prost(message, repeated, tag = "13")]
    removed: Vec<RemovedBody>,
    #[prost(string, repeated, tag = "14")]
    degradations: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct PolicyBody {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(uint32, tag = "2")]
    exploration: u32,
    #[prost(double, tag = "3")]
    control_share: f64,
    #[prost(double, tag = "4")]
    exploration_floor: f64,
    #[prost(bool, tag = "5")]
    ignore_value: bool,
    #[prost(bool, tag = "6")]
    ignore_lever: bool,
    #[prost(uint32, tag = "7")]
    learn_from: u32,
}

#[derive(Clone, PartialEq, Message)]
struct ContenderBody {
    #[prost(string, tag = "1")]
    offer: String,
    #[prost(double, tag = "2")]
    alpha: f64,
    #[prost(double, tag = "3")]
    beta: f64,
    #[prost(double, tag = "4")]
    value: f64,
    #[prost(double, tag = "5")]
    context_weight: f64,
    #[prost(double, tag = "6")]
    lever: f64,
}

#[derive(Clone, PartialEq, Message)]
struct ChosenBody {
    #[prost(string, tag = "1")]
    offer: String,
    #[prost(string, optional, tag = "2")]
    message: Option<String>,
    #[prost(double, tag = "3")]
    score: f64,
    #[prost(double, tag = "4")]
    propensity: f64,
    #[prost(double, tag = "5")]
    value: f64,
    #[prost(double, tag = "6")]
    selection_probability: f64,
}

/// All offers that one reason removed: a reason is written once however many it ended.
#[derive(Clone, PartialEq, Message)]
struct RemovedBody {
    #[prost(uint32, tag = "1")]
    stage: u32,
    #[prost(string, tag = "2")]
    rule: String,
    #[prost(string, tag = "3")]
    attribute: String,
    #[prost(string, tag = "4")]
    value_read: String,
    #[prost(string, tag = "5")]
    threshold: String,
    #[prost(string, repeated, tag = "6")]
    offers: Vec<String>,
}

const ARMS: [Treatment; 3] = [Treatment::Arbitrated, Treatment::Control, Treatment::Fallback];
const EXPLORATIONS: [Exploration; 3] = [Exploration::Thompson, Exploration::Greedy, Exploration::Uniform];

fn number<T: PartialEq>(all: &[T], one: &T) -> u32 {
    all.iter().position(|other| other == one).and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX)
}

fn named<T: Copy>(all: &[T], number: u32, what: &str) -> Result<T, StorageError> {
    let found = usize::try_from(number).ok().and_then(|at| all.get(at));
    found.copied().ok_or_else(|| StorageError::Corrupt(format!("decision: unknown {what}")))
}

/// A kind as a number.
pub(super) fn kind_number(kind: Kind) -> u32 {
    number(&Kind::ALL, &kind)
}

/// A kind from its number.
pub(super) fn kind(number: u32) -> Result<Kind, StorageError> {
    named(&Kind::ALL, number, "kind")
}

/// Writes a decision without its id and person.
pub(super) fn encode(decision: &Decision) -> Vec<u8> {
    let contender = |contender: &Contender| ContenderBody {
        offer: contender.offer.to_string(),
        alpha: contender.posterior.alpha(),
        beta: contender.posterior.beta(),
        value: contender.value,
        context_weight: contender.context_weight,
        lever: contender.lever,
    };
    let chosen = |chosen: &Chosen| ChosenBody {
        offer: chosen.offer.to_string(),
        message: chosen.message.as_ref().map(ToString::to_string),
        score: chosen.score,
        propensity: chosen.propensity,
        value: chosen.value,
        selection_probability: chosen.selection_probability,
    };
    let policy = &decision.policy;
    let body = Body {
        time: decision.time.as_micros(),
        sequence: decision.sequence,
        request_id: decision.request_id.clone(),
        placement: decision.placement.clone(),
        channel: decision.channel.clone(),
        catalogue_version: decision.catalogue_version.clone(),
        model_version: decision.model_version,
        seed: decision.seed,
        policy: Some(PolicyBody {
            id: policy.id.clone(),
            exploration: number(&EXPLORATIONS, &policy.exploration),
            control_share: policy.control_share,
            exploration_floor: policy.exploration_floor,
            ignore_value: policy.ignore_value,
            ignore_lever: policy.ignore_lever,
            learn_from: kind_number(policy.learn_from),
        }),
        arm: decision.arm.map_or(0, |arm| number(&ARMS, &arm) + 1),
        contenders: decision.contenders.iter().map(contender).collect(),
        offered: decision.offered.iter().map(chosen).collect(),
        removed: removed(&decision.removed),
        degradations: decision.degradations.clone(),
    };
    body.encode_to_vec()
}

fn removed(removals: &[Removal]) -> Vec<RemovedBody> {
    let mut groups: Vec<RemovedBody> = Vec::new();
    let mut known: FxHashMap<(Stage, &Why), usize> = FxHashMap::default();
    for removal in removals {
        let at = *known.entry((removal.stage, &removal.why)).or_insert_with(|| {
            groups.push(RemovedBody {
                stage: number(&Stage::ALL, &removal.stage),
                rule: removal.why.rule.to_string(),
                attribute: removal.why.attribute.clone(),
                value_read: removal.why.value_read.clone(),
                threshold: removal.why.threshold.clone(),
                offers: Vec::new(),
            });
            groups.len() - 1
        });
        groups[at].offers.push(removal.offer.to_string());
    }
    groups
}

/// Reads a decision; the caller adds the person.
pub(super) fn decode(id: DecisionId, bytes: &[u8]) -> Result<Decision, StorageError> {
    let body = Body::decode(bytes).map_err(|error| StorageError::Corrupt(format!("decision: {error}")))?;
    let policy = body.policy.unwrap_or_default();
    let contender = |contender: ContenderBody| Contender {
        offer: contender.offer.into(),
        posterior: Arc::new(Posterior::new(contender.alpha, contender.beta)),
        value: contender.value,
        context_weight: contender.context_weight,
        lever: contender.lever,
    };
    let chosen = |chosen: ChosenBody| Chosen {
        offer: chosen.offer.into(),
        message: chosen.message.map(Into::into),
        score: chosen.score,
        propensity: chosen.propensity,
        value: chosen.value,
        selection_probability: chosen.selection_probability,
    };
    let mut removed = Vec::new();
    for group in body.removed {
        let stage = named(&Stage::ALL, group.stage, "stage")?;
        let why = Why {
            rule: Cow::Owned(group.rule),
            attribute: group.attribute,
            value_read: group.value_read,
            threshold: group.threshold,
        };
        removed.extend(group.offers.into_iter().map(|offer| Removal { offer: offer.into(), stage, why: why.clone() }));
    }
    Ok(Decision {
        id,
        person: None,
        time: Timestamp::from_micros(body.time),
        sequence: body.sequence,
        request_id: body.request_id,
        placement: body.placement,
        channel: body.channel,
        catalogue_version: body.catalogue_version,
        model_version: body.model_version,
        seed: body.seed,
        policy: Policy {
            id: policy.id,
            exploration: named(&EXPLORATIONS, policy.exploration, "exploration")?,
            control_share: policy.control_share,
            exploration_floor: policy.exploration_floor,
            ignore_value: policy.ignore_value,
            ignore_lever: policy.ignore_lever,
            learn_from: kind(policy.learn_from)?,
        },
        arm: body.arm.checked_sub(1).map(|arm| named(&ARMS, arm, "arm")).transpose()?,
        contenders: body.contenders.into_iter().map(contender).collect(),
        offered: body.offered.into_iter().map(chosen).collect(),
        removed,
        degradations: body.degradations,
    })
}
