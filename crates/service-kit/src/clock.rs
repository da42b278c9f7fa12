//! Time and randomness as values, so that a demo can run accelerated and a test can repeat itself.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use attune_kernel::Timestamp;
use parking_lot::Mutex;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// What time it is. Clones share the same time.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `start` until it is moved.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.as_micros()))))
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(micros) => Timestamp::from_micros(micros.load(Ordering::Acquire)),
            None => Timestamp::from_micros(jiff::Timestamp::now().as_microsecond()),
        }
    }

    /// Moves a manual clock to `time`. Returns whether it could: a system clock cannot be moved.
    pub fn set(&self, time: Timestamp) -> bool {
        self.0.as_ref().map(|micros| micros.store(time.as_micros(), Ordering::Release)).is_some()
    }

    /// Moves a manual clock forward. Returns whether it could: a system clock cannot be moved.
    pub fn advance(&self, by: Duration) -> bool {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.as_ref().map(|micros| micros.fetch_add(by, Ordering::AcqRel)).is_some()
    }

    /// Whether this clock is moved by hand.
    #[must_use]
    pub const fn is_manual(&self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(if self.is_manual() { "ManualClock" } else { "SystemClock" }).field(&self.now()).finish()
    }
}

/// Where ids and seeds come from. Clones share one sequence.
#[derive(Clone, Default)]
pub struct IdSource(Option<Arc<Mutex<ChaCha12Rng>>>);

impl IdSource {
    /// The thread's cryptographic generator, seeded by the operating system.
    #[must_use]
    pub const fn random() -> Self {
        Self(None)
    }

    /// A sequence that is the same for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(Mutex::new(ChaCha12Rng::seed_from_u64(seed)))))
    }

    /// The 80 random bits of a ULID.
    #[must_use]
    pub fn entropy(&self) -> u128 {
        let (high, low) = self.draw(|rng| (rng.next_u32(), rng.next_u64()));
        (u128::from(high & 0xffff) << 64) | u128::from(low)
    }

    /// A seed for a generator of the caller's own.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.draw(|rng| rng.next_u64())
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut dyn RngCore) -> T) -> T {
        match &self.0 {
            Some(seeded) => draw(&mut *seeded.lock()),
            None => draw(&mut rand::rng()),
        }
    }
}

impl fmt::Debug for IdSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "IdSource(seeded)" } else { "IdSource(random)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand_and_for_every_clone() {
        let clock = Clock::manual(Timestamp::from_millis(1000));
        let clone = clock.clone();
        assert!(clock.advance(Duration::from_millis(500)));
        assert_eq!(clone.now(), Timestamp::from_millis(1500));
        assert!(clone.set(Timestamp::from_millis(10)));
        assert_eq!(clock.now(), Timestamp::from_millis(10));
    }

    #[test]
    fn the_system_clock_cannot_be_moved_and_is_plausible() {
        let clock = Clock::system();
        assert!(!clock.set(Timestamp::from_millis(0)) && !clock.advance(Duration::from_secs(1)));
        assert!(clock.now() > Timestamp::parse("2024-01-01T00:00:00Z").unwrap());
    }

    #[test]
    fn a_seed_repeats_and_entropy_has_80_bits() {
        let (left, right) = (IdSource::seeded(7), IdSource::seeded(7));
        let drawn: Vec<u128> = (0..50).map(|_| left.entropy()).collect();
        assert_eq!(drawn, (0..50).map(|_| right.entropy()).collect::<Vec<_>>());
        assert!(drawn.iter().all(|entropy| entropy >> 80 == 0));
        assert!(drawn.iter().any(|entropy| entropy >> 79 == 1));
        assert_ne!(IdSource::random().seed(), IdSource::random().seed());
    }
}
