//! What a run promises, on small tables of made-up people.

use super::*;
use crate::config::{ColumnConfig, RuleConfig};
use crate::text::Role;
use proptest::prelude::*;

const GIVEN: [&str; 24] = [
    "anna", "bruno", "carla", "dieter", "elena", "fabian", "greta", "henrik", "ines", "jonas", "katja", "lorenz",
    "maria", "nils", "olga", "peter", "quirin", "rosa", "stefan", "tina", "ulrich", "vera", "wolfgang", "yvonne",
];
const FAMILY: [&str; 20] = [
    "albrecht", "brandt", "conrad", "dorn", "engel", "falk", "gruber", "haas", "iversen", "jahn", "kessler", "lindner",
    "moser", "noll", "oster", "pohl", "quast", "rieger", "seidel", "thoma",
];

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

/// Rows of people, each with one to three records, some with a slip; and whose they are.
fn people(persons: usize, seed: u64) -> (Vec<Vec<String>>, Vec<u32>) {
    let mut dice = Dice(seed);
    let (mut rows, mut truth) = (Vec::new(), Vec::new());
    for person in 0..persons {
        let given = GIVEN[dice.roll(GIVEN.len())];
        let family = FAMILY[dice.roll(FAMILY.len())];
        let born = format!("{}-{:02}-{:02}", 1940 + dice.roll(70), 1 + dice.roll(12), 1 + dice.roll(28));
        let phone = format!("0151{:07}", dice.roll(10_000_000));
        let email = format!("{given}.{family}{}@example.org", dice.roll(1000));
        for _ in 0..1 + dice.roll(3) {
            let mut row = vec![given.to_owned(), family.to_owned(), born.clone(), phone.clone(), email.clone()];
            if dice.roll(3) == 0 {
                let at = dice.roll(2);
                let cut = 1 + dice.roll(row[at].len() - 2);
                row[at].remove(cut);
            }
            if dice.roll(4) == 0 {
                row[2 + dice.roll(3)] = String::new();
            }
            rows.push(row);
            truth.push(person as u32);
        }
    }
    (rows, truth)
}

const HEADER: [&str; 5] = ["Vorname", "Nachname", "Geburtsdatum", "Telefon", "E-Mail"];

fn find(config: Option<Config>, options: Options, rows: &[Vec<String>]) -> Outcome {
    let mut dedupe = Dedupe::new(config, options);
    let mut input = dedupe.add_input("people", &HEADER).unwrap();
    for row in rows {
        input.push(row.iter().map(String::as_str)).unwrap();
    }
    dedupe.run(&Times::default, &|_, _, _| ()).unwrap()
}

fn f1(truth: &[u32], clusters: &[u32]) -> f64 {
    let (mut real, mut said, mut both) = (0, 0, 0);
    for a in 0..truth.len() {
        for b in a + 1..truth.len() {
            let (one, other) = (truth[a] == truth[b], clusters[a] == clusters[b]);
            real += u32::from(one);
            said += u32::from(other);
            both += u32::from(one && other);
        }
    }
    2.0 * f64::from(both) / f64::from((real + said).max(1))
}

#[test]
fn people_are_found_without_a_configuration() {
    let (rows, truth) = people(400, 7);
    let outcome = find(None, Options::default(), &rows);
    let found = f1(&truth, &outcome.clusters);
    assert!(found > 0.98, "f1 {found}");
    let roles: Vec<Option<Role>> = outcome.report.config.columns.iter().map(|column| column.role).collect();
    let expected = [Role::GivenName, Role::FamilyName, Role::DateOfBirth, Role::Phone, Role::Email];
    assert_eq!(roles, expected.map(Some));
    assert_eq!(outcome.report.persons as usize, outcome.clusters.iter().max().map_or(0, |most| *most as usize + 1));
    assert!(outcome.pairs.iter().all(|pair| pair.left < pair.right && pair.probability() >= 0.0099));
    assert!(outcome.report.rules.iter().map(|rule| rule.marginal_pairs).sum::<u64>() == outcome.report.pairs_proposed);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (rows, _) = people(300, 11);
    let one = find(None, Options::default(), &rows);
    let four = find(None, Options { threads: 4, ..Options::default() }, &rows);
    assert_eq!(one.clusters, four.clusters);
    assert_eq!(one.pairs, four.pairs);
    assert_eq!(one.model, four.model);
}

