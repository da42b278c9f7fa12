//! Limits at their edges, and input that means harm.

#![allow(clippy::unwrap_used, clippy::panic, reason = "outside of a test function, but only for tests")]

mod support;

use attune_expression::{Cause, Limits, MapSource, Outcome, Type, compile, compile_with};
use proptest::prelude::*;
use support::{program, schema, source};

fn message(text: &str) -> Option<String> {
    compile(text, &schema(), Type::Any).err().map(|errors| errors[0].message.clone())
}

#[test]
fn source_length() {
    let padded = |bytes: usize| format!("true{}", " ".repeat(bytes - 4));
    assert_eq!(message(&padded(8192)), None);
    assert_eq!(message(&padded(8193)).unwrap(), "longer than 8192 bytes");
}

#[test]
fn nesting_depth() {
    let nested = |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    for (open, close) in [("(", ")"), ("-(", ")"), ("size([", "])")] {
        let per_level = if open == "(" { 1 } else { 2 };
        assert_eq!(message(&nested(open, close, 64 / per_level)), None, "{open}");
        let refused = message(&nested(open, close, 64 / per_level + 1));
        assert_eq!(refused.unwrap(), "nested deeper than 64 levels", "{open}");
    }
    let sum = |terms: usize| vec!["1"; terms].join(" + ");
    assert_eq!(message(&sum(65)), None);
    assert_eq!(message(&sum(66)).unwrap(), "nested deeper than 64 levels");
    let selected = |keys: usize| format!("event{}", ".a".repeat(keys));
    assert_eq!(message(&selected(64)), None);
    assert_eq!(message(&selected(65)).unwrap(), "nested deeper than 64 levels");
    let conditional = |tests: usize| format!("{}1", "true ? 1 : ".repeat(tests));
    assert_eq!(message(&conditional(64)), None);
    assert_eq!(message(&conditional(65)).unwrap(), "nested deeper than 64 levels");
}

#[test]
fn a_long_conjunction_is_not_deep() {
    let terms: Vec<String> = (0..300).map(|n| format!("profile.age != {}", n + 100)).collect();
    for connective in [" && ", " || "] {
        assert_eq!(program(&terms.join(connective), Type::Bool).evaluate(&source()), Outcome::True);
    }
}

#[test]
fn literal_size() {
    let list = |items: usize| format!("1 in [{}]", vec!["1"; items].join(","));
    assert_eq!(message(&list(1000)), None);
    assert_eq!(message(&list(1001)).unwrap(), "a literal of 1001 elements, at most 1000 are allowed");
    let limits = Limits { literal_items: 2, ..Limits::default() };
    let with = |text: &str| compile_with(text, &schema(), Type::Any, &limits).is_ok();
    assert!(with("{'a': 1, 'b': 2}") && !with("{'a': 1, 'b': 2, 'c': 3}"));
}

#[test]
fn cost() {
    let json = serde_json::json!({"profile": {"limits": (0..100).collect::<Vec<i64>>()}});
    let hundred = MapSource::from_json(&schema(), &json);
    let nested = |levels: usize| {
        let range = |level: usize| format!("profile.limits.all(x{level}, ");
        format!("{}true{}", (0..levels).map(range).collect::<String>(), ")".repeat(levels))
    };
    assert_eq!(program(&nested(2), Type::Bool).evaluate(&hundred), Outcome::True);
    let Outcome::Error(reason) = program(&nested(4), Type::Bool).evaluate(&hundred) else { panic!() };
    assert_eq!(reason.cause, Cause::TooCostly);
    // Absorption must not turn an expression that ran out of steps into an answer.
    let absorbing = format!("{} || true", nested(4));
    assert!(matches!(program(&absorbing, Type::Bool).evaluate(&hundred), Outcome::Error(_)));
    let limits = Limits { steps: 5, ..Limits::default() };
    let with = |text: &str| compile_with(text, &schema(), Type::Bool, &limits).unwrap().evaluate(&hundred);
    assert_eq!(with("1 + 1 == 2"), Outcome::True);
    assert!(matches!(with("1 + 1 + 1 == 3"), Outcome::Error(_)));
}

#[test]
fn text_that_doubles_is_stopped() {
    let doubling = format!("size(['aaaaaaaaaaaaaaaa']{}[0]) > 0", ".map(x, x + x)".repeat(28));
    let Outcome::Error(reason) = program(&doubling, Type::Bool).evaluate(&source()) else { panic!() };
    assert_eq!(reason.cause, Cause::TooCostly);
}

