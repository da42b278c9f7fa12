//! The rows of one page as bits.

/// How many rows a page has.
pub const PAGE_ROWS: usize = 4096;

pub(crate) const WORDS: usize = PAGE_ROWS / 64;

/// One bit a row of a page.
pub(crate) type Bits = [u64; WORDS];

pub(crate) const NONE: Bits = [0; WORDS];

#[inline]
pub(crate) fn has(bits: &Bits, row: usize) -> bool {
    bits.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
}

#[inline]
pub(crate) fn put(bits: &mut Bits, row: usize, value: bool) {
    if let Some(word) = bits.get_mut(row / 64) {
        *word = *word & !(1 << (row % 64)) | u64::from(value) << (row % 64);
    }
}

#[inline]
pub(crate) fn and(left: &Bits, right: &Bits) -> Bits {
    std::array::from_fn(|word| left[word] & right[word])
}

#[inline]
pub(crate) fn and_not(left: &Bits, right: &Bits) -> Bits {
    std::array::from_fn(|word| left[word] & !right[word])
}

#[inline]
pub(crate) fn or(left: &Bits, right: &Bits) -> Bits {
    std::array::from_fn(|word| left[word] | right[word])
}

#[inline]
pub(crate) fn is_empty(bits: &Bits) -> bool {
    bits.iter().fold(0, |any, word| any | word) == 0
}

pub(crate) fn count(bits: &Bits) -> usize {
    bits.iter().map(|word| word.count_ones() as usize).sum()
}

/// The rows whose bits are set, ascending.
pub(crate) fn rows(bits: &Bits) -> impl Iterator<Item = usize> {
    bits.iter().enumerate().flat_map(|(word, bits)| {
        let mut left = *bits;
        std::iter::from_fn(move || {
            let next = (left != 0).then(|| word * 64 + left.trailing_zeros() as usize);
            left &= left.wrapping_sub(1);
            next
        })
    })
}

/// The rows of `mask` for whose value a test holds; words without a row of the mask are not looked at.
#[inline]
pub(crate) fn pack<T: Copy>(values: &[T], mask: &Bits, test: impl Fn(T) -> bool) -> Bits {
    let mut found = NONE;
    for ((chunk, mask), found) in values.chunks_exact(64).zip(mask).zip(&mut found) {
        if *mask == 0 {
            continue;
        }
        let mut bits = 0_u64;
        for (lane, eight) in chunk.chunks_exact(8).enumerate() {
            let mut byte = 0_u64;
            for (bit, value) in eight.iter().enumerate() {
                byte |= u64::from(test(*value)) << bit;
            }
            bits |= byte << (lane * 8);
        }
        *found = bits & mask;
    }
    found
}

/// The rows of `mask` for which a test holds.
#[inline]
pub(crate) fn pack_rows(mask: &Bits, test: impl Fn(usize) -> bool) -> Bits {
    let mut found = NONE;
    for (word, (mask, found)) in mask.iter().zip(&mut found).enumerate() {
        if *mask != 0 {
            let bits = (0..64).fold(0_u64, |bits, bit| bits | u64::from(test(word * 64 + bit)) << bit);
            *found = bits & mask;
        }
    }
    found
}
