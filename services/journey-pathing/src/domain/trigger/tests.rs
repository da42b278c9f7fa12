use std::time::Duration;

use attune_kernel::Timestamp;
use proptest::prelude::*;

use super::live_is_batch::{event, rule};
use super::*;
use crate::domain::condition::{Condition, Test};
use crate::domain::pattern::Pattern;
use crate::domain::predicate::Predicate;

const HOUR: Duration = Duration::from_secs(3600);

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

/// What a rule fires over (second, name, amount), in this order of arrival, until a second.
fn run(rule: &Rule, events: &[(i64, &str, f64)], until: i64) -> Vec<(i64, Vec<String>)> {
    let mut state = State::new(rule, "ada");
    let mut fired = Vec::new();
    for (number, (second, name, amount)) in events.iter().enumerate() {
        fired.extend(on_event(rule, &mut state, &event(number, *second, name, Some(*amount))));
    }
    fired.extend(on_time(rule, &mut state, at(until)));
    fired.into_iter().map(|fired| (fired.time.as_millis() / 1000, fired.evidence)).collect()
}

fn ids(numbers: &[usize]) -> Vec<String> {
    numbers.iter().map(|number| format!("e{number}")).collect()
}

fn abandoned(within: Duration) -> Detector {
    let (start, completion) = (Condition::named("cart"), Condition::named("buy"));
    Detector::Abandoned { start, completion, within, restart: Restart::Latest }
}

fn sum(limit: f64) -> Detector {
    let property = Some("amount".to_owned());
    Detector::Threshold { condition: Condition::named("pay"), property, limit, window: HOUR }
}

#[test]
fn abandoned_fires_at_the_deadline_and_not_when_completed() {
    let rule = rule(abandoned(HOUR), 0);
    assert_eq!(run(&rule, &[(0, "cart", 1.0)], 3601), [(3600, ids(&[0]))]);
    assert_eq!(run(&rule, &[(0, "cart", 1.0)], 3600), [], "a completion may still come in this very second");
    assert_eq!(run(&rule, &[(0, "cart", 1.0), (3600, "buy", 1.0)], 9999), []);
    assert_eq!(run(&rule, &[(0, "cart", 1.0), (3601, "buy", 1.0)], 9999), [(3600, ids(&[0]))]);
    assert_eq!(run(&rule, &[(0, "cart", 1.0), (1800, "cart", 1.0)], 9999), [(5400, ids(&[1]))], "the wait restarts");
}

#[test]
fn sequence_fires_when_complete_and_not_across_a_gap() {
    let of = |text: &str| rule(Detector::Sequence { pattern: Pattern::parse(text).unwrap(), within: HOUR }, 0);
    let fails = of("login_failed{3} login");
    let failed = |last| [(0, "login_failed", 1.0), (10, "login_failed", 1.0), (20, "login_failed", 1.0), last];
    assert_eq!(run(&fails, &failed((30, "login", 1.0)), 60), [(30, ids(&[0, 1, 2, 3]))]);
    assert_eq!(run(&fails, &failed((30, "logout", 1.0)), 60), []);
    assert_eq!(run(&fails, &failed((4000, "login", 1.0)), 9999), [], "too slow");
    let left = of("view (search)* cart !buy");
    assert_eq!(run(&left, &[(0, "view", 1.0), (5, "cart", 1.0), (9, "home", 1.0)], 3606), [(3605, ids(&[0, 1]))]);
    assert_eq!(run(&left, &[(0, "view", 1.0), (5, "cart", 1.0), (9, "buy", 1.0)], 9999), []);
}

#[test]
fn threshold_fires_on_crossing_and_not_below_or_outside_the_window() {
    let rule = rule(sum(100.0), 0);
    let pays = [(0, "pay", 60.0), (60, "view", 500.0), (600, "pay", 40.0), (700, "pay", 40.0)];
    assert_eq!(run(&rule, &pays, 9999), [(600, ids(&[0, 2]))], "it is above already when the last one comes");
    assert_eq!(run(&rule, &[(0, "pay", 60.0), (3600, "pay", 40.0)], 9999), [], "the first is an hour old");
    assert_eq!(run(&rule, &[(0, "pay", 60.0), (3599, "pay", 40.0)], 9999), [(3599, ids(&[0, 1]))]);
}

