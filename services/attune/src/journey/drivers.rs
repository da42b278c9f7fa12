//! `attune journey drivers`: what goes with an outcome, alone and beside everything else.

use std::ops::Range;

use attune_failure::evidence::findings;
use attune_failure::features::{Wanted, features};
use attune_failure::regression::{Effect, MAX_FEATURES, Unfit, regress};
use attune_pathing::probe::Probe;
use attune_plot::bars::{Bars, Row, Value};
use attune_plot::theme::Unit;
use rustc_hash::FxHashMap;
use serde_json::json;

use super::table::Table;
use super::{input, plot};
use crate::exit::Failure;
use crate::options::analysis::DriversOptions;

/// Prints each feature with its lift, odds ratio, corrected p and effect.
///
/// # Errors
/// Usage or bad input.
pub(crate) fn run(options: &DriversOptions) -> Result<(), Failure> {
    plot::check(options.plot.as_deref())?;
    let goal = input::atom("goal", &options.goal)?;
    let mut properties = input::properties([&goal]);
    properties.extend(options.features.property.iter().cloned());
    properties.sort_unstable();
    properties.dedup();
    let log = input::events(&options.events, properties)?;
    let threads = input::threads(&options.events.columns);
    let sequences = input::cut(&log, options.unit, threads);
    let probe = Probe::new(&log, &goal);
    let (mut rows, mut outcome, mut customers): (Vec<Range<usize>>, Vec<bool>, Vec<u32>) = Default::default();
    for sequence in sequences.iter() {
        let reached = sequence.rows.clone().find(|row| probe.holds(*row));
        rows.push(sequence.rows.start..reached.unwrap_or(sequence.rows.end));
        outcome.push(reached.is_some());
        customers.push(sequence.customer);
    }
    let mut without = options.features.without.clone();
    without.extend(goal.name.clone());
    let asked = &options.features;
    let wanted = Wanted { properties: &asked.property, without: &without, least: asked.least };
    let features = features(&log, &rows, &wanted);
    let found = findings(&features, &outcome);
    let effects = match regress(&features, &outcome, &customers, options.ridge) {
        Ok(effects) => effects,
        Err(Unfit::OneOutcome) => {
            return Err(Failure::input(format!(
                "every sequence has {}, or none has: nothing can be compared",
                options.goal
            )));
        }
        Err(Unfit::Features(0)) => {
            return Err(Failure::input(
                "nothing is shown by enough sequences; lower --least or name columns by --property",
            ));
        }
        Err(Unfit::Features(count)) => {
            let text = format!("{count} features are more than the {MAX_FEATURES} of one regression; raise --least");
            return Err(Failure::input(text));
        }
    };
    let by_feature: FxHashMap<usize, &Effect> = effects.iter().map(|effect| (effect.feature, effect)).collect();
    let mut table = Table::new(&[
        "feature",
        "sequences",
        "with_goal",
        "rate",
        "lift",
        "odds_ratio",
        "odds_low",
        "odds_high",
        "p",
        "q",
        "effect",
        "effect_low",
        "effect_high",
    ]);
    for finding in &found {
        let effect = by_feature.get(&finding.feature);
        table.push(vec![
            json!(features.features[finding.feature].label),
            json!(finding.shown),
            json!(finding.with),
            json!(finding.with as f64 / finding.shown.max(1) as f64),
            json!(finding.lift),
            json!(finding.odds_ratio),
            json!(finding.odds_interval.0),
            json!(finding.odds_interval.1),
            json!(finding.p),
            json!(finding.q),
            json!(effect.map(|effect| effect.effect)),
            json!(effect.map(|effect| effect.interval.0)),
            json!(effect.map(|effect| effect.interval.1)),
        ]);
    }
    plot::write(options.plot.as_deref(), || {
        let row = |effect: &Effect| Row {
            label: features.features[effect.feature].label.clone(),
            values: vec![Some(Value { value: effect.effect, interval: Some(effect.interval) })],
        };
        let bars = Bars {
            title: format!("What goes with {}, all else as it is", options.goal),
            axis: "change of the share that gets there, with 95 % intervals".to_owned(),
            unit: Unit::Share,
            series: vec!["effect".to_owned()],
            rows: effects.iter().take(20).map(row).collect(),
            ..Bars::default()
        };
        bars.svg()
    })?;
    table.print(options.format)
}
