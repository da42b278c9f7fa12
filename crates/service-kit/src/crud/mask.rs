//! Field masks (AIP-134), through reflection.

use attune_kernel::{Problem, Violation};
use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage as _};

/// The descriptor of a message of the contracts.
pub(super) fn descriptor<M: prost::Name>() -> Result<MessageDescriptor, Problem> {
    let name = M::full_name();
    attune_proto::descriptor_pool()
        .get_message_by_name(&name)
        .ok_or_else(|| Problem::internal(format!("{name} is not among the descriptors")))
}

/// Writes fields of `change` into `current`.
///
/// Without a path, every field that is populated in the change is written. `*` writes all fields, so that what the change
/// leaves empty becomes empty. A path names a field, or a field of a message field (`limits.per_day`); a list or a map is
/// written whole. `fixed` fields (the id, the etag, the times) are the server's: naming one has no effect.
///
/// # Errors
/// `INVALID_ARGUMENT` naming `update_mask.paths[i]` for every path that names no field.
pub(super) fn apply<M: Message + prost::Name + Default>(
    current: &M,
    change: &M,
    paths: &[String],
    fixed: &[&str],
) -> Result<M, Problem> {
    let descriptor = descriptor::<M>()?;
    let (mut target, source) = (dynamic(&descriptor, current)?, dynamic(&descriptor, change)?);
    let mut violations = Vec::new();
    if paths.is_empty() {
        for (field, value) in source.fields() {
            if !fixed.contains(&field.name()) {
                target.set_field(&field, value.clone());
            }
        }
    }
    for (index, path) in paths.iter().enumerate() {
        if path == "*" {
            for field in descriptor.fields().filter(|field| !fixed.contains(&field.name())) {
                copy(&source, &mut target, field.name());
            }
        } else if !is_known(&descriptor, path) {
            violations.push(Violation::new(format!("update_mask.paths[{index}]"), "names no field"));
        } else if !fixed.contains(&path.as_str()) {
            copy(&source, &mut target, path);
        }
    }
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    M::decode(target.encode_to_vec().as_slice()).map_err(|error| Problem::internal(format!("masked message: {error}")))
}

fn dynamic<M: Message>(descriptor: &MessageDescriptor, message: &M) -> Result<DynamicMessage, Problem> {
    DynamicMessage::decode(descriptor.clone(), message.encode_to_vec().as_slice())
        .map_err(|error| Problem::internal(format!("{}: {error}", descriptor.full_name())))
}

fn is_known(descriptor: &MessageDescriptor, path: &str) -> bool {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let Some(field) = descriptor.get_field_by_name(name) else { return false };
    match (rest, field.kind()) {
        (None, _) => true,
        (Some(rest), prost_reflect::Kind::Message(inner)) if !field.is_list() && !field.is_map() => {
            is_known(&inner, rest)
        }
        (Some(_), _) => false,
    }
}

/// Copies what a known path leads to; what the source has not is cleared.
fn copy(source: &DynamicMessage, target: &mut DynamicMessage, path: &str) {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let Some(field) = target.descriptor().get_field_by_name(name) else { return };
    match rest {
        None if source.has_field(&field) => target.set_field(&field, source.get_field(&field).into_owned()),
        None => target.clear_field(&field),
        Some(rest) => {
            let value = source.get_field(&field).into_owned();
            if let (Some(source), Some(target)) = (value.as_message(), target.get_field_mut(&field).as_message_mut()) {
                copy(source, target, rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use attune_proto::decision::v1::Offer;

    use super::*;

    fn offers() -> (Offer, Offer) {
        let current = Offer {
            offer_id: "gold".to_owned(),
            display_name: "Gold".to_owned(),
            value: 10.0,
            start_time: Some(prost_types::Timestamp { seconds: 5, nanos: 7 }),
            channels: vec!["web".to_owned()],
            ..Default::default()
        };
        let change = Offer {
            offer_id: "other".to_owned(),
            display_name: "Platinum".to_owned(),
            start_time: Some(prost_types::Timestamp { seconds: 9, nanos: 9 }),
            etag: "7".to_owned(),
            ..Default::default()
        };
        (current, change)
    }

    fn masked(paths: &[&str]) -> Result<Offer, Problem> {
        let (current, change) = offers();
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        apply(&current, &change, &paths, &["offer_id", "etag"])
    }

    #[test]
    fn without_paths_what_is_populated_is_written() {
        let (current, change) = offers();
        let expected = Offer { display_name: change.display_name, start_time: change.start_time, ..current };
        assert_eq!(masked(&[]).unwrap(), expected);
    }

    #[test]
    fn paths_write_and_clear_and_reach_into_messages() {
        let (current, _) = offers();
        let nested = masked(&["start_time.seconds", "value"]).unwrap();
        let start_time = Some(prost_types::Timestamp { seconds: 9, nanos: 7 });
        assert_eq!(nested, Offer { start_time, value: 0.0, ..current.clone() });
        assert_eq!(masked(&["offer_id", "etag"]).unwrap(), current);
    }

    #[test]
    fn a_star_replaces_everything_but_what_is_the_servers() {
        let (current, change) = offers();
        assert_eq!(masked(&["*"]).unwrap(), Offer { offer_id: current.offer_id, etag: String::new(), ..change });
    }

    #[test]
    fn every_unknown_path_is_named() {
        let problem = masked(&["value", "nonsense", "channels.x", "labels.a", "start_time.hours", ""]).unwrap_err();
        let fields: Vec<&str> = problem.violations.iter().map(|violation| violation.field.as_str()).collect();
        let expected: Vec<String> = (1..6).map(|i| format!("update_mask.paths[{i}]")).collect();
        assert_eq!(fields, expected);
    }
}
