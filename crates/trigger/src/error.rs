//! What is wrong with a rules file, and where.

use std::fmt;

use crate::file::RulesFile;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleError {
    /// The line of the file, from 1; absent when it is not known.
    pub line: Option<usize>,
    /// The field: `rules[3].let.spent.window`; empty for the file as a whole.
    pub field: String,
    /// What is wrong with it, lower case, without a full stop.
    pub message: String,
}

impl RuleError {
    pub(crate) fn at(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { line: None, field: field.into(), message: message.into() }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

/// Reads a rules file in YAML.
///
/// # Errors
/// What is wrong with the syntax or a field, with its line.
pub fn from_yaml(text: &str) -> Result<RulesFile, RuleError> {
    serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map(|at| at.line() as usize);
        let message = error.without_snippet().to_string();
        let message = message.lines().next().unwrap_or_default().to_owned();
        RuleError { line, field: String::new(), message }
    })
}

/// Reads a rules file in TOML, with `[[rules]]` for each rule.
///
/// # Errors
/// What is wrong with the syntax or a field, with its line.
pub fn from_toml(text: &str) -> Result<RulesFile, RuleError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| line_of(text, span.start));
        RuleError { line, field: String::new(), message: error.message().to_owned() }
    })
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// Finds the lines of errors about rules: that of the field's name within the rule, else that of the rule.
pub fn locate(text: &str, errors: &mut [RuleError]) {
    let lines: Vec<&str> = text.lines().collect();
    let begins: Vec<usize> = (0..lines.len()).filter(|at| names(lines[*at], "id") && is_rule(&lines, *at)).collect();
    for error in errors.iter_mut().filter(|error| error.line.is_none()) {
        let Some(rest) = error.field.strip_prefix("rules[") else { continue };
        let Some((number, path)) = rest.split_once(']') else { continue };
        let Some(begin) = number.parse().ok().and_then(|number: usize| begins.get(number).map(|at| (number, *at)))
        else {
            continue;
        };
        let end = begins.get(begin.0 + 1).copied().unwrap_or(lines.len());
        let mut at = begin.1;
        for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty() && part.parse::<usize>().is_err()) {
            at = (at..end).find(|line| names(lines[*line], part)).unwrap_or(at);
        }
        error.line = Some(at + 1);
    }
}

/// Whether the line gives a field of this name a value, also within braces.
fn names(line: &str, field: &str) -> bool {
    line.match_indices(field).any(|(at, _)| {
        let before = line[..at].trim_end();
        let after = line[at + field.len()..].trim_start();
        let begins = before.is_empty() || before.ends_with(['-', '{', ',', '.', '[', '"', '\'']);
        begins && after.trim_start_matches(['"', '\'']).starts_with([':', '=', '.', ']'])
    })
}

/// Whether an `id` is that of a rule: a list item of YAML, or below `[[rules]]`.
fn is_rule(lines: &[&str], at: usize) -> bool {
    let line = lines[at].trim_start();
    line.starts_with('-')
        || line.starts_with('{')
        || lines[..at].iter().rev().find(|line| !line.trim().is_empty()).is_some_and(|line| {
            let line = line.trim();
            line == "[[rules]]" || line == "-"
        })
}
