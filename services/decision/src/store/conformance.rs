//! What every store must do; each implementation runs all of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use attune_kernel::{DecisionId, PersonId, Timestamp};

use super::{Answered, Change, DecisionStore, WhoIsWho};
use crate::domain::arbitration::Contender;
use crate::domain::model::{Counts, Posterior};
use crate::domain::moment::{Moment, Span};
use crate::domain::policy::Treatment;
use crate::domain::record::{Chosen, Decision, Removal, Stage, Why};
use crate::domain::report::History;
use crate::domain::response::{Kind, Response};
use crate::domain::testing::{decision as id, person, policy};

pub(super) fn at(second: i64, sequence: i64) -> Moment {
    Moment { time: Timestamp::from_millis(1_700_000_000_000 + second * 1000), sequence }
}

/// Decision `number` of a person, offering `offer`.
pub(super) fn made(number: u128, who: PersonId, offer: &str, moment: Moment) -> Decision {
    let chosen = |offer: &str, rank: f64| Chosen {
        offer: offer.into(),
        message: Some(format!("{offer}-message").into()),
        score: 0.1 + 0.2,
        propensity: rank / 3.0,
        value: 7.0,
        selection_probability: 1.0 / 3.0,
    };
    Decision {
        id: id(number),
        person: Some(who),
        time: moment.time,
        sequence: moment.sequence,
        request_id: None,
        placement: "home".into(),
        channel: "web".into(),
        catalogue_version: "v1".into(),
        model_version: 3,
        seed: u64::MAX - 5,
        policy: policy(),
        arm: Some(Treatment::Control),
        contenders: vec![Contender {
            offer: offer.into(),
            posterior: Arc::new(Posterior::new(1.0 / 3.0, 9.1)),
            value: 7.0,
            context_weight: 1.5,
            lever: 2.0,
        }],
        offered: if offer.is_empty() { Vec::new() } else { vec![chosen(offer, 1.0), chosen("second", 2.0)] },
        removed: vec![
            Removal {
                offer: "x".into(),
                stage: Stage::Ineligible,
                why: Why {
                    rule: "eligibility".into(),
                    attribute: "attributes.age".into(),
                    value_read: "30".into(),
                    threshold: "40".into(),
                },
            },
            Removal {
                offer: "y".into(),
                stage: Stage::Inactive,
                why: Why { rule: "disabled".into(), ..Why::default() },
            },
        ],
        degradations: vec!["profile: away".into()],
    }
}

fn imported(number: u128, who: PersonId, offer: &str, moment: Moment) -> Decision {
    Decision { arm: None, contenders: Vec::new(), removed: Vec::new(), ..made(number, who, offer, moment) }
}

fn answer(request: &str, decision: Option<DecisionId>, who: Option<PersonId>, kind: Kind, moment: Moment) -> Response {
    Response { request_id: request.into(), decision, person: who, offer: "a".into(), kind, value: 2.5, moment }
}

async fn counts(store: &dyn DecisionStore) -> BTreeMap<String, (u64, u64)> {
    let (_, learned) = store.model().await.unwrap();
    let key = |offer: &str, channel: &str| format!("{offer}/{channel}");
    let number = |Counts { trials, positives }: Counts| (trials, positives);
    learned.into_iter().map(|learned| (key(&learned.offer, &learned.channel), number(learned.counts))).collect()
}

/// Everything, over an empty store.
pub(super) async fn run(store: &dyn DecisionStore) {
    decisions_come_back_to_the_last_bit(store).await;
    repeats_are_recognised(store).await;
    responses_are_joined_and_teach_once(store).await;
    a_batch_answers_each_of_its_items(store).await;
    histories_are_told_person_by_person(store).await;
    a_merged_person_is_one(store).await;
    an_erased_person_cannot_be_found(store).await;
    decisions_are_listed_by_person(store).await;
}

async fn decisions_come_back_to_the_last_bit(store: &dyn DecisionStore) {
    let decision = made(1, person(1), "a", at(0, 0));
    assert!(store.decision(id(1)).await.unwrap().is_none());
    store.append(vec![decision.clone()]).await.unwrap();
    let found = store.decision(id(1)).await.unwrap().unwrap();
    // Debug writes floating-point numbers exactly; removed offers are kept grouped by reason, in their order here.
    let plain = |decision: &Decision| {
        let text = format!("{decision:?}");
        text.replace("atoms: OnceLock(<uninit>)", "")
    };
    assert_eq!(plain(&found.decision), plain(&decision));
    assert!(found.responses.is_empty());
    store.append(vec![made(2, person(1), "a", at(10, 0)), imported(3, person(1), "a", at(5, 0))]).await.unwrap();
    let newest = store.newest(Span::ALL, None, 10).await.unwrap();
    let ids: Vec<DecisionId> = newest.iter().map(|found| found.decision.id).collect();
    assert_eq!(ids, [id(2), id(1)], "imported decisions are not simulated");
    let next = store.newest(Span::ALL, Some((at(10, 0).time.as_micros(), id(2))), 10).await.unwrap();
    assert_eq!(next.len(), 1);
    let before = Span { start: at(0, 0).time, end: at(10, 0).time };
    assert_eq!(store.newest(before, None, 10).await.unwrap()[0].decision.id, id(1));
}

