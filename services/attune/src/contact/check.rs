//! The plan, judged by `attune-plan-verifier`, which shares no code with the optimizer.

use attune_plan_verifier::{Claim, Contact, Demand as Judged, Past, Rule as JudgedRule, Scope as JudgedScope, verify};

use super::input::{History, Proposals};
use super::model::takes;
use super::rules::{Demand, Rule, Scope};
use crate::exit::Failure;

/// Judges a plan; `now` stands for starts that are not told.
///
/// # Errors
/// When a rule does not hold or the figures are not those of the plan: a defect, and nothing is written.
pub(super) fn check(
    proposals: &Proposals,
    history: &History,
    rules: &[Rule],
    chosen: &[usize],
    claim: Claim,
    now: i64,
) -> Result<(), Failure> {
    let contacts: Vec<Contact<'_>> = chosen
        .iter()
        .map(|at| {
            let [offer, channel, slot, segment, campaign] = proposals.keys(*at);
            let customer = proposals.customers.text(proposals.customer[*at]);
            let cost = proposals.cost[*at] as f64 * attune_optimizer::problem::COST_UNIT;
            let value = proposals.value[*at];
            Contact { id: proposals.id(*at), customer, offer, channel, campaign, segment, slot, value, cost }
        })
        .collect();
    let list = |names: &Option<Vec<String>>| names.clone().unwrap_or_default();
    let scope = |scope: &Scope| JudgedScope {
        channels: list(&scope.channel),
        offers: list(&scope.offer),
        campaigns: list(&scope.campaign),
        segments: list(&scope.segment),
        slots: list(&scope.slot),
    };
    let mut judged = Vec::new();
    for rule in rules {
        let (over, demand) = match &rule.demand {
            Demand::MaxPerCustomer { limit, scope: of } => (scope(of), Judged::MaxPerCustomer(u64::from(*limit))),
            Demand::MaxPerOffer { limit, scope: of } => (scope(of), Judged::MaxPerOffer(u64::from(*limit))),
            Demand::Exclusive { limit, scope: of } => (scope(of), Judged::Exclusive(u64::from(*limit))),
            Demand::Capacity { min, max, scope: of } => {
                let whole = |limit: &Option<i64>| limit.and_then(|limit| u64::try_from(limit).ok());
                (scope(of), Judged::Capacity { min: whole(min).unwrap_or(0), max: whole(max) })
            }
            Demand::Budget { max, scope: of } => (scope(of), Judged::Budget(*max)),
            Demand::Requires { offer, requires } => {
                (JudgedScope::default(), Judged::Requires { offer: offer.clone(), requires: requires.clone() })
            }
            Demand::NotAfter { offer, after, within } => {
                let within = Demand::within(within).map_err(Failure::input)?.as_secs();
                (JudgedScope::default(), Judged::NotAfter { offer: offer.clone(), after: after.clone(), within })
            }
            // What a minimum lacks is reported, not broken.
            Demand::MinPerCustomer { .. } => continue,
        };
        judged.push(JudgedRule { id: rule.id.clone(), scope: over, demand });
    }
    let past = past(proposals, history, rules, chosen, now);
    match verify(&contacts, &past, &judged, claim) {
        Ok(_) => Ok(()),
        Err(broken) => Err(Failure::other(format!("the plan is refused by its check: {broken}"))),
    }
}

/// The history that dependences of chosen contacts look at.
fn past<'a>(
    proposals: &'a Proposals,
    history: &History,
    rules: &'a [Rule],
    chosen: &[usize],
    now: i64,
) -> Vec<Past<'a>> {
    let mut past = Vec::new();
    for rule in rules {
        let (Demand::Requires { offer, requires: other } | Demand::NotAfter { offer, after: other, .. }) = &rule.demand
        else {
            continue;
        };
        let everything = Scope { offer: Some(vec![offer.clone()]), ..Scope::default() };
        for at in chosen.iter().filter(|at| takes(&everything, proposals.keys(**at))) {
            let found = proposals.names[0].find(other).and_then(|other| history.last(proposals.customer[*at], other));
            if let Some(last) = found {
                let start = if proposals.start[*at] == i64::MIN { now } else { proposals.start[*at] };
                let ago = u64::try_from(start.saturating_sub(last) / 1_000_000).unwrap_or(0);
                let customer = proposals.customers.text(proposals.customer[*at]);
                past.push(Past { customer, offer: other, seconds_ago: ago });
            }
        }
    }
    past
}
