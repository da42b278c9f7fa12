//! An event of a name for which a predicate holds.

use std::sync::{Arc, LazyLock};

use attune_expression::{Diagnostic, Program, Schema, Source, Type, ValueRef, compile};

use super::event::Event;
use super::predicate::Predicate;

/// What an event must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Its name.
    pub event: String,
    /// What must hold of it beyond its name.
    pub test: Test,
}

/// What must hold of an event.
#[derive(Debug, Clone)]
pub enum Test {
    /// Nothing.
    Always,
    /// A comparison of its properties.
    Compare(Predicate),
    /// A boolean expression of the suite's rule language over `properties` and `channel`. One that cannot be computed,
    /// because a property is missing or of another type, does not hold.
    Expression(Arc<Program>),
}

/// Expressions are the same when their texts are.
impl PartialEq for Test {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Always, Self::Always) => true,
            (Self::Compare(one), Self::Compare(other)) => one == other,
            (Self::Expression(one), Self::Expression(other)) => one.source() == other.source(),
            _ => false,
        }
    }
}

/// The fields that expressions may name, in the order in which [`Event`] answers them.
static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let fields = Schema::builder().field("properties", Type::map(Type::Any)).field("channel", Type::String);
    // The names above are valid; a test compiles an expression that needs both.
    fields.build().unwrap_or_default()
});

impl Source for Event {
    fn read(&self, path: attune_expression::PathId) -> Option<ValueRef<'_>> {
        match path.index() {
            0 => Some(ValueRef::Map(&self.properties)),
            _ => Some(ValueRef::String(&self.channel)),
        }
    }
}

impl Condition {
    /// Any event of a name.
    pub fn named(event: impl Into<String>) -> Self {
        Self { event: event.into(), test: Test::Always }
    }

    /// An event of a name for which an expression holds; an empty expression always does.
    ///
    /// # Errors
    /// Everything that is wrong with the expression, with positions.
    pub fn expressed(event: impl Into<String>, expression: &str) -> Result<Self, Vec<Diagnostic>> {
        let test = match expression.trim() {
            "" => Test::Always,
            _ => Test::Expression(Arc::new(compile(expression, &SCHEMA, Type::Bool)?)),
        };
        Ok(Self { event: event.into(), test })
    }

    /// Whether an event meets it.
    #[must_use]
    pub fn holds(&self, event: &Event) -> bool {
        self.event == event.name
            && match &self.test {
                Test::Always => true,
                Test::Compare(predicate) => predicate.holds(event),
                Test::Expression(program) => program.evaluate(event).is_true(),
            }
    }
}

#[cfg(test)]
mod tests {
    use attune_kernel::Timestamp;

    use super::*;
    use crate::domain::value::{Properties, Value};

    #[test]
    fn expressions_read_properties_and_channel() {
        let items = Value::List(vec![Value::Map([("sku".to_owned(), Value::from("a"))].into())]);
        let properties: Properties = [("amount".to_owned(), Value::from(120.0)), ("items".to_owned(), items)].into();
        let event = Event {
            id: "e".to_owned(),
            name: "pay".to_owned(),
            time: Timestamp::default(),
            channel: "web".to_owned(),
            properties,
        };
        let holds = |expression: &str| Condition::expressed("pay", expression).unwrap().holds(&event);
        assert!(holds("") && holds("properties.amount > 100 && channel == 'web'"));
        assert!(holds("properties.items.exists(item, item.sku == 'a')"));
        assert!(!holds("properties.amount > 120") && !holds("properties.missing > 1"));
        assert!(!Condition::expressed("view", "true").unwrap().holds(&event));
        assert!(Condition::expressed("pay", "properties.amount >").is_err());
        assert!(Condition::expressed("pay", "colour == 'red'").is_err());
    }
}
