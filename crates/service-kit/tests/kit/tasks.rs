//! Background tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use attune_kernel::Problem;
use attune_service_kit::config::AuthConfig;
use attune_service_kit::server::{Server, Service, Task};
use tokio::sync::Notify;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::fake::{Fake, SERVICE, channel, config};

#[tokio::test]
async fn a_task_that_panics_or_fails_is_started_again_and_health_tells() {
    let (starts, proceed, stopped) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let task = {
        let (starts, proceed, stopped) = (starts.clone(), proceed.clone(), stopped.clone());
        Task::new("relay", move |stop| {
            let (starts, proceed, stopped) = (starts.clone(), proceed.clone(), stopped.clone());
            async move {
                match starts.fetch_add(1, Ordering::SeqCst) {
                    0 => {
                        proceed.notified().await;
                        panic!("the first run panics")
                    }
                    1 => Err(Problem::dependency("postgres", "refused")),
                    _ => {
                        stop.cancelled().await;
                        stopped.notify_one();
                        Ok(())
                    }
                }
            }
        })
    };
    let service = Service::new("decision").grpc(Fake::default()).task(task);
    let running = Server::new(config(), AuthConfig::default()).service(service).start().await.unwrap();
    let request = HealthCheckRequest { service: SERVICE.to_owned() };
    let mut watch = HealthClient::new(channel(&running)).watch(request).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    proceed.notify_one();
    let mut seen = Vec::new();
    // Down by the panic, up again, and whatever of the second failure the watch catches, up at the end.
    while starts.load(Ordering::SeqCst) < 3 || seen.last() != Some(&ServingStatus::Serving) {
        seen.push(watch.message().await.unwrap().unwrap().status());
    }
    assert!(seen.contains(&ServingStatus::NotServing), "{seen:?}");
    drop(watch);
    running.stop().await;
    stopped.notified().await;
}

#[tokio::test]
async fn a_failing_check_turns_health() {
    let down = || async { Err(Problem::dependency("postgres", "refused")) };
    let service = Service::new("decision").grpc(Fake::default()).check("postgres", down);
    let running = Server::new(config(), AuthConfig::default()).service(service).start().await.unwrap();
    let mut watch =
        HealthClient::new(channel(&running)).watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    while watch.message().await.unwrap().unwrap().status() != ServingStatus::NotServing {}
    drop(watch);
    running.stop().await;
}

#[tokio::test]
async fn a_task_that_does_not_stop_is_left_behind() {
    let mut config = config();
    config.task_timeout = std::time::Duration::from_millis(50);
    let task = Task::new("stubborn", |_| std::future::pending());
    let running =
        Server::new(config, AuthConfig::default()).service(Service::new("decision").task(task)).start().await.unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(60), running.stop()).await.expect("stopped at its deadline");
}
