//! Where in a short string each character stands, as bits.

/// A character that strings are compared by.
pub(super) trait Unit: Copy + Eq + Ord {
    /// The pattern of a string of these, at most 64 long.
    type Pattern<'a>: Pattern<Self>
    where
        Self: 'a;

    fn pattern(text: &[Self]) -> Self::Pattern<'_>;
}

pub(super) trait Pattern<T> {
    /// Bit `i` is set where character `i` is this one.
    fn places(&self, of: T) -> u64;
}

impl Unit for u8 {
    type Pattern<'a> = Bytes;

    fn pattern(text: &[Self]) -> Bytes {
        Bytes::new(text)
    }
}

impl Unit for u32 {
    type Pattern<'a> = &'a [u32];

    fn pattern(text: &[Self]) -> &[u32] {
        text
    }
}

impl Pattern<u32> for &[u32] {
    fn places(&self, of: u32) -> u64 {
        self.iter().enumerate().fold(0, |bits, (at, unit)| bits | u64::from(*unit == of) << at)
    }
}

/// Up to 64 bytes, eight to a word.
pub(super) struct Bytes {
    words: [u64; 8],
    used: usize,
    /// Bits of places that exist: padding bytes are zero, and so may be a byte that is looked for.
    within: u64,
}

const LOW: u64 = 0x0101_0101_0101_0101;
const SEVEN: u64 = 0x7f7f_7f7f_7f7f_7f7f;

impl Bytes {
    fn new(text: &[u8]) -> Self {
        let mut words = [0; 8];
        let mut used = 0;
        for chunk in text.chunks(8).take(8) {
            words[used] = load(chunk);
            used += 1;
        }
        let within = if text.len() >= 64 { u64::MAX } else { (1 << text.len()) - 1 };
        Self { words, used, within }
    }
}

/// Up to eight bytes as a word, the first lowest.
pub(super) fn load(bytes: &[u8]) -> u64 {
    if let Some(whole) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*whole);
    }
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

impl Pattern<u8> for Bytes {
    #[inline]
    fn places(&self, of: u8) -> u64 {
        let wanted = u64::from(of) * LOW;
        let mut bits = 0;
        for at in 0..self.used {
            let differ = self.words[at] ^ wanted;
            // The top bit of each byte that is zero (Warren, Hacker's Delight, 6-1), then the eight of them side by side.
            let zero = !((differ & SEVEN).wrapping_add(SEVEN) | differ | SEVEN);
            bits |= ((zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * at);
        }
        bits & self.within
    }
}
