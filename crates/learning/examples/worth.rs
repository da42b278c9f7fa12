//! What customers of a file of purchases will be worth: `worth FILE CUSTOMER DATE VALUE CALIBRATION_END`, as JSON.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::Read as _;

use attune_learning::data::calendar;
use attune_learning::ltv::summary::{Purchase, summarise};
use attune_learning::ltv::{Purchases, Spend, Summary, holdout};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, customer, date, value, end] = arguments.as_slice() else {
        return Err("worth FILE CUSTOMER DATE VALUE CALIBRATION_END".into());
    };
    let mut text = String::new();
    let mut source = File::open(file)?;
    if file.ends_with(".gz") {
        flate2::read::MultiGzDecoder::new(source).read_to_string(&mut text)?;
    } else {
        source.read_to_string(&mut text)?;
    }
    let split = |line: &str| -> Vec<String> {
        let by_blanks = !text.lines().next().unwrap_or_default().contains([',', ';']);
        if by_blanks {
            line.split_whitespace().map(str::to_owned).collect()
        } else {
            line.split([',', ';']).map(|field| field.trim_matches('"').to_owned()).collect()
        }
    };
    let header = split(text.lines().next().unwrap_or_default());
    let place =
        |name: &str| header.iter().position(|one| one == name).ok_or_else(|| format!("there is no field {name}"));
    let places = [place(customer)?, place(date)?, place(value)?];
    let mut codes: HashMap<String, u32> = HashMap::new();
    let mut purchases = Vec::new();
    for (at, line) in text.lines().enumerate().skip(1) {
        let row = split(line);
        let wrong = || format!("line {}: not a purchase", at + 1);
        let [Some(who), Some(when), Some(worth)] = places.map(|place| row.get(place)) else {
            return Err(wrong().into());
        };
        let next = codes.len() as u32;
        let customer = *codes.entry(who.clone()).or_insert(next);
        let day = calendar::parse(when).ok_or_else(wrong)? as i64;
        purchases.push(Purchase { customer, day, value: worth.parse()? });
    }
    let end = calendar::parse(end).ok_or("the end is not a date")? as i64;
    let last = purchases.iter().map(|purchase| purchase.day).max().unwrap_or(end);
    let observed = summarise(&purchases, end, last, 7.0)?;
    let customers: Vec<Summary> = observed.iter().map(|one| one.summary).collect();
    let fitted = Purchases::fit(&customers)?;
    let spend = Spend::fit(&customers)?;
    let held = holdout::compare(&fitted.model, Some(&spend.model), &observed, (last - end) as f64 / 7.0)?;
    let report =
        serde_json::json!({ "customers": customers.len(), "purchases": fitted, "spend": spend, "holdout": held });
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}
