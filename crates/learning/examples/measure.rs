//! What models of a file are worth and what they cost: `measure FILE LABEL VALUE [IGNORED,..] [folds|half] [SEED] [OUT]`.
//!
//! `folds` cross-validates in five, `half` learns from a random half and asks the other. OUT gets `row,fold,label,p`: other
//! programs are asked of the same rows.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use std::error::Error;
use std::fs::File;
use std::io::{Read, Write as _};
use std::time::Instant;

use attune_learning::data::Table;
use attune_learning::evaluate::figures;
use attune_learning::folds;
use attune_learning::train::{Options, Subject, cross_validate, predict, train};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |at: usize, other: &str| arguments.get(at).cloned().unwrap_or_else(|| other.to_owned());
    let (file, label, value) = (argument(0, ""), argument(1, ""), argument(2, ""));
    let ignored = argument(3, "");
    let seed: u64 = argument(5, "0").parse()?;
    let mut text = String::new();
    let source = File::open(&file)?;
    if file.ends_with(".gz") {
        flate2::read::MultiGzDecoder::new(source).read_to_string(&mut text)?;
    } else {
        (&source).read_to_string(&mut text)?;
    }
    let first = text.lines().next().unwrap_or_default();
    let separator = if first.contains(',') { b',' } else { b';' };
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).from_reader(text.as_bytes());
    let mut table = Table::new(reader.headers()?.clone().iter());
    for row in reader.records() {
        table.push(row?.iter());
    }
    let wanted = table.take(&label)?;
    for column in ignored.split(',').filter(|column| !column.is_empty()) {
        table.take(column)?;
    }
    let labels: Vec<bool> = (0..table.rows()).map(|row| wanted.text(row) == value).collect();
    let subject = Subject::new(&table, &labels, &label, &value)?;
    let options = Options { seed, ..Options::default() };
    let begun = Instant::now();
    let (dealt, asked): (Vec<u16>, Vec<(u32, f64)>) = if argument(4, "folds") == "half" {
        let (learned, aside) = folds::split(&labels, 0.5, seed);
        let trained = train(&subject, &learned, &options, true)?;
        eprintln!("{:?} {:?}", trained.model.training, trained.model.blend);
        let mut dealt = vec![1; labels.len()];
        aside.iter().for_each(|row| dealt[*row as usize] = 0);
        (dealt, predict(&subject, &trained.model, &aside))
    } else {
        let dealt = folds::deal(&labels, 5, seed);
        let probabilities = cross_validate(&subject, &dealt, 5, &options)?;
        (dealt, (0..).zip(probabilities).collect())
    };
    let spent = begun.elapsed().as_secs_f64();
    if let Some(out) = arguments.get(6) {
        let mut out = File::create(out)?;
        writeln!(out, "row,fold,label,p")?;
        for (row, p) in &asked {
            let at = *row as usize;
            writeln!(out, "{row},{},{},{p}", dealt[at], u8::from(labels[at]))?;
        }
    }
    let (probabilities, of_asked): (Vec<f64>, Vec<bool>) =
        asked.iter().map(|(row, p)| (*p, labels[*row as usize])).unzip();
    let found = figures(&probabilities, &of_asked);
    println!("wall {spent:.2} s; {found:#?}");
    if argument(4, "folds") != "half" {
        let mut mean = 0.0;
        for fold in 0..5 {
            let of_fold = || (0..labels.len()).filter(|row| dealt[*row] == fold);
            let p: Vec<f64> = of_fold().map(|row| probabilities[row]).collect();
            let y: Vec<bool> = of_fold().map(|row| labels[row]).collect();
            mean += figures(&p, &y).auc.map_or(0.0, |auc| auc.value) / 5.0;
        }
        println!("mean area of the folds {mean:.5}");
    }
    Ok(())
}
