//! What expressions mean, one line each.

#![allow(clippy::unwrap_used, clippy::panic, reason = "outside of a test function, but only for tests")]

mod support;

use attune_expression::{Cause, MapSource, Outcome, Type, Value, check_boolean, compile};
use support::{program, schema, source};

#[test]
fn true_expressions() {
    for text in [
        "profile.age > 40 && profile.age <= 41",
        "profile.age > 40.5",
        "profile.score * 2.0 == 1.0",
        "profile.vip",
        "!(!profile.vip)",
        "profile.name.startsWith('K') && profile.name.endsWith(\"m\") && profile.name.contains('i')",
        "profile.name.matches('^K.m$') && matches(profile.name, 'im')",
        "profile.name + '!' == 'Kim!'",
        "profile.name.lowerAscii() == 'kim' && ' x '.trim() == 'x' && 'aa'.replace('a', 'b') == 'bb'",
        "size(profile.name) == 3 && profile.tags.size() == 2 && size(context) == 1",
        "'gold' in profile.tags && !('lead' in profile.tags)",
        "profile.name in ['Lee', 'Kim']",
        "profile.age in [1, 41.0]",
        "'channel' in context",
        "context.channel == 'web' && context['channel'] == 'web'",
        "has(context.channel) && !has(context.device)",
        "has(profile.age) && !has(profile.attributes.city)",
        "profile.tags[0] == 'gold' && profile.limits[size(profile.limits) - 1] == 3",
        "profile.limits.all(x, x > 0) && profile.limits.exists(x, x == 2) && profile.limits.exists_one(x, x == 2)",
        "profile.limits.map(x, x * 2) == [2, 4, 6] && profile.limits.filter(x, x > 1) == [2, 3]",
        "profile.limits.map(x, x > 1, x + 1) == [3, 4]",
        "context.exists(k, k == 'channel')",
        "profile.holdings.exists(h, h.kind == 'loan' && h.balance > 100)",
        "profile.limits.all(x, profile.limits.exists(y, y == x))",
        "now - profile.joined > duration('990d')",
        "profile.idle > duration('1d12h') - duration('1s')",
        "now + duration('1h') > now && duration('1h') + now == now + duration('60m')",
        "profile.joined.getFullYear() == 2024 && profile.joined.getMonth() == 1 && profile.joined.getDate() == 29",
        "now.getDayOfWeek() == 0 && now.getHours() == 10 && now.getHours('Asia/Seoul') == 19",
        "now.getHours('+05:30') == 16 && now.getMinutes('+05:30') == 0 && now.getDayOfYear() == 325",
        "profile.joined.getMilliseconds() == 500 && profile.idle.getHours() == 36",
        "timestamp('2026-11-22T19:30:00+09:00') == now && timestamp(int(now)) == now",
        "string(now) == '2026-11-22T10:30:00Z' && string(duration('90m')) == '5400s' && string(1.5) == '1.5'",
        "int('7') + int(2.9) == 9 && double('0.5') == profile.score && bool('true')",
        "7 / 2 == 3 && -7 / 2 == -3 && 7 % -2 == 1 && 7.0 / 2.0 == 3.5",
        "profile.age > 18 ? true : 1 / 0 == 1",
        "{'a': 1, 'b': 2}['b'] == 2 && {'a': 1}.a == 1",
        "[1] + [2] == [1, 2]",
        "event.amount > 100 && event.currency == 'KRW' && event.note == null",
        "1 == 1.0 && [1] == [1.0]",
        "size('žluť') == 4",
        "r'\\d' == '\\\\d' // a comment",
        "true || 1 / 0 == 1",
        "1 / 0 == 1 || true",
        "!(1 / 0 == 1 && false)",
        "profile.limits.exists(x, 1 / (x - 1) == 1)",
        "dyn(1) != dyn('1')",
        "!profile.name.matches(r'^[\\w.+-]+@[\\w-]+(\\.[\\w-]+)+$') && '김' + profile.name == '김Kim'",
        "count == 1 || !has(profile.attributes.city)",
    ] {
        let outcome = program(text, Type::Bool).evaluate(&source());
        assert_eq!(outcome, Outcome::True, "{text}");
    }
}

