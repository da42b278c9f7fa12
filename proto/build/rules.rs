//! Reads the protovalidate annotations of a field as plain data. An annotation that is not known here fails the build:
//! no rule may stand in a contract without being enforced.

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, OneofDescriptor, Value};

/// The rules of one field.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) required: bool,
    pub(crate) min_len: Option<u64>,
    pub(crate) max_len: Option<u64>,
    pub(crate) pattern: Option<String>,
    pub(crate) one_of: Vec<String>,
    pub(crate) min_items: Option<u64>,
    pub(crate) max_items: Option<u64>,
    pub(crate) max_pairs: Option<u64>,
    /// Bounds of numbers, or of timestamps and durations in seconds, as Rust literals.
    pub(crate) gte: Option<String>,
    pub(crate) lte: Option<String>,
    pub(crate) gt: Option<String>,
    pub(crate) lt: Option<String>,
    pub(crate) defined_only: bool,
}

pub(crate) type Error = Box<dyn std::error::Error>;

/// The rules of `field`; default when it has no annotation.
pub(crate) fn of_field(pool: &DescriptorPool, field: &FieldDescriptor) -> Result<Rules, Error> {
    let extension = pool.get_extension_by_name("buf.validate.field").ok_or("buf.validate.field is not imported")?;
    let mut rules = Rules::default();
    let options = field.options();
    if options.has_extension(&extension)
        && let Value::Message(message) = options.get_extension(&extension).as_ref()
    {
        for (descriptor, value) in message.fields() {
            match (descriptor.name(), value) {
                ("required", Value::Bool(required)) => rules.required = *required,
                (
                    "string" | "repeated" | "map" | "enum" | "int32" | "int64" | "double" | "timestamp" | "duration",
                    Value::Message(inner),
                ) => {
                    read(field, inner, &mut rules)?;
                }
                (other, _) => return Err(unknown(field, other)),
            }
        }
    }
    Ok(rules)
}

/// Whether one of the oneof's fields must be set.
pub(crate) fn oneof_required(pool: &DescriptorPool, oneof: &OneofDescriptor) -> Result<bool, Error> {
    let extension = pool.get_extension_by_name("buf.validate.oneof").ok_or("buf.validate.oneof is not imported")?;
    let options = oneof.options();
    if !options.has_extension(&extension) {
        return Ok(false);
    }
    let value = options.get_extension(&extension);
    let message = value.as_message().ok_or("buf.validate.oneof is not a message")?;
    Ok(message.get_field_by_name("required").and_then(|value| value.as_bool()).unwrap_or(false))
}

fn read(field: &FieldDescriptor, inner: &DynamicMessage, rules: &mut Rules) -> Result<(), Error> {
    for (descriptor, value) in inner.fields() {
        let number = || value.as_u64().ok_or_else(|| unknown(field, descriptor.name()));
        match descriptor.name() {
            "min_len" => rules.min_len = Some(number()?),
            "max_len" => rules.max_len = Some(number()?),
            "min_items" => rules.min_items = Some(number()?),
            "max_items" => rules.max_items = Some(number()?),
            "max_pairs" => rules.max_pairs = Some(number()?),
            "defined_only" => rules.defined_only = value.as_bool().unwrap_or(false),
            "pattern" => rules.pattern = value.as_str().map(str::to_owned),
            "in" => {
                let list = value.as_list().ok_or_else(|| unknown(field, "in"))?;
                rules.one_of = list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect();
            }
            "gte" => rules.gte = Some(bound(field, value)?),
            "lte" => rules.lte = Some(bound(field, value)?),
            "gt" => rules.gt = Some(bound(field, value)?),
            "lt" => rules.lt = Some(bound(field, value)?),
            other => return Err(unknown(field, other)),
        }
    }
    Ok(())
}

fn bound(field: &FieldDescriptor, value: &Value) -> Result<String, Error> {
    match value {
        Value::I32(number) => Ok(number.to_string()),
        Value::I64(number) => Ok(number.to_string()),
        Value::F64(number) => Ok(format!("{number:?}")),
        // Timestamps and durations: whole seconds suffice for every bound in use.
        Value::Message(message) => {
            let seconds = message.get_field_by_name("seconds").and_then(|value| value.as_i64()).unwrap_or(0);
            Ok(seconds.to_string())
        }
        _ => Err(unknown(field, "bound")),
    }
}

fn unknown(field: &FieldDescriptor, rule: &str) -> Error {
    format!("{}: rule `{rule}` is not supported by the generator; add it to proto/build", field.full_name()).into()
}
