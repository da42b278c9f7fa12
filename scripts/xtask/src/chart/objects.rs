//! Whether the objects of a render fit together: what one names, another is; what one opens, another reaches.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::references::{Pod, called, find, list, map, pods, selects, text};

/// Secrets that the site brings: the names in the values files.
const BROUGHT: [&str; 5] = ["attune-postgres", "attune-redis", "attune-auth", "attune-tls", "attune-hash"];

pub(super) fn check(objects: &[Value]) -> Vec<String> {
    let mut findings = Vec::new();
    let pods = pods(objects);
    names(objects, &mut findings);
    for pod in &pods {
        super::pods::check(pod, &mut findings);
        owner(pod, objects, &mut findings);
        probes(pod, &mut findings);
        sources(pod, objects, &mut findings);
        if pod.lasts() {
            configuration(pod, objects, &mut findings);
        }
    }
    for object in objects {
        match text(object, "/kind") {
            "Service" => service(object, &pods, &mut findings),
            "PodDisruptionBudget" => budget(object, &pods, objects, &mut findings),
            "HorizontalPodAutoscaler" => scaler(object, objects, &mut findings),
            "NetworkPolicy" => policy(object, &pods, &mut findings),
            "Ingress" | "HTTPRoute" | "GRPCRoute" => route(object, objects, &mut findings),
            _ => {}
        }
    }
    findings
}

