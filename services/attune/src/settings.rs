//! The configuration of the process: every section there is, whichever services run.

use attune_service_kit::config::{
    AuthConfig, ClientsConfig, Config, Loader, ServerConfig, StorageConfig, TelemetryConfig,
};

use crate::exit::Failure;
use crate::options::{ConfigOptions, ServiceName};

/// A loader that knows every section, without any source yet.
pub(crate) fn loader() -> Loader {
    Loader::new()
        .section::<ServerConfig>()
        .section::<StorageConfig>()
        .section::<ClientsConfig>()
        .section::<AuthConfig>()
        .section::<TelemetryConfig>()
        .section::<attune_identity_resolution::Config>()
        .section::<attune_profile::Config>()
        .section::<attune_journey_pathing::Config>()
        .section::<attune_decision::Config>()
        .section::<attune_contact_optimization::Config>()
        .section::<attune_channel_gateway::Config>()
}

/// Loads the configuration from its sources, weakest first: defaults, file, secret files, environment, flags.
///
/// # Errors
/// Bad input with every problem at once.
pub(crate) fn load(options: &ConfigOptions, services: &[ServiceName]) -> Result<Config, Failure> {
    let mut loader = loader().env(std::env::vars());
    loader = match &options.config {
        Some(file) => loader.file(file),
        None => {
            let name = match services {
                [one] => one.as_str(),
                _ => "attune",
            };
            loader.default_file(format!("/etc/attune/{name}.toml"))
        }
    };
    if let Some(dir) = &options.secrets_dir {
        loader = loader.secrets_dir(dir);
    }
    if let Some(dir) = &options.data_dir {
        loader = loader.flag("--data-dir", "storage.data_dir", dir.to_string_lossy());
    }
    if let Some(listen) = &options.listen {
        loader = loader.flag("--listen", "server.listen", listen);
    }
    loader.load().map_err(|errors| Failure::input(errors.to_string()))
}
