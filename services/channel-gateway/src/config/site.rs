//! Web sites that carry the tag.

use std::time::Duration;

use attune_service_kit::config::serde_duration;
use serde::{Deserialize, Serialize};

/// How much is collected; each level holds those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing.
    Off,
    /// Pages: views, leaves, and what the page itself says.
    Pages,
    /// Also clicks, scrolling and script errors.
    Interactions,
    /// Also which fields of forms were touched.
    Forms,
}

/// Whether something is collected before the visitor has said a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Nothing is, nor is anything stored in the browser.
    Required,
    /// It is, unless the browser asks not to.
    Assumed,
}

/// Pages with a level of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageRule {
    /// The path, or with `*` at its end a beginning of it.
    pub path: String,
    /// `http` or `https`; empty for both.
    #[serde(default)]
    pub protocol: String,
    /// How much is collected there.
    pub level: Level,
}

/// A web site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Origins of its pages, such as `https://shop.example`; others are refused.
    pub origins: Vec<String>,
    /// How much is collected where no rule says otherwise.
    #[serde(default = "Site::level")]
    pub level: Level,
    /// Pages with a level of their own; the first that fits decides.
    #[serde(default)]
    pub rules: Vec<PageRule>,
    /// Whether something is collected before a word.
    #[serde(default = "Site::consent")]
    pub consent: Consent,
    /// Parameters of the address that are collected; the others are not.
    #[serde(default = "Site::query")]
    pub query: Vec<String>,
    /// Fields of forms whose values are collected; of the others only that they were touched.
    #[serde(default)]
    pub values: Vec<String>,
    /// Namespaces of identifiers that its pages may name besides the tag's own cookie. A browser can say anything: a namespace
    /// whose values can be guessed lets strangers join persons.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// How long a visit lasts after the last event.
    #[serde(default = "Site::session", with = "serde_duration")]
    pub session: Duration,
}

impl Site {
    fn level() -> Level {
        Level::Forms
    }

    fn consent() -> Consent {
        Consent::Required
    }

    fn query() -> Vec<String> {
        ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"].map(str::to_owned).to_vec()
    }

    fn session() -> Duration {
        Duration::from_secs(1800)
    }

    /// What is wrong, by field.
    pub(super) fn problems(&self) -> Vec<(&'static str, &'static str)> {
        let mut problems = Vec::new();
        let mut rule = |holds: bool, field, text| {
            if !holds {
                problems.push((field, text));
            }
        };
        let origin = |text: &String| {
            let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ']))
        };
        rule(!self.origins.is_empty(), "origins", "must name an origin");
        rule(self.origins.iter().all(origin), "origins", "must be origins, such as https://shop.example");
        let path = |rule: &PageRule| rule.path == "*" || rule.path.starts_with('/');
        rule(self.rules.iter().all(path), "rules", "must have paths that begin with / or are *");
        let protocol = |rule: &PageRule| ["", "http", "https"].contains(&rule.protocol.as_str());
        rule(self.rules.iter().all(protocol), "rules", "must have the protocol http, https or none");
        let session = (60..=86_400).contains(&self.session.as_secs());
        rule(session, "session", "must be 1m to 1d");
        problems
    }
}
