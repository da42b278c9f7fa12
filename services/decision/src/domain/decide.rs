//! The way of every offer through one decision: a function of its arguments alone.
//!
//! [`shortlist`] takes each offer through activity, placement, eligibility and consent; the caller asks the contact
//! policy about what is left; [`conclude`] arbitrates among the admitted. [`decide`] is the two in one call.

use std::borrow::Cow;

use attune_expression::{Evaluation, Outcome as Truth, Value};
use attune_kernel::{PersonId, Timestamp};

use super::arbitration::{Contender, arbitrate};
use super::catalogue::{Catalogue, Compiled, Offer, Placement, Rule};
use super::draw::in_control_group;
use super::model::Model;
use super::policy::{Policy, Treatment};
use super::record::{Chosen, Removal, Stage, Why};
use super::subject::Subject;

/// What of the configuration the pipeline reads.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Purposes that are allowed while the person has not said anything about them.
    pub granted_by_default: Vec<String>,
    /// The language tried after the person's own.
    pub default_language: String,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The placement.
    pub placement: &'a Placement,
    /// At most this many offers; 0 means the placement's own number.
    pub limit: usize,
    /// Find out which attribute, value and threshold ended each candidate that a rule ended.
    pub detail: bool,
}

/// What the contact policy says of one candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may be made.
    Admitted,
    /// A policy holds it back.
    Denied {
        /// The policy.
        rule: String,
        /// Its limit as text; empty when unknown.
        limit: String,
        /// How much of it is used, as text; empty when unknown.
        used: String,
    },
}

/// The candidates that are left before the contact policy is asked.
#[derive(Debug, Default)]
pub struct Shortlist {
    /// Number in the catalogue and context weight.
    left: Vec<(usize, f64)>,
    removed: Vec<Removal>,
}

impl Shortlist {
    /// The offers that are left, ordered by id.
    pub fn offers<'a>(&'a self, catalogue: &'a Catalogue) -> impl ExactSizeIterator<Item = &'a Offer> {
        self.left.iter().map(|(number, _)| &catalogue.offers[*number].offer)
    }

    /// Whether none is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }
}

/// A decision without its id and circumstances.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The arm that chose.
    pub arm: Treatment,
    /// Every offer that was admitted, ordered by id.
    pub contenders: Vec<Contender>,
    /// What is offered, best first.
    pub offered: Vec<Chosen>,
    /// What was removed before arbitration, with the stage and reason.
    pub removed: Vec<Removal>,
}

/// Takes every offer through activity, placement, eligibility and consent, in this order.
#[must_use]
pub fn shortlist(catalogue: &Catalogue, ask: Ask<'_>, subject: &Subject, settings: &Settings) -> Shortlist {
    let channel = ask.placement.channel.as_str();
    let mut shortlist = Shortlist::default();
    let mut survivors: Vec<(usize, &Compiled)> = Vec::with_capacity(catalogue.offers.len());
    for (number, compiled) in catalogue.offers.iter().enumerate() {
        let offer = &compiled.offer;
        match inactive(offer, channel, subject.now)
            .map(|why| (Stage::Inactive, why))
            .or_else(|| refused(offer, ask.placement).map(|why| (Stage::Placement, why)))
        {
            Some((stage, why)) => shortlist.removed.push(Removal { offer: offer.id.clone(), stage, why }),
            None => survivors.push((number, compiled)),
        }
    }
    let mut evaluation = Evaluation::default();
    let numbers = survivors.iter().flat_map(|(_, compiled)| [&compiled.eligibility, &compiled.context]);
    let numbers = numbers.filter_map(|rule| if let Rule::Number(number) = rule { Some(*number) } else { None });
    catalogue.rules.evaluate_into(subject, numbers, &mut evaluation);
    for (number, compiled) in survivors {
        let offer = &compiled.offer;
        let purpose = offer.purpose.as_str();
        let ended = match &compiled.eligibility {
            Rule::Number(rule) if !evaluation.is_satisfied(*rule) => {
                let why = ineligible(catalogue, *rule, subject, &mut evaluation, ask.detail);
                Some((Stage::Ineligible, why))
            }
            Rule::Broken(message) => {
                let why = Why { threshold: message.clone(), ..Why::of("eligibility does not compile") };
                Some((Stage::Ineligible, why))
            }
            _ if !purpose.is_empty() => {
                let default = settings.granted_by_default.iter().any(|granted| granted == purpose);
                let refused = !subject.consents_to(purpose, channel, default);
                refused.then(|| (Stage::Consent, Why { attribute: purpose.to_owned(), ..Why::of("consent") }))
            }
            _ => None,
        };
        match ended {
            Some((stage, why)) => shortlist.removed.push(Removal { offer: offer.id.clone(), stage, why }),
            None => {
                let holds = matches!(compiled.context, Rule::Number(rule) if evaluation.is_satisfied(rule));
                shortlist.left.push((number, if holds { offer.context_weight } else { 1.0 }));
            }
        }
    }
    shortlist
}

/// Whom to decide for, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Deciding<'a> {
    /// The catalogue.
    pub catalogue: &'a Catalogue,
    /// The model.
    pub model: &'a Model,
    /// The policy.
    pub policy: &'a Policy,
    /// The configuration.
    pub settings: &'a Settings,
    /// The person.
    pub person: PersonId,
    /// The seed of every draw.
    pub seed: u64,
}

