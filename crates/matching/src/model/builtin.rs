//! The model of a service that nobody has trained yet.

use super::{Column, Model};
use crate::blocking::{Key, Part, Rule};
use crate::comparison::{Kind, LEVELS, of_household};
use crate::table::{Source, SourcePart};
use crate::text::{Hints, Role};

/// Role, share of the most usual value, parent.
const COLUMNS: [(Role, f64, Option<usize>); 10] = [
    (Role::GivenName, 0.004, None),
    (Role::FamilyName, 0.003, None),
    (Role::DateOfBirth, 0.000_05, None),
    (Role::Phone, 0.000_002, None),
    (Role::Email, 0.000_002, None),
    (Role::Postcode, 0.001, None),
    (Role::City, 0.01, Some(5)),
    (Role::Street, 0.0003, Some(5)),
    (Role::HouseNumber, 0.02, Some(7)),
    (Role::NationalId, 0.000_001, None),
];

pub(super) fn model() -> Model {
    let columns = COLUMNS.iter().enumerate().map(|(at, (role, rare, parent))| {
        let kind = Kind::of(*role);
        let matched = kind.prior();
        let strangers = strangers(*rare);
        let mut household = if of_household(*role) { matched } else { strangers };
        if *role == Role::DateOfBirth {
            household = with_twins(household);
        }
        let mut u = [strangers; 3];
        let mut m = [matched; 3];
        if parent.is_some() {
            // Who lives in another area also lives in another street; who lives in the same town often shares its parts.
            u[2] = strangers_near(strangers);
            m[1] = [0.0, 0.6, 0.08, 0.05, 0.03, 0.0, 0.24];
        }
        Column {
            name: role.name().to_owned(),
            role: *role,
            hints: Hints::default(),
            sources: sources(*role),
            kind,
            parents: parent.iter().copied().collect(),
            swap: match at {
                0 => Some(1),
                1 => Some(0),
                _ => None,
            },
            m,
            u,
            h: [household; 3],
            frequencies: Vec::new(),
            rare: *rare,
        }
    });
    let whole = |column: usize| Key { column, part: Part::Whole, either: None };
    let key = |column: usize| Key { column, part: Part::Key, either: None };
    let rule = |keys: &[Key]| Rule { keys: keys.to_vec() };
    Model {
        columns: columns.collect(),
        rules: vec![
            rule(&[whole(3)]),
            rule(&[whole(4)]),
            rule(&[whole(9)]),
            rule(&[whole(2), key(0)]),
            rule(&[whole(2), key(1)]),
            rule(&[key(0), key(1)]),
            rule(&[Key { column: 0, part: Part::Whole, either: Some(1) }]),
            rule(&[whole(7), whole(8), key(0)]),
        ],
        match_share: 1e-6,
        household_share: 1e-6,
        threshold: 0.9,
        records: 0,
    }
}

fn strangers(rare: f64) -> [f64; LEVELS] {
    let near = (rare * 8.0).min(0.05);
    [0.0, 1.0 - 3.0 * near - rare, near, near, near / 2.0, near / 2.0, rare]
}

/// One pair of a household in a hundred are twins.
fn with_twins(mut levels: [f64; LEVELS]) -> [f64; LEVELS] {
    const TWINS: f64 = 0.01;
    levels[1] -= TWINS - levels[6];
    levels[6] = TWINS;
    levels
}

fn strangers_near(far: [f64; LEVELS]) -> [f64; LEVELS] {
    let exact = (far[6] * 50.0).min(0.5);
    let near = (far[3] * 5.0).min(0.1);
    [0.0, 1.0 - 3.0 * near - exact, near, near, near / 2.0, near / 2.0, exact]
}

/// A field comes from an attribute of its name; names also from a whole name.
fn sources(role: Role) -> Vec<Source> {
    let own = Source { column: role.name().to_owned(), role, part: SourcePart::Whole };
    let part = match role {
        Role::GivenName => SourcePart::Given,
        Role::FamilyName => SourcePart::Family,
        _ => return vec![own],
    };
    vec![own, Source { column: Role::FullName.name().to_owned(), role: Role::FullName, part }]
}
