//! The stages from columns to persons.

use super::report::{Report, RuleReport, StageReport, ThresholdReport};
use super::rules::{rule_report, rules};
use super::scorer::{Floor, Observation, Scorer, level_of};
use super::{Clock, Outcome, Pair, Progress, strangers};
use crate::blocking::{self, AtomRule};
use crate::cluster::{Edge, Rule, Task, cluster};
use crate::comparison::{COLUMNS, EXACT, of_household};
use crate::config::{ColumnConfig, Config, Options, RuleConfig};
use crate::em::{self, Course, Priors, normal};
use crate::error::Error;
use crate::model::{Column, Model, Table, sigmoid};
use crate::table::{Field, RawTable, Records};
use crate::text::{Hints, Role};
use crate::threshold::{self, Aim};

/// Least match weight of a pair that is kept: a probability of 0.01.
const KEPT: f32 = -6.63;
/// Least weight, by the first guess at the model, of a pair that is learned from.
const LEARNED: f32 = -14.0;
/// How much more a pair may come to weigh once values are counted by persons.
const MARGIN: f32 = 3.0;
/// Pairs to learn from, about.
const TRAINING: f64 = 150_000.0;
/// Pairs to learn from again, about.
const REFINING: usize = 200_000;
/// Names of the stages in order.
const STAGES: [&str; 6] = ["columns", "blocking", "comparing", "learning", "persons", "report"];

/// Tells the stages' times.
struct Watch<'a> {
    clock: Clock<'a>,
    progress: Progress<'a>,
    stages: Vec<StageReport>,
}

impl Watch<'_> {
    fn stage<T>(&mut self, number: usize, work: impl FnOnce() -> T) -> T {
        (self.progress)(STAGES[number], number, STAGES.len());
        let before = (self.clock)();
        let result = work();
        let after = (self.clock)();
        if !self.stages.iter().any(|stage| stage.stage == STAGES[number]) {
            self.stages.push(StageReport { stage: STAGES[number].to_owned(), ..StageReport::default() });
        }
        for stage in self.stages.iter_mut().filter(|stage| stage.stage == STAGES[number]) {
            stage.seconds += after.seconds - before.seconds;
            stage.cpu_seconds += after.cpu_seconds - before.cpu_seconds;
        }
        result
    }
}

/// Joins what the rules found, and counts it.
fn gather(mut report: Option<&mut Report>, found: Vec<(usize, u64, Vec<Observation>)>) -> Vec<Observation> {
    let mut observations = Vec::with_capacity(found.iter().map(|(.., kept)| kept.len()).sum());
    for (number, proposed, kept) in found {
        if let Some(report) = report.as_deref_mut() {
            report.rules[number].marginal_pairs += proposed;
            report.pairs_proposed += proposed;
        }
        observations.extend(kept);
    }
    observations
}

