//! `attune decision` as its users have it: files in, figures out, exit codes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use attune_integration_tests::binary::{Said, command};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }

    fn ask(&self, question: &str, arguments: &[&str]) -> Said {
        let words = [&["decision", question], arguments].concat().into_iter().map(str::to_owned);
        Said::from(command(words).output().unwrap())
    }

    /// The report, without what the clock says.
    fn report(&self, question: &str, arguments: &[&str]) -> Value {
        let path = self.path("report.json").display().to_string();
        let said = self.ask(question, &[arguments, &["--report", &path]].concat());
        assert_eq!(said.code, 0, "{said:?}");
        let mut report: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let fields = report.as_object_mut().unwrap();
        assert!(fields.remove("seconds").unwrap().as_f64().unwrap() >= 0.0);
        assert!(fields.remove("cpu_seconds").unwrap().as_f64().unwrap() >= 0.0);
        report
    }
}

/// Rows whose label is told by a number and a category, some of them missing, and a column that says nothing.
fn labelled(rows: usize, labels: &[&str]) -> String {
    let mut random = StdRng::seed_from_u64(4);
    let mut text = "amount,kind,same,label\n".to_owned();
    for _ in 0..rows {
        let (amount, kind) = (random.random_range(-1.0..1.0_f64), random.random_range(0..2));
        let label = labels[(usize::from(amount > 0.0) + kind) % labels.len()];
        let amount = if random.random_bool(0.02) { "?".to_owned() } else { format!("{amount:.4}") };
        let _ = writeln!(text, "{amount},{},7,{label}", ["red", "\"green, light\""][kind]);
    }
    text
}

#[test]
fn labels_are_learned_from_whether_they_were_right() {
    let folder = Folder::new();
    let text = labelled(1500, &["a", "b", "c"]);
    let input = folder.write("rows.csv", &text);
    let report = folder.report("classify", &["--input", &input, "--label", "label"]);
    let loss = report["progressive_loss"].as_f64().unwrap();
    assert!(loss < 0.5 * report["best_fixed_loss"].as_f64().unwrap() && loss > 0.0, "{report}");
    assert_eq!(report["actions"], serde_json::json!(["a", "b", "c"]));
    assert!(report.get("propensity").is_none());
    // The same at any number of threads, and from a packed file.
    let packed = folder.path("rows.csv.gz");
    let mut writer = flate2::write::GzEncoder::new(std::fs::File::create(&packed).unwrap(), Default::default());
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap();
    for threads in ["1", "2"] {
        let input = packed.display().to_string();
        assert_eq!(report, folder.report("classify", &["--input", &input, "--label", "label", "--threads", threads]));
    }
    // Without what tells them, labels are as good as guessed; and a policy may guess, too.
    let blind = folder.report("classify", &["--input", &input, "--label", "label", "--ignore", "amount,kind"]);
    assert!(blind["progressive_loss"].as_f64().unwrap() > 0.4, "{blind}");
    let policy = folder.write("policy.yaml", "kind: fixed\naction: b\n");
    let fixed = folder.report("classify", &["--input", &input, "--label", "label", "--policy", &policy]);
    assert_eq!(fixed["progressive_loss"], report["best_fixed_loss"]);
    let policy = folder.write("policy.yaml", "kind: uniform\n");
    let uniform = folder.report("classify", &["--input", &input, "--label", "label", "--policy", &policy]);
    assert!((uniform["progressive_loss"].as_f64().unwrap() - 2.0 / 3.0).abs() < 0.06, "{uniform}");
}

