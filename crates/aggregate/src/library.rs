//! Declarations that come with the crate, as data.

use crate::declaration::{Declaration, Declarations};

/// The traits that every person has, in TOML: `event_count`, `sessions`, `first_event_time`, `last_event_time`,
/// `last_channel`, `days_since_last_event`, `events_1d`, `events_7d`, `events_30d`, `count.<event>`, `sum.<event>.amount`.
pub const DEFAULT: &str = include_str!("../library/default.toml");

/// Traits of a bank's customers, in TOML; the events and properties they read stand at its head.
pub const BANK: &str = include_str!("../library/bank.toml");

/// Traits of a shop's customers, in TOML; the events and properties they read stand at its head.
pub const SHOP: &str = include_str!("../library/shop.toml");

/// The declarations of a TOML text with one table `[[trait]]` each.
///
/// # Errors
/// What the parser says, with line and column.
pub fn parse(text: &str) -> Result<Vec<Declaration>, toml::de::Error> {
    toml::from_str::<Declarations>(text).map(|parsed| parsed.traits)
}

#[cfg(test)]
mod tests {
    use attune_kernel::Timestamp;
    use serde_json::{Map, json};

    use super::*;
    use crate::{Engine, Event};

    #[test]
    fn every_library_compiles_alone_and_after_the_defaults() {
        for (text, least) in [(DEFAULT, 11), (BANK, 50), (SHOP, 40)] {
            let declarations = parse(text).unwrap();
            assert!(declarations.len() >= least, "{}", declarations.len());
            let engine = Engine::new(&declarations).unwrap();
            assert_eq!(engine.traits().len(), declarations.len());
            let mut both = parse(DEFAULT).unwrap();
            if text != DEFAULT {
                both.extend(declarations);
                Engine::new(&both).unwrap();
            }
        }
    }

    #[test]
    fn the_defaults_have_the_names_that_segments_read() {
        let engine = Engine::new(&parse(DEFAULT).unwrap()).unwrap();
        let properties: Map<String, serde_json::Value> =
            json!({"amount": 12.5}).as_object().cloned().unwrap_or_default();
        let event = |id, name, time: &str, channel, session| Event {
            id,
            name,
            time: Timestamp::parse(time).unwrap(),
            sequence: 0,
            channel,
            session,
            source: "",
            properties: &properties,
        };
        let state = engine.replay([
            event("1", "page_view", "2026-11-20T10:00:00Z", "web", "s1"),
            event("2", "buy", "2026-11-22T10:00:00Z", "app", "s2"),
            event("3", "buy", "2026-11-21T10:00:00Z", "web", ""),
        ]);
        let now = Timestamp::parse("2026-11-23T09:00:00Z").unwrap();
        let named: Vec<String> =
            engine.named(&engine.read(&state, now)).iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            named,
            [
                "event_count=3",
                "sessions=2",
                "first_event_time=timestamp(\"2026-11-20T10:00:00Z\")",
                "last_event_time=timestamp(\"2026-11-22T10:00:00Z\")",
                "last_channel=\"app\"",
                "days_since_last_event=0",
                "events_1d=0",
                "events_7d=3",
                "events_30d=3",
                "count.buy=2",
                "count.page_view=1",
                "sum.buy.amount=25.0",
                "sum.page_view.amount=12.5",
            ]
        );
        // A segment reads them in place.
        let values = engine.read(&state, now);
        let rule = "events_30d >= 3 && last_channel == 'app' && now_is_not_a_trait";
        assert!(attune_expression::compile(rule, engine.schema(), attune_expression::Type::Bool).is_err());
        let rule = "events_30d >= 3 && last_channel == 'app'";
        let rule = attune_expression::compile(rule, engine.schema(), attune_expression::Type::Bool).unwrap();
        assert!(rule.evaluate(&engine.source(&values)).is_true());
        assert_eq!(engine.next_change(&state, now), Some(Timestamp::parse("2026-11-23T10:00:00Z").unwrap()));
    }
}
