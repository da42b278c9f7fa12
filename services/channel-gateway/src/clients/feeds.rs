//! The feeds of the other services, and applying who-is-who changes to them.

use attune_kernel::Problem;
use attune_proto::contact::v1 as contact;
use attune_proto::decision::v1 as decision;
use attune_proto::identity::v1::{PersonChange, ReadChangesRequest};
use attune_proto::journey::v1::{self as journey, JourneyChange, StreamTriggersRequest};
use attune_proto::profile::v1::{self as profile, ReadSegmentChangesRequest, SegmentChange};

use super::{Callees, problem, wire};

/// An open stream of triggers and stage changes.
pub struct JourneyFeed(tonic::Streaming<journey::StreamTriggersResponse>);

impl JourneyFeed {
    /// The next entries; `None` when the stream ended.
    ///
    /// # Errors
    /// When the stream broke.
    pub async fn next(&mut self) -> Result<Option<Vec<JourneyChange>>, Problem> {
        Ok(self.0.message().await.map_err(problem)?.map(|answer| answer.changes))
    }
}

/// Offsets on the wire are signed.
fn offset(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

impl Callees {
    /// Merges, splits and erasures after an offset; waits up to `wait_millis` for the first.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn person_changes(&self, after: u64, wait_millis: i32) -> Result<Vec<PersonChange>, Problem> {
        let request = ReadChangesRequest { after_offset: offset(after), max_changes: 500, wait_millis };
        Ok(self.identity.clone().read_changes(request).await.map_err(problem)?.into_inner().changes)
    }

    /// Applies a change at every service that keeps something of persons.
    ///
    /// # Errors
    /// When one of them does not take it; the others may have.
    pub async fn apply(&self, change: &PersonChange) -> Result<(), Problem> {
        let (mut a, mut b, mut c, mut d) =
            (self.profile.clone(), self.journey.clone(), self.decision.clone(), self.contact.clone());
        let change = || Some(change.clone());
        tokio::try_join!(
            async { a.apply_person_change(profile::ApplyPersonChangeRequest { change: change() }).await.map(|_| ()) },
            async { b.apply_person_change(journey::ApplyPersonChangeRequest { change: change() }).await.map(|_| ()) },
            async { c.apply_person_change(decision::ApplyPersonChangeRequest { change: change() }).await.map(|_| ()) },
            async { d.apply_person_change(contact::ApplyPersonChangeRequest { change: change() }).await.map(|_| ()) },
        )
        .map_err(problem)?;
        Ok(())
    }

    /// Entries into and exits from segments after an offset.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn segment_changes(&self, after: u64, wait_millis: i32) -> Result<Vec<SegmentChange>, Problem> {
        let request = ReadSegmentChangesRequest { after_offset: offset(after), max_changes: 500, wait_millis };
        Ok(self.profile.clone().read_segment_changes(request).await.map_err(problem)?.into_inner().changes)
    }

    /// Opens the feed of triggers after what was acknowledged.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn triggers(&self, consumer: &str) -> Result<JourneyFeed, Problem> {
        let request = StreamTriggersRequest { consumer: consumer.to_owned(), after_offset: None };
        Ok(JourneyFeed(self.journey.clone().stream_triggers(request).await.map_err(problem)?.into_inner()))
    }

    /// Acknowledges triggers up to an offset.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn ack_triggers(&self, consumer: &str, upto: i64) -> Result<(), Problem> {
        let request = journey::AckTriggersRequest { consumer: consumer.to_owned(), offset: upto };
        self.journey.clone().ack_triggers(request).await.map_err(problem)?;
        Ok(())
    }

    /// Writes one attribute of a person.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn set_attribute(
        &self,
        person_id: &str,
        name: &str,
        value: &str,
        request_id: String,
    ) -> Result<(), Problem> {
        let attribute =
            profile::Attribute { value: Some(wire::text(value)), source: "journey".to_owned(), ..Default::default() };
        let profile = profile::Profile {
            person_id: person_id.to_owned(),
            attributes: std::iter::once((name.to_owned(), attribute)).collect(),
            ..Default::default()
        };
        let request = profile::UpdateProfileRequest { profile: Some(profile), update_mask: None, request_id };
        self.profile.clone().update_profile(request).await.map_err(problem)?;
        Ok(())
    }
}
