//! What the channel and the server's layers cost: a bare generated client on a generated server, against the same
//! through [`Channel`] and the layers, both in one process without a socket.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros generate undocumented items; a bench may stop"
)]

#[path = "../tests/support/mod.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod support;

use std::hint::black_box;
use std::time::Duration;

use attune_client::{Channel, Options, deadline, identity};
use attune_proto::identity::v1::identity_service_client::IdentityServiceClient;
use attune_proto::identity::v1::identity_service_server::IdentityServiceServer;
use attune_service_kit::server::Service;
use criterion::{Criterion, criterion_group, criterion_main};
use support::{Echo, request};

fn in_process(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut group = criterion.benchmark_group("in_process");
    let server = || IdentityServiceServer::new(Echo::default());

    let bare = IdentityServiceClient::new(server());
    group.bench_function("bare", |bencher| {
        bencher.to_async(&runtime).iter(|| {
            let mut client = bare.clone();
            async move { client.resolve(black_box(request("echo", "ada"))).await.unwrap() }
        });
    });

    let routes = Service::new("identity-resolution").grpc(server()).in_process();
    let layered = identity(Channel::in_process(routes, &Options::default()));
    group.bench_function("channel", |bencher| {
        bencher.to_async(&runtime).iter(|| {
            let mut client = layered.clone();
            async move { client.resolve(black_box(request("echo", "ada"))).await.unwrap() }
        });
    });
    group.bench_function("channel_within_a_call", |bencher| {
        bencher.to_async(&runtime).iter(|| {
            let mut client = layered.clone();
            deadline::within(Duration::from_secs(10), async move {
                client.resolve(black_box(request("echo", "ada"))).await.unwrap()
            })
        });
    });
    group.finish();
}

criterion_group!(benches, in_process);
criterion_main!(benches);
