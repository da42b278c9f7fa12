//! The catalogue's resources and the view that decisions are made from.

use std::sync::Arc;

use attune_expression::check_boolean;
use attune_kernel::{Problem, Violation};
use attune_proto::decision::v1 as pb;
use attune_service_kit::crud::{Compiled, Crud, Records, Writes};
use attune_service_kit::resource;
use attune_storage::Resources;
use rustc_hash::FxHashMap;

use super::convert;
use crate::config::Config;
use crate::domain::catalogue::{Catalogue, DEFAULT_POLICY};
use crate::domain::draw::fingerprint;
use crate::domain::subject::SCHEMA;
use crate::store::Priors;

resource! {
    /// Offers.
    pub(super) Offers(pb::Offer) { kind: "offer", id: offer_id, check: check_offer }
}
resource! {
    /// Messages.
    pub(super) Messages(pb::Message) { kind: "message", id: message_id }
}
resource! {
    /// Placements.
    pub(super) Placements(pb::Placement) { kind: "placement", id: placement_id }
}
resource! {
    /// Policies.
    pub(super) Policies(pb::Policy) { kind: "policy", id: policy_id }
}

fn check_offer(offer: &pb::Offer) -> Vec<Violation> {
    let mut broken = Vec::new();
    for (field, rule) in [("eligibility", &offer.eligibility), ("context_rule", &offer.context_rule)] {
        if !rule.trim().is_empty() {
            broken.extend(check_boolean(field, rule, &SCHEMA));
        }
    }
    for (field, time) in [("start_time", offer.start_time), ("end_time", offer.end_time)] {
        if convert::time(time, field).is_err() {
            broken.push(Violation::new(field, "is out of range"));
        }
    }
    if let (Some(start), Some(end)) = (offer.start_time, offer.end_time)
        && (start.seconds, start.nanos) >= (end.seconds, end.nanos)
    {
        broken.push(Violation::new("end_time", "must be after start_time"));
    }
    broken
}

/// The catalogue as decisions use it.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) catalogue: Catalogue,
    pub(super) priors: Priors,
    contents: FxHashMap<String, prost_types::Struct>,
}

impl View {
    /// The content of a message.
    pub(super) fn content(&self, message: &str) -> Option<prost_types::Struct> {
        self.contents.get(message).cloned()
    }
}

/// The standard methods and the view over them.
pub(super) struct Shelf {
    pub(super) offers: Crud<Offers>,
    pub(super) messages: Crud<Messages>,
    pub(super) placements: Crud<Placements>,
    pub(super) policies: Crud<Policies>,
    pub(super) view: Compiled<View>,
}

impl Shelf {
    pub(super) fn new(resources: Arc<dyn Resources>, config: &Config) -> Self {
        let writes = Writes::default();
        let config = config.clone();
        Self {
            offers: Crud::new(resources.clone(), writes.clone()),
            messages: Crud::new(resources.clone(), writes.clone()),
            placements: Crud::new(resources.clone(), writes.clone()),
            policies: Crud::new(resources.clone(), writes.clone()),
            view: Compiled::new(resources, writes, &["offer", "message", "placement", "policy"], move |records| {
                compile(records, &config)
            }),
        }
    }
}

fn compile(records: &Records, config: &Config) -> Result<View, Problem> {
    let offers = records.of::<Offers>()?;
    let messages = records.of::<Messages>()?;
    let placements = records.of::<Placements>()?;
    let policies = records.of::<Policies>()?;
    let mut stamps = Vec::new();
    let mut stamp = |id: &str, etag: &str, updated: Option<prost_types::Timestamp>| {
        let updated = updated.unwrap_or_default();
        stamps.push(format!("{id}\n{etag}\n{}.{}", updated.seconds, updated.nanos));
    };
    offers.iter().for_each(|one| stamp(&one.offer_id, &one.etag, one.update_time));
    messages.iter().for_each(|one| stamp(&one.message_id, &one.etag, one.update_time));
    placements.iter().for_each(|one| stamp(&one.placement_id, &one.etag, one.update_time));
    policies.iter().for_each(|one| stamp(&one.policy_id, &one.etag, one.update_time));
    let contents = messages.iter().filter_map(|one| Some((one.message_id.clone(), one.content.clone()?)));
    let contents = contents.collect();
    let mut policies: Vec<_> = policies.into_iter().map(convert::policy).collect();
    if !policies.iter().any(|policy| policy.id == DEFAULT_POLICY) {
        policies.push(config.default_policy());
    }
    let prior = config.prior();
    let catalogue = Catalogue::compile(
        // Equal catalogues have equal versions on every replica.
        format!("{:016x}", fingerprint(stamps.iter().map(String::as_str))),
        offers.into_iter().map(|offer| convert::offer(offer, prior)).collect(),
        messages.iter().map(convert::message).collect(),
        placements.into_iter().map(convert::placement).collect(),
        policies,
    );
    let priors = catalogue.offers().map(|offer| (offer.id.to_string(), offer.prior.unwrap_or(prior)));
    let priors = Arc::new(priors.collect());
    Ok(View { catalogue, priors, contents })
}
