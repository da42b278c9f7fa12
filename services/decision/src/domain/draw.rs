//! Draws that anyone can repeat: every one is a function of the decision's seed.

use attune_kernel::{DecisionId, PersonId};

/// A reproducible stream of 64-bit numbers: `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014). Not for secrets.
#[derive(Debug, Clone)]
pub struct Draws(u64);

impl Draws {
    /// The stream that belongs to a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// The next number in `0..1`, on a grid of 2^-53.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub const fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The next number in `0..bound`, 0 when `bound` is 0. By multiplication and shift: the bias is below
    /// `bound / 2^64`.
    #[expect(clippy::cast_possible_truncation, reason = "the result is less than bound")]
    pub const fn below(&mut self, bound: usize) -> usize {
        ((self.next() as u128 * bound as u128) >> 64) as usize
    }

    /// Brings `items` into a uniformly random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// The finalizer of `SplitMix64`: a bijection in which every input bit moves every output bit.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The hash of some bytes that starts from `state`: FNV-1a over the bytes, then mixed. Stable for ever: control groups
/// and seeds rest on it.
fn hash(state: u64, bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(state, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3));
    mix(fnv)
}

const BASIS: u64 = 0xCBF2_9CE4_8422_2325;

/// The seed of a decision's draws.
#[must_use]
pub fn seed_of(decision: DecisionId) -> u64 {
    hash(BASIS, &decision.to_bytes())
}

/// The seed of one decision within a simulation.
#[must_use]
pub fn seed_within(simulation: u64, decision: DecisionId) -> u64 {
    hash(mix(simulation ^ BASIS), &decision.to_bytes())
}

/// Whether a person belongs to the control group of a policy. The same person and policy always give the same answer,
/// and a person stays in the group when the share grows.
#[must_use]
pub fn in_control_group(person: PersonId, policy: &str, share: f64) -> bool {
    Draws::new(hash(hash(BASIS, &person.to_bytes()), policy.as_bytes())).unit() < share
}

/// The id of an imported decision: a function of the source's id of it, so that a repeat is recognised.
#[must_use]
pub fn imported_id(external_id: &str) -> DecisionId {
    let high = hash(BASIS, external_id.as_bytes()).to_be_bytes();
    let low = hash(mix(BASIS), external_id.as_bytes()).to_be_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&high);
    bytes[8..].copy_from_slice(&low);
    DecisionId::from_bytes(bytes)
}

/// A number that names a sequence of texts; other sequences have other numbers but for one in 2^64.
#[must_use]
pub fn fingerprint<'a>(texts: impl IntoIterator<Item = &'a str>) -> u64 {
    texts.into_iter().fold(BASIS, |state, text| hash(hash(state, text.as_bytes()), &[0xFF]))
}

#[cfg(test)]
mod tests {
    use attune_kernel::Timestamp;

    use super::*;

    fn person(number: u128) -> PersonId {
        PersonId::from_parts(Timestamp::from_millis(1_700_000_000_000), number)
    }

    #[test]
    fn a_seed_repeats_its_draws() {
        let run = || {
            let mut draws = Draws::new(7);
            (draws.next(), draws.unit(), draws.below(10))
        };
        assert_eq!(run(), run());
        // The first numbers of the published reference for seed 1234567.
        let mut draws = Draws::new(1_234_567);
        assert_eq!([draws.next(), draws.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn bounds_hold_and_every_value_comes_up() {
        let mut draws = Draws::new(1);
        let mut seen = [0u32; 7];
        for _ in 0..7000 {
            seen[draws.below(7)] += 1;
        }
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
        assert_eq!(draws.below(0), 0);
    }

    #[test]
    fn the_control_group_is_sticky_nested_and_of_the_right_size() {
        let members = |share: f64| (0..20_000).filter(|n| in_control_group(person(*n), "default", share)).count();
        assert!((850..1150).contains(&members(0.05)), "{}", members(0.05));
        assert_eq!((members(0.0), members(1.0)), (0, 20_000));
        assert!((0..2000).all(|n| !in_control_group(person(n), "p", 0.1) || in_control_group(person(n), "p", 0.2)));
        let differs = (0..2000).any(|n| in_control_group(person(n), "a", 0.5) != in_control_group(person(n), "b", 0.5));
        assert!(differs, "another policy has another group");
    }

    #[test]
    fn imported_ids_are_functions_of_the_external_id() {
        assert_eq!(imported_id("a"), imported_id("a"));
        assert_ne!(imported_id("a"), imported_id("b"));
    }
}
