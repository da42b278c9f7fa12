//! The configuration as it holds, and where each value comes from.

use attune_kernel::Violation;
use figment::Figment;
use figment::value::{Dict, Value};

use super::Section;
use super::problems::{ConfigErrors, ConfigProblem};

/// What the tree needs to know of a section without its type.
pub(super) struct SectionInfo {
    pub(super) name: &'static str,
    pub(super) defaults: &'static str,
    /// What the section finds wrong with its table, or why the table does not fit its type.
    pub(super) check: fn(&Value) -> Result<Vec<Violation>, Box<figment::Error>>,
    pub(super) effective: fn(&Figment) -> Option<Value>,
}

/// A configuration that was read and found right.
pub struct Config {
    figment: Figment,
    sections: Vec<SectionInfo>,
}

/// One effective value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path of the key, such as `server.listen`.
    pub key: String,
    /// The value as TOML; a secret that is set reads `"[secret]"`.
    pub value: String,
    /// Where it comes from.
    pub source: String,
}

impl Config {
    pub(super) const fn new(figment: Figment, sections: Vec<SectionInfo>) -> Self {
        Self { figment, sections }
    }

    /// The values of a section.
    ///
    /// # Errors
    /// When the section was not declared to the loader.
    pub fn section<S: Section>(&self) -> Result<S, ConfigErrors> {
        self.figment.extract_inner(S::NAME).map_err(|_| {
            let message = "the section was not declared to the loader".to_owned();
            ConfigErrors(vec![ConfigProblem { key: S::NAME.to_owned(), source: "program".to_owned(), message }])
        })
    }

    /// Every effective value with its source, secrets masked: a [`Secret`](attune_kernel::Secret) never serializes.
    #[must_use]
    pub fn dump(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for section in &self.sections {
            if let Some(Value::Dict(_, dict)) = (section.effective)(&self.figment) {
                self.flatten(section.name, &dict, &mut entries);
            }
        }
        entries
    }

    fn flatten(&self, prefix: &str, dict: &Dict, entries: &mut Vec<Entry>) {
        for (name, value) in dict {
            let key = format!("{prefix}.{name}");
            match value {
                Value::Dict(_, inner) if !inner.is_empty() => self.flatten(&key, inner, entries),
                value => {
                    let source = source_of(&self.figment, &key);
                    entries.push(Entry { key, value: as_toml(value), source });
                }
            }
        }
    }
}

/// Where the value of a key, or failing that of the nearest table above it, was set.
pub(super) fn source_of(figment: &Figment, key: &str) -> String {
    let mut key = key;
    loop {
        if let Some(metadata) = figment.find_metadata(key) {
            return metadata.name.to_string();
        }
        match key.rsplit_once('.') {
            Some((above, _)) => key = above,
            None => return "compiled default".to_owned(),
        }
    }
}

fn as_toml(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| "\"\"".to_owned(), |value| value.to_string())
}
