//! What one admission costs in the domain, without a store.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Duration;

use attune_contact_optimization::domain::admit::{Ask, Counters, Terms, admit};
use attune_contact_optimization::domain::contact::Touch;
use attune_contact_optimization::domain::ledger::{Entry, Ledger};
use attune_contact_optimization::domain::policy::{Limit, Policy, PolicySet};
use attune_contact_optimization::scope::Scope;
use attune_kernel::Timestamp;
use criterion::{Criterion, criterion_group, criterion_main};

const DAY: u64 = 86_400;

fn touch(number: usize) -> Touch {
    let channel = ["email", "sms", "push", "call"][number % 4].to_owned();
    Touch { channel, offer: format!("offer-{}", number % 50), campaign: String::new() }
}

fn policies() -> PolicySet {
    let frequency = |id: &str, channels: &[&str], limit, days: u64, per_offer| Policy {
        id: id.to_owned(),
        scope: Scope { channels: channels.iter().map(|&name| name.to_owned()).collect(), ..Scope::default() },
        limit: Limit::Frequency { limit, window: Duration::from_secs(days * DAY), per_offer },
    };
    let capacity = Limit::Capacity { limit: 20_000, period: Duration::from_secs(DAY) };
    PolicySet::new(vec![
        frequency("week", &[], 5, 7, false),
        frequency("sms", &["sms"], 2, 7, false),
        frequency("offer", &[], 1, 30, true),
        Policy { id: "lines".to_owned(), scope: Scope::default(), limit: capacity },
    ])
}

fn bench(criterion: &mut Criterion) {
    let policies = policies();
    let now = Timestamp::from_millis(1_700_000_000_000);
    let mut ledger = Ledger::default();
    for number in 0..30u64 {
        let time = now.minus(Duration::from_secs(number * DAY));
        ledger.record(Entry { time, touch: touch(usize::try_from(number).unwrap() + 7) });
    }
    for candidates in [1, 10, 1000] {
        let candidates: Vec<Touch> = (0..candidates).map(touch).collect();
        let terms = Terms { id: "r".to_owned(), expire_time: now.plus(Duration::from_secs(900)) };
        let name = format!("reserve/{}", candidates.len());
        let ask = Ask { candidates, time: now, now, reserve: Some(terms) };
        let counters: Counters = policies.counters(&ask.candidates, now).into_iter().map(|key| (key, 100)).collect();
        criterion.bench_function(&name, |bencher| {
            bencher.iter(|| admit(black_box(&policies), black_box(&ledger), black_box(&counters), black_box(&ask)));
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
