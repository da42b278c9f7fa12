//! What the registry takes in, and how definitions change.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn one(id: &str, of: Type, shape: Shape) -> Definition {
    Definition {
        id: id.to_owned(),
        description: String::new(),
        group: Group::Demographics,
        of,
        shape,
        pii: Pii::Personal,
        retention: None,
        policy: Policy::Latest,
        sources: Vec::new(),
        owner: String::new(),
        deprecated: false,
    }
}

fn taken(registry: &Registry, name: &str, value: Value) -> Result<Value, &'static str> {
    match registry.admit(name, &value, "crm") {
        Admission::Taken { value, .. } => Ok(value),
        Admission::Aside(why) => Err(why.reason()),
    }
}

#[test]
fn values_are_read_by_their_type() {
    let types = [
        ("s", Type::String, Shape::Single),
        ("i", Type::Int, Shape::Single),
        ("d", Type::Double, Shape::Single),
        ("b", Type::Bool, Shape::Single),
        ("t", Type::Timestamp, Shape::Single),
        ("day", Type::Date, Shape::Single),
        ("m", Type::Money, Shape::Single),
        ("set", Type::String, Shape::Set),
        ("list", Type::Int, Shape::List),
        ("open.*", Type::String, Shape::Single),
        ("open.number.*", Type::Int, Shape::Single),
    ];
    let registry = Registry::new(types.map(|(id, of, shape)| one(id, of, shape)), false);
    for (name, value, expected) in [
        ("s", json!("x"), Ok(json!("x"))),
        ("s", json!(1), Err("WRONG_TYPE")),
        ("i", json!(41), Ok(json!(41))),
        ("i", json!(41.5), Err("WRONG_TYPE")),
        ("i", json!("41"), Err("WRONG_TYPE")),
        ("d", json!(41.5), Ok(json!(41.5))),
        ("b", json!(true), Ok(json!(true))),
        ("b", json!("true"), Err("WRONG_TYPE")),
        ("t", json!("2026-11-22T10:00:00+01:00"), Ok(json!("2026-11-22T09:00:00Z"))),
        ("t", json!("2026-11-22"), Ok(json!("2026-11-22T00:00:00Z"))),
        ("day", json!("2024-02-29"), Ok(json!("2024-02-29"))),
        ("day", json!("2023-02-29"), Err("WRONG_TYPE")),
        ("m", json!(12.345_678_9), Ok(json!(12.345_679))),
        ("set", json!(["b", "a", "b"]), Ok(json!(["a", "b"]))),
        ("set", json!("a"), Ok(json!(["a"]))),
        ("set", json!(["a", 1]), Err("WRONG_TYPE")),
        ("list", json!([2, 1, 2]), Ok(json!([2, 1, 2]))),
        ("list", json!({}), Err("WRONG_TYPE")),
        ("open.x", json!("y"), Ok(json!("y"))),
        ("open.number.x", json!("y"), Err("WRONG_TYPE")),
        ("other", json!("y"), Err("UNDECLARED")),
        ("i", Value::Null, Ok(Value::Null)),
    ] {
        assert_eq!(taken(&registry, name, value.clone()), expected, "{name} {value}");
    }
    assert_eq!(taken(&Registry::open(), "other", json!({"any": 1})), Ok(json!({"any": 1})));
}

#[test]
fn a_deprecated_attribute_takes_nothing_new_and_may_still_be_removed() {
    let registry = Registry::new([Definition { deprecated: true, ..one("i", Type::Int, Shape::Single) }], false);
    assert_eq!(taken(&registry, "i", json!(1)), Err("DEPRECATED"));
    assert_eq!(taken(&registry, "i", Value::Null), Ok(Value::Null));
}

#[test]
fn definitions_change_only_where_known_values_stay_readable() {
    let old = Definition { sources: vec!["crm".to_owned()], ..one("i", Type::Int, Shape::Single) };
    let same = |change: fn(&mut Definition)| {
        let mut new = old.clone();
        change(&mut new);
        refused(&old, &new).into_iter().map(|one| one.field).collect::<Vec<_>>()
    };
    assert!(same(|new| new.of = Type::Double).is_empty());
    assert!(same(|new| new.deprecated = true).is_empty());
    assert!(same(|new| new.sources.push("web".to_owned())).is_empty());
    assert!(same(|new| new.pii = Pii::Sensitive).is_empty());
    assert_eq!(same(|new| new.of = Type::String), ["value_type"]);
    assert_eq!(same(|new| new.shape = Shape::List), ["shape"]);
    assert_eq!(same(|new| new.policy = Policy::SetUnion), ["policy"]);
    assert_eq!(same(|new| new.sources.insert(0, "web".to_owned())), ["source_priority"]);
    assert_eq!(same(|new| new.pii = Pii::None), ["pii"]);
}

#[test]
fn the_standard_set_reads_and_covers_every_group() {
    let groups: std::collections::BTreeSet<Group> = standard().iter().map(|one| one.group).collect();
    assert_eq!((groups.len(), standard().len() > 60), (9, true));
    let ids: std::collections::BTreeSet<&str> = standard().iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids.len(), standard().len());
    assert!(standard().iter().all(|one| !one.description.is_empty()));
}

proptest! {
    /// What a wider definition reads, it reads as the narrow one did: evolution changes no known value.
    #[test]
    fn a_wider_type_takes_all_that_the_narrow_one_took(number in any::<i32>(), text in "[0-9]{4}-[0-1][0-9]-[0-3][0-9]") {
        for (narrow, wide, value) in [(Type::Int, Type::Double, json!(number)), (Type::Date, Type::Timestamp, json!(text))] {
            let (old, new) = (one("a", narrow, Shape::Single), one("a", wide, Shape::Single));
            prop_assert!(refused(&old, &new).is_empty());
            let (old, new) = (Registry::new([old], false), Registry::new([new], false));
            if taken(&old, "a", value.clone()).is_ok() {
                prop_assert!(taken(&new, "a", value).is_ok());
            }
        }
    }
}
