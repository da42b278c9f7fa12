//! `attune identity dedupe` as its users have it: files in, files out, exit codes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use attune_integration_tests::binary::{Said, command, run, run_with};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

const GIVEN: [&str; 24] = [
    "Mary", "Emma", "Sarah", "Laura", "Karen", "Helen", "Rachel", "Julia", "Victoria", "Nicole", "Barbara", "Sandra",
    "James", "Robert", "Michael", "William", "Thomas", "Daniel", "Matthew", "Joseph", "Andrew", "Richard", "Charles",
    "Anthony",
];
const HEADS: [&str; 20] = [
    "Ash", "Brad", "Brom", "Chil", "Clay", "Dal", "Dun", "East", "Fair", "Fen", "Grim", "Hart", "Holm", "Kel", "Lang",
    "Mal", "Nor", "Pem", "Rad", "Whit",
];
const TAILS: [&str; 16] = [
    "bury", "by", "combe", "dale", "field", "ford", "ham", "hurst", "land", "ley", "more", "ridge", "shaw", "ton",
    "well", "worth",
];
const TOWNS: [&str; 8] = ["Leeds", "Hull", "Derby", "Exeter", "Bath", "Oxford", "Durham", "Luton"];

/// Persons with one to four records each; slips in names and dates, fields that lack.
fn customers(persons: usize, seed: u64) -> Vec<[String; 7]> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut rows = Vec::new();
    for person in 0..persons {
        let given = GIVEN[random.random_range(0..GIVEN.len())].to_owned();
        let family = HEADS[random.random_range(0..20)].to_owned() + TAILS[random.random_range(0..16)];
        let (year, month, day) =
            (random.random_range(1940..2006), random.random_range(1..13), random.random_range(1..29));
        let phone = format!("07{:09}", random.random_range(0..1_000_000_000u32));
        let town = TOWNS[random.random_range(0..8)].to_owned();
        for _ in 0..random.random_range(1..5) {
            let mut family = family.clone();
            if random.random_bool(0.1) {
                let place = random.random_range(0..family.len());
                family.remove(place);
            }
            let year = if random.random_bool(0.05) { year + 1 } else { year };
            let date = format!("{year}-{month:02}-{day:02}");
            let phone = if random.random_bool(0.2) { "N/A".to_owned() } else { phone.clone() };
            rows.push([String::new(), given.clone(), family, date, phone, town.clone(), format!("p{person}")]);
        }
    }
    // Records of a person do not stand together.
    for place in (1..rows.len()).rev() {
        rows.swap(place, random.random_range(0..=place));
    }
    for (number, row) in rows.iter_mut().enumerate() {
        row[0] = format!("r{number}");
    }
    rows
}

