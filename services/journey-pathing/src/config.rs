//! Configuration.

use std::time::Duration;

use attune_kernel::Violation;
use attune_service_kit::config::{Section, serde_duration};
use attune_trigger::Limits;
use serde::{Deserialize, Serialize};

/// The default configuration, which documents every key.
pub const DEFAULT_CONFIG: &str = include_str!("../config.default.toml");

/// Configuration of the service. Keys are documented in `config.default.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How old an event may be and still be seen by rules.
    #[serde(with = "serde_duration")]
    pub lateness: Duration,
    /// How long timers wait for late events.
    #[serde(with = "serde_duration")]
    pub timer_grace: Duration,
    /// How long a timer that is due on arrival waits.
    #[serde(with = "serde_duration")]
    pub settle: Duration,
    /// How often timers are looked for.
    #[serde(with = "serde_duration")]
    pub timer_interval: Duration,
    /// Persons of one transaction of timers.
    pub timer_batch: usize,
    /// Events of one transaction.
    pub observe_batch: usize,
    /// Waits of a rule.
    pub max_waits: usize,
    /// Cells of a window.
    pub max_window_cells: usize,
    /// Values of which a rule that fires once for each remembers that it did.
    pub max_once_values: usize,
    /// Rules of a set.
    pub max_set_rules: usize,
    /// States of a live pattern.
    pub max_pattern_states: usize,
    /// Events of one question.
    pub max_query_events: usize,
    /// Whether history is fetched.
    pub backfill: bool,
    /// How often persons to fetch for are looked for.
    #[serde(with = "serde_duration")]
    pub backfill_interval: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            lateness: Duration::from_secs(3600),
            timer_grace: Duration::ZERO,
            settle: Duration::from_secs(5),
            timer_interval: Duration::from_millis(50),
            timer_batch: 256,
            observe_batch: 1000,
            max_waits: limits.waits,
            max_window_cells: limits.cells,
            max_once_values: limits.once,
            max_set_rules: limits.rules,
            max_pattern_states: limits.states,
            max_query_events: 20_000_000,
            backfill: false,
            backfill_interval: Duration::from_secs(1),
        }
    }
}

impl Config {
    /// Every problem at once; fields are paths below the section.
    #[must_use]
    pub fn validate(&self) -> Vec<Violation> {
        let mut problems = Vec::new();
        let numbers = [
            ("timer_batch", self.timer_batch, 10_000),
            ("observe_batch", self.observe_batch, 5000),
            ("max_waits", self.max_waits, 1000),
            ("max_window_cells", self.max_window_cells, 100_000),
            ("max_once_values", self.max_once_values, 10_000),
            ("max_set_rules", self.max_set_rules, 10_000),
            ("max_pattern_states", self.max_pattern_states, 20_000),
            ("max_query_events", self.max_query_events, u32::MAX as usize),
        ];
        for (field, value, most) in numbers {
            if !(1..=most).contains(&value) {
                problems.push(Violation::new(field, format!("must lie between 1 and {most}")));
            }
        }
        let intervals = [("timer_interval", self.timer_interval), ("backfill_interval", self.backfill_interval)];
        for (field, interval) in intervals {
            if interval.is_zero() {
                problems.push(Violation::new(field, "must be longer than zero"));
            }
        }
        problems
    }

    /// What rules may remember.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let micros = |length: Duration| i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
        Limits {
            lateness: micros(self.lateness),
            grace: micros(self.timer_grace),
            waits: self.max_waits,
            cells: self.max_window_cells,
            once: self.max_once_values,
            states: self.max_pattern_states,
            rules: self.max_set_rules,
        }
    }
}

impl Section for Config {
    const NAME: &'static str = "journey_pathing";
    const DEFAULTS: &'static str = DEFAULT_CONFIG;

    fn validate(&self, problems: &mut Vec<Violation>) {
        problems.extend(Self::validate(self));
    }
}

#[cfg(test)]
mod tests {
    use attune_service_kit::config::Loader;

    use super::*;

    #[test]
    fn the_default_is_the_documented_one() {
        let loaded: Config = Loader::new().section::<Config>().load().unwrap().section().unwrap();
        assert_eq!(loaded, Config::default());
        assert_eq!(loaded.validate(), Vec::new());
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let config = Config { timer_batch: 0, max_waits: 0, timer_interval: Duration::ZERO, ..Config::default() };
        let fields: Vec<String> = config.validate().into_iter().map(|one| one.field).collect();
        assert_eq!(fields, ["timer_batch", "max_waits", "timer_interval"]);
    }
}