#[test]
fn failing_expressions_say_why_and_where() {
    for (text, cause, part) in [
        ("count > 1", Cause::Missing, "count"),
        ("profile.vip && profile.attributes.city == 'Seoul'", Cause::Missing, "profile.attributes.city"),
        ("context.device == 'x'", Cause::NoSuchKey, "context.device"),
        ("profile.tags[2] == 'x'", Cause::IndexOutOfRange, "profile.tags[2]"),
        ("profile.tags[-1] == 'x'", Cause::IndexOutOfRange, "profile.tags[-1]"),
        ("1 / (profile.age - 41) > 0", Cause::DivisionByZero, "1 / (profile.age - 41)"),
        ("profile.age + 9223372036854775807 > 0", Cause::Overflow, "profile.age + 9223372036854775807"),
        ("event.currency > 5", Cause::WrongType, "event.currency > 5"),
        ("event.amount && true", Cause::WrongType, "event.amount"),
        ("event.amount", Cause::WrongType, "event.amount"),
        ("event.currency.amount == 1", Cause::WrongType, "event.currency.amount"),
        ("0.0 / 0.0 < 1.0", Cause::NotOrdered, "0.0 / 0.0 < 1.0"),
        ("int(profile.name) == 1", Cause::NotConvertible, "int(profile.name)"),
        (
            "timestamp('9999-12-31T00:00:00Z') + profile.idle > now",
            Cause::Overflow,
            "timestamp('9999-12-31T00:00:00Z') + profile.idle",
        ),
        (
            "now - timestamp('0001-01-01T00:00:00Z') > profile.idle",
            Cause::Overflow,
            "now - timestamp('0001-01-01T00:00:00Z')",
        ),
        ("{profile.name: 1, 'Kim': 2}.Kim == 1", Cause::DuplicateKey, "'Kim'"),
    ] {
        let Outcome::Error(reason) = program(text, Type::Bool).evaluate(&source()) else { panic!("{text}") };
        assert_eq!((reason.cause, reason.expression.as_str()), (cause, part), "{text}");
        assert_eq!(&text[reason.position.bytes.clone()], part);
    }
}

#[test]
fn a_false_term_absorbs_a_missing_field() {
    let outcome = program("count > 1 && profile.age > 50", Type::Bool).evaluate(&source());
    assert_eq!(outcome, Outcome::False);
}

#[test]
fn refused_expressions() {
    for (text, at, part) in [
        ("profile.agee > 1", "1:1", "unknown field 'profile.agee'; known in its place: age, attributes"),
        ("age > 1", "1:1", "unknown field 'age'; known names: context, count, event, now, profile"),
        ("true &&\n  profile == 1", "2:3", "'profile' is a group of fields, not a value"),
        ("has(profile.agee)", "1:1", "unknown field 'profile.agee'"),
        ("profile.age > 'x'", "1:1", "cannot be compared with one of type string"),
        ("profile.age + 1.5 > 2.0", "1:1", "no '+' between int and double, convert one with double() or int()"),
        ("profile.age", "1:1", "expected an expression of type bool, found int"),
        ("profile.age && true", "1:1", "'&&' takes bool, found int"),
        ("profile.age == null", "1:1", "a value of type int is never null; test with has()"),
        ("profile.tags < profile.tags", "1:1", "have no order"),
        ("profile.name.foo() == 1", "1:1", "unknown function 'foo'"),
        ("startsWith(profile.name, 'a')", "1:1", "'startsWith' is called as value.startsWith()"),
        ("profile.name.startsWith()", "1:1", "'startsWith' takes 1 arguments, found 0"),
        ("profile.name.startsWith(1)", "1:25", "'startsWith' takes string, found int"),
        ("profile.name.matches(context.channel)", "1:22", "must be a text literal"),
        ("profile.name.matches('(')", "1:22", "not a regular expression: unclosed group"),
        ("profile.name.matches('(a{1000}){1000}')", "1:22", "too large"),
        ("timestamp('yesterday') < now", "1:1", "not a timestamp"),
        ("duration('1 day') < duration('1h')", "1:1", "not a duration"),
        ("now.getHours('Mars/Base') == 1", "1:14", "unknown time zone"),
        ("profile.idle.getFullYear() == 1", "1:1", "'getFullYear' takes a timestamp"),
        ("1u == 1u", "1:1", "unsigned"),
        ("b'a' == b'a'", "1:1", "bytes"),
        ("profile.tags.exists(t, t > 1)", "1:24", "cannot be compared"),
        ("profile.tags.exists(t, t)", "1:24", "the test of a macro takes bool, found string"),
        ("profile.tags.exists(t.x, true)", "1:22", "simple name"),
        ("1 in profile.tags", "1:1", "never in a list(string)"),
        ("true ? 1 : 'a'", "1:1", "the branches differ in type: int and string"),
        ("profile.tags['a'] == 'x'", "1:14", "the index of a list takes int"),
        ("has(profile)", "1:5", "invalid argument to has() macro"),
        ("1 +", "1:4", "syntax error"),
        ("profile.age = 1", "1:13", "expected '==', found '='"),
        ("(1 == 1", "1:1", "'(' is never closed"),
        ("1 == 1)", "1:7", "unexpected ')'"),
        ("[1 == 1)", "1:8", "unexpected ')'"),
        ("'abc", "1:1", "text literal without an end"),
        ("'\\q' == ''", "1:2", "unknown escape"),
        ("profile.age # 1", "1:13", "unexpected character '#'"),
        ("'한국' == '한' && \u{1F600}", "1:16", "unexpected character"),
        ("'한국어' == profile.agee", "1:10", "unknown field"),
        ("", "1:1", "expected an expression"),
        (" // nothing", "1:1", "expected an expression"),
        ("99999999999999999999 == 1", "1:1", "invalid int literal"),
        ("while == 1", "1:1", "reserved identifier"),
        ("a.b{c: 1} == 1", "1:4", "messages cannot be built"),
        ("profile.?age == 1", "1:8", "unsupported syntax"),
    ] {
        let errors = compile(text, &schema(), Type::Bool).expect_err(text);
        let shown = errors[0].to_string();
        assert!(shown.starts_with(&format!("{at}: ")) && shown.contains(part), "{text}\n  {shown}");
    }
}

