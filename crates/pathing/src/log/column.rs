//! A property's values.

use super::build::LogFull;
use super::dictionary::Dictionary;
use crate::value::Scalar;

/// The code that stands for no text.
const NONE: u32 = u32::MAX;

/// A property's values by row. A property has one column a type, so that a sender's change of mind (`"12"`, then `12`)
/// loses nothing: a comparison with a number sees the numbers.
#[derive(Debug, Default)]
pub struct Column {
    numbers: Option<Numbers>,
    texts: Option<(Dictionary, Vec<u32>)>,
    /// 0 absent, 1 false, 2 true.
    flags: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Numbers {
    values: Vec<f64>,
    /// One bit a row: whether there is a number. Any `f64`, also NaN, can be a value.
    present: Vec<u64>,
}

impl Column {
    /// The value in a row.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<Scalar<'_>> {
        if let Some(numbers) = &self.numbers
            && numbers.present[row / 64] >> (row % 64) & 1 == 1
        {
            return Some(Scalar::Number(numbers.values[row]));
        }
        if let Some((names, codes)) = &self.texts
            && let Some(text) = names.text(codes[row])
        {
            return Some(Scalar::Text(text));
        }
        match self.flags.as_ref()?[row] {
            0 => None,
            flag => Some(Scalar::Flag(flag == 2)),
        }
    }
}

/// A column in the making: values with the number of the row as it was given.
#[derive(Debug, Default)]
pub(super) struct ColumnBuilder {
    numbers: Vec<(u32, f64)>,
    names: Dictionary,
    texts: Vec<(u32, u32)>,
    flags: Vec<(u32, bool)>,
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
        let texts = (!self.texts.is_empty()).then(|| {
            let mut codes = vec![NONE; rows];
            for (row, code) in self.texts {
                codes[place[row as usize] as usize] = code;
            }
            (self.names, codes)
        });
        let flags = (!self.flags.is_empty()).then(|| {
            let mut flags = vec![0; rows];
            for (row, flag) in self.flags {
                flags[place[row as usize] as usize] = 1 + u8::from(flag);
            }
            flags
        });
        Column { numbers, texts, flags }
    }
}
