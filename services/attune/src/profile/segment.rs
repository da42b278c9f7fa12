//! `attune profile segment`.

use std::path::Path;

use attune_proto::profile::v1::{
    CreateSegmentRequest, GetSegmentRequest, ListSegmentMembersRequest, ListSegmentsRequest, Segment,
    UpdateSegmentRequest,
};
use serde_json::json;
use tonic::Code;

use super::timeline::time;
use crate::connect::connect;
use crate::exit::Failure;
use crate::files::Files;
use crate::journey::table::Table;
use crate::options::Address;
use crate::options::profile::SegmentCommand;
use crate::output;
use crate::progress::Progress;

/// Entries of a page.
const PAGE: i32 = 1000;

/// Runs one of the commands.
///
/// # Errors
/// What the server answers.
pub(crate) async fn run(command: SegmentCommand) -> Result<(), Failure> {
    match command {
        SegmentCommand::List { address, format } => list(&address).await?.print(format),
        SegmentCommand::Members { segment, at: None, output, address } => members(&segment, &output, &address).await,
        SegmentCommand::Members { segment, at: Some(at), output, address } => {
            super::snapshot::members_at(&segment, &at, &output, &address).await
        }
        SegmentCommand::Snapshot(command) => super::snapshot::run(command).await,
        SegmentCommand::Audience(command) => super::audience::run(command).await,
        SegmentCommand::Put { segment, expression, name, address } => {
            put(Segment { segment_id: segment, expression, display_name: name, ..Segment::default() }, &address).await
        }
    }
}

async fn list(address: &Address) -> Result<Table, Failure> {
    let mut client = attune_client::profile(connect(address)?);
    let mut table = Table::new(&["segment", "members", "name", "expression", "updated"]);
    let mut request = ListSegmentsRequest { page_size: PAGE, page_token: String::new() };
    loop {
        let page = client.list_segments(request.clone()).await?.into_inner();
        for one in page.segments {
            table.push(vec![
                json!(one.segment_id),
                json!(one.member_count),
                json!(one.display_name),
                json!(one.expression),
                json!(time(one.update_time.as_ref())),
            ]);
        }
        if page.next_page_token.is_empty() {
            return Ok(table);
        }
        request.page_token = page.next_page_token;
    }
}

async fn members(segment: &str, output: &Path, address: &Address) -> Result<(), Failure> {
    Files::check(output)?;
    let mut client = attune_client::profile(connect(address)?);
    let named = client.get_segment(GetSegmentRequest { segment_id: segment.to_owned() }).await?.into_inner().segment;
    let total = u64::try_from(named.map_or(0, |one| one.member_count)).unwrap_or(0);
    let mut progress = Progress::new("members", total);
    let mut lines = b"person_id\n".to_vec();
    let mut request = ListSegmentMembersRequest {
        segment_id: segment.to_owned(),
        page_size: PAGE,
        ..ListSegmentMembersRequest::default()
    };
    loop {
        let page = client.list_segment_members(request.clone()).await?.into_inner();
        progress.add(page.person_ids.len() as u64);
        for person in page.person_ids {
            lines.extend_from_slice(person.as_bytes());
            lines.push(b'\n');
        }
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    progress.finish();
    let mut files = Files::default();
    files.write(output, |out| out.write_all(&lines))?;
    files.finish()
}

async fn put(segment: Segment, address: &Address) -> Result<(), Failure> {
    let mut client = attune_client::profile(connect(address)?);
    let id = segment.segment_id.clone();
    let create = CreateSegmentRequest { segment: Some(segment.clone()), request_id: String::new() };
    let word = match client.create_segment(create).await {
        Ok(_) => "created",
        Err(status) if status.code() == Code::AlreadyExists => {
            client.update_segment(UpdateSegmentRequest { segment: Some(segment), update_mask: None }).await?;
            "changed"
        }
        Err(status) => return Err(status.into()),
    };
    output::print(&format!("{word} {id}; everyone is evaluated in the background, see `attune profile segment list`"));
    Ok(())
}
