//! The whole suite in this process over the embedded store, on a clock that the caller moves: the ground of demo and
//! replay. Calls go through the generated clients and servers.

use std::path::{Path, PathBuf};

use attune_client::Clients;
use attune_kernel::Timestamp;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::config::Config;
use attune_service_kit::server::{Running, Server};

use crate::assemble::{self, Surroundings, section};
use crate::exit::Failure;
use crate::options::ServiceName;
use crate::settings;

/// A running suite.
pub(crate) struct Accelerated {
    pub(crate) clients: Clients,
    pub(crate) clock: Clock,
    running: Running,
    /// Removed with the suite, when nobody asked to keep the data.
    _temporary: Option<Temporary>,
    data_dir: PathBuf,
}

/// A directory that is removed when it is dropped.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's cleaning of temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Accelerated {
    /// Starts the suite at `now` in `data_dir`, or in a temporary directory.
    ///
    /// # Errors
    /// When the data directory is in use or a service does not start.
    pub(crate) async fn start(data_dir: Option<&Path>, now: Timestamp, seed: u64) -> Result<Self, Failure> {
        let (dir, temporary) = match data_dir {
            Some(dir) => (dir.to_owned(), None),
            None => {
                let dir =
                    std::env::temp_dir().join(format!("attune-{}-{}", std::process::id(), IdSource::random().seed()));
                (dir.clone(), Some(Temporary(dir)))
            }
        };
        let config = configuration(&dir)?;
        // Ids are drawn anew in every process: a run that goes on in an old directory must not repeat them.
        let ids = if data_dir.is_some() { IdSource::random() } else { IdSource::seeded(seed) };
        let around = Surroundings { clock: Clock::manual(now), ids };
        let mut suite = assemble::build(&config, &ServiceName::ALL, &around).await?;
        let clients = assemble::clients(&suite)?;
        let server = Server::new(section(&config)?, section(&config)?);
        let running = suite.services.drain(..).fold(server, Server::service).start().await?;
        Ok(Self { clients, clock: around.clock, running, _temporary: temporary, data_dir: dir })
    }

    /// Where the suite keeps its data.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Stops the suite: background tasks end, everything accepted stays.
    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }
}

/// Defaults but for the data directory, any free port, and more time for a busy laptop.
fn configuration(dir: &Path) -> Result<Config, Failure> {
    settings::loader()
        .flag("--data-dir", "storage.data_dir", dir.to_string_lossy())
        .flag("--listen", "server.listen", "127.0.0.1:0")
        .flag("--deadline", "clients.deadline", "60s")
        .load()
        .map_err(|errors| Failure::input(errors.to_string()))
}
