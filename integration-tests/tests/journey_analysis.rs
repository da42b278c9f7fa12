//! What `attune journey` finds out: failures, struggles, costs, drivers, processes, and whom a figure counts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

use std::path::PathBuf;

use attune_integration_tests::binary::{Said, command};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(name: &str, content: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        std::fs::write(folder.path(name), content).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ask(&self, file: &str, question: &str, arguments: &[&str]) -> Said {
        let mut words = vec!["journey".to_owned(), question.to_owned(), "--events".to_owned()];
        words.push(self.path(file).display().to_string());
        words.extend(arguments.iter().map(|word| (*word).to_owned()));
        Said::from(command(words).output().unwrap())
    }

    fn csv(&self, file: &str, question: &str, arguments: &[&str]) -> String {
        let said = self.ask(file, question, arguments);
        assert_eq!(said.code, 0, "{said:?}");
        said.out
    }
}

/// Forms: on the phone most stop at the income, on the web most get through; errors come before stopping.
fn forms() -> String {
    let mut text = "customer,time,event,field,device,amount\n".to_owned();
    for at in 0..200 {
        let (phone, time) = (at % 2 == 0, 1_767_225_600_000i64 + at * 10_000_000);
        let fails = if phone { at % 10 != 0 } else { at % 10 == 1 };
        let device = if phone { "phone" } else { "web" };
        let mut line = |after: i64, event: &str, field: &str, amount: &str| {
            text.push_str(&format!("c{at:03},{},{event},{field},{device},{amount}\n", time + after * 1000));
        };
        line(0, "start", "", "");
        line(5, "touch", "name", "");
        line(9, "touch", "income", "");
        if fails {
            line(10, "error", "", "");
        } else {
            line(20, "done", "", "100");
        }
    }
    text.push_str("last,1769230000000,start,,web,\n");
    text
}

#[test]
fn forms_that_were_left_tell_where_and_what_goes_with_it() {
    let folder = Folder::new("events.csv", &forms());
    let (list, plot) = (folder.path("list.csv"), folder.path("causes.svg"));
    let asked = ["--start", "start", "--done", "done", "--field", "field", "--property", "device", "--output"];
    let more = [list.to_str().unwrap(), "--plot", plot.to_str().unwrap()];
    let told = folder.csv("events.csv", "failures", &[&asked[..], &more[..]].concat());
    for line in ["outcome,done,100,", "outcome,abandoned,100,", "outcome,open,1,", "last step,error,100,1.0"] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    assert!(
        told.contains("last field,income,100,1.0") && told.contains("goes with,device == 'phone',80,0.8,"),
        "{told}"
    );
    let list = std::fs::read_to_string(list).unwrap();
    assert_eq!(list.lines().count(), 101);
    assert!(list.contains("c002,2026-01-01T05:33:20Z,error,2026-01-01T05:33:30Z,income"), "{list}");
    assert!(std::fs::read_to_string(plot).unwrap().contains("device == 'phone'"));
}

#[test]
fn struggles_costs_and_drivers() {
    let folder = Folder::new("events.csv", &forms());
    let list = folder.path("list.csv");
    let asked = ["--error", "error", "--target", "field", "--least", "3", "--output", list.to_str().unwrap()];
    let told = folder.csv("events.csv", "struggle", &asked);
    assert!(told.contains("error,100,100,") && told.contains("in trouble,,100,"), "{told}");
    assert_eq!(std::fs::read_to_string(list).unwrap().lines().count(), 101);
    let asked = ["--obstacle", "error", "--goal", "done", "--value-column", "amount", "--strata", "device"];
    let told = folder.csv("events.csv", "impact", &asked);
    assert!(
        told.starts_with("hit,spared,unmatched,hit_mean,expected_mean,lost,lost_low,lost_high\n100,101,0,0.0,"),
        "{told}"
    );
    let told = folder.csv("events.csv", "drivers", &["--goal", "done", "--property", "device", "--without", "error"]);
    let phone = told.lines().find(|line| line.starts_with("device == 'phone',")).unwrap();
    let fields: Vec<f64> = phone.split(',').skip(1).map(|field| field.parse().unwrap()).collect();
    assert!(fields[3] < 0.5 && fields[8] < 0.001 && fields[11] < -0.3, "{phone}");
    // The most frequent value is what the others are compared with.
    assert!(told.lines().any(|line| line.starts_with("device == 'web',") && line.ends_with(",,,")), "{told}");
    let said = folder.ask("events.csv", "drivers", &["--goal", "nothing"]);
    assert_eq!(said.code, 3, "{said:?}");
}