#[test]
fn of_two_labels_the_probability_is_told_too() {
    let folder = Folder::new();
    let input = folder.write("rows.csv", &labelled(1200, &["no", "yes"]));
    let report = folder.report("classify", &["--input", &input, "--label", "label"]);
    let quality = &report["propensity"];
    assert!(quality["auc"].as_f64().unwrap() > 0.8, "{report}");
    assert!(quality["log_loss"].as_f64().unwrap() < 0.6, "{report}");
    let said = folder.ask("classify", &["--input", &input, "--label", "label", "--format", "csv"]);
    assert!(said.out.starts_with("figure,value\nrows,1200\n"), "{said:?}");
    let said = folder.ask("classify", &["--input", &input, "--label", "label", "--report", "-"]);
    let same: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(same["propensity"], *quality);
}

#[test]
fn what_is_wrong_is_named() {
    let folder = Folder::new();
    let input = folder.write("rows.csv", "x,label\n1,a\n2,\n");
    let said = folder.ask("classify", &["--input", &input, "--label", "label"]);
    assert!(said.code == 3 && said.err.contains("line 3 field label: the label is missing"), "{said:?}");
    let said = folder.ask("classify", &["--input", &input, "--label", "none"]);
    assert!(said.code == 3 && said.err.contains("there is no field none; there are x, label"), "{said:?}");
    assert_eq!(folder.ask("classify", &["--input", &input]).code, 2);
    let empty = folder.write("empty.csv", "x,label\n");
    assert_eq!(folder.ask("classify", &["--input", &empty, "--label", "label"]).code, 3);
    for (policy, what) in [
        ("kind: fixed\n", "action"),
        ("kind: best\n", "best"),
        ("learner: {optimism: -1}\n", "learner.optimism"),
        ("learner: {floor: 2}\n", "learner.floor"),
        ("learner: {features: 5000}\n", "learner.features"),
        ("learnr: {}\n", "learnr"),
    ] {
        let policy = folder.write("policy.yaml", policy);
        let said = folder.ask("classify", &["--input", &input, "--label", "x", "--policy", &policy]);
        assert!(said.code == 3 && said.err.contains(what) && said.err.contains("policy.yaml"), "{said:?}");
    }
    let config = folder.write("evaluate.yaml", "{action: a, reward: r, propensity: p}\n");
    for (log, what) in [
        ("a,r,p\nx,1,0.5\ny,1,0\n", "line 3 field p: not a probability above 0"),
        ("a,r,p\nx,one,0.5\n", "line 2 field r: not a number"),
        ("a,r\nx,1\n", "there is no field p"),
    ] {
        let log = folder.write("log.csv", log);
        for question in ["evaluate", "simulate"] {
            let said = folder.ask(question, &["--log", &log, "--config", &config]);
            assert!(said.code == 3 && said.err.contains(what) && said.err.contains("log.csv"), "{said:?}");
        }
    }
}

/// A log of three arms of which the context decides which is good; `known` is the share with which the log knew.
fn log(rows: usize, known: f64) -> String {
    let mut random = StdRng::seed_from_u64(9);
    let mut text = ",when,x,arm,reward,p\n".to_owned();
    for row in 0..rows {
        let x = random.random_range(-1.0..1.0_f64);
        let good = usize::from(x > 0.0);
        let arm = if random.random_bool(known) { good } else { random.random_range(0..3) };
        let propensity = (1.0 - known) / 3.0 + if arm == good { known } else { 0.0 };
        let reward = u8::from(random.random_bool(if arm == good { 0.8 } else { 0.2 }));
        let _ = writeln!(text, "{row},{row},{x:.4},arm-{arm},{reward},{propensity}");
    }
    text
}

const CONFIG: &str = "{time: when, action: arm, reward: reward, propensity: p}\n";

fn named<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["estimates"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()
}

