//! The public rewards log, where this machine has it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{agree, replay, rewards};

/// Where public data lies, when not beside the repository.
const VARIABLE: &str = "ATTUNE_PUBLIC_DATA";
/// Members of the log that an unoptimized build replays: the whole takes it four minutes.
const SAMPLE: usize = 5_000;

#[tokio::test]
async fn the_public_log_gives_the_figures_of_the_definition() {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let dir = std::env::var_os(VARIABLE).map_or_else(beside, PathBuf::from).join("starbucks");
    if !dir.is_dir() {
        println!("skipped: the public rewards log is not here; {VARIABLE} names the folder of public data");
        return;
    }
    let sample = tempfile::tempdir().unwrap();
    let dir = if cfg!(debug_assertions) {
        take(&dir, sample.path());
        sample.path()
    } else {
        dir.as_path()
    };
    let log = rewards::read(dir);
    assert!(log.lines.len() > SAMPLE, "{} lines", log.lines.len());
    agree(&replay(dir).await, &log);
}

/// Copies the first [`SAMPLE`] members with every line about them.
fn take(from: &Path, to: &Path) {
    let members: Vec<Value> = rewards::lines(from, "profile.json").take(SAMPLE).collect();
    let known: BTreeSet<&str> = members.iter().map(|member| member["id"].as_str().unwrap()).collect();
    let write = |name: &str, lines: &mut dyn Iterator<Item = Value>| {
        let mut file = std::io::BufWriter::new(std::fs::File::create(to.join(name)).unwrap());
        lines.for_each(|line| writeln!(file, "{line}").unwrap());
        file.flush().unwrap();
    };
    write("portfolio.json", &mut rewards::lines(from, "portfolio.json"));
    write(
        "transcript.json",
        &mut rewards::lines(from, "transcript.json").filter(|line| known.contains(line["person"].as_str().unwrap())),
    );
    write("profile.json", &mut members.iter().cloned());
}