pub(super) fn run(
    table: RawTable,
    config: Config,
    options: &Options,
    mut report: Report,
    clock: Clock<'_>,
    progress: Progress<'_>,
) -> Result<Outcome, Error> {
    let threads = options.threads.max(1);
    let given = options.threshold.or(config.threshold);
    if given.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
        return Err(Error::Threshold);
    }
    let mut watch = Watch { clock, progress, stages: Vec::new() };
    let names: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    report.records = table.records as u64;
    let records = watch.stage(0, || prepare(table, &config, threads))?;
    let n = records.len() as f64;
    let pairs = (n * (n - 1.0) / 2.0).max(1.0);
    let budget = options.pair_budget.or(config.pair_budget).map_or((30.0 * n).max(100_000.0), |pairs| pairs as f64);

    let (mut model, mut frequencies, mut atoms, rules, draws) = watch.stage(1, || {
        let frequencies = strangers::frequencies(&records, None);
        let mut model = guess(&records, pairs);
        let parents = parents(&model);
        let draws = {
            let scorer = Scorer::new(&records, &model, &frequencies);
            strangers::Draws::new(&records, &scorer, &parents, options.seed)
        };
        // First as if all drawn pairs were strangers, then without those that look like matches.
        set_strangers(&mut model, strangers::tables(&draws, &frequencies, &parents, None));
        set_households(&mut model);
        estimate_strangers(&records, &mut model, &frequencies, &draws);
        set_households(&mut model);
        let mut atoms = blocking::atoms(&records);
        let rules = rules(&records, &mut atoms, &config, &model, &frequencies, budget, options)?;
        Ok((model, frequencies, atoms, rules, draws))
    })?;
    report.estimation.random_pairs = draws.len();

    let priors = learned_priors(&model);
    // First a sample of the blocks, compared in full, to learn from; then all, given up as soon as they are no match. The
    // rules are chosen again in between, by what was learned.
    let learned = Floor { strangers: LEARNED, household: f32::MIN };
    let kept = Floor { strangers: KEPT - MARGIN, household: KEPT - MARGIN };
    let sample = watch.stage(2, || {
        let proposals: f64 = rules.iter().map(|rule| rule.pairs).sum();
        let every = (proposals / TRAINING).floor().clamp(1.0, 4096.0) as u32;
        // Households are learned from pairs that no other rule may propose.
        let taken: Vec<AtomRule> = rules.iter().map(|rule| rule.rule.clone()).collect();
        let households = blocking::household(&atoms, &records, budget).filter(|rule| !taken.contains(rule));
        let all: Vec<AtomRule> = taken.into_iter().chain(households).collect();
        let keys = blocking::Keys::new(&records, &atoms, &all);
        let scorer = Scorer::new(&records, &model, &frequencies);
        let found = keys.visit(&records, usize::MAX, every, threads, |pair| scorer.observe_pair(pair, learned));
        (gather(None, found), every)
    });
    let mut alone = false;
    watch.stage(3, || {
        em::learn(&mut model, &priors, &sample.0, pairs / f64::from(sample.1), true);
        report.estimation.training_pairs = sample.0.len() as u64;
        estimate_strangers(&records, &mut model, &frequencies, &draws);
        let scorer = Scorer::new(&records, &model, &frequencies);
        let mut again = sample.0.clone();
        again.iter_mut().for_each(|observation| scorer.refresh(observation));
        em::learn(&mut model, &priors, &again, pairs / f64::from(sample.1), true);
        alone = stand_alone(&records, &mut model, &priors, &again, pairs / f64::from(sample.1));
    });
    drop(sample);
    let rules = watch.stage(1, || self::rules(&records, &mut atoms, &config, &model, &frequencies, budget, options))?;
    report.rules = rules.iter().map(|rule| rule_report(&records, &atoms, rule)).collect();
    let taken: Vec<AtomRule> = rules.iter().map(|rule| rule.rule.clone()).collect();
    let mut observations = watch.stage(2, || {
        let keys = blocking::Keys::new(&records, &atoms, &taken);
        let scorer = Scorer::new(&records, &model, &frequencies);
        let found = keys.visit(&records, usize::MAX, 1, threads, |pair| scorer.observe_pair(pair, kept));
        gather(Some(&mut report), found)
    });
    report.pairs_compared = observations.len() as u64;
    let course = watch.stage(3, || {
        let persons = if alone {
            let equal = observations.iter().filter(|seen| equal_identifier(&records, seen));
            super::components(records.len(), equal.map(|seen| (seen.left, seen.right)))
        } else {
            certain(&records, &model, &frequencies, &observations)
        };
        frequencies = strangers::frequencies(&records, Some(&persons));
        estimate_strangers(&records, &mut model, &frequencies, &draws);
        let scorer = Scorer::new(&records, &model, &frequencies);
        observations.iter_mut().for_each(|observation| scorer.refresh(observation));
        // As many as are needed, evenly from all.
        let step = (observations.len() / REFINING).max(1);
        let some: Vec<Observation> = observations.iter().step_by(step).copied().collect();
        if alone {
            return Course::default();
        }
        em::learn(&mut model, &priors, &some, pairs / step as f64, false)
    });
    model.round();
    note(&mut report, &course, &model);

    let (clusters, kept) = watch.stage(4, || {
        let scorer = Scorer::new(&records, &model, &frequencies);
        let mut kept: Vec<Pair> = observations
            .iter()
            .map(|observation| Pair {
                left: observation.left,
                right: observation.right,
                weight: scorer.weight(observation),
            })
            .filter(|pair| pair.weight >= KEPT)
            .collect();
        kept.sort_unstable_by_key(|pair| (pair.left, pair.right));
        let (clusters, threshold) = persons(&records, &scorer, &kept, given, threads);
        report.threshold = threshold;
        (clusters, kept)
    });
    model.threshold = report.threshold.probability;
    model.records = records.len() as u64;
    model.rules = taken.iter().map(|rule| rule.rule(&atoms)).collect();

    watch.stage(5, || {
        report.pairs_kept = kept.len() as u64;
        report.config = inferred(&names, &records, &report.rules, given, config.pair_budget);
        report.fields = super::report::fields(&model);
        super::report::sizes(&mut report, &clusters);
        common_values(&mut model, &records, &frequencies);
        model.round();
    });
    report.stages = watch.stages;
    Ok(Outcome { clusters, pairs: kept, report, model })
}

