//! NetworkPolicies and configured clients are exactly the call table.

use std::collections::BTreeSet;

use serde_json::Value;

use super::references::{find, list, map, text};
use crate::arch::{SERVICES, callees};

const COMPONENT: &str = "app.kubernetes.io/component";
const GRPC: u64 = 50051;

pub(super) fn check(objects: &[Value]) -> Vec<String> {
    let mut findings = Vec::new();
    // All in one process, nobody calls over the network.
    if find(objects, "StatefulSet", "attune-all").is_some() {
        return findings;
    }
    for service in SERVICES {
        let name = format!("attune-{service}");
        let Some(policy) = find(objects, "NetworkPolicy", &name) else {
            findings.push(format!("{service} has no NetworkPolicy"));
            continue;
        };
        let expected: BTreeSet<&str> = callees(service).iter().copied().collect();
        let callers: BTreeSet<&str> = SERVICES.into_iter().filter(|one| callees(one).contains(&service)).collect();
        compare(service, "may reach", &expected, &peers(policy, "egress", "to"), &mut findings);
        compare(service, "is reached by", &callers, &peers(policy, "ingress", "from"), &mut findings);

        let config = find(objects, "ConfigMap", &name).map(|config| map(config, "/data")).unwrap_or_default();
        let content = config.get(format!("{service}.toml").as_str()).copied().unwrap_or_default();
        let table: toml::Table = content.parse().unwrap_or_default();
        let clients = table.get("clients").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        let underscored: Vec<String> = SERVICES.iter().map(|service| service.replace('-', "_")).collect();
        let configured: BTreeSet<&str> = SERVICES
            .into_iter()
            .zip(&underscored)
            .filter(|(_, key)| clients.contains_key(key.as_str()))
            .map(|(service, _)| service)
            .collect();
        compare(service, "is told where to find", &expected, &configured, &mut findings);
        for (callee, key) in SERVICES.iter().zip(&underscored) {
            let Some(address) = clients.get(key).and_then(toml::Value::as_str) else { continue };
            let host = address.split("://").nth(1).and_then(|rest| rest.rsplit_once(':')).map_or("", |(host, _)| host);
            let belongs = host.starts_with(&format!("attune-{callee}"));
            if !belongs || find(objects, "Service", host).is_none() {
                findings.push(format!("{service} looks for {callee} at {address}, which is not there"));
            }
        }
    }
    findings
}

fn compare(service: &str, what: &str, expected: &BTreeSet<&str>, found: &BTreeSet<&str>, findings: &mut Vec<String>) {
    if expected != found {
        findings.push(format!("{service} {what} {found:?}; the call table says {expected:?}"));
    }
}

/// The services that a policy lets through on the gRPC port by name.
fn peers<'a>(policy: &'a Value, way: &str, side: &str) -> BTreeSet<&'a str> {
    let rules = list(policy, &format!("/spec/{way}")).iter();
    let grpc = rules.filter(|rule| list(rule, "/ports").iter().any(|port| port["port"].as_u64() == Some(GRPC)));
    let peers = grpc.flat_map(|rule| list(rule, &format!("/{side}")));
    let named = peers.filter_map(|peer| peer.pointer("/podSelector/matchLabels"));
    named
        .map(|labels| text(labels, &format!("/{}", COMPONENT.replace('/', "~1"))))
        .filter(|one| SERVICES.contains(one))
        .collect()
}