#[test]
fn the_report_is_a_configuration_that_gives_the_same() {
    let (rows, _) = people(300, 13);
    let first = find(None, Options::default(), &rows);
    let text = serde_json::to_string(&first.report.config).unwrap();
    let config: Config = serde_json::from_str(&text).unwrap();
    let second = find(Some(config), Options::default(), &rows);
    assert_eq!(first.clusters, second.clusters);
}

#[test]
fn every_pair_kept_weighs_what_its_model_says() {
    let (rows, _) = people(300, 17);
    let outcome = find(None, Options::default(), &rows);
    let prepare = |record: u32| {
        let row = &rows[record as usize];
        outcome.model.prepare(&HEADER.iter().copied().zip(row.iter().map(String::as_str)).collect::<Vec<_>>())
    };
    let mut near = 0;
    for pair in &outcome.pairs {
        let (a, b) = (prepare(pair.left), prepare(pair.right));
        let score = outcome.model.score(&a, &b);
        let waterfall = outcome.model.explain(&a, &b);
        let sum = waterfall.prior + waterfall.steps.iter().map(|step| step.weight).sum::<f64>();
        assert!((sum - score.weight).abs() < 1e-9 && (waterfall.weight - score.weight).abs() < 1e-9);
        // The model remembers the frequency of common values only.
        near += usize::from((score.weight - f64::from(pair.weight)).abs() < 4.0);
    }
    assert!(near * 20 >= outcome.pairs.len() * 19, "{near} of {}", outcome.pairs.len());
}

#[test]
fn candidates_of_the_model_share_a_key() {
    let (rows, _) = people(300, 19);
    let outcome = find(None, Options::default(), &rows);
    let keys: Vec<Vec<u64>> = rows
        .iter()
        .map(|row| {
            let record: Vec<(&str, &str)> = HEADER.iter().copied().zip(row.iter().map(String::as_str)).collect();
            outcome.model.blocking_keys(&outcome.model.prepare(&record))
        })
        .collect();
    for pair in &outcome.pairs {
        let (a, b) = (&keys[pair.left as usize], &keys[pair.right as usize]);
        assert!(a.iter().any(|key| b.contains(key)), "{pair:?}");
    }
}

#[test]
fn a_model_survives_its_json() {
    let (rows, _) = people(200, 23);
    let model = find(None, Options::default(), &rows).model;
    let again = Model::from_json(&model.to_json()).unwrap();
    assert_eq!(model.version(), again.version());
    assert_eq!(model, again);
    assert!(Model::from_json("{}").is_err());
}

