//! A rewards log in the published form: reading it, and writing one.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;

use serde_json::{Value, json};

/// What a line of the transcript says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Received,
    Viewed,
    Completed,
}

/// One line about an offer; its place in the log is its place in the list.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) person: String,
    pub(crate) offer: String,
    pub(crate) what: What,
    pub(crate) hours: i64,
}

/// What the definition of the figures needs of a log.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Duration of each offer in hours.
    pub(crate) durations: BTreeMap<String, f64>,
    pub(crate) lines: Vec<Line>,
}

/// The lines of a file, plain or gzip.
pub(crate) fn lines(dir: &Path, name: &str) -> impl Iterator<Item = Value> {
    let plain = dir.join(name);
    let file: Box<dyn Read> = if plain.is_file() {
        Box::new(std::fs::File::open(plain).unwrap())
    } else {
        Box::new(flate2::read::MultiGzDecoder::new(std::fs::File::open(dir.join(format!("{name}.gz"))).unwrap()))
    };
    let lines = BufReader::new(file).lines().map(Result::unwrap);
    lines.filter(|line| !line.is_empty()).map(|line| serde_json::from_str(&line).unwrap())
}

/// Reads a log.
pub(crate) fn read(dir: &Path) -> Log {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let days = |offer: &Value| (text(&offer["id"]), offer["duration"].as_f64().unwrap() * 24.0);
    let about_offers = lines(dir, "transcript.json").filter_map(|line| {
        let what = match line["event"].as_str().unwrap() {
            "offer received" => What::Received,
            "offer viewed" => What::Viewed,
            "offer completed" => What::Completed,
            _ => return None,
        };
        let value = &line["value"];
        let offer = value.get("offer id").or_else(|| value.get("offer_id")).unwrap();
        Some(Line { person: text(&line["person"]), offer: text(offer), what, hours: line["time"].as_i64().unwrap() })
    });
    Log { durations: lines(dir, "portfolio.json").map(|offer| days(&offer)).collect(), lines: about_offers.collect() }
}

/// Writes a log with its offers and members, and a transaction between every few lines.
pub(crate) fn write(dir: &Path, log: &Log) {
    let write = |name: &str, lines: &mut dyn Iterator<Item = Value>| {
        let mut file = std::io::BufWriter::new(std::fs::File::create(dir.join(name)).unwrap());
        lines.for_each(|line| writeln!(file, "{line}").unwrap());
        file.flush().unwrap();
    };
    write(
        "portfolio.json",
        &mut log.durations.iter().map(|(id, hours)| {
            json!({"id": id, "reward": 5, "channels": ["web", "email"], "difficulty": 10, "duration": hours / 24.0, "offer_type": "bogo"})
        }),
    );
    let members: std::collections::BTreeSet<&String> = log.lines.iter().map(|line| &line.person).collect();
    write(
        "profile.json",
        &mut members
            .into_iter()
            .map(|id| json!({"id": id, "gender": "F", "age": 40, "became_member_on": 20170101, "income": 50000.0})),
    );
    write(
        "transcript.json",
        &mut log.lines.iter().enumerate().flat_map(|(index, line)| {
            // The publisher spells the key in two ways, and so does this log.
            let (event, value) = match line.what {
                What::Received => ("offer received", json!({"offer id": line.offer})),
                What::Viewed => ("offer viewed", json!({"offer id": line.offer})),
                What::Completed => ("offer completed", json!({"offer_id": line.offer, "reward": 5})),
            };
            let about = |event: &str, value: Value| json!({"person": line.person, "event": event, "value": value, "time": line.hours});
            let paid = (index % 4 == 0).then(|| about("transaction", json!({"amount": 3.5})));
            std::iter::once(about(event, value)).chain(paid)
        }),
    );
}
