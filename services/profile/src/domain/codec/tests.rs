//! Documents survive their form, and bytes that are none are refused.

use std::collections::BTreeMap;

use attune_aggregate::Scratch;
use attune_kernel::{Personal, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::catalogue;
use crate::domain::consent::{Consent, Kind};
use crate::domain::document::{Attribute, Tag};
use crate::domain::event::Event;
use crate::domain::quiet::Quiet;
use crate::domain::schema::Registry;
use crate::domain::score::{Reason, Score};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-4000_i32..4000).prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{0,3}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn documents() -> impl Strategy<Value = Document> {
    let attribute =
        (value(), any::<i64>(), any::<i64>(), any::<bool>(), proptest::option::of(0_u16..1001), any::<u32>());
    let attributes = proptest::collection::btree_map("[a-z]{1,4}", attribute, 0..6);
    (attributes, any::<i64>(), any::<u64>(), 0_u8..4, any::<bool>()).prop_map(
        |(attributes, time, revision, extras, merged)| {
            let mut document = Document::empty("p");
            for (name, (value, event_time, received, observed, confidence, rank)) in attributes {
                let attribute = Attribute {
                    value,
                    source: name.clone(),
                    event_time: Timestamp::from_micros(event_time),
                    received: Timestamp::from_micros(received),
                    observed,
                    confidence,
                    lineage: if observed { "e1".to_owned() } else { String::new() },
                    rank,
                    tallied: false,
                };
                document.set_attribute(&name, attribute);
            }
            let time = Timestamp::from_micros(time);
            (document.revision, document.updated) = (revision, time);
            for index in 0..extras {
                let id = format!("x{index}");
                document.tags.insert(id.clone(), Tag { source: "s".into(), added: time });
                document.rule_tags.insert(id.clone(), time);
                document.segments.insert(id.clone());
                document.note_tag(&id, "rule", true, time);
                let word =
                    Consent { purpose: id.clone(), kind: Kind::Pending, until: Some(time), ..Consent::default() };
                document.consents.push(word);
                let reasons = vec![Reason { name: id.clone(), contribution: 0.5 }];
                document.scores.insert(id.clone(), Score { value: 0.25, reasons, ..Score::default() });
                document.quiet = Some(Quiet { zone: "UTC".into(), weekdays: index, ..Quiet::default() });
                observe(&mut document, &event(&id, time));
            }
            if merged {
                let mut other = Document::empty("q");
                other.tags.insert("theirs".into(), Tag { source: String::new(), added: time });
                document.absorb(other, &catalogue::default());
                document.remove_tag("p", "theirs");
            }
            document.due = (extras > 1).then_some(time);
            document.traits.settle(&catalogue::default(), Timestamp::from_micros(i64::MIN));
            document
        },
    )
}

fn observe(document: &mut Document, event: &Event) {
    document.observe(event, &Registry::open(), &catalogue::default(), &mut Scratch::default());
}

fn event(id: &str, time: Timestamp) -> Event {
    Event {
        event_id: id.to_owned(),
        person_id: "p".to_owned(),
        name: "view".to_owned(),
        time,
        sequence: -3,
        channel: "web".to_owned(),
        session: id.to_owned(),
        source: String::new(),
        received: time,
        properties: Personal::new([("amount".to_owned(), json!(1.5))].into_iter().collect()),
        via: None,
        origin: Default::default(),
        body: Personal::default(),
    }
}

proptest! {
    #[test]
    fn a_document_survives(document in documents()) {
        prop_assert_eq!(decode("p", &encode(&document)).unwrap(), document);
    }

    #[test]
    fn a_document_of_the_time_before_is_read(document in documents()) {
        // What it said of traits is in the timeline.
        let known = Document { traits: Traits::unknown(), due: None, ..document.clone() };
        prop_assert_eq!(decode("p", &serde_json::to_vec(&document).unwrap()).unwrap(), known);
    }

    #[test]
    fn bytes_that_are_no_document_are_refused_and_never_more(document in documents(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = encode(&document);
        let place = at.index(bytes.len());
        bytes[place] = byte;
        let _ = decode("p", &bytes);
        let _ = decode("p", &bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn tallies_survive(values in proptest::collection::vec((value(), 0_i64..100), 0..20), union in any::<bool>()) {
        let mut document = Document::empty("p");
        for (value, time) in values {
            let word = Attribute { value, event_time: Timestamp::from_millis(time), ..Attribute::default() };
            document.tallies.entry("a".to_owned()).or_default().add(union, word);
        }
        prop_assert_eq!(decode("p", &encode(&document)).unwrap(), document);
    }
}

#[test]
fn what_a_later_version_adds_is_refused() {
    let mut bytes = encode(&Document::empty("p"));
    assert!(decode("p", &bytes).is_ok());
    bytes.extend([99, 0]);
    assert_eq!(decode("p", &bytes), Err(Broken("unknown field 99".to_owned())));
    assert!(decode("p", &[2]).is_err() && decode("p", &[]).is_err());
}

#[test]
fn the_form_is_a_third_of_the_text() {
    let mut document = Document::empty("p");
    for index in 0..20 {
        observe(&mut document, &event(&format!("e{index}"), Timestamp::from_millis(1_700_000_000_000 + index)));
    }
    let names: BTreeMap<String, Value> = (0..20).map(|index| (format!("attribute_{index}"), json!(index))).collect();
    for (name, value) in names {
        let time = Timestamp::from_millis(1_700_000_000_000);
        let word = Attribute { value, source: "crm".into(), event_time: time, received: time, ..Attribute::default() };
        document.set_attribute(&name, word);
    }
    document.traits.settle(&catalogue::default(), Timestamp::default());
    assert!(encode(&document).len() * 3 < serde_json::to_vec(&document).unwrap().len());
}
