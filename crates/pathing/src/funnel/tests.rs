use proptest::prelude::*;

use super::*;
use crate::sessions::{Unit, sequences};

type Events = Vec<(i64, u8)>;

fn letter(number: u8) -> String {
    char::from(b'a' + number).to_string()
}

fn log_of(customers: &[Events]) -> EventLog {
    let mut builder = EventLog::builder();
    for (number, events) in customers.iter().enumerate() {
        for (second, event) in events {
            builder.push(&format!("c{number:03}"), Timestamp::from_millis(second * 1000), &letter(*event), []).unwrap();
        }
    }
    builder.build()
}

fn funnel(customers: &[Events], steps: &[u8], within: u64) -> Vec<Step> {
    let log = log_of(customers);
    let steps: Vec<_> = steps.iter().map(|step| letter(*step)).collect();
    run(&log, &sequences(&log, Unit::Customer), &steps, Duration::from_secs(within))
}

/// Every chain of every length, by the definition: times of the chosen events.
fn chains(events: &[(i64, u8)], steps: &[u8], within: i64) -> Vec<Vec<i64>> {
    let mut all: Vec<Vec<i64>> = Vec::new();
    let mut growing: Vec<Vec<i64>> = vec![Vec::new()];
    for step in steps {
        let mut longer = Vec::new();
        for chain in &growing {
            for (time, name) in events {
                let in_order = chain.last().is_none_or(|last| last <= time);
                let in_window = chain.first().is_none_or(|first| *time <= first + within);
                if name == step && in_order && in_window {
                    longer.push([chain.as_slice(), &[*time]].concat());
                }
            }
        }
        longer.sort();
        longer.dedup();
        all.extend(longer.iter().cloned());
        growing = longer;
    }
    all
}

/// The chain that stands for the sequence, by the definition.
fn standing(events: &[(i64, u8)], steps: &[u8], within: i64) -> Vec<i64> {
    let mut all = chains(events, steps, within);
    all.sort_by_key(|chain| {
        let backwards: Vec<i64> = chain.iter().rev().skip(1).map(|time| -time).collect();
        (std::cmp::Reverse(chain.len()), chain.last().copied(), backwards)
    });
    all.into_iter().next().unwrap_or_default()
}

fn naive(customers: &[Events], steps: &[u8], within: i64) -> Vec<(u64, Option<f64>)> {
    let standing: Vec<_> = customers.iter().map(|events| standing(events, steps, within)).collect();
    (0..steps.len())
        .map(|step| {
            let here: Vec<_> = standing.iter().filter(|chain| chain.len() > step).collect();
            let mut micros: Vec<i64> = match step {
                0 => Vec::new(),
                _ => here.iter().map(|chain| (chain[step] - chain[step - 1]) * 1_000_000).collect(),
            };
            (here.len() as u64, median_seconds(&mut micros))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn equals_the_definition(
        customers in prop::collection::vec(prop::collection::vec((0i64..12, 0u8..4), 0..9), 1..4),
        steps in prop::collection::vec(0u8..4, 1..5),
        within in 0i64..10,
    ) {
        let found: Vec<_> = funnel(&customers, &steps, within as u64)
            .into_iter()
            .map(|step| (step.reached, step.median_seconds))
            .collect();
        prop_assert_eq!(found, naive(&customers, &steps, within));
    }
}

#[test]
fn the_window_opens_at_the_chains_own_first_event_and_includes_its_end() {
    let late_start = vec![vec![(0, 0), (8, 0), (10, 1), (18, 2)]];
    let reached: Vec<_> = funnel(&late_start, &[0, 1, 2], 10).into_iter().map(|step| step.reached).collect();
    assert_eq!(reached, [1, 1, 1], "the second a starts the chain that completes");
    let steps = funnel(&late_start, &[0, 1, 2], 9);
    assert_eq!(steps.iter().map(|step| step.reached).collect::<Vec<_>>(), [1, 1, 0]);
    assert_eq!(steps[2].median_seconds, None);
    assert!((steps[1].converted_from_previous - 1.0).abs() < f64::EPSILON && steps[2].converted_from_previous == 0.0);
}

#[test]
fn same_times_count_in_the_order_of_the_steps() {
    let steps = funnel(&[vec![(5, 2), (5, 1), (5, 0)]], &[0, 1, 2], 0);
    assert_eq!(steps[2].reached, 1);
}

#[test]
fn one_event_counts_for_every_step_of_its_name() {
    let steps = funnel(&[vec![(5, 0)]], &[0, 0, 0], 10);
    assert_eq!(steps[2].reached, 1);
}

#[test]
fn has_no_cap_on_steps() {
    let names: Vec<String> = (0..64).map(|number| format!("step {number}")).collect();
    let mut builder = EventLog::builder();
    for (customer, depth) in [("full", 64), ("half", 32), ("none", 0)] {
        builder.push(customer, Timestamp::from_millis(0), "other", []).unwrap();
        for (second, name) in (0..).zip(&names[..depth]) {
            builder.push(customer, Timestamp::from_millis(second * 1000), name, []).unwrap();
        }
    }
    let log = builder.build();
    let steps = run(&log, &sequences(&log, Unit::Customer), &names, Duration::from_secs(63));
    assert_eq!((steps[0].reached, steps[31].reached, steps[32].reached, steps[63].reached), (2, 2, 1, 1));
    assert!((steps[32].converted_from_previous - 0.5).abs() < f64::EPSILON);
    assert_eq!(steps[63].median_seconds, Some(1.0));
    assert_eq!(steps[63].name, "step 63");
}

#[test]
fn sessions_are_sequences_of_their_own() {
    let log = log_of(&[vec![(0, 0), (10_000, 1)], vec![(0, 0), (10, 1)]]);
    let steps = ["a".to_owned(), "b".to_owned(), "never".to_owned()];
    let by = |unit| {
        run(&log, &sequences(&log, unit), &steps, Duration::from_secs(86_400))
            .iter()
            .map(|step| step.reached)
            .collect::<Vec<_>>()
    };
    assert_eq!(by(Unit::Customer), [2, 2, 0]);
    assert_eq!(by(Unit::Session { gap: Duration::from_secs(1800) }), [2, 1, 0]);
}
