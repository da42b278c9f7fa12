//! Decisions as answers and explanations.

use attune_proto::decision::v1 as pb;

use super::catalogue::View;
use crate::domain::policy::Treatment;
use crate::domain::record::{Decision, Fate, Stage};

/// The answer to a decision; `explain` adds why.
pub(super) fn response(decision: &Decision, view: &View, explain: bool) -> pb::DecideResponse {
    let treatment = decision.arm.map_or("imported", Treatment::as_str);
    let offers = decision.offered.iter().zip(1..).map(|(chosen, rank)| pb::OfferedItem {
        offer_id: chosen.offer.to_string(),
        message_id: chosen.message.as_ref().map(ToString::to_string).unwrap_or_default(),
        score: chosen.score,
        propensity: chosen.propensity,
        value: chosen.value,
        treatment: treatment.to_owned(),
        rank,
        content: chosen.message.as_ref().and_then(|message| view.content(message)),
        selection_probability: chosen.selection_probability,
    });
    pb::DecideResponse {
        decision_id: decision.id.to_string(),
        offers: offers.collect(),
        explanation: explain.then(|| explanation(decision)),
        person_id: decision.person.map(|person| person.to_string()).unwrap_or_default(),
        degradations: decision.degradations.clone(),
    }
}

fn explanation(decision: &Decision) -> pb::Explanation {
    let count = |(at, rule, count): (Stage, String, usize)| pb::StageCount {
        stage: stage(at).into(),
        rule,
        count: i32::try_from(count).unwrap_or(i32::MAX),
    };
    pb::Explanation {
        candidates: decision.fates().into_iter().map(|fate| candidate(fate, decision)).collect(),
        stages: decision.stage_counts().into_iter().map(count).collect(),
        policy_id: decision.policy.id.clone(),
        policy_version: decision.catalogue_version.clone(),
        model_version: decision.model_version.cast_signed(),
        seed: decision.seed.cast_signed(),
        selection_draws: 0,
    }
}

fn candidate(fate: Fate<'_>, decision: &Decision) -> pb::CandidateExplanation {
    let why = fate.why.cloned().unwrap_or_default();
    let policy = &decision.policy;
    pb::CandidateExplanation {
        offer_id: fate.offer.to_owned(),
        stage: stage(fate.stage).into(),
        rule: why.rule.into_owned(),
        attribute: why.attribute,
        value_read: why.value_read,
        threshold: why.threshold,
        score_parts: fate.score.map(|(contender, ranked)| pb::ScoreParts {
            propensity: ranked.propensity,
            propensity_mean: contender.posterior.mean(),
            value: if policy.ignore_value { 1.0 } else { contender.value },
            context_weight: contender.context_weight,
            lever: if policy.ignore_lever { 1.0 } else { contender.lever },
            score: ranked.score,
        }),
    }
}

const fn stage(stage: Stage) -> pb::CandidateStage {
    match stage {
        Stage::Inactive => pb::CandidateStage::Inactive,
        Stage::Placement => pb::CandidateStage::Placement,
        Stage::Ineligible => pb::CandidateStage::Ineligible,
        Stage::Consent => pb::CandidateStage::Consent,
        Stage::ContactPolicy => pb::CandidateStage::ContactPolicy,
        Stage::Outranked => pb::CandidateStage::Outranked,
        Stage::Offered => pb::CandidateStage::Offered,
    }
}
