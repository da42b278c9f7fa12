//! What is needed of a customer.

use rustc_hash::FxHashMap;

use crate::Error;

/// A customer up to the end of the observed time. Times are in one unit of the caller's choice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Repeat purchases: days with a purchase, without the first.
    pub frequency: u32,
    /// Time from the first purchase to the last; 0 without a repeat.
    pub recency: f64,
    /// Time from the first purchase to the end of the observed time.
    pub age: f64,
    /// The mean value of a repeat purchase; 0 without one.
    pub value: f64,
}

impl Summary {
    /// Refuses what cannot be.
    ///
    /// # Errors
    /// [`Error::BadNumber`].
    pub fn check(&self) -> Result<(), Error> {
        let bad = |what, value| Err(Error::BadNumber { what, value });
        if !(self.age >= 0.0 && self.age.is_finite()) {
            return bad("age", self.age);
        }
        if !(self.recency >= 0.0 && self.recency <= self.age) || (self.frequency == 0) != (self.recency == 0.0) {
            return bad("recency", self.recency);
        }
        if !self.value.is_finite() {
            return bad("value", self.value);
        }
        Ok(())
    }
}

/// A purchase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Purchase {
    /// Whose, as a code of the caller's.
    pub customer: u32,
    /// When, in days; purchases of one day are one.
    pub day: i64,
    /// What it was worth.
    pub value: f64,
}

/// A customer's summary and what they bought in the time kept aside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed {
    /// Whose.
    pub customer: u32,
    /// Up to the end of the observed time, in units of `unit` days.
    pub summary: Summary,
    /// Days with a purchase after it.
    pub later: u32,
    /// What they were worth.
    pub later_value: f64,
}

/// Sums up the purchases of each customer who bought by the day `end`; those up to `until` are counted as later ones.
/// Times are divided by `unit` days. Customers come in order of their codes.
///
/// # Errors
/// [`Error::BadNumber`] for a value that is not finite, [`Error::Unfit`] without a customer.
pub fn summarise(purchases: &[Purchase], end: i64, until: i64, unit: f64) -> Result<Vec<Observed>, Error> {
    let mut days: FxHashMap<(u32, i64), f64> = FxHashMap::default();
    for purchase in purchases.iter().filter(|purchase| purchase.day <= until) {
        if !purchase.value.is_finite() {
            return Err(Error::BadNumber { what: "value", value: purchase.value });
        }
        *days.entry((purchase.customer, purchase.day)).or_default() += purchase.value;
    }
    let mut days: Vec<((u32, i64), f64)> = days.into_iter().collect();
    days.sort_unstable_by_key(|(key, _)| *key);
    let of_customers = days.chunk_by(|a, b| a.0.0 == b.0.0).filter(|days| days[0].0.1 <= end);
    let observed: Vec<Observed> = of_customers
        .map(|days| {
            let split = days.partition_point(|day| day.0.1 <= end);
            let (before, after) = days.split_at(split);
            let (first, last) = (before[0].0.1, before[split - 1].0.1);
            let frequency = split - 1;
            let repeat: f64 = before[1..].iter().map(|day| day.1).sum();
            let summary = Summary {
                frequency: frequency as u32,
                recency: (last - first) as f64 / unit,
                age: (end - first) as f64 / unit,
                value: if frequency == 0 { 0.0 } else { repeat / frequency as f64 },
            };
            let later_value = after.iter().map(|day| day.1).sum();
            Observed { customer: days[0].0.0, summary, later: after.len() as u32, later_value }
        })
        .collect();
    if observed.is_empty() { Err(Error::Unfit("no customer bought in the observed time")) } else { Ok(observed) }
}

#[cfg(test)]
mod tests {
    use super::{Purchase, Summary, summarise};

    #[test]
    fn purchases_of_a_day_are_one_and_the_first_is_no_repeat() {
        let bought = |customer, day, value| Purchase { customer, day, value };
        let purchases = [
            bought(1, 10, 5.0),
            bought(0, 0, 10.0),
            bought(0, 7, 4.0),
            bought(0, 7, 6.0),
            bought(0, 21, 30.0),
            bought(0, 35, 8.0),
            bought(0, 60, 9.0),
            bought(2, 29, 1.0),
        ];
        let observed = summarise(&purchases, 28, 50, 7.0).unwrap();
        assert_eq!(observed.len(), 2, "who came later is not observed");
        assert_eq!(observed[0].summary, Summary { frequency: 2, recency: 3.0, age: 4.0, value: 20.0 });
        assert_eq!((observed[0].later, observed[0].later_value), (1, 8.0));
        assert_eq!(observed[1].summary, Summary { frequency: 0, recency: 0.0, age: 18.0 / 7.0, value: 0.0 });
        summarise(&purchases, -1, 50, 7.0).unwrap_err();
        summarise(&[bought(1, 1, f64::NAN)], 5, 5, 1.0).unwrap_err();
    }

    #[test]
    fn summaries_that_cannot_be_are_refused() {
        let good = Summary { frequency: 1, recency: 2.0, age: 3.0, value: 1.0 };
        good.check().unwrap();
        Summary { recency: 4.0, ..good }.check().unwrap_err();
        Summary { frequency: 0, ..good }.check().unwrap_err();
        Summary { age: f64::NAN, ..good }.check().unwrap_err();
        Summary { value: f64::INFINITY, ..good }.check().unwrap_err();
    }
}
