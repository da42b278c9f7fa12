//! Appending events and reading timelines and feeds.

use std::sync::Arc;
use std::time::Duration;

use attune_kernel::{Problem, Violation};
use attune_proto::profile::v1 as proto;
use attune_service_kit::crud::{PageToken, page_size};
use attune_service_kit::request::violations;
use attune_service_kit::status::to_status;
use prost::Message as _;
use tonic_types::Status as RpcStatus;

use super::{Profiles, check, convert};
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
        let now = self.clock.now();
        let mut rejected = Vec::new();
        let mut events: Vec<Event> = Vec::with_capacity(request.events.len());
        for (index, event) in request.events.into_iter().enumerate() {
            let broken = check::event(&format!("events[{index}]"), &event);
            if broken.is_empty() {
                let person = event.person_id.clone();
                events.push(body::from_message(event, &person, now));
            } else {
                let index = i32::try_from(index).unwrap_or(i32::MAX);
                rejected.push(proto::RejectedItem { index, status: Some(rpc_status(Problem::invalid(broken))) });
            }
        }
        let total = events.len();
        let work = Work {
            events: Arc::new(events),
            persons: Vec::new(),
            fill: false,
            decide: Arc::new(|batch: &mut Batch, fresh: &[Event]| {
                batch.observe(fresh);
                Ok(())
            }),
            rules: Arc::clone(&*self.rules.get().await?),
            now,
            request_id: String::new(),
        };
        let done = if total > 0 { self.store.work(work).await? } else { crate::store::Done::default() };
        self.snapshots.renew(&done.written).await;
        self.metrics.appended.add(done.fresh as u64, &[]);
        self.metrics.duplicates.add((total - done.fresh) as u64, &[]);
        if done.observed.refused > 0 {
            self.metrics.refused.add(done.observed.refused as u64, &[]);
        }
        if done.observed.aside > 0 {
            self.metrics.aside.add(done.observed.aside as u64, &[]);
        }
        Ok(proto::AppendEventsResponse {
            appended: i32::try_from(done.fresh).unwrap_or(i32::MAX),
            duplicates: i32::try_from(total - done.fresh).unwrap_or(i32::MAX),
            rejected,
            aside_values: i32::try_from(done.observed.aside).unwrap_or(i32::MAX),
        })
    }

    /// A page of a timeline.
    pub(super) async fn timeline(
        &self,
        request: proto::ListTimelineRequest,
    ) -> Result<proto::ListTimelineResponse, Problem> {
        check::id("person_id", &request.person_id)?;
        let names =
            request.events.iter().enumerate().filter_map(|(at, name)| check::text(&format!("events[{at}]"), name));
        let channels =
            request.channels.iter().enumerate().filter_map(|(at, name)| check::text(&format!("channels[{at}]"), name));
        let mut broken: Vec<Violation> = names.chain(channels).collect();
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
        let (names, channels, ascending) = (request.events, request.channels, request.ascending);
        let filter = Filter { names, channels, from, until, ascending, ..Filter::default() };
        let size = page_size(request.page_size)?;
        // A token is good for the same person, filters and direction only.
        let list = format!("timeline {:?} {filter:?}", request.person_id);
        let after = PageToken::decode(&list, &request.page_token)?.map(|token| place(&token.after)).transpose()?;
        let mut rows = self.store.timeline(&request.person_id, &filter, after.as_ref(), size + 1).await?;
        let more = rows.len() > size;
        rows.truncate(size);
        let next_page_token = match rows.last() {
            Some((place, _)) if more => PageToken::encode(&list, &position(place)),
            _ => String::new(),
        };
        let person = self.document(&request.person_id).await?.person_id;
        let events = rows.iter().map(|(_, bytes)| body::message(bytes, &person)).collect::<Result<_, _>>()?;
        Ok(proto::ListTimelineResponse { events, next_page_token })
    }

    /// Entries of a feed after an offset, and where to go on from.
    pub(super) async fn entries(
        &self,
        feed: &str,
        after_offset: i64,
        max_changes: i32,
        wait_millis: i32,
    ) -> Result<(Vec<attune_storage::feed::Entry>, i64), Problem> {
        let after = u64::try_from(after_offset).unwrap_or_default();
        let limit = if max_changes == 0 { 100 } else { usize::try_from(max_changes).unwrap_or(100) };
        let mut entries = self.feed.read(feed, after, limit).await?;
        if entries.is_empty() && wait_millis > 0 {
            let wait = Duration::from_millis(u64::try_from(wait_millis).unwrap_or_default());
            if self.feed.wait(feed, after, wait).await? {
                entries = self.feed.read(feed, after, limit).await?;
            }
        }
        let next = entries.last().map_or(after_offset, |entry| i64::try_from(entry.offset).unwrap_or(i64::MAX));
        Ok((entries, next))
    }

    /// A part of the feed of segments.
    pub(super) async fn moves(
        &self,
        request: &proto::ReadSegmentChangesRequest,
    ) -> Result<proto::ReadSegmentChangesResponse, Problem> {
        let (entries, next_offset) =
            self.entries(FEED, request.after_offset, request.max_changes, request.wait_millis).await?;
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
pub(super) fn rpc_status(problem: Problem) -> RpcStatus {
    let status = to_status(problem);
    RpcStatus::decode(status.details()).unwrap_or_else(|_| RpcStatus {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    })
}

/// The place of the last event of a page: micros, sequence and id.
fn position(place: &Place) -> String {
    format!("{}.{}.{}", place.0.as_micros(), place.1, place.2)
}

fn place(position: &str) -> Result<Place, Problem> {
    let mut parts = position.splitn(3, '.');
    let mut read = || {
        let time = attune_kernel::Timestamp::from_micros(parts.next()?.parse().ok()?);
        Some((time, parts.next()?.parse().ok()?, parts.next()?.to_owned()))
    };
    read().ok_or_else(|| Problem::invalid_field("page_token", "is not a token of this method"))
}

#[cfg(test)]
mod tests {
    use attune_kernel::Timestamp;

    use super::*;

    #[test]
    fn positions_round_trip() {
        let at = (Timestamp::from_micros(-5), -7, "e.1/ü".to_owned());
        assert_eq!(place(&position(&at)).unwrap(), at);
        for garbage in ["", "x", "1.2", "1.x.e"] {
            assert!(place(garbage).is_err(), "{garbage}");
        }
    }
}
