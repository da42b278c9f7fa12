//! Offers, messages and placements, compiled for deciding.

use std::sync::Arc;
use std::time::Duration;

use attune_expression::{RuleSet, Type, compile};
use attune_kernel::Timestamp;
use rustc_hash::FxHashMap;

use super::model::Prior;
use super::policy::Policy;
use super::subject::SCHEMA;

/// What an offer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Not said.
    Unspecified,
    /// Sells something.
    Sales,
    /// Helps with something.
    Service,
    /// Tells something.
    Information,
    /// Keeps someone.
    Retention,
}

/// Something to propose to a person.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Its id.
    pub id: Arc<str>,
    /// The business issue it serves.
    pub issue: String,
    /// What it is for.
    pub kind: Kind,
    /// Whether it may be offered.
    pub enabled: bool,
    /// The value of a positive response.
    pub value: f64,
    /// The marketer's lever.
    pub lever: f64,
    /// The eligibility rule; empty for everyone.
    pub eligibility: String,
    /// The context rule; empty for none.
    pub context_rule: String,
    /// The factor of the score where the context rule holds.
    pub context_weight: f64,
    /// The channels it may be made on; empty for all.
    pub channels: Vec<String>,
    /// Not before.
    pub start: Option<Timestamp>,
    /// Not at or after.
    pub end: Option<Timestamp>,
    /// How long after a receipt a completion still counts as influenced; unlimited when absent.
    pub response_window: Option<Duration>,
    /// What the marketer expects; absent for the configured prior.
    pub prior: Option<Prior>,
    /// The consent purpose it needs; empty for none.
    pub purpose: String,
}

/// How an offer looks on a channel in a language.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id.
    pub id: Arc<str>,
    /// The offer.
    pub offer: String,
    /// The channel; empty for all.
    pub channel: String,
    /// The language as a BCP 47 tag; empty for all.
    pub language: String,
}

/// A slot on a channel.
#[derive(Debug, Clone)]
pub struct Placement {
    /// Its id.
    pub id: String,
    /// The channel.
    pub channel: String,
    /// How many offers it shows, at least 1.
    pub slots: usize,
    /// The issues it takes; empty for all.
    pub issues: Vec<String>,
    /// The kinds it takes; empty for all.
    pub kinds: Vec<Kind>,
    /// The offer for when nothing is eligible; empty for none.
    pub fallback: String,
    /// The policy; empty for the default one.
    pub policy: String,
}

/// A rule of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    /// There is none.
    None,
    /// The number in the rule set.
    Number(usize),
    /// It does not compile. Writing refuses such a rule, so this is one from before a change of the schema.
    Broken(String),
}

#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) offer: Offer,
    pub(super) eligibility: Rule,
    pub(super) context: Rule,
    pub(super) messages: Vec<Message>,
}

/// The id of the policy that decides where none is named.
pub const DEFAULT_POLICY: &str = "default";

/// Everything that decides, at one version; immutable and shared.
#[derive(Debug, Default)]
pub struct Catalogue {
    version: String,
    pub(super) offers: Vec<Compiled>,
    by_id: FxHashMap<Arc<str>, usize>,
    placements: FxHashMap<String, Placement>,
    policies: FxHashMap<String, Arc<Policy>>,
    pub(super) rules: RuleSet,
}

impl Catalogue {
    /// Compiles a catalogue. `version` names it in the log. Messages of offers that do not exist are left out; policies
    /// must hold one with the id [`DEFAULT_POLICY`], which stands in where a placement names one that does not exist.
    #[must_use]
    pub fn compile(
        version: String,
        mut offers: Vec<Offer>,
        mut messages: Vec<Message>,
        placements: Vec<Placement>,
        policies: Vec<Policy>,
    ) -> Self {
        offers.sort_by(|left, right| left.id.cmp(&right.id));
        messages.sort_by(|left, right| left.id.cmp(&right.id));
        let mut programs = Vec::new();
        let mut rule = |text: &str| {
            if text.trim().is_empty() {
                return Rule::None;
            }
            match compile(text, &SCHEMA, Type::Bool) {
                Ok(program) => {
                    programs.push(program);
                    Rule::Number(programs.len() - 1)
                }
                Err(diagnostics) => {
                    let first = diagnostics.first().map(ToString::to_string);
                    Rule::Broken(first.unwrap_or_default())
                }
            }
        };
        let mut compiled: Vec<Compiled> = offers
            .into_iter()
            .map(|offer| {
                let (eligibility, context) = (rule(&offer.eligibility), rule(&offer.context_rule));
                Compiled { offer, eligibility, context, messages: Vec::new() }
            })
            .collect();
        let by_id: FxHashMap<Arc<str>, usize> =
            compiled.iter().enumerate().map(|(number, compiled)| (compiled.offer.id.clone(), number)).collect();
        for message in messages {
            if let Some(number) = by_id.get(message.offer.as_str()) {
                compiled[*number].messages.push(message);
            }
        }
        Self {
            version,
            offers: compiled,
            by_id,
            placements: placements.into_iter().map(|placement| (placement.id.clone(), placement)).collect(),
            policies: policies.into_iter().map(|policy| (policy.id.clone(), Arc::new(policy))).collect(),
            // Every program was compiled as boolean; an empty set would make nobody eligible.
            rules: RuleSet::new(programs).unwrap_or_default(),
        }
    }

