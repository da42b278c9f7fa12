//! Certificates of the listener.

use std::path::Path;

use attune_kernel::{Code, Problem};
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use crate::config::TlsConfig;

/// The listener's TLS, or `None` for plaintext.
pub(super) fn load(config: &TlsConfig) -> Result<Option<ServerTlsConfig>, Problem> {
    if !config.is_on() {
        return Ok(None);
    }
    let identity = Identity::from_pem(
        read("server.tls.cert_file", &config.cert_file)?,
        read("server.tls.key_file", &config.key_file)?,
    );
    let mut tls = ServerTlsConfig::new().identity(identity);
    if config.asks_for_certificates() {
        let ca = read("server.tls.client_ca_file", &config.client_ca_file)?;
        tls = tls.client_ca_root(Certificate::from_pem(ca)).client_auth_optional(false);
    }
    Ok(Some(tls))
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, Problem> {
    std::fs::read(path).map_err(|error| {
        let message = format!("{key} cannot be read: {error}");
        Problem::new(Code::FailedPrecondition, "TLS_UNUSABLE", message).with("file", path.display().to_string())
    })
}
