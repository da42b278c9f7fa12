//! The sections that every process has.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use attune_kernel::{Secret, Violation};
use serde::{Deserialize, Serialize};

use super::{Section, serde_duration};

macro_rules! default_from_text {
    ($($section:ty),*) => {$(
        impl Default for $section {
            fn default() -> Self {
                super::defaults()
            }
        }
    )*};
}

default_from_text!(ServerConfig, TelemetryConfig, StorageConfig, AuthConfig, ClientsConfig);

/// `[server]`: where and how the process listens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Address of the gRPC listener.
    pub listen: SocketAddr,
    /// Address of the plaintext health listener, or empty.
    #[serde(with = "optional_address")]
    pub health_listen: Option<SocketAddr>,
    /// The longest message a caller may send, in bytes.
    pub max_message_bytes: usize,
    /// How long calls may take to finish after a stop is asked for.
    #[serde(with = "serde_duration")]
    pub drain_timeout: Duration,
    /// How long background tasks may take to stop after the drain.
    #[serde(with = "serde_duration")]
    pub task_timeout: Duration,
    /// The longest a call may take to begin its answer.
    #[serde(with = "serde_duration")]
    pub request_timeout: Duration,
    /// TLS.
    pub tls: TlsConfig,
}

/// `[server.tls]`: certificates; all empty for plaintext.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificate chain in PEM.
    pub cert_file: PathBuf,
    /// Private key in PEM.
    pub key_file: PathBuf,
    /// CA in PEM that signs client certificates.
    pub client_ca_file: PathBuf,
}

impl TlsConfig {
    /// Whether the listener speaks TLS.
    #[must_use]
    pub fn is_on(&self) -> bool {
        is_set(&self.cert_file)
    }

    /// Whether a client must show a certificate.
    #[must_use]
    pub fn asks_for_certificates(&self) -> bool {
        is_set(&self.client_ca_file)
    }
}

impl Section for ServerConfig {
    const NAME: &'static str = "server";
    const DEFAULTS: &'static str = include_str!("../../config/server.default.toml");

    fn validate(&self, problems: &mut Vec<Violation>) {
        if !(1024..=1 << 30).contains(&self.max_message_bytes) {
            problems.push(Violation::new("max_message_bytes", "must lie between 1024 and 1073741824"));
        }
        if self.request_timeout.is_zero() {
            problems.push(Violation::new("request_timeout", "must be longer than zero"));
        }
        let tls = &self.tls;
        if is_set(&tls.cert_file) != is_set(&tls.key_file) {
            let missing = if is_set(&tls.cert_file) { "tls.key_file" } else { "tls.cert_file" };
            problems.push(Violation::new(missing, "must be set: a certificate needs its key"));
        }
        if tls.asks_for_certificates() && !tls.is_on() {
            problems.push(Violation::new("tls.client_ca_file", "needs cert_file and key_file"));
        }
    }
}

/// `[telemetry]`: how the process tells what it does. Exporters follow the standard `OTEL_*` variables.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Which log lines are written.
    pub log_filter: String,
    /// Their form.
    pub log_format: LogFormat,
    /// How long the last telemetry may take to leave.
    #[serde(with = "serde_duration")]
    pub flush_timeout: Duration,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Human on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

impl Section for TelemetryConfig {
    const NAME: &'static str = "telemetry";
    const DEFAULTS: &'static str = include_str!("../../config/telemetry.default.toml");

    fn validate(&self, problems: &mut Vec<Violation>) {
        if self.log_filter.parse::<tracing_subscriber::filter::Targets>().is_err() {
            problems
                .push(Violation::new("log_filter", "is not a list of directives such as info,attune_decision=debug"));
        }
    }
}

/// `[storage]`: where state lives.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageConfig {
    /// Which store.
    pub kind: StorageKind,
    /// Data directory of the embedded engine.
    pub data_dir: PathBuf,
    /// The database, for [`StorageKind::Postgres`].
    pub postgres: DatabaseConfig,
    /// The cache; losable.
    pub redis: CacheConfig,
}

