//! An event that stands out: its place and a value.

use crate::codec::{Reader, put, put_signed};
use crate::dictionary::Dictionary;
use crate::event::Key;

use super::Place;

/// A value as an event has it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Raw<'i> {
    None,
    Bool(bool),
    Number(f64),
    Text(&'i Key<'i>),
}

/// A value as it is kept; a text by its number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar {
    None,
    Bool(bool),
    Number(f64),
    Text(u32),
}

/// The first or last event of a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) place: Place,
    pub(crate) value: Scalar,
    taken: bool,
}

impl Default for Point {
    fn default() -> Self {
        Self { place: (0, 0, 0), value: Scalar::None, taken: false }
    }
}

impl Point {
    /// Takes an event if it is beyond what is held: later where `later`, else earlier.
    pub(crate) fn take(&mut self, place: Place, raw: Raw<'_>, texts: &mut Dictionary, later: bool) {
        if self.yields(place, later) {
            let value = match raw {
                Raw::None => Scalar::None,
                Raw::Bool(value) => Scalar::Bool(value),
                Raw::Number(value) => Scalar::Number(value),
                Raw::Text(key) => Scalar::Text(texts.intern(key.hash, &key.text)),
            };
            *self = Self { place, value, taken: true };
        }
    }

    fn yields(&self, place: Place, later: bool) -> bool {
        !self.taken || if later { place > self.place } else { place < self.place }
    }

    pub(crate) fn absorb(&mut self, other: &Self, map: &[u32], later: bool) {
        if self.yields(other.place, later) {
            *self = *other;
            self.texts(&mut |number| *number = map.get(*number as usize).copied().unwrap_or(u32::MAX));
        }
    }

    pub(crate) fn texts(&mut self, visit: &mut impl FnMut(&mut u32)) {
        if let Scalar::Text(number) = &mut self.value {
            visit(number);
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_place(out, self.place);
        match self.value {
            Scalar::None => out.push(0),
            Scalar::Bool(value) => out.push(1 + u8::from(value)),
            Scalar::Number(value) => {
                out.push(3);
                out.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            Scalar::Text(number) => put(out, 4 + u64::from(number)),
        }
    }

    pub(crate) fn decode(from: &mut Reader<'_>) -> Option<Self> {
        let place = place(from)?;
        let value = match from.number()? {
            0 => Scalar::None,
            1 => Scalar::Bool(false),
            2 => Scalar::Bool(true),
            3 => Scalar::Number(f64::from_bits(from.fixed()?)),
            number => Scalar::Text(u32::try_from(number - 4).ok()?),
        };
        Some(Self { place, value, taken: true })
    }
}

pub(crate) fn put_place(out: &mut Vec<u8>, (time, sequence, id): Place) {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&time.to_le_bytes());
    bytes[8..].copy_from_slice(&id.to_le_bytes());
    out.extend_from_slice(&bytes);
    put_signed(out, sequence);
}

pub(crate) fn place(from: &mut Reader<'_>) -> Option<Place> {
    let (time, id) = (from.fixed()?.cast_signed(), from.fixed()?);
    Some((time, from.signed()?, id))
}
