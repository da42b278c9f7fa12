//! What holds for every pod.

use std::collections::BTreeSet;

use serde_json::Value;

use super::objects::is_label;
use super::quantity;
use super::references::{Pod, called, list, text};

pub(super) fn check(pod: &Pod<'_>, findings: &mut Vec<String>) {
    let name = called(pod.owner);
    let spec = &pod.template["spec"];
    let mut say = |message: String| findings.push(format!("{name}: {message}"));
    for (pointer, wanted) in [
        ("/automountServiceAccountToken", Value::Bool(false)),
        ("/enableServiceLinks", Value::Bool(false)),
        ("/securityContext/runAsNonRoot", Value::Bool(true)),
        ("/securityContext/seccompProfile/type", Value::from("RuntimeDefault")),
    ] {
        if spec.pointer(pointer) != Some(&wanted) {
            say(format!("spec{} must be {wanted}", pointer.replace('/', ".")));
        }
    }
    if spec.pointer("/securityContext/runAsUser").and_then(Value::as_u64).unwrap_or(0) == 0 {
        say("securityContext.runAsUser must be a number above 0: a kubelet cannot tell that a name is not root"
            .to_owned());
    }
    for forbidden in ["hostNetwork", "hostPID", "hostIPC"] {
        if spec.get(forbidden).and_then(Value::as_bool) == Some(true) {
            say(format!("{forbidden} is not restricted"));
        }
    }
    for container in pod.containers() {
        check_container(container, &mut say);
    }
    volumes(pod, spec, &mut say);
}

fn check_container(container: &Value, say: &mut impl FnMut(String)) {
    let name = text(container, "/name");
    for (pointer, wanted) in [
        ("/securityContext/allowPrivilegeEscalation", Value::Bool(false)),
        ("/securityContext/readOnlyRootFilesystem", Value::Bool(true)),
        ("/securityContext/capabilities/drop", Value::from(vec!["ALL"])),
    ] {
        if container.pointer(pointer) != Some(&wanted) {
            say(format!("container {name}: {} must be {wanted}", pointer.trim_start_matches('/').replace('/', ".")));
        }
    }
    if container.pointer("/securityContext/privileged").and_then(Value::as_bool) == Some(true) {
        say(format!("container {name} is privileged"));
    }
    let image = text(container, "/image");
    let tag = image.rsplit('/').next().unwrap_or_default();
    if !tag.contains(':') && !tag.contains('@') || tag.ends_with(":latest") {
        say(format!("container {name}: the image {image} is not pinned"));
    }
    let (mut names, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for port in list(container, "/ports") {
        let (word, number) = (text(port, "/name"), port["containerPort"].as_u64().unwrap_or(0));
        let legal = word.len() <= 15 && is_label(word) && word.chars().any(|c| c.is_ascii_lowercase());
        if !legal || word.contains("--") {
            say(format!("container {name}: '{word}' is no name of a port"));
        }
        if !names.insert(word) || !numbers.insert(number) || !(1..=65535).contains(&number) {
            say(format!("container {name}: the port {word} ({number}) is there twice or out of range"));
        }
    }
    let mut variables = BTreeSet::new();
    for variable in list(container, "/env") {
        if !variables.insert(text(variable, "/name")) {
            say(format!("container {name}: the variable {} is set twice", text(variable, "/name")));
        }
    }
    for (resource, request) in container.pointer("/resources/requests").and_then(Value::as_object).into_iter().flatten()
    {
        let amount = |value: &Value| quantity::read(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let Some(requested) = amount(request) else {
            say(format!("container {name}: {request} is no quantity of {resource}"));
            continue;
        };
        if let Some(limit) = container.pointer(&format!("/resources/limits/{resource}"))
            && amount(limit).is_none_or(|limit| requested > limit)
        {
            say(format!("container {name} requests {request} of {resource}, above its limit {limit}"));
        }
    }
    if container.pointer("/resources/requests/cpu").is_none() || container.pointer("/resources/limits/memory").is_none()
    {
        say(format!("container {name}: a CPU request and a memory limit are needed"));
    }
}

fn volumes(pod: &Pod<'_>, spec: &Value, say: &mut impl FnMut(String)) {
    let mut there: BTreeSet<&str> = list(spec, "/volumes").iter().map(|volume| text(volume, "/name")).collect();
    for claim in list(pod.owner, "/spec/volumeClaimTemplates") {
        there.insert(text(claim, "/metadata/name"));
    }
    let mut mounted = BTreeSet::new();
    for container in pod.containers() {
        let mut paths = BTreeSet::new();
        for mount in list(container, "/volumeMounts") {
            let name = text(mount, "/name");
            mounted.insert(name);
            if !there.contains(name) {
                say(format!("mounts the volume {name}, which is not there"));
            }
            if !paths.insert(text(mount, "/mountPath")) {
                say(format!("mounts two volumes at {}", text(mount, "/mountPath")));
            }
        }
    }
    for name in there.difference(&mounted) {
        say(format!("the volume {name} is mounted nowhere"));
    }
    for volume in list(spec, "/volumes") {
        if volume.get("hostPath").is_some() {
            say(format!("the volume {} is of the host", text(volume, "/name")));
        }
    }
}