/// Which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    /// One data directory, one process.
    Embedded,
    /// A database that many processes share.
    Postgres,
}

/// `[storage.postgres]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// postgres:// URL; it may hold a password.
    pub url: Secret,
    /// Wraps the keys with which data of persons is sealed.
    pub vault_key: Secret,
    /// What wrapped them before; empty for none.
    pub former_vault_key: Secret,
    /// The most connections each service opens.
    pub max_connections: usize,
    /// How long a call waits for a free connection.
    #[serde(with = "serde_duration")]
    pub connect_timeout: Duration,
    /// How long one statement may run.
    #[serde(with = "serde_duration")]
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock.
    #[serde(with = "serde_duration")]
    pub lock_timeout: Duration,
    /// Whether pending migrations run at the start.
    pub migrate_on_start: bool,
}

/// `[storage.redis]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheConfig {
    /// redis:// or rediss:// URL, or empty; it may hold a password.
    pub url: Secret,
    /// Put before every key.
    pub prefix: String,
    /// How long one command may take.
    #[serde(with = "serde_duration")]
    pub timeout: Duration,
}

impl DatabaseConfig {
    /// What the storage crate needs to open the schema of one service.
    #[must_use]
    pub fn of_schema(&self, schema: &str) -> attune_storage::PostgresConfig {
        attune_storage::PostgresConfig {
            url: self.url.clone(),
            schema: schema.to_owned(),
            max_connections: self.max_connections,
            connect_timeout: self.connect_timeout,
            statement_timeout: self.statement_timeout,
            lock_timeout: self.lock_timeout,
            vault_key: self.vault_key.clone(),
            former_vault_keys: Some(&self.former_vault_key)
                .filter(|key| !key.is_empty())
                .cloned()
                .into_iter()
                .collect(),
        }
    }
}

impl CacheConfig {
    /// What the storage crate needs to open the cache; an empty URL means that there is none.
    #[must_use]
    pub fn to_cache(&self) -> attune_storage::CacheConfig {
        attune_storage::CacheConfig { url: self.url.clone(), prefix: self.prefix.clone(), timeout: self.timeout }
    }
}

/// Characters of the shortest master key: 24 random bytes in base64.
const MIN_VAULT_KEY: usize = 32;

impl Section for StorageConfig {
    const NAME: &'static str = "storage";
    const DEFAULTS: &'static str = include_str!("../../config/storage.default.toml");

    fn validate(&self, problems: &mut Vec<Violation>) {
        match self.kind {
            StorageKind::Embedded if !is_set(&self.data_dir) => {
                problems.push(Violation::new("data_dir", "must be set when kind is embedded"));
            }
            StorageKind::Postgres if self.postgres.url.is_empty() => {
                problems.push(Violation::new("postgres.url", "must be set when kind is postgres"));
            }
            StorageKind::Embedded | StorageKind::Postgres => {}
        }
        if self.kind == StorageKind::Postgres && self.postgres.vault_key.expose().len() < MIN_VAULT_KEY {
            let why = "must be set to at least 32 characters when kind is postgres, such as what `openssl rand -base64 32` \
                       prints; all processes need the same";
            problems.push(Violation::new("postgres.vault_key", why));
        }
        if self.postgres.max_connections == 0 {
            problems.push(Violation::new("postgres.max_connections", "must be at least 1"));
        }
    }
}

/// `[auth]`: who may call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    /// The keys that are known.
    pub api_keys: Vec<ApiKey>,
    /// What a caller with a client certificate and without a key may do.
    pub certificate_scopes: Vec<String>,
}

/// One API key, known by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// Who uses it; appears in logs.
    pub id: String,
    /// Hexadecimal SHA-256 of the key.
    pub sha256: String,
    /// What it may do.
    pub scopes: Vec<String>,
}

impl Section for AuthConfig {
    const NAME: &'static str = "auth";
    const DEFAULTS: &'static str = include_str!("../../config/auth.default.toml");

