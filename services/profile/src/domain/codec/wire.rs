//! Numbers, texts and values as bytes.

use attune_kernel::Timestamp;
use serde_json::{Map, Value};

/// The bytes are not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

fn short() -> Broken {
    Broken("ends early".to_owned())
}

/// How deep lists may lie in lists.
const MAX_DEPTH: usize = 64;

/// Writes bytes.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// A writer with room for so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// What was written.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    /// One byte.
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// A number, in one byte below 128.
    #[expect(clippy::cast_possible_truncation, reason = "the seven lowest bits are meant")]
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// A signed number, in one byte from -64 to 63.
    pub fn signed(&mut self, number: i64) {
        self.number((number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned());
    }

    /// A time.
    pub fn time(&mut self, time: Timestamp) {
        self.signed(time.as_micros());
    }

    /// A double.
    pub fn double(&mut self, number: f64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// A text.
    pub fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Something that may be absent.
    pub fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            put(self, value);
        }
    }

    /// A numbered field with its length.
    pub fn field(&mut self, number: u64, put: impl FnOnce(&mut Self)) {
        self.number(number);
        let mut inner = Self::default();
        put(&mut inner);
        self.number(inner.0.len() as u64);
        self.0.append(&mut inner.0);
    }

    /// A numbered field of bytes as they are.
    pub fn raw(&mut self, number: u64, bytes: &[u8]) {
        self.number(number);
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A numbered field of items, absent when there is none.
    pub fn list<I: IntoIterator<IntoIter: ExactSizeIterator>>(
        &mut self,
        number: u64,
        items: I,
        put: impl Fn(&mut Self, I::Item),
    ) {
        let items = items.into_iter();
        if items.len() > 0 {
            self.field(number, |out| out.items(items, put));
        }
    }

    /// Items with their number.
    pub fn items<I: IntoIterator<IntoIter: ExactSizeIterator>>(&mut self, items: I, put: impl Fn(&mut Self, I::Item)) {
        let items = items.into_iter();
        self.number(items.len() as u64);
        for item in items {
            put(self, item);
        }
    }

    /// A value.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.byte(0),
            Value::Bool(flag) => self.byte(1 + u8::from(*flag)),
            Value::Number(number) => {
                if let Some(whole) = number.as_i64() {
                    self.byte(3);
                    self.signed(whole);
                } else if let Some(whole) = number.as_u64() {
                    self.byte(4);
                    self.number(whole);
                } else {
                    self.byte(5);
                    self.double(number.as_f64().unwrap_or_default());
                }
            }
            Value::String(text) => {
                self.byte(6);
                self.text(text);
            }
            Value::Array(items) => {
                self.byte(7);
                self.items(items, Self::value);
            }
            Value::Object(fields) => {
                self.byte(8);
                self.items(fields, |out, (name, value)| {
                    out.text(name);
                    out.value(value);
                });
            }
        }
    }
}

/// Reads bytes.
#[derive(Debug, Clone)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader of these bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether all was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// So many bytes.
    ///
    /// # Errors
    /// When there are fewer, as of every other method.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Broken> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or_else(short)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// All that is left.
    pub const fn rest(&mut self) -> &'a [u8] {
        let rest = self.0;
        self.0 = &[];
        rest
    }

    /// One byte.
    ///
    /// # Errors
    /// When there is none.
    pub fn byte(&mut self) -> Result<u8, Broken> {
        self.bytes(1)?.first().copied().ok_or_else(short)
    }

    /// A number.
    ///
    /// # Errors
    /// When it is not one of 64 bits.
    pub fn number(&mut self) -> Result<u64, Broken> {
        let mut number = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Broken("a number is too large".to_owned()))
    }

    /// A signed number.
    ///
    /// # Errors
    /// As [`number`](Self::number).
    pub fn signed(&mut self) -> Result<i64, Broken> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// A count of things that take at least a byte each.
    fn count(&mut self) -> Result<usize, Broken> {
        let count = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if count > self.0.len() { Err(short()) } else { Ok(count) }
    }

    /// A time.
    ///
    /// # Errors
    /// As [`number`](Self::number).
    pub fn time(&mut self) -> Result<Timestamp, Broken> {
        Ok(Timestamp::from_micros(self.signed()?))
    }

    /// A double.
    ///
    /// # Errors
    /// When the bytes end.
    pub fn double(&mut self) -> Result<f64, Broken> {
        Ok(f64::from_le_bytes(self.bytes(8)?.try_into().map_err(|_| short())?))
    }

    /// A text.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn text(&mut self) -> Result<String, Broken> {
        let count = self.count()?;
        let bytes = self.bytes(count)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| Broken(error.to_string()))
    }

    /// Something that may be absent.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn option<T>(&mut self, take: impl FnOnce(&mut Self) -> Result<T, Broken>) -> Result<Option<T>, Broken> {
        if self.byte()? == 0 { Ok(None) } else { take(self).map(Some) }
    }

    /// A numbered field.
    ///
    /// # Errors
    /// When the bytes end.
    pub fn field(&mut self) -> Result<(u64, Self), Broken> {
        let number = self.number()?;
        let count = self.count()?;
        Ok((number, Self(self.bytes(count)?)))
    }

    /// Items with their number.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn list<T, C: FromIterator<T>>(&mut self, take: impl Fn(&mut Self) -> Result<T, Broken>) -> Result<C, Broken> {
        let count = self.count()?;
        (0..count).map(|_| take(self)).collect()
    }

    /// A value.
    ///
    /// # Errors
    /// When it is not one.
    pub fn value(&mut self) -> Result<Value, Broken> {
        self.nested(0)
    }

    fn nested(&mut self, depth: usize) -> Result<Value, Broken> {
        if depth > MAX_DEPTH {
            return Err(Broken("a value is too deep".to_owned()));
        }
        Ok(match self.byte()? {
            0 => Value::Null,
            1 => Value::Bool(false),
            2 => Value::Bool(true),
            3 => self.signed()?.into(),
            4 => self.number()?.into(),
            5 => self.double()?.into(),
            6 => self.text()?.into(),
            7 => Value::Array(self.list(|from| from.nested(depth + 1))?),
            8 => Value::Object(self.list::<_, Map<_, _>>(|from| Ok((from.text()?, from.nested(depth + 1)?)))?),
            other => return Err(Broken(format!("unknown kind of value {other}"))),
        })
    }
}
