//! What each sequence shows: which events, and which values of properties.
//!
//! A feature is present or absent in the rows of a sequence that the caller allows (such as those before its goal, so
//! that nothing explains an outcome that came after it). A property of numbers with many different ones is cut at its
//! quartiles.

use std::collections::BTreeMap;
use std::ops::Range;

use attune_pathing::log::{Column, EventLog};
use attune_pathing::pattern::Atom;
use attune_pathing::predicate::{Literal, Operator, Predicate};
use attune_pathing::value::Scalar;
use rustc_hash::FxHashMap;

/// Different values up to which each is a feature of its own; of more texts the most frequent are.
const VALUES: usize = 50;

/// Something that a sequence shows or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// In words: `help`, or `device == 'app'`.
    pub label: String,
    /// The events that show it.
    pub atom: Atom,
    /// The property that it is a value of.
    pub property: Option<String>,
    /// How many sequences show it.
    pub count: u64,
}

/// The features of sequences.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Features {
    /// The features, by their number.
    pub features: Vec<Feature>,
    /// By sequence, the numbers of those that it shows, ascending.
    pub shown: Vec<Vec<u32>>,
}

/// Which features to look for.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// Properties whose values are features.
    pub properties: &'a [String],
    /// Names of events that are none, such as those of the outcome itself.
    pub without: &'a [String],
    /// Sequences that must show a feature, and must not, for it to be kept.
    pub least: u64,
}

/// The features in given rows, a range for each sequence, in the order of the names and then of the properties.
#[must_use]
pub fn features(log: &EventLog, rows: &[Range<usize>], wanted: &Wanted<'_>) -> Features {
    let mut found = Features { features: Vec::new(), shown: vec![Vec::new(); rows.len()] };
    let names: Vec<Option<u32>> = log
        .names()
        .iter()
        .map(|name| {
            if wanted.without.iter().any(|other| other == name) {
                return None;
            }
            found.features.push(Feature { label: name.to_owned(), atom: Atom::named(name), property: None, count: 0 });
            Some(found.features.len() as u32 - 1)
        })
        .collect();
    mark(&mut found, rows, |row| names[log.codes().get(row) as usize]);
    for property in wanted.properties {
        let Some(column) = log.column(property) else { continue };
        let values = Values::of(column, rows);
        let first = found.features.len() as u32;
        for predicate in values.predicates(property) {
            let label = predicate.to_string();
            let atom = Atom { name: None, predicate: Some(predicate) };
            found.features.push(Feature { label, atom, property: Some(property.clone()), count: 0 });
        }
        mark(&mut found, rows, |row| values.number(column, row).map(|number| first + number));
    }
    drop_rare(&mut found, wanted.least, rows.len() as u64);
    found
}

fn mark(found: &mut Features, rows: &[Range<usize>], number: impl Fn(usize) -> Option<u32>) {
    let mut own: Vec<u32> = Vec::new();
    for (shown, rows) in found.shown.iter_mut().zip(rows) {
        own.clear();
        for one in rows.clone().filter_map(&number) {
            if !own.contains(&one) {
                own.push(one);
            }
        }
        own.sort_unstable();
        shown.extend_from_slice(&own);
        for one in &own {
            found.features[*one as usize].count += 1;
        }
    }
}

/// Leaves out what too few, or all but too few, show.
fn drop_rare(found: &mut Features, least: u64, all: u64) {
    let mut kept = Vec::new();
    let mut numbers = Vec::with_capacity(found.features.len());
    for feature in std::mem::take(&mut found.features) {
        let keep = feature.count >= least.max(1) && all - feature.count >= least.max(1);
        numbers.push(keep.then_some(kept.len() as u32));
        if keep {
            kept.push(feature);
        }
    }
    found.features = kept;
    for shown in &mut found.shown {
        *shown = shown.iter().filter_map(|number| numbers[*number as usize]).collect();
    }
}

/// The values of a property as features.
enum Values {
    Texts(FxHashMap<String, u32>, Vec<(String, Literal)>),
    /// The quartiles, ascending; the features are below the first, from each to the next, and from the last on.
    Cuts(Vec<f64>),
}