async fn repeats_are_recognised(store: &dyn DecisionStore) {
    let named = |number: u128| Decision { request_id: Some("req".into()), ..made(number, person(2), "a", at(0, 0)) };
    let first = store.append(vec![named(10)]).await.unwrap();
    assert!(!first[0].duplicate);
    let second = store.append(vec![named(11), named(10), named(12)]).await.unwrap();
    assert!(second.iter().all(|appended| appended.duplicate && appended.id == id(10)), "{second:?}");
    assert_eq!(store.by_request("req").await.unwrap().unwrap().id, id(10));
    assert!(store.by_request("other").await.unwrap().is_none());
    assert!(store.decision(id(11)).await.unwrap().is_none());
    let twins = vec![imported(13, person(2), "b", at(0, 0)), imported(13, person(2), "b", at(0, 0))];
    let answers: Vec<bool> = store.append(twins).await.unwrap().iter().map(|appended| appended.duplicate).collect();
    assert_eq!(answers, [false, true]);
}

async fn responses_are_joined_and_teach_once(store: &dyn DecisionStore) {
    let who = person(3);
    let decisions = vec![made(20, who, "a", at(0, 0)), made(21, who, "a", at(10, 5)), made(22, who, "a", at(10, 7))];
    store.append(decisions).await.unwrap();
    let before = store.model_version().await.unwrap();
    let joined = |moment: Moment, request: &'static str, kind: Kind| async move {
        let recorded = store.record(vec![answer(request, None, Some(who), kind, moment)]).await.unwrap();
        assert!(!recorded.receipts[0].duplicate);
        recorded.receipts[0].decision
    };
    assert_eq!(joined(at(-1, 0), "r1", Kind::Click).await, None, "before every receipt");
    assert_eq!(counts(store).await.get("a/web"), None);
    assert_eq!(store.model_version().await.unwrap(), before, "nothing was learned");
    assert_eq!(joined(at(9, 99), "r2", Kind::Impression).await, Some(id(20)));
    assert_eq!(joined(at(10, 5), "r3", Kind::Impression).await, Some(id(21)), "at the receipt itself");
    assert_eq!(joined(at(10, 6), "r4", Kind::Click).await, Some(id(21)));
    assert_eq!(joined(at(10, 8), "r5", Kind::Click).await, Some(id(22)), "the sequence decides");
    assert_eq!(counts(store).await["a/web"], (3, 2));
    assert_eq!(joined(at(11, 0), "r6", Kind::Conversion).await, Some(id(22)));
    assert_eq!(counts(store).await["a/web"], (3, 2), "a decision teaches once");
    let repeat = store.record(vec![answer("r6", None, Some(who), Kind::Conversion, at(11, 0))]).await.unwrap();
    assert_eq!((repeat.receipts[0].decision, repeat.receipts[0].duplicate), (Some(id(22)), true));
    assert_eq!(repeat.before, repeat.version);
    let other = Response { offer: "z".into(), ..answer("r7", Some(id(20)), None, Kind::Click, at(1, 0)) };
    assert_eq!(store.record(vec![other]).await.unwrap().receipts[0].decision, None, "an offer it did not make");
    let unknown = answer("r8", Some(id(999)), None, Kind::Click, at(1, 0));
    assert_eq!(store.record(vec![unknown]).await.unwrap().receipts[0].decision, None);
    let named = store.record(vec![answer("r9", Some(id(20)), None, Kind::Click, at(1, 0))]).await.unwrap();
    assert_eq!(named.receipts[0].decision, Some(id(20)));
    assert_eq!((named.version, named.learned.len()), (named.before + 1, 1));
    assert_eq!(counts(store).await["a/web"], (3, 3), "the positive of the first decision came late");
    let found = store.decision(id(20)).await.unwrap().unwrap();
    let kinds: Vec<Kind> = found.responses.iter().map(|joined| joined.kind).collect();
    assert_eq!(kinds, [Kind::Click, Kind::Impression], "in the order of time");
    assert_eq!((found.responses[0].value, found.responses[0].moment), (2.5, at(1, 0)));
}

