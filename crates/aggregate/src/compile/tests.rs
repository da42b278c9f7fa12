//! What is refused, and where it says so.

use crate::library::parse;
use crate::{Declaration, Engine, Operation};

/// The fields that are named for one declaration with these lines.
fn fields(lines: &str) -> Vec<String> {
    let declarations = parse(&format!("[[trait]]\n{lines}")).unwrap();
    let violations = Engine::new(&declarations).err().unwrap_or_default();
    violations.into_iter().map(|violation| violation.field.replacen("traits[0].", "", 1)).collect()
}

#[test]
fn every_wrong_field_is_named() {
    for (lines, expected) in [
        ("name = 'a'\noperation = 'count'", &[][..]),
        ("name = 'a-b'\noperation = 'count'", &["name"]),
        ("name = 'in'\noperation = 'count'", &["name"]),
        ("name = 'a.{}'\noperation = 'count'", &["name"]),
        ("name = '{}'\noperation = 'count_by'\nproperty = 'x'", &["name"]),
        ("name = 'a'\noperation = 'sum'", &["property"]),
        ("name = 'a'\noperation = 'count'\nproperty = 'x'\nlimit = 3", &["property", "limit"]),
        ("name = 'a'\noperation = 'count'\nwindow = '5m'", &["window"]),
        ("name = 'a'\noperation = 'count'\nbucket = '5m'", &["bucket"]),
        ("name = 'a'\noperation = 'count'\nwindow = '7d'\nbucket = '9h'", &["bucket"]),
        ("name = 'a'\noperation = 'count'\nzone = 'Nowhere/Else'", &["zone"]),
        ("name = 'a'\noperation = 'count'\nwhere = 'events == 1'", &["where"]),
        ("name = 'a'\noperation = 'count'\nwhere = 'event'", &["where"]),
        ("name = 'a'\noperation = 'distinct'\nproperty = '$what'", &["property"]),
        ("name = 'a'\noperation = 'top'\nproperty = 'x'\nlimit = 0", &["limit"]),
        ("name = 'a'\noperation = 'last'\nproperty = 'x'\ntype = 'int'", &["type"]),
        ("name = 'a'\noperation = 'slope'\nwindow = '400d'\nperiods = 5", &["window"]),
        ("name = 'a'\noperation = 'slope'\nwindow = '7d'\nperiods = 1", &["periods"]),
        ("name = 'a'\noperation = 'interest'\nproperty = 'x'\nhalf_life = '5m'", &["half_life"]),
        ("name = 'a'\noperation = 'response_rate'\nproperty = 'x'", &["events", "answers"]),
        ("name = 'a'\noperation = 'cart'\nproperty = 'x'\nevents = ['e']\nclears = ['e']", &["clears"]),
        ("name = 'a'\noperation = 'ratio'\nnumerator = 'b'\ndenominator = 'c'", &["numerator", "denominator"]),
        ("name = 'a'\noperation = 'ratio'\nnumerator = 'a'\ndenominator = 'a'", &["numerator"]),
        ("name = 'a'\noperation = 'derived'\nexpression = '1'", &["type"]),
        ("name = 'a'\noperation = 'derived'\nexpression = 'now > 1'\ntype = 'bool'", &["expression"]),
        ("name = 'a'\noperation = 'derived'\nexpression = 'a + 1'\ntype = 'int'", &["expression"]),
        ("name = 'a'\noperation = 'derived'\nevents = ['e']\nexpression = '1'\ntype = 'int'", &["events"]),
        (
            "name = 'a'\noperation = 'rfm'\nproperty = 'x'\ncuts = {recency = [2, 1], frequency = [], monetary = [1]}",
            &["cuts.recency", "cuts.frequency"],
        ),
    ] {
        assert_eq!(fields(lines), expected, "{lines}");
    }
}

#[test]
fn names_are_told_apart_and_circles_are_found() {
    let derived = |name: &str, expression: &str| Declaration {
        expression: Some(expression.to_owned()),
        of: Some(attune_expression::Type::Int),
        ..Declaration::new(name, Operation::Derived)
    };
    let refused = |list: &[Declaration]| -> Vec<String> {
        Engine::new(list).err().unwrap_or_default().into_iter().map(|violation| violation.field).collect()
    };
    let count = Declaration::new("n", Operation::Count);
    assert_eq!(refused(&[count.clone(), count.clone()]), ["traits[1].name"]);
    assert_eq!(refused(&[count.clone(), Declaration::new("n.x", Operation::Count)]), ["traits[1].name"]);
    let circle =
        [derived("a", "b + 1"), derived("b", "c + 1"), derived("c", "a + n"), count.clone(), derived("d", "n + 1")];
    assert_eq!(refused(&circle), ["traits[0].expression", "traits[1].expression", "traits[2].expression"]);
    // A name inside of a text or of another name is not meant.
    assert!(
        refused(&[derived("a", "size('b') + bb"), derived("b", "a + 1"), Declaration::new("bb", Operation::Count)])
            .is_empty()
    );
}

#[test]
fn traits_that_need_the_same_share_it() {
    let text = |window: &str| {
        format!(
            "[[trait]]\nname = 's{window}'\noperation = 'sum'\nproperty = 'x'\nwindow = '{window}'\nbucket = '1d'\n"
        )
    };
    let all: String = ["1d", "7d", "30d", "90d"].map(text).concat();
    let mean = "[[trait]]\nname = 'm'\noperation = 'mean'\nproperty = 'x'\nwindow = '30d'\n";
    let trend = "[[trait]]\nname = 't'\noperation = 'trend'\nproperty = 'x'\nwindow = '30d'\n";
    let engine = Engine::new(&parse(&format!("{all}{mean}{trend}")).unwrap()).unwrap();
    assert_eq!((engine.traits().len(), engine.lanes()), (6, 1));
}
