//! Values of every role made comparable, in every script.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

/// What a column says about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Role {
    GivenName,
    FamilyName,
    FullName,
    DateOfBirth,
    Phone,
    Email,
    Postcode,
    Street,
    HouseNumber,
    City,
    Region,
    NationalId,
    Category,
    Number,
    FreeText,
}

impl Role {
    /// The name in configurations and models.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::FullName => "full_name",
            Self::DateOfBirth => "date_of_birth",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Postcode => "postcode",
            Self::Street => "street",
            Self::HouseNumber => "house_number",
            Self::City => "city",
            Self::Region => "region",
            Self::NationalId => "national_id",
            Self::Category => "category",
            Self::Number => "number",
            Self::FreeText => "free_text",
        }
    }
}

/// A value in comparable form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Form {
    /// Folded text.
    pub plain: Vec<u8>,
    /// The form that other spellings and scripts share.
    pub key: Vec<u8>,
}

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

/// What is known of a column as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hints {
    /// Order of dates.
    pub date_order: DateOrder,
}

impl Hints {
    /// Learns from some values.
    pub fn infer(_role: Role, _sample: &[&str]) -> Self {
        Self::default()
    }
}

/// Whether a value says nothing.
pub fn is_missing(value: &str) -> bool {
    let value = value.trim().to_lowercase();
    value.is_empty()
        || ["n/a", "na", "null", "none", "unknown", "-", "0000-00-00", "없음", "无", "未知"].contains(&value.as_str())
}

/// Lower case without diacritics, everything else than letters and digits a blank.
pub fn fold(value: &str) -> String {
    let mut out = String::new();
    for c in value.nfkd().filter(|c| !unicode_normalization::char::is_combining_mark(*c)).flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            out.push(c)
        } else if !out.ends_with(' ') {
            out.push(' ')
        }
    }
    out.nfc().collect::<String>().trim().to_owned()
}

/// The comparable form of a value; nothing when it says nothing.
pub fn prepare(role: Role, value: &str, _hints: &Hints) -> Option<Form> {
    if is_missing(value) {
        return None;
    }
    let plain = match role {
        Role::Email => value.trim().to_lowercase(),
        Role::Phone | Role::DateOfBirth => value.chars().filter(char::is_ascii_digit).collect(),
        Role::NationalId => value.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect(),
        _ => fold(value),
    };
    if plain.is_empty() {
        return None;
    }
    let key = match role {
        Role::Phone => plain[plain.len().saturating_sub(8)..].to_owned(),
        Role::Email => plain.split('@').next().unwrap_or_default().chars().filter(|c| c.is_alphabetic()).collect(),
        Role::FullName => {
            let mut words: Vec<&str> = plain.split(' ').collect();
            words.sort_unstable();
            words.concat()
        }
        Role::DateOfBirth => plain.clone(),
        _ => plain.replace(' ', ""),
    };
    Some(Form { plain: plain.into_bytes(), key: key.into_bytes() })
}
