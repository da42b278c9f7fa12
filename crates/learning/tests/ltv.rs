//! Customers drawn from the models: what is fitted is what they were drawn from, and what is expected of them happens.

use attune_learning::ltv::summary::Observed;
use attune_learning::ltv::{Discounting, Purchases, Spend, Summary, holdout, lifetime_value};
use attune_learning::random::Random;
use proptest::prelude::*;

const TRUTH: Purchases = Purchases { r: 0.5, alpha: 5.0, a: 0.8, b: 2.5 };
const SPEND: Spend = Spend { p: 6.0, q: 4.0, v: 15.0 };

fn normal(random: &mut Random) -> f64 {
    let radius = (-2.0 * (1.0 - random.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.unit()).cos()
}

/// Marsaglia and Tsang 2000.
fn gamma(random: &mut Random, shape: f64) -> f64 {
    if shape < 1.0 {
        return gamma(random, shape + 1.0) * (1.0 - random.unit()).powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    loop {
        let x = normal(random);
        let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
        if v > 0.0 && (1.0 - random.unit()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// Customers of `age` and what they bought in the `later` time.
fn draw(random: &mut Random, count: u32, age: f64, later: f64) -> Vec<Observed> {
    let one = |customer| {
        let rate = gamma(random, TRUTH.r) / TRUTH.alpha;
        let (left, stayed) = (gamma(random, TRUTH.a), gamma(random, TRUTH.b));
        let leaves = left / (left + stayed);
        let scale = gamma(random, SPEND.q) / SPEND.v;
        let (mut time, mut last, mut frequency, mut after) = (0.0, 0.0, 0, 0);
        let (mut value, mut after_value) = (0.0, 0.0);
        loop {
            time += -(1.0 - random.unit()).ln() / rate;
            if time > age + later {
                break;
            }
            let spent = gamma(random, SPEND.p) / scale;
            if time <= age {
                (last, frequency, value) = (time, frequency + 1, value + spent);
            } else {
                (after, after_value) = (after + 1, after_value + spent);
            }
            if random.unit() < leaves {
                break;
            }
        }
        let value = if frequency == 0 { 0.0 } else { value / f64::from(frequency) };
        let summary = Summary { frequency, recency: last, age, value };
        Observed { customer, summary, later: after, later_value: after_value }
    };
    (0..count).map(one).collect()
}

#[test]
fn parameters_of_drawn_customers_are_found_within_their_errors() {
    let mut random = Random::new(20, 1);
    let mut observed = draw(&mut random, 20_000, 40.0, 0.0);
    observed.extend(draw(&mut random, 20_000, 25.0, 0.0));
    let customers: Vec<Summary> = observed.iter().map(|one| one.summary).collect();
    let fitted = Purchases::fit(&customers).unwrap();
    let found = [fitted.model.r, fitted.model.alpha, fitted.model.a, fitted.model.b];
    let errors = fitted.errors.unwrap();
    for ((found, error), truth) in found.iter().zip(errors).zip([TRUTH.r, TRUTH.alpha, TRUTH.a, TRUTH.b]) {
        assert!((found - truth).abs() < 4.0 * error && error < 0.1 * truth, "{found} +- {error} for {truth}");
    }
    assert!(
        (fitted.log_likelihood - fitted.model.log_likelihood(&customers)).abs() < 1e-6 * fitted.log_likelihood.abs()
    );
    assert!(fitted.log_likelihood >= TRUTH.log_likelihood(&customers));

    let spend = Spend::fit(&customers).unwrap();
    let found = [spend.model.p, spend.model.q, spend.model.v];
    for ((found, error), truth) in found.iter().zip(spend.errors.unwrap()).zip([SPEND.p, SPEND.q, SPEND.v]) {
        assert!((found - truth).abs() < 4.0 * error && error < 0.1 * truth, "{found} +- {error} for {truth}");
    }
    assert!(spend.correlation.abs() < 0.03);
}

#[test]
fn what_is_expected_happens() {
    let mut random = Random::new(21, 1);
    let observed = draw(&mut random, 200_000, 40.0, 30.0);
    let held = holdout::compare(&TRUTH, Some(&SPEND), &observed, 30.0).unwrap();
    assert!((held.expected / held.actual - 1.0).abs() < 0.02, "{} {}", held.expected, held.actual);
    assert!((held.expected_value / held.actual_value - 1.0).abs() < 0.04);
    for row in &held.by_frequency {
        let spread = 4.0 * (row.actual.max(0.05) * 3.0 / row.customers as f64).sqrt();
        assert!((row.actual - row.expected).abs() < spread, "{row:?}");
    }
    // Of new customers: the repeat purchases in their first 40 units.
    let bought: f64 = observed.iter().map(|one| f64::from(one.summary.frequency)).sum::<f64>() / 200_000.0;
    assert!((TRUTH.expected_of_new(40.0).unwrap() / bought - 1.0).abs() < 0.02);
}

#[test]
fn who_is_there_can_be_told_by_what_they_do_later() {
    let mut random = Random::new(22, 1);
    // So long after that whoever is there and buys has bought.
    let observed = draw(&mut random, 50_000, 40.0, 20_000.0);
    let often: Vec<&Observed> = observed.iter().filter(|one| one.summary.frequency >= 3).collect();
    let alive: f64 = often.iter().map(|one| TRUTH.alive(&one.summary)).sum();
    let came = often.iter().filter(|one| one.later > 0).count() as f64;
    assert!((alive / came - 1.0).abs() < 0.02, "{alive} {came}");
}

#[test]
fn a_lifetime_value_is_what_its_periods_are_worth() {
    let customer = Summary { frequency: 3, recency: 20.0, age: 30.0, value: 40.0 };
    let free = Discounting { periods: 12, length: 4.0, rate: 0.0 };
    let value = lifetime_value(&TRUTH, &SPEND, &customer, &free).unwrap();
    let whole = TRUTH.expected(&customer, 48.0).unwrap() * SPEND.expected(&customer);
    assert!((value - whole).abs() < 1e-9 * whole);
    let dear = lifetime_value(&TRUTH, &SPEND, &customer, &Discounting { rate: 0.1, ..free }).unwrap();
    assert!(dear < value && dear > value / 1.1f64.powi(12));
    lifetime_value(&TRUTH, &SPEND, &customer, &Discounting { periods: 0, ..free }).unwrap_err();
    lifetime_value(&TRUTH, &SPEND, &customer, &Discounting { length: f64::NAN, ..free }).unwrap_err();
}

#[test]
fn data_without_a_model_are_refused() {
    let once = Summary { frequency: 0, recency: 0.0, age: 10.0, value: 0.0 };
    assert!(Purchases::fit(&[once; 50]).is_err());
    assert!(Purchases::fit(&[]).is_err());
    assert!(Spend::fit(&[once; 50]).is_err());
    assert!(TRUTH.expected(&once, f64::NAN).is_err());
    assert!(TRUTH.expected(&Summary { recency: 11.0, ..once }, 1.0).is_err());
}

#[test]
fn the_unit_of_time_changes_alpha_alone() {
    let days: Vec<Summary> = draw(&mut Random::new(23, 1), 5000, 40.0, 0.0).iter().map(|one| one.summary).collect();
    let weeks: Vec<Summary> =
        days.iter().map(|one| Summary { recency: one.recency / 7.0, age: one.age / 7.0, ..*one }).collect();
    let (days, weeks) = (Purchases::fit(&days).unwrap().model, Purchases::fit(&weeks).unwrap().model);
    assert!((days.alpha / weeks.alpha / 7.0 - 1.0).abs() < 1e-4);
    assert!((days.r / weeks.r - 1.0).abs() < 1e-4 && (days.b / weeks.b - 1.0).abs() < 1e-4);
}

proptest! {
    /// More can only be expected of a longer time, and of who bought more lately.
    #[test]
    fn expectations_are_in_order(
        frequency in 1u32..60, share in 0.0f64..1.0, age in 1.0f64..100.0, horizon in 0.01f64..500.0,
        r in 0.1f64..3.0, alpha in 0.5f64..50.0, a in 0.1f64..3.0, b in 0.2f64..6.0,
    ) {
        let model = Purchases { r, alpha, a, b };
        let customer = Summary { frequency, recency: (age * share).max(1e-3), age, value: 1.0 };
        let (near, far) = (model.expected(&customer, horizon).unwrap(), model.expected(&customer, horizon * 1.5).unwrap());
        prop_assert!(near.is_finite() && near > 0.0 && far > near);
        let alive = model.alive(&customer);
        prop_assert!((0.0..=1.0).contains(&alive));
        // While they are there they buy at most at the rate that is expected of them now.
        prop_assert!(near <= alive * horizon * (r + f64::from(frequency)) / (alpha + age) * (1.0 + 1e-9));
        let later = Summary { recency: age, ..customer };
        prop_assert!(model.alive(&later) >= alive);
    }
}