/// Values of a field that a model remembers with their frequency, and how many times the usual frequency is remarkable.
const COMMON: usize = 2000;
const REMARKABLE: f32 = 1.5;

/// Keeps the frequencies of common values with the model, for records to come.
fn common_values(model: &mut Model, records: &Records, frequencies: &[Vec<f32>]) {
    for ((column, field), shares) in model.columns.iter_mut().zip(&records.fields).zip(frequencies) {
        let least = shares[1..].iter().copied().fold(1.0_f32, f32::min);
        let mut common: Vec<(u32, f32)> = (1..shares.len())
            .map(|code| (code as u32, shares[code]))
            .filter(|(_, share)| *share >= REMARKABLE * least)
            .collect();
        common.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        common.truncate(COMMON);
        // The others count as the mean of their logarithms, each as often as it occurs.
        let known: f64 = common.iter().map(|(_, share)| f64::from(*share) * f64::from(*share).ln()).sum();
        let known_share: f64 = common.iter().map(|(_, share)| f64::from(*share)).sum();
        let all: f64 = shares[1..].iter().map(|share| f64::from(*share) * f64::from(*share).ln()).sum();
        let all_share: f64 = shares[1..].iter().map(|share| f64::from(*share)).sum();
        let rest = all_share - known_share;
        let rare = if rest > 1e-6 { ((all - known) / rest).exp() } else { f64::from(least) };
        column.frequencies = common
            .into_iter()
            .map(|(code, share)| (blocking::hash(field.value(code).plain), f64::from(share)))
            .collect();
        column.frequencies.sort_by_key(|(hash, _)| *hash);
        column.rare = rare.clamp(f64::from(least), 1.0);
    }
}

/// Chooses the columns and makes their values comparable.
fn prepare(table: RawTable, config: &Config, threads: usize) -> Result<Records, Error> {
    for column in &config.columns {
        if !table.columns.iter().any(|other| other.name == column.name) {
            return Err(Error::UnknownColumn { column: column.name.clone() });
        }
    }
    let roles = crate::roles::infer(&table.columns);
    let mut meant = Vec::new();
    for (column, inferred) in table.columns.iter().zip(roles) {
        let given = config.columns.iter().find(|other| other.name == column.name);
        let Some(role) = given.map_or(inferred, |given| given.role) else { continue };
        let hints = match given.and_then(|given| given.hints) {
            Some(hints) => hints,
            None => {
                let step = (column.values.len() / 1000).max(1);
                let sample: Vec<&str> =
                    (1..column.values.len()).step_by(step).map(|code| column.values.text(code as u32)).collect();
                Hints::infer(role, &sample)
            }
        };
        meant.push((column, role, hints));
    }
    let mut plans = super::plan::fields(&meant);
    if plans.is_empty() {
        return Err(Error::NoEvidence);
    }
    plans.truncate(COLUMNS);
    Ok(Records::prepare(&table.columns, plans, table.records, threads))
}

