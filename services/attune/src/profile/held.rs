//! What every service holds of a person, asked of each through its contract.

use std::collections::BTreeMap;
use std::time::Duration;

use attune_client::Channel;
use attune_proto::channel::v1::{GetPipelineRequest, ListDeliveriesRequest, ListLeadsRequest};
use attune_proto::contact::v1::ListContactsRequest;
use attune_proto::decision::v1::ListDecisionsRequest;
use attune_proto::identity::v1::{GetPersonRequest, ListAuditEntriesRequest, ListRecordsRequest, ListRelationsRequest};
use attune_proto::journey::v1::{GetJourneyStateRequest, RunSessionsRequest, Selection};
use attune_proto::profile::v1::ExportPersonRequest;
use serde_json::{Map, Value, json};
use tonic::{Code, Response, Status};

use super::show::message;
use crate::exit::Failure;

/// How often the gateway is asked how far it is.
const LOOK: Duration = Duration::from_millis(100);
/// Items asked for at a time.
const PAGE: i32 = 1000;

/// An answer, or the empty one of a service that does not know the person, or not any more.
fn known<T: Default>(answer: Result<Response<T>, Status>) -> Result<T, Failure> {
    match answer {
        Ok(answer) => Ok(answer.into_inner()),
        Err(status) if matches!(status.code(), Code::NotFound | Code::FailedPrecondition) => Ok(T::default()),
        Err(status) => Err(status.into()),
    }
}

fn messages(of: &[impl prost::Message], name: &str) -> Result<Vec<Value>, Failure> {
    of.iter().map(|one| message(one, name)).collect()
}

/// The items of a list, page by page.
macro_rules! pages {
    ($client:expr, $call:ident, $request:expr, $items:ident, $name:literal) => {{
        let (mut client, mut request, mut all) = ($client, $request, Vec::new());
        loop {
            let page = known(client.$call(request.clone()).await)?;
            all.extend(messages(&page.$items, $name)?);
            if page.next_page_token.is_empty() {
                break Value::Array(all);
            }
            request.page_token = page.next_page_token;
        }
    }};
}

/// A person's export: the sections of their profile, and one of each other service; the parts of a section are joined.
///
/// # Errors
/// What a service answers.
pub(crate) async fn sections(channel: &Channel, person: &str) -> Result<Map<String, Value>, Failure> {
    let mut document = Map::new();
    document.insert("person_id".to_owned(), json!(person));
    let request = ExportPersonRequest { person_id: person.to_owned() };
    let mut parts = attune_client::profile(channel.clone()).export_person(request).await?.into_inner();
    while let Some(part) = parts.message().await? {
        let value: Value = serde_json::from_str(&part.json)
            .map_err(|error| Failure::other(format!("section {} is no JSON: {error}", part.section)))?;
        match (document.get_mut(&part.section), value) {
            (Some(Value::Array(whole)), Value::Array(more)) => whole.extend(more),
            (_, value) => {
                document.insert(part.section, value);
            }
        }
    }
    let request = GetPersonRequest { person_id: person.to_owned() };
    let found = known(attune_client::identity(channel.clone()).get_person(request).await)?.person.unwrap_or_default();
    // What was sent before a merge carries the id of then.
    let mut ids = vec![person.to_owned()];
    ids.extend(found.alias_person_ids.iter().cloned());
    document.insert("identity".to_owned(), message(&found, "attune.identity.v1.Person")?);
    for (section, value) in beside_the_profile(channel, person, &ids).await? {
        document.insert(section.to_owned(), value);
    }
    Ok(document)
}

