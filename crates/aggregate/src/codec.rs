//! Numbers as bytes: seven bits a byte, the lowest first; signed ones zigzag.

/// Appends an unsigned number.
#[inline]
pub(crate) fn put(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        out.push(value as u8);
    } else {
        put_long(out, value);
    }
}

fn put_long(out: &mut Vec<u8>, mut value: u64) {
    if value < 0x4000 {
        return out.extend_from_slice(&[value as u8 | 0x80, (value >> 7) as u8]);
    }
    let mut bytes = [0; 10];
    let mut count = 0;
    while value >= 0x80 {
        bytes[count] = value as u8 | 0x80;
        value >>= 7;
        count += 1;
    }
    bytes[count] = value as u8;
    // A copy of a fixed length is cheaper than one of the right length.
    let end = out.len() + count + 1;
    out.extend_from_slice(&bytes);
    out.truncate(end);
}

/// Appends a signed number.
#[inline]
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Appends a wide signed number.
#[inline]
pub(crate) fn put_wide(out: &mut Vec<u8>, value: i128) {
    if let Ok(small) = i64::try_from(value)
        && small.unsigned_abs() < 1 << 61
    {
        // The lowest bit tells the two forms apart.
        return put(out, ((small << 1) ^ (small >> 63)).cast_unsigned() << 1);
    }
    put(out, 1);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Reads what was written; every method answers nothing when the bytes end or make no sense.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn number(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first()?;
        if *first < 0x80 {
            self.0 = rest;
            return Some(u64::from(*first));
        }
        if let [low, high, rest @ ..] = self.0
            && *high < 0x80
        {
            self.0 = rest;
            return Some(u64::from(low & 0x7f) | u64::from(*high) << 7);
        }
        let mut value = 0_u64;
        for (index, byte) in self.0.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.0 = &self.0[index + 1..];
                return Some(value);
            }
        }
        None
    }

    #[inline]
    pub(crate) fn signed(&mut self) -> Option<i64> {
        let value = self.number()?;
        Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    #[inline]
    pub(crate) fn wide(&mut self) -> Option<i128> {
        let value = self.number()?;
        if value & 1 == 0 {
            let value = value >> 1;
            return Some(i128::from((value >> 1).cast_signed() ^ -((value & 1).cast_signed())));
        }
        self.take(16).and_then(|bytes| bytes.try_into().ok()).map(i128::from_le_bytes)
    }

    pub(crate) fn small(&mut self) -> Option<u32> {
        self.number().and_then(|value| u32::try_from(value).ok())
    }

    pub(crate) fn bucket(&mut self, before: i32) -> Option<i32> {
        self.signed().and_then(|delta| i32::try_from(i64::from(before) + delta).ok())
    }

    pub(crate) fn fixed(&mut self) -> Option<u64> {
        self.take(8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A count of entries that take at least `least` bytes each: no more than can follow.
    pub(crate) fn count(&mut self, least: usize) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.0.len() / least.max(1)).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::MAX] {
            let mut out = Vec::new();
            put(&mut out, value);
            assert_eq!(Reader(&out).number(), Some(value));
        }
        for value in [0, -1, 1, i64::MIN, i64::MAX] {
            let mut out = Vec::new();
            put_signed(&mut out, value);
            assert_eq!(Reader(&out).signed(), Some(value));
            for wide in [i128::from(value), i128::from(value) * 1_000_000, i128::from(value) >> 3] {
                let mut out = Vec::new();
                put_wide(&mut out, wide);
                assert_eq!(Reader(&out).wide(), Some(wide));
            }
        }
        for wide in [i128::MIN, i128::MAX] {
            let mut out = Vec::new();
            put_wide(&mut out, wide);
            assert_eq!(Reader(&out).wide(), Some(wide));
        }
        assert_eq!(Reader(&[0x80]).number(), None);
        assert_eq!(Reader(&[0xff; 11]).number(), None);
        assert_eq!(Reader(&[5, 1, 2]).count(1), None);
    }
}
