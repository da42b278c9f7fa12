//! Models that are published, and what moves away from them.

use attune_matching::dedupe::Times;
use attune_matching::{Dedupe, Model, Options};
use attune_proto::identity::v1 as pb;

use crate::world::over_both;

/// People who have nothing in common.
fn strangers(count: usize) -> Vec<Vec<(&'static str, String)>> {
    let given = ["Ada", "Boris", "Cleo", "Dora", "Emil", "Frieda", "Gustav"];
    let (head, tail) = (["Love", "Bab", "Somer", "Her", "Wheat"], ["lace", "bage", "ville", "schel", "stone", "day"]);
    let one = |at: usize| {
        let family = format!("{}{}", head[at % 5], tail[at / 5 % 6]);
        let born = format!("19{:02}-{:02}-{:02}", 30 + at * 7 % 70, 1 + at * 5 % 12, 1 + at * 11 % 28);
        vec![
            ("given_name", given[at % 7].to_owned()),
            ("family_name", family),
            ("date_of_birth", born),
            ("phone", format!("+4930{:07}", at * 104_729 % 10_000_000)),
        ]
    };
    (0..count).map(one).collect()
}

fn texts<'a>(said: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    said.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// A model of strangers of whom one in three is seen twice.
fn trained(count: usize) -> Model {
    let people = strangers(count);
    let mut dedupe = Dedupe::new(None, Options::default());
    let mut input = dedupe.add_input("people", &["given_name", "family_name", "date_of_birth", "phone"]).unwrap();
    for (at, said) in people.iter().enumerate() {
        for _ in 0..=usize::from(at % 3 == 0) {
            input.push(said.iter().map(|(_, value)| value.as_str())).unwrap();
        }
    }
    dedupe.run(&Times::default, &|_, _, _| {}).unwrap().model
}

#[tokio::test]
async fn a_report_of_drift_moves_when_the_records_move() {
    over_both(|world| async move {
        let publish = pb::PublishModelRequest { model_json: trained(300).to_json(), actor: "ann".to_owned() };
        world.client().publish_model(publish).await.unwrap();
        let people = strangers(300);
        for (at, said) in people.iter().enumerate() {
            world.say(&format!("crm:{at}"), &texts(said)).await;
        }
        let drift = |max_records| {
            let mut client = world.client();
            async move { client.get_drift(pb::GetDriftRequest { max_records }).await.unwrap().into_inner() }
        };
        let before = drift(0).await;
        assert_eq!(before.records, 300);
        assert_eq!(drift(40).await.records, 40);
        assert_eq!(drift(0).await, before, "the same records give the same report");
        // From now on everybody is called the same.
        for (at, said) in people.iter().enumerate() {
            let mut said = said.clone();
            (said[0].1, said[1].1) = ("Anonymous".to_owned(), "Customer".to_owned());
            said[3].1 = format!("+4940{:07}", at * 7_919 % 10_000_000);
            world.say(&format!("web:{at}"), &texts(&said)).await;
        }
        let after = drift(0).await;
        let equal = |report: &pb::GetDriftResponse| {
            let levels = report.levels.iter().filter(|one| one.field == "family_name" && one.level == "exact");
            levels.map(|one| one.u_now).sum::<f64>()
        };
        assert!(equal(&after) > equal(&before) + 0.1, "{} {}", equal(&after), equal(&before));
        assert!(after.max_stability_index > before.max_stability_index, "{after:?}");
    })
    .await;
}

#[tokio::test]
async fn models_are_published_and_listed() {
    over_both(|world| async move {
        let mut client = world.client();
        let current = client.get_model(pb::GetModelRequest::default()).await.unwrap().into_inner().model.unwrap();
        assert!(current.current && current.publish_time.is_none(), "nobody has published one");
        let publish = pb::PublishModelRequest { model_json: trained(60).to_json(), actor: "ann".to_owned() };
        let published = client.publish_model(publish.clone()).await.unwrap().into_inner().model.unwrap();
        assert!(published.current && published.model_json.is_empty() && published.version != current.version);
        assert_eq!(
            client.publish_model(publish).await.unwrap().into_inner().model.unwrap(),
            published,
            "again is no news"
        );
        let list = |page_size, page_token: &str| {
            let request = pb::ListModelsRequest { page_size, page_token: page_token.to_owned() };
            let mut client = world.client();
            async move { client.list_models(request).await.unwrap().into_inner() }
        };
        assert_eq!(list(0, "").await.models.len(), 1);
        let back = pb::PublishModelRequest { model_json: current.model_json.clone(), actor: "bob".to_owned() };
        let back = client.publish_model(back).await.unwrap().into_inner().model.unwrap();
        assert_eq!((back.version.as_str(), back.actor.as_str()), (current.version.as_str(), "bob"));
        let first = list(1, "").await;
        let second = list(1, &first.next_page_token).await;
        assert_eq!([&first.models[0].version, &second.models[0].version], [&current.version, &published.version]);
        assert!(first.models[0].current && !second.models[0].current && second.next_page_token.is_empty());
        let old =
            client.get_model(pb::GetModelRequest { version: published.version.clone() }).await.unwrap().into_inner();
        assert!(!old.model.unwrap().model_json.is_empty());
    })
    .await;
}