    fn validate(&self, problems: &mut Vec<Violation>) {
        for (index, key) in self.api_keys.iter().enumerate() {
            let mut wrong = |field: &str, why: &str| {
                problems.push(Violation::new(format!("api_keys[{index}].{field}"), why));
            };
            if key.id.is_empty() || self.api_keys[..index].iter().any(|other| other.id == key.id) {
                wrong("id", "must be set and unique");
            }
            if key.sha256.len() != 64 || !key.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                wrong("sha256", "must be 64 hexadecimal digits");
            }
            if !key.scopes.iter().all(|scope| crate::auth::is_scope(scope)) || key.scopes.is_empty() {
                wrong("scopes", "must be a list of * or <service>.read or <service>.write");
            }
        }
        if !self.certificate_scopes.iter().all(|scope| crate::auth::is_scope(scope)) {
            let why = "must be a list of * or <service>.read or <service>.write";
            problems.push(Violation::new("certificate_scopes", why));
        }
    }
}

/// `[clients]`: where the other services are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientsConfig {
    /// Addresses of identity-resolution, or empty.
    pub identity_resolution: String,
    /// Addresses of profile, or empty.
    pub profile: String,
    /// Addresses of journey-pathing, or empty.
    pub journey_pathing: String,
    /// Addresses of decision, or empty.
    pub decision: String,
    /// Addresses of contact-optimization, or empty.
    pub contact_optimization: String,
    /// Addresses of channel-gateway, or empty.
    pub channel_gateway: String,
    /// How long a call may take when its caller has set no deadline.
    #[serde(with = "serde_duration")]
    pub deadline: Duration,
    /// How often a call that found its service unavailable is made again.
    pub retries: usize,
    /// The API key that calls carry, or empty.
    pub api_key: Secret,
    /// CA that signs the servers' certificates, or empty.
    pub ca_file: PathBuf,
    /// Client certificate chain, or empty.
    pub cert_file: PathBuf,
    /// Its private key, or empty.
    pub key_file: PathBuf,
}

impl ClientsConfig {
    /// The addresses in one of the address fields.
    pub fn addresses(field: &str) -> impl Iterator<Item = &str> {
        field.split(',').map(str::trim).filter(|address| !address.is_empty())
    }
}

impl Section for ClientsConfig {
    const NAME: &'static str = "clients";
    const DEFAULTS: &'static str = include_str!("../../config/clients.default.toml");

    fn validate(&self, problems: &mut Vec<Violation>) {
        let fields = [
            ("identity_resolution", &self.identity_resolution),
            ("profile", &self.profile),
            ("journey_pathing", &self.journey_pathing),
            ("decision", &self.decision),
            ("contact_optimization", &self.contact_optimization),
            ("channel_gateway", &self.channel_gateway),
        ];
        for (name, field) in fields {
            for address in Self::addresses(field) {
                let uri = address.parse::<http::Uri>().ok();
                let plain = uri.is_some_and(|uri| {
                    matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some() && uri.path() == "/"
                });
                if !plain {
                    problems.push(Violation::new(name, "must be http://host:port or https://host:port"));
                }
            }
        }
        if self.deadline.is_zero() {
            problems.push(Violation::new("deadline", "must be longer than zero"));
        }
        if self.retries > 10 {
            problems.push(Violation::new("retries", "must be at most 10"));
        }
        if is_set(&self.cert_file) != is_set(&self.key_file) {
            let missing = if is_set(&self.cert_file) { "key_file" } else { "cert_file" };
            problems.push(Violation::new(missing, "must be set: a certificate needs its key"));
        }
    }
}

fn is_set(path: &std::path::Path) -> bool {
    !path.as_os_str().is_empty()
}

mod optional_address {
    use std::net::SocketAddr;

    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(address: &Option<SocketAddr>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&address.map(|address| address.to_string()).unwrap_or_default())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| serde::de::Error::custom("must be an address such as 127.0.0.1:8081"))
    }
}
