//! How alike two strings are.
//!
//! Strings are the folded texts and keys of [`text`](crate::text). Plain ASCII is compared byte by byte. Other text is
//! compared by units that weigh about as much as its bytes: a Hangul syllable is its two or three letters, so that a slip
//! in one letter is one slip, a Han character is three units, so that another character is not a slip, and every other
//! character is one unit.
//!
//! Nothing here allocates. Strings longer than [`LONGEST`] units are compared by their first units.
//!
//! * [`jaro_winkler`], [`damerau_levenshtein`]: two words.
//! * [`token_set`], [`qgram_dice`]: texts of several words.
//! * [`number_distance`], [`date_distance`]: numbers and dates.

mod distance;
mod jaro;
mod measure;
mod pattern;
mod tokens;
mod units;

pub use distance::damerau_levenshtein;
pub use jaro::jaro_winkler;
pub use measure::{date_distance, number_distance};
pub use tokens::{qgram_dice, token_set};

/// Units of a string that are looked at.
pub const LONGEST: usize = 256;

#[cfg(test)]
mod reference;
