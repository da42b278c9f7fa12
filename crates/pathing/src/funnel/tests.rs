use proptest::prelude::*;

use attune_kernel::Timestamp;

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
    Funnel::named(steps, Duration::from_secs(within)).run(&log, &sequences(&log, Unit::Customer, 1), 2)
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
            (here.len() as u64, crate::stat::median_seconds(&mut micros))
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
    let steps = Funnel::named(names, Duration::from_secs(63)).run(&log, &sequences(&log, Unit::Customer, 1), 1);
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
        Funnel::named(steps.clone(), Duration::from_secs(86_400))
            .run(&log, &sequences(&log, unit, 1), 1)
            .iter()
            .map(|step| step.reached)
            .collect::<Vec<_>>()
    };
    assert_eq!(by(Unit::Customer), [2, 2, 0]);
    assert_eq!(by(Unit::Session { gap: Duration::from_secs(1800) }), [2, 1, 0]);
}

/// ClickHouse's `windowFunnel` by its documentation: what is walked over, and what each mode does to an event.
fn walked(events: &[(i64, u8)], steps: &[u8], within: i64, mode: Mode) -> usize {
    let mut walk: Vec<(i64, usize)> = Vec::new();
    for (time, name) in events {
        let fits = steps.iter().enumerate().filter(|(_, step)| *step == name);
        let before = walk.len();
        walk.extend(fits.map(|(step, _)| (*time, step + 1)));
        if walk.len() == before && mode.strict_order {
            walk.push((*time, 0));
        }
    }
    walk.sort_unstable();
    // By step: when the chain began, and when it got here.
    let mut chains: Vec<Option<(i64, i64)>> = vec![None; steps.len()];
    for (time, step) in walk {
        let begun = chains[0].is_some();
        match step {
            0 if begun => break,
            0 => {}
            1 => chains[0] = Some((time, time)),
            _ if mode.strict_deduplication && chains[step - 1].is_some() => break,
            _ => match chains[step - 2] {
                None if mode.strict_order && begun => break,
                None => {}
                Some((first, last)) if time - first <= within && (last < time || !mode.strict_increase) => {
                    chains[step - 1] = Some((first, time));
                }
                Some(_) => {}
            },
        }
        if chains.last().is_some_and(Option::is_some) {
            break;
        }
    }
    chains.iter().filter(|chain| chain.is_some()).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn modes_equal_the_walk(
        mut events in prop::collection::vec((0i64..12, 0u8..5), 1..14),
        steps in prop::collection::vec(0u8..4, 1..5),
        within in 0i64..10,
        strict_deduplication in prop::bool::ANY,
        strict_order in prop::bool::ANY,
        strict_increase in prop::bool::ANY,
    ) {
        let mode = Mode { strict_deduplication, strict_order, strict_increase, any_order: false };
        let log = log_of(std::slice::from_ref(&events));
        let funnel = Funnel { mode, ..Funnel::named(steps.iter().map(|step| letter(*step)), Duration::from_secs(within as u64)) };
        let found = funnel.levels(&log, &sequences(&log, Unit::Customer, 1), 1)[0];
        events.sort_by_key(|event| event.0);
        prop_assert_eq!(found as usize, walked(&events, &steps, within, mode));
    }

    #[test]
    fn any_order_equals_trying_every_window(
        mut events in prop::collection::vec((0i64..12, 0u8..5), 1..14),
        steps in prop::collection::vec(0u8..4, 1..5),
        within in 0i64..10,
    ) {
        let mode = Mode { any_order: true, ..Mode::default() };
        let log = log_of(std::slice::from_ref(&events));
        let funnel = Funnel { mode, ..Funnel::named(steps.iter().map(|step| letter(*step)), Duration::from_secs(within as u64)) };
        let found = funnel.levels(&log, &sequences(&log, Unit::Customer, 1), 1)[0];
        events.sort_by_key(|event| event.0);
        let in_window = |first: i64| {
            let inside = |event: &&(i64, u8)| (first..=first + within).contains(&event.0);
            steps.iter().filter(|step| events.iter().filter(inside).any(|event| event.1 == **step)).count()
        };
        let best = events.iter().map(|event| in_window(event.0)).max().unwrap_or_default();
        prop_assert_eq!(found as usize, best);
    }

    #[test]
    fn exclusions_equal_trying_every_chain(
        mut events in prop::collection::vec((0i64..12, 0u8..4), 1..11),
        within in 0i64..10,
        after in 1usize..3,
        more in 1usize..3,
    ) {
        let before = (after + more).min(3);
        let exclusion = Exclusion { event: Atom::named("d"), after, before };
        let named = Funnel::named(["a", "b", "c"], Duration::from_secs(within as u64));
        let funnel = Funnel { exclusions: vec![exclusion], ..named };
        let log = log_of(std::slice::from_ref(&events));
        let found = funnel.levels(&log, &sequences(&log, Unit::Customer, 1), 1)[0];
        events.sort_by_key(|event| event.0);
        // A chain that ends between the two steps is broken by what lies before its own last event.
        let unbroken = |chain: &Vec<i64>| {
            let (Some(begin), Some(end)) = (chain.get(after - 1), chain.get(before - 1).or(chain.last())) else {
                return true;
            };
            !events.iter().any(|(time, name)| *name == 3 && begin < time && time < end)
        };
        let all = chains(&events, &[0, 1, 2], within);
        let best = all.iter().filter(|chain| unbroken(chain)).map(Vec::len).max();
        prop_assert_eq!(found as usize, best.unwrap_or_default());
    }
}

#[test]
fn steps_may_have_conditions_and_results_may_be_broken_down() {
    use crate::pattern::Atom;
    use crate::predicate::Predicate;
    use crate::value::Scalar;
    let mut builder = EventLog::builder();
    for (customer, second, name, amount, channel) in [
        ("ada", 0, "cart", 5.0, "web"),
        ("ada", 60, "pay", 500.0, "app"),
        ("bob", 0, "cart", 5.0, "app"),
        ("bob", 90, "pay", 50.0, "web"),
    ] {
        let properties = [("amount", Scalar::Number(amount)), ("channel", Scalar::Text(channel))];
        builder.push(customer, Timestamp::from_millis(second * 1000), name, properties).unwrap();
    }
    let log = builder.build();
    let large = Atom { name: Some("pay".to_owned()), predicate: Some(Predicate::parse("amount > 100").unwrap()) };
    let mut funnel = Funnel::named(["cart"], Duration::from_secs(3600));
    funnel.steps.push(large);
    let all = sequences(&log, Unit::Customer, 1);
    let steps = funnel.run(&log, &all, 1);
    assert_eq!((steps[0].reached, steps[1].reached, steps[1].median_seconds), (2, 1, Some(60.0)));
    assert_eq!(steps[1].name, "pay[amount > 100]");
    let by_channel: Vec<_> = funnel
        .by_property(&log, &all, "channel", 1)
        .into_iter()
        .map(|(value, steps)| (value, steps[0].reached, steps[1].reached))
        .collect();
    assert_eq!(by_channel, [("app".to_owned(), 1, 0), ("web".to_owned(), 1, 1)]);
    assert!(funnel.by_property(&log, &all, "nothing", 1).is_empty());
}
