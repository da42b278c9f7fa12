//! What health says, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// The name under which the process serves for as long as it answers at all, drains and lost databases included: what asks
/// it decides on a restart, and a restart mends neither.
pub(super) const LIVENESS: &str = "liveness";

/// The health of each service of a process; clones share it. A service serves while nothing that concerns it is down;
/// the process (the empty name) serves while all of its services do.
#[derive(Clone)]
pub struct Health {
    reporter: HealthReporter,
    board: Arc<Mutex<Board>>,
    // Held while a change is reported, so that two changes cannot overtake one another.
    order: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Board {
    draining: bool,
    /// gRPC names of each service.
    names: BTreeMap<&'static str, Vec<&'static str>>,
    /// What is down, as (service, what).
    down: BTreeSet<(&'static str, &'static str)>,
}

impl Health {
    pub(super) fn new(reporter: HealthReporter) -> Self {
        Self { reporter, board: Arc::default(), order: Arc::default() }
    }

    pub(super) fn add(&self, service: &'static str, names: &[&'static str]) {
        self.board.lock().names.insert(service, names.to_vec());
    }

    /// Says that a part of a service is down or up again.
    pub async fn set(&self, service: &'static str, what: &'static str, up: bool) {
        {
            let mut board = self.board.lock();
            let changed = if up { board.down.remove(&(service, what)) } else { board.down.insert((service, what)) };
            if !changed {
                return;
            }
        }
        self.report().await;
    }

    /// Says NOT_SERVING for good.
    pub(super) async fn drain(&self) {
        self.board.lock().draining = true;
        self.report().await;
    }

    pub(super) async fn report(&self) {
        let _order = self.order.lock().await;
        let statuses: Vec<(&'static str, bool)> = {
            let board = self.board.lock();
            let mut statuses = vec![(LIVENESS, true), ("", !board.draining && board.down.is_empty())];
            for (service, names) in &board.names {
                let up = !board.draining && !board.down.iter().any(|(of, _)| of == service);
                statuses.extend(names.iter().map(|name| (*name, up)));
            }
            statuses
        };
        for (name, up) in statuses {
            let status = if up { ServingStatus::Serving } else { ServingStatus::NotServing };
            self.reporter.set_service_status(name, status).await;
        }
    }
}