#[test]
fn event_fires_on_its_predicate_and_not_otherwise() {
    let mut condition = Condition::named("pay");
    condition.test = Test::Compare(Predicate::parse("amount >= 1000").unwrap());
    let rule = rule(Detector::Event(condition), 0);
    assert_eq!(run(&rule, &[(1, "pay", 999.0), (2, "pay", 1000.0), (3, "view", 5000.0)], 9), [(2, ids(&[1]))]);
}

#[test]
fn inactive_fires_once_per_silence_and_not_when_something_happens() {
    let rule = rule(Detector::Inactive { after: HOUR }, 0);
    assert_eq!(run(&rule, &[(0, "view", 1.0)], 99_999), [(3600, ids(&[0]))]);
    assert_eq!(run(&rule, &[(0, "view", 1.0), (3600, "view", 1.0)], 7200), []);
    assert_eq!(run(&rule, &[(0, "view", 1.0), (9000, "view", 1.0)], 99_999), [(3600, ids(&[0])), (12_600, ids(&[1]))]);
}

#[test]
fn the_cool_down_ends_exactly_when_it_says() {
    let rule = rule(Detector::Event(Condition::named("pay")), 60);
    let fired = run(&rule, &[(0, "pay", 1.0), (59, "pay", 1.0), (60, "pay", 1.0), (100, "pay", 1.0)], 999);
    assert_eq!(fired, [(0, ids(&[0])), (60, ids(&[2]))]);
}

#[test]
fn ids_depend_on_rule_version_person_and_cause() {
    let mut rule = rule(Detector::Event(Condition::named("pay")), 0);
    let id = |rule: &Rule, person: &str, number| {
        on_event(rule, &mut State::new(rule, person), &event(number, 5, "pay", None)).remove(0).id
    };
    let first = id(&rule, "ada", 1);
    assert_eq!(first, id(&rule, "ada", 1));
    assert_ne!(first, id(&rule, "bob", 1));
    assert_ne!(first, id(&rule, "ada", 2));
    rule.version += 1;
    assert_ne!(first, id(&rule, "ada", 1));
}

#[test]
fn a_changed_rule_begins_anew() {
    let mut rule = rule(abandoned(HOUR), 0);
    let mut state = State::new(&rule, "ada");
    on_event(&rule, &mut state, &event(0, 0, "cart", None));
    assert!(next_deadline(&rule, &state).is_some() && !state.is_idle(&rule));
    rule.version += 1;
    assert_eq!(next_deadline(&rule, &state), None);
    assert_eq!(on_time(&rule, &mut state, at(99_999)), []);
    assert!(state.is_idle(&rule));
}

fn late(detector: Detector, lateness: u64, grace: u64) -> Rule {
    let mut rule = rule(detector, 0);
    rule.limits.lateness = Duration::from_secs(lateness);
    rule.limits.grace = Duration::from_secs(grace);
    rule
}

#[test]
fn late_events_count_at_their_own_time() {
    let cart = late(abandoned(HOUR), 600, 300);
    let late_buy = [(0, "cart", 1.0), (3700, "view", 1.0), (3500, "buy", 1.0)];
    assert_eq!(run(&cart, &late_buy, 9999), [], "the grace has not passed at 3700");
    assert_eq!(run(&late(abandoned(HOUR), 600, 0), &late_buy, 9999), [(3600, ids(&[0]))], "without it, it has fired");
    let late_cart = [(1000, "buy", 1.0), (1100, "view", 1.0), (900, "cart", 1.0)];
    assert_eq!(run(&cart, &late_cart, 9999), [], "the completion was known");
    let too_late = [(1000, "view", 1.0), (399, "cart", 1.0)];
    assert_eq!(run(&cart, &too_late, 9999), []);
    assert_eq!(run(&cart, &[(1000, "view", 1.0), (400, "cart", 1.0)], 9999), [(4000, ids(&[1]))]);
    let sum = late(sum(100.0), 600, 0);
    assert_eq!(run(&sum, &[(0, "pay", 60.0), (3700, "pay", 1.0), (3500, "pay", 40.0)], 9999), [(3500, ids(&[0, 2]))]);
    let inactive = late(Detector::Inactive { after: HOUR }, 600, 0);
    assert_eq!(run(&inactive, &[(1000, "view", 1.0), (900, "view", 1.0)], 9999), [(4600, ids(&[0]))]);
}

