//! What a column as a whole tells about each of its values.

use super::{Role, date, han, phone};
use serde::{Deserialize, Serialize};

/// In which order the parts of a date stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// Year, month, day.
    #[default]
    Ymd,
    /// Day, month, year.
    Dmy,
    /// Month, day, year.
    Mdy,
}

/// How Chinese characters of names are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HanReading {
    /// As Mandarin.
    #[default]
    Mandarin,
    /// As Korean when the family name is one that is mostly Korean, as Mandarin otherwise.
    Mixed,
    /// As Korean.
    Korean,
}

/// What is known of a column as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hints {
    /// Order of dates whose parts do not tell it.
    pub date_order: DateOrder,
    /// The calling code of the country that phone numbers without one are of; 0 when not known.
    pub calling_code: u16,
    /// How Chinese characters of names are read.
    pub han: HanReading,
}

impl Hints {
    /// Learns from values of a column; a few hundred tell enough.
    pub fn infer(role: Role, sample: &[&str]) -> Self {
        let mut hints = Self::default();
        match role {
            Role::DateOfBirth => hints.date_order = date::order(sample),
            Role::Phone => hints.calling_code = phone::calling_code(sample),
            _ => hints.han = han::reading(sample),
        }
        hints
    }
}
