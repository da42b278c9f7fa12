//! Layers, types and sources of the configuration.

use attune_kernel::{Secret, Violation};
use attune_service_kit::config::{
    AuthConfig, ClientsConfig, Loader, Section, ServerConfig, StorageConfig, StorageKind, TelemetryConfig,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Probe {
    name: String,
    password: Secret,
    number: i64,
    share: f64,
    on: bool,
    list: Vec<String>,
    labels: std::collections::BTreeMap<String, String>,
}

impl Section for Probe {
    const NAME: &'static str = "probe";
    const DEFAULTS: &'static str = r#"
[probe]
# A text.
name = "default"
# A secret.
password = ""
# A number.
# On two lines.
number = 1
# A share.
share = 0.5
# A switch.
on = false
# Some texts.
list = ["a"]
# Chosen by the operator.
labels = {}
"#;

    fn validate(&self, problems: &mut Vec<Violation>) {
        if self.number < 0 {
            problems.push(Violation::new("number", "must not be negative"));
        }
        if self.share > 1.0 {
            problems.push(Violation::new("share", "must be at most 1"));
        }
    }
}

fn env(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn probe() -> Loader {
    Loader::new().section::<Probe>()
}

#[test]
fn passwords_arrive_as_they_were_written_from_the_environment_and_from_files() {
    for password in ["123456", "012345", "[abc]", "true", "{a=1}", " 1e3 ", "\"quoted\"", "with\nline", "ünï"] {
        let both = env(&[("ATTUNE__PROBE__PASSWORD", password), ("ATTUNE__PROBE__NAME", password)]);
        let from_env: Probe = probe().env(both).load().unwrap().section().unwrap();
        assert_eq!((from_env.password.expose(), from_env.name.as_str()), (password, password));

        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("probe__password"), password).unwrap();
        std::fs::write(dir.path().join("PROBE__NAME"), format!("{password}\n")).unwrap();
        // As Kubernetes mounts a secret.
        std::fs::create_dir(dir.path().join("..2026_01_01")).unwrap();
        std::fs::write(dir.path().join(".hidden"), "x").unwrap();
        let from_file: Probe = probe().secrets_dir(dir.path()).load().unwrap().section().unwrap();
        assert_eq!((from_file.password.expose(), from_file.name.as_str()), (password, password));

        let from_flag: Probe = probe().flag("--name", "probe.name", password).load().unwrap().section().unwrap();
        assert_eq!(from_flag.name, password);
    }
}

#[test]
fn one_trailing_newline_of_a_secret_file_is_not_part_of_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("probe__password"), "line\n\n").unwrap();
    let probe: Probe = probe().secrets_dir(dir.path()).load().unwrap().section().unwrap();
    assert_eq!(probe.password.expose(), "line\n");
}

#[test]
fn other_types_are_read_by_the_type_of_their_default() {
    let variables = env(&[
        ("ATTUNE__PROBE__NUMBER", "42"),
        ("ATTUNE__PROBE__SHARE", "1"),
        ("ATTUNE__PROBE__ON", "true"),
        ("ATTUNE__PROBE__LIST", "x, y"),
        ("ATTUNE__PROBE__LABELS__TEAM", "007"),
    ]);
    let probe: Probe = probe().env(variables).load().unwrap().section().unwrap();
    assert_eq!(
        (probe.number, probe.share, probe.on, probe.list),
        (42, 1.0, true, vec!["x".to_owned(), "y".to_owned()])
    );
    assert_eq!(probe.labels["team"], "007");
}

#[test]
fn service_links_and_other_peoples_variables_do_no_harm() {
    let links = env(&[
        ("ATTUNE_DECISION_PORT", "tcp://10.0.0.1:50051"),
        ("ATTUNE_DECISION_PORT_50051_TCP_ADDR", "10.0.0.1"),
        ("ATTUNE_SERVICE_HOST", "10.0.0.1"),
        ("ATTUNE_PORT", "tcp://10.0.0.1:50051"),
        ("ATTUNE", "x"),
        ("PATH", "/bin"),
    ]);
    let config = probe().section::<ServerConfig>().env(links).load().unwrap();
    assert_eq!(config.section::<ServerConfig>().unwrap().listen.port(), 50051);
}