#[test]
fn reading_and_copying_large_values_is_paid_for() {
    let json = serde_json::json!({"profile": {"limits": (0..5000).collect::<Vec<i64>>()}});
    let large = MapSource::from_json(&schema(), &json);
    for text in [
        "profile.limits.all(x, x in profile.limits)",
        "profile.limits.all(x, profile.limits == profile.limits)",
        "size(profile.limits.map(x, profile.limits)) == 5000",
        "profile.limits.all(x, size([profile.limits]) == 1)",
    ] {
        let Outcome::Error(reason) = program(text, Type::Bool).evaluate(&large) else { panic!("{text}") };
        assert_eq!(reason.cause, Cause::TooCostly, "{text}");
    }
    assert_eq!(program("4999 in profile.limits", Type::Bool).evaluate(&large), Outcome::True);
}

#[test]
fn the_deepest_expressions_parse_on_a_small_stack() {
    let texts = [
        format!("{}true{}", "(".repeat(64), ")".repeat(64)),
        format!("{}1{}", "[".repeat(63), "]".repeat(63)),
        format!("{}1{}", "{'a': ".repeat(62), "}".repeat(62)),
        format!("{}true{}", "[1].all(x, ".repeat(30), ")".repeat(30)),
    ];
    let small = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let done = small.spawn(move || {
        for text in texts {
            let program = compile(&text, &schema(), Type::Any).unwrap();
            assert!(program.value(&source()).is_ok(), "{text}");
        }
    });
    done.unwrap().join().unwrap();
}

fn seeds() -> Vec<String> {
    [
        "profile.age > 40 && profile.name in ['a', \"b\", r'c']",
        "has(context.channel) ? context['channel'].matches('^w.*$') : !profile.vip",
        "profile.holdings.exists(h, h.kind == 'loan' && h.balance > -1.5e3) || {'a': [1, 0x2]}['a'][0] == 1",
        "now - duration('30d') > profile.joined && now.getHours('Asia/Seoul') % 2 == 0 // note",
        "profile.limits.map(x, x > 1, x * 2).filter(y, y != 4).exists_one(z, z == 6)",
        "'''a\nb''' + \"\\u00e9\\n\" == string(1) && int('1') in profile.limits",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn tokens() -> Vec<&'static str> {
    vec![
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "'",
        "\"",
        "'''",
        "r'",
        "b'",
        "\\",
        ".",
        ",",
        "?",
        ":",
        "!",
        "-",
        "+",
        "&&",
        "||",
        "==",
        "<",
        "in",
        "has(",
        ".all(",
        ".map(",
        "x",
        "profile",
        "now",
        "null",
        "true",
        "1",
        "0x",
        "1e",
        "9223372036854775808",
        "1u",
        "@",
        "`a`",
        "//",
        "\n",
        "\u{0}",
        "é",
        "\u{1F600}",
        "matches",
        "timestamp('",
        "e9999",
        ".?",
        "[?",
        "optional",
    ]
}

/// Compiles and, if it compiles, runs: neither may panic, and a refusal has a place inside the text.
fn survive(text: &str) -> Result<(), TestCaseError> {
    match compile(text, &schema(), Type::Any) {
        Ok(program) => {
            let _ = program.value(&source());
            let _ = program.evaluate(&MapSource::empty(&schema()));
        }
        Err(errors) => {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(
                    error.position.bytes.end <= text.len() && error.position.line > 0 && error.position.column > 0
                );
                prop_assert!(text.get(error.position.bytes).is_some() && !error.message.is_empty());
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_is_survived(text in any::<String>()) {
        survive(&text)?;
    }

    #[test]
    fn arbitrary_tokens_are_survived(parts in prop::collection::vec(prop::sample::select(tokens()), 0..40)) {
        survive(&parts.concat())?;
        survive(&parts.join(" "))?;
    }

    #[test]
    fn mutated_expressions_are_survived(
        seed in prop::sample::select(seeds()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4, prop::sample::select(tokens())), 1..5),
    ) {
        let mut text = seed;
        for (place, kind, token) in edits {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let at = *place.get(&places);
            match kind {
                0 => text.insert_str(at, token),
                1 => text.truncate(at),
                2 if at < text.len() => { text.remove(at); }
                _ => { let tail = text[at..].to_owned(); text.push_str(&tail); }
            }
        }
        survive(&text)?;
    }
}
