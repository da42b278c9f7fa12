//! Instruments are declared in code, documented in docs/telemetry.md, and shown on a dashboard or watched by a rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::references::{map, text};
use crate::arch::SERVICES;

pub(super) fn check(root: &Path, objects: &[Value]) -> Result<Vec<String>> {
    let documented = documented(&fs::read_to_string(root.join("docs/telemetry.md")).context("docs/telemetry.md")?);
    let mut declared = BTreeSet::new();
    for service in SERVICES {
        let path = root.join("services").join(service).join("src/metrics.rs");
        declared.extend(literals(&fs::read_to_string(&path).with_context(|| path.display().to_string())?));
    }
    let own: BTreeSet<String> = documented.keys().filter(|name| name.starts_with("attune.")).cloned().collect();
    let mut findings: Vec<String> = Vec::new();
    findings.extend(declared.difference(&own).map(|name| format!("{name} is declared and not in docs/telemetry.md")));
    findings
        .extend(own.difference(&declared).map(|name| format!("{name} is in docs/telemetry.md and nowhere declared")));

    let mut series: BTreeMap<String, String> = BTreeMap::new();
    for (name, (kind, unit)) in &documented {
        series.extend(prometheus(name, kind, unit).into_iter().map(|one| (one, name.clone())));
    }
    let (mut shown, mut runbooks) = (BTreeSet::new(), BTreeSet::new());
    for object in objects {
        let expressions: Vec<String> = match text(object, "/kind") {
            "PrometheusRule" => {
                let groups = super::references::list(object, "/spec/groups").iter();
                let rules: Vec<&Value> = groups.flat_map(|group| super::references::list(group, "/rules")).collect();
                runbooks.extend(rules.iter().map(|rule| text(rule, "/annotations/runbook_url").to_owned()));
                rules.iter().map(|rule| text(rule, "/expr").to_owned()).collect()
            }
            "ConfigMap" if text(object, "/metadata/name").contains("-dashboard-") => {
                map(object, "/data").values().flat_map(|board| expressions(board)).collect()
            }
            _ => continue,
        };
        for name in expressions.iter().flat_map(|expression| names(expression)) {
            match series.get(&name) {
                Some(instrument) => {
                    shown.insert(instrument.clone());
                }
                None => {
                    findings.push(format!("{} reads {name}, which nobody writes", super::references::called(object)))
                }
            }
        }
    }
    findings.extend(own.difference(&shown).map(|name| format!("{name} is on no dashboard and in no rule")));
    for url in runbooks.iter().filter(|url| !url.is_empty()) {
        let page = url.rsplit('/').next().unwrap_or_default();
        if !root.join("docs/runbooks").join(page).is_file() {
            findings.push(format!("docs/runbooks/{page} is missing"));
        }
    }
    findings.sort();
    findings.dedup();
    Ok(findings)
}

/// Instruments of the tables: name, kind and unit.
fn documented(text: &str) -> BTreeMap<String, (String, String)> {
    let mut out = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        if let [name, kind @ ("counter" | "gauge" | "histogram"), unit, ..] = cells.as_slice() {
            out.insert((*name).to_owned(), ((*kind).to_owned(), (*unit).to_owned()));
        }
    }
    out
}

/// The names of instruments that stand as strings in code.
fn literals(code: &str) -> BTreeSet<String> {
    let inside = code.split('"').skip(1).step_by(2);
    inside.filter(|word| word.starts_with("attune.") && word.matches('.').count() >= 2).map(str::to_owned).collect()
}

/// The series under which Prometheus keeps an instrument: the unit and the kind become suffixes.
fn prometheus(name: &str, kind: &str, unit: &str) -> Vec<String> {
    let base = name.replace('.', "_");
    let base = if unit == "s" { format!("{base}_seconds") } else { base };
    match kind {
        "counter" => vec![format!("{base}_total")],
        "histogram" => ["bucket", "count", "sum"].iter().map(|part| format!("{base}_{part}")).collect(),
        _ => vec![base],
    }
}

/// The expressions of a dashboard.
fn expressions(board: &str) -> Vec<String> {
    let board: Value = serde_json::from_str(board).unwrap_or_default();
    let panels = super::references::list(&board, "/panels").iter();
    let targets = panels.flat_map(|panel| super::references::list(panel, "/targets"));
    targets.map(|target| text(target, "/expr").to_owned()).collect()
}

/// The names of series in an expression.
fn names(expression: &str) -> Vec<String> {
    // What stands in quotes is a value of a label, what has a colon is a recorded ratio.
    let code: String = expression.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    let words = code.split(|c: char| !c.is_ascii_alphanumeric() && !"_:".contains(c));
    let ours = words.filter(|word| (word.starts_with("attune_") || word.starts_with("rpc_")) && !word.contains(':'));
    ours.filter(|word| !matches!(*word, "rpc_method" | "rpc_response_status_code")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_series() {
        let expression = "sum by (rpc_method) (rate(rpc_server_call_duration_seconds_count{rpc_method=\"attune_x\"}[5m])) \
                          / attune_channel_inbox_age_seconds > attune:slo_bad:ratio_rate5m";
        assert_eq!(names(expression), ["rpc_server_call_duration_seconds_count", "attune_channel_inbox_age_seconds"]);
    }

    #[test]
    fn tables_and_strings_are_read() {
        let table =
            "| instrument | kind | unit |\n|---|---|---|\n| `attune.a.age` | gauge | s | | what |\n| `x` | none | s |";
        let found = documented(table);
        assert_eq!(found.len(), 1);
        assert_eq!(
            prometheus("attune.a.age", &found["attune.a.age"].0, &found["attune.a.age"].1),
            ["attune_a_age_seconds"]
        );
        assert_eq!(prometheus("attune.a.n", "counter", "{event}"), ["attune_a_n_total"]);
        assert_eq!(
            literals("meter(\"attune.a.b\").x(\"attune\", \"attune.c\")").into_iter().collect::<Vec<_>>(),
            ["attune.a.b"]
        );
    }
}
