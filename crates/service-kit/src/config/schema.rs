//! Every key with its type, default and comment, read from the default TOML, which is the documentation.

use super::file::toml_text;
use super::typed::{self, Found};

/// One key of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its path, such as `server.listen`.
    pub path: String,
    /// What it takes, for people: `a text`, `a whole number`, ...
    pub kind: &'static str,
    /// Its default as TOML.
    pub default: String,
    /// The comment above it.
    pub comment: String,
    /// The environment variable that sets it.
    pub variable: String,
}

/// The keys of one default text, in its order.
pub(super) fn keys(defaults: &str) -> Vec<Key> {
    let table = toml_text(defaults).unwrap_or_default();
    let mut keys = Vec::new();
    let mut section = String::new();
    let mut comment: Vec<&str> = Vec::new();
    for line in defaults.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim());
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            name.0.trim().clone_into(&mut section);
            comment.clear();
        } else if let Some((key, default)) = line.split_once('=') {
            let path = format!("{section}.{}", key.trim());
            let parts: Vec<&str> = path.split('.').collect();
            let kind = match typed::find(&table, &parts) {
                Found::Key(kind) => kind.name(),
                Found::Open | Found::Unknown => "anything",
            };
            let variable = format!("ATTUNE__{}", parts.join("__").to_ascii_uppercase());
            let default = default.trim().to_owned();
            keys.push(Key { path, kind, default, comment: comment.join(" "), variable });
            comment.clear();
        } else if line.is_empty() {
            comment.clear();
        }
    }
    keys
}
