//! Who was in a segment at a past time, and who had a tag day by day.

use std::collections::BTreeSet;
use std::sync::Arc;

use attune_kernel::Problem;
use attune_proto::profile::v1 as proto;
use futures::stream::{self, BoxStream, StreamExt as _};
use tonic::Status;

use super::{Audiences, aside, count};
use crate::domain::audience::SEGMENTS;
use crate::domain::batch::Move;
use crate::domain::coverage::{Day, stability};
use crate::domain::moves::Moves;
use crate::grpc::convert;
use crate::store::FEED;

/// Entries of the feed read at once.
const READ: usize = 5000;
/// Persons of a message.
const PART: usize = 5000;
/// Persons whose documents are read at once.
const STEP: usize = 500;
/// Days told when nobody says how many.
const DAYS: i64 = 30;

type Parts = BoxStream<'static, Result<proto::StreamSegmentMembersAtResponse, Status>>;

impl Audiences {
    /// Who was in a segment.
    pub(super) async fn members_at(&self, request: proto::StreamSegmentMembersAtRequest) -> Result<Parts, Problem> {
        let time = convert::time("time", request.time.as_ref()).map_err(|broken| Problem::invalid(vec![broken]))?;
        let time = time.filter(|time| *time <= self.clock.now());
        let time = time.ok_or_else(|| Problem::invalid_field("time", "must not be in the future"))?;
        // The view first: what is in it came with entries that the feed has by then.
        let view = self.index.view()?;
        let (told, exact_from) = {
            let mut moves = self.moves.lock().await;
            self.catch_up(&mut moves).await?;
            (moves.at(&request.segment_id, time), moves.exact_from())
        };
        if told.is_empty() && !self.rules.get().await?.segments().iter().any(|one| one.id() == request.segment_id) {
            return Err(crate::error::Error::NoSegment(request.segment_id).into());
        }
        let mut found = aside(move || {
            let now = view.holding(SEGMENTS, &request.segment_id);
            let now = now.iter().filter_map(|row| view.person(row)).filter(|person| !told.contains_key(*person));
            let mut found: BTreeSet<String> = now.map(str::to_owned).collect();
            found.extend(told.into_iter().filter(|(_, was)| *was).map(|(person, _)| person.to_string()));
            Ok(found)
        })
        .await?;
        let strangers = self.index.strangers(&found.iter().cloned().collect::<Vec<_>>());
        for part in strangers.chunks(STEP) {
            for (stranger, document) in part.iter().zip(self.store.documents(part).await?) {
                found.remove(stranger);
                if !document.is_new() {
                    found.insert(document.person_id);
                }
            }
        }
        let found: Vec<String> = found.into_iter().collect();
        let first = proto::StreamSegmentMembersAtResponse {
            person_ids: Vec::new(),
            member_count: count(found.len()),
            exact_from_time: exact_from.map(convert::stamp),
        };
        let parts: Vec<_> = found.chunks(PART).map(<[String]>::to_vec).collect();
        let part = |person_ids| {
            Ok(proto::StreamSegmentMembersAtResponse { person_ids, ..proto::StreamSegmentMembersAtResponse::default() })
        };
        Ok(stream::iter(std::iter::once(Ok(first)).chain(parts.into_iter().map(part))).boxed())
    }

    /// Reads what the feed has beyond what is remembered.
    async fn catch_up(&self, moves: &mut Moves) -> Result<(), Problem> {
        let trimmed = self.feed.trimmed(FEED).await?;
        if trimmed > moves.offset() {
            *moves = Moves::new(self.max_moves, trimmed);
        }
        let mut first = moves.is_empty() && trimmed > 0;
        loop {
            let entries = self.feed.read(FEED, moves.offset(), READ).await?;
            if entries.is_empty() {
                return Ok(());
            }
            for entry in entries {
                let one: Move = serde_json::from_slice(&entry.body).map_err(Problem::internal)?;
                if std::mem::take(&mut first) {
                    moves.forgotten_until(one.time);
                }
                moves.push(entry.offset, &one.segment_id, &one.person_id, one.entered, one.time);
            }
        }
    }

    /// How many had a tag, day by day.
    pub(super) async fn statistics(
        &self,
        request: proto::ListTagStatisticsRequest,
    ) -> Result<proto::ListTagStatisticsResponse, Problem> {
        let today = Day::of(self.clock.now());
        let days = if request.days == 0 { DAYS } else { i64::from(request.days) };
        let mut statistics: Vec<proto::TagStatistics> = Vec::new();
        let mut reference = None;
        for day in today - days + 1..=today {
            let Some(text) = self.store.mark(&Day::mark(day)).await? else { continue };
            let one: Day = serde_json::from_str(&text).map_err(Problem::internal)?;
            // Of a day that was not counted, the mark is that of 400 days before.
            if one.day != day {
                continue;
            }
            let coverage = one.coverage(&request.tag_id);
            let from = *reference.get_or_insert((coverage, one.persons));
            statistics.push(proto::TagStatistics {
                day: Day::text(day),
                person_count: one.persons.cast_signed(),
                tagged_count: one.tags.get(&request.tag_id).copied().unwrap_or_default().cast_signed(),
                coverage,
                drift: stability(from, (coverage, one.persons)),
            });
        }
        Ok(proto::ListTagStatisticsResponse { statistics })
    }
}

/// What is remembered of the feed; nothing before the first question.
pub(super) fn remembered(most: usize) -> Arc<tokio::sync::Mutex<Moves>> {
    Arc::new(tokio::sync::Mutex::new(Moves::new(most, 0)))
}
