//! Every RPC of the contracts by its path, known before the first call.
//!
//! Telemetry names a call by this table, never by what the caller sent, so that a caller cannot invent metric series;
//! auth derives the scope that a call needs from it.

use std::collections::HashMap;
use std::sync::LazyLock;

/// One RPC.
#[derive(Debug, PartialEq, Eq)]
pub struct Method {
    /// `attune.decision.v1.DecisionService/Decide`, as `rpc.method` wants it.
    pub full_name: &'static str,
    /// `attune.decision.v1.DecisionService`.
    pub service: &'static str,
    /// The scope a caller needs, such as `decision.read`; `None` when none is needed.
    pub scope: Option<&'static str>,
}

/// What a path that names no method of ours is called.
pub static OTHER: Method = Method { full_name: "_OTHER", service: "_OTHER", scope: Some("*") };

static TABLE: LazyLock<HashMap<&'static str, Method>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    for service in attune_proto::descriptor_pool().services() {
        for method in service.methods() {
            add(&mut table, service.full_name(), method.name(), Some(scope_of(service.full_name(), method.name())));
        }
    }
    for method in ["Check", "Watch", "List"] {
        add(&mut table, "grpc.health.v1.Health", method, None);
    }
    // Reflection tells what exists to whom may read anything at all.
    add(&mut table, "grpc.reflection.v1.ServerReflection", "ServerReflectionInfo", Some(REFLECTION));
    table
});

/// The scope of reflection: any scope of a key contains it.
pub(crate) const REFLECTION: &str = "reflection.read";

// Names are leaked once each: the table lives as long as the process.
fn add(table: &mut HashMap<&'static str, Method>, service: &str, method: &str, scope: Option<&'static str>) {
    let path: &'static str = Box::leak(format!("/{service}/{method}").into_boxed_str());
    let full_name = &path[1..];
    table.insert(path, Method { full_name, service: &full_name[..service.len()], scope });
}

/// The method a request path names, or [`OTHER`].
#[must_use]
pub fn by_path(path: &str) -> &'static Method {
    TABLE.get(path).unwrap_or(&OTHER)
}

/// Every method with its path, in no order.
pub fn all() -> impl Iterator<Item = (&'static str, &'static Method)> {
    TABLE.iter().map(|(path, method)| (*path, method))
}

/// The scope that `method` of `service` needs: the second part of the package (`decision` of `attune.decision.v1`)
/// and whether the method only reads.
fn scope_of(service: &str, method: &str) -> &'static str {
    // What only looks. A verb that is not listed changes something: a new method is closed until it is known.
    const READS: [&str; 15] = [
        "Get",
        "List",
        "Explain",
        "BatchGet",
        "Stream",
        "Run",
        "Match",
        "Read",
        "Export",
        "Report",
        "Simulate",
        "Preview",
        "Compare",
        "Find",
        "MayContact",
    ];
    let area = service.split('.').nth(1).unwrap_or("other");
    let reads = READS.iter().any(|verb| method.strip_prefix(verb).is_some_and(starts_a_word));
    Box::leak(format!("{area}.{}", if reads { "read" } else { "write" }).into_boxed_str())
}

fn starts_a_word(rest: &str) -> bool {
    rest.chars().next().is_none_or(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_follow_the_verb() {
        let scope = |path| by_path(path).scope;
        assert_eq!(scope("/attune.decision.v1.DecisionService/Decide"), Some("decision.write"));
        assert_eq!(scope("/attune.decision.v1.DecisionService/GetOffer"), Some("decision.read"));
        assert_eq!(scope("/attune.journey.v1.JourneyService/StreamTriggers"), Some("journey.read"));
        assert_eq!(scope("/attune.profile.v1.ProfileService/ErasePerson"), Some("profile.write"));
        assert_eq!(scope("/attune.profile.v1.AudienceService/PreviewSegment"), Some("profile.read"));
        assert_eq!(scope("/attune.profile.v1.AudienceService/SplitPersons"), Some("profile.write"));
        assert_eq!(scope("/grpc.health.v1.Health/Check"), None);
        assert_eq!(by_path("/attune.decision.v1.DecisionService/Nonsense"), &OTHER);
    }

    #[test]
    fn names_are_fully_qualified() {
        let method = by_path("/attune.decision.v1.DecisionService/Decide");
        assert_eq!(method.full_name, "attune.decision.v1.DecisionService/Decide");
        assert_eq!(method.service, "attune.decision.v1.DecisionService");
    }
}
