//! Mistakes that an API server refuses, or that it takes and that hurt later, planted into the agreed render.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Objects, calls, objects, parse};

fn agreed() -> Objects {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    parse(&std::fs::read_to_string(root.join("k8s/rendered/everything.yaml")).unwrap()).unwrap()
}

fn at<'a>(objects: &'a mut Objects, kind: &str, name: &str, pointer: &str) -> &'a mut Value {
    let found = objects.iter_mut().find(|one| one["kind"] == kind && one["metadata"]["name"] == name);
    found.unwrap().pointer_mut(pointer).unwrap()
}

/// A mistake: what is changed where, and a word that the finding must contain.
type Mistake = (&'static str, &'static str, &'static str, fn(&mut Value), &'static str);

const CONTAINER: &str = "/spec/template/spec/containers/0";

fn mistakes() -> Vec<Mistake> {
    vec![
        (
            "Deployment",
            "attune-decision",
            "/spec/selector/matchLabels",
            |v| v["app.kubernetes.io/component"] = json!("x"),
            "selector",
        ),
        (
            "Service",
            "attune-decision",
            "/spec/selector",
            |v| v["app.kubernetes.io/component"] = json!("x"),
            "0 workloads",
        ),
        ("Service", "attune-decision", "/spec/ports/0", |v| v["targetPort"] = json!("grcp"), "listens"),
        (
            "Deployment",
            "attune-profile",
            CONTAINER,
            |v| v["readinessProbe"]["grpc"]["port"] = json!(50053),
            "readinessProbe",
        ),
        (
            "Deployment",
            "attune-profile",
            CONTAINER,
            |v| v["livenessProbe"]["grpc"]["port"] = json!("health"),
            "livenessProbe",
        ),
        (
            "Deployment",
            "attune-profile",
            CONTAINER,
            |v| v["resources"]["requests"]["memory"] = json!("9Gi"),
            "above its limit",
        ),
        (
            "Deployment",
            "attune-profile",
            CONTAINER,
            |v| v["ports"][0]["name"] = json!("a-very-long-port-name"),
            "no name of a port",
        ),
        ("Deployment", "attune-profile", "/metadata", |v| v["name"] = json!("Attune_Profile"), "not a name"),
        ("Deployment", "attune-profile", CONTAINER, |v| v["volumeMounts"][0]["name"] = json!("confg"), "confg"),
        (
            "Deployment",
            "attune-profile",
            "/spec/template/spec/volumes/0",
            |v| v["configMap"]["name"] = json!("none"),
            "no ConfigMap none",
        ),
        (
            "Deployment",
            "attune-profile",
            "/spec/template/spec",
            |v| v["serviceAccountName"] = json!("none"),
            "no ServiceAccount none",
        ),
        (
            "Deployment",
            "attune-profile",
            "/spec/template/spec",
            |v| v["terminationGracePeriodSeconds"] = json!(30),
            "s to stop",
        ),
        (
            "Deployment",
            "attune-profile",
            "/spec/template/spec/securityContext",
            |v| v["runAsNonRoot"] = json!(false),
            "runAsNonRoot",
        ),
        (
            "Deployment",
            "attune-profile",
            CONTAINER,
            |v| v["securityContext"]["capabilities"] = json!({"add": ["NET_RAW"]}),
            "capabilities",
        ),
        ("Deployment", "attune-profile", CONTAINER, |v| v["image"] = json!("attune:latest"), "not pinned"),
        ("Deployment", "attune-profile", "/spec", |v| v["replicas"] = json!(3), "sets replicas"),
        ("Deployment", "attune-profile", CONTAINER, |v| v["env"] = json!([{"name": "A"}, {"name": "A"}]), "set twice"),
        (
            "HorizontalPodAutoscaler",
            "attune-decision",
            "/spec",
            |v| v["scaleTargetRef"]["name"] = json!("none"),
            "to scale",
        ),
        ("HorizontalPodAutoscaler", "attune-decision", "/spec", |v| v["minReplicas"] = json!(1000), "exceeds"),
        ("HorizontalPodAutoscaler", "attune-profile", "/spec", |v| v["minReplicas"] = json!(1), "blocks every drain"),
        ("PodDisruptionBudget", "attune-decision", "/spec", |v| v["maxUnavailable"] = json!(0), "none or all"),
        (
            "PodDisruptionBudget",
            "attune-decision",
            "/spec/selector/matchLabels",
            |v| v["x"] = json!("y"),
            "0 workloads",
        ),
        (
            "Ingress",
            "attune-collect",
            "/spec/rules/0/http/paths/0/backend/service",
            |v| v["port"]["name"] = json!("web"),
            "leads to port",
        ),
        ("GRPCRoute", "attune-grpc", "/spec/rules/0/backendRefs/0", |v| v["name"] = json!("decision"), "leads to port"),
        (
            "NetworkPolicy",
            "attune-decision",
            "/spec/podSelector/matchLabels",
            |v| v["x"] = json!("y"),
            "no pod is selected",
        ),
        ("NetworkPolicy", "attune-decision", "/spec/ingress/0/ports/0", |v| v["port"] = json!(1234), "listens on 1234"),
        ("ConfigMap", "attune-decision", "/data", |v| v["decision.toml"] = json!("a = "), "no TOML"),
        (
            "ConfigMap",
            "attune-decision",
            "/data",
            |v| v["decision.toml"] = json!("server.listen = \"0.0.0.0:1\""),
            "does not open",
        ),
    ]
}

#[test]
fn what_is_agreed_has_no_finding() {
    let agreed = agreed();
    assert_eq!(objects::check(&agreed), Vec::<String>::new());
    assert_eq!(calls::check(&agreed), Vec::<String>::new());
}

#[test]
fn every_planted_mistake_is_found() {
    for (kind, name, pointer, mistake, word) in mistakes() {
        let mut objects = agreed();
        mistake(at(&mut objects, kind, name, pointer));
        let findings = objects::check(&objects);
        assert!(findings.iter().any(|one| one.contains(word)), "{kind} {name}: {word} is not among {findings:?}");
    }
}

#[test]
fn a_key_that_a_secret_of_the_release_lacks_is_found() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut objects = parse(&std::fs::read_to_string(root.join("k8s/rendered/dev.yaml")).unwrap()).unwrap();
    assert_eq!(objects::check(&objects), Vec::<String>::new());
    at(&mut objects, "Secret", "attune-dev", "/stringData").as_object_mut().unwrap().remove("vault_key");
    assert!(objects::check(&objects).iter().any(|one| one.contains("has no key vault_key")));
}

#[test]
fn a_call_that_the_table_does_not_know_is_found() {
    let component = "app.kubernetes.io/component";
    let mut objects = agreed();
    // journey-pathing may call profile; here it is let through to decision instead.
    let rules = at(&mut objects, "NetworkPolicy", "attune-journey-pathing", "/spec/egress").as_array_mut().unwrap();
    let rule = rules.iter_mut().find(|rule| rule["ports"][0]["port"] == json!(50051)).unwrap();
    rule["to"][0]["podSelector"]["matchLabels"][component] = json!("decision");
    assert!(calls::check(&objects).iter().any(|one| one.contains("journey-pathing may reach")));

    let mut objects = agreed();
    let text = at(&mut objects, "ConfigMap", "attune-decision", "/data/decision.toml");
    *text = json!(text.as_str().unwrap().replace("clients.profile", "clients.channel_gateway"));
    assert!(calls::check(&objects).iter().any(|one| one.contains("decision is told where to find")));
}