/// Arbitrates among the candidates that the verdicts admit. `verdicts` has one for each offer of the shortlist, in order;
/// a missing one counts as admitted.
#[must_use]
pub fn conclude(
    with: Deciding<'_>,
    ask: Ask<'_>,
    subject: &Subject,
    shortlist: Shortlist,
    verdicts: Vec<Verdict>,
) -> Outcome {
    let channel = ask.placement.channel.as_str();
    let Shortlist { left, mut removed } = shortlist;
    let mut contenders = Vec::with_capacity(left.len());
    let mut verdicts = verdicts.into_iter();
    for (number, context_weight) in left {
        let offer = &with.catalogue.offers[number].offer;
        if let Some(Verdict::Denied { rule, limit, used }) = verdicts.next() {
            let why = Why { rule: Cow::Owned(rule), attribute: String::new(), value_read: used, threshold: limit };
            removed.push(Removal { offer: offer.id.clone(), stage: Stage::ContactPolicy, why });
            continue;
        }
        contenders.push(Contender {
            offer: offer.id.clone(),
            posterior: with.model.posterior(&offer.id, channel),
            value: offer.value,
            context_weight,
            lever: offer.lever,
        });
    }
    let control = in_control_group(with.person, &with.policy.id, with.policy.control_share);
    let arm = match (contenders.is_empty(), control) {
        (true, _) => Treatment::Fallback,
        (false, true) => Treatment::Control,
        (false, false) => Treatment::Arbitrated,
    };
    let message = |offer: &str| {
        let found = with.catalogue.message(offer, channel, subject.language(), &with.settings.default_language);
        found.map(|message| message.id.clone())
    };
    let limit = if ask.limit == 0 { ask.placement.slots } else { ask.limit };
    let mut offered = Vec::new();
    for ranked in arbitrate(&contenders, with.policy, arm, with.seed).into_iter().take(limit) {
        let contender = &contenders[ranked.contender];
        offered.push(Chosen {
            message: message(&contender.offer),
            offer: contender.offer.clone(),
            score: ranked.score,
            propensity: contender.posterior.mean(),
            value: contender.value,
            selection_probability: ranked.selection_probability,
        });
    }
    if contenders.is_empty()
        && let Some(offer) = with.catalogue.offer(&ask.placement.fallback)
        && inactive(offer, channel, subject.now).is_none()
    {
        offered.push(Chosen {
            message: message(&offer.id),
            offer: offer.id.clone(),
            score: 0.0,
            propensity: with.model.posterior(&offer.id, channel).mean(),
            value: offer.value,
            selection_probability: 0.0,
        });
        removed.retain(|removal| removal.offer != offer.id);
    }
    Outcome { arm, contenders, offered, removed }
}

/// The whole pipeline, for verdicts that are known beforehand.
#[must_use]
pub fn decide(with: Deciding<'_>, ask: Ask<'_>, subject: &Subject, verdict: impl FnMut(&Offer) -> Verdict) -> Outcome {
    let left = shortlist(with.catalogue, ask, subject, with.settings);
    let verdicts = left.offers(with.catalogue).map(verdict).collect();
    conclude(with, ask, subject, left, verdicts)
}

fn inactive(offer: &Offer, channel: &str, now: Timestamp) -> Option<Why> {
    if !offer.enabled {
        return Some(Why::of("disabled"));
    }
    if let Some(start) = offer.start.filter(|start| now < *start) {
        return Some(Why { threshold: start.to_string(), ..Why::of("start_time") });
    }
    if let Some(end) = offer.end.filter(|end| now >= *end) {
        return Some(Why { threshold: end.to_string(), ..Why::of("end_time") });
    }
    let on = offer.channels.is_empty() || offer.channels.iter().any(|other| other == channel);
    (!on).then(|| Why::of("channels"))
}

fn refused(offer: &Offer, placement: &Placement) -> Option<Why> {
    if !placement.issues.is_empty() && !placement.issues.contains(&offer.issue) {
        return Some(Why::of("issues"));
    }
    (!placement.kinds.is_empty() && !placement.kinds.contains(&offer.kind)).then(|| Why::of("kinds"))
}

fn ineligible(catalogue: &Catalogue, rule: usize, subject: &Subject, evaluation: &mut Evaluation, detail: bool) -> Why {
    const RULE: &str = "eligibility";
    if !detail {
        return Why::of(RULE);
    }
    let Some(found) = catalogue.rules.explain(rule, subject, evaluation) else { return Why::of(RULE) };
    let value_read = match (&found.read, &found.outcome) {
        (Some(value), _) => text(value),
        (None, Truth::Error(reason)) => reason.cause.to_string(),
        (None, _) => String::new(),
    };
    Why {
        rule: Cow::Borrowed(RULE),
        attribute: found.field.unwrap_or(found.predicate),
        value_read,
        threshold: found.constant.as_ref().map(text).unwrap_or_default(),
    }
}

/// A value as a rule would write it, shortened.
fn text(value: &Value) -> String {
    const LONGEST: usize = 120;
    let mut text = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::String(value) => value.to_string(),
        Value::Timestamp(value) => value.to_string(),
        Value::Duration(value) => format!("{value:?}"),
        Value::List(items) => {
            let items: Vec<String> = items.iter().take(8).map(text).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(entries) => format!("map of {}", entries.len()),
    };
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
