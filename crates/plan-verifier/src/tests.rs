use proptest::prelude::*;

use super::*;

const NAMES: [&str; 3] = ["a", "b", "c"];

fn contact<'a>(id: &'a str, customer: &'a str, offer: &'a str) -> Contact<'a> {
    Contact { id, customer, offer, channel: "sms", campaign: "", segment: "vip", slot: "", value: 2.0, cost: 0.1 }
}

fn rule(demand: Demand) -> Rule {
    Rule { id: "r".to_owned(), scope: Scope::default(), demand }
}

fn check_one(plan: &[Contact<'_>], history: &[Past<'_>], demand: Demand) -> Result<u64, Broken> {
    let objective = plan.iter().map(|contact| contact.value).sum();
    verify(plan, history, &[rule(demand)], Claim { objective, upper_bound: objective })
        .map(|found| found.first().map_or(0, |shortfall| shortfall.contacts))
}

fn broken() -> Result<u64, Broken> {
    Err(Broken::Rule("r".to_owned()))
}

#[test]
fn each_rule_holds_at_its_limit_and_breaks_beyond() {
    let plan = [contact("1", "x", "a"), contact("2", "x", "a"), contact("3", "x", "b"), contact("4", "y", "b")];
    for (demand_at, edge) in [
        (Demand::MaxPerCustomer as fn(u64) -> Demand, 3),
        (Demand::MaxPerOffer, 2),
        (Demand::Exclusive, 2),
        (|max| Demand::Capacity { min: 0, max: Some(max) }, 4),
    ] {
        assert_eq!(check_one(&plan, &[], demand_at(edge)), Ok(0));
        assert_eq!(check_one(&plan, &[], demand_at(edge - 1)), broken());
    }
    assert_eq!(check_one(&plan, &[], Demand::Budget(0.4)), Ok(0), "rounding of decimals is no breach");
    assert_eq!(check_one(&plan, &[], Demand::Budget(0.399_999)), broken());
}

#[test]
fn a_minimum_falls_short_and_is_not_broken() {
    let plan = [contact("1", "x", "a"), contact("2", "x", "b"), contact("3", "y", "a")];
    assert_eq!(check_one(&plan, &[], Demand::Capacity { min: 5, max: None }), Ok(2));
    assert_eq!(check_one(&plan, &[], Demand::Capacity { min: 3, max: Some(3) }), Ok(0));
    // One customer's surplus does not make up for another's lack.
    assert_eq!(check_one(&plan, &[], Demand::MinPerCustomer { limit: 1, customers: 3 }), Ok(1));
    assert_eq!(check_one(&plan, &[], Demand::MinPerCustomer { limit: 2, customers: 2 }), Ok(1));
}

#[test]
fn dependences_read_the_plan_and_the_history() {
    let needs = || Demand::Requires { offer: "b".to_owned(), requires: "a".to_owned() };
    let past = |seconds_ago| [Past { customer: "x", offer: "a", seconds_ago }];
    let alone = [contact("1", "x", "b")];
    assert_eq!(check_one(&alone, &[], needs()), broken());
    assert_eq!(check_one(&alone, &past(9), needs()), Ok(0));
    assert_eq!(check_one(&[contact("1", "x", "b"), contact("2", "x", "a")], &[], needs()), Ok(0));
    assert_eq!(check_one(&[contact("1", "x", "b"), contact("2", "y", "a")], &[], needs()), broken());
    let cool = || Demand::NotAfter { offer: "b".to_owned(), after: "a".to_owned(), within: 10 };
    assert_eq!(check_one(&alone, &past(9), cool()), broken());
    assert_eq!(check_one(&alone, &past(10), cool()), Ok(0));
    assert_eq!(check_one(&[contact("1", "y", "b")], &past(0), cool()), Ok(0));
}

