//! Configuration: batches, leases, backoff, HTTP, webhooks.

mod site;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use attune_kernel::{Secret, Violation};
use attune_service_kit::config::{Section, serde_duration};
use serde::{Deserialize, Serialize};

pub use site::{Consent, Level, PageRule, Site};

/// The default configuration, which documents every key.
pub const DEFAULT_CONFIG: &str = include_str!("../config.default.toml");

/// Configuration of the service. Keys are documented in `config.default.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The consent purpose of a message that names none.
    pub default_purpose: String,
    /// The folder of file channels; empty for `outbox` below the data directory.
    pub outbox_dir: String,
    /// Events on their way in.
    pub inbox: InboxConfig,
    /// Messages on their way out.
    pub outbox: OutboxConfig,
    /// Collecting over HTTP.
    pub http: HttpConfig,
    /// Webhook channels.
    pub webhook: WebhookConfig,
}

/// How events are relayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InboxConfig {
    /// Events relayed together.
    pub batch: usize,
    /// How long a silent relay keeps its place.
    #[serde(with = "serde_duration")]
    pub lease: Duration,
    /// How long to sleep when nothing waits.
    #[serde(with = "serde_duration")]
    pub idle: Duration,
    /// How often an event may be refused.
    pub max_failures: u32,
}

/// How messages are delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboxConfig {
    /// Deliveries claimed together.
    pub batch: usize,
    /// How long a silent worker keeps its deliveries.
    #[serde(with = "serde_duration")]
    pub lease: Duration,
    /// How long to sleep when nothing is due.
    #[serde(with = "serde_duration")]
    pub idle: Duration,
    /// The first wait after a failure.
    #[serde(with = "serde_duration")]
    pub backoff_base: Duration,
    /// The longest wait after a failure.
    #[serde(with = "serde_duration")]
    pub backoff_max: Duration,
}

/// Collecting over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Where to listen; empty for nowhere.
    pub listen: String,
    /// The longest body.
    pub max_body_bytes: usize,
    /// Web sites that carry the tag, by id.
    pub sites: BTreeMap<String, Site>,
}

/// Webhook channels.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Signing secrets by name.
    pub secrets: BTreeMap<String, Secret>,
    /// Whether endpoints may be in private networks.
    pub allow_private: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default_purpose: "marketing".to_owned(),
            outbox_dir: String::new(),
            inbox: InboxConfig {
                batch: 500,
                lease: Duration::from_secs(30),
                idle: Duration::from_millis(100),
                max_failures: 5,
            },
            outbox: OutboxConfig {
                batch: 100,
                lease: Duration::from_secs(30),
                idle: Duration::from_millis(100),
                backoff_base: Duration::from_secs(1),
                backoff_max: Duration::from_secs(600),
            },
            http: HttpConfig { listen: String::new(), max_body_bytes: 4 << 20, sites: BTreeMap::new() },
            webhook: WebhookConfig::default(),
        }
    }
}

