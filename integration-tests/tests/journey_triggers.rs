//! What `attune journey triggers` fires over a file of events, what it must not, and what a back-test counts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

use std::path::PathBuf;

use attune_integration_tests::binary::{Said, command};

const RULES: &str = "
zone: UTC
lists: {staff: [eve]}
rules:
- id: basket-left
  kind: opportunity
  events: cart
  where: '!(customer in lists.staff)'
  wait: {for: 30m, unless: purchase}
  cool_down: 1d
- id: spent
  kind: care
  events: purchase
  let: {sum: {operation: sum, events: purchase, property: amount, window: 1h}}
  when: sum >= 100.0
- id: never
  events: unheard_of
";

/// Ada leaves a basket, twice within a day; Bob buys in time, for much; Eve is staff; Zoe's basket is open at the end.
const EVENTS: &str = "customer,time,event,amount
ada,2026-01-01T10:00:00Z,cart,
ada,2026-01-01T12:00:00Z,cart,
ada,2026-01-03T10:00:00Z,view,
bob,2026-01-01T10:00:00Z,cart,
bob,2026-01-01T10:30:00Z,purchase,60
bob,2026-01-01T11:10:00Z,purchase,40
bob,2026-01-01T11:45:00Z,purchase,40
eve,2026-01-01T10:00:00Z,cart,
zoe,2026-01-03T09:40:00Z,cart,
";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, content) in files {
            std::fs::write(folder.path(name), content).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn triggers(&self, rules: &str, more: &[&str]) -> Said {
        let rules = if rules.contains(':') { PathBuf::from(rules) } else { self.path(rules) };
        let (events, output) = (self.path("events.csv"), self.path("fired.csv"));
        let words = ["journey", "triggers", "--events", events.to_str().unwrap(), "--rules", rules.to_str().unwrap()];
        let output = ["--output", output.to_str().unwrap()];
        Said::from(command(words.iter().chain(&output).chain(more)).output().unwrap())
    }

    fn fired(&self) -> String {
        std::fs::read_to_string(self.path("fired.csv")).unwrap()
    }
}

#[test]
fn rules_fire_when_they_must_and_only_then() {
    let folder = Folder::new(&[("events.csv", EVENTS), ("rules.yaml", RULES)]);
    let said = folder.triggers("rules.yaml", &[]);
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{said:?}");
    let expected = "rule,customer,time,evidence
basket-left,ada,2026-01-01T10:30:00Z,cart@2026-01-01T10:00:00Z
spent,bob,2026-01-01T11:10:00Z,purchase@2026-01-01T11:10:00Z sum=100
";
    assert_eq!(folder.fired(), expected);
    // The last basket is left only when the clock goes on beyond the last event.
    let said = folder.triggers("rules.yaml", &["--until", "2026-01-03T10:10:00Z"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(folder.fired(), expected, "an event at the deadline would still count");
    let said = folder.triggers("rules.yaml", &["--until", "2026-01-03T10:10:01Z"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(folder.fired(), format!("{expected}basket-left,zoe,2026-01-03T10:10:00Z,cart@2026-01-03T09:40:00Z\n"));
}

#[test]
fn a_back_test_tells_how_many_for_whom_and_the_load() {
    let folder = Folder::new(&[("events.csv", EVENTS), ("rules.yaml", RULES)]);
    let said = folder.triggers("rules.yaml", &["--backtest", "--until", "2026-01-04T00:00:00Z", "--format", "json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let told: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["customers"], 3);
    let rules: Vec<(&str, i64, i64)> = told["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| {
            (rule["rule"].as_str().unwrap(), rule["firings"].as_i64().unwrap(), rule["customers"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(rules, [("basket-left", 2, 2), ("spent", 1, 1), ("never", 0, 0)]);
    assert_eq!(told["rules"][0]["first"], "2026-01-01T10:30:00Z");
    let days: Vec<(&str, i64)> = told["days"]
        .as_array()
        .unwrap()
        .iter()
        .map(|day| (day["day"].as_str().unwrap(), day["firings"].as_i64().unwrap()))
        .collect();
    assert_eq!(days, [("2026-01-01", 2), ("2026-01-03", 1)]);
    assert_eq!(told["load"], serde_json::json!([{"firings_per_customer": 1, "customers": 3}]));
}

#[test]
fn the_library_runs_over_a_file() {
    let folder = Folder::new(&[("events.csv", EVENTS)]);
    for library in ["library:shop", "library:bank"] {
        let said = folder.triggers(library, &["--backtest", "--format", "json"]);
        assert_eq!(said.code, 0, "{said:?}");
        let told: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert!(told["rules"].as_array().unwrap().len() >= 30, "{library}");
        assert!(folder.fired().starts_with("rule,customer,time,evidence\n"));
    }
}

#[test]
fn bad_rules_are_told_all_at_once_by_line_and_nothing_is_written() {
    let wrong = "rules:\n- id: one\n  events: cart\n  wait: {for: soon}\n- id: one\n  when: nothing > 1.0\n";
    let folder = Folder::new(&[("events.csv", EVENTS), ("wrong.yaml", wrong), ("field.yaml", "rules:\n- ids: x\n")]);
    let said = folder.triggers("wrong.yaml", &[]);
    assert_eq!(said.code, 3, "{said:?}");
    for part in ["line 4: rules[0].wait.for", "line 5: rules[1].id: must be unique", "line 6: rules[1].when"] {
        assert!(said.err.contains(part), "{part}\n{}", said.err);
    }
    let said = folder.triggers("field.yaml", &[]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("line 2") && said.err.contains("ids"), "{}", said.err);
    assert!(!folder.path("fired.csv").exists());
}
