//! Reading objects: names, labels, pods.

use std::collections::BTreeMap;

use serde_json::Value;

/// The text at a JSON pointer; empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a JSON pointer.
pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The texts of a map at a JSON pointer.
pub(super) fn map<'a>(value: &'a Value, pointer: &str) -> BTreeMap<&'a str, &'a str> {
    let entries = value.pointer(pointer).and_then(Value::as_object);
    entries.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default())).collect()
}

/// What an object is called in a finding.
pub(super) fn called(object: &Value) -> String {
    format!("{} {}", text(object, "/kind"), text(object, "/metadata/name"))
}

/// Whether every label of a selector is there. A selector without labels selects nothing here, because none is meant to.
pub(super) fn selects(selector: &BTreeMap<&str, &str>, labels: &BTreeMap<&str, &str>) -> bool {
    !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// A pod that an object makes.
pub(super) struct Pod<'a> {
    /// What makes it.
    pub(super) owner: &'a Value,
    /// Its metadata and spec.
    pub(super) template: &'a Value,
}

impl<'a> Pod<'a> {
    pub(super) fn labels(&self) -> BTreeMap<&'a str, &'a str> {
        map(self.template, "/metadata/labels")
    }

    pub(super) fn containers(&self) -> &'a [Value] {
        list(self.template, "/spec/containers")
    }

    /// Whether it serves for as long as the release lives.
    pub(super) fn lasts(&self) -> bool {
        matches!(text(self.owner, "/kind"), "Deployment" | "StatefulSet")
    }

    /// Whether a container listens on a port, by number or name.
    pub(super) fn listens(&self, port: &Value) -> bool {
        let ports = self.containers().iter().flat_map(|container| list(container, "/ports"));
        ports.into_iter().any(|one| {
            let named = port.as_str().is_some_and(|name| text(one, "/name") == name);
            named || (port.is_u64() && one.get("containerPort") == Some(port))
        })
    }
}

/// Every pod of a render.
pub(super) fn pods(objects: &[Value]) -> Vec<Pod<'_>> {
    let pod = |owner| match text(owner, "/kind") {
        "Pod" => Some(Pod { owner, template: owner }),
        "Deployment" | "StatefulSet" | "Job" => owner.pointer("/spec/template").map(|template| Pod { owner, template }),
        _ => None,
    };
    objects.iter().filter_map(pod).collect()
}

/// The object of a kind and name.
pub(super) fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> Option<&'a Value> {
    objects.iter().find(|object| text(object, "/kind") == kind && text(object, "/metadata/name") == name)
}
