//! Histories that belong to a rule, as its file tells them, and what the rule does with them.

use std::collections::BTreeMap;
use std::time::Duration;

use attune_expression::ValueRef;
use attune_kernel::{Timestamp, parse_duration};

use crate::engine::{Engine, Scratch};
use crate::error::RuleError;
use crate::event::{Event, EventRef, Facts, Firing};
use crate::file::RulesFile;
use crate::rule::Limits;
use crate::state::State;

/// Monday 2026-01-05T09:00Z, when histories begin.
pub const BEGINNING: Timestamp = Timestamp::from_millis(1_767_603_600_000);

/// A line of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// When.
    pub time: Timestamp,
    /// The event; `.` for nothing but the time.
    pub event: String,
    /// Its properties, in which `channel` is the channel.
    pub properties: BTreeMap<String, Word>,
}

/// A property of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    /// True or false.
    Flag(bool),
    /// A number.
    Number(f64),
    /// Anything else.
    Text(String),
}

impl Line {
    /// Reads a line such as `3d card_payment amount=120 country=NL`.
    ///
    /// # Errors
    /// A sentence saying what is wrong.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let after = words.next().ok_or("a line begins with a time such as 3d")?;
        let after = if after == "0" { Duration::ZERO } else { parse_duration(after)? };
        let event = words.next().ok_or_else(|| format!("'{line}' names no event"))?;
        let mut properties = BTreeMap::new();
        for word in words {
            let (name, value) = word.split_once('=').ok_or_else(|| format!("'{word}' is not name=value"))?;
            let value = match (value, value.parse::<f64>()) {
                ("true", _) => Word::Flag(true),
                ("false", _) => Word::Flag(false),
                (_, Ok(number)) if number.is_finite() => Word::Number(number),
                _ => Word::Text(value.to_owned()),
            };
            properties.insert(name.to_owned(), value);
        }
        Ok(Self { time: BEGINNING.plus(after), event: event.to_owned(), properties })
    }
}

struct Words<'a> {
    engine: &'a Engine,
    properties: &'a BTreeMap<String, Word>,
}

impl Facts for Words<'_> {
    fn property(&self, slot: usize) -> Option<ValueRef<'_>> {
        Some(match self.properties.get(self.engine.properties().get(slot)?)? {
            Word::Flag(flag) => ValueRef::Bool(*flag),
            Word::Number(number) => ValueRef::Double(*number),
            Word::Text(text) => ValueRef::String(text),
        })
    }
}

/// What the rules of an engine do with a history of one person, in the order given. The ids of events are the numbers of
/// lines.
///
/// # Errors
/// What is wrong with a line.
pub fn run(engine: &Engine, lines: &[String]) -> Result<Vec<Firing>, String> {
    let (mut state, mut scratch, mut fired) = (State::default(), Scratch::default(), Vec::new());
    for (number, line) in (1u64..).zip(lines) {
        let line = Line::parse(line)?;
        if line.event == "." {
            engine.tick(&mut state, "ada", line.time, &mut fired);
            continue;
        }
        let channel = match line.properties.get("channel") {
            Some(Word::Text(channel)) => channel.as_str(),
            _ => "",
        };
        let facts = Words { engine, properties: &line.properties };
        let id = EventRef::Row(number);
        let symbol = engine.symbol(&line.event);
        let event = Event { id, symbol, name: &line.event, time: line.time, channel, facts: &facts };
        engine.observe(&mut state, "ada", &event, &mut scratch, &mut fired);
    }
    Ok(fired)
}

/// Runs the histories of every rule, each rule alone; answers what did not come out as the file says.
///
/// # Errors
/// What is wrong with the file.
pub fn check(file: &RulesFile, limits: Limits) -> Result<Vec<RuleError>, Vec<RuleError>> {
    Engine::new(file, limits)?;
    let mut wrong = Vec::new();
    for (at, rule) in file.rules.iter().enumerate() {
        let Some(cases) = &rule.cases else { continue };
        let alone = RulesFile { rules: vec![rule.clone()], ..file.clone() };
        let engine = Engine::new(&alone, limits)?;
        for (name, lines, fires) in [("fires", &cases.fires, true), ("silent", &cases.silent, false)] {
            let field = format!("rules[{at}].cases.{name}");
            match run(&engine, lines) {
                Err(message) => wrong.push(RuleError::at(field, message)),
                Ok(fired) if fired.is_empty() == fires => {
                    let message = if fires { "the rule did not fire" } else { "the rule fired" };
                    wrong.push(RuleError::at(field, format!("{}: {message}", rule.id)));
                }
                Ok(_) => {}
            }
        }
    }
    Ok(wrong)
}
