//! Every rule that stands in a contract is enforced: for each annotated field a message that breaks just that rule is
//! built dynamically, and one at the edge of the rule that does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use attune_proto::{descriptor_pool, violations_by_name};
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value};

/// The broken fields of `message`, by path.
fn broken(message: &DynamicMessage) -> Vec<String> {
    violations_by_name(message.descriptor().full_name(), &message.encode_to_vec())
        .expect("a message of the suite")
        .expect("decodes")
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}

/// The annotation's parts: (`string.min_len`, value), (`required`, true), ...
fn rules(field: &FieldDescriptor) -> Vec<(String, Value)> {
    let extension = descriptor_pool().get_extension_by_name("buf.validate.field").expect("imported");
    let options = field.options();
    if !options.has_extension(&extension) {
        return Vec::new();
    }
    let value = options.get_extension(&extension).into_owned();
    let mut out = Vec::new();
    for (kind, inner) in value.as_message().expect("a message").fields() {
        match inner {
            Value::Message(inner) => {
                out.extend(
                    inner.fields().map(|(rule, value)| (format!("{}.{}", kind.name(), rule.name()), value.clone())),
                );
            }
            other => out.push((kind.name().to_owned(), other.clone())),
        }
    }
    out
}

fn seconds(kind: &Kind, seconds: i64) -> Value {
    let mut message = DynamicMessage::new(kind.as_message().expect("a message").clone());
    message.set_field_by_name("seconds", Value::I64(seconds));
    Value::Message(message)
}

fn items(field: &FieldDescriptor, count: usize) -> Value {
    let item = match field.kind() {
        Kind::Message(message) => Value::Message(DynamicMessage::new(message)),
        Kind::Enum(_) => Value::EnumNumber(0),
        Kind::Int32 => Value::I32(1),
        Kind::Int64 => Value::I64(1),
        Kind::Double => Value::F64(1.0),
        Kind::Bytes => Value::Bytes(Default::default()),
        _ => Value::String("x".to_owned()),
    };
    Value::List(vec![item; count])
}

fn pairs(field: &FieldDescriptor, count: usize) -> Value {
    let entry = field.kind().as_message().expect("a map").map_entry_value_field();
    let value = match entry.kind() {
        Kind::Message(message) => Value::Message(DynamicMessage::new(message)),
        _ => Value::String("x".to_owned()),
    };
    Value::Map((0..count).map(|key| (MapKey::String(key.to_string()), value.clone())).collect())
}

/// A value that breaks the rule and one at its edge that keeps it.
fn cases(field: &FieldDescriptor, rule: &str, value: &Value) -> Vec<(Option<Value>, bool)> {
    let number = || usize::try_from(value.as_u64().expect("a count")).expect("small");
    let text = |len: usize| Some(Value::String("x".repeat(len)));
    let kind = field.kind();
    match rule {
        "required" => vec![(None, true)],
        "string.min_len" => vec![(text(number() - 1), true)],
        "string.max_len" => vec![(text(number() + 1), true), (text(number()), false)],
        // A character is counted once however many bytes it takes.
        "string.pattern" => {
            let good = if value.as_str().unwrap().contains("._:-") { "a.B:c_d-9" } else { "a_B9" };
            vec![(Some(Value::String("-".to_owned())), true), (Some(Value::String(good.to_owned())), false)]
        }
        "string.in" => vec![(Some(Value::String("NEVER".to_owned())), true)],
        "repeated.min_items" => vec![(Some(items(field, number() - 1)), true)],
        "repeated.max_items" => vec![(Some(items(field, number() + 1)), true), (Some(items(field, number())), false)],
        "map.max_pairs" => vec![(Some(pairs(field, number() + 1)), true), (Some(pairs(field, number())), false)],
        "enum.defined_only" => vec![(Some(Value::EnumNumber(9999)), true)],
        "int32.gte" => vec![(Some(Value::I32(value.as_i32().unwrap() - 1)), true), (Some(value.clone()), false)],
        "int32.lte" => vec![(Some(Value::I32(value.as_i32().unwrap() + 1)), true), (Some(value.clone()), false)],
        "int64.gte" => vec![(Some(Value::I64(value.as_i64().unwrap() - 1)), true), (Some(value.clone()), false)],
        "int64.lte" => vec![(Some(Value::I64(value.as_i64().unwrap() + 1)), true), (Some(value.clone()), false)],
        "double.gte" | "double.lte" => {
            let edge = value.as_f64().unwrap();
            let beyond = if rule == "double.gte" { edge - edge.abs().max(1.0) } else { edge + edge.abs().max(1.0) };
            vec![(Some(Value::F64(beyond)), true), (Some(Value::F64(f64::NAN)), true), (Some(Value::F64(edge)), false)]
        }
        "timestamp.gte" => vec![
            (Some(seconds(&kind, -62_135_596_800)), true),
            (Some(seconds(&kind, -2_208_988_801)), true),
            (Some(seconds(&kind, -2_208_988_800)), false),
        ],
        "timestamp.lt" => vec![
            (Some(seconds(&kind, 253_402_300_799)), true),
            (Some(seconds(&kind, 7_258_118_400)), true),
            (Some(seconds(&kind, 7_258_118_399)), false),
        ],
        "duration.gt" => {
            vec![(Some(seconds(&kind, 0)), true), (Some(seconds(&kind, -1)), true), (Some(seconds(&kind, 1)), false)]
        }
        other => panic!("{}: no case for {other}", field.full_name()),
    }
}

