//! Every value is used, documented, and in the closed schema.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::references::text;

pub(super) fn check(chart: &Path) -> Result<Vec<String>> {
    let source = fs::read_to_string(chart.join("values.yaml")).context("values.yaml")?;
    let values: Value = serde_saphyr::from_str(&source).context("values.yaml")?;
    let schema: Value = serde_json::from_str(&fs::read_to_string(chart.join("values.schema.json"))?)?;
    let mut templates = String::new();
    for folder in ["templates", "templates/tests"] {
        for entry in fs::read_dir(chart.join(folder))?.flatten().filter(|entry| entry.path().is_file()) {
            templates.push_str(&fs::read_to_string(entry.path())?);
        }
    }
    let mut findings = open(&schema, "");
    walk(&values, "", &mut |path, _| {
        if !used(path, &templates) {
            findings.push(format!("{path} is used by no template"));
        }
        if !in_schema(&schema, &schema, path) {
            findings.push(format!("{path} is not in values.schema.json"));
        }
    });
    findings.extend(undocumented(&source));
    Ok(findings)
}

/// Every leaf with its path. An empty map is a leaf; below `services` stands what stands below `defaults`.
fn walk(value: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    match value.as_object() {
        Some(map) if !map.is_empty() && !free(path) => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(value, &path, visit);
            }
        }
        _ => visit(path, value),
    }
}

/// Maps that are passed on as they are.
fn free(path: &str) -> bool {
    path.ends_with(".resources") || path.ends_with(".labels")
}

fn used(path: &str, templates: &str) -> bool {
    let whole = |needle: &str| {
        templates.match_indices(needle).any(|(at, _)| {
            let next = templates[at + needle.len()..].chars().next();
            !next.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
        })
    };
    if path.starts_with("services.") {
        return whole(".Values.services");
    }
    match path.strip_prefix("defaults.") {
        Some(rest) => whole(&format!("$settings.{rest}")) || whole(&format!("Values.defaults.{rest}")),
        None => whole(&format!(".Values.{path}")),
    }
}

/// The schema that holds at a path.
fn in_schema(root: &Value, schema: &Value, path: &str) -> bool {
    let mut here = schema;
    for part in path.split('.') {
        here = resolve(root, here);
        match here.pointer(&format!("/properties/{part}")) {
            Some(below) => here = below,
            None => return false,
        }
    }
    true
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match text(schema, "/$ref").strip_prefix('#') {
        Some(pointer) if !pointer.is_empty() => root.pointer(pointer).unwrap_or(schema),
        _ => schema,
    }
}

/// Objects of the schema with properties that take others as well.
fn open(schema: &Value, path: &str) -> Vec<String> {
    let mut findings = Vec::new();
    if let Some(map) = schema.as_object() {
        if map.contains_key("properties") && map.get("additionalProperties") != Some(&Value::Bool(false)) {
            findings.push(format!("the schema is open at {path}/"));
        }
        for (key, below) in map {
            findings.extend(open(below, &format!("{path}/{key}")));
        }
    }
    findings
}

/// Keys without a comment above them, or above a key that they follow at once in the same table.
fn undocumented(source: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut commented = vec![false];
    for (number, line) in source.lines().enumerate() {
        let trimmed = line.trim_start();
        let depth = (line.len() - trimmed.len()) / 2;
        commented.truncate(depth + 1);
        commented.resize(depth + 1, false);
        if trimmed.is_empty() {
            commented[depth] = false;
        } else if trimmed.starts_with('#') {
            commented[depth] = true;
        } else if !trimmed.ends_with(':') {
            // A table may be explained as a whole, or by what stands in it.
            if !commented.iter().any(|one| *one) {
                findings.push(format!("values.yaml:{}: {trimmed} has no comment", number + 1));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_used_by_its_whole_name() {
        assert!(used("tls.mutual", "{{ .Values.tls.mutual }}") && !used("tls.mut", "{{ .Values.tls.mutual }}"));
        assert!(used("defaults.replicas", "{{ $settings.replicas }}") && !used("defaults.env", "{{ .env }}"));
    }

    #[test]
    fn what_is_not_explained_is_found() {
        assert!(undocumented("# a\na: 1\n").is_empty());
        assert_eq!(undocumented("# a\na: 1\n\nb:\n  c: 2\n"), ["values.yaml:5: c: 2 has no comment"]);
    }
}
