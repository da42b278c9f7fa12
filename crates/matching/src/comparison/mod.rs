//! How alike two values of one column are, as a level from 1 (different) to 6 (equal); 0 says that one is missing.
//!
//! Levels have the same rank in every kind of column, so that patterns of levels can be counted, learned from and shown
//! without knowing what the columns mean.

mod level;

pub(crate) use level::{Value, level};

use crate::text::Role;
use serde::{Deserialize, Serialize};

/// Levels of a comparison, the missing one included.
pub const LEVELS: usize = 7;
/// Columns that can be compared at most; a pattern of levels has four bits for each.
pub const COLUMNS: usize = 16;

/// One of the two values is missing.
pub const MISSING: u8 = 0;
/// Nothing in common.
pub const DIFFERENT: u8 = 1;
/// A trace of likeness.
pub const WEAK: u8 = 2;
/// One or two slips apart.
pub const CLOSE: u8 = 3;
/// The same in another spelling, script or form.
pub const KEY: u8 = 4;
/// The same, but in the place of another column.
pub const SWAPPED: u8 = 5;
/// Equal.
pub const EXACT: u8 = 6;

/// How the values of a column are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One name.
    Name,
    /// A whole name, in any order.
    FullName,
    /// A date.
    Date,
    /// Digits or letters without meaning, such as a phone or a national number.
    Code,
    /// A mail address.
    Email,
    /// A short code of an area.
    Postcode,
    /// Words.
    Text,
    /// A number.
    Number,
    /// One of few values.
    Category,
}

impl Kind {
    /// How values of a role are compared.
    pub fn of(role: Role) -> Self {
        match role {
            Role::GivenName | Role::FamilyName => Self::Name,
            Role::FullName => Self::FullName,
            Role::DateOfBirth => Self::Date,
            Role::Phone | Role::NationalId => Self::Code,
            Role::Email => Self::Email,
            Role::Postcode => Self::Postcode,
            Role::Street | Role::City | Role::Region | Role::FreeText => Self::Text,
            Role::HouseNumber | Role::Category => Self::Category,
            Role::Number => Self::Number,
        }
    }

    /// What a level means for this kind.
    pub fn label(self, level: u8) -> &'static str {
        match (level, self) {
            (MISSING, _) => "missing",
            (EXACT, _) => "exact",
            (SWAPPED, Self::Date) => "day and month swapped",
            (SWAPPED, Self::Email) => "same before the @",
            (SWAPPED, _) => "swapped",
            (KEY, Self::Name | Self::FullName) => "same in another spelling",
            (KEY, Self::Date | Self::Email) => "one slip",
            (KEY, _) => "same in another form",
            (CLOSE, Self::Date) => "two parts equal",
            (CLOSE, Self::Email) => "same but for digits",
            (CLOSE, Self::Code) => "one slip",
            (CLOSE, _) => "close",
            (WEAK, Self::Date) => "near in time",
            (WEAK, _) => "somewhat alike",
            _ => "different",
        }
    }

    /// Where learning starts: probability of levels 1 to 6 among matches.
    pub fn prior(self) -> [f64; LEVELS] {
        match self {
            Self::Name => [0.0, 0.04, 0.03, 0.06, 0.04, 0.01, 0.82],
            Self::FullName => [0.0, 0.03, 0.07, 0.07, 0.06, 0.01, 0.76],
            Self::Date => [0.0, 0.03, 0.01, 0.02, 0.05, 0.01, 0.88],
            Self::Code => [0.0, 0.12, 0.03, 0.06, 0.02, 0.0, 0.77],
            Self::Email => [0.0, 0.14, 0.03, 0.05, 0.06, 0.04, 0.68],
            Self::Postcode => [0.0, 0.10, 0.03, 0.05, 0.0, 0.0, 0.82],
            Self::Text => [0.0, 0.12, 0.05, 0.06, 0.03, 0.001, 0.74],
            Self::Number => [0.0, 0.12, 0.0, 0.06, 0.0, 0.0, 0.82],
            Self::Category => [0.0, 0.12, 0.0, 0.0, 0.0, 0.0, 0.88],
        }
    }
}

/// Whether two persons of one household usually agree on a role.
pub(crate) fn of_household(role: Role) -> bool {
    matches!(
        role,
        Role::FamilyName | Role::Phone | Role::Postcode | Role::Street | Role::HouseNumber | Role::City | Role::Region
    )
}

/// Whether two fields are swapped, from the level that each reaches in the other's place (missing: nothing to compare):
/// one must be equal there, and the other must not contradict it.
pub(crate) fn crossed(one: u8, other: u8) -> bool {
    let fits = |level: u8| level == MISSING || level >= CLOSE;
    one == EXACT && fits(other) || other == EXACT && fits(one)
}
