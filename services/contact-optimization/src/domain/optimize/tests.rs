//! Against brute force on thousands of tiny instances, and on instances of a few thousand customers.

use super::*;
use crate::domain::scope::Scope;

/// A small generator of reproducible draws (`SplitMix64`).
pub(super) struct Draws(pub(super) u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

struct Row {
    id: String,
    customer: String,
    offer: String,
    channel: String,
    campaign: String,
    value: f64,
    cost: f64,
}

fn columns(rows: &[Row]) -> Columns {
    let mut builder = Builder::new(usize::MAX);
    for row in rows {
        let proposal = Proposal {
            id: &row.id,
            customer: &row.customer,
            offer: &row.offer,
            channel: &row.channel,
            campaign: &row.campaign,
            value: row.value,
            cost: row.cost,
        };
        builder.push(&proposal).unwrap();
    }
    builder.build()
}

fn rows(draws: &mut Draws, customers: u64, proposals: u64) -> Vec<Row> {
    let round = draws.below(2) == 0;
    (0..proposals)
        .map(|number| Row {
            id: format!("p{number}"),
            customer: format!("k{}", draws.below(customers)),
            offer: format!("o{}", draws.below(3)),
            channel: format!("c{}", draws.below(3)),
            campaign: if draws.below(2) == 0 { String::new() } else { "g".to_owned() },
            // Round values make ties, others do not; some are worth nothing.
            value: if round { draws.below(6) as f64 - 1.0 } else { draws.unit() * 10.0 - 1.0 },
            cost: if round { draws.below(4) as f64 * 0.1 } else { draws.unit() },
        })
        .collect()
}

fn scope(draws: &mut Draws) -> Scope {
    let list = |draws: &mut Draws, letter: &str| -> Vec<String> {
        match draws.below(3) {
            0 => vec![format!("{letter}{}", draws.below(3)), format!("{letter}{}", draws.below(3))],
            _ => Vec::new(),
        }
    };
    let campaigns = if draws.below(5) == 0 { vec!["g".to_owned()] } else { Vec::new() };
    Scope { offers: list(draws, "o"), channels: list(draws, "c"), campaigns }
}

fn rules(draws: &mut Draws, tightness: u64) -> Vec<Rule> {
    (0..draws.below(5))
        .map(|number| Rule {
            id: format!("r{number}"),
            scope: scope(draws),
            demand: match draws.below(3) {
                0 => Demand::MaxPerCustomer(draws.below(3)),
                1 => Demand::Capacity(draws.below(tightness)),
                _ => Demand::Budget(draws.below(tightness) as f64 * 0.3),
            },
        })
        .collect()
}

/// The best value of any subset that holds the rules, by trying all; shares nothing with the solver but the rows.
fn brute_force(rows: &[Row], rules: &[Rule]) -> f64 {
    let inside = |rule: &Rule, row: &Row| {
        let takes = |list: &[String], name: &String| list.is_empty() || list.contains(name);
        takes(&rule.scope.offers, &row.offer)
            && takes(&rule.scope.channels, &row.channel)
            && takes(&rule.scope.campaigns, &row.campaign)
    };
    let masks: Vec<u32> = rules
        .iter()
        .map(|rule| (0..rows.len()).filter(|&at| inside(rule, &rows[at])).map(|at| 1u32 << at).sum())
        .collect();
    let mut persons: Vec<u32> = Vec::new();
    for customer in rows.iter().map(|row| &row.customer).collect::<std::collections::BTreeSet<_>>() {
        persons.push((0..rows.len()).filter(|&at| rows[at].customer == *customer).map(|at| 1u32 << at).sum());
    }
    let mut best = 0.0f64;
    for set in 0..1u32 << rows.len() {
        let members = || (0..rows.len()).filter(|at| set >> at & 1 == 1);
        let value: f64 = members().map(|at| rows[at].value).sum();
        if value <= best {
            continue;
        }
        let holds = rules.iter().zip(&masks).all(|(rule, mask)| match rule.demand {
            Demand::MaxPerCustomer(limit) => {
                persons.iter().all(|person| u64::from((set & mask & person).count_ones()) <= limit)
            }
            Demand::Capacity(limit) => u64::from((set & mask).count_ones()) <= limit,
            Demand::Budget(limit) => {
                members().filter(|at| mask >> at & 1 == 1).map(|at| rows[at].cost).sum::<f64>() <= limit + 1e-10
            }
        });
        if holds {
            best = value;
        }
    }
    best
}

fn solve(columns: &Columns, rules: &[Rule], gap: f64) -> Solution {
    let mut passes = 0u32;
    let solution = optimize(columns, rules, Options { gap, seed: 7 }, &mut |_| {
        passes += 1;
        if passes > 20_000 { Step::Stop } else { Step::Go }
    })
    .unwrap();
    assert_ne!(solution.stop, Stop::Time, "every run ends by itself");
    verify::verify(columns, rules, &solution.chosen, solution.objective, solution.upper_bound).unwrap();
    solution
}

#[test]
fn never_infeasible_never_above_the_optimum_bound_never_below_it() {
    let mut draws = Draws(1);
    let (mut optimal, mut total, mut lost) = (0, 0, 0.0);
    for _ in 0..4000 {
        let (customers, proposals) = (1 + draws.below(4), draws.below(11));
        let rows = rows(&mut draws, customers, proposals);
        let rules = rules(&mut draws, 5);
        let solution = solve(&columns(&rows), &rules, 0.0);
        let optimum = brute_force(&rows, &rules);
        assert!(solution.objective <= optimum + 1e-9, "{} above {optimum}", solution.objective);
        assert!(solution.upper_bound >= optimum, "{} below {optimum}", solution.upper_bound);
        total += 1;
        optimal += i32::from(solution.objective >= optimum - 1e-9);
        lost += if optimum > 0.0 { 1.0 - solution.objective / optimum } else { 0.0 };
    }
    println!("{optimal} of {total} optimal, mean loss {:.5}", lost / f64::from(total));
    assert!(optimal * 100 >= total * 90, "{optimal} of {total}");
}

#[test]
fn without_coupling_the_plan_is_optimal_and_certified() {
    let mut draws = Draws(2);
    for _ in 0..2000 {
        let proposals = draws.below(11);
        let rows = rows(&mut draws, 2, proposals);
        let mut rules = rules(&mut draws, 5);
        rules.retain(|rule| matches!(rule.demand, Demand::MaxPerCustomer(_)));
        let solution = solve(&columns(&rows), &rules, 1e-12);
        assert!((solution.objective - brute_force(&rows, &rules)).abs() < 1e-9, "exact for nested and crossing scopes");
        assert_eq!(solution.stop, Stop::Gap);
    }
}

#[test]
fn thousands_of_customers_reach_a_small_gap_under_mixed_rules() {
    let mut draws = Draws(3);
    let rows = rows(&mut draws, 4000, 24_000);
    let columns = columns(&rows);
    let scoped = |channel: &str| Scope { channels: vec![channel.to_owned()], ..Scope::default() };
    let rule = |id: &str, scope: Scope, demand: Demand| Rule { id: id.to_owned(), scope, demand };
    let rules = [
        rule("fatigue", Scope::default(), Demand::MaxPerCustomer(2)),
        rule("once-c0", scoped("c0"), Demand::MaxPerCustomer(1)),
        rule("cap-c0", scoped("c0"), Demand::Capacity(1500)),
        rule("cap-c1", scoped("c1"), Demand::Capacity(2000)),
        rule("gold", Scope { offers: vec!["o1".to_owned()], ..Scope::default() }, Demand::Capacity(2200)),
        rule("budget", Scope::default(), Demand::Budget(800.0)),
    ];
    let solution = solve(&columns, &rules, 1e-3);
    assert_eq!(solution.stop, Stop::Gap, "gap {}", solution.gap);
    let again = solve(&columns, &rules, 1e-3);
    assert_eq!(again, solution, "the same input gives the same plan");
    let budget = solution.rules[5];
    assert!(budget.shadow_price > 0.0 && budget.used <= 800.0 + 1e-9 && budget.used > 790.0, "{budget:?}");
    assert!(solution.rules[0].shadow_price > 0.0 && solution.rules[0].used == 2.0, "{:?}", solution.rules[0]);
}

#[test]
fn the_watcher_stops_a_run_with_a_valid_answer() {
    let mut draws = Draws(4);
    let rows = rows(&mut draws, 50, 400);
    let columns = columns(&rows);
    let rules = [Rule { id: "cap".to_owned(), scope: Scope::default(), demand: Demand::Capacity(17) }];
    let solution = optimize(&columns, &rules, Options { gap: 0.0, seed: 0 }, &mut |_| Step::Stop).unwrap();
    assert_eq!(solution.stop, Stop::Time);
    assert_eq!(solution.chosen.len(), 17);
    verify::verify(&columns, &rules, &solution.chosen, solution.objective, solution.upper_bound).unwrap();
}

#[test]
fn the_verifier_finds_each_kind_of_defect() {
    let mut draws = Draws(5);
    let rows = rows(&mut draws, 3, 10);
    let columns = columns(&rows);
    let rule = |demand| [Rule { id: "r".to_owned(), scope: Scope::default(), demand }];
    let value = |chosen: &[u32]| chosen.iter().map(|&at| columns.value[at as usize]).sum::<f64>();
    let check = |demand, chosen: &[u32], by: f64, bound: f64| {
        verify::verify(&columns, &rule(demand), chosen, value(chosen) + by, bound)
    };
    let broken = || Err(verify::Broken::Rule("r".to_owned()));
    let all: Vec<u32> = (0..10).collect();
    assert_eq!(check(Demand::Capacity(10), &all, 0.0, 1e9), Ok(()));
    assert_eq!(check(Demand::Capacity(9), &all, 0.0, 1e9), broken());
    assert_eq!(check(Demand::MaxPerCustomer(1), &all, 0.0, 1e9), broken());
    assert_eq!(check(Demand::Budget(columns.cost.iter().sum::<f64>() - 1e-6), &all, 0.0, 1e9), broken());
    assert_eq!(check(Demand::Capacity(10), &[1, 1], 0.0, 1e9), Err(verify::Broken::Position(1)));
    let outside = verify::verify(&columns, &rule(Demand::Capacity(10)), &[10], 0.0, 1e9);
    assert_eq!(outside, Err(verify::Broken::Position(10)));
    assert_eq!(check(Demand::Capacity(10), &all, 0.1, 1e9), Err(verify::Broken::Objective));
    assert_eq!(check(Demand::Capacity(10), &all, 0.0, -1e9), Err(verify::Broken::Bound));
    assert_eq!(check(Demand::Capacity(10), &all, 0.0, f64::NAN), Err(verify::Broken::Bound));
}