/// Whether `path` is the field itself (not something inside it).
fn names(path: &str, field: &FieldDescriptor) -> bool {
    path == field.name() || path.ends_with(&format!(".{}", field.name()))
}

fn suite_messages() -> impl Iterator<Item = MessageDescriptor> {
    descriptor_pool()
        .all_messages()
        .filter(|message| message.package_name().starts_with("attune.") && !message.is_map_entry())
}

#[test]
fn every_field_rule_is_enforced_at_its_edge() {
    let mut checked = 0;
    for message in suite_messages() {
        for field in message.fields() {
            for (rule, value) in rules(&field) {
                for (case, breaks) in cases(&field, &rule, &value) {
                    let mut dynamic = DynamicMessage::new(message.clone());
                    if let Some(case) = case {
                        dynamic.set_field(&field, case);
                    }
                    let found = broken(&dynamic).iter().any(|path| names(path, &field));
                    assert_eq!(found, breaks, "{} {rule}", field.full_name());
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 800, "only {checked} cases");
}

#[test]
fn every_required_oneof_is_enforced() {
    let extension = descriptor_pool().get_extension_by_name("buf.validate.oneof").expect("imported");
    let mut checked = 0;
    for message in suite_messages() {
        for oneof in message.oneofs().filter(|oneof| oneof.options().has_extension(&extension)) {
            let paths = broken(&DynamicMessage::new(message.clone()));
            assert!(paths.iter().any(|path| path == oneof.name()), "{}", oneof.full_name());
            checked += 1;
        }
    }
    assert!(checked >= 5);
}

#[test]
fn paths_name_the_item() {
    use attune_proto::channel::v1::{CollectEvent, CollectRequest};
    let good = CollectEvent {
        event_id: "e".to_owned(),
        event: "view".to_owned(),
        time: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
        identifiers: vec![attune_proto::identity::v1::Identifier {
            namespace: "cookie".to_owned(),
            value: "c".to_owned(),
        }],
        ..CollectEvent::default()
    };
    let mut bad = good.clone();
    bad.time = Some(prost_types::Timestamp { seconds: -62_135_596_800, nanos: 0 });
    bad.identifiers[0].value = String::new();
    let found = attune_proto::violations(&CollectRequest { events: vec![good, bad] });
    let paths: Vec<&str> = found.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(paths, ["events[1].identifiers[0].value", "events[1].time"]);
}

#[test]
fn every_text_of_a_request_is_bounded() {
    let unbounded: Vec<String> = suite_messages()
        .filter(|message| message.name().ends_with("Request"))
        .flat_map(|message| message.fields().collect::<Vec<_>>())
        .filter(|field| matches!(field.kind(), Kind::String) && !field.is_list() && !field.is_map())
        .filter(|field| !rules(field).iter().any(|(rule, _)| rule == "string.max_len" || rule == "string.in"))
        .map(|field| field.full_name().to_owned())
        .collect();
    assert_eq!(unbounded, Vec::<String>::new());
}