async fn a_batch_answers_each_of_its_items(store: &dyn DecisionStore) {
    let who = person(4);
    let app = |number: u128| Decision { channel: "app".into(), ..made(number, who, "a", at(number as i64, 0)) };
    store.append((30..130).map(app).collect()).await.unwrap();
    let mut batch = Vec::new();
    for number in 30..130u128 {
        let moment = at(number as i64, 1);
        batch.push(answer(&format!("view-{number}"), None, Some(who), Kind::Impression, moment));
        batch.push(answer(&format!("click-{number}"), Some(id(number)), None, Kind::Click, moment));
        batch.push(answer(&format!("view-{number}"), None, Some(who), Kind::Impression, moment));
    }
    let version = store.model_version().await.unwrap();
    let recorded = store.record(batch).await.unwrap();
    for (at, receipt) in recorded.receipts.iter().enumerate() {
        assert_eq!(receipt.decision, Some(id(30 + at as u128 / 3)));
        assert_eq!(receipt.duplicate, at % 3 == 2);
    }
    assert_eq!((recorded.before, recorded.version), (version, version + 1));
    assert_eq!(counts(store).await["a/app"], (100, 100));
    assert_eq!(recorded.learned.len(), 1);
    assert_eq!(store.record(Vec::new()).await.unwrap().receipts, []);
}

async fn histories(store: &dyn DecisionStore, span: Span, page: usize) -> Vec<(String, History)> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let histories = store.histories(span, after, page).await.unwrap();
        all.extend(histories.entries);
        after = histories.next;
        if after.is_none() {
            return all;
        }
    }
}

fn sorted(mut entries: Vec<(String, History)>) -> Vec<String> {
    for (_, history) in &mut entries {
        history.receipts.sort();
        history.responses.sort_by_key(|(moment, kind)| (*moment, kind.as_str()));
    }
    let mut texts: Vec<String> = entries.iter().map(|entry| format!("{entry:?}")).collect();
    texts.sort();
    texts
}

async fn histories_are_told_person_by_person(store: &dyn DecisionStore) {
    let all = histories(store, Span::ALL, 1).await;
    assert_eq!(sorted(all.clone()), sorted(histories(store, Span::ALL, 100).await), "whatever the page");
    let third = all.iter().find(|(offer, history)| offer == "a" && history.receipts.contains(&at(10, 7))).unwrap();
    assert_eq!(third.1.receipts.len(), 3);
    assert!(third.1.responses.contains(&(at(-1, 0), Kind::Click)), "unmatched ones are told");
    let span = Span { start: at(10, 0).time, end: at(10, 0).time.plus(Duration::from_secs(1)) };
    let within = histories(store, span, 100).await;
    let in_span = within.iter().all(|(_, history)| {
        let times = history.receipts.iter().chain(history.responses.iter().map(|(moment, _)| moment));
        times.into_iter().all(|moment| span.contains(moment.time))
    });
    assert!(in_span && !within.is_empty());
}

async fn a_merged_person_is_one(store: &dyn DecisionStore) {
    let (old, young, last) = (person(50), person(51), person(52));
    store.append(vec![made(200, old, "m", at(0, 0)), made(201, young, "m", at(5, 0))]).await.unwrap();
    let merge = |offset: i64, surviving: PersonId, merged: PersonId| Change {
        offset,
        what: WhoIsWho::Merged { surviving, merged },
    };
    assert!(store.apply(merge(1, old, young)).await.unwrap());
    assert!(!store.apply(merge(1, old, young)).await.unwrap(), "the same offset is applied once");
    assert!(store.apply(merge(2, last, old)).await.unwrap());
    assert_eq!(store.decision(id(201)).await.unwrap().unwrap().decision.person, Some(last));
    for (request, who) in [("m1", old), ("m2", young), ("m3", last)] {
        let response = Response { offer: "m".into(), ..answer(request, None, Some(who), Kind::Click, at(9, 0)) };
        assert_eq!(store.record(vec![response]).await.unwrap().receipts[0].decision, Some(id(201)), "{request}");
    }
    store.append(vec![made(202, young, "m", at(8, 0))]).await.unwrap();
    assert_eq!(store.decision(id(202)).await.unwrap().unwrap().decision.person, Some(last));
    let all = histories(store, Span::ALL, 7).await;
    let together: Vec<&History> = all.iter().filter(|(offer, _)| offer == "m").map(|(_, history)| history).collect();
    assert_eq!((together.len(), together[0].receipts.len(), together[0].responses.len()), (1, 3, 3));
    let split = |offset: i64, split: PersonId, ids: &[PersonId]| Change {
        offset,
        what: WhoIsWho::Split { person: last, split, ids: ids.to_vec() },
    };
    assert!(store.apply(split(3, young, &[young])).await.unwrap());
    assert!(!store.apply(split(3, young, &[young])).await.unwrap());
    let whose = async |number| store.decision(id(number)).await.unwrap().unwrap().decision.person;
    for (number, who) in [(200, last), (201, young), (202, young)] {
        assert_eq!(whose(number).await, Some(who), "{number}");
    }
    assert_eq!(store.current_person(young).await.unwrap(), Some(young), "a person of their own");
    assert_eq!(store.current_person(old).await.unwrap(), Some(last));
    let response =
        |request| Response { offer: "m".into(), ..answer(request, None, Some(young), Kind::Click, at(9, 0)) };
    assert_eq!(store.record(vec![response("m4")]).await.unwrap().receipts[0].decision, Some(id(202)));
    assert!(store.apply(merge(4, old, young)).await.unwrap());
    store.append(vec![made(203, last, "m", at(9, 0))]).await.unwrap();
    assert!(store.apply(split(5, old, &[old, young])).await.unwrap());
    for (number, who) in [(200, old), (201, old), (202, old), (203, last)] {
        assert_eq!(whose(number).await, Some(who), "{number}");
    }
    assert_eq!(store.current_person(young).await.unwrap(), Some(old), "it went along");
}

