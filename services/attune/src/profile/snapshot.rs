//! `attune profile segment snapshot`, and `members --at`: who was meant at a moment.

use std::path::Path;
use std::time::Duration;

use attune_kernel::Timestamp;
use attune_proto::profile::v1::{
    CreateSegmentSnapshotRequest, DeleteSegmentSnapshotRequest, GetSegmentSnapshotRequest,
    ListSegmentSnapshotMembersRequest, ListSegmentSnapshotsRequest, SegmentSnapshot, SnapshotState,
    StreamSegmentMembersAtRequest,
};
use serde_json::json;

use super::audience::{client, who};
use super::timeline::time as shown;
use crate::exit::Failure;
use crate::files::Files;
use crate::journey::table::Table;
use crate::options::Address;
use crate::options::audience::{Output, SnapshotCommand};
use crate::output;
use crate::progress::{Progress, warn};
use crate::values::timestamp;

/// Entries of a page.
const PAGE: i32 = 1000;

/// How often a snapshot that is being taken is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Runs one of the commands.
///
/// # Errors
/// What the server answers; a file that cannot be written.
pub(super) async fn run(command: SnapshotCommand) -> Result<(), Failure> {
    match command {
        SnapshotCommand::Create { snapshot, who: persons, name, address } => {
            let segment_snapshot = SegmentSnapshot {
                snapshot_id: snapshot,
                display_name: name,
                persons: Some(who(&persons)),
                ..SegmentSnapshot::default()
            };
            create(segment_snapshot, &address).await
        }
        SnapshotCommand::List { output } => list(&output).await,
        SnapshotCommand::Members { snapshot, output, address } => members(&snapshot, &output, &address).await,
        SnapshotCommand::Delete { snapshot, address } => {
            let request = DeleteSegmentSnapshotRequest { snapshot_id: snapshot.clone(), etag: String::new() };
            client(&address)?.delete_segment_snapshot(request).await?;
            output::print(&format!("deleted {snapshot}"));
            Ok(())
        }
    }
}

async fn create(snapshot: SegmentSnapshot, address: &Address) -> Result<(), Failure> {
    let mut client = client(address)?;
    let id = snapshot.snapshot_id.clone();
    let request = CreateSegmentSnapshotRequest { segment_snapshot: Some(snapshot) };
    let mut taken = client.create_segment_snapshot(request).await?.into_inner().segment_snapshot.unwrap_or_default();
    while taken.state() == SnapshotState::Creating {
        tokio::time::sleep(LOOK).await;
        let request = GetSegmentSnapshotRequest { snapshot_id: id.clone() };
        taken = client.get_segment_snapshot(request).await?.into_inner().segment_snapshot.unwrap_or_default();
    }
    output::print(&format!("{id} has {} members", taken.taken_count));
    Ok(())
}

async fn list(options: &Output) -> Result<(), Failure> {
    let mut client = client(&options.address)?;
    let mut table = Table::new(&["snapshot", "state", "taken", "members", "name", "created"]);
    let mut request = ListSegmentSnapshotsRequest { page_size: PAGE, page_token: String::new() };
    loop {
        let page = client.list_segment_snapshots(request.clone()).await?.into_inner();
        for one in page.segment_snapshots {
            let state = if one.state() == SnapshotState::Ready { "ready" } else { "creating" };
            table.push(vec![
                json!(one.snapshot_id),
                json!(state),
                json!(one.taken_count),
                json!(one.member_count),
                json!(one.display_name),
                json!(shown(one.create_time.as_ref())),
            ]);
        }
        if page.next_page_token.is_empty() {
            return table.print(options.format);
        }
        request.page_token = page.next_page_token;
    }
}

async fn members(snapshot: &str, output: &Path, address: &Address) -> Result<(), Failure> {
    Files::check(output)?;
    let mut client = client(address)?;
    let request = GetSegmentSnapshotRequest { snapshot_id: snapshot.to_owned() };
    let named = client.get_segment_snapshot(request).await?.into_inner().segment_snapshot.unwrap_or_default();
    let mut ids = Ids::new(named.member_count);
    let mut request = ListSegmentSnapshotMembersRequest {
        snapshot_id: snapshot.to_owned(),
        page_size: PAGE,
        page_token: String::new(),
    };
    loop {
        let page = client.list_segment_snapshot_members(request.clone()).await?.into_inner();
        ids.add(&page.person_ids);
        if page.next_page_token.is_empty() {
            return ids.write(output);
        }
        request.page_token = page.next_page_token;
    }
}

/// Writes who was in a segment at a time.
///
/// # Errors
/// A time that is none, what the server answers, a file that cannot be written.
pub(super) async fn members_at(segment: &str, at: &str, output: &Path, address: &Address) -> Result<(), Failure> {
    Files::check(output)?;
    let time = Timestamp::parse(at).map_err(|error| Failure::usage(format!("--at: {error}")))?;
    let request =
        StreamSegmentMembersAtRequest { segment_id: segment.to_owned(), time: Some(timestamp(time.as_micros())) };
    let mut parts = client(address)?.stream_segment_members_at(request).await?.into_inner();
    let mut ids: Option<Ids> = None;
    while let Some(part) = parts.message().await? {
        if ids.is_none()
            && let Some(from) = part
                .exact_from_time
                .as_ref()
                .filter(|from| Timestamp::from_seconds_nanos(from.seconds, from.nanos).is_ok_and(|from| time < from))
        {
            warn(&format!("what was before {} is told from what is kept, and may not be exact", shown(Some(from))));
        }
        ids.get_or_insert_with(|| Ids::new(part.member_count)).add(&part.person_ids);
    }
    ids.unwrap_or_else(|| Ids::new(0)).write(output)
}

/// Ids of persons on their way to a file.
struct Ids {
    lines: Vec<u8>,
    progress: Progress,
}

impl Ids {
    fn new(expected: i64) -> Self {
        let progress = Progress::new("members", u64::try_from(expected).unwrap_or(0));
        Self { lines: b"person_id\n".to_vec(), progress }
    }

    fn add(&mut self, ids: &[String]) {
        self.progress.add(ids.len() as u64);
        for id in ids {
            self.lines.extend_from_slice(id.as_bytes());
            self.lines.push(b'\n');
        }
    }

    fn write(self, output: &Path) -> Result<(), Failure> {
        self.progress.finish();
        let mut files = Files::default();
        files.write(output, |out| out.write_all(&self.lines))?;
        files.finish()
    }
}
