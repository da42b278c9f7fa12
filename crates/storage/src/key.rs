//! Keys for the embedded engine: tuples encoded so that byte order is tuple order.
//!
//! | element | bytes |
//! |---|---|
//! | `str`, `bytes` | the bytes with `00` written as `00 FF`, ended by `00 01` |
//! | `u32`, `u64` | big-endian |
//! | `i64` | big-endian with the sign bit flipped |
//! | `id` | the 16 bytes |
//! | `bool` | `00` or `01` |
//!
//! The encoding carries no types: a reader asks for the elements in the order in which they were written. Text elements
//! end in a terminator, so `key().str("a")` is a prefix of exactly the tuples that begin with the element `a`, never of
//! those that begin with `ab`. First elements that begin with `~` belong to this crate.

use crate::error::StorageError;

const ESCAPE: u8 = 0x00;
const ESCAPED_ZERO: u8 = 0xFF;
const END: u8 = 0x01;
const SIGN: u64 = 1 << 63;

/// An empty key to append elements to.
#[must_use]
pub fn key() -> KeyBuilder {
    KeyBuilder::default()
}

/// Appends the elements of a tuple.
#[derive(Debug, Clone, Default)]
pub struct KeyBuilder(Vec<u8>);

impl KeyBuilder {
    /// A text.
    #[must_use]
    pub fn str(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Bytes of any length.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.reserve(bytes.len() + 2);
        for &byte in bytes {
            self.0.push(byte);
            if byte == ESCAPE {
                self.0.push(ESCAPED_ZERO);
            }
        }
        self.0.extend_from_slice(&[ESCAPE, END]);
        self
    }

    /// An unsigned 64-bit number.
    #[must_use]
    pub fn u64(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// An unsigned 32-bit number.
    #[must_use]
    pub fn u32(mut self, number: u32) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// A signed 64-bit number, such as the microseconds of a timestamp.
    #[must_use]
    pub fn i64(self, number: i64) -> Self {
        self.u64(number.cast_unsigned() ^ SIGN)
    }

    /// Sixteen bytes, such as a person id.
    #[must_use]
    pub fn id(mut self, id: [u8; 16]) -> Self {
        self.0.extend_from_slice(&id);
        self
    }

    /// A truth value; false sorts first.
    #[must_use]
    pub fn bool(mut self, value: bool) -> Self {
        self.0.push(u8::from(value));
        self
    }

    /// The key, or the prefix of all keys that begin with these elements.
    #[must_use]
    pub fn build(self) -> Vec<u8> {
        self.0
    }
}

/// Reads the elements of a key in the order in which they were written.
#[derive(Debug, Clone)]
pub struct KeyReader<'a>(&'a [u8]);

impl<'a> KeyReader<'a> {
    /// Reads from the start of `key`.
    #[must_use]
    pub const fn new(key: &'a [u8]) -> Self {
        Self(key)
    }

    /// A text.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when the bytes end early or are not UTF-8.
    pub fn str(&mut self) -> Result<String, StorageError> {
        String::from_utf8(self.bytes()?).map_err(|_| corrupt("text is not utf-8"))
    }

    /// Bytes of any length.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when the terminator is missing or an escape is unknown.
    pub fn bytes(&mut self) -> Result<Vec<u8>, StorageError> {
        let mut out = Vec::new();
        loop {
            let zero =
                self.0.iter().position(|&byte| byte == ESCAPE).ok_or_else(|| corrupt("terminator is missing"))?;
            out.extend_from_slice(&self.0[..zero]);
            let follower = self.0.get(zero + 1).copied();
            self.0 = self.0.get(zero + 2..).unwrap_or_default();
            match follower {
                Some(ESCAPED_ZERO) => out.push(ESCAPE),
                Some(END) => return Ok(out),
                _ => return Err(corrupt("unknown escape")),
            }
        }
    }

    /// An unsigned 64-bit number.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when the bytes end early.
    pub fn u64(&mut self) -> Result<u64, StorageError> {
        self.fixed().map(u64::from_be_bytes)
    }

    /// An unsigned 32-bit number.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when the bytes end early.
    pub fn u32(&mut self) -> Result<u32, StorageError> {
        self.fixed().map(u32::from_be_bytes)
    }

