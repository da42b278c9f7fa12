//! How a trait is declared.

use attune_expression::Type;
use serde::{Deserialize, Serialize};

/// What is computed. [The table](crate#operations) says what each reads and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// How many events there were.
    Count,
    /// Whether there was one.
    Exists,
    /// The sum of a number.
    Sum,
    /// The mean of a number: of an order's amount, the average order value.
    Mean,
    /// The least number.
    Min,
    /// The greatest number.
    Max,
    /// The value of the first event that has one.
    First,
    /// The value of the last event that has one.
    Last,
    /// When the first event was.
    FirstTime,
    /// When the last event was.
    LastTime,
    /// Whole units of time since the first event.
    SinceFirst,
    /// Whole units of time since the last event.
    SinceLast,
    /// The mean time from an event to the next.
    IntervalMean,
    /// How many different values there were.
    Distinct,
    /// The values of the greatest counts (or sums of `weight`), greatest first, then by text.
    Top,
    /// The value of the greatest count (or sum of `weight`), of equal ones the least text.
    Preferred,
    /// Counts by value.
    CountBy,
    /// Sums of `weight` by value.
    SumBy,
    /// The hour of the day with the most events, of equal ones the earliest.
    BestHour,
    /// The day of the week with the most events, of equal ones the first from Monday (1) on.
    BestWeekday,
    /// On how many days there was an event.
    DaysActive,
    /// On how many days in a row, up to today or yesterday, there was an event.
    Streak,
    /// The change of a count (or of the sum of `property`) against the window before, as a share of that one.
    Trend,
    /// The slope of the least-squares line through the counts (or sums) of the last `periods` windows, a window.
    Slope,
    /// Interest by category, halved every `half_life`.
    Interest,
    /// Recency, frequency and monetary value, with scores when there are `cuts`.
    Rfm,
    /// Which part of the messages sent was answered within `horizon`.
    ResponseRate,
    /// The median time to an answer, of messages answered within `horizon`.
    ResponseLag,
    /// The items in the cart.
    Cart,
    /// The way in that most sessions began with, of equal ones the least text.
    Inflow,
    /// One trait divided by another.
    Ratio,
    /// An expression over other traits.
    Derived,
}

/// One declared trait. Which fields an operation takes stands in [the table](crate#operations); one that it does not take is
/// refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// The trait's name: names of letters, digits and `_`, joined with dots. A name with `{}` in it is that of a family: one
    /// trait for each value that [`Operation::CountBy`] or [`Operation::SumBy`] finds.
    pub name: String,
    /// What it means, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What is computed.
    pub operation: Operation,
    /// The events it is computed of; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The channels they come from; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// A boolean expression that they satisfy, over `event`, `channel`, `session`, `source`, `time` and `properties`.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// What is read of them: the dotted path of a property, or `$event`, `$channel`, `$session`, `$source`, `$hour`,
    /// `$weekday`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// A second property: what is summed by `property`, how many of an item are put in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<String>,
    /// How far back, `1h` to `400d`; absent for all time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// The length of the buckets that make a window up; by custom `1m` for windows up to `2h`, `1h` up to `7d`, else `1d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// The time zone of days, hours and weekdays, by custom `UTC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// How many values at most, for lists and maps (by custom 10); up to how many it is exact, for `distinct` (512).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// What time since an event is counted in: `1d` (by custom), `1h`, `1m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How many windows a slope looks at, by custom 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub periods: Option<u32>,
    /// After how long an interest counts half.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_life: Option<String>,
    /// How long an answer is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<String>,
    /// Events that are answers to those of `events`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
    /// Events that take an item out of the cart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removes: Vec<String>,
    /// Events that empty the cart, by being bought or thrown away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clears: Vec<String>,
    /// Scores of recency, frequency and monetary value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuts: Option<Cuts>,
    /// The trait that is divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numerator: Option<String>,
    /// The trait that it is divided by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denominator: Option<String>,
    /// An expression over the names of other traits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// The type of a derived trait, and of the value of `first` and `last`: `string` (by custom), `double` or `bool`. A value
    /// of another type is none.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub of: Option<Type>,
}

/// Where the scores of recency, frequency and monetary value change: ascending cut points, so that `n` of them make scores
/// from 1 (the worst) to `n + 1`. [`quantile_cuts`](crate::quantile_cuts) computes them from a population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cuts {
    /// Whole days since the last event; fewer are better.
    pub recency: Vec<f64>,
    /// Counts; a greater one than the cut point is better.
    pub frequency: Vec<f64>,
    /// Sums; a greater one than the cut point is better.
    pub monetary: Vec<f64>,
}

/// A list of declarations, as files hold them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declarations {
    /// The traits.
    #[serde(default, rename = "trait")]
    pub traits: Vec<Declaration>,
}

impl Declaration {
    /// A declaration of nothing but its name and operation.
    #[must_use]
    pub fn new(name: impl Into<String>, operation: Operation) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            operation,
            events: Vec::new(),
            channels: Vec::new(),
            condition: None,
            property: None,
            weight: None,
            window: None,
            bucket: None,
            zone: None,
            limit: None,
            unit: None,
            periods: None,
            half_life: None,
            horizon: None,
            answers: Vec::new(),
            removes: Vec::new(),
            clears: Vec::new(),
            cuts: None,
            numerator: None,
            denominator: None,
            expression: None,
            of: None,
        }
    }
}

/// The cut points that part a population into `parts` of equal size, for [`Cuts`]: of the sorted values, those at
/// `1/parts`, `2/parts`, ... (the nearest rank). Values that are not finite are left out.
#[must_use]
pub fn quantile_cuts(values: &[f64], parts: usize) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = |part: usize| (sorted.len() * part).div_ceil(parts.max(1)).saturating_sub(1);
    (1..parts).filter_map(|part| sorted.get(rank(part)).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let values: Vec<f64> = (1..=10).rev().map(f64::from).collect();
        assert_eq!(quantile_cuts(&values, 5), [2.0, 4.0, 6.0, 8.0]);
        assert!(quantile_cuts(&[f64::NAN], 5).is_empty());
        assert_eq!(quantile_cuts(&[3.0], 2), [3.0]);
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let text = "[[trait]]\nname = 'a'\noperation = 'count'\nwhen = 'x'";
        assert!(toml::from_str::<Declarations>(text).unwrap_err().to_string().contains("when"));
    }
}
