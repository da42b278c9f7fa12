//! `attune profile segment` about many persons: asked of a running suite, as analysts ask.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

use attune_integration_tests::binary::{Said, run};
use attune_integration_tests::patience::eventually;
use attune_integration_tests::{Happening, Service, Suite};
use attune_proto::channel::v1::CollectRequest;
use serde_json::{Value, json};

const PERSONS: usize = 60;

async fn ask(address: &str, words: &[&str]) -> Said {
    let mut all = vec!["profile", "segment"];
    all.extend(words);
    all.extend(["--address", address]);
    run(all).await
}

async fn json_of(address: &str, words: &[&str]) -> Value {
    let said = ask(address, &[words, &["--format", "json"]].concat()).await;
    assert_eq!(said.code, 0, "{said:?}");
    said.json()
}

async fn csv_of(address: &str, words: &[&str]) -> Vec<String> {
    let said = ask(address, &[words, &["--format", "csv"]].concat()).await;
    assert_eq!(said.code, 0, "{said:?}");
    said.out.lines().map(str::to_owned).collect()
}

/// Sixty persons: every third bought, person n visited n times.
async fn people(suite: &Suite) {
    let mut client = suite.clients.channel.clone();
    for person in 0..PERSONS {
        let customer = format!("c-{person}");
        let mut events = Vec::new();
        for visit in 0..=person {
            let visit = Happening::of("page_view").by(("customer_id", &customer)).id(&format!("v-{person}-{visit}"));
            events.push(visit.into());
        }
        if person % 3 == 0 {
            let bought = Happening::of("purchase").by(("customer_id", &customer)).id(&format!("p-{person}"));
            events.push(bought.with(json!({"amount": 10.0 + person as f64})).into());
        }
        client.collect(CollectRequest { events }).await.unwrap();
    }
}

#[tokio::test]
async fn many_persons_are_counted_compared_split_and_written() {
    let suite = Suite::all_in_one().await;
    let address = suite.address(Service::Profile);
    people(&suite).await;
    let all = "traits['count.page_view'] > 0.0";
    eventually("everybody is in the index", || {
        let address = address.clone();
        async move {
            let found = json_of(&address, &["preview", all]).await;
            (found["members"] == json!(PERSONS)).then_some(())
        }
    })
    .await;

    let buyers = "traits['count.purchase'] > 0.0";
    let found = json_of(&address, &["preview", &format!("{buyers} && traits['count.page_view'] > 30.0")]).await;
    assert_eq!((&found["members"], &found["persons"]), (&json!(10), &json!(PERSONS)));
    assert_eq!(found["conditions"].as_array().unwrap().len(), 2);
    let wrong = ask(&address, &["preview", "traits['count.page_view' >"]).await;
    assert_eq!(wrong.code, 3, "{wrong:?}");

    for (id, rule) in [("buyers", buyers), ("visitors", "traits['count.page_view'] > 20.0")] {
        assert_eq!(ask(&address, &["put", id, rule]).await.code, 0);
    }
    let counted = |id: &'static str, members: usize| {
        let address = address.clone();
        async move {
            eventually("the segment has its members", || {
                let address = address.clone();
                async move {
                    let lines = ask(&address, &["members", id]).await.out.lines().count();
                    (lines == members + 1).then_some(())
                }
            })
            .await;
        }
    };
    counted("buyers", 20).await;
    counted("visitors", 40).await;
    let overlap = csv_of(&address, &["overlap", "buyers", "visitors"]).await;
    assert!(overlap[1].starts_with("buyers,visitors,20,40,13,"), "{overlap:?}");

    let compared = csv_of(&address, &["compare", "buyers"]).await;
    assert!(compared[0].starts_with("trait,effect,one,other,test,p"), "{compared:?}");
    assert!(compared[1..].iter().any(|line| line.contains("purchase")), "{compared:?}");
    let alike = csv_of(&address, &["lookalike", "visitors", "--size", "5", "--ignore", "traits.*"]).await;
    assert!(alike.len() <= 6 && alike[0] == "person_id,score", "{alike:?}");
    let split = csv_of(&address, &["split", "traits.count.page_view"]).await;
    assert_eq!(
        split[1..].iter().map(|line| line.split(',').nth(1).unwrap().parse::<usize>().unwrap()).sum::<usize>(),
        PERSONS
    );

    let folder = tempfile::tempdir().unwrap();
    let (csv, parquet) = (folder.path().join("a.csv"), folder.path().join("a.parquet"));
    for file in [&csv, &parquet] {
        let words = ["export", "buyers", "--columns", "traits.count.page_view", "--output", file.to_str().unwrap()];
        let said = ask(&address, &words).await;
        assert_eq!(said.code, 0, "{said:?}");
    }
    assert_eq!(std::fs::read_to_string(&csv).unwrap().lines().count(), 21);
    assert_eq!(&std::fs::read(&parquet).unwrap()[..4], b"PAR1");
    let index = ask(&address, &["index", "--format", "table"]).await;
    assert!(index.out.starts_with("ready: 60 persons"), "{index:?}");
    snapshots(&address).await;
    models(&address).await;
}

