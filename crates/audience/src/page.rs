//! The values of one column in one page of rows.
//!
//! A page chooses its own form: few values are kept in a list by row; many of one type in an array, in bits, as numbers of
//! distinct texts or as a bitmap for each text of a set. What does not fit the form of its page stays in the list, so that
//! any mixture of types is kept as it was given.

use std::sync::Arc;

use attune_expression::{AsValue, Value, ValueRef};
use attune_kernel::Timestamp;

use crate::bits::{Bits, NONE, PAGE_ROWS, count, has, or, put, rows};

mod tags;
mod text;

pub(crate) use tags::{TagRow, Tags};
pub(crate) use text::Texts;

/// Values in the list before a page takes a form.
const FEW: usize = 96;
/// Whole numbers up to here are doubles without loss.
const EXACT: i64 = 1 << 53;

#[derive(Debug, Clone)]
pub(crate) enum Data {
    None,
    Int(Box<[i64]>),
    /// Numbers; the bits say which of them are whole numbers. No NaN.
    Double(Box<[f64]>, Box<Bits>),
    Bool(Box<Bits>),
    /// Microseconds.
    Time(Box<[i64]>),
    Text(Texts),
    Tags(Tags),
}

#[derive(Debug, Clone)]
pub(crate) struct Page {
    data: Data,
    /// Rows whose value is in `data`.
    valid: Bits,
    /// Rows whose value is in `odd`.
    odd_rows: Bits,
    odd: Vec<(u16, Value)>,
}

/// A value of a row, borrowed from its page.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'p> {
    Int(i64),
    Double(f64),
    Bool(bool),
    Time(i64),
    Text(&'p str),
    Tags(TagRow<'p>),
    Value(&'p Value),
}

impl AsValue for Cell<'_> {
    #[inline]
    fn as_value(&self) -> ValueRef<'_> {
        match self {
            Self::Int(value) => ValueRef::Int(*value),
            Self::Double(value) => ValueRef::Double(*value),
            Self::Bool(value) => ValueRef::Bool(*value),
            Self::Time(micros) => ValueRef::Timestamp(Timestamp::from_micros(*micros)),
            Self::Text(text) => ValueRef::String(text),
            Self::Tags(row) => ValueRef::List(row),
            Self::Value(value) => value.as_value(),
        }
    }
}

fn whole(number: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "only asked for whole numbers below 2^53")]
    let whole = number as i64;
    whole
}

impl Page {
    pub(crate) fn new() -> Self {
        Self { data: Data::None, valid: NONE, odd_rows: NONE, odd: Vec::new() }
    }

    pub(crate) fn data(&self) -> &Data {
        &self.data
    }

    pub(crate) fn valid(&self) -> &Bits {
        &self.valid
    }

    pub(crate) fn odd_rows(&self) -> &Bits {
        &self.odd_rows
    }

    /// The rows that have a value.
    pub(crate) fn present(&self) -> Bits {
        or(&self.valid, &self.odd_rows)
    }

    pub(crate) fn is_empty(&self) -> bool {
        count(&self.valid) == 0 && self.odd.is_empty()
    }

    /// The values that do not have the form of the page.
    pub(crate) fn odd(&self) -> impl Iterator<Item = (usize, &Value)> {
        self.odd.iter().map(|(row, value)| (usize::from(*row), value))
    }

    fn odd_place(&self, row: usize) -> Result<usize, usize> {
        self.odd.binary_search_by_key(&row, |(row, _)| usize::from(*row))
    }

