use std::collections::BTreeMap;

use attune_kernel::Timestamp;

use super::*;
use crate::domain::catalogue::Kind;
use crate::domain::draw::seed_of;
use crate::domain::model::{Counts, Learned};
use crate::domain::record::Decision;
use crate::domain::subject::{Consent, Known};
use crate::domain::testing::{catalogue, decision, model, offer, person, placement, policy};

fn subject() -> Subject {
    Subject {
        known: Some(Known {
            attributes: BTreeMap::from([("age".to_owned(), Value::Int(30))]),
            consents: vec![Consent {
                purpose: "marketing".into(),
                channel: "web".into(),
                granted: false,
                time: Timestamp::from_millis(1),
            }],
            ..Known::default()
        }),
        recent: vec!["search".into()],
        now: Timestamp::parse("2026-01-01T00:00:00Z").unwrap(),
        ..Subject::default()
    }
}

fn run(catalogue: &Catalogue, placement: &Placement, policy: &Policy, subject: &Subject, seed: u64) -> Outcome {
    let settings = Settings { granted_by_default: vec!["service".into()], default_language: "en".into() };
    let model = model(vec![Learned {
        offer: "good".into(),
        channel: "web".into(),
        counts: Counts { trials: 90, positives: 80 },
    }]);
    let with = Deciding { catalogue, model: &model, policy, settings: &settings, person: person(1), seed };
    let ask = Ask { placement, limit: 0, detail: true };
    decide(with, ask, subject, |offer| match &*offer.id {
        "tired" => Verdict::Denied { rule: "fatigue".into(), limit: "2".into(), used: "2".into() },
        _ => Verdict::Admitted,
    })
}

fn stages() -> Vec<Offer> {
    let now = subject().now;
    vec![
        Offer { enabled: false, ..offer("off") },
        Offer { start: Some(now.plus(std::time::Duration::from_secs(1))), ..offer("early") },
        Offer { end: Some(now), ..offer("late") },
        Offer { channels: vec!["email".into()], ..offer("mail-only") },
        Offer { issue: "cards".into(), ..offer("other-issue") },
        Offer { kind: Kind::Service, ..offer("other-kind") },
        Offer { eligibility: "attributes.age > 40".into(), ..offer("old") },
        Offer { eligibility: "attributes.income > 40".into(), ..offer("rich") },
        Offer { eligibility: "'a' in".into(), ..offer("broken") },
        Offer { purpose: "marketing".into(), ..offer("unwanted") },
        Offer { purpose: "service".into(), ..offer("useful") },
        offer("tired"),
        offer("good"),
    ]
}

#[test]
fn every_stage_ends_its_candidates_with_a_reason() {
    let mut offers = stages();
    for offer in &mut offers {
        if &*offer.id != "other-issue" {
            offer.issue = "loans".into();
        }
        if &*offer.id != "other-kind" {
            offer.kind = Kind::Sales;
        }
    }
    let placement = Placement { issues: vec!["loans".into()], kinds: vec![Kind::Sales], ..placement("home") };
    let outcome = run(&catalogue(offers), &placement, &Policy { exploration_floor: 0.0, ..policy() }, &subject(), 5);
    let ended: BTreeMap<String, (Stage, Why)> = outcome
        .removed
        .iter()
        .map(|removal| (removal.offer.to_string(), (removal.stage, removal.why.clone())))
        .collect();
    let stage = |id: &str| (ended[id].0, ended[id].1.rule.to_string());
    assert_eq!(stage("off"), (Stage::Inactive, "disabled".into()));
    assert_eq!(stage("early"), (Stage::Inactive, "start_time".into()));
    assert_eq!(stage("late"), (Stage::Inactive, "end_time".into()));
    assert_eq!(stage("mail-only"), (Stage::Inactive, "channels".into()));
    assert_eq!(stage("other-issue"), (Stage::Placement, "issues".into()));
    assert_eq!(stage("other-kind"), (Stage::Placement, "kinds".into()));
    assert_eq!(stage("broken"), (Stage::Ineligible, "eligibility does not compile".into()));
    assert_eq!(stage("unwanted"), (Stage::Consent, "consent".into()));
    assert_eq!(stage("tired"), (Stage::ContactPolicy, "fatigue".into()));
    let old = &ended["old"].1;
    assert_eq!(
        (old.attribute.as_str(), old.value_read.as_str(), old.threshold.as_str()),
        ("attributes.age", "30", "40")
    );
    assert_eq!(ended["rich"].1.value_read, "no such key");
    let left: Vec<&str> = outcome.contenders.iter().map(|contender| &*contender.offer).collect();
    assert_eq!(left, ["good", "useful"]);
    assert_eq!(&*outcome.offered[0].offer, "good", "80 of 90 against a prior of one in ten");
    assert_eq!(outcome.offered.len(), 1, "the placement has one slot");
}

