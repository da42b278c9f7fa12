//! Declared entries of maps.
#![allow(clippy::unwrap_used, reason = "a test")]

use attune_expression::{EntryTypes, Schema, Type, compile};

fn schema() -> Schema {
    let traits = EntryTypes::default()
        .entry("events_30d", Type::Int)
        .entry("last.seen", Type::Timestamp)
        .family("count.", "", Type::Int)
        .closed();
    let attributes = EntryTypes::default().entry("age", Type::Int);
    let schema = Schema::builder().field("traits", Type::map(Type::Any)).field("attributes", Type::map(Type::Any));
    schema.build().unwrap().with_entries("traits", traits).with_entries("attributes", attributes)
}

fn said(rule: &str) -> String {
    compile(rule, &schema(), Type::Bool).map_or_else(|found| found[0].to_string(), |_| String::new())
}

#[test]
fn an_unknown_entry_of_a_closed_map_is_named_where_it_stands() {
    for rule in ["traits.event_30d > 5", "has(traits.event_30d)", "traits['event_30d'] > 5"] {
        let found = said(rule);
        assert!(found.contains("unknown entry 'event_30d' of 'traits'; known in its place: events_30d"), "{found}");
    }
    assert!(said("true &&\n traits.nothing > 5").starts_with("2:2"), "{}", said("true &&\n traits.nothing > 5"));
    // A family needs something in its place; a name with a dot is a key.
    assert!(!said("traits['count.'] > 1").is_empty() && !said("traits.count > 1").is_empty());
    assert_eq!(said("traits['count.buy'] > 1 && traits['last.seen'] < timestamp('2026-01-01T00:00:00Z')"), "");
    // What is not closed holds more, and a key that is computed is looked at when the rule runs.
    assert_eq!(said("attributes.anything == 'x' && traits[attributes.which] == 1"), "");
}

#[test]
fn a_declared_entry_has_its_type() {
    for rule in ["traits.events_30d == 'many'", "attributes.age + 'x' == 'y'", "traits['count.buy'] == true"] {
        assert!(!said(rule).is_empty(), "{rule}");
    }
    assert_eq!(
        said(
            "traits.events_30d > 4.5 && attributes.age in [1, 2] && timestamp(traits['last.seen']) != traits['last.seen']"
        ),
        ""
    );
}