    /// A signed 64-bit number.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when the bytes end early.
    pub fn i64(&mut self) -> Result<i64, StorageError> {
        self.u64().map(|number| (number ^ SIGN).cast_signed())
    }

    /// Sixteen bytes.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when the bytes end early.
    pub fn id(&mut self) -> Result<[u8; 16], StorageError> {
        self.fixed()
    }

    /// A truth value.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when the bytes end early or the byte is neither 0 nor 1.
    pub fn bool(&mut self) -> Result<bool, StorageError> {
        match self.fixed()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(corrupt("not a truth value")),
        }
    }

    /// Checks that every element was read.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when bytes are left.
    pub fn finish(self) -> Result<(), StorageError> {
        if self.0.is_empty() { Ok(()) } else { Err(corrupt("bytes are left over")) }
    }

    /// The bytes that are left, which need not be an element.
    #[must_use]
    pub const fn rest(self) -> &'a [u8] {
        self.0
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], StorageError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or_else(|| corrupt("key ends early"))?;
        self.0 = rest;
        Ok(*head)
    }
}

fn corrupt(what: &str) -> StorageError {
    StorageError::Corrupt(format!("key: {what}"))
}

/// The smallest byte string greater than everything that begins with `prefix`; `None` when there is no such string.
pub(crate) fn successor_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xFF)?;
    let mut out = prefix[..=last].to_vec();
    out[last] += 1;
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Tuple = (String, i64, Vec<u8>, u64, u32, bool, [u8; 16]);

    fn encode(tuple: &Tuple) -> Vec<u8> {
        let (text, signed, bytes, long, short, flag, id) = tuple;
        key().str(text).i64(*signed).bytes(bytes).u64(*long).u32(*short).bool(*flag).id(*id).build()
    }

    fn decode(bytes: &[u8]) -> Result<Tuple, StorageError> {
        let mut reader = KeyReader::new(bytes);
        let tuple =
            (reader.str()?, reader.i64()?, reader.bytes()?, reader.u64()?, reader.u32()?, reader.bool()?, reader.id()?);
        reader.finish()?;
        Ok(tuple)
    }

    /// Short alphabets make equal heads, prefixes and zero bytes likely.
    fn tuples() -> impl Strategy<Value = Tuple> {
        let byte = prop_oneof![Just(0u8), Just(1), Just(254), Just(255), any::<u8>()];
        let number = prop_oneof![-2i64..3, any::<i64>()];
        let long = prop_oneof![0u64..3, any::<u64>()];
        (
            "[\u{0}\u{1}a\u{ff}]{0,3}",
            number,
            prop::collection::vec(byte, 0..4),
            long,
            any::<u32>(),
            any::<bool>(),
            any::<[u8; 16]>(),
        )
    }

    proptest! {
        #[test]
        fn byte_order_is_tuple_order_and_keys_round_trip(left in tuples(), right in tuples()) {
            prop_assert_eq!(encode(&left).cmp(&encode(&right)), left.cmp(&right));
            prop_assert_eq!(decode(&encode(&left)), Ok(left));
        }

        #[test]
        fn cut_keys_are_refused(tuple in tuples(), cut in 1usize..16) {
            let bytes = encode(&tuple);
            prop_assert!(decode(&bytes[..bytes.len() - cut.min(bytes.len())]).is_err());
        }

        #[test]
        fn the_successor_bounds_the_prefix(prefix in prop::collection::vec(prop_oneof![Just(255u8), any::<u8>()], 0..4),
                                           tail in prop::collection::vec(any::<u8>(), 0..4)) {
            let member: Vec<u8> = prefix.iter().chain(&tail).copied().collect();
            match successor_of_prefix(&prefix) {
                Some(bound) => prop_assert!(member < bound && bound > prefix && bound.len() <= prefix.len()),
                None => prop_assert!(prefix.iter().all(|&byte| byte == 255)),
            }
        }
    }

    #[test]
    fn an_element_is_no_prefix_of_a_longer_one() {
        assert!(!key().str("ab").build().starts_with(&key().str("a").build()));
        assert!(key().str("a").u64(1).build().starts_with(&key().str("a").build()));
    }
}