fn csv(rows: &[[String; 7]]) -> String {
    let lines: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
    format!("id,given_name,family_name,date_of_birth,phone,city,person\n{}\n", lines.join("\n"))
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), content).unwrap();
        self.text(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn files(&self) -> BTreeSet<String> {
        let names = std::fs::read_dir(self.0.path()).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

async fn dedupe(arguments: &[&str]) -> Said {
    run(["identity", "dedupe"].iter().chain(arguments)).await
}

fn clusters(text: &str) -> HashMap<String, String> {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("record_id,person_id"));
    let pairs: Vec<(&str, &str)> = lines.map(|line| line.split_once(',').unwrap()).collect();
    let map: HashMap<String, String> =
        pairs.iter().map(|(id, person)| ((*id).to_owned(), (*person).to_owned())).collect();
    assert_eq!(map.len(), pairs.len(), "a record occurs twice");
    map
}

/// Pairwise F1 of clusters against the truth.
fn f1(rows: &[[String; 7]], clusters: &HashMap<String, String>) -> f64 {
    let pairs = |keys: Vec<(&str, &str)>| -> f64 {
        let mut counts: HashMap<(&str, &str), f64> = HashMap::new();
        for key in keys {
            *counts.entry(key).or_default() += 1.0;
        }
        counts.values().map(|count| count * (count - 1.0) / 2.0).sum()
    };
    let cluster = |row: &[String; 7]| clusters[&row[0]].as_str().to_owned();
    let of: Vec<String> = rows.iter().map(cluster).collect();
    let found = pairs(of.iter().map(|cluster| (cluster.as_str(), "")).collect());
    let true_pairs = pairs(rows.iter().map(|row| (row[6].as_str(), "")).collect());
    let both = pairs(rows.iter().zip(&of).map(|(row, cluster)| (row[6].as_str(), cluster.as_str())).collect());
    2.0 * both / (found + true_pairs)
}

#[tokio::test]
async fn persons_are_found_and_everything_is_written() {
    let folder = Folder::new();
    let rows = customers(600, 1);
    let input = folder.write("records.csv", csv(&rows));
    let [output, pairs, report, model] = ["c.csv", "p.csv", "r.json", "m.json"].map(|name| folder.text(name));
    let said = dedupe(&[
        "--input", &input, "--id", "id", "--ignore", "person", "--output", &output, "--pairs", &pairs, "--report",
        &report, "--model", &model, "--format", "json",
    ])
    .await;
    assert_eq!(said.code, 0, "{said:?}");
    let summary = said.json();
    assert_eq!(summary["records"], rows.len());

    let found = clusters(&folder.read("c.csv"));
    assert_eq!(found.keys().collect::<HashSet<_>>(), rows.iter().map(|row| &row[0]).collect());
    let score = f1(&rows, &found);
    assert!(score > 0.95, "{score}");
    assert_eq!(summary["persons"], found.values().collect::<HashSet<_>>().len());

    let pairs = folder.read("p.csv");
    let mut lines = pairs.lines();
    assert_eq!(lines.next(), Some("left_id,right_id,probability,match_weight"));
    let mut count = 0u64;
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        assert!(found.contains_key(fields[0]) && found.contains_key(fields[1]) && fields[0] != fields[1], "{line}");
        let (probability, weight): (f64, f64) = (fields[2].parse().unwrap(), fields[3].parse().unwrap());
        assert!((0.0099..=1.0).contains(&probability), "{line}");
        assert!((probability - 1.0 / (1.0 + (-weight).exp2())).abs() < 1e-3, "{line}");
        count += 1;
    }
    assert_eq!(summary["pairs_kept"], count);

    let report: Value = serde_json::from_str(&folder.read("r.json")).unwrap();
    assert_eq!(report["records"], rows.len());
    assert!(!report["blocks"].as_array().unwrap().is_empty(), "{report}");
    assert!(report["pairs_compared"].as_u64().unwrap() >= count);
    assert!(report["estimation"]["iterations"].as_u64().unwrap() > 0);
    for field in report["fields"].as_array().unwrap() {
        for level in field["levels"].as_array().unwrap() {
            let share = |name: &str| level[name].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&share("m")) && (0.0..=1.0).contains(&share("u")), "{level}");
        }
    }
    assert!(report["peak_memory_bytes"].as_u64().unwrap() > 1 << 20, "{report}");
    assert!(report["cpu_seconds"].as_f64().unwrap() > 0.0);
    let stages: Vec<&str> =
        report["stages"].as_array().unwrap().iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert_eq!((stages.first(), stages.last()), (Some(&"read"), Some(&"write")), "{stages:?}");
    let columns: Vec<&str> =
        report["config"]["columns"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert!(!columns.contains(&"id") && !columns.contains(&"person"), "{columns:?}");
    let model: Value = serde_json::from_str(&folder.read("m.json")).unwrap();
    assert!(model.is_object());
    assert_eq!(folder.files().len(), 5, "{:?}", folder.files());
}

#[tokio::test]
async fn the_inferred_configuration_is_accepted_back_in_both_forms() {
    let folder = Folder::new();
    let rows = customers(300, 2);
    let input = folder.write("records.csv", csv(&rows));
    let [one, two, report] = ["one.csv", "two.csv", "r.json"].map(|name| folder.text(name));
    let common = ["--input", &input, "--id", "id", "--ignore", "person"];
    let said = dedupe(&[&common[..], &["--output", &one, "--report", &report]].concat()).await;
    assert_eq!(said.code, 0, "{said:?}");
    let report: Value = serde_json::from_str(&folder.read("r.json")).unwrap();
    let inferred = serde_json::to_string(&report["config"]).unwrap();
    // JSON is YAML too; only the name tells which reader takes it.
    for name in ["matching.json", "matching.yaml"] {
        let config = folder.write(name, &inferred);
        let said = dedupe(&[&common[..], &["--output", &two, "--config", &config]].concat()).await;
        assert_eq!(said.code, 0, "{name}: {said:?}");
        assert_eq!(folder.read("one.csv"), folder.read("two.csv"), "{name}");
    }
    let yaml = "columns:\n  - {name: given_name, role: given_name}\n  - {name: family_name, role: family_name}\n  \
                - {name: date_of_birth, role: date_of_birth}\n  - {name: phone}\nthreshold: 0.9\n";
    let config = folder.write("hand.yaml", yaml);
    let said = dedupe(&[&common[..], &["--output", &two, "--config", &config]].concat()).await;
    assert_eq!(said.code, 0, "{said:?}");
}