impl Config {
    /// Every problem at once; fields are paths below the section.
    #[must_use]
    pub fn validate(&self) -> Vec<Violation> {
        let mut problems = Vec::new();
        let mut rule = |holds: bool, field: &str, text: &str| {
            if !holds {
                problems.push(Violation::new(field, text));
            }
        };
        rule((1..=64).contains(&self.default_purpose.len()), "default_purpose", "must have 1 to 64 characters");
        let millis = |range: std::ops::RangeInclusive<u64>, value: Duration| {
            range.contains(&u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
        };
        for (table, batch, lease, idle) in [
            ("inbox", self.inbox.batch, self.inbox.lease, self.inbox.idle),
            ("outbox", self.outbox.batch, self.outbox.lease, self.outbox.idle),
        ] {
            rule((1..=1000).contains(&batch), &format!("{table}.batch"), "must be in 1..=1000");
            rule(millis(100..=3_600_000, lease), &format!("{table}.lease"), "must be 100ms to 1h");
            rule(millis(1..=60_000, idle), &format!("{table}.idle"), "must be 1ms to 1m");
        }
        rule((1..=1000).contains(&self.inbox.max_failures), "inbox.max_failures", "must be in 1..=1000");
        let base = self.outbox.backoff_base;
        rule(millis(1..=86_400_000, base), "outbox.backoff_base", "must be 1ms to 1d");
        rule(self.outbox.backoff_max >= base, "outbox.backoff_max", "must not be below backoff_base");
        rule(self.listen().is_ok(), "http.listen", "must be an address and a port, such as 127.0.0.1:8080");
        let body = self.http.max_body_bytes;
        rule((1024..=64 << 20).contains(&body), "http.max_body_bytes", "must be 1024 to 67108864");
        for (id, site) in &self.http.sites {
            let letters = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
            let named = (1..=64).contains(&id.len()) && letters;
            rule(named, &format!("http.sites.{id}"), "must be 1 to 64 letters, digits, dots, hyphens and underscores");
            for (field, text) in site.problems() {
                rule(false, &format!("http.sites.{id}.{field}"), text);
            }
        }
        for (name, secret) in &self.webhook.secrets {
            rule(!secret.is_empty(), &format!("webhook.secrets.{name}"), "must not be empty");
        }
        problems
    }

    /// Where HTTP listens, if anywhere.
    ///
    /// # Errors
    /// When the text is not an address.
    pub fn listen(&self) -> Result<Option<SocketAddr>, std::net::AddrParseError> {
        if self.http.listen.is_empty() { Ok(None) } else { self.http.listen.parse().map(Some) }
    }
}

impl Section for Config {
    const NAME: &'static str = "channel_gateway";
    const DEFAULTS: &'static str = DEFAULT_CONFIG;

    fn validate(&self, problems: &mut Vec<Violation>) {
        problems.extend(Self::validate(self));
    }
}

#[cfg(test)]
mod tests {
    use attune_service_kit::config::Loader;

    use super::*;

    #[test]
    fn the_default_is_the_documented_one() {
        let loaded: Config = Loader::new().section::<Config>().load().unwrap().section().unwrap();
        assert_eq!(loaded, Config::default());
        assert_eq!(loaded.validate(), Vec::new());
    }

    #[test]
    fn a_secret_is_taken_as_it_is_written() {
        let variable = "ATTUNE__CHANNEL_GATEWAY__WEBHOOK__SECRETS".to_owned();
        let loaded = Loader::new().section::<Config>().env([(variable, r#"{ mail = "012345" }"#.to_owned())]).load();
        let config: Config = loaded.unwrap().section().unwrap();
        assert_eq!(config.webhook.secrets["mail"].expose(), "012345");
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let mut config = Config { default_purpose: String::new(), ..Config::default() };
        config.inbox.batch = 0;
        config.outbox.lease = Duration::from_millis(1);
        config.outbox.backoff_max = Duration::ZERO;
        config.http.listen = "nowhere".to_owned();
        config.webhook.secrets.insert("mail".to_owned(), Secret::default());
        let page = PageRule { path: "cart".to_owned(), protocol: "ftp".to_owned(), level: Level::Off };
        let site = Site {
            origins: vec!["shop.example/".to_owned()],
            level: Level::Forms,
            rules: vec![page],
            consent: Consent::Required,
            query: Vec::new(),
            values: Vec::new(),
            namespaces: Vec::new(),
            session: Duration::from_secs(1),
        };
        config.http.sites.insert("a shop".to_owned(), site);
        let fields: Vec<String> = config.validate().into_iter().map(|one| one.field).collect();
        let expected = [
            "default_purpose",
            "inbox.batch",
            "outbox.lease",
            "outbox.backoff_max",
            "http.listen",
            "http.sites.a shop",
            "http.sites.a shop.origins",
            "http.sites.a shop.rules",
            "http.sites.a shop.rules",
            "http.sites.a shop.session",
            "webhook.secrets.mail",
        ];
        assert_eq!(fields, expected);
    }
}
