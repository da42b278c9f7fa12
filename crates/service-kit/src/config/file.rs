//! Reading the sources that are files.

use std::path::Path;

use figment::value::{Dict, Value};

use super::problems::ConfigProblem;

/// The table in a TOML file. A named file that is missing is an error; `optional` forgives only that.
pub(super) fn toml_file(path: &Path, optional: bool) -> Result<Option<Dict>, ConfigProblem> {
    let problem = |message: String| ConfigProblem { key: String::new(), source: name_of(path), message };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if optional && error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(problem(format!("cannot be read: {error}"))),
    };
    toml_text(&text).map(Some).map_err(problem)
}

/// The table in a TOML text.
pub(super) fn toml_text(text: &str) -> Result<Dict, String> {
    // The message names the line but not its content, which may hold a secret.
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        format!("line {line}: {}", error.message())
    })?;
    match Value::serialize(table) {
        Ok(Value::Dict(_, dict)) => Ok(dict),
        Ok(_) | Err(_) => Err("is not a table".to_owned()),
    }
}

/// What a file is called in a problem.
pub(super) fn name_of(path: &Path) -> String {
    format!("file {}", path.display())
}

/// One secret file: its name is the path of the key, split on `__`, its content the value.
pub(super) struct SecretFile {
    pub(super) path: Vec<String>,
    pub(super) source: String,
    pub(super) content: String,
}

/// The files of a secrets directory, in the order of their names. Names that begin with a dot are not keys: a mounted
/// Kubernetes secret has such links beside its files.
pub(super) fn secret_files(dir: &Path, problems: &mut Vec<ConfigProblem>) -> Vec<SecretFile> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            let source = format!("secrets directory {}", dir.display());
            problems.push(ConfigProblem { key: String::new(), source, message: format!("cannot be read: {error}") });
            return Vec::new();
        }
    };
    let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if name.starts_with('.') || path.is_dir() {
            continue;
        }
        let key: Vec<String> = name.to_ascii_lowercase().split("__").map(str::to_owned).collect();
        let source = format!("secret file {}", path.display());
        match std::fs::read_to_string(&path) {
            Ok(mut content) => {
                // Editors end a file with a newline that is not part of a password; only one, the rest is content.
                if content.ends_with('\n') {
                    content.pop();
                }
                files.push(SecretFile { path: key, source, content });
            }
            Err(error) => {
                let message = format!("cannot be read: {error}");
                problems.push(ConfigProblem { key: key.join("."), source, message });
            }
        }
    }
    files
}
