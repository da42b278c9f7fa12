//! `attune profile export` and `attune profile erase`.

use attune_client::Channel;
use attune_proto::identity::v1::ErasePersonRequest;
use attune_proto::profile::v1::{ExportPersonRequest, GetProfileRequest};
use attune_service_kit::clock::IdSource;
use serde_json::{Map, Value, json};

use super::person;
use crate::connect::connect;
use crate::exit::Failure;
use crate::files::Files;
use crate::options::profile::{EraseOptions, ExportOptions};
use crate::output;

/// Writes everything that is stored about a person as one JSON document: a key a section, the parts of a section joined.
///
/// # Errors
/// What the server answers; the file is whole or not there.
pub(crate) async fn export(options: &ExportOptions) -> Result<(), Failure> {
    Files::check(&options.output)?;
    let channel: Channel = connect(&options.address)?;
    let person = person::id(channel.clone(), &options.which).await?;
    let request = ExportPersonRequest { person_id: person.clone() };
    let mut parts = attune_client::profile(channel).export_person(request).await?.into_inner();
    let mut document = Map::new();
    document.insert("person_id".to_owned(), json!(person));
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
    let text = serde_json::to_vec_pretty(&document).map_err(|error| Failure::other(error.to_string()))?;
    let mut files = Files::default();
    files.write(&options.output, |out| out.write_all(&text).and_then(|()| out.write_all(b"\n")))?;
    files.finish()
}

/// Erases a person through identity, whose feed takes it to every service.
///
/// # Errors
/// What the server answers.
pub(crate) async fn erase(options: &EraseOptions) -> Result<(), Failure> {
    let channel: Channel = connect(&options.address)?;
    let person = person::id(channel.clone(), &options.which).await?;
    if !options.yes {
        let request = GetProfileRequest { person_id: person.clone() };
        let profile = attune_client::profile(channel).get_profile(request).await?.into_inner().profile;
        let profile = profile.unwrap_or_default();
        output::print(&format!(
            "would erase {person}: {} attributes, {} tags, {} consents, all events, identifiers and decisions; \
             nothing was done, add --yes",
            profile.attributes.len(),
            profile.tags.len(),
            profile.consents.len()
        ));
        return Ok(());
    }
    let request = ErasePersonRequest {
        person_id: person.clone(),
        request_id: format!("cli-{:016x}", IdSource::random().seed()),
        actor: options.actor.clone(),
        ..ErasePersonRequest::default()
    };
    attune_client::identity(channel).erase_person(request).await?;
    output::print(&format!("erased {person}; the other services follow within seconds"));
    Ok(())
}
