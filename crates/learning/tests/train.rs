//! Whole models of drawn tables.

use attune_learning::causes::{causes, leaks};
use attune_learning::data::Table;
use attune_learning::evaluate::figures;
use attune_learning::model::Model;
use attune_learning::random::Random;
use attune_learning::special::logistic;
use attune_learning::train::{Options, Subject, cross_validate, train};
use attune_learning::{Error, folds};

const OPTIONS: Options = Options { seed: 3, folds: 4, trees: 100 };

/// Rows with a bent number, names, an interaction, noise, an identifier and missing values; their labels and chances.
fn world(rows: usize, seed: u64) -> (Table, Vec<bool>, Vec<f64>) {
    let mut random = Random::new(seed, 9);
    let mut table = Table::new(["id", "months", "plan", "region", "noise", "joined"]);
    let (mut labels, mut chances) = (Vec::new(), Vec::new());
    for row in 0..rows {
        let months = random.unit() * 72.0;
        let plan = ["monthly", "yearly", "both"][random.below(3)];
        let region = random.below(30);
        let known = random.unit() > 0.05;
        let odds = 1.0 - months / 12.0
            + (months / 30.0).powi(2)
            + if plan == "monthly" { 0.8 } else { -0.8 }
            + if plan == "both" && months > 40.0 { 2.0 } else { 0.0 }
            + if region.is_multiple_of(7) { 0.6 } else { 0.0 };
        let label = random.unit() < logistic(odds);
        let texts = [
            format!("C-{}", row * 7919),
            if known { format!("{months:.1}") } else { String::new() },
            plan.to_owned(),
            format!("r{region}"),
            format!("{:.3}", random.unit()),
            format!("2026-{:02}-{:02}", random.below(12) + 1, random.below(28) + 1),
        ];
        table.push(texts.iter().map(String::as_str));
        labels.push(label);
        chances.push(logistic(odds));
    }
    (table, labels, chances)
}

#[test]
fn a_model_comes_near_to_what_can_be_known() {
    let (table, labels, chances) = world(6000, 1);
    let subject = Subject::new(&table, &labels, "left", "yes").unwrap();
    assert_eq!(subject.left_out.len(), 1);
    assert_eq!(subject.left_out[0].column, "id");
    let dealt = folds::deal(&labels, 5, 3);
    let probabilities = cross_validate(&subject, &dealt, 5, &OPTIONS).unwrap();
    let (found, best) = (figures(&probabilities, &labels), figures(&chances, &labels));
    // A twentieth of the months is missing: the whole cannot be known.
    assert!(found.auc.unwrap().value > best.auc.unwrap().value - 0.015, "{:?} {:?}", found.auc, best.auc);
    assert!(found.calibration_error < 0.03, "{}", found.calibration_error);

    let rows: Vec<u32> = (0..6000).collect();
    let trained = train(&subject, &rows, &OPTIONS, true).unwrap();
    let losses = trained.model.training.losses;
    assert!(losses[2] < losses[0] && losses[2] <= losses[1], "the interaction needs trees: {losses:?}");
    let causes = causes(&trained);
    let mut first = [causes[0].column.as_str(), causes[1].column.as_str()];
    first.sort_unstable();
    assert_eq!(first, ["months", "plan"]);
    assert!((causes.iter().map(|cause| cause.share).sum::<f64>() - 1.0).abs() < 1e-9);
    let plan = causes.iter().find(|cause| cause.column == "plan").unwrap();
    let monthly = plan.groups.iter().find(|group| group.values == "monthly").unwrap();
    let (low, high) = monthly.interval.unwrap();
    assert!(low > 0.2 && high < 1.6 && monthly.push.unwrap() > 0.3, "{monthly:?}");
    assert!(leaks(&subject, &trained, 1).is_empty());
}

