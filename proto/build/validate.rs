//! Writes `impl Validate` for every message of the suite's packages.

use std::collections::HashMap;
use std::fmt::Write as _;

use prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use crate::rules::{self, Error, Rules};

/// The text of the generated module.
pub(crate) fn generate(pool: &DescriptorPool) -> Result<String, Error> {
    let messages: Vec<MessageDescriptor> = pool
        .all_messages()
        .filter(|message| message.package_name().starts_with("attune.") && !message.is_map_entry())
        .collect();
    let mut checked = HashMap::new();
    let mut text = String::new();
    for message in &messages {
        let mut body = String::new();
        for field in message.fields().filter(|field| field.containing_oneof().is_none_or(|oneof| oneof.is_synthetic()))
        {
            write_field(pool, &field, &mut checked, &mut body)?;
        }
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            let mut arms = String::new();
            for field in oneof.fields() {
                let mut arm = String::new();
                let rules = rules::of_field(pool, &field)?;
                write_value(pool, &field, &rules, &mut checked, &mut arm)?;
                if !arm.is_empty() {
                    let variant = format!(
                        "{}::{}::{}",
                        module_of(message, true),
                        upper_camel(oneof.name()),
                        upper_camel(field.name())
                    );
                    let at = format!("let at = at.field({:?});", field.name());
                    let _ = writeln!(arms, "            Some({variant}(value)) => {{ {at}\n{arm}            }}");
                }
            }
            if rules::oneof_required(pool, &oneof)? {
                let names: Vec<String> = oneof.fields().map(|field| field.name().to_owned()).collect();
                let _ = writeln!(
                    arms,
                    "            None => violation(&at.field({:?}), \"one of {} is required\", out),",
                    oneof.name(),
                    names.join(", ")
                );
            }
            if !arms.is_empty() {
                // A oneof whose every field is checked leaves nothing for the last arm.
                let _ = writeln!(
                    body,
                    "        #[allow(unreachable_patterns)]\n        match &self.{} {{\n{arms}            _ => {{}}\n        }}",
                    oneof.name()
                );
            }
        }
        let (at, out) = if body.is_empty() { ("_at", "_out") } else { ("at", "out") };
        let _ = writeln!(
            text,
            "impl Validate for {} {{\n    fn validate(&self, {at}: &Path<'_>, {out}: &mut Vec<Violation>) {{\n{body}    }}\n}}\n",
            rust_path(message)
        );
    }
    let _ = writeln!(
        text,
        "/// Decodes a message by its full name and returns its broken field rules; `None` for a name that is not the suite's.\n\
         ///\n/// # Errors\n/// When the bytes are not such a message.\n\
         pub fn violations_by_name(name: &str, bytes: &[u8]) -> Option<Result<Vec<Violation>, prost::DecodeError>> {{\n    \
         use prost::Message as _;\n    Some(match name {{"
    );
    for message in &messages {
        let _ = writeln!(
            text,
            "        {:?} => {}::decode(bytes).map(|message| violations(&message)),",
            message.full_name(),
            rust_path(message)
        );
    }
    let _ = writeln!(text, "        _ => return None,\n    }})\n}}");
    Ok(text)
}

fn write_field(
    pool: &DescriptorPool,
    field: &FieldDescriptor,
    checked: &mut HashMap<String, bool>,
    body: &mut String,
) -> Result<(), Error> {
    let rules = rules::of_field(pool, field)?;
    let name = field.name();
    let at = format!("            let at = at.field({name:?});\n");
    let mut inner = String::new();
    if field.is_map() {
        if let Some(max) = rules.max_pairs {
            let _ = writeln!(inner, "            at_most(self.{name}.len(), {max}, \"entries\", &at, out);");
        }
        let value = field.kind().as_message().map(MessageDescriptor::map_entry_value_field);
        if let Some(Kind::Message(message)) = value.map(|value| value.kind())
            && is_checked(pool, &message, checked)?
        {
            let _ = writeln!(
                inner,
                "            for (key, value) in &self.{name} {{ value.validate(&at.key(key), out); }}"
            );
        }
    } else if field.is_list() {
        if let Some(min) = rules.min_items {
            let _ = writeln!(inner, "            at_least(self.{name}.len(), {min}, \"items\", &at, out);");
        }
        if let Some(max) = rules.max_items {
            let _ = writeln!(inner, "            at_most(self.{name}.len(), {max}, \"items\", &at, out);");
        }
        if let Kind::Message(message) = field.kind()
            && is_checked(pool, &message, checked)?
        {
            let _ = writeln!(
                inner,
                "            for (index, value) in self.{name}.iter().enumerate() {{ value.validate(&at.index(index), out); }}"
            );
        }
    } else if matches!(field.kind(), Kind::Message(_))
        || field.cardinality() == Cardinality::Optional && field.supports_presence()
    {
        let mut present = String::new();
        write_value(pool, field, &rules, checked, &mut present)?;
        if !present.is_empty() {
            let _ = writeln!(inner, "            if let Some(value) = &self.{name} {{\n{present}            }}");
        }
        if rules.required {
            let _ = writeln!(inner, "            if self.{name}.is_none() {{ violation(&at, \"is required\", out); }}");
        }
    } else {
        let mut plain = String::new();
        write_value(pool, field, &rules, checked, &mut plain)?;
        if !plain.is_empty() {
            let _ = write!(inner, "            let value = &self.{name};\n{plain}");
        }
        // Without presence a field that is not set holds its default, and `required` asks for another value.
        if rules.required {
            let unset = match field.kind() {
                Kind::String | Kind::Bytes => format!("self.{name}.is_empty()"),
                Kind::Bool => format!("!self.{name}"),
                Kind::Float | Kind::Double => format!("self.{name} == 0.0"),
                _ => format!("self.{name} == 0"),
            };
            let _ = writeln!(inner, "            if {unset} {{ violation(&at, \"is required\", out); }}");
        }
    }
    if !inner.is_empty() {
        let _ = write!(body, "        {{\n{at}{inner}        }}\n");
    }
    Ok(())
}

