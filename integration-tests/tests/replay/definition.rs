//! The figures straight from their definition, without any cleverness: every line is compared with every other line of
//! the same customer and offer.

use std::collections::BTreeMap;

use crate::rewards::{Line, Log, What};

/// One offer's figures.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) received: i64,
    pub(crate) viewed: i64,
    pub(crate) completed: i64,
    pub(crate) influenced: i64,
    pub(crate) median_view_hours: Option<f64>,
}

/// A moment: the hour, and the place in the log that breaks ties.
type Moment = (i64, usize);

/// The figures of every offer that the log mentions.
pub(crate) fn figures(log: &Log) -> BTreeMap<String, Figures> {
    let mut groups: BTreeMap<(&str, &str), Vec<(Moment, What)>> = BTreeMap::new();
    for (place, Line { person, offer, what, hours }) in log.lines.iter().enumerate() {
        groups.entry((offer, person)).or_default().push(((*hours, place), *what));
    }
    let mut figures: BTreeMap<String, Figures> = BTreeMap::new();
    let mut delays: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for ((offer, _), lines) in &groups {
        let of = figures.entry((*offer).to_owned()).or_default();
        let all = |wanted: What| lines.iter().filter(move |(_, what)| *what == wanted).map(|(moment, _)| *moment);
        of.received += count(all(What::Received));
        of.viewed += count(all(What::Viewed));
        of.completed += count(all(What::Completed));
        for completed in all(What::Completed) {
            // The most recent receipt at or before it.
            let Some(receipt) = all(What::Received).filter(|receipt| *receipt <= completed).max() else { continue };
            #[expect(clippy::cast_precision_loss, reason = "hours of a few years")]
            let within = (completed.0 - receipt.0) as f64 <= log.durations[*offer];
            let viewed = all(What::Viewed).any(|view| (receipt..=completed).contains(&view));
            of.influenced += i64::from(within && viewed);
        }
        for receipt in all(What::Received) {
            let belongs = |view: &Moment| all(What::Received).filter(|other| other <= view).max() == Some(receipt);
            let first = all(What::Viewed).filter(belongs).min();
            delays.entry((*offer).to_owned()).or_default().extend(first.map(|view| view.0 - receipt.0));
        }
    }
    for (offer, delays) in delays {
        figures.entry(offer).or_default().median_view_hours = median(delays);
    }
    figures
}

fn count(moments: impl Iterator<Item = Moment>) -> i64 {
    i64::try_from(moments.count()).unwrap()
}

#[expect(clippy::cast_precision_loss, reason = "hours of a few years")]
fn median(mut values: Vec<i64>) -> Option<f64> {
    values.sort_unstable();
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle] as f64),
        _ => Some((values[middle - 1] + values[middle]) as f64 / 2.0),
    }
}
