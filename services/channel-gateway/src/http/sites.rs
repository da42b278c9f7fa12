//! The web tag, the settings of sites, and what a browser may say.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::LazyLock;

use attune_kernel::{Code, Problem, Violation};
use attune_proto::channel::v1::CollectEvent;
use axum::body::Bytes;
use axum::http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Json, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::config::Site;

/// The tag.
const TAG: &str = include_str!("../../web/a.js");
/// The namespace of the tag's own cookie.
const COOKIE: &str = "cookie";
/// What a page may say of an offer it shows. The rest of what starts with `attune.` is said by systems.
const ANSWERS: [&str; 3] = ["attune.impression", "attune.click", "attune.dismiss"];

/// The tag as it is sent, with its name.
struct Tag {
    plain: Bytes,
    packed: Option<Bytes>,
    etag: String,
}

static SENT: LazyLock<Tag> = LazyLock::new(|| {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    let packed = packer.write_all(TAG.as_bytes()).and_then(|()| packer.finish()).ok().map(Bytes::from);
    let hash = Sha256::digest(TAG.as_bytes()).iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    Tag { plain: Bytes::from_static(TAG.as_bytes()), packed, etag: format!("\"{hash:016x}\"") }
});

/// Answers with the tag.
pub(super) fn tag(headers: &HeaderMap) -> Response {
    let sent = &*SENT;
    let said = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let common = [
        (CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=3600"),
        (ETAG, sent.etag.as_str()),
        (VARY, "accept-encoding"),
    ];
    if said(IF_NONE_MATCH).split(',').any(|one| one.trim() == sent.etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let takes = said(ACCEPT_ENCODING).split(',').any(|one| one.trim().split(';').next() == Some("gzip"));
    match &sent.packed {
        Some(packed) if takes => (common, [(CONTENT_ENCODING, "gzip")], packed.clone()).into_response(),
        _ => (common, sent.plain.clone()).into_response(),
    }
}

/// Sites by id.
#[derive(Debug)]
pub(super) struct Sites(pub(super) BTreeMap<String, Site>);

impl Sites {
    /// The site that a request names by `site`, none where it names none.
    ///
    /// # Errors
    /// `NOT_FOUND` for a site that is not configured; `PERMISSION_DENIED` `ORIGIN_NOT_ALLOWED` from another origin than its own.
    pub(super) fn of<'s>(&'s self, uri: &'s Uri, headers: &HeaderMap) -> Result<Option<(&'s str, &'s Site)>, Problem> {
        let pairs = uri.query().into_iter().flat_map(|query| query.split('&'));
        let Some(id) = pairs.filter_map(|pair| pair.strip_prefix("site=")).next() else { return Ok(None) };
        let site = self.0.get(id).ok_or_else(|| Problem::not_found("site", id))?;
        let origin = headers.get(ORIGIN).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !site.origins.iter().any(|known| known == origin) {
            let text = "the site has no pages at this origin";
            return Err(Problem::new(Code::PermissionDenied, "ORIGIN_NOT_ALLOWED", text).with("site", id));
        }
        Ok(Some((id, site)))
    }

    /// What the tag is to know of a site; nothing in it is secret.
    pub(super) fn settings(&self, id: &str) -> Response {
        let Some(site) = self.0.get(id) else {
            let problem = Problem::not_found("site", id);
            let text = json!({ "reason": problem.reason, "message": problem.message });
            return (StatusCode::NOT_FOUND, [(ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(text)).into_response();
        };
        let settings = json!({
            "level": site.level,
            "rules": site.rules,
            "consent": site.consent,
            "query": site.query,
            "values": site.values,
            "session_seconds": site.session.as_secs(),
        });
        let headers = [(CACHE_CONTROL, "public, max-age=60"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
        (headers, Json(settings)).into_response()
    }
}

/// Lets a page of a site read the answer.
pub(super) fn readable(mut response: Response, headers: &HeaderMap) -> Response {
    if let Some(origin) = headers.get(ORIGIN) {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
    }
    response
}

/// What a browser may not say, by field of the event.
pub(super) fn foreign(site: &Site, event: &CollectEvent) -> Vec<Violation> {
    let known = |namespace: &str| namespace == COOKIE || site.namespaces.iter().any(|one| one == namespace);
    let mut broken: Vec<Violation> = event
        .identifiers
        .iter()
        .enumerate()
        .filter(|(_, one)| !known(&one.namespace))
        .map(|(at, _)| {
            Violation::new(format!("identifiers[{at}].namespace"), "is not one that the site's pages may name")
        })
        .collect();
    if event.event.starts_with("attune.") && !ANSWERS.contains(&event.event.as_str()) {
        broken.push(Violation::new("event", "is said by systems and not by pages"));
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_small() {
        let packed = SENT.packed.as_ref().unwrap();
        assert!(packed.len() < 4096, "{} bytes", packed.len());
        assert!(TAG.is_ascii());
    }

    #[test]
    fn the_tag_is_sent_packed_or_not_at_all_when_it_is_known() {
        let headers = |name, value: &str| HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]);
        let plain = tag(&HeaderMap::new());
        assert!(plain.status() == StatusCode::OK && !plain.headers().contains_key(CONTENT_ENCODING));
        let packed = tag(&headers(ACCEPT_ENCODING, "br, gzip;q=0.8"));
        assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip");
        assert_eq!(tag(&headers(IF_NONE_MATCH, &SENT.etag)).status(), StatusCode::NOT_MODIFIED);
    }
}
