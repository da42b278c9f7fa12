//! A session as it went: pages, fields, errors and the pauses between.

use std::collections::BTreeSet;
use std::time::Duration;

use attune_kernel::Timestamp;
use serde_json::{Map, Value};

/// Properties that say a page, the first that is there counts.
const PAGES: [&str; 6] = ["page", "url", "path", "screen", "page_url", "screen_name"];
/// Properties that say a field.
const FIELDS: [&str; 3] = ["field", "field_name", "input"];
/// Properties that say an error.
const ERRORS: [&str; 4] = ["error", "error_message", "error_code", "exception"];

/// What one event says of its step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// How long nothing happened before it.
    pub pause: Duration,
    /// The page it is on: its own, or that of the step before.
    pub page: String,
    /// The field it is about.
    pub field: String,
    /// The error it is about.
    pub error: String,
}

/// A session of which the steps are taken in order.
#[derive(Debug, Clone, Default)]
pub struct Session {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    page: String,
    pages: BTreeSet<String>,
    /// Steps that say a field.
    pub fields: usize,
    /// Steps that say an error.
    pub errors: usize,
    /// The longest pause.
    pub longest: Duration,
}

fn said(properties: &Map<String, Value>, names: &[&str]) -> String {
    let found = names.iter().find_map(|name| properties.get(*name));
    match found {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(true)) => "true".to_owned(),
        _ => String::new(),
    }
}

impl Session {
    /// The next event of the session.
    pub fn step(&mut self, time: Timestamp, properties: &Map<String, Value>) -> Step {
        let pause = self.last.map_or(Duration::ZERO, |last| time.since(last));
        let page = said(properties, &PAGES);
        if !page.is_empty() {
            self.pages.insert(page.clone());
            self.page = page;
        }
        let step =
            Step { pause, page: self.page.clone(), field: said(properties, &FIELDS), error: said(properties, &ERRORS) };
        self.first = self.first.or(Some(time));
        self.last = Some(time);
        self.longest = self.longest.max(pause);
        self.fields += usize::from(!step.field.is_empty());
        self.errors += usize::from(!step.error.is_empty());
        step
    }

    /// How many different pages there were.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// From the first to the last step.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.first.zip(self.last).map_or(Duration::ZERO, |(first, last)| last.since(first))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_session_is_told_in_order() {
        let mut session = Session::default();
        let events = [
            (0, json!({"page": "/loan"})),
            (4, json!({"field": "income"})),
            (40, json!({"field": "income", "error": "not a number"})),
            (41, json!({"url": "/help"})),
            (50, json!({"error": false})),
        ];
        let steps = events.map(|(seconds, properties)| {
            let Value::Object(properties) = properties else { panic!("an object") };
            session.step(Timestamp::from_millis(seconds * 1000), &properties)
        });
        assert_eq!(steps.clone().map(|one| one.pause.as_secs()), [0, 4, 36, 1, 9]);
        assert_eq!(steps.clone().map(|one| one.page), ["/loan", "/loan", "/loan", "/help", "/help"]);
        assert_eq!((steps[2].field.as_str(), steps[2].error.as_str()), ("income", "not a number"));
        assert_eq!((session.pages(), session.fields, session.errors), (2, 2, 1));
        assert_eq!((session.longest.as_secs(), session.length().as_secs()), (36, 50));
    }
}