    pub(crate) fn get(&self, row: usize) -> Option<Cell<'_>> {
        if !self.odd.is_empty() && has(&self.odd_rows, row) {
            return self.odd_place(row).ok().map(|place| Cell::Value(&self.odd[place].1));
        }
        if !has(&self.valid, row) {
            return None;
        }
        Some(match &self.data {
            Data::None => return None,
            Data::Int(values) => Cell::Int(values[row]),
            Data::Double(values, wholes) if has(wholes, row) => Cell::Int(whole(values[row])),
            Data::Double(values, _) => Cell::Double(values[row]),
            Data::Bool(values) => Cell::Bool(has(values, row)),
            Data::Time(values) => Cell::Time(values[row]),
            Data::Text(texts) => Cell::Text(texts.at(row)),
            Data::Tags(tags) => Cell::Tags(TagRow { tags, row }),
        })
    }

    /// Sets or, without a value, forgets the value of a row; nothing of what it was stays behind.
    pub(crate) fn set(&mut self, row: usize, value: Option<Value>) {
        self.clear(row);
        let Some(value) = value else { return };
        if matches!(value, Value::Double(_)) {
            self.widen();
        }
        let Some(value) = self.store(row, value) else { return };
        if let Err(place) = self.odd_place(row) {
            #[expect(clippy::cast_possible_truncation, reason = "a page has 4096 rows")]
            self.odd.insert(place, (row as u16, value));
            put(&mut self.odd_rows, row, true);
        }
        if self.odd.len() > FEW + count(&self.valid) {
            self.choose_form();
        }
    }

    fn clear(&mut self, row: usize) {
        if let Ok(place) = self.odd_place(row) {
            self.odd.remove(place);
            put(&mut self.odd_rows, row, false);
        }
        if !has(&self.valid, row) {
            return;
        }
        put(&mut self.valid, row, false);
        match &mut self.data {
            Data::None => {}
            Data::Int(values) | Data::Time(values) => values[row] = 0,
            Data::Double(values, wholes) => {
                values[row] = 0.0;
                put(wholes, row, false);
            }
            Data::Bool(values) => put(values, row, false),
            Data::Text(texts) => texts.clear(row),
            Data::Tags(tags) => tags.clear(row),
        }
    }

    /// Stores a value that has the form of the page, or gives it back.
    fn store(&mut self, row: usize, value: Value) -> Option<Value> {
        match (&mut self.data, value) {
            (Data::Int(values), Value::Int(value)) => values[row] = value,
            #[expect(clippy::cast_precision_loss, reason = "it is below 2^53")]
            (Data::Double(values, wholes), Value::Int(value)) if (-EXACT..=EXACT).contains(&value) => {
                values[row] = value as f64;
                put(wholes, row, true);
            }
            (Data::Double(values, _), Value::Double(value)) if !value.is_nan() => values[row] = value,
            (Data::Bool(values), Value::Bool(value)) => put(values, row, value),
            (Data::Time(values), Value::Timestamp(value)) => values[row] = value.as_micros(),
            (Data::Text(texts), Value::String(value)) => texts.set(row, value),
            (Data::Tags(tags), Value::List(items)) if tags.admits(&items) => tags.set(row, &items),
            (_, value) => return Some(value),
        }
        put(&mut self.valid, row, true);
        None
    }

    /// Whole numbers become numbers of either kind when the first fraction arrives.
    fn widen(&mut self) {
        if let Data::Int(values) = &self.data
            && values.iter().all(|value| (-EXACT..=EXACT).contains(value))
        {
            #[expect(clippy::cast_precision_loss, reason = "all are below 2^53")]
            let doubles = values.iter().map(|value| *value as f64).collect();
            self.data = Data::Double(doubles, Box::new(self.valid));
        }
    }

    /// Takes the form that most values fit.
    fn choose_form(&mut self) {
        let mut all: Vec<(usize, Value)> =
            rows(&self.valid).filter_map(|row| Some((row, self.get(row)?.as_value().to_value()))).collect();
        all.extend(std::mem::take(&mut self.odd).into_iter().map(|(row, value)| (usize::from(row), value)));
        let mut votes = [0_usize; 6];
        for (_, value) in &all {
            match value {
                Value::Int(_) => votes[0] += 1,
                Value::Double(_) => votes[1] += 1,
                Value::Bool(_) => votes[2] += 1,
                Value::Timestamp(_) => votes[3] += 1,
                Value::String(_) => votes[4] += 1,
                Value::List(_) => votes[5] += 1,
                _ => {}
            }
        }
        if votes[1] > 0 {
            votes[1] += std::mem::take(&mut votes[0]);
        }
        let most = (0..votes.len()).max_by_key(|form| (votes[*form], votes.len() - form)).unwrap_or_default();
        self.data = match most {
            _ if votes[most] == 0 => Data::None,
            0 => Data::Int(vec![0; PAGE_ROWS].into()),
            1 => Data::Double(vec![0.0; PAGE_ROWS].into(), Box::new(NONE)),
            2 => Data::Bool(Box::new(NONE)),
            3 => Data::Time(vec![0; PAGE_ROWS].into()),
            4 => Data::Text(Texts::new()),
            _ => Data::Tags(Tags::default()),
        };
        (self.valid, self.odd_rows) = (NONE, NONE);
        all.sort_unstable_by_key(|(row, _)| *row);
        for (row, value) in all {
            if let Some(value) = self.store(row, value) {
                #[expect(clippy::cast_possible_truncation, reason = "a page has 4096 rows")]
                self.odd.push((row as u16, value));
                put(&mut self.odd_rows, row, true);
            }
        }
    }

    /// The memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let data = match &self.data {
            Data::None => 0,
            Data::Int(values) | Data::Time(values) => values.len() * 8,
            Data::Double(values, _) => values.len() * 8 + size_of::<Bits>(),
            Data::Bool(_) => size_of::<Bits>(),
            Data::Text(texts) => texts.bytes(),
            Data::Tags(tags) => tags.bytes(),
        };
        let odd: usize = self.odd.iter().map(|(_, value)| size_of::<(u16, Value)>() + heap(value)).sum();
        size_of::<Self>() + data + odd
    }
}

/// Memory that a value has beside itself.
fn heap(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 16,
        Value::List(items) => Arc::as_ref(items).iter().map(|item| size_of::<Value>() + heap(item)).sum(),
        Value::Map(entries) => entries.iter().map(|(key, item)| key.len() + 32 + size_of::<Value>() + heap(item)).sum(),
        _ => 0,
    }
}
