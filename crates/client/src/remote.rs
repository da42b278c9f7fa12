//! Connections to services in other processes.

use std::fmt;
use std::time::Duration;

use attune_kernel::Secret;
use http::{HeaderValue, Uri};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection without an answer to a ping this long is dead.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// How calls are made.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a call may take when neither its request nor a surrounding call has a deadline; streams have none then.
    pub deadline: Duration,
    /// The API key that calls over the network carry; empty for none.
    pub api_key: Secret,
    /// Certificates, for `https` addresses.
    pub tls: Tls,
}

/// Certificates in PEM; empty where there is none.
#[derive(Clone, Default)]
pub struct Tls {
    /// The CA that signs the servers' certificates.
    pub ca: Vec<u8>,
    /// The client's certificate chain.
    pub certificate: Vec<u8>,
    /// The client's private key.
    pub key: Vec<u8>,
}

impl Default for Options {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(2), api_key: Secret::default(), tls: Tls::default() }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = |part: &[u8]| !part.is_empty();
        write!(f, "Tls(ca: {}, certificate: {})", set(&self.ca), set(&self.certificate))
    }
}

/// An address, key or certificate cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAddress(String);

pub(crate) fn authorization(options: &Options) -> Result<Option<HeaderValue>, InvalidAddress> {
    if options.api_key.is_empty() {
        return Ok(None);
    }
    let mut value = HeaderValue::try_from(format!("Bearer {}", options.api_key.expose()))
        .map_err(|_| InvalidAddress("the api key contains characters that a header cannot carry".to_owned()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

pub(crate) fn connect<A: AsRef<str>>(
    addresses: impl IntoIterator<Item = A>,
    options: &Options,
) -> Result<tonic::transport::Channel, InvalidAddress> {
    let mut endpoints = addresses
        .into_iter()
        .map(|address| endpoint(address.as_ref(), options))
        .collect::<Result<Vec<Endpoint>, InvalidAddress>>()?;
    match endpoints.len() {
        0 => Err(InvalidAddress("no address is given".to_owned())),
        1 => Ok(endpoints.remove(0).connect_lazy()),
        _ => Ok(tonic::transport::Channel::balance_list(endpoints.into_iter())),
    }
}

fn endpoint(address: &str, options: &Options) -> Result<Endpoint, InvalidAddress> {
    let invalid =
        || InvalidAddress(format!("'{address}' is not an address: use http://host:port or https://host:port"));
    let uri: Uri = address.trim().parse().map_err(|_| invalid())?;
    let secure = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(invalid()),
    };
    if uri.authority().is_none() || !matches!(uri.path(), "" | "/") {
        return Err(invalid());
    }
    let endpoint = Endpoint::from(uri)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true);
    if !secure {
        return Ok(endpoint);
    }
    let tls = &options.tls;
    if tls.ca.is_empty() {
        return Err(InvalidAddress(format!("'{address}' needs the CA that signs the server's certificate")));
    }
    let mut config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&tls.ca));
    if !tls.certificate.is_empty() {
        config = config.identity(Identity::from_pem(&tls.certificate, &tls.key));
    }
    endpoint.tls_config(config).map_err(|error| InvalidAddress(format!("certificates are unusable: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_no_address_is_refused_before_any_call() {
        let options = Options::default();
        for bad in ["", "decision:50051", "ftp://decision", "http://", "http://host/path", "https://host:1"] {
            assert!(connect([bad], &options).is_err(), "{bad}");
        }
        assert!(connect(Vec::<&str>::new(), &options).is_err());
        assert!(connect(["http://a:1", "http://b:2"], &options).is_ok());
        let key = Options { api_key: Secret::new("hunter2\nhunter2".to_owned()), ..Options::default() };
        assert!(authorization(&key).is_err() && !format!("{key:?}").contains("hunter2"));
    }
}