async fn decisions_are_listed_by_person(store: &dyn DecisionStore) {
    let (one, other) = (PersonId::from_bytes([61; 16]), PersonId::from_bytes([62; 16]));
    let third = PersonId::from_bytes([63; 16]);
    let listed = async |who, after, limit| {
        let found: Vec<Answered> = store.of_person(who, after, limit).await.unwrap();
        found.into_iter().map(|one| one.decision.id).collect::<Vec<_>>()
    };
    let mut decisions: Vec<Decision> = [(610, one), (611, other), (612, third), (613, one)]
        .map(|(n, who)| made(n, who, "listed", at(n as i64, 1)))
        .into();
    // One that offered nothing is as much of the person as others.
    decisions[3].offered.clear();
    let ids: Vec<DecisionId> = decisions.iter().map(|decision| decision.id).collect();
    store.append(decisions).await.unwrap();
    assert_eq!(listed(one, None, 9).await, [ids[0], ids[3]]);
    assert_eq!(listed(one, Some(ids[0]), 9).await, [ids[3]]);
    assert_eq!(listed(one, None, 1).await, [ids[0]]);
    let merged = WhoIsWho::Merged { surviving: one, merged: other };
    store.apply(Change { offset: 6101, what: merged }).await.unwrap();
    assert_eq!(listed(other, None, 9).await, [ids[0], ids[1], ids[3]], "by any id");
    let erased = WhoIsWho::Erased { persons: vec![one, other], anonymous: [64; 16] };
    store.apply(Change { offset: 6102, what: erased }).await.unwrap();
    assert!(listed(one, None, 9).await.is_empty());
    assert_eq!(listed(third, None, 9).await, [ids[2]]);
}

async fn an_erased_person_cannot_be_found(store: &dyn DecisionStore) {
    let (who, alias) = (person(60), person(61));
    let named = Decision { request_id: Some("personal".into()), ..made(300, who, "e", at(0, 0)) };
    store.append(vec![named, made(301, alias, "", at(1, 0))]).await.unwrap();
    let click =
        |request: &str| Response { offer: "e".into(), ..answer(request, None, Some(who), Kind::Click, at(9, 0)) };
    store.record(vec![click("e1")]).await.unwrap();
    let before = sorted(histories(store, Span::ALL, 9).await);
    let counted = counts(store).await;
    let change = Change { offset: 10, what: WhoIsWho::Erased { persons: vec![who, alias], anonymous: [9; 16] } };
    assert!(store.apply(change.clone()).await.unwrap());
    assert!(!store.apply(change).await.unwrap());
    for number in [300, 301] {
        let found = store.decision(id(number)).await.unwrap().unwrap().decision;
        assert_eq!((found.person, found.request_id), (None, None));
        assert!(found.removed.iter().all(|removal| removal.why.value_read.is_empty()));
    }
    assert!(store.by_request("personal").await.unwrap().is_none());
    assert_eq!(sorted(histories(store, Span::ALL, 9).await), before, "the figures stay");
    assert_eq!(counts(store).await, counted);
    assert_eq!(store.record(vec![click("e2")]).await.unwrap().receipts[0].decision, None);
    assert!(store.record(vec![click("e1")]).await.unwrap().receipts[0].duplicate);
    store.append(vec![made(302, alias, "e", at(20, 0))]).await.unwrap();
    assert_eq!(store.decision(id(302)).await.unwrap().unwrap().decision.person, None);
}