#[test]
fn every_broken_part_is_reported_at_once() {
    let errors =
        compile("profile.agee > 1 &&\n profile.nam == 'x' &&\n  profile.age > 'x'", &schema(), Type::Bool).unwrap_err();
    let places: Vec<_> = errors.iter().map(|error| (error.position.line, error.position.column)).collect();
    assert_eq!(places, [(1, 1), (2, 2), (3, 3)]);
    assert_eq!("profile.agee", &"profile.agee > 1"[errors[0].position.bytes.clone()]);
}

#[test]
fn violations_name_the_field_and_the_place() {
    let violations = check_boolean("offer.eligibility", "profile.age >\n 'x'", &schema());
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].field, "offer.eligibility");
    assert!(violations[0].description.starts_with("1:1: a value of type int"), "{}", violations[0].description);
    assert!(check_boolean("offer.eligibility", "profile.age > 1", &schema()).is_empty());
}

#[test]
fn values_of_other_types() {
    let value = |text, of| program(text, of).value(&source()).unwrap();
    assert_eq!(value("profile.age * 2", Type::Int), Value::Int(82));
    assert_eq!(value("profile.limits.map(x, double(x))", Type::list(Type::Double)), Value::from(vec![1.0, 2.0, 3.0]));
    assert_eq!(value("event.amount", Type::Any), Value::Int(120));
    assert!(program("count", Type::Int).value(&source()).is_err());
    assert!(compile("profile.age", &schema(), Type::Double).is_err());
}

#[test]
fn a_value_of_an_undeclared_type_is_an_error_not_a_panic() {
    let odd = MapSource::from_json(&schema(), &serde_json::json!({"profile": {"age": "old", "tags": 3, "vip": "yes"}}));
    for text in [
        "profile.age > 1",
        "'a' in profile.tags",
        "profile.vip",
        "size(profile.tags) == 1",
        "profile.tags.all(t, true)",
    ] {
        let Outcome::Error(reason) = program(text, Type::Bool).evaluate(&odd) else { panic!("{text}") };
        assert_eq!(reason.cause, Cause::WrongType, "{text}");
    }
}

#[test]
fn json_is_converted_where_nothing_is_lost() {
    let json = serde_json::json!({"profile": {"age": 41.0, "score": 3, "joined": null, "tags": ["a", null]}, "event": {"n": null}});
    let source = MapSource::from_json(&schema(), &json);
    for text in
        ["profile.age == 41 && profile.score == 3.0", "!has(profile.joined)", "size(profile.tags) == 1", "has(event.n)"]
    {
        assert_eq!(program(text, Type::Bool).evaluate(&source), Outcome::True, "{text}");
    }
}
