//! Processes are killed and caches are lost in the middle of the work; what was acknowledged is done once.

use attune_integration_tests::{Service, Suite};

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
