//! What scoring and choosing among many offers costs, and what their tables and answers do.

use attune_bandit::encode::Value;
use attune_bandit::hierarchy::{Answer, Hierarchy, Scorer, Settings};
use attune_bandit::select::{Selection, pick};
use attune_bandit::sigmoid;
use criterion::{Criterion, criterion_group, criterion_main};
use rand::{Rng as _, SeedableRng as _};

const OFFERS: usize = 1000;
const PREDICTORS: usize = 100;

fn scoring(criterion: &mut Criterion) {
    let mut random = rand::rngs::StdRng::seed_from_u64(1);
    let mut model = Hierarchy::new(Settings::default());
    let names: Vec<String> = (0..PREDICTORS).map(|at| format!("p{at}")).collect();
    let arms: Vec<usize> = (0..OFFERS)
        .map(|at| model.arm(&[&format!("i{}", at % 5), &format!("g{}", at % 50), &format!("o{at}")], None))
        .collect();
    let mut rows = Vec::new();
    for at in 0..4_000 {
        let row: Vec<(&str, Value<'_>)> =
            names.iter().map(|name| (name.as_str(), Value::Number(random.random_range(0.0..1.0)))).collect();
        let bins = model.encode(&row);
        let answer = if random.random_bool(0.1) { Answer::Yes } else { Answer::No };
        model.learn(arms[at % OFFERS], &bins, answer);
        if at >= 3_500 {
            rows.push(bins);
        }
    }
    let mut scorer = Scorer::new(&model);
    let mut group = criterion.benchmark_group("hierarchy");
    group.sample_size(50);
    let (mut at, mut odds) = (0, Vec::new());
    group.bench_function("score 1,000 offers, 100 predictors", |bench| {
        bench.iter(|| {
            at = (at + 1) % rows.len();
            scorer.score(&rows[at], &mut odds);
        });
    });
    let selection = Selection::default();
    let reaches: Vec<f64> = arms.iter().map(|arm| selection.reach(200 * (*arm as u64 % 2))).collect();
    group.bench_function("score and choose, exact chances of all", |bench| {
        bench.iter(|| {
            at = (at + 1) % rows.len();
            scorer.score(&rows[at], &mut odds);
            let scores: Vec<f64> = odds.iter().map(|odds| sigmoid(f64::from(*odds))).collect();
            pick(&selection.chances(&scores, &reaches, 4_000), 0.5)
        });
    });
    group.bench_function("exact variance of one", |bench| {
        bench.iter(|| {
            at = (at + 1) % rows.len();
            model.expected(at, &rows[at])
        });
    });
    group.bench_function("learn an answer at four levels, 64 active", |bench| {
        bench.iter(|| {
            at = (at + 1) % rows.len();
            model.learn(at, &rows[at], Answer::No);
        });
    });
    group.bench_function("make the column of one offer anew", |bench| {
        bench.iter(|| {
            at = (at + 1) % rows.len();
            scorer.refresh(&model, at);
        });
    });
    group.finish();
}

criterion_group!(benches, scoring);
criterion_main!(benches);