const PROCESS: &str = r#"<log>
<trace><string key="concept:name" value="1"/>
<event><string key="concept:name" value="ask"/><date key="time:timestamp" value="2026-01-01T00:00:00+01:00"/></event>
<event><string key="concept:name" value="check"/><date key="time:timestamp" value="2026-01-01T01:00:00+01:00"/></event>
<event><string key="concept:name" value="check"/><date key="time:timestamp" value="2026-01-01T03:00:00+01:00"/></event>
<event><string key="concept:name" value="pay"/><date key="time:timestamp" value="2026-01-01T04:00:00+01:00"/></event>
</trace>
<trace><string key="concept:name" value="2"/>
<event><string key="concept:name" value="ask"/><date key="time:timestamp" value="2026-01-01T00:00:00Z"/></event>
<event><string key="concept:name" value="pay"/><date key="time:timestamp" value="2026-01-01T00:30:00Z"/></event>
</trace>
</log>
"#;

#[test]
fn processes_are_read_aligned_and_measured() {
    let folder = Folder::new("log.xes", PROCESS);
    assert!(folder.csv("log.xes", "graph", &[]).contains("check,check,1,7200.0"));
    assert_eq!(folder.csv("log.xes", "variants", &[]).lines().count(), 3);
    let told = folder.csv("log.xes", "conformance", &["--model", "ask check+ pay"]);
    assert!(told.contains("conforms,,1,1,0.5,0.9") && told.contains("missing,check,1,1,0.5,"), "{told}");
    let told = folder.csv("log.xes", "rework", &[]);
    assert!(told.lines().nth(1).unwrap().starts_with("check,2,1,1,1,1,7200.0,5400.0,"), "{told}");
    assert_eq!(folder.ask("log.xes", "conformance", &["--model", "^ ask"]).code, 2);
    std::fs::write(folder.path("broken.xes"), "<log>\n<trace>").unwrap();
    let said = folder.ask("broken.xes", "graph", &[]);
    assert!(said.code == 3 && said.err.contains("broken.xes: line 2: the document ends inside an element"), "{said:?}");
}

#[test]
fn questions_are_answered_said_as_sql_and_lead_to_their_members() {
    let folder = Folder::new("events.csv", &forms());
    let query = folder.path("query.json");
    std::fs::write(&query, r#"{"kind": "match", "pattern": "touch touch error", "within": "1m"}"#).unwrap();
    let told = folder.csv("events.csv", "query", &["--query", query.to_str().unwrap()]);
    assert_eq!(told, "name,matches,sequences\nmatches,100.0,100.0\n");
    let said = Said::from(command(["journey", "sql", "--query", query.to_str().unwrap()]).output().unwrap());
    assert!(said.code == 0 && said.out.starts_with("SELECT 'matches'"), "{said:?}");
    std::fs::write(&query, r#"{"kind": "match", "pattern": "touch (", "within": "1m"}"#).unwrap();
    let said = folder.ask("events.csv", "query", &["--query", query.to_str().unwrap()]);
    assert!(said.code == 3 && said.err.contains("pattern: at character"), "{said:?}");
    let told = folder.csv("events.csv", "members", &["--path", "touch,error"]);
    assert!(told.contains(",100,100,100"), "{told}");
    let list = folder.path("members.csv");
    let asked = ["--steps", "start,done", "--within", "1h", "--dropped", "1", "--output", list.to_str().unwrap()];
    folder.csv("events.csv", "members", &asked);
    assert_eq!(std::fs::read_to_string(&list).unwrap().lines().count(), 102);
    let told = folder.csv("events.csv", "members", &["--band", "3,touch,error"]);
    let flow = folder.csv("events.csv", "flow", &[]);
    assert!(told.contains(",100,100,100") && flow.contains("3,touch,error,100"), "{told} {flow}");
    assert_eq!(folder.ask("events.csv", "members", &["--path", "a", "--reached", "1"]).code, 2);
}

#[test]
fn pictures_are_drawn_as_svg_and_nothing_else() {
    let folder = Folder::new("events.csv", &forms());
    let svg = folder.path("picture.svg");
    for (question, asked) in [
        ("funnel", &["--steps", "start,touch,done", "--within", "1h"][..]),
        ("graph", &[]),
        ("flow", &[]),
        ("retention", &["--period", "1d"]),
        ("drivers", &["--goal", "done", "--property", "device"]),
    ] {
        folder.csv("events.csv", question, &[asked, &["--plot", svg.to_str().unwrap()]].concat());
        assert!(std::fs::read_to_string(&svg).unwrap().starts_with("<svg"), "{question}");
        std::fs::remove_file(&svg).unwrap();
    }
    let said = folder.ask("events.csv", "graph", &["--plot", "picture.png"]);
    assert!(said.code == 2 && said.err.contains("pictures are svg"), "{said:?}");
}
