//! Kinds of events, and sessions as they went.

use std::time::Duration;

use attune_kernel::{Problem, Violation};
use attune_proto::profile::v1 as proto;

use super::{Profiles, check, convert};
use crate::domain::event::Filter;
use crate::domain::session::Session;
use crate::store::body;

/// The most steps of a session that are shown.
const MAX_STEPS: usize = 5000;

attune_service_kit::resource! {
    /// Kinds of events.
    pub(crate) EventKinds(proto::EventKind) { kind: "event_kind", id: event_kind_id, check: check_kind }
}

fn check_kind(kind: &proto::EventKind) -> Vec<Violation> {
    let bad = kind.retention.is_some_and(|span| span.seconds <= 0);
    bad.then(|| Violation::new("retention", "must be a positive duration")).into_iter().collect()
}

/// For how long events of a kind are kept.
pub(crate) fn retention(kind: &proto::EventKind) -> Option<Duration> {
    kind.retention.and_then(|span| u64::try_from(span.seconds).ok()).map(Duration::from_secs)
}

fn span(duration: Duration) -> prost_types::Duration {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    prost_types::Duration { seconds, nanos: i32::try_from(duration.subsec_nanos()).unwrap_or_default() }
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl Profiles {
    /// The events of a session in order.
    pub(super) async fn replay(
        &self,
        request: proto::ReplaySessionRequest,
    ) -> Result<proto::ReplaySessionResponse, Problem> {
        check::id("person_id", &request.person_id)?;
        let mut broken: Vec<Violation> = check::text("session_id", &request.session_id).into_iter().collect();
        let mut time = |field: &str, time: Option<&prost_types::Timestamp>| {
            convert::time(field, time).unwrap_or_else(|violation| {
                broken.push(violation);
                None
            })
        };
        let (from, until) =
            (time("start_time", request.start_time.as_ref()), time("end_time", request.end_time.as_ref()));
        if !broken.is_empty() {
            return Err(Problem::invalid(broken));
        }
        let filter = Filter { session: request.session_id, from, until, ascending: true, ..Filter::default() };
        let mut rows = self.store.timeline(&request.person_id, &filter, None, MAX_STEPS + 1).await?;
        let truncated = rows.len() > MAX_STEPS;
        rows.truncate(MAX_STEPS);
        let mut session = Session::default();
        let mut steps = Vec::with_capacity(rows.len());
        for (place, bytes) in rows {
            let event = body::message(&bytes, "")?;
            let properties = event.properties.iter().flat_map(|properties| &properties.fields);
            let said = properties.map(|(name, value)| (name.clone(), body::json(value))).collect();
            let step = session.step(place.0, &said);
            steps.push(proto::SessionStep {
                event_id: event.event_id,
                event: event.event,
                time: Some(convert::stamp(place.0)),
                channel: event.channel,
                pause: Some(span(step.pause)),
                page: step.page,
                field: step.field,
                error: step.error,
                properties: event.properties,
            });
        }
        Ok(proto::ReplaySessionResponse {
            steps,
            pages: count(session.pages()),
            fields: count(session.fields),
            errors: count(session.errors),
            longest_pause: Some(span(session.longest)),
            length: Some(span(session.length())),
            truncated,
        })
    }
}
