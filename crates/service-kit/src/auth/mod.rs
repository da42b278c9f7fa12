//! Who calls, and what they may do.
//!
//! A caller shows an API key (`authorization: Bearer <key>`, known here only by its SHA-256) or, when the listener asks
//! for one, a client certificate. Each RPC needs one scope, [`Method::scope`](crate::methods::Method::scope). Health
//! needs nothing; reflection needs any scope.

mod keys;
mod layer;

pub use keys::{Keys, Principal};
pub use layer::{AuthLayer, AuthService};

use attune_kernel::{Code, Problem};

use crate::config::{AuthConfig, ServerConfig};

/// The layer that a listener needs, or `None` when it is open: loopback without keys and client certificates.
///
/// # Errors
/// `FAILED_PRECONDITION` when the listener can be reached from elsewhere and nothing says who may call.
pub fn guard(server: &ServerConfig, auth: &AuthConfig) -> Result<Option<AuthLayer>, Problem> {
    if auth.api_keys.is_empty() && !server.tls.asks_for_certificates() {
        if server.listen.ip().is_loopback() {
            return Ok(None);
        }
        let message = "the listener can be reached from other machines and nothing says who may call: set \
                       auth.api_keys or server.tls.client_ca_file, or listen on loopback";
        return Err(Problem::new(Code::FailedPrecondition, "AUTH_NOT_CONFIGURED", message)
            .with("listen", server.listen.to_string()));
    }
    Ok(Some(AuthLayer::new(Keys::new(auth)?)))
}

/// Whether a text has the form of a scope: `*`, or a word, a dot and `read` or `write`.
#[must_use]
pub fn is_scope(text: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    text == "*" || text.split_once('.').is_some_and(|(area, verb)| word(area) && matches!(verb, "read" | "write"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reachable_listener_without_auth_refuses_to_start() {
        let mut server = ServerConfig::default();
        let auth = AuthConfig::default();
        assert!(guard(&server, &auth).unwrap().is_none());
        for open in ["0.0.0.0:50051", "[::]:50051", "10.0.0.1:1"] {
            server.listen = open.parse().unwrap();
            assert_eq!(guard(&server, &auth).unwrap_err().reason, "AUTH_NOT_CONFIGURED", "{open}");
        }
        server.tls.client_ca_file = "ca.pem".into();
        assert!(guard(&server, &auth).unwrap().is_some());
    }

    #[test]
    fn scopes_have_a_form() {
        assert!(["*", "decision.read", "channel.write"].iter().all(|scope| is_scope(scope)));
        assert!(
            ["", "decision", "decision.*", ".read", "Decision.read", "a.b.read"].iter().all(|scope| !is_scope(scope))
        );
    }
}
