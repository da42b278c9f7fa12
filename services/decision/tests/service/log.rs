//! The log behind the answer.

use attune_decision::config::Durability;
use attune_proto::decision::v1 as pb;

use crate::support::{World, ask, config, home, offer, person, response};

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_to_be_written_is_found_all_the_same() {
    let mut behind = config();
    behind.log.durability = Durability::Behind;
    behind.log.behind_queue = 2;
    for world in World::all(behind).await {
        world.placement(home()).await;
        world.offer(offer("a")).await;
        let request = pb::DecideRequest { request_id: "r".into(), ..ask(&person(1)) };
        let first = world.decide(request.clone()).await.unwrap();
        assert_eq!(world.decide(request.clone()).await.unwrap(), first);
        for number in 2..6 {
            world.decide(ask(&person(number))).await.unwrap();
        }
        let receipt = world.respond(response("c", &first.decision_id, "a", "CLICK")).await;
        assert_eq!(receipt.decision_id, first.decision_id);
        assert_eq!(world.report().await["a"].received, 5);
        let world = world.restart().await;
        assert_eq!(world.decide(request).await.unwrap(), first);
        assert_eq!(world.explain(&first.decision_id).await.unwrap().responses.len(), 1);
        world.end().await;
    }
}
