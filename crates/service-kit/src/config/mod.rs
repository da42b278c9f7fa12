//! One configuration tree for the process, in layers.
//!
//! From weakest to strongest: compiled defaults (the `config.default.toml` of each section), a file, secret files, the
//! environment (`ATTUNE__SECTION__KEY`), flags. The default of a key decides its type: what comes from the environment or
//! a secret file is read as that type, and for a text it stays exactly what was written (`012345` is a fine password).
//!
//! A key that no section declares is an error, and so is a value of another type; [`Loader::load`] reports all of them
//! together with what each section's [`validate`](Section::validate) finds, each with its source.
//!
//! ```
//! use attune_service_kit::config::{Loader, ServerConfig};
//!
//! let environment = [("ATTUNE__SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned())];
//! let config = Loader::new().section::<ServerConfig>().env(environment).load().unwrap();
//! let server: ServerConfig = config.section().unwrap();
//! assert_eq!(server.listen.port(), 0);
//! ```

mod duration;
mod effective;
mod file;
mod load;
mod problems;
mod schema;
mod sections;
mod typed;

pub use duration::serde_duration;
pub use effective::{Config, Entry};
pub use load::Loader;
pub use problems::{ConfigErrors, ConfigProblem};
pub use schema::Key;
pub use sections::{
    ApiKey, AuthConfig, CacheConfig, ClientsConfig, DatabaseConfig, LogFormat, ServerConfig, StorageConfig,
    StorageKind, TelemetryConfig, TlsConfig,
};

use attune_kernel::Violation;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A part of the tree: one table with everything below it.
pub trait Section: Serialize + DeserializeOwned + 'static {
    /// Name of the table, in `snake_case`.
    const NAME: &'static str;
    /// TOML text that starts with `[NAME]`, sets every key and documents each in the comment above it. Values stand on
    /// one line. An optional text is `""`; a table whose keys the operator chooses is `{}`.
    const DEFAULTS: &'static str;

    /// Appends what is wrong with the values together; fields are paths below the section, such as `tls.key_file`.
    fn validate(&self, problems: &mut Vec<Violation>) {
        let _ = problems;
    }
}

/// The compiled defaults of a section: its `Default`.
///
/// # Panics
/// When the compiled text is not valid for the section, which a test of the section that calls this finds.
#[must_use]
#[expect(clippy::expect_used, reason = "compiled-in text; no input can make it fail")]
pub fn defaults<S: Section>() -> S {
    Loader::new().section::<S>().load().and_then(|config| config.section()).expect("the compiled defaults are valid")
}