#[test]
fn policies_are_valued_by_what_the_log_says() {
    let folder = Folder::new();
    let (log, config) = (folder.write("log.csv", &log(6000, 0.3)), folder.write("evaluate.yaml", CONFIG));
    let arguments = ["--log", &log, "--config", &config];
    let policy = folder.write("uniform.yaml", "kind: uniform\n");
    let report = folder.report("evaluate", &[&arguments[..], &["--policy", &policy]].concat());
    assert_eq!(report["verdict"], "sufficient support");
    // One of three arms is good: 0.8 a third of the time, else 0.2.
    for name in ["ips", "snips", "dm", "dr", "sndr", "switch_dr", "dr_shrunk"] {
        let estimate = named(&report, name);
        let value = |field: &Value| field.as_f64().unwrap();
        assert!((value(&estimate["value"]) - 0.4).abs() < 0.04, "{name} {report}");
        let interval = &estimate["interval"];
        assert!(value(&interval["low"]) < value(&estimate["value"]), "{name}");
        assert!(value(&interval["high"]) > value(&estimate["value"]), "{name}");
    }
    // The log knew 0.3 + 0.7 / 3 of the time.
    let logged = report["logged"]["value"].as_f64().unwrap();
    assert!((logged - (0.2 + 0.6 * (0.3 + 0.7 / 3.0))).abs() < 0.03, "{logged}");
    // A learner finds out.
    let report = folder.report("evaluate", &[&arguments[..], &["--threads", "1"]].concat());
    assert!(named(&report, "snips")["value"].as_f64().unwrap() > 0.72, "{report}");
    assert_eq!(report, folder.report("evaluate", &[&arguments[..], &["--threads", "2"]].concat()));
}

#[test]
fn a_log_that_cannot_say_says_so_instead_of_a_number() {
    let folder = Folder::new();
    let (log, config) = (folder.write("log.csv", &log(60, 0.3)), folder.write("evaluate.yaml", CONFIG));
    let said = folder.ask("evaluate", &["--log", &log, "--config", &config, "--format", "table"]);
    assert!(said.code == 0 && said.out.contains("insufficient support"), "{said:?}");
    let report = folder.report("evaluate", &["--log", &log, "--config", &config]);
    assert!(named(&report, "ips")["value"].is_null(), "{report}");
    assert!(!report["warnings"].as_array().unwrap().is_empty());
    let report = folder.report("simulate", &["--log", &log, "--config", &config]);
    assert_eq!(report["gain_over_best_fixed"]["verdict"], "insufficient support");
}

#[test]
fn a_replay_beats_fixed_arms_where_the_context_decides() {
    let folder = Folder::new();
    let config = folder.write("evaluate.yaml", CONFIG);
    for (known, method) in [(0.0, "rejection sampling"), (0.3, "1 / propensity")] {
        let log = folder.write("log.csv", &log(4000, known));
        let arguments = ["--log", &log, "--config", &config, "--runs", "3", "--seed", "5"];
        let report = folder.report("simulate", &[&arguments[..], &["--threads", "1"]].concat());
        assert!(report["method"].as_str().unwrap().contains(method), "{report}");
        assert_eq!(report["gain_over_best_fixed"]["verdict"], "better", "{report}");
        assert_eq!(report["gain_over_uniform"]["verdict"], "better", "{report}");
        assert!((report["uniform"]["value"].as_f64().unwrap() - 0.4).abs() < 0.05, "{report}");
        assert_eq!(report, folder.report("simulate", &[&arguments[..], &["--threads", "2"]].concat()));
    }
    // Where nothing tells the arms apart, nothing is found.
    let mut random = StdRng::seed_from_u64(1);
    let mut text = "x,arm,reward,p\n".to_owned();
    for _ in 0..3000 {
        let (x, arm): (f64, u8) = (random.random(), random.random_range(0..2));
        let _ = writeln!(text, "{x},{arm},{},0.5", u8::from(random.random_bool(0.3)));
    }
    let log = folder.write("log.csv", &text);
    let config = folder.write("evaluate.yaml", "{action: arm, reward: reward, propensity: p}\n");
    let report = folder.report("simulate", &["--log", &log, "--config", &config]);
    assert_eq!(report["gain_over_best_fixed"]["verdict"], "no gain detectable", "{report}");
}