/// Checks of one value, bound to `value: &T`, with `at` and `out` in scope.
fn write_value(
    pool: &DescriptorPool,
    field: &FieldDescriptor,
    rules: &Rules,
    checked: &mut HashMap<String, bool>,
    out: &mut String,
) -> Result<(), Error> {
    match field.kind() {
        Kind::String => {
            if rules.one_of.is_empty() {
                if let Some(min) = rules.min_len {
                    let _ = writeln!(out, "            text_at_least(value, {min}, &at, out);");
                }
                if let Some(max) = rules.max_len {
                    let _ = writeln!(out, "            text_at_most(value, {max}, &at, out);");
                }
                if let Some(pattern) = &rules.pattern {
                    let _ = writeln!(
                        out,
                        "            {{ static PATTERN: Pattern = Pattern::new({pattern:?}); PATTERN.check(value, &at, out); }}"
                    );
                }
            } else {
                let _ = writeln!(out, "            text_in(value, &{:?}, &at, out);", rules.one_of);
            }
        }
        Kind::Int32 | Kind::Int64 => {
            for (bound, check) in [(&rules.gte, "number_at_least"), (&rules.lte, "number_at_most")] {
                if let Some(bound) = bound {
                    let _ = writeln!(out, "            {check}(i64::from(*value), {bound}, &at, out);");
                }
            }
        }
        Kind::Double => {
            let _ = writeln!(out, "            finite(*value, &at, out);");
            for (bound, check) in [(&rules.gte, "real_at_least"), (&rules.lte, "real_at_most")] {
                if let Some(bound) = bound {
                    let _ = writeln!(out, "            {check}(*value, {bound}, &at, out);");
                }
            }
        }
        Kind::Enum(descriptor) if rules.defined_only => {
            let numbers: Vec<i32> = descriptor.values().map(|value| value.number()).collect();
            let _ = writeln!(out, "            defined(*value, &{numbers:?}, &at, out);");
        }
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
            let from = rules.gte.clone().unwrap_or_else(|| "-62135596800".to_owned());
            let to = rules.lt.clone().unwrap_or_else(|| "253402300800".to_owned());
            let _ = writeln!(out, "            instant(value, {from}, {to}, &at, out);");
        }
        Kind::Message(message) if message.full_name() == "google.protobuf.Duration" => {
            let _ = writeln!(out, "            duration(value, {}, &at, out);", rules.gt.is_some());
        }
        Kind::Message(message) if is_checked(pool, &message, checked)? => {
            let _ = writeln!(out, "            value.validate(&at, out);");
        }
        _ => {}
    }
    Ok(())
}

/// Whether a message has anything to check, itself or below.
fn is_checked(
    pool: &DescriptorPool,
    message: &MessageDescriptor,
    checked: &mut HashMap<String, bool>,
) -> Result<bool, Error> {
    if !message.package_name().starts_with("attune.") {
        return Ok(false);
    }
    if let Some(known) = checked.get(message.full_name()) {
        return Ok(*known);
    }
    // No message of the suite contains itself, so the provisional answer is never read.
    checked.insert(message.full_name().to_owned(), true);
    let mut text = String::new();
    for field in message.fields() {
        write_field(pool, &field, checked, &mut text)?;
    }
    let mut any = !text.is_empty();
    for oneof in message.oneofs() {
        any |= rules::oneof_required(pool, &oneof)?;
    }
    checked.insert(message.full_name().to_owned(), any);
    Ok(any)
}

fn module_of(message: &MessageDescriptor, inner: bool) -> String {
    let package = message.package_name().trim_start_matches("attune.").replace('.', "::");
    let tail = if inner { format!("::{}", snake(message.name())) } else { String::new() };
    format!("crate::{package}{tail}")
}

fn rust_path(message: &MessageDescriptor) -> String {
    format!("{}::{}", module_of(message, false), message.name())
}

fn upper_camel(name: &str) -> String {
    name.split('_')
        .map(|part| {
            let mut chars = part.chars();
            chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
        })
        .collect()
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (index, c) in name.char_indices() {
        if c.is_ascii_uppercase() && index > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
