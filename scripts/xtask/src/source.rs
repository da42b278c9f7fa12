//! Rust source as the checks read it: without comments, without the contents of strings, without test modules.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A source file.
pub(crate) struct Source {
    /// Path relative to the workspace.
    pub(crate) path: String,
    /// The text as it is on disk.
    pub(crate) raw: String,
    /// Lines of code outside tests; comments and string contents are blanked, line numbers are kept.
    pub(crate) code: Vec<String>,
}

/// Every `.rs` file below `dir`, ordered by path.
pub(crate) fn read_tree(root: &Path, dir: &Path) -> Result<Vec<Source>> {
    let mut paths = Vec::new();
    collect(dir, &mut paths)?;
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let raw = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let shown = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            // A file that is a test module as a whole is declared under cfg(test) by its parent.
            let is_test =
                path.file_stem().is_some_and(|stem| stem == "tests" || stem.to_string_lossy().ends_with("_tests"))
                    || shown.contains("/tests/")
                    || shown.contains("/benches/")
                    || shown.contains("/examples/")
                    || shown.contains("conformance");
            let code = if is_test { Vec::new() } else { without_tests(&blank(&raw)) };
            Ok(Source { path: shown, raw, code })
        })
        .collect()
}

fn collect(dir: &Path, out: &mut Vec<PathBuf>) -> Result<()> {
    if !dir.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, out)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
    Ok(())
}

/// Blanks comments and the contents of string and character literals; newlines stay.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"//") {
            at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        } else if rest.starts_with(b"/*") {
            let end = text[at..].find("*/").map_or(bytes.len(), |end| at + end + 2);
            out.extend(text[at..end].chars().filter(|c| *c == '\n'));
            at = end;
        } else if rest[0] == b'"' || rest.starts_with(b"r\"") || rest.starts_with(b"r#\"") {
            let end = at + literal_length(&text[at..]);
            out.push_str("\"\"");
            out.extend(text[at..end].chars().filter(|c| *c == '\n'));
            at = end;
        } else if rest.starts_with(b"'\"'") || rest.starts_with(b"'{'") || rest.starts_with(b"'}'") {
            out.push_str("' '");
            at += 3;
        } else {
            let c = text[at..].chars().next().unwrap_or(' ');
            out.push(c);
            at += c.len_utf8();
        }
    }
    out
}

/// The length in bytes of the string literal that `text` begins with.
fn literal_length(text: &str) -> usize {
    if let Some(rest) = text.strip_prefix('r') {
        let hashes = rest.bytes().take_while(|byte| *byte == b'#').count();
        let close = format!("\"{}", "#".repeat(hashes));
        let body = hashes + 2;
        return text[body..].find(&close).map_or(text.len(), |end| body + end + close.len());
    }
    let mut escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// Drops every item under `#[cfg(test)]`.
fn without_tests(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut depth = 0_i32;
    let mut waiting = false;
    let mut inside = false;
    for line in text.lines() {
        if !inside && line.trim_start().starts_with("#[cfg(test)]") {
            waiting = true;
        }
        if waiting || inside {
            for c in line.chars() {
                match c {
                    '{' => {
                        inside = true;
                        waiting = false;
                        depth += 1;
                    }
                    '}' => depth -= 1,
                    ';' if waiting && depth == 0 => waiting = false,
                    _ => {}
                }
            }
            if inside && depth == 0 {
                inside = false;
            }
            out.push(String::new());
        } else {
            out.push(line.to_owned());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_strings_and_tests_do_not_count() {
        let text = "fn a() { let s = \"tokio::spawn\"; } // tokio::spawn\n#[cfg(test)]\nmod tests {\n    fn b() { tokio::spawn(); }\n}\nfn c() {}\n";
        let code = without_tests(&blank(text));
        assert!(!code.iter().any(|line| line.contains("tokio")));
        assert!(code.iter().any(|line| line.contains("fn c()")));
        assert_eq!(code.len(), text.lines().count());
    }

    #[test]
    fn raw_strings_end_where_they_end() {
        assert_eq!(blank("r#\"a \" b\"# + c"), "\"\" + c");
        assert_eq!(blank("\"a \\\" b\" + c"), "\"\" + c");
    }
}
