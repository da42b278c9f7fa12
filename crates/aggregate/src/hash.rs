//! One stable 64-bit hash of texts: part of the stored format, so it never changes.
//!
//! Words of eight bytes are folded in with a full multiplication (the two halves of the 128-bit product, combined), and the
//! result is finished with the avalanche of MurmurHash3, so that its order is one that nobody chooses.

const WORD: u64 = 0x9e37_79b9_7f4a_7c15;
const END: u64 = 0xe703_7ed1_a0b4_28db;

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "both halves of the product are kept")]
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    product as u64 ^ (product >> 64) as u64
}

/// The hash of bytes.
#[must_use]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut state = END ^ bytes.len() as u64;
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        let mut buffer = [0; 8];
        buffer.copy_from_slice(word);
        state = fold(state ^ u64::from_le_bytes(buffer), WORD).wrapping_add(END);
    }
    let mut buffer = [0; 8];
    let rest = words.remainder();
    buffer[..rest.len()].copy_from_slice(rest);
    state = fold(state ^ u64::from_le_bytes(buffer), WORD).wrapping_add(END);
    state ^= state >> 33;
    state = state.wrapping_mul(0xff51_afd7_ed55_8ccd);
    state ^= state >> 33;
    state = state.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    state ^ (state >> 33)
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn texts_of_every_length_differ_and_the_values_are_fixed() {
        let mut seen = std::collections::BTreeSet::new();
        for index in 0..20_000_u32 {
            assert!(seen.insert(hash(index.to_string().as_bytes())));
        }
        for length in 0..40 {
            assert!(seen.insert(hash(&vec![0; length])), "{length}");
        }
        // The top bit is fair.
        let high = seen.iter().filter(|hash| **hash >> 63 == 1).count();
        assert!((9_500..10_500).contains(&high), "{high}");
    }
}
