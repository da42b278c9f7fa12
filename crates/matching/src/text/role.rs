//! What columns mean.

use serde::{Deserialize, Serialize};

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
