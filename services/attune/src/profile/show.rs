//! `attune profile show`: the page of a person.

use attune_client::Channel;
use attune_proto::profile::v1::{GetProfileRequest, ListTimelineRequest, Profile};
use serde_json::{Map, Value, json};

use super::person;
use super::timeline::{read, table as events_table, time};
use crate::connect::connect;
use crate::exit::Failure;
use crate::journey::table::Table;
use crate::options::profile::{PageFormat, ShowOptions};
use crate::output;
use crate::values::from_value;

/// Shows a person.
///
/// # Errors
/// What the server answers.
pub(crate) async fn run(options: &ShowOptions) -> Result<(), Failure> {
    let channel: Channel = connect(&options.address)?;
    let person = person::id(channel.clone(), &options.which).await?;
    let mut client = attune_client::profile(channel);
    let request = GetProfileRequest { person_id: person.clone() };
    let profile = client.get_profile(request).await?.into_inner().profile.unwrap_or_default();
    let request = ListTimelineRequest { person_id: person, ..ListTimelineRequest::default() };
    let events = read(&mut client, request, u64::from(options.events)).await?;
    if options.format == PageFormat::Json {
        return output::print_json(&json!({
            "profile": message(&profile, "attune.profile.v1.Profile")?,
            "events": events.iter().map(|event| message(event, "attune.profile.v1.Event")).collect::<Result<Vec<_>, _>>()?,
        }));
    }
    let mut page = head(&profile);
    for (title, table) in sections(&profile) {
        section(&mut page, title, &table);
    }
    section(&mut page, "latest events", &events_table(&events));
    output::print(&page);
    Ok(())
}

fn head(profile: &Profile) -> String {
    let updated = time(profile.update_time.as_ref());
    let updated = if updated.is_empty() { "nothing is known yet".to_owned() } else { format!("updated {updated}") };
    format!(
        "{}   {updated}   version {}\n",
        profile.person_id,
        if profile.etag.is_empty() { "-" } else { &profile.etag }
    )
}

fn section(page: &mut String, title: &str, table: &Table) {
    page.push('\n');
    page.push_str(&title.to_uppercase());
    page.push('\n');
    if table.is_empty() {
        page.push_str("  none\n");
        return;
    }
    for line in table.text().lines() {
        page.push_str("  ");
        page.push_str(line);
        page.push('\n');
    }
}

fn sections(profile: &Profile) -> Vec<(&'static str, Table)> {
    let mut attributes = Table::new(&["name", "value", "source", "since"]);
    let mut named: Vec<_> = profile.attributes.iter().collect();
    named.sort_by_key(|(name, _)| *name);
    for (name, one) in named {
        let value = one.value.as_ref().map_or(Value::Null, from_value);
        attributes.push(vec![json!(name), value, json!(one.source), json!(time(one.event_time.as_ref()))]);
    }
    let mut traits = Table::new(&["name", "value"]);
    let mut named: Vec<_> = profile.traits.iter().collect();
    named.sort_by_key(|(name, _)| *name);
    for (name, value) in named {
        traits.push(vec![json!(name), from_value(value)]);
    }
    let mut tags = Table::new(&["tag", "source", "since"]);
    for tag in &profile.tags {
        tags.push(vec![json!(tag.tag), json!(tag.source), json!(time(tag.add_time.as_ref()))]);
    }
    let mut segments = Table::new(&["segment"]);
    for segment in &profile.segments {
        segments.push(vec![json!(segment)]);
    }
    let mut consents = Table::new(&["purpose", "channel", "word", "since", "source"]);
    for one in &profile.consents {
        let channel = if one.channel.is_empty() { "all" } else { &one.channel };
        let word = if one.granted { "granted" } else { "withdrawn" };
        consents.push(vec![
            json!(one.purpose),
            json!(channel),
            json!(word),
            json!(time(one.time.as_ref())),
            json!(one.source),
        ]);
    }
    vec![("attributes", attributes), ("traits", traits), ("tags", tags), ("segments", segments), ("consents", consents)]
}

/// A message as its JSON mapping has it.
pub(super) fn message(message: &impl prost::Message, name: &str) -> Result<Value, Failure> {
    let failed = |error: String| Failure::other(format!("{name} cannot be written as JSON: {error}"));
    let pool = attune_proto::descriptor_pool();
    let Some(descriptor) = pool.get_message_by_name(name) else { return Ok(Value::Object(Map::new())) };
    let dynamic = prost_reflect::DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice());
    let dynamic = dynamic.map_err(|error| failed(error.to_string()))?;
    let options = prost_reflect::SerializeOptions::new().use_proto_field_name(true);
    dynamic.serialize_with_options(serde_json::value::Serializer, &options).map_err(|error| failed(error.to_string()))
}
