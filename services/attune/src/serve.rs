//! `attune serve`: the services as a server, until a signal.

use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::config::TelemetryConfig;
use attune_service_kit::server::Server;
use attune_service_kit::telemetry::Telemetry;

use crate::assemble::{self, Surroundings, section};
use crate::exit::Failure;
use crate::options::{ServeOptions, ServiceName};
use crate::settings;

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// Bad configuration, a store that does not answer, an address that is taken.
pub(crate) async fn run(options: ServeOptions) -> Result<(), Failure> {
    let names = if options.services.is_empty() { ServiceName::ALL.to_vec() } else { options.services.clone() };
    let config = settings::load(&options.config, &options.services)?;
    let name = match names.as_slice() {
        [one] => one.as_str(),
        _ => "attune",
    };
    let telemetry_config: TelemetryConfig = section(&config)?;
    let telemetry = Telemetry::start(&telemetry_config, name, std::env::vars())?;
    let around = Surroundings { clock: Clock::system(), ids: IdSource::random() };
    let suite = assemble::build(&config, &names, &around).await?;
    let server = Server::new(section(&config)?, section(&config)?).telemetry(telemetry);
    let running = suite.services.into_iter().fold(server, Server::service).start().await?;
    running.until_signal().await?;
    Ok(())
}
