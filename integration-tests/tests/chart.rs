//! The chart and the binary agree: what one renders, the other reads and answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

use std::path::PathBuf;

use attune_integration_tests::binary::{command, run, run_with};
use attune_integration_tests::database::VAULT_KEY;
use attune_integration_tests::{Service, Suite};
use serde_json::Value;

/// The objects of an agreed render.
fn agreed(name: &str) -> Vec<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../k8s/rendered/{name}.yaml"));
    let text = format!("\n{}", std::fs::read_to_string(path).unwrap());
    let documents = text.split("\n---\n").map(|document| serde_saphyr::from_str::<Option<Value>>(document).unwrap());
    documents.flatten().filter(|value| !value.is_null()).collect()
}

#[tokio::test]
async fn every_configuration_of_the_chart_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let mut checked = 0;
    for name in ["dev", "all-in-one", "production", "ha", "everything"] {
        for object in agreed(name).iter().filter(|object| object["kind"] == "ConfigMap") {
            for (file, text) in object["data"].as_object().unwrap().iter().filter(|(file, _)| file.ends_with(".toml")) {
                let path = dir.path().join(file);
                std::fs::write(&path, text.as_str().unwrap()).unwrap();
                let mut check = command(["config", "check", "--config", path.to_str().unwrap()]);
                // What the pod gets as secret files.
                check
                    .env("ATTUNE__STORAGE__POSTGRES__URL", "postgres://attune@database/attune")
                    .env("ATTUNE__STORAGE__POSTGRES__VAULT_KEY", VAULT_KEY)
                    .env("ATTUNE__CLIENTS__API_KEY", "key");
                let said = run_with(check, "").await;
                assert_eq!(said.code, 0, "{name} {file}: {}", said.err);
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 4 * 6 + 1);
}

#[tokio::test]
async fn the_health_that_probes_ask_for_is_answered() {
    let mut suite = Suite::all_in_one().await;
    let address = suite.address(Service::Decision);
    let mut asked = 0;
    for object in agreed("production") {
        let containers = object.pointer("/spec/template/spec/containers").and_then(Value::as_array);
        for container in containers.into_iter().flatten() {
            for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
                let Some(service) = container.pointer(&format!("/{probe}/grpc/service")) else { continue };
                let name = service.as_str().unwrap();
                let said = run(["healthcheck", "--address", &address, "--service", name]).await;
                assert_eq!((said.code, said.out.trim()), (0, "SERVING"), "{name}: {}", said.err);
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 18);
    let unknown = run(["healthcheck", "--address", &address, "--service", "attune.none.v1.None"]).await;
    assert_eq!(unknown.code, 3, "{unknown:?}");
    suite.stop().await;
    assert_eq!(run(["healthcheck", "--address", &address]).await.code, 4);
}
