//! `attune healthcheck`: what a running server says of its health, for probes and scripts.

use std::time::Duration;

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::connect::connect;
use crate::exit::Failure;
use crate::options::HealthcheckOptions;
use crate::output;

/// Asks once.
///
/// # Errors
/// A dependency that is unavailable when nothing answers in time or what answers does not serve; bad input when the server
/// knows no service of the name.
pub(crate) async fn run(options: HealthcheckOptions) -> Result<(), Failure> {
    let address = options.address.address.clone();
    let mut client = HealthClient::new(connect(&options.address)?);
    let asked = client.check(HealthCheckRequest { service: options.service.clone() });
    let answer = match tokio::time::timeout(Duration::from_secs(options.timeout), asked).await {
        Err(_) => return Err(Failure::unavailable(format!("{address} did not answer in {} s", options.timeout))),
        Ok(Err(status)) if status.code() == tonic::Code::NotFound => {
            return Err(Failure::input(format!("{address} knows no service '{}'", options.service)));
        }
        Ok(Err(status)) => return Err(Failure::unavailable(format!("{address}: {}", status.message()))),
        Ok(Ok(answer)) => answer.into_inner(),
    };
    if answer.status() == ServingStatus::Serving {
        output::print("SERVING");
        Ok(())
    } else {
        Err(Failure::unavailable(format!("{address} says {}", answer.status().as_str_name())))
    }
}
