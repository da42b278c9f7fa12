//! `attune profile timeline`.

use attune_client::{Channel, ProfileClient};
use attune_kernel::Timestamp;
use attune_proto::profile::v1::{Event, ListTimelineRequest};
use serde_json::{Map, Value, json};

use super::person;
use crate::connect::connect;
use crate::exit::Failure;
use crate::journey::table::Table;
use crate::options::profile::TimelineOptions;
use crate::values::{from_struct, timestamp};

/// Events of a page.
const PAGE: u64 = 500;

/// Lists the events.
///
/// # Errors
/// What the server answers.
pub(crate) async fn run(options: &TimelineOptions) -> Result<(), Failure> {
    let channel: Channel = connect(&options.address)?;
    let person = person::id(channel.clone(), &options.which).await?;
    let request = ListTimelineRequest {
        person_id: person,
        events: options.event.clone(),
        channels: options.channel.clone(),
        start_time: options.since.map(|time| timestamp(time.as_micros())),
        end_time: options.until.map(|time| timestamp(time.as_micros())),
        ascending: options.ascending,
        ..ListTimelineRequest::default()
    };
    let events = read(&mut attune_client::profile(channel), request, options.limit).await?;
    table(&events).print(options.format)
}

/// Reads pages until there are enough events.
///
/// # Errors
/// What the server answers.
pub(super) async fn read(
    client: &mut ProfileClient,
    mut request: ListTimelineRequest,
    limit: u64,
) -> Result<Vec<Event>, Failure> {
    let mut events = Vec::new();
    while (events.len() as u64) < limit {
        request.page_size = i32::try_from((limit - events.len() as u64).min(PAGE)).unwrap_or(1);
        let page = client.list_timeline(request.clone()).await?.into_inner();
        events.extend(page.events);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    Ok(events)
}

/// Events as rows.
pub(super) fn table(events: &[Event]) -> Table {
    let mut table = Table::new(&["time", "event", "channel", "session", "event_id", "properties"]);
    for event in events {
        let properties = event.properties.as_ref().map_or_else(Map::new, from_struct);
        table.push(vec![
            json!(time(event.time.as_ref())),
            json!(event.event),
            json!(event.channel),
            json!(event.session_id),
            json!(event.event_id),
            // An object in JSON, a text of JSON in the other forms.
            Value::Object(properties),
        ]);
    }
    table
}

/// A time as people and programs read it.
pub(super) fn time(time: Option<&prost_types::Timestamp>) -> String {
    let time = time.and_then(|time| Timestamp::from_seconds_nanos(time.seconds, time.nanos).ok());
    time.map_or_else(String::new, |time| time.to_string())
}
