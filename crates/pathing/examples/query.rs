//! Answers questions written as JSON, and says them as SQL: `query EVENTS.csv QUESTIONS.json`.
//!
//! QUESTIONS.json is a list; the output has a line for each: `{"answer": [[name, [figures]]], "sql": "..."}`, or `{"error":
//! "..."}` where there is no SQL or no answer. The SQL is over a table `events` with the columns `customer`, `time` (microseconds),
//! `event`, `row` and the properties.
#![expect(clippy::print_stdout, reason = "answers are what it is for")]

use std::error::Error;
use std::fs::File;

use attune_pathing::load::{Layout, csv};
use attune_pathing::query::Query;
use attune_pathing::query::sql::Source;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, events, questions] = arguments.as_slice() else { return Err("EVENTS.csv QUESTIONS.json".into()) };
    let questions: Vec<Query> = serde_json::from_reader(File::open(questions)?)?;
    let mut properties = Vec::new();
    for question in &questions {
        // What is wrong with a question is said in its place.
        properties.extend(question.properties().unwrap_or_default());
    }
    properties.sort_unstable();
    properties.dedup();
    let log = csv(File::open(events)?, &Layout { properties, ..Layout::default() }, 1)?;
    let [table, customer, micros, event, order] = ["events", "customer", "time", "event", "row"].map(str::to_owned);
    let source = Source { table, customer, micros, event, order };
    for question in &questions {
        let line = match (question.run(&log, 1), question.clickhouse(&source)) {
            (Ok(answer), Ok(sql)) => serde_json::json!({"answer": answer, "sql": sql}),
            (Ok(answer), Err(error)) => serde_json::json!({"answer": answer, "error": error.to_string()}),
            (Err(error), _) => serde_json::json!({"error": error.to_string()}),
        };
        println!("{line}");
    }
    Ok(())
}
