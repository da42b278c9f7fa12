//! `attune contact explain`: why each proposal of a customer was kept or dropped.
//!
//! Given the prices of the limits over all customers, a customer's choice is a small problem of their own. A proposal is rated
//! by its value less the prices it pays; the best choice of ratings under the limits per customer is solved again with
//! and without it, which tells what displaced it and by how much its value would have to rise to be chosen at these prices.

use attune_optimizer::problem::COST_UNIT;
use serde::Serialize;
use serde_json::json;

use super::folder::{self, Line, Plan};
use super::model::{self, takes};
use super::rules::Demand;
use crate::exit::Failure;
use crate::journey::table::{Table, chosen as form};
use crate::options::TableFormat;
use crate::options::contact::ExplainOptions;
use crate::output;

/// What a limit over all customers takes from a proposal's value.
#[derive(Debug, Clone, Serialize)]
struct Price {
    rule: String,
    price: f64,
}

/// What became of a proposal, and why.
#[derive(Debug, Clone, Serialize)]
struct Why {
    proposal_id: String,
    offer_id: String,
    channel: String,
    value: f64,
    prices: Vec<Price>,
    /// The value less the prices.
    rating: f64,
    kept: bool,
    reason: String,
    /// The rules that decided.
    rules: Vec<String>,
    /// Proposals chosen in its place.
    displaced_by: Vec<String>,
    /// By how much its value would have to rise to be chosen at these prices; nothing for one that is kept or barred.
    needed_increase: Option<f64>,
}

/// Explains.
///
/// # Errors
/// Bad input when there is no such plan or customer.
pub(super) fn run(options: &ExplainOptions) -> Result<(), Failure> {
    let (plan, lines) = folder::read(&options.plan_dir, &options.customer)?;
    let whys = explain(&plan, &lines)?;
    if form(options.format) == TableFormat::Json {
        return output::print_json(&json!({"customer_id": options.customer, "proposals": whys}));
    }
    let mut table = Table::new(&[
        "proposal",
        "offer",
        "channel",
        "value",
        "prices",
        "rating",
        "state",
        "reason",
        "needed_increase",
    ]);
    for why in &whys {
        table.push(vec![
            json!(why.proposal_id),
            json!(why.offer_id),
            json!(why.channel),
            json!(why.value),
            json!(why.prices.iter().map(|one| one.price).sum::<f64>()),
            json!(why.rating),
            json!(if why.kept { "kept" } else { "dropped" }),
            json!(why.reason),
            json!(why.needed_increase),
        ]);
    }
    table.print(options.format)
}

fn explain(plan: &Plan, lines: &[Line]) -> Result<Vec<Why>, Failure> {
    let mut whys: Vec<Why> = lines
        .iter()
        .map(|line| {
            let prices = prices(plan, line);
            let rating = line.value - prices.iter().map(|one| one.price).sum::<f64>();
            Why {
                proposal_id: line.proposal_id.clone(),
                offer_id: line.offer_id.clone(),
                channel: line.channel.clone(),
                value: line.value,
                prices,
                rating,
                kept: line.chosen,
                reason: String::new(),
                rules: Vec::new(),
                displaced_by: Vec::new(),
                needed_increase: None,
            }
        })
        .collect();
    let ratings: Vec<f64> = whys.iter().map(|why| why.rating).collect();
    let far = 1e3 * (1.0 + ratings.iter().map(|rating| rating.abs()).sum::<f64>());
    for at in 0..whys.len() {
        let line = &lines[at];
        if line.chosen {
            whys[at].reason = "worth more than its prices".to_owned();
            if whys[at].rating < 0.0 {
                whys[at].reason = "needed by a minimum or another offer, or there was room left".to_owned();
            }
            continue;
        }
        if !line.barred.is_empty() {
            whys[at].reason = format!("barred by {}", line.barred);
            whys[at].rules = vec![line.barred.clone()];
            continue;
        }
        let (without, instead) = best(plan, lines, &ratings, at, None)?;
        let (with, beside) = best(plan, lines, &ratings, at, Some(far))?;
        if !beside.contains(&at) {
            whys[at].reason = "no choice of this customer can hold it".to_owned();
            whys[at].rules = local_rules(plan, line);
            continue;
        }
        let increase = without - (with - far) - whys[at].rating;
        whys[at].needed_increase = Some(increase.max(0.0));
        whys[at].displaced_by = instead
            .iter()
            .filter(|other| !beside.contains(other))
            .map(|other| lines[*other].proposal_id.clone())
            .collect();
        let paid: Vec<String> =
            whys[at].prices.iter().filter(|one| one.price > 0.0).map(|one| one.rule.clone()).collect();
        if whys[at].rating <= 0.0 && !paid.is_empty() {
            whys[at].reason = format!("worth less than the prices of {}", paid.join(", "));
            whys[at].rules = paid;
        } else if !whys[at].displaced_by.is_empty() {
            whys[at].rules = local_rules(plan, line);
            whys[at].reason =
                format!("displaced by {} under {}", whys[at].displaced_by.join(", "), whys[at].rules.join(", "));
        } else if whys[at].rating <= 0.0 {
            whys[at].reason = "worth nothing".to_owned();
        } else {
            whys[at].reason =
                format!("at its prices as good as what was chosen; no room was left in {}", paid.join(", "));
            whys[at].rules = paid;
        }
    }
    Ok(whys)
}

/// What limits over all customers take.
fn prices(plan: &Plan, line: &Line) -> Vec<Price> {
    let mut out = Vec::new();
    for (rule, one) in plan.rules.iter().zip(&plan.uses) {
        let amount = match &rule.demand {
            Demand::Capacity { scope, .. } if takes(scope, keys(line)) => 1.0,
            Demand::Budget { scope, .. } if takes(scope, keys(line)) => line.cost as f64 * COST_UNIT,
            _ => continue,
        };
        if one.shadow_price != 0.0 {
            out.push(Price { rule: rule.id.clone(), price: one.shadow_price * amount });
        }
    }
    out
}

fn keys(line: &Line) -> [&str; 5] {
    [&line.offer_id, &line.channel, &line.slot, &line.segment, &line.campaign]
}

/// Limits per customer that are about a proposal.
fn local_rules(plan: &Plan, line: &Line) -> Vec<String> {
    let about = plan.rules.iter().filter(|rule| match &rule.demand {
        Demand::MaxPerCustomer { scope, .. } | Demand::MaxPerOffer { scope, .. } | Demand::Exclusive { scope, .. } => {
            takes(scope, keys(line))
        }
        Demand::Requires { offer, .. } => *offer == line.offer_id,
        _ => false,
    });
    about.map(|rule| rule.id.clone()).collect()
}

/// The best choice of ratings, without a proposal or with another rating for it; answers its worth and the places.
fn best(
    plan: &Plan,
    lines: &[Line],
    ratings: &[f64],
    at: usize,
    rating: Option<f64>,
) -> Result<(f64, Vec<usize>), Failure> {
    let open: Vec<usize> =
        (0..lines.len()).filter(|one| lines[*one].barred.is_empty() && (*one != at || rating.is_some())).collect();
    let described = open.iter().map(|one| {
        let line = &lines[*one];
        let value = rating.filter(|_| *one == at).unwrap_or(ratings[*one]);
        let met: Vec<usize> =
            line.met.split(' ').filter_map(|id| plan.rules.iter().position(|rule| rule.id == id)).collect();
        (keys(line), met, value)
    });
    let (worth, chosen) = model::alone(&plan.rules, described)?;
    Ok((worth, chosen.into_iter().map(|one| open[one]).collect()))
}