#[test]
fn records_that_all_say_the_same_are_answered() {
    for header in [HEADER.to_vec(), HEADER.iter().map(|_| "").collect()] {
        let names: Vec<String> = header.iter().enumerate().map(|(at, name)| format!("{name}{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let row = &people(1, 3).0[0];
        let mut dedupe = Dedupe::new(None, Options::default());
        let mut input = dedupe.add_input("people", &names).unwrap();
        for _ in 0..5 {
            input.push(row.iter().map(String::as_str)).unwrap();
        }
        let found = dedupe.run(&Times::default, &|_, _, _| ()).unwrap();
        assert_eq!(found.clusters.len(), 5, "every record once");
    }
}

#[test]
fn what_cannot_be_matched_is_refused() {
    let run = |config: Config| {
        let mut dedupe = Dedupe::new(Some(config), Options::default());
        let mut input = dedupe.add_input("people", &HEADER).unwrap();
        for row in people(20, 3).0 {
            input.push(row.iter().map(String::as_str)).unwrap();
        }
        dedupe.run(&Times::default, &|_, _, _| ()).err()
    };
    let column = |name: &str| ColumnConfig { name: name.to_owned(), role: None, hints: None };
    let unknown = Config { columns: vec![column("Alter")], ..Config::default() };
    assert_eq!(run(unknown), Some(Error::UnknownColumn { column: "Alter".to_owned() }));
    let nothing = Config { columns: HEADER.iter().map(|name| column(name)).collect(), ..Config::default() };
    assert_eq!(run(nothing), Some(Error::NoEvidence));
    let key = Config { rules: vec![RuleConfig { keys: vec!["Vorname:nose".to_owned()] }], ..Config::default() };
    assert_eq!(run(key), Some(Error::UnknownKey { key: "Vorname:nose".to_owned() }));
    assert_eq!(run(Config { threshold: Some(1.5), ..Config::default() }), Some(Error::Threshold));
    let mut dedupe = Dedupe::new(None, Options::default());
    assert!(dedupe.add_input("twice", &["a", "a"]).is_err());
    let mut input = dedupe.add_input("short", &["a", "b"]).unwrap();
    let error = input.push(["x"]).err();
    assert_eq!(error, Some(Error::RowLength { input: "short".to_owned(), row: 1, expected: 2, found: 1 }));
}

#[test]
fn empty_and_tiny_tables_are_tables() {
    let none = find(None, Options::default(), &[]);
    assert!(none.clusters.is_empty());
    for persons in 1..4 {
        let (rows, _) = people(persons, 29);
        let outcome = find(None, Options::default(), &rows);
        assert_eq!(outcome.clusters.len(), rows.len());
    }
}

#[test]
fn columns_of_several_inputs_are_joined_by_name() {
    let (rows, truth) = people(300, 31);
    let mut dedupe = Dedupe::new(None, Options::default());
    let half = rows.len() / 2;
    let mut input = dedupe.add_input("one", &HEADER).unwrap();
    for row in &rows[..half] {
        input.push(row.iter().map(String::as_str)).unwrap();
    }
    let reversed: Vec<&str> = HEADER.iter().rev().copied().collect();
    let mut input = dedupe.add_input("two", &reversed).unwrap();
    for row in &rows[half..] {
        input.push(row.iter().rev().map(String::as_str)).unwrap();
    }
    let outcome = dedupe.run(&Times::default, &|_, _, _| ()).unwrap();
    assert!(f1(&truth, &outcome.clusters) > 0.98);
    let records: Vec<u64> = outcome.report.inputs.iter().map(|input| input.records).collect();
    assert_eq!(records, [half as u64, (rows.len() - half) as u64]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_text_is_taken(rows in prop::collection::vec(prop::collection::vec("\\PC{0,12}", 5), 0..30)) {
        let outcome = {
            let mut dedupe = Dedupe::new(None, Options::default());
            let mut input = dedupe.add_input("any", &HEADER).unwrap();
            for row in &rows {
                input.push(row.iter().map(String::as_str)).unwrap();
            }
            dedupe.run(&Times::default, &|_, _, _| ())
        };
        if let Ok(outcome) = outcome {
            prop_assert_eq!(outcome.clusters.len(), rows.len());
            prop_assert!(outcome.pairs.iter().all(|pair| pair.weight.is_finite()));
        }
    }

    #[test]
    fn prepared_records_survive_their_bytes(values in prop::collection::vec("\\PC{0,40}", 5)) {
        let model = Model::default_model();
        let names = ["given_name", "family_name", "date_of_birth", "phone", "street"];
        let record: Vec<(&str, &str)> = names.into_iter().zip(values.iter().map(String::as_str)).collect();
        let prepared = model.prepare(&record);
        prop_assert_eq!(crate::model::Prepared::decode(&prepared.encode()).unwrap(), prepared);
    }
}