#[tokio::test]
async fn seed_and_input_decide_whatever_the_threads() {
    let folder = Folder::new();
    let rows = customers(500, 3);
    let input = folder.write("records.csv", csv(&rows));
    let mut seen = HashSet::new();
    for threads in ["1", "2", "7"] {
        let [output, pairs] = ["c.csv", "p.csv"].map(|name| folder.text(name));
        let said = dedupe(&[
            "--input",
            &input,
            "--id",
            "id",
            "--ignore",
            "person",
            "--output",
            &output,
            "--pairs",
            &pairs,
            "--threads",
            threads,
            "--seed",
            "9",
        ])
        .await;
        assert_eq!(said.code, 0, "{said:?}");
        seen.insert((folder.read("c.csv"), folder.read("p.csv")));
    }
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn several_inputs_in_any_form_are_one() {
    let folder = Folder::new();
    let rows = customers(300, 4);
    let (first, second) = rows.split_at(rows.len() / 2);
    let whole = folder.write("whole.csv", csv(&rows));
    let one = folder.write("one.csv", format!("\u{feff}{}", csv(first).replace(',', ", ").replace('\n', "\r\n")));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(csv(second).as_bytes()).unwrap();
    let two = folder.write("two.csv.gz", packed.finish().unwrap());
    let [a, b] = ["a.csv", "b.csv.gz"].map(|name| folder.text(name));
    let common = ["--id", "id", "--ignore", "person"];
    let said = dedupe(&[&common[..], &["--input", &whole, "--output", &a]].concat()).await;
    assert_eq!(said.code, 0, "{said:?}");
    let said = dedupe(&[&common[..], &["--input", &one, "--input", &two, "--output", &b]].concat()).await;
    assert_eq!(said.code, 0, "{said:?}");
    let mut unpacked = String::new();
    let file = std::fs::File::open(folder.path("b.csv.gz")).unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(file), &mut unpacked).unwrap();
    assert_eq!(folder.read("a.csv"), unpacked);

    let arguments = ["identity", "dedupe", "--input", "-", "--output", "-", "--id", "id", "--ignore", "person"];
    let piped = run_with(command(arguments), &csv(&rows)).await;
    assert_eq!(piped.code, 0, "{}", piped.err);
    assert_eq!(piped.out, folder.read("a.csv"));
}

#[tokio::test]
async fn a_threshold_of_one_links_less_than_a_low_one() {
    let folder = Folder::new();
    let rows = customers(300, 5);
    let input = folder.write("records.csv", csv(&rows));
    let mut persons = Vec::new();
    for threshold in ["0.2", "0.99999999"] {
        let output = folder.text("c.csv");
        let said = dedupe(&[
            "--input",
            &input,
            "--id",
            "id",
            "--ignore",
            "person",
            "--output",
            &output,
            "--threshold",
            threshold,
        ])
        .await;
        assert_eq!(said.code, 0, "{said:?}");
        persons.push(clusters(&folder.read("c.csv")).values().collect::<HashSet<_>>().len());
    }
    assert!(persons[0] < persons[1], "{persons:?}");
}

/// Runs against bad input and sees that nothing was written.
async fn refused(folder: &Folder, code: i32, arguments: &[&str], words: &[&str]) {
    let before = folder.files();
    let output = folder.text("out.csv");
    let said = dedupe(&[arguments, &["--output", &output]].concat()).await;
    assert_eq!(said.code, code, "{said:?}");
    for word in words {
        assert!(said.err.contains(word), "{word}: {}", said.err);
    }
    assert!(said.out.is_empty(), "{}", said.out);
    assert_eq!(folder.files(), before);
    assert!(!Path::new(&output).exists());
}

