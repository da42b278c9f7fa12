//! What the demo measures while it runs, and the report it makes of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// Rates of positive responses a decision; the three policies see the same decisions.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Rates {
    /// Sampled responses to what the suite chose.
    pub(crate) learner: f64,
    /// Expected responses of a uniform choice among the eligible, by the hidden model.
    pub(crate) random: f64,
    /// Expected responses of the best eligible offer, by the hidden model.
    pub(crate) oracle: f64,
    /// Expected responses of what the suite chose, by the hidden model: the learner without sampling noise.
    pub(crate) learner_expected: f64,
    /// Sampled responses in the always-on control group.
    pub(crate) control: f64,
    /// Decisions behind the figures, control group excluded.
    pub(crate) decisions: u64,
}

/// One decision as the driver saw it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) day: u32,
    pub(crate) micros: u32,
    pub(crate) control: bool,
    pub(crate) responded: bool,
    pub(crate) chosen: f64,
    pub(crate) random: f64,
    pub(crate) best: f64,
}

/// Collects decisions.
#[derive(Debug, Default)]
pub(crate) struct Measure {
    seen: Vec<Seen>,
    /// Decisions that offered nothing, by which no rate is judged.
    pub(crate) empty: u64,
    pub(crate) degraded: u64,
    /// How often each contact rule held a candidate of a decision back.
    pub(crate) held_back: BTreeMap<String, u64>,
    /// The driver's identifiers, with the customer they truly belong to.
    pub(crate) identifiers: BTreeMap<(&'static str, String), usize>,
}

impl Measure {
    pub(crate) fn record(&mut self, seen: Seen) {
        self.seen.push(seen);
    }

    pub(crate) fn decisions(&self) -> u64 {
        self.seen.len() as u64 + self.empty
    }

    /// The latency below which `share` of the decisions stayed, in milliseconds.
    pub(crate) fn latency_ms(&self, share: f64) -> f64 {
        let mut micros: Vec<u32> = self.seen.iter().map(|seen| seen.micros).collect();
        if micros.is_empty() {
            return 0.0;
        }
        micros.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let index = ((micros.len() - 1) as f64 * share).round() as usize;
        f64::from(micros[index]) / 1000.0
    }

    /// Rates over the decisions of the days in `days`.
    pub(crate) fn rates(&self, days: std::ops::Range<u32>) -> Rates {
        let within = || self.seen.iter().filter(|seen| days.contains(&seen.day));
        let arbitrated = || within().filter(|seen| !seen.control);
        Rates {
            learner: mean(arbitrated().map(|seen| f64::from(u8::from(seen.responded)))),
            random: mean(arbitrated().map(|seen| seen.random)),
            oracle: mean(arbitrated().map(|seen| seen.best)),
            learner_expected: mean(arbitrated().map(|seen| seen.chosen)),
            control: mean(within().filter(|seen| seen.control).map(|seen| f64::from(u8::from(seen.responded)))),
            decisions: arbitrated().count() as u64,
        }
    }

    /// The customers of whom something was seen.
    pub(crate) fn customers_seen(&self) -> usize {
        self.identifiers.values().collect::<BTreeSet<_>>().len()
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut count, mut sum) = (0_u64, 0.0);
    for value in values {
        count += 1;
        sum += value;
    }
    if count == 0 { 0.0 } else { sum / count as f64 }
}

/// One step of the form.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) reached: i64,
    pub(crate) converted_from_previous: f64,
    pub(crate) median_seconds: Option<f64>,
}

/// A period's rates.
#[derive(Debug, Serialize)]
pub(crate) struct Period {
    pub(crate) days: String,
    #[serde(flatten)]
    pub(crate) rates: Rates,
}

/// The demo's result: a page for people, JSON for machines.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) customers: usize,
    pub(crate) days: u32,
    pub(crate) seed: u64,
    pub(crate) events_in: u64,
    pub(crate) persons_found: usize,
    pub(crate) persons_true: usize,
    /// Persons found that hold identifiers of more than one customer.
    pub(crate) persons_mixed: usize,
    pub(crate) sessions: i64,
    pub(crate) decisions: u64,
    pub(crate) decisions_without_offer: u64,
    pub(crate) decisions_degraded: u64,
    pub(crate) decide_p50_ms: f64,
    pub(crate) decide_p99_ms: f64,
    pub(crate) response_rate: Rates,
    pub(crate) response_rate_over_time: Vec<Period>,
    /// Candidates and deliveries held back, by rule.
    pub(crate) suppressed: BTreeMap<String, u64>,
    pub(crate) sends: u64,
    pub(crate) deliveries: u64,
    pub(crate) duplicates: u64,
    pub(crate) lost: u64,
    pub(crate) triggers: u64,
    pub(crate) stage_changes: u64,
    pub(crate) funnel: Vec<Step>,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(day: u32, micros: u32, control: bool, responded: bool) -> Seen {
        Seen { day, micros, control, responded, chosen: 0.2, random: 0.1, best: 0.3 }
    }

    #[test]
    fn rates_keep_the_control_group_apart() {
        let mut measure = Measure::default();
        for one in [
            seen(0, 100, false, true),
            seen(0, 200, false, false),
            seen(1, 300, true, true),
            seen(9, 400, false, false),
        ] {
            measure.record(one);
        }
        let rates = measure.rates(0..5);
        assert!((rates.learner - 0.5).abs() < 1e-12 && (rates.control - 1.0).abs() < 1e-12);
        assert_eq!(rates.decisions, 2);
        assert!((measure.latency_ms(1.0) - 0.4).abs() < 1e-12 && (measure.latency_ms(0.0) - 0.1).abs() < 1e-12);
    }
}
