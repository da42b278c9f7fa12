//! Handing events to the gateway in batches and waiting until the conductor has worked through them.

use std::time::Duration;

use attune_client::ChannelClient;
use attune_proto::channel::v1::{CollectEvent, CollectRequest, GetPipelineRequest, GetPipelineResponse};

use crate::exit::Failure;

/// How many events one Collect call carries: large enough to share a commit, small enough to stay below the message cap.
const BATCH: usize = 500;

/// What the gateway said of the events so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) accepted: u64,
    pub(crate) duplicates: u64,
}

/// Collects events into batches and sends each full one.
pub(crate) struct Ingest {
    client: ChannelClient,
    waiting: Vec<CollectEvent>,
    totals: Accepted,
}

impl Ingest {
    pub(crate) fn new(client: ChannelClient) -> Self {
        Self { client, waiting: Vec::with_capacity(BATCH), totals: Accepted::default() }
    }

    /// Takes one event; sends a batch when it is full.
    ///
    /// # Errors
    /// What the gateway answers; a rejected event is bad input.
    pub(crate) async fn push(&mut self, event: CollectEvent) -> Result<(), Failure> {
        self.waiting.push(event);
        if self.waiting.len() >= BATCH { self.flush().await } else { Ok(()) }
    }

    /// Sends what is waiting; returns when it is durable.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub(crate) async fn flush(&mut self) -> Result<(), Failure> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let events = std::mem::replace(&mut self.waiting, Vec::with_capacity(BATCH));
        let answer = self.client.collect(CollectRequest { events }).await?.into_inner();
        if let Some(rejected) = answer.rejected.first() {
            let why = rejected.status.as_ref().map_or("", |status| status.message.as_str());
            return Err(Failure::input(format!("event {} was rejected: {why}", rejected.event_id)));
        }
        self.totals.accepted += u64::try_from(answer.accepted).unwrap_or_default();
        self.totals.duplicates += u64::try_from(answer.duplicates).unwrap_or_default();
        Ok(())
    }

    /// What was accepted so far.
    pub(crate) fn totals(&self) -> Accepted {
        self.totals
    }

    /// Sends what is waiting and returns when no accepted event is left to work through.
    ///
    /// # Errors
    /// What the gateway answers.
    pub(crate) async fn drained(&mut self) -> Result<GetPipelineResponse, Failure> {
        self.flush().await?;
        loop {
            let pipeline = self.client.get_pipeline(GetPipelineRequest {}).await?.into_inner();
            if pipeline.inbox_pending == 0 {
                return Ok(pipeline);
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }
}
