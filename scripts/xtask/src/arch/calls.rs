//! Run-time calls go one way and never in a circle: the clients a service names are exactly those of the call table.

use std::collections::BTreeSet;

use crate::source::Source;

/// The call table of ARCHITECTURE.md: caller and whom it calls.
const TABLE: [(&str, &[&str]); 6] = [
    ("channel-gateway", &["identity-resolution", "profile", "journey-pathing", "decision", "contact-optimization"]),
    ("decision", &["identity-resolution", "profile", "contact-optimization"]),
    ("journey-pathing", &["profile"]),
    ("contact-optimization", &[]),
    ("profile", &[]),
    ("identity-resolution", &[]),
];

/// The client types by service.
const CLIENTS: [(&str, &str); 6] = [
    ("IdentityClient", "identity-resolution"),
    ("ProfileClient", "profile"),
    ("JourneyClient", "journey-pathing"),
    ("DecisionClient", "decision"),
    ("ContactClient", "contact-optimization"),
    ("ChannelClient", "channel-gateway"),
];

/// Whom `service` may call.
pub(crate) fn callees(service: &str) -> &'static [&'static str] {
    TABLE.iter().find(|(caller, _)| *caller == service).map_or(&[], |(_, callees)| *callees)
}

pub(super) fn check(service: &str, sources: &[Source]) -> Vec<String> {
    let expected: BTreeSet<&str> = callees(service).iter().copied().collect();
    let mut found = BTreeSet::new();
    for (client, callee) in CLIENTS {
        let generated = format!("{}Client", client.trim_end_matches("Client").to_owned() + "Service");
        for source in sources {
            if source.code.iter().any(|line| names(line, client) || names(line, &generated)) {
                found.insert(callee);
            }
        }
    }
    let more = found.difference(&expected).map(|callee| format!("calls {callee}, which the call table does not allow"));
    let fewer =
        expected.difference(&found).map(|callee| format!("never calls {callee}, although the call table says so"));
    more.chain(fewer).collect()
}

/// Whether `line` contains `word` as a whole identifier.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !part(before) && !part(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_no_circle() {
        fn reaches(from: &str, to: &str) -> bool {
            callees(from).iter().any(|next| *next == to || reaches(next, to))
        }
        for service in super::super::SERVICES {
            assert!(!reaches(service, service), "{service} calls itself");
        }
    }

    #[test]
    fn words_are_whole() {
        assert!(names("let a: ProfileClient = x;", "ProfileClient"));
        assert!(!names("let a: MyProfileClientPool = x;", "ProfileClient"));
    }
}