#[test]
fn grace_delays_the_timer_and_not_the_time() {
    let rule = late(abandoned(HOUR), 600, 300);
    let mut state = State::new(&rule, "ada");
    on_event(&rule, &mut state, &event(0, 0, "cart", None));
    assert_eq!(next_deadline(&rule, &state), Some(Timestamp::from_micros(3_900_000_001)));
    let fired = on_time(&rule, &mut state, at(3901));
    assert_eq!(fired[0].time, at(3600));
}

#[test]
fn waits_beyond_the_limit_fire_without_their_grace() {
    let mut rule = late(abandoned(Duration::from_secs(10)), 0, 100_000);
    rule.limits.waits = 2;
    let carts = [(0, "cart", 1.0), (20, "cart", 1.0), (40, "cart", 1.0)];
    assert_eq!(run(&rule, &carts[..2], 50), []);
    assert_eq!(run(&rule, &carts, 50), [(10, ids(&[0]))]);
    assert_eq!(run(&rule, &carts, 200_000), [(10, ids(&[0])), (30, ids(&[1])), (50, ids(&[2]))], "none is lost");
}

#[test]
fn windows_beyond_the_limit_join_their_oldest_events() {
    let mut rule = rule(sum(10.0), 0);
    rule.limits.window_events = 3;
    // The first two become one at second 10, so that the first still counts when it is an hour old.
    let pays = [(0, "pay", 2.0), (10, "pay", 2.0), (20, "pay", 2.0), (30, "pay", 2.0), (3605, "pay", 2.0)];
    assert_eq!(run(&rule, &pays, 9999), [(3605, ids(&[1, 2, 3, 4]))]);
    rule.limits.window_events = 4;
    assert_eq!(run(&rule, &pays, 9999), []);
}

#[test]
fn a_count_is_exact_at_the_limit_of_its_memory() {
    let condition = Condition::named("pay");
    let mut rule = rule(Detector::Threshold { condition, property: None, limit: 3.0, window: HOUR }, 0);
    rule.limits.window_events = 3;
    rule.check().unwrap();
    let pays: Vec<_> = [0, 1, 2, 3, 4, 3603, 3604, 3605].into_iter().map(|second| (second, "pay", 1.0)).collect();
    assert_eq!(run(&rule, &pays, 9999), [(2, ids(&[0, 1, 2])), (3605, ids(&[5, 6, 7]))]);
    rule.limits.window_events = 2;
    assert_eq!(rule.check().unwrap_err().field, "threshold.limit");
}

#[test]
fn rules_that_cannot_run_are_refused() {
    let refuse = |detector: Detector| {
        let rule = Rule { detector, ..rule(abandoned(HOUR), 0) };
        rule.check().unwrap_err().field
    };
    let pattern = |text: &str| Detector::Sequence { pattern: Pattern::parse(text).unwrap(), within: HOUR };
    assert_eq!(refuse(abandoned(Duration::ZERO)), "abandoned.within");
    assert_eq!(refuse(pattern("^ a")), "sequence.pattern");
    assert_eq!(refuse(pattern("a $")), "sequence.pattern");
    assert_eq!(refuse(pattern("a{2000}")), "sequence.pattern");
    assert_eq!(refuse(sum(f64::NAN)), "threshold.limit");
    assert_eq!(refuse(Detector::Inactive { after: Duration::ZERO }), "inactive.after");
}

proptest! {
    #[test]
    fn the_state_stays_small(events in prop::collection::vec((0i64..3, 0u8..3), 200..400), limit in 1usize..6) {
        let detectors = [
            abandoned(Duration::from_secs(1)),
            sum(1e9),
            Detector::Sequence { pattern: Pattern::parse("cart ... pay ... pay !buy").unwrap(), within: HOUR },
            Detector::Inactive { after: HOUR },
        ];
        for detector in detectors {
            let mut rule = late(detector, 7200, 7200);
            rule.limits.waits = limit;
            rule.limits.window_events = limit;
            let mut state = State::new(&rule, "ada");
            let mut second = 0;
            for (number, (gap, name)) in events.iter().enumerate() {
                second += gap;
                let name = ["cart", "pay", "buy"][usize::from(*name)];
                on_event(&rule, &mut state, &event(number, second, name, Some(1.0)));
            }
            let bytes = serde_json::to_string(&state).unwrap().len();
            prop_assert!(bytes < 1500 + 700 * limit, "{} bytes: {:?}", bytes, state);
        }
    }
}
