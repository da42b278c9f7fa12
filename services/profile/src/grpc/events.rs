//! Appending events and reading timelines and feeds.

use std::sync::Arc;
use std::time::Duration;

use attune_kernel::{Problem, Violation};
use attune_proto::profile::v1 as proto;
use attune_service_kit::crud::page_size;
use attune_service_kit::request::violations;
use attune_service_kit::status::to_status;
use prost::Message as _;
use tonic_types::Status as RpcStatus;

use super::{Profiles, convert};
use crate::domain::batch::{Batch, Move};
use crate::domain::event::{Event, Filter, Place};
use crate::store::{FEED, Work, body};

impl Profiles {
    /// Appends events; the ones that break a rule are named, the others are appended.
    pub(super) async fn append(
        &self,
        request: proto::AppendEventsRequest,
    ) -> Result<proto::AppendEventsResponse, Problem> {
        let sizes: Vec<Violation> = violations(&request).into_iter().filter(|one| one.field == "events").collect();
        if !sizes.is_empty() {
            return Err(Problem::invalid(sizes));
        }
        let mut rejected = Vec::new();
        let mut events: Vec<Event> = Vec::with_capacity(request.events.len());
        for (index, event) in request.events.into_iter().enumerate() {
            let broken: Vec<Violation> = violations(&event)
                .into_iter()
                .map(|one| Violation::new(format!("events[{index}].{}", one.field), one.description))
                .collect();
            if broken.is_empty() {
                let person = event.person_id.clone();
                events.push(body::from_message(event, &person));
            } else {
                let index = i32::try_from(index).unwrap_or(i32::MAX);
                rejected.push(proto::RejectedItem { index, status: Some(rpc_status(Problem::invalid(broken))) });
            }
        }
        let total = events.len();
        let persons: Vec<String> = events.iter().map(|event| event.person_id.clone()).collect();
        let now = self.clock.now();
        let work = Work {
            events: Arc::new(events),
            persons: Vec::new(),
            decide: Arc::new(move |batch: &mut Batch, fresh: &[Event]| {
                batch.observe(fresh, now);
                Ok(())
            }),
            segments: Arc::clone(&*self.segments.get().await?),
            now,
            request_id: String::new(),
        };
        let done = if total > 0 { self.store.work(work).await? } else { crate::store::Done::default() };
        self.forget(&persons).await;
        self.metrics.appended.add(done.fresh as u64, &[]);
        self.metrics.duplicates.add((total - done.fresh) as u64, &[]);
        Ok(proto::AppendEventsResponse {
            appended: i32::try_from(done.fresh).unwrap_or(i32::MAX),
            duplicates: i32::try_from(total - done.fresh).unwrap_or(i32::MAX),
            rejected,
        })
    }

    /// A page of a timeline.
    pub(super) async fn timeline(
        &self,
        request: proto::ListTimelineRequest,
    ) -> Result<proto::ListTimelineResponse, Problem> {
        let bad = |violation: Violation| Problem::invalid(vec![violation]);
        let filter = Filter {
            names: request.events,
            channels: request.channels,
            from: convert::time("start_time", request.start_time.as_ref()).map_err(bad)?,
            until: convert::time("end_time", request.end_time.as_ref()).map_err(bad)?,
            ascending: request.ascending,
        };
        let size = page_size(request.page_size)?;
        let after = token(&request.page_token)?;
        let mut rows = self.store.timeline(&request.person_id, &filter, after.as_ref(), size + 1).await?;
        let more = rows.len() > size;
        rows.truncate(size);
        let next_page_token = match rows.last() {
            Some((place, _)) if more => encode_token(place),
            _ => String::new(),
        };
        let person = self.document(&request.person_id).await?.person_id;
        let events = rows.iter().map(|(_, bytes)| body::message(bytes, &person)).collect::<Result<_, _>>()?;
        Ok(proto::ListTimelineResponse { events, next_page_token })
    }

    /// A part of the feed of segments.
    pub(super) async fn moves(
        &self,
        request: &proto::ReadSegmentChangesRequest,
    ) -> Result<proto::ReadSegmentChangesResponse, Problem> {
        let after = u64::try_from(request.after_offset).unwrap_or_default();
        let limit = if request.max_changes == 0 { 100 } else { usize::try_from(request.max_changes).unwrap_or(100) };
        let mut entries = self.feed.read(FEED, after, limit).await?;
        if entries.is_empty() && request.wait_millis > 0 {
            let wait = Duration::from_millis(u64::try_from(request.wait_millis).unwrap_or_default());
            if self.feed.wait(FEED, after, wait).await? {
                entries = self.feed.read(FEED, after, limit).await?;
            }
        }
        let next_offset =
            entries.last().map_or(request.after_offset, |entry| i64::try_from(entry.offset).unwrap_or(i64::MAX));
        let changes = entries
            .into_iter()
            .map(|entry| {
                let one: Move = serde_json::from_slice(&entry.body).map_err(Problem::internal)?;
                Ok(proto::SegmentChange {
                    offset: i64::try_from(entry.offset).unwrap_or(i64::MAX),
                    segment_id: one.segment_id,
                    person_id: one.person_id,
                    entered: one.entered,
                    time: Some(convert::stamp(one.time)),
                })
            })
            .collect::<Result<_, Problem>>()?;
        Ok(proto::ReadSegmentChangesResponse { changes, next_offset })
    }
}

/// A problem as an item of a batch carries it.
fn rpc_status(problem: Problem) -> RpcStatus {
    let status = to_status(problem);
    RpcStatus::decode(status.details()).unwrap_or_else(|_| RpcStatus {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    })
}

/// A page token is the place of the last event: micros, sequence and id.
fn encode_token(place: &Place) -> String {
    let text = format!("{}.{}.{}", place.0.as_micros(), place.1, place.2);
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn token(text: &str) -> Result<Option<Place>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let place = || {
        let bytes = (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
            .collect::<Option<Vec<u8>>>()?;
        let text = String::from_utf8(bytes).ok()?;
        let mut parts = text.splitn(3, '.');
        let time = attune_kernel::Timestamp::from_micros(parts.next()?.parse().ok()?);
        Some((time, parts.next()?.parse().ok()?, parts.next()?.to_owned()))
    };
    place().map(Some).ok_or_else(|| Problem::invalid_field("page_token", "is not a token of this method"))
}

#[cfg(test)]
mod tests {
    use attune_kernel::Timestamp;

    use super::*;

    #[test]
    fn page_tokens_round_trip_and_garbage_is_refused() {
        let place = (Timestamp::from_micros(-5), 7, "e.1/ü".to_owned());
        assert_eq!(token(&encode_token(&place)).unwrap(), Some(place));
        assert_eq!(token("").unwrap(), None);
        for garbage in ["x", "zz", "00", "ü1", "312e32"] {
            assert!(token(garbage).is_err(), "{garbage}");
        }
    }
}
