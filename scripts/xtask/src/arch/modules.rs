//! Inside a service: `service -> grpc -> domain <- store`, and no module of a crate in a circle with another.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Source;

/// What each room may use.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("domain", &[]),
    ("error", &["domain"]),
    ("metrics", &["domain"]),
    ("config", &["domain"]),
    ("store", &["domain", "error"]),
    ("clients", &["domain", "error", "config"]),
    ("providers", &["domain", "error", "config"]),
    ("conductor", &["domain", "store", "clients", "providers", "error", "metrics", "config"]),
    ("grpc", &["domain", "store", "clients", "error", "metrics", "config", "conductor", "providers"]),
    ("http", &["domain", "store", "error", "metrics", "config", "grpc"]),
    (
        "service",
        &["domain", "store", "clients", "error", "metrics", "config", "grpc", "http", "providers", "conductor"],
    ),
    (
        "lib",
        &[
            "domain",
            "store",
            "clients",
            "error",
            "metrics",
            "config",
            "grpc",
            "http",
            "providers",
            "conductor",
            "service",
        ],
    ),
];

pub(super) fn check(service: &str, sources: &[Source]) -> Vec<String> {
    let prefix = format!("services/{service}/src/");
    let mut findings = Vec::new();
    let mut inner: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources {
        let Some(path) = source.path.strip_prefix(&prefix) else { continue };
        let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
        let room = parts[0];
        let allowed = ALLOWED.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, allowed)| *allowed);
        for (number, line) in source.code.iter().enumerate() {
            for target in crate_paths(line) {
                let used = target[0].as_str();
                let known = ALLOWED.iter().any(|(name, _)| *name == used);
                if known && used != room && !allowed.contains(&used) {
                    findings.push(format!("{}:{}: {room} uses {used}", source.path, number + 1));
                }
                // Circles among the modules of one room.
                if used == room
                    && parts.len() > 1
                    && target.len() > 1
                    && target[1].chars().all(|c| c.is_lowercase() || c == '_')
                {
                    let from = format!("{room}::{}", parts[1]);
                    let to = format!("{room}::{}", target[1]);
                    if from != to && parts[1] != "mod" {
                        inner.entry(from).or_default().insert(to);
                    }
                }
            }
        }
    }
    findings.extend(circle(&inner));
    findings
}

/// Every `crate::a::b` path on a line, as segments.
fn crate_paths(line: &str) -> Vec<Vec<String>> {
    line.match_indices("crate::")
        .map(|(at, found)| {
            line[at + found.len()..]
                .split("::")
                .map(|part| part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>())
                .take_while(|part| !part.is_empty())
                .collect::<Vec<_>>()
        })
        .filter(|parts| !parts.is_empty())
        .collect()
}

fn circle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<String> {
    fn visit(
        graph: &BTreeMap<String, BTreeSet<String>>,
        node: &str,
        path: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<String> {
        if let Some(start) = path.iter().position(|seen| seen == node) {
            path.push(node.to_owned());
            return Some(format!("modules in a circle: {}", path[start..].join(" -> ")));
        }
        if !done.insert(node.to_owned()) {
            return None;
        }
        path.push(node.to_owned());
        for next in graph.get(node).into_iter().flatten() {
            if let Some(found) = visit(graph, next, path, done) {
                return Some(found);
            }
        }
        path.pop();
        None
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|node| visit(graph, node, &mut Vec::new(), &mut done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_named() {
        let graph = BTreeMap::from([
            ("a".to_owned(), BTreeSet::from(["b".to_owned()])),
            ("b".to_owned(), BTreeSet::from(["c".to_owned()])),
            ("c".to_owned(), BTreeSet::from(["a".to_owned()])),
        ]);
        assert_eq!(circle(&graph), Some("modules in a circle: a -> b -> c -> a".to_owned()));
        assert_eq!(circle(&BTreeMap::from([("a".to_owned(), BTreeSet::from(["b".to_owned()]))])), None);
    }

    #[test]
    fn paths_are_split() {
        assert_eq!(
            crate_paths("use crate::domain::model::{A, B};"),
            vec![vec!["domain".to_owned(), "model".to_owned()]]
        );
    }
}
