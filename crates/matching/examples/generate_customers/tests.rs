//! The same seed gives the same file, and every difficulty occurs about as often as it should.

use std::collections::HashMap;
use std::convert::Infallible;

use crate::profile::{Profile, TRUTH, generate};
use crate::random::{Random, Zipf};
use crate::slips::{slip, slip_digits};
use crate::tally::{Class, Tally};

fn file(profile: Profile, records: usize, seed: u64, noise: f64) -> (String, Tally) {
    let mut bytes = Vec::new();
    let tally = generate(profile, records, seed, noise, |piece| {
        bytes.extend_from_slice(piece);
        Ok::<(), Infallible>(())
    });
    let Ok(tally) = tally;
    (String::from_utf8(bytes).unwrap(), tally)
}

/// Fields of a line whose quoted fields hold commas but no line ends.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for char in line.chars() {
        match char {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => fields.last_mut().unwrap().push(char),
        }
    }
    fields
}

#[test]
fn the_seed_decides() {
    for (name, profile) in Profile::ALL {
        let (one, tally) = file(profile, 2_000, 7, 1.0);
        assert_eq!((&one, &tally), (&file(profile, 2_000, 7, 1.0).0, &file(profile, 2_000, 7, 1.0).1), "{name}");
        assert_ne!(one, file(profile, 2_000, 8, 1.0).0, "{name}");
        assert_eq!(tally.records, 2_000, "{name}");
    }
}

#[test]
fn every_line_has_every_column_and_an_id_of_its_own() {
    for (name, profile) in Profile::ALL {
        let (file, tally) = file(profile, 5_000, 3, 1.0);
        let mut lines = file.lines();
        let header = fields(lines.next().unwrap());
        assert_eq!(header.last().unwrap(), TRUTH, "{name}");
        let mut ids = HashMap::new();
        let mut persons: HashMap<String, usize> = HashMap::new();
        for line in lines {
            let fields = fields(line);
            assert_eq!(fields.len(), header.len(), "{name}: {line}");
            assert!(ids.insert(fields[0].clone(), ()).is_none(), "{name}: {line}");
            *persons.entry(fields.last().unwrap().clone()).or_default() += 1;
        }
        assert_eq!(ids.len(), 5_000, "{name}");
        assert_eq!(persons.len() as u64, tally.persons, "{name}");
        assert!(persons.values().all(|count| (1..=8).contains(count)), "{name}");
        let alone = persons.values().filter(|count| **count == 1).count() as f64 / persons.len() as f64;
        assert!((0.3..0.7).contains(&alone), "{name}: {alone}");
    }
}

#[test]
fn difficulties_occur_within_bounds() {
    let (_, tally) = file(Profile::Western, 60_000, 5, 1.0);
    let share = |class: Class| tally.of(class) as f64 / tally.records as f64;
    let bounds = [
        (Class::Keyboard, 0.04, 0.2),
        (Class::Transposed, 0.02, 0.12),
        (Class::Dropped, 0.005, 0.05),
        (Class::Doubled, 0.004, 0.05),
        (Class::Misread, 0.004, 0.05),
        (Class::Missing, 0.5, 1.5),
        (Class::Garbage, 0.03, 0.25),
        (Class::SwappedNames, 0.005, 0.03),
        (Class::Nickname, 0.01, 0.08),
        (Class::Initial, 0.005, 0.04),
        (Class::Married, 0.005, 0.05),
        (Class::Moved, 0.03, 0.15),
        (Class::ChangedPhone, 0.03, 0.15),
        (Class::ChangedEmail, 0.03, 0.15),
        (Class::DayMonthSwapped, 0.001, 0.02),
        (Class::DefaultDate, 0.003, 0.02),
        (Class::OtherDateForm, 0.002, 0.02),
        (Class::SharedPhone, 0.02, 0.1),
        (Class::SharedEmail, 0.008, 0.06),
    ];
    for (class, low, high) in bounds {
        assert!((low..high).contains(&share(class)), "{class:?}: {}", share(class));
    }
    let households = |class: Class| tally.of(class) as f64 / tally.households as f64;
    for (class, low, high) in [
        (Class::Twins, 0.003, 0.02),
        (Class::SameNameParent, 0.003, 0.02),
        (Class::SharedFlat, 0.05, 0.12),
        (Class::FlatInBlock, 0.1, 0.3),
    ] {
        assert!((low..high).contains(&households(class)), "{class:?}: {}", households(class));
    }
    let noisy = tally.of(Class::NoisyPerson) as f64 / tally.persons as f64;
    assert!((0.005..0.03).contains(&noisy), "{noisy}");
}

#[test]
fn noise_is_a_factor() {
    let slips = |noise: f64| {
        let (_, tally) = file(Profile::Western, 20_000, 9, noise);
        tally.of(Class::Keyboard) + tally.of(Class::Transposed) + tally.of(Class::Dropped)
    };
    assert_eq!(slips(0.0), 0);
    let (once, twice) = (slips(1.0) as f64, slips(2.0) as f64);
    assert!((1.6..2.4).contains(&(twice / once)), "{once} {twice}");
}

#[test]
fn one_name_is_written_in_several_scripts() {
    let (file, _) = file(Profile::KoreanChineseRomanised, 5_000, 2, 1.0);
    let mut scripts: HashMap<String, [bool; 3]> = HashMap::new();
    for line in file.lines().skip(1) {
        let fields = fields(line);
        let first = fields[1].chars().next().unwrap();
        let script = match first {
            '\u{ac00}'..='\u{d7a3}' => 0,
            '\u{4e00}'..='\u{9fff}' => 1,
            _ => 2,
        };
        scripts.entry(fields[5].clone()).or_default()[script] = true;
    }
    let mixed = scripts.values().filter(|seen| seen.iter().filter(|seen| **seen).count() > 1).count();
    assert!(mixed * 5 > scripts.len(), "{mixed} of {}", scripts.len());
    assert!((0..3).all(|script| scripts.values().any(|seen| seen[script])));
}

#[test]
fn a_slip_is_one_slip() {
    let mut random = Random::new(4, 4);
    let mut tally = Tally::default();
    for word in ["Elizabeth", "corn", "ab", "Müller", "kim"] {
        for _ in 0..200 {
            let slipped = slip(&mut random, &mut tally, word);
            let (long, short) = (word.chars().count(), slipped.chars().count());
            assert!(long.abs_diff(short) <= 1, "{word} {slipped}");
            assert_ne!(slipped, word);
        }
    }
    assert_eq!(slip(&mut random, &mut tally, "J"), "J");
    for _ in 0..200 {
        let slipped = slip_digits(&mut random, &mut tally, "1990-12-31");
        assert_eq!(slipped.len(), 10);
        assert_ne!(slipped, "1990-12-31");
    }
}

#[test]
fn frequent_words_are_frequent() {
    let law = Zipf::new(100, 1.0, 1.0);
    let mut random = Random::new(1, 1);
    let mut counts = [0u32; 100];
    for _ in 0..100_000 {
        counts[law.draw(&mut random)] += 1;
    }
    assert!(counts[0] > counts[9] * 7 && counts[0] < counts[9] * 13, "{} {}", counts[0], counts[9]);
    assert!(counts[99] > 0);
}
