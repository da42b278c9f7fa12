//! The operator's commands against a running suite.

use attune_integration_tests::binary::run;
use attune_integration_tests::{Service, Suite};
use attune_proto::decision::v1::ListOffersRequest;
use serde_json::json;

use crate::bank::{self, HOME, SAVINGS};

const DECIDE: &str = "attune.decision.v1.DecisionService/Decide";

pub(crate) async fn any_method_is_called_with_json(suite: Suite) {
    bank::opens(&suite).await;
    bank::knows(&suite, ("customer_id", "ada"), 30_000).await;
    let address = suite.address(Service::Decision);
    let subject = json!({"identifiers": [{"namespace": "customer_id", "value": "ada"}]});
    let request = json!({"subject": subject, "placement": HOME, "explain": true}).to_string();

    let decided = run(["call", DECIDE, &request, "--address", &address]).await;
    assert_eq!(decided.code, 0, "{}", decided.err);
    let answer = decided.json();
    assert_eq!(answer["offers"][0]["offer_id"], SAVINGS);
    assert_eq!(answer["offers"][0]["selection_probability"], 1.0);
    assert_eq!(answer["offers"][0]["content"]["title"], "About savings");

    let misspelt = run(["call", DECIDE, r#"{"plcement": "home-hero"}"#, "--address", &address]).await;
    assert_eq!(misspelt.code, 3, "{misspelt:?}");
    assert!(misspelt.err.contains("plcement"), "{}", misspelt.err);
    let empty = run(["call", DECIDE, "{}", "--address", &address]).await;
    assert_eq!(empty.code, 3, "{empty:?}");
    for word in ["INVALID_FIELD", "subject", "placement"] {
        assert!(empty.err.contains(word), "{word}: {}", empty.err);
    }
    let unknown = run(["call", "attune.decision.v1.DecisionService/Guess", "{}", "--address", &address]).await;
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.err.contains("Decide"), "it says what there is: {}", unknown.err);
}

pub(crate) async fn a_smoke_test_decides_and_leaves_nothing_behind(suite: Suite) {
    let address = suite.address(Service::Decision);
    let smoke = run(["smoke", "--address", &address]).await;
    assert_eq!(smoke.code, 0, "{}", smoke.err);
    let offers = suite.clients.decision.clone().list_offers(ListOffersRequest::default()).await.unwrap();
    assert_eq!(offers.into_inner().offers, []);
}
