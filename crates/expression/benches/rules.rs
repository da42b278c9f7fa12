//! A thousand rules of twenty comparisons over some 1,200 distinct predicates: the rule set, its programs one by one,
//! and the reference interpreter, in one run over the same texts and values.
//!
//! Two sets: in `all_hold` every predicate holds, so nothing can be left out; in `mixed` one in ten does not.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a program that prints figures")]

use std::collections::{BTreeSet, HashMap};
use std::hint::black_box;

use attune_expression::{Evaluation, MapSource, Program, RuleSet, Schema, Type, compile};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value as Json, json};

const RULES: usize = 1000;
const COMPARISONS: usize = 20;
const PREDICATES: usize = 1200;

/// A linear congruential generator: the same rules in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

fn schema() -> Schema {
    let mut schema =
        Schema::builder().field("context", Type::map(Type::String)).field("profile.tags", Type::list(Type::String));
    for number in 0..16 {
        schema = schema.field(format!("profile.int{number}"), Type::Int);
    }
    for number in 0..6 {
        schema = schema.field(format!("profile.double{number}"), Type::Double);
    }
    for number in 0..10 {
        schema = schema.field(format!("profile.text{number}"), Type::String);
    }
    schema.build().unwrap()
}

fn values() -> Json {
    let mut profile = json!({"tags": (0..20).map(|n| format!("tag{n}")).collect::<Vec<_>>()});
    for number in 0..16 {
        profile[format!("int{number}")] = json!(500);
    }
    for number in 0..6 {
        profile[format!("double{number}")] = json!(0.5);
    }
    for number in 0..10 {
        profile[format!("text{number}")] = json!(format!("value{number}"));
    }
    json!({"context": {"channel": "web", "locale": "ko"}, "profile": profile})
}

/// A predicate that holds, or not.
fn predicate(dice: &mut Dice, holds: bool) -> String {
    let (low, high) = (dice.below(500), 501 + dice.below(499));
    match dice.below(20) {
        0..=9 => {
            let (field, constant) = (dice.below(16), if holds { low } else { high });
            if dice.below(2) == 0 {
                format!("profile.int{field} > {constant}")
            } else {
                format!("profile.int{field} {} {}", if holds { "!=" } else { "==" }, high)
            }
        }
        10..=13 => format!("profile.double{} >= 0.{:03}", dice.below(6), if holds { low } else { high }),
        14 | 15 => {
            format!("profile.text{} {} 'other{}'", dice.below(10), if holds { "!=" } else { "==" }, dice.below(60))
        }
        16 => {
            let field = dice.below(10);
            let own = if holds { format!("value{field}") } else { "none".to_owned() };
            format!("profile.text{field} in ['a{low}', 'b', '{own}']")
        }
        17 => format!("'tag{}' in profile.tags", if holds { dice.below(20) } else { low + 20 }),
        18 => format!("profile.text{}.startsWith('{}')", dice.below(10), if holds { "value" } else { "x" }),
        _ => format!("context.channel {} 'channel{}'", if holds { "!=" } else { "==" }, dice.below(30)),
    }
}

/// The texts of the rules; one in `one_in` predicates does not hold.
fn rules(one_in: Option<usize>) -> Vec<String> {
    let mut dice = Dice(7);
    let mut distinct = BTreeSet::new();
    while distinct.len() < PREDICATES {
        let holds = one_in.is_none_or(|one_in| dice.below(one_in) != 0);
        distinct.insert(predicate(&mut dice, holds));
    }
    let distinct: Vec<String> = distinct.into_iter().collect();
    let mut rule =
        || (0..COMPARISONS).map(|_| distinct[dice.below(PREDICATES)].clone()).collect::<Vec<_>>().join(" && ");
    (0..RULES).map(|_| rule()).collect()
}

fn to_cel(json: &Json) -> cel::Value {
    match json {
        Json::Number(number) => number.as_i64().map_or_else(|| number.as_f64().unwrap().into(), cel::Value::Int),
        Json::String(text) => cel::Value::from(text.as_str()),
        Json::Array(items) => cel::Value::from(items.iter().map(to_cel).collect::<Vec<_>>()),
        Json::Object(entries) => {
            cel::Value::from(entries.iter().map(|(key, value)| (key.clone(), to_cel(value))).collect::<HashMap<_, _>>())
        }
        _ => cel::Value::Null,
    }
}

fn compare(c: &mut Criterion) {
    let schema = schema();
    let source = MapSource::from_json(&schema, &values());
    let mut context = cel::Context::default();
    for (name, value) in values().as_object().unwrap() {
        context.add_variable_from_value(name.as_str(), to_cel(value));
    }
    for (name, one_in) in [("all_hold", None), ("mixed", Some(10))] {
        let texts = rules(one_in);
        let programs: Vec<Program> = texts.iter().map(|text| compile(text, &schema, Type::Bool).unwrap()).collect();
        let set = RuleSet::new(programs.clone()).unwrap();
        let reference: Vec<cel::Program> = texts.iter().map(|text| cel::Program::compile(text).unwrap()).collect();

        let mut evaluation = set.evaluate(&source);
        for (number, program) in reference.iter().enumerate() {
            assert_eq!(program.execute(&context).unwrap() == cel::Value::Bool(true), evaluation.is_satisfied(number));
        }
        println!(
            "{name}: {} rules, {} distinct predicates, {} computed, {} satisfied",
            set.len(),
            set.predicates(),
            evaluation.computed(),
            evaluation.satisfied().count()
        );

        let mut group = c.benchmark_group(name);
        group.bench_function("rule_set", |b| {
            b.iter(|| set.evaluate_into(black_box(&source), 0..RULES, &mut evaluation))
        });
        group.bench_function("programs", |b| {
            b.iter(|| programs.iter().filter(|program| program.evaluate(black_box(&source)).is_true()).count());
        });
        group.bench_function("explain_all", |b| {
            b.iter(|| {
                let mut evaluation = Evaluation::default();
                set.evaluate_into(&source, 0..RULES, &mut evaluation);
                set.explain_all(black_box(&source), &mut evaluation).len()
            });
        });
        group.sample_size(20);
        group.bench_function("reference", |b| {
            b.iter(|| reference.iter().filter(|program| program.execute(black_box(&context)).is_ok()).count());
        });
        group.finish();
    }
}

criterion_group!(benches, compare);
criterion_main!(benches);
