//! `attune journey` as its users have it: files in, figures out, exit codes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

use std::path::PathBuf;

use attune_integration_tests::binary::{Said, command};
use serde_json::json;

/// Three customers: one buys, one leaves a cart behind twice, one only looks. Times in both forms, out of order.
const EVENTS: &str = "who,at,what,amount\n\
    ada,2026-01-01T00:00:00Z,home,\n\
    ada,2026-01-01T00:01:00Z,view,\n\
    ada,2026-01-01T00:02:00Z,cart,20\n\
    ada,2026-01-01T00:04:00+00:00,pay,20\n\
    bob,1767225780000,cart,150\n\
    bob,1767225720000,search,\n\
    bob,1767225600000,home,\n\
    bob,1767225660000,view,\n\
    bob,1767315600000,view,\n\
    bob,1767315660000,cart,5\n\
    \"cy, jr\",1767225600000,home,\n\
    \"cy, jr\",1767225600000,view,\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(events: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        std::fs::write(folder.path("events.csv"), events).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ask(&self, question: &str, arguments: &[&str]) -> Said {
        let mut words = vec!["journey".to_owned(), question.to_owned(), "--events".to_owned()];
        words.push(self.path("events.csv").display().to_string());
        let columns = ["--customer-column", "who", "--time-column", "at", "--event-column", "what"];
        words.extend(columns.iter().chain(arguments).map(|word| (*word).to_owned()));
        Said::from(command(words).output().unwrap())
    }

    fn csv(&self, question: &str, arguments: &[&str]) -> String {
        let said = self.ask(question, arguments);
        assert_eq!(said.code, 0, "{said:?}");
        said.out
    }
}