/// A label of DNS (RFC 1123).
pub(super) fn is_label(name: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    name.len() <= 63
        && edge(name.chars().next())
        && edge(name.chars().next_back())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn names(objects: &[Value], findings: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for object in objects {
        if !seen.insert(called(object)) {
            findings.push(format!("{} is there twice", called(object)));
        }
        if !is_label(text(object, "/metadata/name")) {
            findings.push(format!("{}: not a name", called(object)));
        }
        for (key, value) in map(object, "/metadata/labels") {
            let legal = value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            if value.len() > 63 || !legal {
                findings.push(format!("{}: the label {key}={value} is not legal", called(object)));
            }
        }
    }
}

/// A workload selects the pods it makes, and only those.
fn owner(pod: &Pod<'_>, objects: &[Value], findings: &mut Vec<String>) {
    if pod.lasts() && !selects(&map(pod.owner, "/spec/selector/matchLabels"), &pod.labels()) {
        findings.push(format!("{}: its selector does not match its own pods", called(pod.owner)));
    }
    let account = text(pod.template, "/spec/serviceAccountName");
    if !matches!(account, "" | "default") && find(objects, "ServiceAccount", account).is_none() {
        findings.push(format!("{}: there is no ServiceAccount {account}", called(pod.owner)));
    }
    if pod.lasts() && !pod.containers().iter().all(|container| container.get("readinessProbe").is_some()) {
        findings.push(format!("{}: a container has no readiness probe", called(pod.owner)));
    }
}

fn probes(pod: &Pod<'_>, findings: &mut Vec<String>) {
    for container in pod.containers() {
        for kind in ["startupProbe", "readinessProbe", "livenessProbe"] {
            for way in ["grpc", "httpGet", "tcpSocket"] {
                if let Some(port) = container.pointer(&format!("/{kind}/{way}/port")) {
                    let named_grpc = way == "grpc" && !port.is_u64();
                    if named_grpc || !pod.listens(port) {
                        findings
                            .push(format!("{}: the {kind} asks port {port}, which is not there", called(pod.owner)));
                    }
                }
            }
        }
    }
}

/// ConfigMaps, Secrets and their keys.
fn sources(pod: &Pod<'_>, objects: &[Value], findings: &mut Vec<String>) {
    let mut asked: Vec<(&str, &str, Option<&str>)> = Vec::new();
    for container in pod.containers() {
        for variable in list(container, "/env") {
            if let Some(from) = variable.pointer("/valueFrom/secretKeyRef") {
                asked.push(("Secret", text(from, "/name"), Some(text(from, "/key"))));
            }
        }
    }
    for volume in list(pod.template, "/spec/volumes") {
        if let Some(from) = volume.get("configMap") {
            asked.push(("ConfigMap", text(from, "/name"), None));
        }
        if let Some(from) = volume.get("secret") {
            asked.push(("Secret", text(from, "/secretName"), None));
        }
        let mut paths = BTreeSet::new();
        for source in list(volume, "/projected/sources") {
            for item in list(source, "/secret/items") {
                asked.push(("Secret", text(source, "/secret/name"), Some(text(item, "/key"))));
                if !paths.insert(text(item, "/path")) {
                    findings.push(format!("{}: {} is mounted twice", called(pod.owner), text(item, "/path")));
                }
            }
        }
        if volume.get("projected").is_some() && paths.is_empty() {
            findings.push(format!("{}: the volume {} has no source", called(pod.owner), text(volume, "/name")));
        }
    }
    for (kind, name, key) in asked {
        match find(objects, kind, name) {
            None if kind == "Secret" && BROUGHT.contains(&name) => {}
            None => findings.push(format!("{}: there is no {kind} {name}", called(pod.owner))),
            Some(found) => {
                let has = |key: &str| ["data", "stringData"].iter().any(|part| found[*part].get(key).is_some());
                if key.is_some_and(|key| !has(key)) {
                    findings.push(format!("{}: {kind} {name} has no key {}", called(pod.owner), key.unwrap_or("")));
                }
            }
        }
    }
}

/// The configuration file agrees with what the pod opens and with how long it may take to stop.
fn configuration(pod: &Pod<'_>, objects: &[Value], findings: &mut Vec<String>) {
    let name = text(pod.owner, "/metadata/name");
    let files = find(objects, "ConfigMap", name).map(|config| map(config, "/data")).unwrap_or_default();
    for (file, content) in files.into_iter().filter(|(file, _)| file.ends_with(".toml")) {
        let table: toml::Table = match content.parse() {
            Ok(table) => table,
            Err(error) => {
                findings.push(format!("{name}: {file} is no TOML: {error}"));
                continue;
            }
        };
        let read = |path: &[&str]| {
            let (first, rest) = path.split_first()?;
            rest.iter().try_fold(table.get(*first)?, |value, key| value.get(key))?.as_str().map(str::to_owned)
        };
        for path in [["server", "listen"], ["server", "health_listen"]] {
            let address = read(&path).unwrap_or_default();
            let port = address.rsplit(':').next().and_then(|port| port.parse::<u64>().ok()).unwrap_or(0);
            if !pod.listens(&Value::from(port)) {
                findings.push(format!("{name}: {} is {address}, which the pod does not open", path.join(".")));
            }
        }
        let seconds = |path: &[&str]| {
            read(path).and_then(|text| text.strip_suffix('s').and_then(|text| text.parse::<u64>().ok())).unwrap_or(0)
        };
        let sleep = pod.containers().iter().find_map(|one| one.pointer("/lifecycle/preStop/sleep/seconds"));
        let needed = sleep.and_then(Value::as_u64).unwrap_or(0)
            + seconds(&["server", "drain_timeout"])
            + seconds(&["server", "task_timeout"])
            + seconds(&["telemetry", "flush_timeout"]);
        let grace = pod.template.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_u64).unwrap_or(30);
        if grace <= needed {
            findings.push(format!("{name}: {grace} s to stop, although it may need {needed} s"));
        }
    }
}

