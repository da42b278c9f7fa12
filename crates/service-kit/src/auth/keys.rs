//! API keys by their hashes.

use std::sync::Arc;

use attune_kernel::Problem;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::config::AuthConfig;

/// A caller who showed who they are; an extension of every request that passed [`AuthLayer`](super::AuthLayer).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The key's id, or `certificate`.
    pub id: Arc<str>,
    scopes: Arc<[String]>,
}

impl Principal {
    /// Whether the caller may do what needs this scope.
    #[must_use]
    pub fn may(&self, scope: &str) -> bool {
        let any = scope == crate::methods::REFLECTION && !self.scopes.is_empty();
        any || self.scopes.iter().any(|held| held == "*" || held == scope)
    }
}

/// The keys that are known.
#[derive(Clone)]
pub struct Keys {
    known: Arc<[([u8; 32], Principal)]>,
    certificate: Principal,
}

impl Keys {
    /// Reads the configured hashes.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` when a hash is not 64 hexadecimal digits.
    pub fn new(config: &AuthConfig) -> Result<Self, Problem> {
        let mut known = Vec::with_capacity(config.api_keys.len());
        for (index, key) in config.api_keys.iter().enumerate() {
            let hash = unhex(&key.sha256).ok_or_else(|| {
                Problem::invalid_field(format!("auth.api_keys[{index}].sha256"), "must be 64 hexadecimal digits")
            })?;
            known.push((hash, Principal { id: key.id.as_str().into(), scopes: key.scopes.clone().into() }));
        }
        let scopes = config.certificate_scopes.clone().into();
        Ok(Self { known: known.into(), certificate: Principal { id: "certificate".into(), scopes } })
    }

    /// Whose key this is. Every hash is compared, each in constant time, so that the time taken tells nothing.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&Principal> {
        let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let mut found = None;
        for (known, principal) in self.known.iter() {
            if bool::from(known.ct_eq(&hash)) {
                found = Some(principal);
            }
        }
        found
    }

    /// Who a caller with a client certificate is.
    #[must_use]
    pub const fn certificate(&self) -> &Principal {
        &self.certificate
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ApiKey;

    #[test]
    fn a_key_is_known_by_its_hash_and_may_what_its_scopes_say() {
        // SHA-256 of "abc", from FIPS 180-4's examples.
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned();
        let key = ApiKey { id: "web".to_owned(), sha256, scopes: vec!["decision.write".to_owned()] };
        let keys = Keys::new(&AuthConfig { api_keys: vec![key], certificate_scopes: vec![] }).unwrap();
        let web = keys.find("abc").unwrap();
        assert_eq!(&*web.id, "web");
        assert!(web.may("decision.write") && web.may(crate::methods::REFLECTION) && !web.may("decision.read"));
        assert!(keys.find("abd").is_none() && keys.find("").is_none());
        assert!(!keys.certificate().may(crate::methods::REFLECTION));
    }
}
