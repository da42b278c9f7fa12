//! A drawn log that is full of what a real one has seldom.

use std::collections::BTreeMap;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::rewards::{self, Line, Log, What};
use crate::{agree, definition, replay};

/// Draws a log: ties in time, receipts of an offer that is still open, views before any receipt, completions at the
/// last hour of the window and one after it.
pub(crate) fn draw(seed: u64, members: u32) -> Log {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let durations: BTreeMap<String, f64> = [("ten", 240.0), ("seven", 168.0), ("three", 72.0), ("half", 12.0)]
        .map(|(id, hours)| (id.to_owned(), hours))
        .into();
    let mut lines = Vec::new();
    for member in 0..members {
        let person = format!("member-{member:04}");
        for (offer, duration) in &durations {
            #[expect(clippy::cast_possible_truncation, reason = "whole hours")]
            let duration = *duration as i64;
            for _ in 0..rng.random_range(0..3) {
                let receipt = rng.random_range(0..30_i64) * 12;
                let mut push = |what, hours: i64| {
                    lines.push(Line { person: person.clone(), offer: offer.clone(), what, hours: hours.max(0) })
                };
                push(What::Received, receipt);
                let moments = [0, 0, 1, duration - 1, duration, duration, duration + 1, -1, -12, duration / 2];
                for _ in 0..rng.random_range(0..4) {
                    push(What::Viewed, receipt + moments[rng.random_range(0..moments.len())]);
                }
                for _ in 0..rng.random_range(0..3) {
                    push(What::Completed, receipt + moments[rng.random_range(0..moments.len())]);
                }
            }
        }
    }
    // Lines of one hour stand in any order; the published log is ordered by hour.
    for index in (1..lines.len()).rev() {
        lines.swap(index, rng.random_range(0..=index));
    }
    lines.sort_by_key(|line| line.hours);
    Log { durations, lines }
}

#[tokio::test]
async fn a_drawn_log_gives_the_figures_of_the_definition() {
    for seed in 1..=3 {
        let dir = tempfile::tempdir().unwrap();
        let log = draw(seed, 150);
        rewards::write(dir.path(), &log);
        agree(&replay(dir.path()).await, &log);
        let figures = definition::figures(&log);
        assert!(figures.values().all(|one| one.influenced > 0 && one.influenced < one.completed), "{figures:?}");
    }
}
