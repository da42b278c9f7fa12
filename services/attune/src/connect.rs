//! A connection to a running server, for the operator's commands.

use std::path::PathBuf;
use std::time::Duration;

use attune_client::{Channel, Options, Tls};
use attune_kernel::Secret;

use crate::exit::Failure;
use crate::options::Address;

/// Connects with the first call; a server that is not there is a dependency that is unavailable.
///
/// # Errors
/// When the address is not one, or a certificate cannot be read.
pub(crate) fn connect(address: &Address) -> Result<Channel, Failure> {
    let url =
        if address.address.contains("://") { address.address.clone() } else { format!("http://{}", address.address) };
    let read = |name: &str, file: &Option<PathBuf>| match file {
        Some(path) => {
            std::fs::read(path).map_err(|error| Failure::usage(format!("--{name}: {}: {error}", path.display())))
        }
        None => Ok(Vec::new()),
    };
    let options = Options {
        deadline: Duration::from_secs(30),
        api_key: Secret::new(address.api_key.clone().unwrap_or_default()),
        tls: Tls {
            ca: read("ca-file", &address.ca_file)?,
            certificate: read("cert-file", &address.cert_file)?,
            key: read("key-file", &address.key_file)?,
        },
    };
    Channel::remote([url], &options).map_err(|error| Failure::usage(format!("--address: {error}")))
}