/// The model before anything is learned.
fn guess(records: &Records, pairs: f64) -> Model {
    let at = |role: Role| records.fields.iter().position(|field| field.role == role);
    let first = |roles: &[Role]| roles.iter().find_map(|role| at(*role));
    let position = |field: &Field| records.fields.iter().position(|other| other.name == field.name);
    let columns = records.fields.iter().map(|field| {
        let parents: Vec<usize> = match field.role {
            Role::City => at(Role::Postcode).into_iter().collect(),
            Role::Region => first(&[Role::City, Role::Postcode]).into_iter().collect(),
            Role::Street => first(&[Role::Postcode, Role::City]).into_iter().collect(),
            Role::HouseNumber => at(Role::Street).into_iter().collect(),
            Role::Email => [at(Role::GivenName), at(Role::FamilyName)].into_iter().flatten().collect(),
            _ => Vec::new(),
        };
        let swap = match field.role {
            Role::GivenName => at(Role::FamilyName),
            Role::FamilyName => at(Role::GivenName),
            Role::Street => at(Role::FreeText),
            Role::FreeText => at(Role::Street).filter(|_| at(Role::FreeText) == position(field)),
            _ => None,
        };
        let matched = normal(field.kind.prior());
        let strange = normal([0.0, 0.96, 0.02, 0.005, 0.005, 0.001, 0.009]);
        let mut m = [matched; 3];
        if !parents.is_empty() && field.role != Role::Email {
            m[1] = normal([0.0, 0.5, 0.05, 0.05, 0.02, 0.0, 0.38]);
        }
        Column {
            name: field.name.clone(),
            role: field.role,
            hints: field.hints,
            sources: field.sources.clone(),
            kind: field.kind,
            parents,
            swap,
            m,
            u: [strange; 3],
            h: m,
            frequencies: Vec::new(),
            rare: 1e-6,
        }
    });
    let share = (0.3 * records.len() as f64 / pairs).min(0.1);
    let own = [Role::GivenName, Role::FullName, Role::DateOfBirth, Role::Email, Role::NationalId];
    let households =
        own.iter().any(|role| at(*role).is_some()) && records.fields.iter().any(|field| of_household(field.role));
    Model {
        columns: columns.collect(),
        rules: Vec::new(),
        match_share: share,
        // Nothing tells persons of one household apart where there is nothing of their own.
        household_share: if households { share } else { 0.0 },
        threshold: 0.9,
        records: 0,
    }
}

fn parents(model: &Model) -> Vec<Vec<usize>> {
    model.columns.iter().map(|column| column.parents.clone()).collect()
}

fn set_strangers(model: &mut Model, tables: Vec<Table>) {
    for (column, table) in model.columns.iter_mut().zip(tables) {
        column.u = table;
    }
}

/// Sets what strangers show, from the drawn pairs, each as far as it is no match by the model so far.
fn estimate_strangers(records: &Records, model: &mut Model, frequencies: &[Vec<f32>], draws: &strangers::Draws) {
    let tables = {
        let scorer = Scorer::new(records, model, frequencies);
        let stranger = |seen: &Observation| {
            let mut seen = *seen;
            scorer.refresh(&mut seen);
            1.0 - sigmoid(f64::from(scorer.weight(&seen)))
        };
        strangers::tables(draws, frequencies, &parents(model), Some(&stranger))
    };
    set_strangers(model, tables);
}

/// Two persons of one household are like one person where the household has one of it, else nearly like strangers: some are
/// twins, some are called after their parents.
fn set_households(model: &mut Model) {
    for column in &mut model.columns {
        let share = match column.role {
            Role::Phone => 0.5,
            role if of_household(role) => 0.95,
            Role::FreeText | Role::Category | Role::Number => 0.3,
            _ => em::START_KINSHIP,
        };
        for context in 0..3 {
            column.h[context] = em::blend(share, &column.m[context], &column.u[context]);
        }
    }
}

fn learned_priors(model: &Model) -> Priors {
    Priors {
        m: model.columns.iter().map(|column| column.m).collect(),
        h: model.columns.iter().map(|column| column.h).collect(),
    }
}