    /// The version given when it was compiled.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// An offer.
    #[must_use]
    pub fn offer(&self, id: &str) -> Option<&Offer> {
        self.by_id.get(id).map(|number| &self.offers[*number].offer)
    }

    /// Every offer, ordered by id.
    pub fn offers(&self) -> impl ExactSizeIterator<Item = &Offer> {
        self.offers.iter().map(|compiled| &compiled.offer)
    }

    pub(super) fn number(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// A placement.
    #[must_use]
    pub fn placement(&self, id: &str) -> Option<&Placement> {
        self.placements.get(id)
    }

    /// A policy by id, the default one for an empty id or one that does not exist; `None` only when there is no default.
    #[must_use]
    pub fn policy(&self, id: &str) -> Option<&Arc<Policy>> {
        self.policies.get(id).or_else(|| self.policies.get(DEFAULT_POLICY))
    }

    /// The message of an offer for a channel and language.
    ///
    /// A message is for the channel or for all of them. Among those, in this order: one in exactly the language, one in
    /// the same primary language, one for all languages, the same for `default_language`; then one for the channel
    /// before one for all channels, then the lower id. A message in another language is never chosen.
    #[must_use]
    pub fn message(
        &self,
        offer: &str,
        channel: &str,
        language: Option<&str>,
        default_language: &str,
    ) -> Option<&Message> {
        let messages = &self.offers[self.number(offer)?].messages;
        let ranked = messages.iter().filter(|message| message.channel.is_empty() || message.channel == channel);
        let ranked = ranked.filter_map(|message| {
            let rank = language_rank(&message.language, language.unwrap_or(""), default_language)?;
            Some(((rank, message.channel.is_empty()), message))
        });
        // `min_by_key` keeps the first of equals, and messages are ordered by id.
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, message)| message)
    }
}

fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or(tag)
}

fn language_rank(of: &str, wanted: &str, default: &str) -> Option<u8> {
    let same = |other: &str| !other.is_empty() && of.eq_ignore_ascii_case(other);
    let related = |other: &str| !other.is_empty() && primary(of).eq_ignore_ascii_case(primary(other));
    match of {
        "" => Some(2),
        _ if same(wanted) => Some(0),
        _ if related(wanted) => Some(1),
        _ if same(default) => Some(3),
        _ if related(default) => Some(4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::{offer, policy};

    fn message(id: &str, channel: &str, language: &str) -> Message {
        Message { id: id.into(), offer: "a".into(), channel: channel.into(), language: language.into() }
    }

    #[test]
    fn the_best_message_is_in_the_language_and_for_the_channel() {
        let messages = vec![
            message("m1", "", ""),
            message("m2", "web", ""),
            message("m3", "", "ko"),
            message("m4", "web", "ko-KR"),
            message("m5", "app", "ko-KR"),
            message("m6", "web", "en"),
        ];
        let catalogue = Catalogue::compile("1".into(), vec![offer("a")], messages, Vec::new(), vec![policy()]);
        let chosen = |channel: &str, language: Option<&str>| {
            catalogue.message("a", channel, language, "en").map(|message| message.id.to_string())
        };
        assert_eq!(chosen("web", Some("ko-kr")).as_deref(), Some("m4"));
        assert_eq!(chosen("web", Some("ko")).as_deref(), Some("m3"));
        assert_eq!(chosen("web", Some("fr")).as_deref(), Some("m2"));
        assert_eq!(chosen("mail", Some("en-GB")).as_deref(), Some("m1"));
        assert_eq!(chosen("web", Some("en-GB")).as_deref(), Some("m6"));
        let only =
            Catalogue::compile("1".into(), vec![offer("a")], vec![message("m", "", "ja")], Vec::new(), vec![policy()]);
        assert!(only.message("a", "web", Some("fr"), "en").is_none());
        assert!(only.message("b", "web", None, "en").is_none());
    }

    #[test]
    fn a_rule_that_does_not_compile_breaks_only_its_offer() {
        let broken = Offer { eligibility: "attributes.age >".into(), ..offer("b") };
        let catalogue =
            Catalogue::compile("1".into(), vec![broken, offer("a")], Vec::new(), Vec::new(), vec![policy()]);
        assert!(matches!(catalogue.offers[1].eligibility, Rule::Broken(_)));
        assert_eq!(catalogue.offers[0].eligibility, Rule::None);
        assert_eq!(catalogue.policy("other").map(|policy| policy.id.as_str()), Some(DEFAULT_POLICY));
    }
}
