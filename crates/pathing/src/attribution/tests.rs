use attune_kernel::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::log::EventLog;
use crate::pattern::Atom;

fn paths_of(rows: &[(&str, f64, f64, f64)]) -> Paths {
    let mut paths = Paths::default();
    for (touches, conversions, value, nulls) in rows {
        paths.push(touches.split(" > "), *conversions, *value, *nulls).unwrap();
    }
    paths
}

fn credits(paths: &Paths, model: Model) -> Vec<(String, f64, f64)> {
    let round = |value: f64| (value * 1e9).round() / 1e9;
    let credits = paths.attribute(model).unwrap();
    credits.into_iter().map(|one| (one.channel, round(one.conversions), round(one.value))).collect()
}

fn row(channel: &str, conversions: f64, value: f64) -> (String, f64, f64) {
    (channel.to_owned(), conversions, value)
}

#[test]
fn rules_share_a_path_out() {
    let paths = paths_of(&[("a > b > c > b", 10.0, 100.0, 5.0), ("c", 1.0, 7.0, 0.0), ("a > c", 2.0, 0.0, 0.0)]);
    assert_eq!(credits(&paths, Model::First), [row("a", 12.0, 100.0), row("b", 0.0, 0.0), row("c", 1.0, 7.0)]);
    assert_eq!(credits(&paths, Model::Last), [row("a", 0.0, 0.0), row("b", 10.0, 100.0), row("c", 3.0, 7.0)]);
    assert_eq!(credits(&paths, Model::Linear), [row("a", 3.5, 25.0), row("b", 5.0, 50.0), row("c", 4.5, 32.0)]);
    assert_eq!(credits(&paths, Model::Position), [row("a", 5.0, 40.0), row("b", 5.0, 50.0), row("c", 3.0, 17.0)]);
    let decay = credits(&paths, Model::TimeDecay { half_life_seconds: 1.0 });
    assert_eq!(decay[1].1, ((10.0 * 10.0 / 15.0) * 1e9f64).round() / 1e9, "weights 1, 2, 4, 8");
}

#[test]
fn a_chain_solved_by_hand() {
    // From the beginning always a; from a half to b, half to nothing; from b half to a conversion, half to nothing.
    let paths = paths_of(&[("a > b", 1.0, 30.0, 1.0), ("a", 0.0, 0.0, 2.0), ("c", 1.0, 10.0, 1.0)]);
    // P(conversion) = 4/6 * 1/2 * 1/2 + 2/6 * 1/2 = 1/3; without a, and without b, the first part is lost; without c the
    // second.
    let found = credits(&paths, Model::Markov { order: 1 });
    let third = (2.0f64 / 3.0 * 1e9).round() / 1e9;
    assert_eq!(found.iter().map(|one| one.1).collect::<Vec<_>>(), [third; 3]);
    // Values: 4/6 * 1/2 * 15 = 5 and 2/6 * 5 = 5/3 of 20/3: effects 3/4, 3/4, 1/4.
    assert_eq!(found[0].2, (40.0f64 * 3.0 / 7.0 * 1e9).round() / 1e9);
}

