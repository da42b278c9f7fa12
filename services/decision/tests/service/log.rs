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

#[tokio::test(flavor = "multi_thread")]
async fn the_decisions_of_a_person_are_listed_page_by_page() {
    for world in World::all(config()).await {
        world.placement(home()).await;
        world.offer(offer("a")).await;
        let mut made = Vec::new();
        for number in [1, 2, 1, 1] {
            let answer = world.decide(ask(&person(number))).await.unwrap();
            made.extend((number == 1).then_some(answer.decision_id));
        }
        let (mut listed, mut token) = (Vec::new(), String::new());
        loop {
            let request = pb::ListDecisionsRequest { person_id: person(1), page_size: 2, page_token: token };
            let page = world.client.clone().list_decisions(request).await.unwrap().into_inner();
            assert!(page.decisions.len() <= 2);
            listed.extend(page.decisions.into_iter().map(|one| one.decision.unwrap().decision_id));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        made.sort_unstable();
        assert_eq!(listed, made);
        let request =
            pb::ListDecisionsRequest { person_id: person(1), page_token: "zz".to_owned(), ..Default::default() };
        assert!(world.client.clone().list_decisions(request).await.is_err(), "a token that nobody gave");
        world.end().await;
    }
}
