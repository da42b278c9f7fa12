//! Where Postgres is and how long to wait for it.

use std::time::Duration;

use attune_kernel::{Secret, Violation};
use serde::{Deserialize, Serialize};

use crate::duration_text;

/// Configuration of one service's Postgres. Durations are written like `5s` or `250ms`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostgresConfig {
    /// `postgres://user:password@host:port/database`; a secret because of the password. Required.
    pub url: Secret,
    /// Wraps the keys with which data of persons is sealed: 32 random bytes or more as text, the same in all processes. Kept
    /// apart from the database and its backups. Empty: the keys are as readable as the database.
    pub vault_key: Secret,
    /// What wrapped keys before; needed until everything was wrapped anew.
    pub former_vault_keys: Vec<Secret>,
    /// Schema of the service: a lower-case letter or `_`, then letters, digits and `_`; at most 63. Required.
    pub schema: String,
    /// Most connections of this process. Default 16.
    pub max_connections: usize,
    /// Longest wait for a connection, new or from the pool. Default `5s`.
    #[serde(with = "duration_text")]
    pub connect_timeout: Duration,
    /// Longest run of one statement; `0s` for no limit. Default `10s`.
    #[serde(with = "duration_text")]
    pub statement_timeout: Duration,
    /// Longest wait for a row or table lock; `0s` for no limit. Default `5s`.
    #[serde(with = "duration_text")]
    pub lock_timeout: Duration,
}

impl Default for PostgresConfig {
    fn default() -> Self {
        Self {
            url: Secret::default(),
            vault_key: Secret::default(),
            former_vault_keys: Vec::new(),
            schema: String::new(),
            max_connections: 16,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(5),
        }
    }
}

impl PostgresConfig {
    /// Every problem at once, fields named relative to this section.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        if self.url.is_empty() {
            out.push(Violation::new("url", "is required"));
        } else if self.url.expose().parse::<tokio_postgres::Config>().is_err() {
            out.push(Violation::new(
                "url",
                "is not a postgres url such as postgres://user:password@host:5432/database",
            ));
        }
        if !self.vault_key.is_empty() && self.vault_key.expose().len() < 32 {
            out.push(Violation::new("vault_key", "must have at least 32 characters"));
        }
        if !is_schema_name(&self.schema) {
            out.push(Violation::new("schema", "must match [a-z_][a-z0-9_]{0,62} and not begin with pg_"));
        }
        if !(1..=1000).contains(&self.max_connections) {
            out.push(Violation::new("max_connections", "must be 1 to 1000"));
        }
        if self.connect_timeout.is_zero() {
            out.push(Violation::new("connect_timeout", "must be positive"));
        }
        let too_long = |timeout: Duration| i32::try_from(timeout.as_millis()).is_err();
        for (field, timeout) in [("statement_timeout", self.statement_timeout), ("lock_timeout", self.lock_timeout)] {
            if too_long(timeout) {
                out.push(Violation::new(field, "must be below 24 days"));
            }
        }
        out
    }
}

/// Names that need no quotes, so that the schema can stand in a statement.
fn is_schema_name(name: &str) -> bool {
    let head = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let rest = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    head && rest && name.len() <= 63 && !name.starts_with("pg_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_reported_at_once() {
        let config = PostgresConfig { max_connections: 0, schema: "Robert'); --".to_owned(), ..Default::default() };
        let fields: Vec<String> = config.violations().into_iter().map(|violation| violation.field).collect();
        assert_eq!(fields, ["url", "schema", "max_connections"]);
    }

    #[test]
    fn durations_are_text_and_unknown_keys_are_refused() {
        let text = "url = \"postgres://a:012345@db/x\"\nschema = \"identity\"\nlock_timeout = \"250ms\"";
        let config: PostgresConfig = toml::from_str(text).unwrap();
        assert_eq!(config.lock_timeout, Duration::from_millis(250));
        assert_eq!(config.violations(), vec![]);
        assert!(!toml::to_string(&config).unwrap().contains("012345"), "a dump does not show the password");
        assert!(toml::from_str::<PostgresConfig>("lock_timout = \"1s\"").is_err());
    }
}