#[tokio::test]
async fn bad_input_is_named_by_file_line_and_field() {
    let folder = Folder::new();
    let good = folder.write("good.csv", "id,name,city\nr1,Ann,Bath\nr2,Ben,Hull\n");
    let short = folder.write("short.csv", "id,name,city\nx1,Ann,Bath\nx2,Ben\n");
    refused(&folder, 3, &["--input", &short, "--id", "id"], &["short.csv", "line 3", "city"]).await;
    let nameless = folder.write("nameless.csv", "id,name,city\nx1,Ann,Bath\n,Ben,Hull\n");
    refused(&folder, 3, &["--input", &nameless, "--id", "id"], &["nameless.csv", "line 3", "id", "missing"]).await;
    refused(&folder, 3, &["--input", &good, "--id", "key"], &["good.csv", "line 1", "key"]).await;
    let again = folder.write("again.csv", "id,name,city\nx1,Ann,Bath\nr2,Bob,Hull\n");
    let both = ["--input", &good, "--input", &again, "--id", "id"];
    refused(&folder, 3, &both, &["good.csv: line 3", "again.csv: line 3", "r2"]).await;
    let twice = folder.write("twice.csv", "id,name,name\nx1,Ann,Bath\n");
    refused(&folder, 3, &["--input", &twice, "--id", "id"], &["twice.csv", "line 1", "name"]).await;
    let empty = folder.write("empty.csv", "");
    refused(&folder, 3, &["--input", &empty, "--id", "id"], &["empty.csv", "line 1"]).await;
    let bare = folder.write("bare.csv", "id,name\n");
    refused(&folder, 3, &["--input", &bare, "--id", "id"], &["bare.csv", "no records"]).await;
    let nowhere = folder.text("nowhere.csv");
    refused(&folder, 3, &["--input", &nowhere, "--id", "id"], &["nowhere.csv"]).await;
    let parquet = folder.write("a.parquet", "PAR1");
    refused(&folder, 3, &["--input", &parquet, "--id", "id"], &["a.parquet", "parquet"]).await;
    let mut cut = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    cut.write_all(csv(&customers(50, 6)).as_bytes()).unwrap();
    let mut cut = cut.finish().unwrap();
    cut.truncate(cut.len() / 2);
    let cut = folder.write("cut.csv.gz", cut);
    refused(&folder, 3, &["--input", &cut, "--id", "id"], &["cut.csv.gz", "line"]).await;
}

#[tokio::test]
async fn a_bad_configuration_is_named_by_file_and_field() {
    let folder = Folder::new();
    let input = folder.write("good.csv", csv(&customers(50, 7)));
    let common = ["--input", &input, "--id", "id", "--config"];
    for (name, text, words) in [
        ("a.yaml", "columns:\n  - {name: phone, role: telephone}\n", &["a.yaml", "telephone"][..]),
        ("b.yaml", "colums: []\n", &["b.yaml", "colums"]),
        ("c.yaml", "columns:\n  - {name: nowhere, role: phone}\n", &["c.yaml", "nowhere"]),
        ("d.json", "{\"threshold\": \"high\"}", &["d.json", "high", "line 1"]),
        ("e.yaml", "columns: [\n", &["e.yaml"]),
    ] {
        let config = folder.write(name, text);
        refused(&folder, 3, &[&common[..], &[&config]].concat(), words).await;
    }
    let config = folder.text("nowhere.yaml");
    refused(&folder, 3, &[&common[..], &[&config]].concat(), &["nowhere.yaml"]).await;
}

#[tokio::test]
async fn wrong_usage_is_refused_before_anything_is_read() {
    let folder = Folder::new();
    let input = folder.write("good.csv", csv(&customers(50, 8)));
    let common = ["--input", &input, "--id", "id"];
    for (more, words) in [
        (&["--threshold", "1.5"][..], &["threshold"][..]),
        (&["--threads", "0"], &["threads"]),
        (&["--ignore", "nowhere"], &["nowhere"]),
        (&["--pairs", "nowhere/pairs.csv"], &["nowhere/pairs.csv"]),
        (&["--format", "xml"], &["xml"]),
        (&["--input", &input], &["good.csv", "twice"]),
        (&["--report", &input], &["good.csv", "input"]),
    ] {
        refused(&folder, 2, &[&common[..], more].concat(), words).await;
    }
    assert_eq!(dedupe(&["--input", &input, "--output", "x.csv"]).await.code, 2, "without --id");
    assert_eq!(dedupe(&["--id", "id", "--output", "x.csv"]).await.code, 2, "without --input");
}
