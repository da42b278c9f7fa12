//! Create, get, list, update, delete.

use std::marker::PhantomData;
use std::sync::Arc;

use attune_kernel::{Code, Problem, Timestamp, Violation};
use attune_storage::{Record, Resources, StorageError};
use prost::Message as _;

use super::canonical::canonical;
use super::page::{PageToken, page_size};
use super::{Resource, Writes, mask};
use crate::request::violations;

/// How often an update without an etag is tried again when another one came between.
const UPDATE_TRIES: usize = 5;

type Check<R> = Arc<dyn Fn(&<R as Resource>::Message) -> Vec<Violation> + Send + Sync>;

/// The standard methods of one kind of resource.
pub struct Crud<R: Resource> {
    resources: Arc<dyn Resources>,
    writes: Writes,
    check: Check<R>,
    of: PhantomData<fn() -> R>,
}

impl<R: Resource> Clone for Crud<R> {
    fn clone(&self) -> Self {
        Self {
            resources: self.resources.clone(),
            writes: self.writes.clone(),
            check: self.check.clone(),
            of: PhantomData,
        }
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<M> {
    /// The items, ordered by id.
    pub items: Vec<M>,
    /// Where the next page begins; empty on the last page.
    pub next_page_token: String,
}

impl<R: Resource> Crud<R> {
    /// The methods over a store. `writes` is told of every write; the [`Compiled`](super::Compiled) views that share it
    /// look at once.
    #[must_use]
    pub fn new(resources: Arc<dyn Resources>, writes: Writes) -> Self {
        Self { resources, writes, check: Arc::new(R::check), of: PhantomData }
    }

    /// Replaces the semantic check by one that needs something of the service.
    #[must_use]
    pub fn checked_by(mut self, check: impl Fn(&R::Message) -> Vec<Violation> + Send + Sync + 'static) -> Self {
        self.check = Arc::new(check);
        self
    }

    /// Creates a resource. With a request id a repeat answers what the first call answered.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` with paths below the resource's field (`offer.eligibility`); `ALREADY_EXISTS`;
    /// `FAILED_PRECONDITION` `REQUEST_ID_REUSED`; `UNAVAILABLE`.
    pub async fn create(
        &self,
        resource: Option<R::Message>,
        request_id: &str,
        now: Timestamp,
    ) -> Result<R::Message, Problem> {
        let resource = required::<R>(resource)?;
        self.valid(&resource)?;
        let record = Record::new(R::KIND, R::id(&resource), body::<R>(&resource)?, now);
        let record = self.resources.create(record, some(request_id)).await?;
        self.writes.touch();
        message::<R>(&record)
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// `NOT_FOUND`; `UNAVAILABLE`.
    pub async fn get(&self, id: &str) -> Result<R::Message, Problem> {
        message::<R>(&self.stored(id).await?)
    }

    /// Lists resources, ordered by id. A page size of 0 means 50; more than 1000 counts as 1000.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for a negative size and a token that is not of this list; `UNAVAILABLE`.
    pub async fn list(&self, size: i32, token: &str) -> Result<Page<R::Message>, Problem> {
        let size = page_size(size)?;
        let after = PageToken::decode(R::KIND, token)?;
        // One more than asked for tells whether there is a next page.
        let after = after.as_ref().map(|token| token.after.as_str());
        let mut records = self.resources.list(R::KIND, after, size + 1).await?;
        let more = records.len() > size;
        records.truncate(size);
        let last = records.last().filter(|_| more);
        let next_page_token = last.map(|last| PageToken::encode(R::KIND, &last.id)).unwrap_or_default();
        let items = records.iter().map(message::<R>).collect::<Result<_, _>>()?;
        Ok(Page { items, next_page_token })
    }

    /// Changes the fields that the mask names. No path: every field that is populated; `*`: all of them. A set etag must
    /// be that of the stored resource.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` naming `update_mask.paths[i]` or the resource's field; `NOT_FOUND`; `ABORTED` `ETAG_MISMATCH`;
    /// `UNAVAILABLE`.
    pub async fn update(
        &self,
        resource: Option<R::Message>,
        update_mask: Option<prost_types::FieldMask>,
        now: Timestamp,
    ) -> Result<R::Message, Problem> {
        let change = required::<R>(resource)?;
        let id = R::id(&change);
        if id.is_empty() {
            return Err(Problem::invalid_field(format!("{}.{}", R::KIND, R::ID_FIELD), "must not be empty"));
        }
        let asked = revision(R::etag(&change))?;
        let paths = update_mask.map(|mask| mask.paths).unwrap_or_default();
        let fixed = [R::ID_FIELD, "etag", "create_time", "update_time"];
        let mut tries = UPDATE_TRIES;
        loop {
            let stored = self.stored(id).await?;
            if asked.is_some_and(|asked| asked != stored.revision) {
                return Err(mismatch());
            }
            let updated = mask::apply(&message::<R>(&stored)?, &change, &paths, &fixed)?;
            self.valid(&updated)?;
            let body = body::<R>(&updated)?;
            match self.resources.update(R::KIND, id, Some(stored.revision), body, now).await {
                Err(StorageError::RevisionMismatch { .. }) if asked.is_none() && tries > 1 => tries -= 1,
                written => {
                    let written = written?;
                    self.writes.touch();
                    return message::<R>(&written);
                }
            }
        }
    }

    /// Deletes a resource. A set etag must be that of the stored one.
    ///
    /// # Errors
    /// `NOT_FOUND`; `ABORTED` `ETAG_MISMATCH`; `UNAVAILABLE`.
    pub async fn delete(&self, id: &str, etag: &str) -> Result<(), Problem> {
        self.resources.delete(R::KIND, id, revision(etag)?).await?;
        self.writes.touch();
        Ok(())
    }

    async fn stored(&self, id: &str) -> Result<Record, Problem> {
        let found = if id.is_empty() { None } else { self.resources.get(R::KIND, id).await? };
        found.ok_or_else(|| Problem::not_found(R::KIND, id))
    }

    fn valid(&self, resource: &R::Message) -> Result<(), Problem> {
        let mut broken = violations(resource);
        broken.extend((self.check)(resource));
        if broken.is_empty() {
            return Ok(());
        }
        for violation in &mut broken {
            violation.field = format!("{}.{}", R::KIND, violation.field);
        }
        Err(Problem::invalid(broken))
    }
}

/// The message in a record, with the id, etag and times that the store knows.
pub(super) fn message<R: Resource>(record: &Record) -> Result<R::Message, Problem> {
    let mut message = R::Message::decode(record.body.as_slice())
        .map_err(|error| Problem::internal(format!("stored {} does not decode: {error}", R::KIND)))?;
    R::set_id(&mut message, record.id.clone());
    R::set_etag(&mut message, record.revision.to_string());
    R::set_times(&mut message, Some(proto_time(record.created)), Some(proto_time(record.updated)));
    Ok(message)
}

fn body<R: Resource>(message: &R::Message) -> Result<Vec<u8>, Problem> {
    let mut body = message.clone();
    R::set_id(&mut body, String::new());
    R::set_etag(&mut body, String::new());
    R::set_times(&mut body, None, None);
    canonical(&mask::descriptor::<R::Message>()?, &body.encode_to_vec())
        .ok_or_else(|| Problem::internal(format!("{} does not fit its descriptor", R::KIND)))
}

fn required<R: Resource>(resource: Option<R::Message>) -> Result<R::Message, Problem> {
    resource.ok_or_else(|| Problem::invalid_field(R::KIND, "must be set"))
}

fn proto_time(time: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = time.to_seconds_nanos();
    prost_types::Timestamp { seconds, nanos }
}

/// The revision an etag names. One that no resource of ours ever had cannot match.
fn revision(etag: &str) -> Result<Option<u64>, Problem> {
    some(etag).map(|etag| etag.parse().map_err(|_| mismatch())).transpose()
}

fn mismatch() -> Problem {
    Problem::new(Code::Aborted, "ETAG_MISMATCH", "the etag is not that of the stored resource: read it again and retry")
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