/// What the server learns it writes into profiles, where rules read it.
async fn models(address: &str) {
    let label = "traits['count.page_view'] > 30.0";
    let model = |words: &[&str]| {
        let all: Vec<String> = ["profile", "model"].iter().chain(words).map(|word| (*word).to_owned()).collect();
        let address = ["--address".to_owned(), address.to_owned()];
        async move { run(all.into_iter().chain(address)).await }
    };
    let trained = model(&["train", "busy", "--label", label, "--format", "json", "--name", "Busy"]).await;
    assert_eq!(trained.code, 0, "{trained:?}");
    let trained = trained.json();
    assert_eq!((&trained["state"], &trained["version"]), (&json!("ready"), &json!("1")));
    assert_eq!((&trained["report"]["persons"], &trained["report"]["positives"]), (&json!(PERSONS), &json!(30)));
    assert!(trained["report"]["auc"].as_f64().unwrap() > 0.9, "{trained}");
    let causes: Vec<&str> =
        trained["report"]["causes"].as_array().unwrap().iter().filter_map(|cause| cause["column"].as_str()).collect();
    assert!(!causes.is_empty() && !causes.contains(&"traits.count.page_view"), "{causes:?}");
    let shown = model(&["show", "busy"]).await;
    assert!(shown.out.contains("decile") && shown.out.contains(causes[0]), "{shown:?}");
    let scored = model(&["score", "busy"]).await;
    assert!(scored.out.starts_with("scored 60 persons by busy version 1"), "{scored:?}");
    eventually("rules read the scores", || async move {
        let found = json_of(address, &["preview", "scores.busy > 0.5"]).await;
        found["members"].as_u64().filter(|members| (27..=33).contains(members))
    })
    .await;
    let unfit = model(&["train", "busy", "--label", "false"]).await;
    assert!(unfit.code == 3 && unfit.err.contains("fewer than 10"), "{unfit:?}");
    let listed = model(&["list", "--format", "csv"]).await;
    assert!(listed.out.lines().nth(1).unwrap().starts_with("busy,failed,1,"), "{listed:?}");
    assert_eq!(model(&["train", "busy", "--label", "attributes.age >"]).await.code, 3);
    assert_eq!(model(&["cancel", "busy"]).await.code, 1);
    assert_eq!(model(&["delete", "busy"]).await.code, 0);
    assert_ne!(model(&["show", "busy"]).await.code, 0);
}

/// What is taken stays as it was.
async fn snapshots(address: &str) {
    let before = now();
    let taken = ask(address, &["snapshot", "create", "autumn", "buyers", "--name", "Autumn"]).await;
    assert_eq!((taken.code, taken.out.trim()), (0, "autumn has 20 members"), "{taken:?}");
    let twice = ask(address, &["snapshot", "create", "autumn", "all"]).await;
    assert!(twice.code == 1 && twice.err.contains("AlreadyExists"), "{twice:?}");
    let listed = csv_of(address, &["snapshot", "list"]).await;
    assert!(listed[1].starts_with("autumn,ready,20,20,Autumn,"), "{listed:?}");
    let members = ask(address, &["snapshot", "members", "autumn"]).await;
    assert_eq!(members.out.lines().count(), 21);
    let then = ask(address, &["members", "buyers", "--at", &before]).await;
    assert_eq!((then.code, then.out.lines().count()), (0, 21), "{then:?}");
    let sorted = |said: &Said| {
        let mut lines: Vec<String> = said.out.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&members), sorted(&then));
    assert_eq!(ask(address, &["members", "buyers", "--at", "yesterday"]).await.code, 2);
    assert_eq!(ask(address, &["snapshot", "delete", "autumn"]).await.code, 0);
    assert_eq!(csv_of(address, &["snapshot", "list"]).await.len(), 1);
}

/// Now, as a text that commands read.
fn now() -> String {
    attune_integration_tests::events::now().to_string()
}

/// The same rows as CSV and as Parquet give the same answers.
#[tokio::test]
async fn parquet_is_read_as_csv_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let rows =
        "customer,time,event\na,1767225600000,home\na,1767225660000,view\nb,1767225600000,home\nb,1767225720000,pay\n";
    std::fs::write(path("events.csv"), rows).unwrap();
    let kinds = [
        ("customer", attune_tabular::Kind::Text),
        ("time", attune_tabular::Kind::Number),
        ("event", attune_tabular::Kind::Text),
    ];
    let columns = kinds.map(|(name, kind)| attune_tabular::Column { name: name.to_owned(), kind });
    let mut writer =
        attune_tabular::Writer::new(std::fs::File::create(path("events.parquet")).unwrap(), columns.to_vec()).unwrap();
    for line in rows.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let row = [
            Some(attune_tabular::Cell::Text(fields[0].to_owned())),
            Some(attune_tabular::Cell::Number(fields[1].parse().unwrap())),
            Some(attune_tabular::Cell::Text(fields[2].to_owned())),
        ];
        writer.push(row.to_vec()).unwrap();
    }
    writer.finish().unwrap();
    let mut answers = Vec::new();
    for file in ["events.csv", "events.parquet"] {
        let said = run(["journey", "paths", "--events", &path(file), "--length", "2", "--format", "csv"]).await;
        assert_eq!(said.code, 0, "{said:?}");
        answers.push(said.out);
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].contains("home>view,1"), "{answers:?}");
    std::fs::write(path("broken.parquet"), b"PAR1 and nothing").unwrap();
    let broken = run(["journey", "paths", "--events", &path("broken.parquet"), "--length", "2"]).await;
    assert_eq!(broken.code, 3, "{broken:?}");
}