#[test]
fn sessions_are_cut_by_the_gap() {
    let folder = Folder::new(EVENTS);
    let output = folder.path("sessions.csv");
    let said = folder.ask("sessions", &["--output", output.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{said:?}");
    let expected = "customer,session,start,end,events\n\
        ada,1,2026-01-01T00:00:00Z,2026-01-01T00:04:00Z,4\n\
        bob,1,2026-01-01T00:00:00Z,2026-01-01T00:03:00Z,4\n\
        bob,2,2026-01-02T01:00:00Z,2026-01-02T01:01:00Z,2\n\
        \"cy, jr\",1,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z,2\n";
    assert_eq!(std::fs::read_to_string(output).unwrap(), expected);
    assert_eq!(folder.csv("sessions", &["--gap", "2d", "--output", "-"]).lines().count(), 4);
}

#[test]
fn a_funnel_counts_who_gets_how_far() {
    let folder = Folder::new(EVENTS);
    let steps = ["--steps", "home,view,cart,pay", "--within", "24h"];
    let expected = "step,name,reached,converted_from_previous,median_seconds\n\
        1,home,3,1.0,\n\
        2,view,3,1.0,60.0\n\
        3,cart,2,0.6666666666666666,90.0\n\
        4,pay,1,0.5,120.0\n";
    assert_eq!(folder.csv("funnel", &steps), expected);
    let json = folder.ask("funnel", &[&steps[..], &["--format", "json"]].concat()).json();
    assert_eq!(
        json[3],
        json!({"step": 4, "name": "pay", "reached": 1, "converted_from_previous": 0.5, "median_seconds": 120.0})
    );
    let large = folder.csv("funnel", &["--steps", "view,cart[amount > 100]", "--within", "1h", "--by", "session"]);
    assert_eq!(large.lines().last(), Some("2,cart[amount > 100],1,0.25,120.0"));
    let strict = folder.csv("funnel", &["--steps", "home,view,cart", "--within", "1h", "--strict-order"]);
    assert!(strict.ends_with("3,cart,1,0.3333333333333333,60.0\n"), "{strict}");
    let broken = folder.csv("funnel", &["--steps", "home,cart", "--within", "1h", "--exclude", "search"]);
    assert!(broken.contains("2,cart,1,"), "{broken}");
}

#[test]
fn matches_are_counted_and_written() {
    let folder = Folder::new(EVENTS);
    let pattern = ["--pattern", "view (search)* cart !pay"];
    assert_eq!(folder.csv("match", &pattern), "matched_sequences,matches\n1,2\n");
    let json = folder.ask("match", &[&pattern[..], &["--format", "json"]].concat()).json();
    assert_eq!(json["top_paths"][0], json!({"path": "view>cart", "count": 1}));
    let rows = folder.csv("match", &[&pattern[..], &["--by", "session", "--output", "-"]].concat());
    let expected = "customer,session,start,end,length\n\
        bob,1,2026-01-01T00:01:00Z,2026-01-01T00:03:00Z,3\n\
        bob,2,2026-01-02T01:00:00Z,2026-01-02T01:01:00Z,2\n";
    assert_eq!(rows, expected);
    let captures = ["--capture", "count(search);first(cart.amount);accumulate(view.amount)", "--output", "-"];
    let captured = folder.csv("match", &[&pattern[..], &captures].concat());
    assert!(captured.starts_with("customer,session,start,end,length,count(search),first(cart.amount),"), "{captured}");
    assert!(captured.contains(",3,1,150,\n") && captured.contains(",2,0,5,\n"), "{captured}");
    let all = folder.csv("match", &["--pattern", ".+", "--overlapping", "--within", "1m"]);
    assert_eq!(all, "matched_sequences,matches\n3,12\n");
}

#[test]
fn paths_and_the_graph_count_what_follows_what() {
    let folder = Folder::new(EVENTS);
    assert_eq!(folder.csv("paths", &["--length", "2", "--top", "2"]), "path,count\nhome>view,3\nview>cart,2\n");
    let expected = "from,to,count,median_seconds\n\
        home,view,3,60.0\nview,cart,2,60.0\ncart,pay,1,120.0\nsearch,cart,1,60.0\nview,search,1,60.0\n";
    assert_eq!(folder.csv("graph", &["--by", "session"]), expected);
    assert!(folder.csv("graph", &[]).contains("cart,view,1,89820.0\n"));
}

#[test]
fn the_same_answer_with_any_number_of_threads_and_from_gzip() {
    let mut events = "customer,time,event\n".to_owned();
    let mut state = 1u64;
    for row in 0..200_000u64 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        events.push_str(&format!("c{},{},e{}\n", state >> 52, row * 700, state >> 30 & 7));
    }
    let folder = Folder::new(&events);
    let packed = folder.path("events.csv.gz");
    let file = std::fs::File::create(&packed).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, events.as_bytes()).unwrap();
    encoder.finish().unwrap();
    let ask = |file: &PathBuf, threads: &str, arguments: &[&str]| {
        let mut words = vec!["journey", arguments[0], "--events", file.to_str().unwrap(), "--threads", threads];
        words.extend(&arguments[1..]);
        let said = Said::from(command(words).output().unwrap());
        assert_eq!(said.code, 0, "{said:?}");
        said.out
    };
    for question in [
        &["funnel", "--steps", "e1,e2,e3", "--within", "1h"][..],
        &["match", "--pattern", "e1 (e2 | e3)+ !e4", "--output", "-"],
        &["paths", "--length", "4"],
        &["graph", "--by", "session"],
        &["sessions", "--output", "-"],
    ] {
        let one = ask(&folder.path("events.csv"), "1", question);
        assert!(one.lines().count() > 1);
        assert_eq!(ask(&folder.path("events.csv"), "3", question), one, "{question:?}");
        assert_eq!(ask(&packed, "2", question), one, "{question:?}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let folder = Folder::new(&EVENTS.replace("1767225660000", "soon"));
    let said = folder.ask("graph", &[]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("events.csv: line 9 field at: not a time"), "{}", said.err);
    let said = folder.ask("match", &["--pattern", "view ("]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("--pattern: at character 7"), "{}", said.err);
    let said = Said::from(command(["journey", "graph", "--events", "/nowhere/events.csv"]).output().unwrap());
    assert_eq!(said.code, 3);
    let said = folder.ask("sessions", &["--output", "/nowhere/sessions.csv"]);
    assert_eq!(said.code, 2);
}

#[test]
fn conversions_are_shared_out() {
    let folder = Folder::new(EVENTS);
    let shared = folder.csv("attribute", &["--touch", "home,view", "--goal", "cart", "--model", "last"]);
    assert_eq!(shared, "channel,conversions,value\nhome,0.0,0.0\nview,3.0,3.0\n");
    std::fs::write(
        folder.path("paths.csv"),
        "path,total_conversions,total_conversion_value,total_null\na > b,2,10,1\nb,1,5,3\n",
    )
    .unwrap();
    let paths = folder.path("paths.csv");
    let words = ["journey", "attribute", "--paths", paths.to_str().unwrap(), "--model", "linear"];
    let said = Said::from(command(words).output().unwrap());
    assert_eq!(said.out, "channel,conversions,value\na,1.0,5.0\nb,2.0,10.0\n");
}
