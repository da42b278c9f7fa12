//! What a rules file says: the schema of YAML and TOML files, one field after the other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A rules file. Unknown fields are refused everywhere.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesFile {
    /// The time zone of days, months, hours of a schedule and dates without a zone; `UTC` by custom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Lists that expressions name `lists.<name>`: `customer in lists.staff`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<String, Vec<String>>,
    /// Tables that expressions look up: `tables.limit[properties.currency]`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, BTreeMap<String, Scalar>>,
    /// The rules. Of equal priority the first one is tried first.
    #[serde(default)]
    pub rules: Vec<RuleText>,
}

/// A value in a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// True or false.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// One name, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a name or a list of names; in YAML y, n, yes, no, on and off need quotes")]
pub enum Names {
    /// `cart`
    One(String),
    /// `[cart, wish]`
    Many(Vec<String>),
}

impl Default for Names {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Names {
    /// The names.
    #[must_use]
    pub fn list(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
    }

    /// Whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list().is_empty()
    }
}

impl From<&str> for Names {
    fn from(name: &str) -> Self {
        Self::One(name.to_owned())
    }
}

/// What a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something can be offered.
    Opportunity,
    /// Something is about to be lost.
    Warning,
    /// Somebody needs attention.
    Care,
}

/// One rule.
///
/// It looks at events of `events` for which `where` holds. Without `wait`, `date` or `sequence` it fires at such an event,
/// when `when` holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleText {
    /// Its id: letters, digits, `.`, `_`, `:`, `-`, unique in the file.
    pub id: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// What it does, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Why somebody wants it, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Which properties it reads and what they mean, for people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// The events it looks at; empty for all. A sequence names its events itself.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub events: Names,
    /// The channels they come from; empty for all.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub channels: Names,
    /// What must hold of the event alone, over `properties`, `event`, `channel`, `time`, `customer`, `lists` and `tables`.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Figures over the person's events, by the name that `when` reads.
    #[serde(default, rename = "let", skip_serializing_if = "BTreeMap::is_empty")]
    pub measures: BTreeMap<String, Measure>,
    /// What must hold at the moment of firing, over everything that `where` may name and the figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Fire some time after the event unless another one comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// Fire on, before or after a date that the event tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// Fire when a pattern completes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<Sequence>,
    /// Whether it fires each time, or only when `when` begins or ceases to hold.
    #[serde(default, skip_serializing_if = "is_default")]
    pub edge: Edge,
    /// After it fired for a person, how long it stays silent for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cool_down: Option<String>,
    /// Fire once for each value of a property.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once_per: Option<OncePer>,
    /// The hours in which it fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Of rules that fire together the greater is first, also for quotas.
    #[serde(default, skip_serializing_if = "is_default")]
    pub priority: i32,
    /// How often the rules of a group fire for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    /// What a firing leads to, by channel, segment and product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// Where a firing leads; a row of the scheme that names one is stronger.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub placement: String,
    /// Histories that make it fire, and such that must not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cases: Option<Cases>,
}

/// A figure over a person's events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// What is computed.
    pub operation: Operation,
    /// The events; empty for all.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub events: Names,
    /// What must hold of each of them.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// The property that is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// In place of `property`: a number computed from the event, `properties.amount * tables.rate[properties.currency]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// How far back: `30m`, `30d`; or since the beginning of the calendar's `day`, `week`, `month`, `quarter`, `year`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// How long ago the window ends: `30d`; a number of days, weeks, ... for a window of the calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ago: Option<String>,
    /// The length of the buckets that the window is made of, `0s` for none. By custom none for windows (with `ago` and
    /// periods) up to a day, `1h` up to seven days, else `1d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// How many windows are compared, for `rise` and `fall`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub periods: Option<u32>,
    /// Leave out the event that is looked at.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prior: bool,
}

/// What is computed over the events of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// How many.
    Count,
    /// The sum.
    Sum,
    /// The mean; none of no events.
    Mean,
    /// The least; none of no events.
    Min,
    /// The greatest; none of no events.
    Max,
    /// The standard deviation of the population; none of no events.
    Deviation,
    /// How many different values.
    Distinct,
    /// The newest value, of any type. Without a window.
    Last,
    /// When the newest event was. Without a window.
    LastTime,
    /// How long ago the newest event was. Without a window.
    Since,
    /// The least relative growth of the count, or the sum of `property`, from a window to the next, over `periods` windows.
    Rise,
    /// The least relative decline, likewise.
    Fall,
}

/// Fires some time after the event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// How long.
    #[serde(rename = "for")]
    pub length: String,
    /// The events that end the wait without firing; `["*"]` for any event.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub unless: Names,
    /// What must hold of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless_where: Option<String>,
    /// The property by which they belong together; several waits run at once, one for each value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What another event does while one is waited on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub restart: Restart,
}

/// What another event does while one is waited on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// The wait begins again: who is still busy is not disturbed.
    #[default]
    Latest,
    /// Nothing: the wait that runs goes on.
    First,
    /// A wait of its own begins.
    Each,
}

/// Fires by a date that an event tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Date {
    /// The property: `2026-11-23`, RFC 3339, or epoch milliseconds.
    pub property: String,
    /// So long before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// So long after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The years of age at which it falls, such as `[6, 18]`: that many years after the date.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub years: Vec<i16>,
    /// Every year.
    #[serde(default, skip_serializing_if = "is_default")]
    pub yearly: bool,
    /// The hour of the day, `09:00` by custom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The property that tells several dates apart; one date a person without it, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The events that take the date back.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub unless: Names,
    /// What must hold of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless_where: Option<String>,
}

/// Fires when a pattern of the pattern language completes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// The pattern: `view (search)* cart !purchase`.
    pub pattern: String,
    /// The longest time from its first to its last event; how long what must not follow is awaited.
    pub within: String,
}

/// When a condition that holds fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// Each time it is found to hold.
    #[default]
    Each,
    /// When it begins to hold.
    Rising,
    /// When it ceases to hold.
    Falling,
}

/// Fires once for each value of a property.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OncePer {
    /// The property. An event without it is not told apart from others without it.
    pub property: String,
    /// For how long.
    #[serde(rename = "for")]
    pub length: String,
}

/// The hours in which a rule fires.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// `mon` to `sun`; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<String>,
    /// From this hour, `00:00` by custom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Up to, not including, this hour, `24:00` by custom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What becomes of a firing outside of them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub outside: Outside,
}

/// What becomes of a firing outside of the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// It waits for the next hour that is in it.
    #[default]
    Defer,
    /// It is left out.
    Drop,
}

/// How often the rules of a group fire for a person. The smallest of the limits that its rules state is in force for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Rules with the same group count together; by custom the rule alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How often, 1 to 100.
    pub limit: u32,
    /// Within how long.
    pub window: String,
}

/// What a firing leads to, by channel, segment and product: the first row that fits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    /// An expression for the channel; the event's channel by custom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// An expression for the segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// An expression for the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The rows. When none fits, the rule does not fire.
    pub rows: Vec<Row>,
}

/// A row of a scheme; what it leaves out fits everything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The channels.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub channel: Names,
    /// The segments.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub segment: Names,
    /// The products.
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub product: Names,
    /// Where the firing leads.
    pub placement: String,
}

/// Histories of one person, an event a line: the time since the beginning (Monday 2026-01-05T09:00Z), the event, its
/// properties. `3d card_payment amount=120 country=NL`; an event `.` is nothing but the time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    /// Makes the rule fire.
    pub fires: Vec<String>,
    /// Must not make it fire.
    pub silent: Vec<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
