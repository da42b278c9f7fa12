//! The person a decision is about, as the rules see them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use attune_expression::{PathId, Schema, Source, Type, Value, ValueRef};
use attune_kernel::Timestamp;

/// Declares the fields rules may name, in the order of [`Field`].
const FIELDS: [(&str, Field); 7] = [
    ("attributes", Field::Attributes),
    ("traits", Field::Traits),
    ("tags", Field::Tags),
    ("segments", Field::Segments),
    ("context", Field::Context),
    ("recent", Field::Recent),
    ("now", Field::Now),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Attributes,
    Traits,
    Tags,
    Segments,
    Context,
    Recent,
    Now,
}

/// What eligibility and context rules may name:
///
/// | field | type | what it is |
/// |---|---|---|
/// | `attributes` | map(any) | declared or imported values of the profile |
/// | `traits` | map(any) | values computed from the timeline |
/// | `tags` | list(string) | the person's tags |
/// | `segments` | list(string) | ids of the segments the person is in |
/// | `context` | map(any) | what the channel said of the moment |
/// | `recent` | list(string) | names of the events of this session, oldest first |
/// | `now` | timestamp | the time of the decision |
///
/// The person's id is not among them: a rule is about a kind of person, never about one.
pub static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let build = FIELDS.iter().fold(Schema::builder(), |schema, (name, field)| {
        let of = match field {
            Field::Attributes | Field::Traits | Field::Context => Type::map(Type::Any),
            Field::Tags | Field::Segments | Field::Recent => Type::list(Type::String),
            Field::Now => Type::Timestamp,
        };
        schema.field(*name, of)
    });
    // The names are constants that a test compiles; an empty schema would refuse every rule.
    build.build().unwrap_or_default()
});

/// A consent on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// The purpose.
    pub purpose: String,
    /// The channel; empty for all.
    pub channel: String,
    /// Whether it is allowed.
    pub granted: bool,
    /// When the person said so.
    pub time: Timestamp,
}

/// What is known from the profile.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Declared or imported values.
    pub attributes: BTreeMap<String, Value>,
    /// Computed values.
    pub traits: BTreeMap<String, Value>,
    /// Tags.
    pub tags: Vec<String>,
    /// Segment ids.
    pub segments: Vec<String>,
    /// Consents.
    pub consents: Vec<Consent>,
}

/// The person and the moment.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// What the profile holds. `None` when it could not be read: rules that name its fields then fail with a reason,
    /// so that nobody is offered what they might not be entitled to.
    pub known: Option<Known>,
    /// What the channel said.
    pub context: BTreeMap<String, Value>,
    /// Names of the session's events, oldest first.
    pub recent: Vec<String>,
    /// The time of the decision.
    pub now: Timestamp,
}

impl Subject {
    /// Whether the person may be contacted for a purpose on a channel: the latest word that applies decides, a
    /// withdrawal where two are of the same time. Without a word, the purpose's default does. While the profile cannot be
    /// read there may be a word that nobody sees, so the answer is no.
    #[must_use]
    pub fn consents_to(&self, purpose: &str, channel: &str, default: bool) -> bool {
        let Some(known) = &self.known else { return false };
        let words = known
            .consents
            .iter()
            .filter(|word| word.purpose == purpose && (word.channel.is_empty() || word.channel == channel));
        words.max_by_key(|word| (word.time, !word.granted)).map_or(default, |word| word.granted)
    }

    /// The person's language: what the channel says, or else the profile.
    #[must_use]
    pub fn language(&self) -> Option<&str> {
        fn find(values: &BTreeMap<String, Value>) -> Option<&str> {
            match values.get("language")? {
                Value::String(text) if !text.is_empty() => Some(text),
                _ => None,
            }
        }
        find(&self.context).or_else(|| find(&self.known.as_ref()?.attributes))
    }
}

impl Source for Subject {
    #[inline]
    fn read(&self, path: PathId) -> Option<ValueRef<'_>> {
        let known = || self.known.as_ref();
        Some(match FIELDS.get(path.index())?.1 {
            Field::Attributes => ValueRef::Map(&known()?.attributes),
            Field::Traits => ValueRef::Map(&known()?.traits),
            Field::Tags => ValueRef::List(&known()?.tags),
            Field::Segments => ValueRef::List(&known()?.segments),
            Field::Context => ValueRef::Map(&self.context),
            Field::Recent => ValueRef::List(&self.recent),
            Field::Now => ValueRef::Timestamp(self.now),
        })
    }
}

#[cfg(test)]
mod tests {
    use attune_expression::compile;

    use super::*;

    fn subject() -> Subject {
        let word = |channel: &str, granted: bool, time: i64| Consent {
            purpose: "marketing".into(),
            channel: channel.into(),
            granted,
            time: Timestamp::from_millis(time),
        };
        Subject {
            known: Some(Known {
                attributes: BTreeMap::from([
                    ("age".to_owned(), Value::Int(41)),
                    ("language".to_owned(), Value::String("ko".into())),
                ]),
                tags: vec!["vip".into()],
                consents: vec![word("", true, 1), word("email", false, 5), word("sms", true, 3), word("", false, 4)],
                ..Known::default()
            }),
            recent: vec!["home".into(), "search".into()],
            ..Subject::default()
        }
    }

    fn holds(rule: &str, subject: &Subject) -> bool {
        compile(rule, &SCHEMA, Type::Bool).unwrap().evaluate(subject).is_true()
    }

    #[test]
    fn every_field_can_be_named_and_the_person_cannot() {
        let subject = subject();
        assert!(holds("attributes.age >= 40 && 'vip' in tags && !('a' in segments)", &subject));
        assert!(holds("recent.exists(e, e == 'search') && now < timestamp('2000-01-01T00:00:00Z')", &subject));
        assert!(holds("!has(context.page) && !has(traits.x)", &subject));
        assert!(compile("person_id == 'x'", &SCHEMA, Type::Bool).is_err());
    }

    #[test]
    fn an_unknown_profile_satisfies_nothing_that_names_it() {
        let unknown = Subject::default();
        assert!(!holds("!('vip' in tags)", &unknown) && !holds("'vip' in tags", &unknown));
        assert!(holds("!('x' in recent)", &unknown));
    }

    #[test]
    fn the_latest_word_that_applies_decides() {
        let subject = subject();
        assert!(!subject.consents_to("marketing", "email", true));
        assert!(!subject.consents_to("marketing", "sms", true), "the later general withdrawal covers sms");
        assert!(subject.consents_to("service", "sms", true) && !subject.consents_to("service", "sms", false));
        assert!(!Subject::default().consents_to("service", "sms", true), "there may be a word that nobody sees");
    }

    #[test]
    fn the_channel_knows_the_language_better() {
        let mut subject = subject();
        assert_eq!(subject.language(), Some("ko"));
        subject.context.insert("language".into(), Value::String("en-GB".into()));
        assert_eq!(subject.language(), Some("en-GB"));
        assert_eq!(Subject::default().language(), None);
    }
}
