//! Each offer's receipts, views, completions and influenced completions.
//!
//! A response belongs to the person's most recent receipt of the same offer at or before it, in the order of
//! [`Moment`]: time, then the source's sequence. A completion is *influenced* when it lies within the offer's response
//! window of its receipt, compared by time alone and inclusively, and a view of that offer lies between the two, ends
//! included, in the order of moments.
//!
//! The pass takes one person's history of one offer at a time and keeps nothing of it but sums, so its memory does not
//! grow with the log.

use std::collections::BTreeMap;
use std::time::Duration;

use super::moment::Moment;
use super::response::Kind;

/// One person's history of one offer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// When the offer was received, in any order.
    pub receipts: Vec<Moment>,
    /// What was answered, in any order.
    pub responses: Vec<(Moment, Kind)>,
}

/// One offer's figures.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Receipts.
    pub received: u64,
    /// Impressions.
    pub viewed: u64,
    /// Conversions.
    pub completed: u64,
    /// Conversions that were influenced.
    pub influenced: u64,
    /// Clicks.
    pub clicked: u64,
    /// Acceptances.
    pub accepted: u64,
    /// Dismissals.
    pub dismissed: u64,
    /// Responses of any kind before which there was no receipt.
    pub unmatched: u64,
    /// From each viewed receipt to its first impression.
    pub view_delays: Delays,
    /// From each completed receipt to its first conversion.
    pub complete_delays: Delays,
}

impl Figures {
    /// Adds one person's history of this offer. `window` is the offer's response window, `None` when unlimited.
    pub fn add(&mut self, mut history: History, window: Option<Duration>) {
        history.receipts.sort_unstable();
        history.responses.sort_unstable_by_key(|(moment, _)| *moment);
        self.received += history.receipts.len() as u64;
        let mut receipts = history.receipts.iter().copied().peekable();
        let mut current: Option<Open> = None;
        let mut at = 0;
        while at < history.responses.len() {
            let moment = history.responses[at].0;
            while let Some(receipt) = receipts.next_if(|receipt| *receipt <= moment) {
                current = Some(Open { receipt, viewed: false, completed: false });
            }
            // Responses of one moment are taken together: a view at the very moment of a completion lies between.
            let same = history.responses[at..].iter().take_while(|(other, _)| *other == moment).count();
            let group = &history.responses[at..at + same];
            let views = group.iter().any(|(_, kind)| *kind == Kind::Impression);
            if let Some(open) = &mut current
                && views
                && !open.viewed
            {
                open.viewed = true;
                self.view_delays.add(moment.time.since(open.receipt.time));
            }
            for (_, kind) in group {
                self.count(*kind, moment, current.as_mut(), window);
            }
            at += same;
        }
    }

    fn count(&mut self, kind: Kind, moment: Moment, open: Option<&mut Open>, window: Option<Duration>) {
        match kind {
            Kind::Impression => self.viewed += 1,
            Kind::Click => self.clicked += 1,
            Kind::Accept => self.accepted += 1,
            Kind::Dismiss => self.dismissed += 1,
            Kind::Conversion => self.completed += 1,
        }
        let Some(open) = open else {
            self.unmatched += 1;
            return;
        };
        if kind == Kind::Conversion {
            let delay = moment.time.since(open.receipt.time);
            if open.viewed && window.is_none_or(|window| delay <= window) {
                self.influenced += 1;
            }
            if !open.completed {
                open.completed = true;
                self.complete_delays.add(delay);
            }
        }
    }

    /// Whether there was any activity.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.received + self.viewed + self.completed + self.clicked + self.accepted + self.dismissed == 0
    }
}

/// The most recent receipt and what has followed it so far.
struct Open {
    receipt: Moment,
    viewed: bool,
    completed: bool,
}

/// A multiset of lengths of time with a median, in bounded memory.
///
/// Exact up to 65,536 different lengths; beyond that they are rounded down to a power of two of microseconds just
/// coarse enough to stay within the bound.
#[derive(Debug, Clone, Default)]
pub struct Delays {
    counts: BTreeMap<u64, u64>,
    total: u64,
    coarseness: u32,
}

/// Different lengths kept.
const MAX_DIFFERENT: usize = 65_536;

impl Delays {
    /// Adds one.
    pub fn add(&mut self, delay: Duration) {
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        *self.counts.entry(micros >> self.coarseness).or_default() += 1;
        self.total += 1;
        while self.counts.len() > MAX_DIFFERENT {
            self.coarseness += 1;
            let mut coarser = BTreeMap::new();
            for (length, count) in std::mem::take(&mut self.counts) {
                *coarser.entry(length >> 1).or_default() += count;
            }
            self.counts = coarser;
        }
    }

