//! Whom the service calls: profile, for a person's events before the first one observed here.

use async_trait::async_trait;
use attune_client::ProfileClient;
use attune_kernel::{Code, Problem, Timestamp};
use attune_proto::profile::v1::{Event, ListTimelineRequest};
use attune_service_kit::status::from_status;

/// A page of history.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Events, oldest first.
    pub events: Vec<Event>,
    /// Where the next page begins; empty on the last.
    pub next: String,
}

/// Where a person's history is kept.
#[async_trait]
pub(crate) trait History: Send + Sync + 'static {
    /// Events of a person before a time, oldest first; none for a person that is not known there.
    async fn before(&self, person: &str, time: Timestamp, page: &str) -> Result<Page, Problem>;
}

/// The profile service.
pub(crate) struct Profiles(pub(crate) ProfileClient);

#[async_trait]
impl History for Profiles {
    async fn before(&self, person: &str, time: Timestamp, page: &str) -> Result<Page, Problem> {
        let (seconds, nanos) = time.to_seconds_nanos();
        let request = ListTimelineRequest {
            person_id: person.to_owned(),
            page_size: 1000,
            page_token: page.to_owned(),
            end_time: Some(prost_types::Timestamp { seconds, nanos }),
            ascending: true,
            ..ListTimelineRequest::default()
        };
        match self.0.clone().list_timeline(request).await.map_err(|status| from_status(&status)) {
            Ok(answer) => {
                let answer = answer.into_inner();
                Ok(Page { events: answer.events, next: answer.next_page_token })
            }
            Err(problem) if problem.code == Code::NotFound => Ok(Page::default()),
            Err(problem) => Err(problem),
        }
    }
}
