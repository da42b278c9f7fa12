//! The Helm chart: renders it as its users would, compares with what was agreed (`k8s/rendered/`), and checks what an API
//! server's schema does not.
//!
//! `cargo xtask chart` needs `helm` (or the program that `HELM` names); `--write` renews the agreed renders; `--out DIR` leaves
//! the renders for every Kubernetes version and the Prometheus rules there, for kubernetes-validate and promtool.

mod calls;
mod metrics;
mod objects;
mod pods;
mod quantity;
mod references;
mod values;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::report;

/// How the chart is rendered: a name, arguments of helm after the chart, and what the site brings itself.
const RENDERS: [(&str, &[&str]); 5] = [
    ("dev", &["-f", "values-dev.yaml"]),
    (
        "all-in-one",
        &["-f", "values-dev.yaml", "--set", "allInOne.enabled=true,dev.postgres.enabled=false,dev.redis.enabled=false"],
    ),
    ("production", &["-f", "values-production.yaml"]),
    ("ha", &["-f", "values-production.yaml", "-f", "values-ha.yaml"]),
    // Every switch that no values file turns on.
    ("everything", &["-f", "ci-everything.yaml"]),
];

/// The releases of Kubernetes the chart is made for.
const KUBERNETES: std::ops::RangeInclusive<u32> = 28..=37;

/// Kinds of objects that operators bring; kubernetes-validate knows no schema of them.
const CUSTOM: [&str; 4] = ["ServiceMonitor", "PrometheusRule", "HTTPRoute", "GRPCRoute"];

/// One render: its objects.
pub(crate) type Objects = Vec<Value>;

pub(super) fn run(root: &Path, write: bool, out: Option<&Path>) -> Result<()> {
    let chart = root.join("charts/attune");
    let mut found = 0;
    found += report("values: used, documented, in the schema", &values::check(&chart)?);
    let mut renders = Vec::new();
    for (name, arguments) in RENDERS {
        let text = render(&chart, arguments, "1.36.0")?;
        let agreed = root.join(format!("k8s/rendered/{name}.yaml"));
        if write {
            fs::create_dir_all(agreed.parent().unwrap_or(root))?;
            fs::write(&agreed, &text)?;
        }
        let before = fs::read_to_string(&agreed).unwrap_or_default();
        found += report(&format!("{name}: as agreed in k8s/rendered"), &difference(&before, &text));
        let objects = parse(&text).with_context(|| format!("render {name}"))?;
        found += report(&format!("{name}: objects fit together"), &objects::check(&objects));
        found += report(&format!("{name}: NetworkPolicies equal the call table"), &calls::check(&objects));
        renders.push((name, objects));
    }
    found += report("what cannot work is refused", &refusals(&chart)?);
    let everything = renders.iter().find(|(name, _)| *name == "everything").map(|(_, objects)| objects.as_slice());
    found += report("metrics: declared, documented, shown", &metrics::check(root, everything.unwrap_or_default())?);
    if let Some(out) = out {
        leave(&chart, out, everything.unwrap_or_default())?;
    }
    if found > 0 {
        bail!("{found} findings in the chart");
    }
    Ok(())
}

/// Helm's render of the chart for a version of Kubernetes.
fn render(chart: &Path, arguments: &[&str], version: &str) -> Result<String> {
    let output = helm(chart, arguments, version)?;
    if !output.status.success() {
        bail!("helm template {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    // Lines that templates leave empty are no part of what is agreed.
    Ok(text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect())
}

fn helm(chart: &Path, arguments: &[&str], version: &str) -> Result<std::process::Output> {
    let program = std::env::var("HELM").unwrap_or_else(|_| "helm".to_owned());
    Command::new(&program)
        .current_dir(chart)
        .args(["template", "attune", ".", "--namespace", "attune", "--kube-version", version])
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run {program}; scripts/test installs it, or set HELM"))
}

/// The documents of a stream of YAML.
pub(crate) fn parse(text: &str) -> Result<Objects> {
    let mut objects = Vec::new();
    for document in format!("\n{text}").split("\n---\n") {
        let value: Option<Value> = serde_saphyr::from_str(document).with_context(|| document.to_owned())?;
        if let Some(value) = value.filter(|value| !value.is_null()) {
            objects.push(value);
        }
    }
    Ok(objects)
}

/// The first lines in which two texts differ.
fn difference(agreed: &str, rendered: &str) -> Vec<String> {
    let (mut left, mut right) = (agreed.lines(), rendered.lines());
    let mut line = 0;
    loop {
        line += 1;
        match (left.next(), right.next()) {
            (None, None) => return Vec::new(),
            (one, other) if one == other => {}
            (one, other) => {
                let word = |text: Option<&str>| text.map_or_else(|| "nothing".to_owned(), |text| format!("'{text}'"));
                return vec![format!(
                    "line {line}: agreed {}, rendered {} (`cargo xtask chart --write` renews what is agreed)",
                    word(one),
                    word(other)
                )];
            }
        }
    }
}

/// Values that must be refused, and what the message must name.
const REFUSED: [(&[&str], &str); 9] = [
    (&[], "postgres.existingSecret"),
    (&["--set", "postgres.existingSecret=pg"], "auth.existingSecret"),
    (&["-f", "values-production.yaml", "--set", "shutdown.drainSeconds=30"], "terminationGracePeriodSeconds"),
    (&["-f", "values-dev.yaml", "--set", "migrations.mode=job"], "migrations.mode"),
    (&["-f", "values-dev.yaml", "--set", "monitoring.serviceMonitor.enabled=true"], "collector.enabled"),
    (&["-f", "values-dev.yaml", "--set", "gatewayApi.enabled=true"], "gatewayApi.parentRefs"),
    (&["-f", "values-production.yaml", "--set", "tls.existingSecret="], "tls.mutual"),
    (&["-f", "values-dev.yaml", "--set", "services.decisions.replicas=2"], "decisions"),
    (&["-f", "values-dev.yaml", "--set", "postgres.port=70000"], "port"),
];

fn refusals(chart: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (arguments, names) in REFUSED {
        let output = helm(chart, arguments, "1.36.0")?;
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            findings.push(format!("{arguments:?} is accepted"));
        } else if !message.contains(names) {
            findings.push(format!("{arguments:?} is refused without naming {names}: {message}"));
        }
    }
    Ok(findings)
}

/// Writes what other programs check: the standard objects for every version, the rules for Prometheus.
fn leave(chart: &Path, out: &Path, everything: &[Value]) -> Result<()> {
    fs::create_dir_all(out)?;
    for minor in KUBERNETES {
        for (name, arguments) in RENDERS {
            let objects = parse(&render(chart, arguments, &format!("1.{minor}.0"))?)?;
            let standard = objects.iter().filter(|object| !CUSTOM.contains(&references::text(object, "/kind")));
            let texts = standard.map(|object| serde_json::to_string(object).unwrap_or_default());
            fs::write(out.join(format!("{name}-1.{minor}.yaml")), texts.collect::<Vec<_>>().join("\n---\n"))?;
        }
    }
    let rules = everything.iter().find(|object| references::text(object, "/kind") == "PrometheusRule");
    let spec = rules.and_then(|rules| rules.get("spec")).context("the render `everything` has no PrometheusRule")?;
    fs::write(out.join("rules.yaml"), serde_json::to_string(spec)?)?;
    Ok(())
}

#[cfg(test)]
mod tests;
