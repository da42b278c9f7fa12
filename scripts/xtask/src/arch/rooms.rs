//! Every service has the same rooms: who learned one knows six.

use std::fs;
use std::path::Path;

const FILES: [&str; 11] = [
    "README.md",
    "config.default.toml",
    "Cargo.toml",
    "src/lib.rs",
    "src/config.rs",
    "src/service.rs",
    "src/error.rs",
    "src/metrics.rs",
    "src/store/mod.rs",
    "src/store/postgres",
    "src/store/embedded",
];
const FOLDERS: [&str; 4] = ["migrations", "src/grpc", "src/domain", "src/store"];
const KNOWN: [&str; 9] = ["lib", "config", "service", "grpc", "domain", "store", "clients", "error", "metrics"];
/// The rooms only some services need, with the services that have them.
const EXTRA: [(&str, &[&str]); 2] = [
    // The edge speaks HTTP besides gRPC and carries messages to providers.
    ("http", &["channel-gateway"]),
    ("conductor", &["channel-gateway"]),
];
const PROVIDERS: (&str, &[&str]) = ("providers", &["channel-gateway"]);

pub(super) fn check(root: &Path) -> Vec<String> {
    let mut findings = Vec::new();
    for service in super::SERVICES {
        let folder = root.join("services").join(service);
        for file in FILES {
            // A room is a file or, once it has grown, a folder of the same name.
            let exists =
                [folder.join(file), folder.join(format!("{file}.rs")), folder.join(file.trim_end_matches(".rs"))]
                    .iter()
                    .any(|path| path.exists());
            if !exists {
                findings.push(format!("services/{service} lacks {file}"));
            }
        }
        for room in FOLDERS {
            if !folder.join(room).is_dir() {
                findings.push(format!("services/{service} lacks {room}/"));
            }
        }
        let first = fs::read_dir(folder.join("migrations")).into_iter().flatten().flatten();
        if !first.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("0001_")) {
            findings.push(format!("services/{service}/migrations lacks 0001_*.sql"));
        }
        for entry in fs::read_dir(folder.join("src")).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().trim_end_matches(".rs").to_owned();
            let extra = EXTRA.iter().chain([&PROVIDERS]).any(|(room, who)| *room == name && who.contains(&service));
            if !KNOWN.contains(&name.as_str()) && !extra {
                findings.push(format!("services/{service}/src/{name} is not a room"));
            }
        }
        let calls = !super::calls::callees(service).is_empty();
        let has_clients = folder.join("src/clients.rs").exists() || folder.join("src/clients").exists();
        if calls != has_clients {
            let word = if calls { "lacks" } else { "must not have" };
            findings.push(format!("services/{service} {word} src/clients.rs"));
        }
    }
    findings
}