#[test]
fn reasons_add_up_to_the_score_and_models_survive_json() {
    let (table, labels, _) = world(1500, 2);
    let subject = Subject::new(&table, &labels, "left", "yes").unwrap();
    let rows: Vec<u32> = (0..1500).collect();
    let model = train(&subject, &rows, &OPTIONS, false).unwrap().model;
    model.check().unwrap();
    let read: Model = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
    read.check().unwrap();
    let mut bins = vec![0; model.columns.len()];
    for row in 0..200 {
        model.cut(|at| Some(subject.columns[at].0.text(row)), &mut bins);
        let why = model.explain(&bins);
        let sum = why.baseline + why.columns.iter().sum::<f64>();
        assert!((sum - model.odds(&bins)).abs() < 1e-9);
        assert!((read.odds(&bins) - model.odds(&bins)).abs() < 1e-9);
    }
    model.cut(|_| None, &mut bins);
    assert!(bins.iter().all(|bin| *bin == 0) && model.probability(&bins) > 0.0);
}

#[test]
fn a_seed_gives_one_model_at_any_number_of_threads() {
    let (table, labels, _) = world(800, 4);
    let subject = Subject::new(&table, &labels, "left", "yes").unwrap();
    let rows: Vec<u32> = (0..800).collect();
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train(&subject, &rows, &OPTIONS, false).unwrap().model)
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn labels_without_a_cause_have_no_model_that_ranks() {
    let (table, mut labels, _) = world(3000, 5);
    Random::new(1, 2).shuffle(&mut labels);
    let subject = Subject::new(&table, &labels, "left", "yes").unwrap();
    let probabilities = cross_validate(&subject, &folds::deal(&labels, 5, 3), 5, &OPTIONS).unwrap();
    let found = figures(&probabilities, &labels);
    let (low, high) = found.auc.unwrap().interval;
    assert!(low < 0.5 && high < 0.56 && found.calibration_error < 0.05, "{found:?}");
}

#[test]
fn a_column_that_knows_the_label_is_named() {
    let (table, labels, _) = world(500, 6);
    let mut with = Table::new(["plan", "closed"]);
    for (row, label) in labels.iter().enumerate() {
        with.push([table.columns()[2].text(row), if *label && row % 50 > 0 { "2026" } else { "" }]);
    }
    let subject = Subject::new(&with, &labels, "left", "yes").unwrap();
    let trained = train(&subject, &(0..500).collect::<Vec<_>>(), &OPTIONS, false).unwrap();
    let leaks = leaks(&subject, &trained, 1);
    assert_eq!(leaks.len(), 1);
    assert_eq!(leaks[0].column, "closed");
}

#[test]
fn tables_and_models_that_cannot_be_used_are_refused() {
    let (table, labels, _) = world(300, 7);
    let few: Vec<bool> = (0..300).map(|row| row < 9).collect();
    assert!(matches!(Subject::new(&table, &few, "left", "yes"), Err(Error::Unfit(_))));
    let enough: Vec<bool> = (0..300).map(|row| row < 10).collect();
    Subject::new(&table, &enough, "left", "yes").unwrap();
    let wide = Table::new(std::iter::repeat_n("x", 1001));
    assert!(matches!(Subject::new(&wide, &labels, "left", "yes"), Err(Error::TooManyColumns(1001))));
    let subject = Subject::new(&table, &labels, "left", "yes").unwrap();
    let model = train(&subject, &(0..300).collect::<Vec<_>>(), &OPTIONS, false).unwrap().model;
    let damaged: [fn(&mut Model); 5] = [
        |model| model.version = 2,
        |model| model.columns.truncate(1),
        |model| model.columns[0].weights.truncate(1),
        |model| model.intercept = f64::NAN,
        |model| model.forest.trees[0].nodes.truncate(1),
    ];
    for damage in damaged {
        let mut model = model.clone();
        damage(&mut model);
        assert!(matches!(model.check(), Err(Error::BadModel(_))));
    }
}