#[test]
fn stronger_layers_win_and_the_source_of_each_value_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("attune.toml");
    std::fs::write(&file, "[probe]\nname = \"file\"\nnumber = 2\nshare = 0.1\npassword = \"file\"\non = true\n")
        .unwrap();
    let secrets = dir.path().join("secrets");
    std::fs::create_dir(&secrets).unwrap();
    std::fs::write(secrets.join("probe__name"), "secret").unwrap();
    std::fs::write(secrets.join("probe__number"), "3").unwrap();
    std::fs::write(secrets.join("probe__share"), "0.2").unwrap();
    let config = probe()
        .file(&file)
        .secrets_dir(&secrets)
        .env(env(&[("ATTUNE__PROBE__NUMBER", "4"), ("ATTUNE__PROBE__SHARE", "0.3")]))
        .flag("--share", "probe.share", "0.4")
        .load()
        .unwrap();
    let found: Vec<(String, String, String)> =
        config.dump().into_iter().map(|entry| (entry.key, entry.value, entry.source)).collect();
    let file = format!("file {}", file.display());
    let secret = format!("secret file {}", secrets.join("probe__name").display());
    let expected = [
        ("probe.labels", "{}", "compiled default"),
        ("probe.list", "[\"a\"]", "compiled default"),
        ("probe.name", "\"secret\"", secret.as_str()),
        ("probe.number", "4", "environment variable ATTUNE__PROBE__NUMBER"),
        ("probe.on", "true", file.as_str()),
        ("probe.password", "\"[secret]\"", file.as_str()),
        ("probe.share", "0.4", "flag --share"),
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!((found.0.as_str(), found.1.as_str(), found.2.as_str()), expected);
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn everything_that_is_wrong_is_reported_at_once_with_its_source_and_no_value() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("attune.toml");
    std::fs::write(&file, "[probe]\nnmae = \"hunter2\"\nnumber = \"hunter2\"\nshare = 7\n[nowhere]\nx = 1\n").unwrap();
    let errors = probe()
        .section::<StorageConfig>()
        .file(&file)
        .file(dir.path().join("missing.toml"))
        .default_file(dir.path().join("absent.toml"))
        .env(env(&[
            ("ATTUNE__PROBE__ON", "hunter2"),
            ("ATTUNE__PROBE__PASWORD", "hunter2"),
            ("ATTUNE__STORAGE__KIND", "oracle"),
        ]))
        .flag("--number", "probe.number", "-5")
        .load()
        .err()
        .unwrap();
    let text = errors.to_string();
    let file = format!("file {}", file.display());
    for (key, source, message) in [
        ("probe.nmae", file.as_str(), "unknown key"),
        ("probe.number", file.as_str(), "must be a whole number"),
        ("nowhere", file.as_str(), "unknown key"),
        ("", &format!("file {}", dir.path().join("missing.toml").display()), "cannot be read"),
        ("probe.on", "environment variable ATTUNE__PROBE__ON", "must be true or false"),
        ("probe.pasword", "environment variable ATTUNE__PROBE__PASWORD", "unknown key"),
        ("probe.number", "flag --number", "must not be negative"),
        ("probe.share", file.as_str(), "must be at most 1"),
        ("storage.kind", "environment variable ATTUNE__STORAGE__KIND", "must be one of embedded, postgres"),
    ] {
        let found = |problem: &attune_service_kit::config::ConfigProblem| {
            problem.key == key && problem.source == source && problem.message.starts_with(message)
        };
        assert!(errors.0.iter().any(found), "{key} {source} {message}\n{text}");
    }
    assert_eq!(errors.0.len(), 9, "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_file_that_is_no_toml_names_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("attune.toml");
    std::fs::write(&file, "[probe]\nname = \"a\"\nnumber = \n").unwrap();
    let errors = probe().file(&file).load().err().unwrap();
    assert_eq!(errors.0.len(), 1);
    assert!(errors.0[0].message.starts_with("line 3: "), "{errors}");
}

#[test]
fn the_schema_tells_every_key() {
    let keys = probe().schema();
    let number = keys.iter().find(|key| key.path == "probe.number").unwrap();
    assert_eq!((number.kind, number.default.as_str()), ("a whole number", "1"));
    assert_eq!(number.comment, "A number. On two lines.");
    assert_eq!(number.variable, "ATTUNE__PROBE__NUMBER");
    let nested = Loader::new().section::<ServerConfig>().schema();
    assert!(nested.iter().any(|key| key.path == "server.tls.cert_file"));
}

#[test]
fn every_common_section_is_documented_and_its_defaults_are_valid() {
    let loader = Loader::new()
        .section::<ServerConfig>()
        .section::<TelemetryConfig>()
        .section::<StorageConfig>()
        .section::<AuthConfig>()
        .section::<ClientsConfig>();
    let keys = loader.schema();
    assert!(keys.iter().all(|key| !key.comment.is_empty()), "{keys:?}");
    let config = loader.load().unwrap();
    let dumped: Vec<String> = config.dump().into_iter().map(|entry| entry.key).collect();
    assert!(keys.iter().all(|key| dumped.contains(&key.path)), "every key has a field\n{dumped:?}");
    assert_eq!(keys.len(), dumped.len());
    assert_eq!(config.section::<StorageConfig>().unwrap().kind, StorageKind::Embedded);
}

#[test]
fn keys_of_a_list_and_addresses_are_checked() {
    let variables = env(&[
        ("ATTUNE__AUTH__API_KEYS", r#"[{ id = "a", sha256 = "xyz", scopes = ["everything"] }]"#),
        ("ATTUNE__CLIENTS__PROFILE", "http://a:1, profile:50051"),
        ("ATTUNE__SERVER__LISTEN", "localhost"),
        ("ATTUNE__SERVER__DRAIN_TIMEOUT", "20"),
    ]);
    let errors = Loader::new()
        .section::<AuthConfig>()
        .section::<ClientsConfig>()
        .section::<ServerConfig>()
        .env(variables)
        .load()
        .err()
        .unwrap();
    let keys: Vec<&str> = errors.0.iter().map(|problem| problem.key.as_str()).collect();
    assert!(keys.contains(&"auth.api_keys[0].sha256") && keys.contains(&"auth.api_keys[0].scopes"), "{errors}");
    for key in ["clients.profile", "server.listen", "server.drain_timeout"] {
        assert!(keys.contains(&key), "{key}: {errors}");
    }
    assert_eq!(keys.len(), 5, "{errors}");
    assert!(errors.0.iter().all(|problem| problem.source.starts_with("environment variable")), "{errors}");
}
