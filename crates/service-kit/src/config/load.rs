//! Putting the layers on top of one another.

use std::path::PathBuf;

use attune_kernel::Violation;
use figment::providers::Serialized;
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::Section;
use super::effective::{Config, SectionInfo};
use super::file;
use super::problems::{ConfigErrors, ConfigProblem};
use super::schema::{self, Key};
use super::typed::{self, Found, Kind};

/// The prefix of environment variables that are configuration. The second underscore keeps apart the service links of
/// Kubernetes (`ATTUNE_DECISION_PORT=tcp://...`).
const PREFIX: &str = "ATTUNE__";

/// Collects sections and sources; [`load`](Self::load) reads them.
#[derive(Default)]
pub struct Loader {
    sections: Vec<SectionInfo>,
    files: Vec<(PathBuf, bool)>,
    secrets: Vec<PathBuf>,
    texts: Vec<Text>,
    flags: Vec<Text>,
}

/// A value that a source gives as text.
struct Text {
    path: Vec<String>,
    source: String,
    value: String,
}

impl Loader {
    /// A loader without sections and sources.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares a section.
    #[must_use]
    pub fn section<S: Section>(mut self) -> Self {
        self.sections.push(SectionInfo {
            name: S::NAME,
            defaults: S::DEFAULTS,
            check: |table| {
                let section: S = table.deserialize().map_err(Box::new)?;
                let mut problems = Vec::new();
                section.validate(&mut problems);
                Ok(problems)
            },
            effective: |figment| {
                figment.extract_inner::<S>(S::NAME).ok().and_then(|section| Value::serialize(section).ok())
            },
        });
        self
    }

