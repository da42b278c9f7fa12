//! Documentation that names code is checked against the code.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::report;
use crate::source::{Source, read_tree};

pub(crate) fn run(root: &Path) -> Result<()> {
    let mut sources = Vec::new();
    for folder in ["crates", "services", "integration-tests", "proto", "scripts"] {
        sources.extend(read_tree(root, &root.join(folder))?);
    }
    let mut found = report("every error reason has a page, every page a reason", &reasons(root, &sources)?);
    found += report("every invariant of ARCHITECTURE.md names tests that exist", &invariants(root, &sources)?);
    if found > 0 {
        bail!("{found} findings");
    }
    Ok(())
}

/// Reasons are the constants in UPPER_SNAKE that stand as strings in code which builds problems.
fn reasons(root: &Path, sources: &[Source]) -> Result<Vec<String>> {
    let mut used = BTreeSet::new();
    let pages: BTreeSet<String> = std::fs::read_dir(root.join("docs/errors"))
        .context("docs/errors is missing")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_string_lossy().strip_suffix(".md").map(str::to_owned))
        .filter(|name| name != "README")
        .collect();
    for source in sources.iter().filter(|source| !source.code.is_empty() && !source.path.starts_with("scripts/")) {
        let lines: Vec<&str> = source.raw.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let before = if number > 0 { lines[number - 1] } else { "" };
            let builds = [*line, before].iter().any(|text| text.contains("Problem::new(") || text.contains("REASON"));
            if builds && !source.code.get(number).is_none_or(|code| code.trim().is_empty()) {
                used.extend(upper_snake(line));
            }
        }
    }
    let missing = used.difference(&pages).map(|reason| format!("docs/errors/{reason}.md is missing"));
    let all: String = sources.iter().map(|source| source.raw.as_str()).collect();
    let stale = pages.iter().filter(|page| !all.contains(&format!("\"{page}\""))).map(|page| format!("docs/errors/{page}.md names no reason in the code"));
    Ok(missing.chain(stale).collect())
}

/// Quoted words of capitals and underscores on a line.
fn upper_snake(line: &str) -> Vec<String> {
    line.split('"')
        .skip(1)
        .step_by(2)
        .filter(|word| word.len() > 3 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        .map(str::to_owned)
        .collect()
}

/// A line of the invariants' table ends in the names of the tests that prove it, in backticks.
fn invariants(root: &Path, sources: &[Source]) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).context("ARCHITECTURE.md is missing")?;
    let mut findings = Vec::new();
    let rows = text.lines().filter(|line| line.starts_with("| I"));
    let mut count = 0;
    for row in rows {
        count += 1;
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap_or("");
        let tests: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        if tests.is_empty() {
            findings.push(format!("no test is named: {row}"));
        }
        for test in tests {
            let name = test.rsplit("::").next().unwrap_or(test);
            let exists = name == "cargo xtask arch" || sources.iter().any(|source| source.raw.contains(&format!("fn {name}(")));
            if !exists {
                findings.push(format!("test {test} does not exist"));
            }
        }
    }
    if count == 0 {
        findings.push("ARCHITECTURE.md has no invariants".to_owned());
    }
    Ok(findings)
}
