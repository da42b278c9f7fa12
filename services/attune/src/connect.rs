//! A connection to a running server, for the operator's commands.

use std::time::Duration;

use attune_client::{Channel, Options};
use attune_kernel::Secret;

use crate::exit::Failure;
use crate::options::Address;

/// Connects with the first call; a server that is not there is a dependency that is unavailable.
///
/// # Errors
/// When the address is not one.
pub(crate) fn connect(address: &Address) -> Result<Channel, Failure> {
    let url =
        if address.address.contains("://") { address.address.clone() } else { format!("http://{}", address.address) };
    let options = Options {
        deadline: Duration::from_secs(30),
        api_key: Secret::new(address.api_key.clone().unwrap_or_default()),
        ..Options::default()
    };
    Channel::remote([url], &options).map_err(|error| Failure::usage(format!("--address: {error}")))
}