impl Values {
    fn of(column: &Column, rows: &[Range<usize>]) -> Self {
        let mut counts: BTreeMap<String, (u64, Literal)> = BTreeMap::new();
        let mut numbers = Vec::new();
        let mut labels = 0usize;
        for row in rows.iter().cloned().flatten() {
            let Some(value) = column.get(row) else { continue };
            let Some(label) = column.label(row).filter(|label| !label.is_empty()) else { continue };
            labels += 1;
            let literal = match value {
                Scalar::Number(number) => {
                    numbers.push(number);
                    Literal::Number(number)
                }
                Scalar::Flag(flag) => Literal::Flag(flag),
                Scalar::Text(text) => Literal::Text(text.to_owned()),
            };
            counts.entry(label).or_insert((0, literal)).0 += 1;
        }
        if counts.len() > VALUES && numbers.len() == labels {
            numbers.sort_unstable_by(f64::total_cmp);
            let mut cuts: Vec<f64> = (1..4).map(|quarter| numbers[numbers.len() * quarter / 4]).collect();
            cuts.dedup();
            return Self::Cuts(cuts);
        }
        let mut ranked: Vec<(String, (u64, Literal))> = counts.into_iter().collect();
        ranked.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
        ranked.truncate(VALUES);
        ranked.sort_by(|a, b| a.0.cmp(&b.0));
        let kept: Vec<(String, Literal)> = ranked.into_iter().map(|(label, (_, literal))| (label, literal)).collect();
        Self::Texts((0u32..).zip(&kept).map(|(at, (label, _))| (label.clone(), at)).collect(), kept)
    }

    fn predicates(&self, property: &str) -> Vec<Predicate> {
        let compare = |operator, literal| Predicate::Compare { property: property.to_owned(), operator, literal };
        match self {
            Self::Texts(_, kept) => kept.iter().map(|(_, literal)| compare(Operator::Equal, literal.clone())).collect(),
            Self::Cuts(cuts) => (0..=cuts.len())
                .map(|part| {
                    let from = part.checked_sub(1).map(|at| compare(Operator::AtLeast, Literal::Number(cuts[at])));
                    let to = cuts.get(part).map(|cut| compare(Operator::Less, Literal::Number(*cut)));
                    let mut both: Vec<Predicate> = from.into_iter().chain(to).collect();
                    if both.len() == 1 { both.remove(0) } else { Predicate::And(both) }
                })
                .collect(),
        }
    }

    fn number(&self, column: &Column, row: usize) -> Option<u32> {
        match self {
            Self::Texts(numbers, _) => numbers.get(&column.label(row)?).copied(),
            Self::Cuts(cuts) => match column.get(row)? {
                Scalar::Number(number) => Some(cuts.partition_point(|cut| *cut <= number) as u32),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use attune_kernel::Timestamp;
    use attune_pathing::probe::Probe;
    use attune_pathing::sessions::{Unit, sequences};
    use proptest::prelude::*;

    use super::*;

    fn log_of(customers: &[Vec<(String, f64)>]) -> EventLog {
        let mut builder = EventLog::builder();
        for (customer, events) in customers.iter().enumerate() {
            for (second, (name, amount)) in (0i64..).zip(events) {
                let properties = [("amount", Scalar::Number(*amount)), ("kind", Scalar::Text(name))];
                builder.push(&format!("c{customer:03}"), Timestamp::from_millis(second), name, properties).unwrap();
            }
        }
        builder.build()
    }

    #[test]
    fn many_numbers_are_cut_at_their_quartiles() {
        let customers: Vec<Vec<(String, f64)>> = (0..100).map(|at| vec![("a".to_owned(), f64::from(at))]).collect();
        let log = log_of(&customers);
        let rows: Vec<Range<usize>> = (0..100).map(|row| row..row + 1).collect();
        let properties = ["amount".to_owned()];
        let wanted = Wanted { properties: &properties, without: &["a".to_owned()], least: 1 };
        let found = features(&log, &rows, &wanted);
        let told: Vec<_> = found.features.iter().map(|feature| (feature.label.as_str(), feature.count)).collect();
        let middle = ["amount >= 25 and amount < 50", "amount >= 50 and amount < 75"];
        assert_eq!(told, [("amount < 25", 25), (middle[0], 25), (middle[1], 25), ("amount >= 75", 25)]);
    }

    proptest! {
        #[test]
        fn a_feature_is_shown_where_an_event_is_what_it_says(
            customers in prop::collection::vec(prop::collection::vec(("[a-c]", 0.0f64..5.0), 1..6), 2..9),
            least in 0u64..3,
        ) {
            let log = log_of(&customers);
            let all = sequences(&log, Unit::Customer, 1);
            let rows: Vec<Range<usize>> = (0..all.len()).map(|at| all.rows(at)).collect();
            let properties = ["kind".to_owned(), "amount".to_owned(), "absent".to_owned()];
            let wanted = Wanted { properties: &properties, without: &["b".to_owned()], least };
            let found = features(&log, &rows, &wanted);
            prop_assert!(found.features.iter().all(|feature| feature.label != "b"));
            for (number, feature) in (0u32..).zip(&found.features) {
                let probe = Probe::new(&log, &feature.atom);
                let mut count = 0;
                for (shown, rows) in found.shown.iter().zip(&rows) {
                    let is = rows.clone().any(|row| probe.holds(row));
                    prop_assert_eq!(shown.contains(&number), is, "{}", &feature.label);
                    count += u64::from(is);
                }
                prop_assert_eq!(feature.count, count);
                prop_assert!(count >= least.max(1) && rows.len() as u64 - count >= least.max(1));
            }
        }
    }
}
