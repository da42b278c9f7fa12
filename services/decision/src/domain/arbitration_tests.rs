use proptest::prelude::*;

use super::*;
use crate::domain::response::Kind;

fn policy(exploration: Exploration, exploration_floor: f64) -> Policy {
    Policy {
        id: "p".into(),
        exploration,
        control_share: 0.0,
        exploration_floor,
        ignore_value: false,
        ignore_lever: false,
        learn_from: Kind::Click,
    }
}

fn contender(number: usize, alpha: f64, beta: f64, value: f64) -> Contender {
    Contender {
        offer: format!("offer-{number:04}").into(),
        posterior: Arc::new(Posterior::new(alpha, beta)),
        value,
        context_weight: 1.0,
        lever: 1.0,
    }
}

/// Small whole parameters and few values make equal atoms likely.
fn contenders(most: usize) -> impl Strategy<Value = Vec<Contender>> {
    let one = (1u8..6, 1u8..12, prop::sample::select(vec![0.0, 1.0, 2.0, 3.5]));
    prop::collection::vec(one, 1..=most).prop_map(|drawn| {
        drawn
            .into_iter()
            .enumerate()
            .map(|(number, (alpha, beta, value))| contender(number, f64::from(alpha), f64::from(beta), value))
            .collect()
    })
}

fn explorations() -> impl Strategy<Value = Exploration> {
    prop::sample::select(vec![Exploration::Thompson, Exploration::Greedy, Exploration::Uniform])
}

/// Every combination of indices, one by one.
fn enumerated(contenders: &[Contender], policy: &Policy) -> Vec<f64> {
    let mut wins = vec![0u64; contenders.len()];
    let combinations = PARTS.pow(u32::try_from(contenders.len()).unwrap());
    for combination in 0..combinations {
        let mut rest = combination;
        let atoms = contenders.iter().enumerate().map(|(contender, offer)| {
            let index = rest % PARTS;
            rest /= PARTS;
            let propensity = offer.posterior.atoms()[index];
            Atom { score: propensity * offer.weight(policy), propensity, index, contender }
        });
        wins[atoms.max().unwrap().contender] += 1;
    }
    wins.into_iter().map(|won| won as f64 / combinations as f64).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_closed_form_equals_enumeration(contenders in contenders(3)) {
        let policy = policy(Exploration::Thompson, 0.0);
        let exact = selection_probabilities(&contenders, &policy, Treatment::Arbitrated);
        for (left, right) in exact.iter().zip(enumerated(&contenders, &policy)) {
            prop_assert!((left - right).abs() < 1e-12, "{left} {right}");
        }
    }

    #[test]
    fn probabilities_sum_to_one_and_keep_the_floor(
        contenders in contenders(60), exploration in explorations(), floor in 0.0f64..=0.5,
    ) {
        let policy = policy(exploration, floor);
        for arm in [Treatment::Arbitrated, Treatment::Control] {
            let probabilities = selection_probabilities(&contenders, &policy, arm);
            prop_assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            let least = floor / contenders.len() as f64 - 1e-15;
            prop_assert!(probabilities.iter().all(|probability| *probability >= least));
        }
    }

    #[test]
    fn ranks_are_a_permutation_and_repeat(
        contenders in contenders(20), exploration in explorations(), floor in 0.0f64..=0.5, seed: u64,
    ) {
        let policy = policy(exploration, floor);
        let ranked = arbitrate(&contenders, &policy, Treatment::Arbitrated, seed);
        prop_assert_eq!(&ranked, &arbitrate(&contenders, &policy, Treatment::Arbitrated, seed));
        let mut seen: Vec<usize> = ranked.iter().map(|ranked| ranked.contender).collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..contenders.len()).collect::<Vec<_>>());
        if exploration != Exploration::Uniform {
            // Behind the first, which the floor may have put there, scores only fall.
            prop_assert!(ranked[1..].windows(2).all(|pair| pair[0].score >= pair[1].score));
        }
    }
}

/// The 0.999 quantile of chi-square with `freedom` degrees (Wilson and Hilferty's approximation).
fn chi_square_limit(freedom: f64) -> f64 {
    let ninth = 2.0 / (9.0 * freedom);
    freedom * (1.0 - ninth + 3.0902 * ninth.sqrt()).powi(3)
}

#[test]
fn frequencies_match_the_logged_probabilities() {
    const RUNS: u64 = 12_000;
    let equal = |value: f64| (0..5).map(|number| contender(number, 1.0, 9.0, value)).collect::<Vec<_>>();
    let mixed: Vec<Contender> =
        [(2.0, 30.0, 5.0), (4.0, 40.0, 2.0), (1.0, 9.0, 3.0), (1.0, 9.0, 3.0), (20.0, 80.0, 1.0)]
            .iter()
            .enumerate()
            .map(|(number, (alpha, beta, value))| contender(number, *alpha, *beta, *value))
            .collect();
    let sets = [equal(1.0), equal(0.0), mixed];
    for (set, contenders) in sets.iter().enumerate() {
        for exploration in [Exploration::Thompson, Exploration::Greedy, Exploration::Uniform] {
            for (arm, floor) in [(Treatment::Arbitrated, 0.0), (Treatment::Arbitrated, 0.2), (Treatment::Control, 0.0)]
            {
                let policy = policy(exploration, floor);
                let mut won = vec![0u64; contenders.len()];
                for run in 0..RUNS {
                    let seed = Draws::new(run ^ (set as u64) << 40).next();
                    won[arbitrate(contenders, &policy, arm, seed)[0].contender] += 1;
                }
                let expected = selection_probabilities(contenders, &policy, arm);
                let possible = expected.iter().filter(|probability| **probability > 0.0).count();
                let statistic: f64 = won
                    .iter()
                    .zip(&expected)
                    .map(|(won, probability)| {
                        let mean = probability * RUNS as f64;
                        if mean > 0.0 {
                            (*won as f64 - mean).powi(2) / mean
                        } else {
                            assert_eq!(*won, 0, "an impossible choice was made");
                            0.0
                        }
                    })
                    .sum();
                let limit = if possible > 1 { chi_square_limit(possible as f64 - 1.0) } else { 1e-9 };
                assert!(statistic <= limit, "{exploration:?} {arm:?} set {set}: {statistic} > {limit}, {won:?}");
            }
        }
    }
}

#[test]
fn equal_offers_share_evenly_and_worthless_ones_still_explore() {
    for value in [0.0, 1.0] {
        let equal: Vec<Contender> = (0..10).map(|number| contender(number, 1.0, 9.0, value)).collect();
        let shares = selection_probabilities(&equal, &policy(Exploration::Thompson, 0.0), Treatment::Arbitrated);
        assert!(shares.iter().all(|share| (share - 0.1).abs() < 0.02), "{shares:?}");
    }
}

#[test]
fn an_empty_set_ranks_nothing() {
    assert!(arbitrate(&[], &policy(Exploration::Thompson, 0.1), Treatment::Arbitrated, 1).is_empty());
}
