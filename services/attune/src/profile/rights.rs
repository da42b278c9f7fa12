//! `attune profile export` and `attune profile erase`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use attune_client::Channel;
use attune_proto::identity::v1::ErasePersonRequest;
use attune_proto::profile::v1::GetProfileRequest;
use attune_service_kit::clock::IdSource;

use super::{held, person};
use crate::connect::connect;
use crate::exit::Failure;
use crate::files::Files;
use crate::options::profile::{EraseOptions, ExportOptions};
use crate::output;

/// How long an erasure may take to reach every service.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes everything that is stored about a person as one JSON document: a key a section, the parts of a section joined.
///
/// # Errors
/// What the server answers; the file is whole or not there.
pub(crate) async fn export(options: &ExportOptions) -> Result<(), Failure> {
    Files::check(&options.output)?;
    let channel: Channel = connect(&options.address)?;
    let person = person::id(channel.clone(), &options.which).await?;
    let document = held::sections(&channel, &person).await?;
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
    let before = if options.proof { held::counts(&channel, &person).await? } else { BTreeMap::new() };
    let began = Instant::now();
    let receipt = attune_client::identity(channel.clone()).erase_person(request).await?.into_inner();
    if !options.proof {
        output::print(&format!("erased {person}; the other services follow within seconds"));
        return Ok(());
    }
    held::relayed(&channel, receipt.change_offset, PATIENCE).await?;
    let after = held::counts(&channel, &person).await?;
    let mut text = format!("{:<24} {:>8} {:>8}\n", "what", "before", "left");
    for (what, left) in &after {
        let _ = writeln!(text, "{what:<24} {:>8} {left:>8}", before.get(what).copied().unwrap_or_default());
    }
    let _ = write!(
        text,
        "erased {person} at offset {} in {:.1} s; keys destroyed; messages and decisions are about nobody",
        receipt.change_offset,
        began.elapsed().as_secs_f64()
    );
    output::print(&text);
    match after.values().sum::<u64>() {
        0 => Ok(()),
        left => Err(Failure::other(format!("{left} things are left of {person}"))),
    }
}