async fn beside_the_profile(
    channel: &Channel,
    person: &str,
    ids: &[String],
) -> Result<Vec<(&'static str, Value)>, Failure> {
    let (identity, gateway) = (attune_client::identity(channel.clone()), attune_client::channel(channel.clone()));
    let person_id = || person.to_owned();
    let request = ListRelationsRequest { person_id: person_id(), page_size: PAGE, ..Default::default() };
    let relations = pages!(identity.clone(), list_relations, request, relations, "attune.identity.v1.Relation");
    let request = ListRecordsRequest { person_id: person_id(), page_size: PAGE, ..Default::default() };
    let records = pages!(identity.clone(), list_records, request, records, "attune.identity.v1.AttributeRecord");
    let request = ListAuditEntriesRequest { person_id: person_id(), page_size: PAGE, ..Default::default() };
    let audit = pages!(identity, list_audit_entries, request, entries, "attune.identity.v1.AuditEntry");
    let request = GetJourneyStateRequest { person_id: person_id() };
    let states = known(attune_client::journey(channel.clone()).get_journey_state(request).await)?.states;
    let journeys = Value::Array(messages(&states, "attune.journey.v1.JourneyState")?);
    let request = ListDecisionsRequest { person_id: person_id(), page_size: PAGE, ..Default::default() };
    let client = attune_client::decision(channel.clone());
    let decisions = pages!(client, list_decisions, request, decisions, "attune.decision.v1.ExplainResponse");
    let request = ListContactsRequest { person_id: person_id(), page_size: PAGE, ..Default::default() };
    let client = attune_client::contact(channel.clone());
    let contacts = pages!(client, list_contacts, request, contacts, "attune.contact.v1.Contact");
    let request = ListDeliveriesRequest { person_ids: ids.to_vec(), page_size: PAGE, ..Default::default() };
    let deliveries = pages!(gateway.clone(), list_deliveries, request, deliveries, "attune.channel.v1.Delivery");
    let request = ListLeadsRequest { person_ids: ids.to_vec(), page_size: PAGE, ..Default::default() };
    let leads = pages!(gateway, list_leads, request, leads, "attune.channel.v1.Lead");
    Ok(vec![
        ("records", records),
        ("relations", relations),
        ("audit", audit),
        ("journeys", journeys),
        ("decisions", decisions),
        ("contacts", contacts),
        ("deliveries", deliveries),
        ("leads", leads),
    ])
}

/// How many things each service holds of a person, by name.
///
/// # Errors
/// What a service answers.
pub(crate) async fn counts(channel: &Channel, person: &str) -> Result<BTreeMap<&'static str, u64>, Failure> {
    let document = sections(channel, person).await?;
    let size = |value: Option<&Value>| match value {
        Some(Value::Array(items)) => items.len() as u64,
        Some(Value::Object(items)) => items.len() as u64,
        _ => 0,
    };
    let of = |section: &str| size(document.get(section));
    let within = |section: &str, name: &str| size(document.get(section).and_then(|section| section.get(name)));
    let selection = Selection { person_ids: vec![person.to_owned()], ..Selection::default() };
    let request = RunSessionsRequest { selection: Some(selection), gap: None };
    let events = known(attune_client::journey(channel.clone()).run_sessions(request).await)?.events;
    Ok(BTreeMap::from([
        ("identity: identifiers", within("identity", "identifiers")),
        ("identity: records", of("records")),
        ("identity: relations", of("relations")),
        ("profile: attributes", within("profile", "attributes") + within("profile", "aside")),
        ("profile: consents", of("consents")),
        ("profile: events", of("timeline")),
        ("profile: tags", of("tags")),
        ("journey: events", u64::try_from(events).unwrap_or_default()),
        ("journey: stages", of("journeys")),
        ("decision: decisions", of("decisions")),
        ("contact: contacts", of("contacts")),
        ("channel: deliveries", of("deliveries")),
        ("channel: leads", of("leads")),
    ]))
}

/// Waits until the gateway has relayed a change of identity's feed to every service.
///
/// # Errors
/// What the gateway answers; when it takes longer than `patience`.
pub(crate) async fn relayed(channel: &Channel, offset: i64, patience: Duration) -> Result<(), Failure> {
    let mut client = attune_client::channel(channel.clone());
    let wait = async {
        loop {
            let cursors = client.get_pipeline(GetPipelineRequest::default()).await?.into_inner().cursors;
            if cursors.get("identity").copied().unwrap_or_default() >= offset {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    match tokio::time::timeout(patience, wait).await {
        Ok(done) => done,
        Err(_) => Err(Failure::other(format!("the gateway did not relay the erasure within {} s", patience.as_secs()))),
    }
}
