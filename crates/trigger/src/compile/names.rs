//! What expressions name: the fields of the schema, found in the texts.

use attune_expression::{Program, Schema, SchemaBuilder, Type, compile};
use rustc_hash::FxHashMap;

use crate::error::RuleError;
use crate::file::RulesFile;
use crate::rule::Field;

/// The fields that every expression may name, and the slots of properties.
pub(super) struct Names {
    pub(super) fields: Vec<Field>,
    paths: Vec<(String, Type)>,
    pub(super) slots: FxHashMap<String, usize>,
    pub(super) properties: Vec<String>,
    schema: Schema,
}

impl Names {
    pub(super) fn new(file: &RulesFile) -> Result<Self, RuleError> {
        let mut names = Self {
            fields: Vec::new(),
            paths: Vec::new(),
            slots: FxHashMap::default(),
            properties: Vec::new(),
            schema: Schema::default(),
        };
        names.add("event".to_owned(), Type::String, Field::Event);
        names.add("channel".to_owned(), Type::String, Field::Channel);
        names.add("time".to_owned(), Type::Timestamp, Field::Time);
        names.add("customer".to_owned(), Type::String, Field::Customer);
        for (number, name) in (0u16..).zip(file.lists.keys()) {
            names.add(format!("lists.{name}"), Type::map(Type::Bool), Field::List(number));
        }
        for (number, name) in (0u16..).zip(file.tables.keys()) {
            names.add(format!("tables.{name}"), Type::map(Type::Any), Field::Table(number));
        }
        for rule in &file.rules {
            let schemes = rule.scheme.iter().flat_map(|one| [&one.channel, &one.segment, &one.product]);
            let waits = [
                rule.wait.as_ref().and_then(|wait| wait.unless_where.as_ref()),
                rule.date.as_ref().and_then(|date| date.unless_where.as_ref()),
            ];
            let figures = rule.measures.values().flat_map(|one| [one.condition.as_ref(), one.value.as_ref()]);
            let texts = [rule.condition.as_ref(), rule.when.as_ref()];
            let texts = texts.into_iter().chain(waits).chain(figures).chain(schemes.map(Option::as_ref));
            for text in texts.flatten() {
                for name in named(text) {
                    names.declare(name);
                }
            }
        }
        names.schema = names.build(&[]).map_err(|error| RuleError::at("", error))?;
        Ok(names)
    }

    fn add(&mut self, path: String, of: Type, field: Field) {
        self.paths.push((path, of));
        self.fields.push(field);
    }

    /// The slot of a property that expressions name.
    fn declare(&mut self, name: &str) {
        let path = format!("properties.{name}");
        if self.paths.iter().all(|(known, _)| *known != path) {
            let slot = self.slot(name);
            self.add(path, Type::Any, Field::Property(slot));
        }
    }

    /// The slot of a property.
    pub(super) fn slot(&mut self, name: &str) -> usize {
        if let Some(slot) = self.slots.get(name) {
            return *slot;
        }
        let slot = self.properties.len();
        self.properties.push(name.to_owned());
        self.slots.insert(name.to_owned(), slot);
        slot
    }

    fn build(&self, figures: &[(String, Type)]) -> Result<Schema, String> {
        let all = self.paths.iter().chain(figures);
        let builder = all.fold(Schema::builder(), |schema: SchemaBuilder, (path, of)| schema.field(path, of.clone()));
        builder.build().map_err(|error| error.to_string())
    }

    /// Compiles an expression over the event alone.
    pub(super) fn event(&self, field: &str, text: &str, of: Type, errors: &mut Vec<RuleError>) -> Option<Program> {
        compiled(&self.schema, field, text, of, errors)
    }

    /// A schema with figures.
    pub(super) fn with_figures(&self, figures: &[(String, Type)]) -> Result<Schema, String> {
        self.build(figures)
    }
}

pub(super) fn compiled(
    schema: &Schema,
    field: &str,
    text: &str,
    of: Type,
    errors: &mut Vec<RuleError>,
) -> Option<Program> {
    match compile(text, schema, of) {
        Ok(program) => Some(program),
        Err(diagnostics) => {
            errors.extend(diagnostics.iter().map(|one| RuleError::at(field, one.to_string())));
            None
        }
    }
}

/// The names that stand behind `properties.` in a text, outside of quotes.
pub(super) fn named(text: &str) -> Vec<&str> {
    let (mut found, mut quote, mut at) = (Vec::new(), None, 0);
    let bytes = text.as_bytes();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (None, byte @ (b'\'' | b'"')) => quote = Some(byte),
            (None, b'p') if at == 0 || !(is_name(bytes[at - 1]) || bytes[at - 1] == b'.') => {
                if let Some(rest) = text[at..].strip_prefix("properties.") {
                    let end = rest.bytes().position(|byte| !is_name(byte)).unwrap_or(rest.len());
                    if end > 0 {
                        found.push(&rest[..end]);
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Whether a text names a word outside of quotes, such as `channel`.
pub(super) fn names_word(text: &str, word: &str) -> bool {
    let bytes = text.as_bytes();
    let part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'\'' | b'"');
    text.match_indices(word).any(|(at, _)| {
        let end = at + word.len();
        (at == 0 || !part(bytes[at - 1])) && (end == bytes.len() || !(part(bytes[end]) && bytes[end] != b'.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_outside_of_quotes() {
        let text =
            "properties.a > 1 && 'properties.b' == x.properties.c || has(properties.items) && \"\\\"properties.d\"";
        assert_eq!(named(text), ["a", "items"]);
        assert_eq!(named("properties. == 1"), Vec::<&str>::new());
        assert_eq!(named("'ä' == properties.é"), Vec::<&str>::new());
        assert!(names_word("channel == 'web'", "channel") && !names_word("x == 'channel'", "channel"));
        assert!(!names_word("properties.channel == 1", "channel") && names_word("event.size() > 1", "event"));
    }
}
