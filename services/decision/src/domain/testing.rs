//! Builders that the tests of this folder share.

use std::sync::Arc;

use attune_kernel::{DecisionId, PersonId, Timestamp};
use rustc_hash::FxHashMap;

use super::catalogue::{Catalogue, Kind, Offer, Placement};
use super::model::{Learned, Model, Prior};
use super::policy::{Exploration, Policy};
use super::response;

pub(crate) fn offer(id: &str) -> Offer {
    Offer {
        id: id.into(),
        issue: String::new(),
        kind: Kind::Unspecified,
        enabled: true,
        value: 1.0,
        lever: 1.0,
        eligibility: String::new(),
        context_rule: String::new(),
        context_weight: 1.0,
        channels: Vec::new(),
        start: None,
        end: None,
        response_window: None,
        prior: None,
        purpose: String::new(),
    }
}

pub(crate) fn policy() -> Policy {
    Policy {
        id: "default".into(),
        exploration: Exploration::Thompson,
        control_share: 0.0,
        exploration_floor: 0.05,
        ignore_value: false,
        ignore_lever: false,
        learn_from: response::Kind::Click,
    }
}

pub(crate) fn placement(id: &str) -> Placement {
    Placement {
        id: id.into(),
        channel: "web".into(),
        slots: 1,
        issues: Vec::new(),
        kinds: Vec::new(),
        fallback: String::new(),
        policy: String::new(),
    }
}

pub(crate) fn model(counts: Vec<Learned>) -> Model {
    Model::new(1, counts, Arc::new(FxHashMap::default()), Prior::clamped(0.1, 10.0), 20.0)
}

pub(crate) fn catalogue(offers: Vec<Offer>) -> Catalogue {
    Catalogue::compile("v1".into(), offers, Vec::new(), vec![placement("home")], vec![policy()])
}

pub(crate) fn person(number: u128) -> PersonId {
    PersonId::from_parts(Timestamp::from_millis(1_700_000_000_000), number)
}

pub(crate) fn decision(number: u128) -> DecisionId {
    DecisionId::from_parts(Timestamp::from_millis(1_700_000_000_000), number)
}
