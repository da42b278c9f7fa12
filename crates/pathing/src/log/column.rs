//! A property's values.

use super::build::LogFull;
use super::dictionary::Dictionary;
use crate::value::Scalar;

/// The code that stands for no text.
pub(crate) const NONE: u32 = u32::MAX;

/// A property's values by row. A property has one column a type, so that a sender's change of mind (`"12"`, then `12`)
/// loses nothing: a comparison with a number sees the numbers.
#[derive(Debug, Default)]
pub struct Column {
    pub(crate) numbers: Option<Numbers>,
    pub(crate) texts: Option<Texts>,
    /// 0 absent, 1 false, 2 true.
    pub(crate) flags: Option<Vec<u8>>,
    /// From a source without types: what a text means is for the comparison to say.
    pub(crate) untyped: Option<Texts>,
}

/// Texts by row as codes; [`NONE`] where there is none.
#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) names: Dictionary,
    pub(crate) codes: Vec<u32>,
}

#[derive(Debug)]
pub(crate) struct Numbers {
    values: Vec<f64>,
    /// One bit a row: whether there is a number. Any `f64`, also NaN, can be a value.
    present: Vec<u64>,
}

impl Numbers {
    pub(crate) fn get(&self, row: usize) -> Option<f64> {
        (self.present[row / 64] >> (row % 64) & 1 == 1).then(|| self.values[row])
    }
}

impl Texts {
    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        self.names.text(self.codes[row])
    }
}

impl Column {
    /// The value in a row; of values of several types the number, then the text.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<Scalar<'_>> {
        if let Some(number) = self.numbers.as_ref().and_then(|numbers| numbers.get(row)) {
            return Some(Scalar::Number(number));
        }
        if let Some(text) = self.texts.as_ref().and_then(|texts| texts.get(row)) {
            return Some(Scalar::Text(text));
        }
        match self.flags.as_ref().map(|flags| flags[row]) {
            None | Some(0) => self.untyped.as_ref().and_then(|texts| texts.get(row)).map(read),
            Some(flag) => Some(Scalar::Flag(flag == 2)),
        }
    }

    /// The value in a row as text, for a table.
    #[must_use]
    pub fn label(&self, row: usize) -> Option<String> {
        Some(match self.untyped.as_ref().and_then(|texts| texts.get(row)) {
            Some(text) => text.to_owned(),
            None => match self.get(row)? {
                Scalar::Text(text) => text.to_owned(),
                Scalar::Number(number) => number.to_string(),
                Scalar::Flag(flag) => flag.to_string(),
            },
        })
    }
}

/// What a text without a type is, taken by itself.
fn read(text: &str) -> Scalar<'_> {
    match (text, text.parse::<f64>()) {
        ("true", _) => Scalar::Flag(true),
        ("false", _) => Scalar::Flag(false),
        (_, Ok(number)) if number.is_finite() => Scalar::Number(number),
        _ => Scalar::Text(text),
    }
}

/// A column in the making: values with the number of the row as it was given.
#[derive(Debug, Default)]
pub(crate) struct ColumnBuilder {
    numbers: Vec<(u32, f64)>,
    names: Dictionary,
    texts: Vec<(u32, u32)>,
    flags: Vec<(u32, bool)>,
    untyped_names: Dictionary,
    untyped: Vec<(u32, u32)>,
}

impl ColumnBuilder {
    pub(super) fn push(&mut self, row: u32, value: Scalar<'_>) -> Result<(), LogFull> {
        match value {
            Scalar::Number(number) => self.numbers.push((row, number)),
            Scalar::Text(text) => self.texts.push((row, self.names.intern(text)?)),
            Scalar::Flag(flag) => self.flags.push((row, flag)),
        }
        Ok(())
    }

    /// The code of a text without a type.
    pub(crate) fn intern_untyped(&mut self, text: &str) -> Result<u32, LogFull> {
        self.untyped_names.intern(text)
    }

    /// Gives a row a text without a type.
    pub(crate) fn push_untyped(&mut self, row: u32, code: u32) {
        self.untyped.push((row, code));
    }

    /// `place[given row]` is the row in the log.
    pub(super) fn build(self, place: &[u32]) -> Column {
        let rows = place.len();
        let numbers = (!self.numbers.is_empty()).then(|| {
            let mut numbers = Numbers { values: vec![0.0; rows], present: vec![0; rows.div_ceil(64)] };
            for (row, value) in self.numbers {
                let at = place[row as usize] as usize;
                numbers.values[at] = value;
                numbers.present[at / 64] |= 1 << (at % 64);
            }
            numbers
        });
        let texts = |names: Dictionary, given: Vec<(u32, u32)>| {
            (!given.is_empty()).then(|| {
                let mut codes = vec![NONE; rows];
                for (row, code) in given {
                    codes[place[row as usize] as usize] = code;
                }
                Texts { names, codes }
            })
        };
        let flags = (!self.flags.is_empty()).then(|| {
            let mut flags = vec![0; rows];
            for (row, flag) in self.flags {
                flags[place[row as usize] as usize] = 1 + u8::from(flag);
            }
            flags
        });
        Column {
            numbers,
            texts: texts(self.names, self.texts),
            flags,
            untyped: texts(self.untyped_names, self.untyped),
        }
    }
}