fn service(object: &Value, pods: &[Pod<'_>], findings: &mut Vec<String>) {
    let selector = map(object, "/spec/selector");
    let behind: Vec<&Pod<'_>> = pods.iter().filter(|pod| pod.lasts() && selects(&selector, &pod.labels())).collect();
    if behind.len() != 1 {
        findings.push(format!("{}: {} workloads stand behind it", called(object), behind.len()));
    }
    for port in list(object, "/spec/ports") {
        let target = port.get("targetPort").unwrap_or(&port["port"]);
        if behind.iter().any(|pod| !pod.listens(target)) {
            findings.push(format!("{}: no pod listens on {target}", called(object)));
        }
    }
}

/// How many pods a workload has at the least.
fn least(name: &str, objects: &[Value]) -> u64 {
    let scaler = objects.iter().find(|object| {
        text(object, "/kind") == "HorizontalPodAutoscaler" && text(object, "/spec/scaleTargetRef/name") == name
    });
    let workload = find(objects, "Deployment", name).or_else(|| find(objects, "StatefulSet", name));
    let number =
        |object: Option<&Value>, pointer| object.and_then(|object| object.pointer(pointer)).and_then(Value::as_u64);
    number(scaler, "/spec/minReplicas").or_else(|| number(workload, "/spec/replicas")).unwrap_or(1)
}

fn budget(object: &Value, pods: &[Pod<'_>], objects: &[Value], findings: &mut Vec<String>) {
    let selector = map(object, "/spec/selector/matchLabels");
    let behind: Vec<&Pod<'_>> = pods.iter().filter(|pod| pod.lasts() && selects(&selector, &pod.labels())).collect();
    if behind.len() != 1 {
        findings.push(format!("{}: {} workloads stand behind it", called(object), behind.len()));
    }
    for pod in behind {
        let least = least(text(pod.owner, "/metadata/name"), objects);
        if least < 2 {
            findings.push(format!("{}: over {least} pod it blocks every drain or protects nothing", called(object)));
        }
        if object.pointer("/spec/maxUnavailable").and_then(Value::as_u64).is_some_and(|most| most == 0 || most >= least)
        {
            findings.push(format!("{}: allows none or all of {least} pods to be away", called(object)));
        }
    }
}

fn scaler(object: &Value, objects: &[Value], findings: &mut Vec<String>) {
    let name = text(object, "/spec/scaleTargetRef/name");
    let Some(target) = find(objects, text(object, "/spec/scaleTargetRef/kind"), name) else {
        findings.push(format!("{}: there is no {name} to scale", called(object)));
        return;
    };
    if target.pointer("/spec/replicas").is_some() {
        findings.push(format!("{}: {name} sets replicas, which an upgrade would put back", called(object)));
    }
    let number = |pointer| object.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    if number("/spec/minReplicas") > number("/spec/maxReplicas") {
        findings.push(format!("{}: minReplicas exceeds maxReplicas", called(object)));
    }
}

fn policy(object: &Value, pods: &[Pod<'_>], findings: &mut Vec<String>) {
    let selector = map(object, "/spec/podSelector/matchLabels");
    let here: Vec<&Pod<'_>> = pods.iter().filter(|pod| selects(&selector, &pod.labels())).collect();
    if here.is_empty() {
        findings.push(format!("{}: no pod is selected", called(object)));
    }
    for port in list(object, "/spec/ingress").iter().flat_map(|rule| list(rule, "/ports")) {
        if !here.iter().all(|pod| pod.listens(&port["port"])) {
            findings.push(format!("{}: no pod listens on {}", called(object), port["port"]));
        }
    }
    let rules = [("ingress", "from"), ("egress", "to")];
    for (rule, side) in
        rules.iter().flat_map(|(way, side)| list(object, &format!("/spec/{way}")).iter().map(move |r| (r, *side)))
    {
        for peer in list(rule, &format!("/{side}")) {
            let labels: BTreeMap<&str, &str> = map(peer, "/podSelector/matchLabels");
            let other_namespace = peer.get("namespaceSelector").is_some();
            if !labels.is_empty() && !other_namespace && !pods.iter().any(|pod| selects(&labels, &pod.labels())) {
                findings.push(format!("{}: the peer {labels:?} is no pod", called(object)));
            }
        }
    }
}

fn route(object: &Value, objects: &[Value], findings: &mut Vec<String>) {
    let mut backends: Vec<(&str, &Value)> = Vec::new();
    for rule in list(object, "/spec/rules") {
        for path in list(rule, "/http/paths") {
            let port =
                path.pointer("/backend/service/port/name").or_else(|| path.pointer("/backend/service/port/number"));
            backends.push((text(path, "/backend/service/name"), port.unwrap_or(&Value::Null)));
        }
        for backend in list(rule, "/backendRefs") {
            backends.push((text(backend, "/name"), &backend["port"]));
        }
    }
    if backends.is_empty() {
        findings.push(format!("{}: leads nowhere", called(object)));
    }
    for (name, port) in backends {
        let ports = find(objects, "Service", name).map(|service| list(service, "/spec/ports")).unwrap_or_default();
        if !ports.iter().any(|one| one["port"] == *port || one["name"] == *port) {
            findings.push(format!("{}: leads to port {port} of {name}, which is not there", called(object)));
        }
    }
}