    /// Adds a file that somebody named; that it is missing is an error.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push((path.into(), false));
        self
    }

    /// Adds a file at its customary place, `/etc/attune/<service>.toml`; it may be missing.
    #[must_use]
    pub fn default_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push((path.into(), true));
        self
    }

    /// Adds a directory of secret files: the name of each is the path of a key split on `__`, its content the value.
    #[must_use]
    pub fn secrets_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.secrets.push(dir.into());
        self
    }

    /// Adds environment variables; those that do not begin with `ATTUNE__` are skipped.
    #[must_use]
    pub fn env(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut found: Vec<Text> = variables
            .into_iter()
            .filter_map(|(name, value)| {
                let path = name.strip_prefix(PREFIX)?.to_ascii_lowercase().split("__").map(str::to_owned).collect();
                Some(Text { path, source: format!("environment variable {name}"), value })
            })
            .collect();
        found.sort_by(|left, right| left.path.cmp(&right.path));
        self.texts.append(&mut found);
        self
    }

    /// Adds a flag, which wins over everything else: `flag("--listen", "server.listen", "127.0.0.1:0")`.
    #[must_use]
    pub fn flag(mut self, flag: &str, key: &str, value: impl Into<String>) -> Self {
        let path = key.split('.').map(str::to_owned).collect();
        self.flags.push(Text { path, source: format!("flag {flag}"), value: value.into() });
        self
    }

    /// Every key of the declared sections with its type, default and comment.
    #[must_use]
    pub fn schema(&self) -> Vec<Key> {
        self.sections.iter().flat_map(|section| schema::keys(section.defaults)).collect()
    }

    /// Reads every source and checks the result.
    ///
    /// # Errors
    /// [`ConfigErrors`] with everything that is wrong, each with its source.
    pub fn load(self) -> Result<Config, ConfigErrors> {
        let mut problems = Vec::new();
        let mut defaults = Dict::new();
        for section in &self.sections {
            match file::toml_text(section.defaults) {
                Ok(dict) => defaults.extend(dict),
                Err(message) => problems.push(ConfigProblem {
                    key: section.name.to_owned(),
                    source: "compiled default".to_owned(),
                    message,
                }),
            }
        }
        let mut figment = Figment::from(Layer::new("compiled default", defaults.clone()));
        for (path, optional) in &self.files {
            match file::toml_file(path, *optional) {
                Ok(Some(mut dict)) => {
                    let source = file::name_of(path);
                    check_table(&defaults, &mut dict, &mut Vec::new(), &source, &mut problems);
                    figment = figment.merge(Layer::new(source, dict));
                }
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
        let secrets = self.secrets.iter().flat_map(|dir| file::secret_files(dir, &mut problems)).collect::<Vec<_>>();
        let secrets = secrets.into_iter().map(|one| Text { path: one.path, source: one.source, value: one.content });
        for text in secrets.chain(self.texts).chain(self.flags) {
            match place(&defaults, &text) {
                Ok(dict) => figment = figment.merge(Layer::new(text.source, dict)),
                Err(message) => {
                    problems.push(ConfigProblem { key: text.path.join("."), source: text.source, message });
                }
            }
        }
        for section in &self.sections {
            let defaults = defaults.get(section.name);
            check_section(section, &figment, defaults, &mut problems);
        }
        if problems.is_empty() { Ok(Config::new(figment, self.sections)) } else { Err(ConfigErrors(problems)) }
    }
}

/// Reads one text as the type of its key and puts it into a table of its own.
fn place(defaults: &Dict, text: &Text) -> Result<Dict, String> {
    let path: Vec<&str> = text.path.iter().map(String::as_str).collect();
    let value = match typed::find(defaults, &path) {
        Found::Unknown => return Err("unknown key".to_owned()),
        Found::Open => Value::from(text.value.as_str()),
        Found::Key(kind) => typed::read(kind, &text.value).ok_or_else(|| format!("must be {}", kind.name()))?,
    };
    let (first, rest) = path.split_first().ok_or_else(|| "unknown key".to_owned())?;
    let nested = rest.iter().rev().fold(value, |value, key| Value::from(Dict::from([((*key).to_owned(), value)])));
    Ok(Dict::from([((*first).to_owned(), nested)]))
}

/// Reports and removes every key of a table that has no default, or a default of another kind.
fn check_table(
    defaults: &Dict,
    table: &mut Dict,
    path: &mut Vec<String>,
    source: &str,
    problems: &mut Vec<ConfigProblem>,
) {
    table.retain(|key, value| {
        path.push(key.clone());
        let message = match defaults.get(key) {
            None => Some("unknown key".to_owned()),
            Some(default) => {
                let kind = Kind::of(default);
                match (kind, default, value) {
                    (kind, _, value) if !kind.takes(value) => Some(format!("must be {}", kind.name())),
                    (Kind::Table, Value::Dict(_, inner), Value::Dict(_, below)) => {
                        check_table(inner, below, path, source, problems);
                        None
                    }
                    _ => None,
                }
            }
        };
        let keep = message.is_none();
        if let Some(message) = message {
            problems.push(ConfigProblem { key: path.join("."), source: source.to_owned(), message });
        }
        path.pop();
        keep
    });
}

/// Whether the section's type takes the values, and what it finds wrong with them.
fn check_section(
    section: &SectionInfo,
    figment: &Figment,
    defaults: Option<&Value>,
    problems: &mut Vec<ConfigProblem>,
) {
    let located = |key: String, message: String| {
        let source = super::effective::source_of(figment, &key);
        ConfigProblem { key, source, message }
    };
    let Ok(mut table) = figment.find_value(section.name) else { return };
    let mut refused: Vec<String> = Vec::new();
    loop {
        let error = match (section.check)(&table) {
            Ok(violations) => {
                let violations = violations
                    .into_iter()
                    .map(|Violation { field, description }| located(format!("{}.{field}", section.name), description));
                problems.extend(violations.filter(|problem| !refused.contains(&problem.key)));
                return;
            }
            Err(error) => *error,
        };
        // A type stops at the first value it refuses. With the default in its place it tells the next one.
        let mut repaired = false;
        for one in error {
            let key =
                [section.name].into_iter().chain(one.path.iter().map(String::as_str)).collect::<Vec<_>>().join(".");
            repaired |= !refused.contains(&key) && defaults.is_some_and(|with| repair(&mut table, with, &one.path));
            problems.push(located(key.clone(), describe(&one.kind)));
            refused.push(key);
        }
        if !repaired {
            return;
        }
    }
}

/// What a type says of a value that it refuses. Only words of our own types are passed on: others may quote the value.
fn describe(kind: &figment::error::Kind) -> String {
    use figment::error::Kind;
    match kind {
        Kind::Message(message) => message.clone(),
        Kind::UnknownVariant(_, names) => format!("must be one of {}", names.join(", ")),
        Kind::MissingField(field) => format!("has no value for {field}"),
        Kind::UnknownField(field, _) => format!("unknown key {field}"),
        _ => "has the wrong type".to_owned(),
    }
}

/// Puts the default where the path leads, or at the table or list above it. Answers whether there was one.
fn repair(table: &mut Value, defaults: &Value, path: &[String]) -> bool {
    let (Value::Dict(_, table), Value::Dict(_, defaults)) = (table, defaults) else { return false };
    let Some((first, rest)) = path.split_first() else { return false };
    let (Some(value), Some(default)) = (table.get_mut(first), defaults.get(first)) else { return false };
    if rest.is_empty() || !repair(value, default, rest) {
        *value = default.clone();
    }
    true
}

/// One source as figment wants it.
struct Layer {
    name: String,
    dict: Dict,
}

impl Layer {
    fn new(name: impl Into<String>, dict: Dict) -> Self {
        Self { name: name.into(), dict }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        // The values were made outside of figment's call; serializing once more gives them this provider's tag.
        Serialized::defaults(&self.dict).data()
    }
}
