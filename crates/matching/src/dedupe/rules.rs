//! The blocking rules of a run: chosen, or given by name.

use super::report::RuleReport;
use super::scorer::{Floor, Scorer};
use crate::blocking::{self, AtomRule, Key, Part};
use crate::config::{Config, Options, RuleConfig};
use crate::error::Error;
use crate::model::{Model, sigmoid};
use crate::table::Records;

/// The blocking rules: those given, or else those that find most.
pub(super) fn rules(
    records: &Records,
    atoms: &mut Vec<blocking::Atom>,
    config: &Config,
    model: &Model,
    frequencies: &[Vec<f32>],
    budget: f64,
    options: &Options,
) -> Result<Vec<blocking::Chosen>, Error> {
    if !config.rules.is_empty() {
        return given_rules(records, atoms, &config.rules);
    }
    let pool = blocking::pool(atoms, records.len(), budget / 3.0);
    let scorer = Scorer::new(records, model, frequencies);
    let probability = |left: u32, right: u32| {
        let values = (records.row(left), records.row(right));
        let seen =
            scorer.observe_pair(&blocking::Pair { left, right, values }, Floor { strangers: 0.0, household: -1.0 });
        seen.map_or(0.0, |seen| sigmoid(f64::from(scorer.weight(&seen))))
    };
    Ok(blocking::choose(records, atoms, pool, budget, options.seed, options.threads.max(1), &probability))
}

fn given_rules(
    records: &Records,
    atoms: &mut Vec<blocking::Atom>,
    rules: &[RuleConfig],
) -> Result<Vec<blocking::Chosen>, Error> {
    let mut chosen = Vec::new();
    for rule in rules {
        let mut numbers = Vec::new();
        for name in &rule.keys {
            let key = key_named(records, name).ok_or_else(|| Error::UnknownKey { key: name.clone() })?;
            let known = atoms.iter().position(|atom| atom.key == key);
            numbers.push(known.unwrap_or_else(|| {
                atoms.push(blocking::Atom::new(records, key));
                atoms.len() - 1
            }));
        }
        chosen.push(blocking::Chosen { rule: AtomRule { atoms: numbers }, pairs: 0.0, recall: 0.0, marginal: 0.0 });
    }
    Ok(chosen)
}

/// The key of a name such as `surname:start` or `given_name|surname`.
fn key_named(records: &Records, name: &str) -> Option<Key> {
    let at = |name: &str| records.fields.iter().position(|field| field.name == name);
    if let Some(column) = at(name) {
        return Some(Key { column, part: Part::Whole, either: None });
    }
    if let Some((one, other)) = name.split_once('|') {
        return Some(Key { column: at(one)?, part: Part::Whole, either: Some(at(other)?) });
    }
    let (column, part) = name.rsplit_once(':')?;
    Some(Key { column: at(column)?, part: Part::named(part)?, either: None })
}

fn name_of(records: &Records, key: &Key) -> String {
    let name = &records.fields[key.column].name;
    match (key.either, key.part) {
        (Some(other), _) => format!("{name}|{}", records.fields[other].name),
        (None, Part::Whole) => name.clone(),
        (None, part) => format!("{name}:{}", part.name()),
    }
}

pub(super) fn rule_report(records: &Records, atoms: &[blocking::Atom], chosen: &blocking::Chosen) -> RuleReport {
    RuleReport {
        keys: chosen.rule.rule(atoms).keys.iter().map(|key| name_of(records, key)).collect(),
        pairs: chosen.pairs as u64,
        marginal_pairs: 0,
        recall: chosen.recall,
        marginal_recall: chosen.marginal,
    }
}