    /// The median in hours, the mean of the two middle ones when their number is even; `None` when there are none.
    #[must_use]
    pub fn median_hours(&self) -> Option<f64> {
        if self.total == 0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "microseconds of centuries fit 53 bits")]
        let hours = |rank: u64| (self.nth(rank) << self.coarseness) as f64 / 3.6e9;
        Some(f64::midpoint(hours((self.total - 1) / 2), hours(self.total / 2)))
    }

    fn nth(&self, rank: u64) -> u64 {
        let mut before = 0;
        for (length, count) in &self.counts {
            before += count;
            if before > rank {
                return *length;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use attune_kernel::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn moment(hour: i64, sequence: i64) -> Moment {
        Moment { time: Timestamp::from_micros(hour * 3_600_000_000), sequence }
    }

    /// The definition, read off sentence by sentence in quadratic time.
    fn naive(history: &History, window: Option<Duration>) -> (u64, u64, u64, u64, u64, Vec<u64>, Vec<u64>) {
        let of = |kind: Kind| history.responses.iter().filter(move |(_, other)| *other == kind).map(|(at, _)| *at);
        let receipt_of = |at: Moment| history.receipts.iter().copied().filter(|receipt| *receipt <= at).max();
        let influenced = |completion: &Moment| {
            receipt_of(*completion).is_some_and(|receipt| {
                let within = window.is_none_or(|window| completion.time.since(receipt.time) <= window);
                within && of(Kind::Impression).any(|view| receipt <= view && view <= *completion)
            })
        };
        let delays = |kind: Kind| {
            let mut receipts = history.receipts.clone();
            receipts.sort_unstable();
            receipts.dedup();
            let mut delays: Vec<u64> = receipts
                .into_iter()
                .filter_map(|receipt| {
                    let first = of(kind).filter(|at| receipt_of(*at) == Some(receipt)).min()?;
                    Some(first.time.since(receipt.time).as_micros() as u64)
                })
                .collect();
            delays.sort_unstable();
            delays
        };
        (
            history.receipts.len() as u64,
            of(Kind::Impression).count() as u64,
            of(Kind::Conversion).count() as u64,
            of(Kind::Conversion).filter(influenced).count() as u64,
            history.responses.iter().filter(|(at, _)| receipt_of(*at).is_none()).count() as u64,
            delays(Kind::Impression),
            delays(Kind::Conversion),
        )
    }

    fn median(sorted: &[u64]) -> Option<f64> {
        let middle = |rank: usize| sorted[rank] as f64 / 3.6e9;
        (!sorted.is_empty()).then(|| f64::midpoint(middle((sorted.len() - 1) / 2), middle(sorted.len() / 2)))
    }

    fn histories() -> impl Strategy<Value = History> {
        let moments = || (0i64..8, 0i64..4).prop_map(|(hour, sequence)| moment(hour, sequence));
        let kinds = prop::sample::select(Kind::ALL.to_vec());
        (prop::collection::vec(moments(), 0..6), prop::collection::vec((moments(), kinds), 0..10))
            .prop_map(|(receipts, responses)| History { receipts, responses })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn figures_equal_the_definition(history in histories(), window in prop::option::of(0u64..6)) {
            let window = window.map(|hours| Duration::from_secs(hours * 3600));
            let (received, viewed, completed, influenced, unmatched, views, completions) = naive(&history, window);
            let mut figures = Figures::default();
            figures.add(history, window);
            prop_assert_eq!(figures.received, received);
            prop_assert_eq!(figures.viewed, viewed);
            prop_assert_eq!(figures.completed, completed);
            prop_assert_eq!(figures.influenced, influenced);
            prop_assert_eq!(figures.unmatched, unmatched);
            prop_assert_eq!(figures.view_delays.median_hours(), median(&views));
            prop_assert_eq!(figures.complete_delays.median_hours(), median(&completions));
        }

        #[test]
        fn medians_survive_coarsening_within_the_grain(lengths in prop::collection::vec(0u64..4_000_000, 1..50)) {
            let mut delays = Delays { coarseness: 4, ..Delays::default() };
            let mut sorted = lengths.clone();
            sorted.sort_unstable();
            lengths.into_iter().for_each(|length| delays.add(Duration::from_micros(length)));
            let (found, exact) = (delays.median_hours().unwrap(), median(&sorted).unwrap());
            prop_assert!(found <= exact && exact - found <= 16.0 / 3.6e9);
        }
    }

    #[test]
    fn many_different_delays_stay_bounded() {
        let mut delays = Delays::default();
        (0..200_000u64).for_each(|length| delays.add(Duration::from_micros(length)));
        assert!(delays.counts.len() <= MAX_DIFFERENT);
        assert!((delays.median_hours().unwrap() * 3.6e9 - 100_000.0).abs() < 8.0);
    }

    #[test]
    fn ends_are_included_and_the_sequence_breaks_ties() {
        let window = Some(Duration::from_secs(3600));
        let figures = |receipt: Moment, view: Moment, completion: Moment| {
            let mut figures = Figures::default();
            let responses = vec![(completion, Kind::Conversion), (view, Kind::Impression)];
            figures.add(History { receipts: vec![receipt], responses }, window);
            figures.influenced
        };
        assert_eq!(figures(moment(0, 1), moment(0, 1), moment(1, 0)), 1, "exactly the window, view at the receipt");
        assert_eq!(figures(moment(0, 1), moment(1, 2), moment(1, 2)), 1, "view at the completion");
        assert_eq!(figures(moment(0, 1), moment(0, 0), moment(1, 0)), 0, "view before the receipt");
        assert_eq!(figures(moment(0, 0), moment(1, 2), moment(1, 1)), 0, "view after the completion");
        assert_eq!(figures(moment(0, 0), moment(1, 0), moment(2, 0)), 0, "past the window");
    }
}
