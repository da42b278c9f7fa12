//! What an answer costs to learn, by model.

use attune_bandit::bayes::Bayes;
use attune_bandit::first_order::FirstOrder;
use attune_bandit::ridge::Ridge;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng as _, SeedableRng as _};

fn learning(criterion: &mut Criterion) {
    let mut random = rand::rngs::StdRng::seed_from_u64(1);
    let rows: Vec<Vec<f64>> = (0..512).map(|_| (0..64).map(|_| random.random_range(-1.0..1.0)).collect()).collect();
    let bins: Vec<Vec<u32>> =
        (0..512).map(|_| (0..20).map(|at| at * 13 + random.random_range(0..13)).collect()).collect();
    let mut group = criterion.benchmark_group("learn");
    group.throughput(Throughput::Elements(1));
    let mut at = 0;
    let mut next = move || {
        at = (at + 1) % 512;
        (at, at % 3 == 0)
    };
    let mut model = FirstOrder::new(260, 0.1, 1.0);
    group.bench_function("first order, 20 bins", |bench| {
        bench.iter(|| {
            let (at, yes) = next();
            model.learn(&bins[at], yes);
        });
    });
    let mut model = Bayes::new(vec![0.0; 64], vec![1.0; 64], 1e-4);
    group.bench_function("full covariance, 64 entries", |bench| {
        bench.iter(|| {
            let (at, yes) = next();
            model.learn(&rows[at], yes);
        });
    });
    let mut model = Ridge::new(64, 1.0);
    group.bench_function("ridge, 64 entries", |bench| {
        bench.iter(|| {
            let (at, yes) = next();
            model.learn(&rows[at], f64::from(u8::from(yes)));
        });
    });
    group.finish();
}

criterion_group!(benches, learning);
criterion_main!(benches);
