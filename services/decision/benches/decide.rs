//! The pipeline of one decision: rules, arbitration, exact probabilities; nothing is waited for.
#![allow(missing_docs, reason = "a benchmark")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use attune_decision::domain::catalogue::{Catalogue, Kind, Offer, Placement};
use attune_decision::domain::decide::{Ask, Deciding, Settings, Verdict, decide};
use attune_decision::domain::model::{Counts, Learned, Model, Prior};
use attune_decision::domain::policy::{Exploration, Policy};
use attune_decision::domain::response;
use attune_decision::domain::subject::{Known, Subject};
use attune_expression::Value;
use attune_kernel::{PersonId, Timestamp};
use criterion::{Criterion, criterion_group, criterion_main};

const COMPARISONS: usize = 20;
const ATTRIBUTES: usize = 60;

/// Rules of 20 comparisons over 60 attributes and 20 thresholds each: about 1,200 distinct predicates. About half of the
/// offers are eligible: the rules of the others differ in one comparison that fails.
fn offer(number: usize) -> Offer {
    let comparison = |at: usize| {
        let attribute = (number * 7 + at * 3) % ATTRIBUTES;
        format!("attributes.a{attribute} >= {}.0", (number + at) % 20)
    };
    let mut rule: Vec<String> = (0..COMPARISONS).map(comparison).collect();
    if number.is_multiple_of(2) {
        rule[COMPARISONS / 2] = format!("attributes.a{} < 0.0", number % ATTRIBUTES);
    }
    Offer {
        id: format!("offer-{number:04}").into(),
        issue: "cards".to_owned(),
        kind: Kind::Sales,
        enabled: true,
        value: 10.0 + (number % 13) as f64,
        lever: 1.0,
        eligibility: rule.join(" && "),
        context_rule: String::new(),
        context_weight: 1.0,
        channels: Vec::new(),
        start: None,
        end: None,
        response_window: None,
        prior: None,
        purpose: String::new(),
    }
}

fn pipeline(criterion: &mut Criterion) {
    let policy = Policy {
        id: "default".to_owned(),
        exploration: Exploration::Thompson,
        control_share: 0.0,
        exploration_floor: 0.02,
        ignore_value: false,
        ignore_lever: false,
        learn_from: response::Kind::Click,
    };
    let placement = Placement {
        id: "home".to_owned(),
        channel: "web".to_owned(),
        slots: 3,
        issues: Vec::new(),
        kinds: Vec::new(),
        fallback: String::new(),
        policy: String::new(),
    };
    let attributes: BTreeMap<String, Value> =
        (0..ATTRIBUTES).map(|number| (format!("a{number}"), Value::Double(50.0))).collect();
    let subject = Subject {
        known: Some(Known { attributes, ..Known::default() }),
        now: Timestamp::from_millis(1_700_000_000_000),
        ..Subject::default()
    };
    let settings = Settings::default();
    let mut group = criterion.benchmark_group("decide");
    for offers in [50, 1000] {
        let catalogue = Catalogue::compile(
            "bench".to_owned(),
            (0..offers).map(offer).collect(),
            Vec::new(),
            vec![placement.clone()],
            vec![policy.clone()],
        );
        let counts = (0..offers).map(|number| Learned {
            offer: format!("offer-{number:04}"),
            channel: "web".to_owned(),
            counts: Counts { trials: 500 + number as u64, positives: 20 + (number % 40) as u64 },
        });
        let priors = Arc::new(Default::default());
        let model = Model::new(1, counts.collect(), priors, Prior::clamped(0.05, 20.0), 100.0);
        let mut seed = 0;
        for detail in [false, true] {
            let name =
                format!("{offers} offers x {COMPARISONS} comparisons{}", if detail { ", every reason" } else { "" });
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    seed += 1;
                    let with = Deciding {
                        catalogue: &catalogue,
                        model: &model,
                        policy: &policy,
                        settings: &settings,
                        person: PersonId::from_bytes([7; 16]),
                        seed,
                    };
                    let ask = Ask { placement: &placement, limit: 0, detail };
                    black_box(decide(with, ask, &subject, |_| Verdict::Admitted))
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
