//! What preparing a value and comparing two of them costs, in nanoseconds of processor time a call.
//!
//! `cargo run --release -p attune-matching --example text_speed`

use attune_matching::similarity::{damerau_levenshtein, jaro_winkler, qgram_dice, token_set};
use attune_matching::text::{Form, Hints, Role, prepare_into};
use std::hint::black_box;

/// Processor time of this process so far, in nanoseconds.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or_default()
}

/// Nanoseconds a call, least of several rounds.
fn measure(calls: usize, mut round: impl FnMut()) -> f64 {
    let rounds = (0..7).map(|_| {
        let start = processor_time();
        for _ in 0..200_000 / calls {
            round();
        }
        (processor_time() - start) / (200_000 / calls * calls) as f64
    });
    rounds.fold(f64::MAX, f64::min)
}

fn main() {
    let values: &[(Role, &str, &[&str])] = &[
        (Role::GivenName, "Latin", &["Olivia", "william", "Min-soo", "Jean Pierre", "Mary"]),
        (Role::FamilyName, "Latin", &["Harvey", "O'Neill", "Smith-Jones", "KIM", "Upwater"]),
        (Role::FamilyName, "accents", &["Müller", "Núñez", "Çelik", "Øster", "Łuc"]),
        (Role::GivenName, "Hangul", &["민수", "영희", "지연", "하은", "서현"]),
        (Role::FullName, "Latin", &["Olivia Harvey", "Kim Minsu", "SMITH, John", "Dr. Ada Byron", "Min-soo KIM"]),
        (Role::FullName, "Hangul", &["김민수", "이영희", "박 지성", "남궁민수", "최지연"]),
        (Role::FullName, "Han", &["王小明", "张伟", "欧阳小明", "李雷", "劉德華"]),
        (Role::DateOfBirth, "all", &["1990-01-02", "19081209", "2/3/1980", "1990.1.2", "1971-12-31"]),
        (Role::Phone, "all", &["010-1234-5678", "+82 10 1234 5678", "02 6612 3456", "(555) 123-4567", "4155551234"]),
        (Role::Email, "all", &["jane.doe@gmail.com", "x17@firm.de", "KIM@example.org", "a.b@c.com", "olivia.h@web.de"]),
        (
            Role::Street,
            "Latin",
            &["12 Main Street", "Hauptstraße 5", "rue de la paix", "elm rd", "1/23 stanley circuit"],
        ),
        (Role::Street, "Korean", &["서울특별시 강남구 테헤란로 123", "경기도 수원시 매탄동 12-3번지"]),
        (Role::City, "Latin", &["London", "Seoul", "New York", "st. albans", "Busan"]),
        (Role::Postcode, "all", &["2600", "SW1A 1AA", "12345-6789", "06236", "100080"]),
        (Role::FreeText, "Latin", &["brentwood vlge", "kookaburra court", "abc", "blue house", "x y z"]),
    ];
    let mut form = Form::default();
    for (role, kind, values) in values {
        let hints = Hints::infer(*role, values);
        let cost = measure(values.len(), || {
            for value in *values {
                black_box(prepare_into(*role, black_box(value), &hints, &mut form));
            }
        });
        show(&format!("prepare {} ({kind})", role.name()), cost);
    }
    let pairs: &[(&str, &str)] = &[
        ("williams", "wiliams"),
        ("harvey", "olivia"),
        ("johnston", "johnson"),
        ("palmer", "palmer"),
        ("catherine", "katherine"),
    ];
    let eastern: &[(&str, &str)] = &[("민수", "민서"), ("김민수", "김민지"), ("王小明", "王小红")];
    let lines: &[(&str, &str)] = &[("12 main st", "12 maine st"), ("stanley circuit", "circuit stanly")];
    type Compare = fn(&[u8], &[u8]) -> f32;
    let compares: [(&str, Compare); 4] = [
        ("jaro_winkler", jaro_winkler),
        ("damerau_levenshtein (2)", |a, b| damerau_levenshtein(a, b, 2) as f32),
        ("token_set", token_set),
        ("qgram_dice", |a, b| qgram_dice(a, b, 2)),
    ];
    for (name, compare) in compares {
        for (kind, pairs) in [("names", pairs), ("Hangul and Han", eastern), ("lines", lines)] {
            let cost = measure(pairs.len(), || {
                for (a, b) in pairs {
                    black_box(compare(black_box(a.as_bytes()), black_box(b.as_bytes())));
                }
            });
            show(&format!("{name} ({kind})"), cost);
        }
    }
}

#[allow(clippy::print_stdout, reason = "this is what the program is for")]
fn show(name: &str, cost: f64) {
    println!("{name:44}{cost:8.0} ns");
}
