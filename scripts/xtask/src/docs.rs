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
    let pages: BTreeSet<String> = std::fs::read_dir(root.join("docs/errors"))
        .context("docs/errors is missing")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_string_lossy().strip_suffix(".md").map(str::to_owned))
        .filter(|name| name != "README")
        .collect();
    let (mut used, mut named) = (BTreeSet::new(), BTreeSet::new());
    for source in sources.iter().filter(|source| !source.path.starts_with("scripts/")) {
        // What is a comment or a test is blank in `code`; the strings stand in the text as written.
        let raw = source.raw.lines().zip(&source.code);
        let lines: Vec<&str> = raw.map(|(raw, code)| if code.trim().is_empty() { "" } else { raw }).collect();
        used.extend((0..lines.len()).flat_map(|at| built(&lines, at)));
        named.extend(lines.iter().flat_map(|line| upper_snake(line)));
    }
    let missing = used.difference(&pages).map(|reason| format!("docs/errors/{reason}.md is missing"));
    let stale = pages.difference(&named).map(|page| format!("docs/errors/{page}.md names no reason in the code"));
    Ok(missing.chain(stale).collect())
}

/// The reasons that the line `at` gives to a problem: as an argument of the call on it or up to two lines before, as a
/// field, as the value of a code, or as a constant of the same name.
fn built(lines: &[&str], at: usize) -> Vec<String> {
    let line = lines[at];
    let near = &lines[at.saturating_sub(2)..=at];
    let has = |text: &str| near.iter().any(|line| line.contains(text));
    let called = has("Problem::new(") || has("with_error_info(") || has("Self::new(") && has("Code::");
    let mut words = upper_snake(line);
    words.retain(|word| {
        let names_its_code = line.contains(&format!("Code::{} =>", camel(word)));
        called
            || line.contains("Problem {") && line.contains(&format!("reason: \"{word}\""))
            || line.contains(&format!("{word}: &str ="))
            || line.contains("Code::") && line.contains(&format!("=> \"{word}\"")) && !names_its_code
    });
    words
}

/// `NOT_FOUND` as `NotFound`.
fn camel(word: &str) -> String {
    let part = |part: &str| part.chars().take(1).chain(part.to_lowercase().chars().skip(1)).collect::<String>();
    word.split('_').map(part).collect()
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
            let exists =
                name == "cargo xtask arch" || sources.iter().any(|source| source.raw.contains(&format!("fn {name}(")));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_found_however_they_are_given() {
        let found = |text: &str| {
            let lines: Vec<&str> = text.lines().collect();
            (0..lines.len()).flat_map(|at| built(&lines, at)).collect::<Vec<_>>()
        };
        for text in [
            "Problem::new(Code::Aborted, \"A_REASON\", message)",
            "Self::new(\n    Code::Aborted,\n    \"A_REASON\",",
            "Problem { reason: \"A_REASON\", ..problem }",
            "const A_REASON: &str = \"A_REASON\";",
            "Code::Aborted => \"A_REASON\",",
            "ErrorDetails::with_error_info(\"A_REASON\", DOMAIN, HashMap::new())",
        ] {
            assert_eq!(found(text), ["A_REASON"], "{text}");
        }
        assert!(found("Code::NotFound => \"NOT_FOUND\",").is_empty(), "the name of a code is no reason");
        assert!(found("Answer { allowed, reason: \"A_WORD\" }").is_empty(), "another thing's reason");
        assert!(found("std::env::var(\"A_VARIABLE\")").is_empty());
    }
}
