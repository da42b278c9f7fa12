//! Processes are killed and caches are lost in the middle of the work; what was acknowledged is done once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use attune_integration_tests::{Service, Suite};
use attune_proto::identity::v1::batch_resolve_result::Result as Answer;
use attune_proto::identity::v1::{BatchResolveRequest, Identifier, ResolveRequest};

use crate::bank::{HOME, SAVINGS};
use crate::load::Load;

pub(crate) async fn killed_processes_lose_nothing_that_was_acknowledged(mut suite: Suite) {
    let load = Load::begins(&suite).await;
    load.reaches(20).await;
    suite.kill9(Service::Decision);
    suite.restart().await;
    load.reaches(50).await;
    suite.kill9(Service::ChannelGateway);
    suite.restart().await;
    load.reaches(80).await;
    suite.kill9(Service::Profile);
    suite.restart().await;
    load.ends_whole(&suite).await;
}

pub(crate) async fn a_cache_that_loses_everything_changes_nothing(suite: Suite) {
    let load = Load::begins(&suite).await;
    let (somebody, mut held) = (("customer_id", "somebody"), 0);
    let person = crate::bank::knows(&suite, somebody, 30_000).await;
    for percent in (10..=90).step_by(10) {
        load.reaches(percent).await;
        assert!(suite.profile(&person).await.attributes.contains_key("income"));
        if let Some(cache) = &suite.cache {
            held += cache.keys().await;
            cache.flush().await;
        }
        let decision = suite.decide(somebody, HOME).await;
        assert_eq!((decision.offers[0].offer_id.as_str(), decision.degradations.len()), (SAVINGS, 0));
    }
    assert!(suite.cache.is_none() || held > 0, "there was something to lose");
    load.ends_whole(&suite).await;
}

pub(crate) async fn a_suite_that_is_stopped_ends_well_and_comes_back_with_everything(mut suite: Suite) {
    let person = crate::bank::knows(&suite, ("customer_id", "ada"), 30_000).await;
    suite.stop().await;
    suite.restart().await;
    assert_eq!(suite.person(("customer_id", "ada")).await, person);
    assert_eq!(suite.timeline(&person).await.len(), 1);
    assert!(suite.profile(&person).await.attributes.contains_key("income"));
}

/// Interactions that join a few hundred persons step by step, under names of their own.
fn interactions(prefix: &str) -> Vec<ResolveRequest> {
    let identifier = |namespace: &str, number: u64| Identifier {
        namespace: namespace.to_owned(),
        value: format!("{prefix}{number}@bank.example"),
    };
    let mut dice = 7_u64;
    let mut roll = |below: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % below
    };
    (0..4000)
        .map(|_| {
            let customer = roll(400);
            // Couples share an address, families a device, and a kiosk is over its limit.
            let device = if roll(20) == 0 { 1000 } else { customer / 4 };
            let identifiers = match roll(3) {
                0 => vec![identifier("customer_id", customer), identifier("email", customer / 2)],
                1 => vec![identifier("email", customer / 2), identifier("device", device)],
                _ => vec![identifier("device", device), identifier("cookie", customer * 2 + roll(2))],
            };
            ResolveRequest { identifiers, source: "import".to_owned(), ..ResolveRequest::default() }
        })
        .collect()
}

/// Sends everything in chunks, until the end or until the stream breaks, and counts the chunks that are answered.
async fn import(suite: &Suite, requests: &[ResolveRequest], answered: &AtomicUsize) {
    let chunks: Vec<BatchResolveRequest> =
        requests.chunks(40).map(|chunk| BatchResolveRequest { requests: chunk.to_vec() }).collect();
    let mut client = suite.clients.identity.clone();
    let Ok(answers) = client.batch_resolve(futures::stream::iter(chunks)).await else { return };
    let mut answers = answers.into_inner();
    while let Ok(Some(answer)) = answers.message().await {
        assert!(answer.results.iter().all(|one| matches!(one.result, Some(Answer::Response(_)))), "{answer:?}");
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Which identifiers are one person's, by the least of them.
async fn partition(suite: &Suite, prefix: &str, requests: &[ResolveRequest]) -> BTreeMap<String, String> {
    let name = |one: &Identifier| format!("{}:{}", one.namespace, one.value.trim_start_matches(prefix));
    let all: BTreeMap<String, Identifier> =
        requests.iter().flat_map(|one| &one.identifiers).map(|one| (name(one), one.clone())).collect();
    let (mut persons, mut least) = (BTreeMap::new(), BTreeMap::new());
    for (name, identifier) in all {
        let look = ResolveRequest { identifiers: vec![identifier], read_only: true, ..ResolveRequest::default() };
        let person = suite.clients.identity.clone().resolve(look).await.unwrap().into_inner().person_id;
        let first: &String = least.entry(person).or_insert_with(|| name.clone());
        persons.insert(name, first.clone());
    }
    persons
}

pub(crate) async fn an_import_that_is_killed_and_sent_again_finds_the_same_persons(mut suite: Suite) {
    let (whole, broken) = (interactions("a"), interactions("b"));
    let answered = AtomicUsize::new(0);
    import(&suite, &whole, &answered).await;
    assert_eq!(answered.load(Ordering::Relaxed), 100, "nothing interrupts the first");

    for kill_at in [15, 60] {
        let answered = AtomicUsize::new(0);
        let importing = import(&suite, &broken, &answered);
        let killed = async {
            while answered.load(Ordering::Relaxed) < kill_at {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            () = importing => panic!("the import ended before it was killed"),
            () = killed => {}
        }
        suite.kill9(Service::IdentityResolution);
        suite.restart().await;
    }
    import(&suite, &broken, &AtomicUsize::new(0)).await;
    assert_eq!(partition(&suite, "a", &whole).await, partition(&suite, "b", &broken).await);
}
