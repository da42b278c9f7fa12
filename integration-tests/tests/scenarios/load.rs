//! Steady traffic of a few customers whose senders repeat what was not acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use attune_integration_tests::values::unique;
use attune_integration_tests::{Happening, Suite, eventually};
use attune_proto::channel::v1::CollectRequest;
use tokio::task::JoinHandle;

use crate::bank::{self, EMAIL_FILE};
use crate::the_loop::send;

/// Customers of the load.
const CUSTOMERS: usize = 8;
/// Events of one call.
const BATCH: usize = 40;
/// Calls in all.
const CALLS: usize = 60;

/// Traffic on its way.
pub(crate) struct Load {
    run: String,
    persons: Vec<String>,
    acknowledged: Arc<AtomicUsize>,
    senders: JoinHandle<()>,
}

impl Load {
    /// Begins to send.
    pub(crate) async fn begins(suite: &Suite) -> Self {
        bank::opens(suite).await;
        let run = unique("load");
        let mut persons = Vec::new();
        for customer in 0..CUSTOMERS {
            persons.push(bank::knows(suite, ("customer_id", &format!("{run}-{customer}")), 30_000).await);
        }
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let senders = tokio::spawn(sends(suite.clients.clone(), run.clone(), persons.clone(), acknowledged.clone()));
        Self { run, persons, acknowledged, senders }
    }

    /// Waits until a share of the calls, in percent, is acknowledged.
    pub(crate) async fn reaches(&self, percent: usize) {
        eventually("the load goes on", || async {
            (self.acknowledged.load(Ordering::Relaxed) * 100 >= CALLS * percent).then_some(())
        })
        .await;
    }

    /// Waits for the end; everything acknowledged was worked through once.
    pub(crate) async fn ends_whole(mut self, suite: &Suite) {
        (&mut self.senders).await.expect("every call is acknowledged in the end");
        let pipeline = suite.worked_through().await;
        assert_eq!(pipeline.inbox_quarantined, 0);
        let mut expected: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for event in 0..CALLS * BATCH {
            expected.entry(event % CUSTOMERS).or_default().push(format!("{}-event-{event}", self.run));
        }
        for (customer, person) in self.persons.iter().enumerate() {
            let timeline = suite.timeline(person).await;
            let visits = timeline.into_iter().filter(|event| event.event == "page_view");
            let mut seen: Vec<String> = visits.map(|event| event.event_id).collect();
            let wanted = expected.get_mut(&customer).unwrap();
            seen.sort_unstable();
            wanted.sort_unstable();
            assert!(seen == *wanted, "{} events of {} are on the timeline", seen.len(), wanted.len());
        }
        self.delivered_once(suite).await;
    }

    /// Every acknowledged message is in the file of the channel once.
    async fn delivered_once(&self, suite: &Suite) {
        eventually("every message is delivered", || async {
            let deliveries = suite.pipeline().await.deliveries;
            (deliveries.get("DELIVERED").copied() == i64::try_from(CALLS).ok()).then_some(())
        })
        .await;
        let sent: Vec<usize> = self.persons.iter().map(|person| suite.messages(EMAIL_FILE, person).len()).collect();
        let wanted: Vec<usize> =
            (0..CUSTOMERS).map(|customer| (0..CALLS).filter(|call| call % CUSTOMERS == customer).count()).collect();
        assert_eq!(sent, wanted, "copies or losses by customer");
    }
}

/// One message and one batch of events after another, each until it is acknowledged.
async fn sends(clients: attune_client::Clients, run: String, persons: Vec<String>, acknowledged: Arc<AtomicUsize>) {
    for call in 0..CALLS {
        let message = send(&persons[call % CUSTOMERS], &format!("{run}-message-{call}"));
        while clients.channel.clone().send(message.clone()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let event = |event: usize| {
            let customer = format!("{run}-{}", event % CUSTOMERS);
            Happening::of("page_view").by(("customer_id", &customer)).id(&format!("{run}-event-{event}")).into()
        };
        let events: Vec<_> = (call * BATCH..(call + 1) * BATCH).map(event).collect();
        let request = CollectRequest { events };
        while clients.channel.clone().collect(request.clone()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
}