/// The probability of a conversion by walking: the chain's distribution after many steps.
fn walked(paths: &[(Vec<u8>, u8, u8)], order: usize, without: Option<u8>) -> f64 {
    use std::collections::HashMap;
    type State = Option<Vec<u8>>;
    let mut counts: HashMap<Vec<u8>, Vec<(State, f64)>> = HashMap::new();
    for (touches, conversions, nulls) in paths {
        let mut state = Vec::new();
        let weight = f64::from(*conversions) + f64::from(*nulls);
        for end in 1..=touches.len() {
            let next = touches[end.saturating_sub(order)..end].to_vec();
            counts.entry(state).or_default().push((Some(next.clone()), weight));
            state = next;
        }
        let out = counts.entry(state).or_default();
        out.push((None, f64::from(*conversions)));
        out.push((Some(vec![99]), f64::from(*nulls)));
    }
    let mut now: HashMap<Vec<u8>, f64> = [(Vec::new(), 1.0)].into();
    let mut converted = 0.0;
    for _ in 0..2000 {
        let mut next: HashMap<Vec<u8>, f64> = HashMap::new();
        for (state, probability) in &now {
            let Some(out) = counts.get(state) else { continue };
            let total: f64 = out.iter().map(|(_, weight)| weight).sum();
            for (to, weight) in out {
                match to {
                    _ if *weight == 0.0 => {}
                    None => converted += probability * weight / total,
                    Some(to) if without.is_some_and(|gone| to.contains(&gone)) => {}
                    Some(to) => *next.entry(to.clone()).or_default() += probability * weight / total,
                }
            }
        }
        now = next;
    }
    converted
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn the_closed_form_equals_walking(
        rows in prop::collection::vec((prop::collection::vec(0u8..4, 1..6), 0u8..4, 1u8..4), 1..8),
        order in 1usize..4,
    ) {
        let mut paths = Paths::default();
        for (touches, conversions, nulls) in &rows {
            let names: Vec<String> = touches.iter().map(|touch| format!("c{touch}")).collect();
            paths.push(names.iter().map(String::as_str), f64::from(*conversions), 0.0, f64::from(*nulls)).unwrap();
        }
        let whole = walked(&rows, order, None);
        let effects: Vec<f64> = (0..4u8)
            .map(|channel| if whole > 0.0 { 1.0 - walked(&rows, order, Some(channel)) / whole } else { 0.0 })
            .collect();
        let conversions: f64 = rows.iter().map(|row| f64::from(row.1)).sum();
        for credit in paths.attribute(Model::Markov { order }).unwrap() {
            let channel: usize = credit.channel[1..].parse().unwrap();
            let sum: f64 = effects.iter().sum();
            let expected = if sum > 0.0 { conversions * effects[channel] / sum } else { 0.0 };
            prop_assert!((credit.conversions - expected).abs() < 1e-6, "{} {}", credit.conversions, expected);
        }
    }

    #[test]
    fn the_shapley_value_equals_all_orders(
        rows in prop::collection::vec((prop::collection::vec(0u8..4, 1..6), 0u8..9), 1..8),
    ) {
        let mut paths = Paths::default();
        for (touches, conversions) in &rows {
            let names: Vec<String> = touches.iter().map(|touch| format!("c{touch}")).collect();
            paths.push(names.iter().map(String::as_str), f64::from(*conversions), 0.0, 0.0).unwrap();
        }
        let earns = |set: u8| -> f64 {
            let inside = |touches: &[u8]| touches.iter().all(|touch| set >> touch & 1 == 1);
            rows.iter().filter(|row| inside(&row.0)).map(|row| f64::from(row.1)).sum()
        };
        let factorial = |n: u32| (1..=n).product::<u32>();
        for credit in paths.attribute(Model::Shapley).unwrap() {
            let channel: u32 = credit.channel[1..].parse().unwrap();
            let others = (0u8..16).filter(|set| set >> channel & 1 == 0);
            let value: f64 = others
                .map(|set| {
                    let weight = f64::from(factorial(set.count_ones()) * factorial(3 - set.count_ones())) / 24.0;
                    weight * (earns(set | 1 << channel) - earns(set))
                })
                .sum();
            prop_assert!((credit.conversions - value).abs() < 1e-9);
        }
    }
}

#[test]
fn paths_of_a_log_end_at_each_goal() {
    let mut builder = EventLog::builder();
    for (customer, day, name) in [
        ("a", 0, "mail"),
        ("a", 1, "web"),
        ("a", 2, "pay"),
        ("a", 3, "web"),
        ("b", 0, "pay"),
        ("b", 1, "home"),
        ("c", 1, "mail"),
    ] {
        builder.push(customer, Timestamp::from_millis(day * 86_400_000), name, []).unwrap();
    }
    let touches = [Atom::named("mail"), Atom::named("web")];
    let paths = Paths::of_log(&builder.build(), &touches, &Atom::named("pay"), None).unwrap();
    let shapes: Vec<_> = paths.paths().iter().map(|path| (path.touches.len(), path.conversions, path.nulls)).collect();
    assert_eq!(shapes, [(2, 1.0, 0.0), (1, 0.0, 1.0), (1, 0.0, 1.0)]);
    let found = credits(&paths, Model::TimeDecay { half_life_seconds: 86_400.0 });
    assert_eq!(
        found.iter().map(|one| one.1).collect::<Vec<_>>(),
        [(1e9f64 / 3.0).round() / 1e9, (2e9f64 / 3.0).round() / 1e9]
    );
}
