//! Crates depend inwards only, and services never on one another.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// What each of the inner crates may depend on.
const INNER: [(&str, &[&str]); 21] = [
    ("attune-proto", &[]),
    ("attune-kernel", &[]),
    ("attune-expression", &["attune-kernel"]),
    ("attune-audience", &["attune-kernel", "attune-expression"]),
    ("attune-tabular", &[]),
    ("attune-attribution", &[]),
    ("attune-bandit", &[]),
    ("attune-evaluation", &[]),
    ("attune-aggregate", &["attune-kernel", "attune-expression"]),
    ("attune-matching", &["attune-kernel"]),
    ("attune-inference", &[]),
    ("attune-learning", &[]),
    ("attune-optimizer", &[]),
    ("attune-plan-verifier", &[]),
    ("attune-pathing", &["attune-kernel", "attune-expression"]),
    ("attune-failure", &["attune-kernel", "attune-pathing"]),
    ("attune-plot", &[]),
    ("attune-trigger", &["attune-kernel", "attune-expression", "attune-pathing"]),
    ("attune-storage", &["attune-kernel"]),
    ("attune-client", &["attune-kernel", "attune-proto"]),
    ("attune-service-kit", &["attune-kernel", "attune-proto", "attune-storage", "attune-client"]),
];

pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (name, dependencies) in manifests(root)? {
        let ours = dependencies.iter().filter(|dependency| dependency.starts_with("attune-"));
        if let Some((_, allowed)) = INNER.iter().find(|(inner, _)| *inner == name) {
            findings.extend(
                ours.filter(|dependency| !allowed.contains(&dependency.as_str()))
                    .map(|dependency| format!("{name} depends on {dependency}")),
            );
        } else if super::SERVICES.iter().any(|service| name == format!("attune-{service}")) {
            findings.extend(
                ours.filter(|dependency| !INNER.iter().any(|(inner, _)| inner == &dependency.as_str()))
                    .map(|dependency| format!("{name} depends on {dependency}")),
            );
        }
    }
    Ok(findings)
}

/// Package names with their normal dependencies.
fn manifests(root: &Path) -> Result<BTreeMap<String, Vec<String>>> {
    let mut out = BTreeMap::new();
    let mut folders = vec![root.join("proto"), root.join("integration-tests")];
    for group in ["crates", "services"] {
        for entry in fs::read_dir(root.join(group))? {
            folders.push(entry?.path());
        }
    }
    for folder in folders {
        let path = folder.join("Cargo.toml");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let manifest: toml::Table = text.parse().with_context(|| format!("cannot parse {}", path.display()))?;
        let name = manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
        let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
        let names = dependencies.map(|table| table.keys().cloned().collect()).unwrap_or_default();
        out.insert(name.unwrap_or_default().to_owned(), names);
    }
    Ok(out)
}