#[test]
fn claims_and_repeats_are_checked() {
    let plan = [contact("1", "x", "a"), contact("2", "y", "a")];
    let claim = |objective, upper_bound| verify(&plan, &[], &[], Claim { objective, upper_bound });
    assert_eq!(claim(4.0, 4.0), Ok(Vec::new()));
    assert_eq!(claim(4.1, 5.0), Err(Broken::Objective));
    assert_eq!(claim(f64::NAN, 5.0), Err(Broken::Objective));
    assert_eq!(claim(4.0, 3.9), Err(Broken::Bound));
    assert_eq!(claim(4.0, f64::NAN), Err(Broken::Bound));
    let twice = [plan[0], plan[0]];
    let found = verify(&twice, &[], &[], Claim { objective: 4.0, upper_bound: 4.0 });
    assert_eq!(found, Err(Broken::Repeated("1".to_owned())));
    assert_eq!(verify(&[], &[], &[], Claim { objective: 0.0, upper_bound: 0.0 }), Ok(Vec::new()));
}

proptest! {
    /// The counting rules agree with counting by nested loops, whatever the scope.
    #[test]
    fn counts_agree_with_nested_loops(
        drawn in prop::collection::vec((0usize..3, 0usize..3, 0usize..3), 0..12),
        listed in prop::collection::vec(0usize..3, 0..3),
        limit in 0u64..5,
        kind in 0usize..4,
    ) {
        let ids: Vec<String> = (0..drawn.len()).map(|at| at.to_string()).collect();
        let plan: Vec<Contact<'_>> = drawn
            .iter()
            .zip(&ids)
            .map(|(&(who, offer, channel), id)| Contact { channel: NAMES[channel], ..contact(id, NAMES[who], NAMES[offer]) })
            .collect();
        let scope = Scope { channels: listed.iter().map(|&at| NAMES[at].to_owned()).collect(), ..Scope::default() };
        let count = |who: Option<usize>, offer: Option<usize>| {
            let hit = |&&(w, o, c): &&(usize, usize, usize)| {
                who.is_none_or(|who| who == w) && offer.is_none_or(|offer| offer == o)
                    && (listed.is_empty() || listed.contains(&c))
            };
            drawn.iter().filter(hit).count() as u64
        };
        let (demand, holds) = match kind {
            0 => (Demand::MaxPerCustomer(limit), (0..3).all(|who| count(Some(who), None) <= limit)),
            1 => (
                Demand::MaxPerOffer(limit),
                (0..3).all(|who| (0..3).all(|offer| count(Some(who), Some(offer)) <= limit)),
            ),
            2 => (
                Demand::Exclusive(limit),
                (0..3).all(|who| (0..3).filter(|&offer| count(Some(who), Some(offer)) > 0).count() as u64 <= limit),
            ),
            _ => (Demand::Capacity { min: 0, max: Some(limit) }, count(None, None) <= limit),
        };
        let objective = 2.0 * drawn.len() as f64;
        let rules = [Rule { id: "r".to_owned(), scope, demand }];
        let found = verify(&plan, &[], &rules, Claim { objective, upper_bound: objective });
        prop_assert_eq!(found.is_ok(), holds);
    }
}

proptest! {
    #[test]
    fn the_index_finds_what_the_scope_takes(
        names in prop::collection::vec((0..3_usize, 0..3_usize, 0..3_usize), 0..30),
        lists in prop::collection::vec(prop::collection::vec(0..3_usize, 0..4), 3),
    ) {
        let plan: Vec<Contact<'_>> = names
            .iter()
            .map(|(offer, channel, slot)| Contact {
                channel: NAMES[*channel],
                slot: NAMES[*slot],
                ..contact("1", "x", NAMES[*offer])
            })
            .collect();
        let list = |at: usize| lists[at].iter().map(|name| NAMES[*name].to_owned()).collect();
        let scope = Scope { channels: list(0), offers: list(1), slots: list(2), ..Scope::default() };
        let plain: Vec<&Contact<'_>> = plan.iter().filter(|contact| scope.contains(contact)).collect();
        prop_assert_eq!(index::Index::new(&plan).counted(&plan, &scope), plain);
    }
}