#[test]
fn context_rules_weigh_only_where_they_hold() {
    let weigh = |rule: &str| Offer { context_rule: rule.into(), context_weight: 7.0, ..offer("a") };
    for (rule, weight) in [("recent.exists(e, e == 'search')", 7.0), ("'buy' in recent", 1.0), ("context.x == 1", 1.0)]
    {
        let outcome = run(&catalogue(vec![weigh(rule)]), &placement("home"), &policy(), &subject(), 1);
        assert_eq!(outcome.contenders[0].context_weight, weight, "{rule}");
    }
}

#[test]
fn the_fallback_stands_in_only_when_nothing_is_left() {
    let ineligible = || Offer { eligibility: "false".into(), ..offer("a") };
    let with_fallback = Placement { fallback: "b".into(), ..placement("home") };
    let nobody = catalogue(vec![ineligible(), Offer { eligibility: "false".into(), ..offer("b") }]);
    let outcome = run(&nobody, &with_fallback, &policy(), &subject(), 1);
    assert_eq!((outcome.arm, &*outcome.offered[0].offer), (Treatment::Fallback, "b"));
    assert_eq!(outcome.offered[0].selection_probability, 0.0);
    let disabled = catalogue(vec![ineligible(), Offer { enabled: false, ..offer("b") }]);
    assert!(run(&disabled, &with_fallback, &policy(), &subject(), 1).offered.is_empty());
    let somebody = catalogue(vec![offer("a"), offer("b")]);
    assert_eq!(run(&somebody, &with_fallback, &policy(), &subject(), 1).arm, Treatment::Arbitrated);
}

#[test]
fn a_control_person_is_served_evenly() {
    let policy = Policy { control_share: 1.0, ..policy() };
    let catalogue = catalogue(vec![offer("a"), offer("b"), offer("good"), offer("z")]);
    let outcome = run(&catalogue, &placement("home"), &policy, &subject(), 1);
    assert_eq!(outcome.arm, Treatment::Control);
    assert_eq!(outcome.offered[0].selection_probability, 0.25);
    let differs =
        (0..50).any(|seed| &*run(&catalogue, &placement("home"), &policy, &subject(), seed).offered[0].offer != "good");
    assert!(differs);
}

#[test]
fn the_limit_goes_before_the_slots() {
    let catalogue = catalogue((0..6).map(|number| offer(&format!("o{number}"))).collect());
    let placement = Placement { slots: 3, ..placement("home") };
    let outcome = run(&catalogue, &placement, &policy(), &subject(), 9);
    assert_eq!(outcome.offered.len(), 3);
    let sum: f64 = outcome.contenders.len() as f64;
    assert_eq!(sum, 6.0);
}

#[test]
fn the_log_reproduces_the_decision_bit_for_bit() {
    let catalogue = catalogue(
        (0..40).map(|number| Offer { value: f64::from(number % 7), ..offer(&format!("o{number:02}")) }).collect(),
    );
    let placement = Placement { slots: 5, ..placement("home") };
    for number in 0..50 {
        let id = decision(number);
        let policy = Policy { control_share: 0.3, ..policy() };
        let outcome = run(&catalogue, &placement, &policy, &subject(), seed_of(id));
        let logged = Decision {
            id,
            person: Some(person(1)),
            time: subject().now,
            sequence: 0,
            request_id: None,
            placement: "home".into(),
            channel: "web".into(),
            catalogue_version: catalogue.version().into(),
            model_version: 1,
            seed: seed_of(id),
            policy,
            arm: Some(outcome.arm),
            contenders: outcome.contenders.clone(),
            offered: outcome.offered.clone(),
            removed: outcome.removed.clone(),
            degradations: Vec::new(),
        };
        for (ranked, chosen) in logged.replay().iter().zip(&outcome.offered) {
            assert_eq!(logged.contenders[ranked.contender].offer, chosen.offer);
            assert_eq!(ranked.score.to_bits(), chosen.score.to_bits());
            assert_eq!(ranked.selection_probability.to_bits(), chosen.selection_probability.to_bits());
        }
        let counts = logged.stage_counts();
        assert_eq!(counts, [(Stage::Outranked, String::new(), 35), (Stage::Offered, String::new(), 5)]);
        assert_eq!(logged.fates().len(), 40);
    }
}