/// Where one number is all there is, or nearly, nothing else can speak for or against it: records that share it are taken for
/// matches. So they are when hardly any of them was found to be one. Whether that is so.
fn stand_alone(
    records: &Records,
    model: &mut Model,
    priors: &Priors,
    observations: &[Observation],
    pairs: f64,
) -> bool {
    let equal = observations.iter().filter(|seen| equal_identifier(records, seen)).count();
    let found = model.match_share * pairs >= 0.05 * equal as f64;
    if equal == 0 || found && records.fields.len() > 1 {
        return false;
    }
    for (column, m) in model.columns.iter_mut().zip(&priors.m) {
        column.m = *m;
    }
    model.match_share = (equal as f64 / pairs).min(0.5);
    true
}

/// Whether two records share a phone, a mail address or a number of the state.
fn equal_identifier(records: &Records, seen: &Observation) -> bool {
    let identifier = |role| matches!(role, Role::Phone | Role::Email | Role::NationalId);
    let mut fields = records.fields.iter().enumerate();
    fields.any(|(at, field)| identifier(field.role) && level_of(seen.pattern, at) == EXACT)
}

/// Persons by pairs that are beyond doubt; for counting values once a person.
fn certain(records: &Records, model: &Model, frequencies: &[Vec<f32>], observations: &[Observation]) -> Vec<u32> {
    let scorer = Scorer::new(records, model, frequencies);
    let sure = observations.iter().filter(|observation| scorer.weight(observation) > 6.0);
    super::components(records.len(), sure.map(|observation| (observation.left, observation.right)))
}

/// The persons, which are clusters of pairs, and the threshold: the one given, or else one chosen by what is expected of it.
fn persons(
    records: &Records,
    scorer: &Scorer<'_>,
    kept: &[Pair],
    given: Option<f64>,
    threads: usize,
) -> (Vec<u32>, ThresholdReport) {
    let edges: Vec<Edge> =
        kept.iter().map(|pair| Edge { left: pair.left, right: pair.right, weight: pair.weight }).collect();
    let task = Task { records: records.len(), edges: &edges, ..Task::default() };
    let score = |left, right| scorer.pair(left, right);
    let log_odds = |probability: f64| {
        let probability = probability.clamp(1e-9, 1.0 - 1e-9);
        (probability / (1.0 - probability)).log2() as f32
    };
    let choice = threshold::decide(&task, &score, given.map(log_odds), &Aim::default());
    let clusters = cluster(&task, &Rule::new(choice.weight), &score, threads).cluster_of;
    let report = ThresholdReport {
        probability: given.unwrap_or(choice.probability),
        weight: f64::from(choice.weight),
        method: if given.is_some() { "given" } else { "expected_f1" }.to_owned(),
        expected_precision: choice.precision,
        expected_recall: choice.recall,
    };
    (clusters, report)
}

fn note(report: &mut Report, course: &Course, model: &Model) {
    let estimation = &mut report.estimation;
    estimation.training_pairs = estimation.training_pairs.max(course.pairs);
    estimation.iterations = course.iterations;
    estimation.last_change = course.last_change;
    estimation.converged = course.converged;
    estimation.match_share = model.match_share;
    estimation.household_share = model.household_share;
}

/// The configuration that would lead to the same set-up.
fn inferred(
    names: &[String],
    records: &Records,
    rules: &[RuleReport],
    threshold: Option<f64>,
    pair_budget: Option<u64>,
) -> Config {
    let columns = names.iter().map(|name| {
        let mut all = records.fields.iter().flat_map(|field| field.sources.iter().map(move |source| (field, source)));
        let found = all.find(|(_, source)| source.column == *name);
        ColumnConfig {
            name: name.clone(),
            role: found.map(|(_, source)| source.role),
            hints: found.map(|(field, _)| field.hints),
        }
    });
    Config {
        columns: columns.collect(),
        rules: rules.iter().map(|rule| RuleConfig { keys: rule.keys.clone() }).collect(),
        threshold,
        pair_budget,
    }
}
