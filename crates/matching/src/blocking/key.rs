//! Keys that records are grouped by.

use crate::model::Prepared;
use crate::text::Role;
use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// What of a value makes the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The whole value.
    Whole,
    /// The form that other spellings share.
    Key,
    /// The first three characters.
    Start,
    /// The first half.
    Head,
    /// The second half.
    Tail,
    /// The year of a date.
    Year,
    /// Month and day of a date, in either order.
    Day,
    /// The first word.
    First,
    /// The last word.
    Last,
}

impl Part {
    /// The parts that make sense for a role.
    pub(crate) fn of(role: Role) -> &'static [Part] {
        match role {
            Role::GivenName | Role::FamilyName => &[Self::Whole, Self::Key, Self::Start],
            Role::FullName => &[Self::Whole, Self::Key, Self::First, Self::Last, Self::Start],
            Role::DateOfBirth => &[Self::Whole, Self::Year, Self::Day],
            Role::Phone | Role::NationalId => &[Self::Whole, Self::Key, Self::Head, Self::Tail],
            Role::Email => &[Self::Whole, Self::Key, Self::Start],
            Role::Postcode => &[Self::Whole, Self::Start],
            Role::Street | Role::City | Role::FreeText => &[Self::Whole, Self::Key, Self::Start],
            Role::HouseNumber | Role::Region | Role::Category | Role::Number => &[Self::Whole],
        }
    }

    /// The name in a configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Key => "key",
            Self::Start => "start",
            Self::Head => "head",
            Self::Tail => "tail",
            Self::Year => "year",
            Self::Day => "day",
            Self::First => "first",
            Self::Last => "last",
        }
    }

    /// The part of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Whole, Self::Key, Self::Start, Self::Head, Self::Tail, Self::Year, Self::Day, Self::First, Self::Last]
            .into_iter()
            .find(|part| part.name() == name)
    }

    /// The hash of this part of a value; none when the value has no such part.
    pub(crate) fn hash(self, plain: &[u8], key: &[u8]) -> Option<u64> {
        let bytes = match self {
            Self::Whole => plain,
            Self::Key => key,
            Self::Start => start(key, 3)?,
            Self::Head => {
                if plain.len() < 6 {
                    return None;
                }
                &plain[..plain.len() / 2]
            }
            Self::Tail => {
                if plain.len() < 6 {
                    return None;
                }
                &plain[plain.len() / 2..]
            }
            Self::Year => plain.get(..4).filter(|_| plain.len() == 8)?,
            Self::Day => {
                let day = plain.get(4..8)?;
                let (a, b) = day.split_at(2);
                let mut hasher = FxHasher::default();
                hasher.write(a.min(b));
                hasher.write(a.max(b));
                return Some(mix(hasher.finish()));
            }
            Self::First => key.split(|byte| *byte == b' ').next()?,
            Self::Last => key.rsplit(|byte| *byte == b' ').next()?,
        };
        (!bytes.is_empty()).then(|| hash(bytes))
    }
}

/// The first characters of a text; all of it when it is shorter, nothing when it is a single byte.
fn start(text: &[u8], characters: usize) -> Option<&[u8]> {
    if text.len() < 2 {
        return None;
    }
    let mut begins = text.iter().enumerate().filter(|(_, byte)| (**byte & 0xc0) != 0x80).map(|(at, _)| at);
    Some(begins.nth(characters).map_or(text, |end| &text[..end]))
}

pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    mix(hasher.finish())
}

/// Spreads every bit over every other (the finalizer of SplitMix64, Steele et al. 2014).
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A key: part of a column, or two columns in either order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// The column, as the model numbers them.
    pub column: usize,
    /// The part of its value.
    pub part: Part,
    /// Another column whose value may stand in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub either: Option<usize>,
}

/// A blocking rule: two records are candidates when they agree on every key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// The keys.
    pub keys: Vec<Key>,
}

impl Rule {
    /// The hash of a prepared record's keys; none when one is missing.
    pub(crate) fn hash(&self, number: usize, record: &Prepared) -> Option<u64> {
        let part = |column: usize, part: Part| {
            let form = record.forms.get(column)?.as_ref()?;
            part.hash(&form.plain, &form.key)
        };
        let mut total = number as u64;
        for key in &self.keys {
            let one = part(key.column, key.part)?;
            let value = match key.either {
                Some(other) => one.wrapping_add(part(other, key.part)?),
                None => one,
            };
            total = join(total, value);
        }
        Some(total)
    }
}

/// Joins the hash of one more key to that of the keys before.
pub(crate) fn join(total: u64, key: u64) -> u64 {
    mix(total.rotate_left(23).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ key)
}
