//! Journeys and sets of trigger rules as resources.

use attune_proto::journey::v1::*;
use tonic::Code;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn resources_follow_the_standard() {
    over_both(|world| async move {
        let mut client = world.client.clone();
        let made = create(&world, set("left", LEFT)).await.unwrap();
        assert_eq!(refused(create(&world, set("left", LEFT)).await).0, Code::AlreadyExists);
        create(&world, set("other", LEFT)).await.unwrap();
        let page = client
            .list_trigger_rule_sets(ListTriggerRuleSetsRequest { page_size: 1, ..Default::default() })
            .await
            .unwrap();
        let page = page.into_inner();
        assert_eq!(page.trigger_rule_sets, std::slice::from_ref(&made));
        let next = ListTriggerRuleSetsRequest { page_token: page.next_page_token, ..Default::default() };
        assert_eq!(
            client.list_trigger_rule_sets(next).await.unwrap().into_inner().trigger_rule_sets[0].trigger_rule_set_id,
            "other"
        );

        let mask = Some(prost_types::FieldMask { paths: vec!["display_name".to_owned()] });
        let named =
            TriggerRuleSet { display_name: "Left".to_owned(), trigger_rule_set_id: "left".to_owned(), ..made.clone() };
        let update = UpdateTriggerRuleSetRequest { trigger_rule_set: Some(named), update_mask: mask };
        let updated =
            client.update_trigger_rule_set(update.clone()).await.unwrap().into_inner().trigger_rule_set.unwrap();
        assert_eq!((updated.display_name.as_str(), &updated.rules), ("Left", &made.rules));
        assert_eq!(refused(client.update_trigger_rule_set(update).await).1, "ETAG_MISMATCH");
        let delete = DeleteTriggerRuleSetRequest { trigger_rule_set_id: "left".to_owned(), etag: updated.etag };
        client.delete_trigger_rule_set(delete).await.unwrap();
        assert_eq!(refused(client_get(&world, "left").await).0, Code::NotFound);

        let stages = vec![Stage { stage: "looks".to_owned(), entry: when("view", "") }];
        let plan = attune_proto::journey::v1::Journey { journey_id: "shop".to_owned(), stages, ..Default::default() };
        let request = CreateJourneyRequest { journey: Some(plan.clone()), request_id: "r1".to_owned() };
        let first = client.create_journey(request.clone()).await.unwrap().into_inner();
        assert_eq!(client.create_journey(request).await.unwrap().into_inner(), first, "a repeat has no second effect");
        let got = client.get_journey(GetJourneyRequest { journey_id: "shop".to_owned() }).await.unwrap().into_inner();
        assert_eq!(got.journey, first.journey);
        assert_eq!(client.list_journeys(ListJourneysRequest::default()).await.unwrap().into_inner().journeys.len(), 1);
        let change = attune_proto::journey::v1::Journey { display_name: "Shop".to_owned(), ..plan };
        let update = UpdateJourneyRequest { journey: Some(change), update_mask: None };
        assert_eq!(client.update_journey(update).await.unwrap().into_inner().journey.unwrap().display_name, "Shop");
        client
            .delete_journey(DeleteJourneyRequest { journey_id: "shop".to_owned(), etag: String::new() })
            .await
            .unwrap();
        world
    })
    .await;
}
