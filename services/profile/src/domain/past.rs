//! A person as of a past time: what a model may know that is to foretell what came after.

use attune_aggregate::Scratch;
use attune_kernel::Timestamp;

use super::consent;
use super::document::{Document, Tag};
use super::event::Event;
use super::rules::Rules;

/// The document as it was at `time`, as far as is known today.
///
/// `events` are all of the person's that happened by then (later ones are passed over). Traits and what events said are computed
/// from them anew. What was written counts if it was true by `time`: an attribute or consent that was written anew since is
/// unknown then, because only its latest value is kept. Tags are those the person had, also ones taken off since. Scores are those
/// of the time; memberships of segments are none, for their history is another's.
#[must_use]
pub fn as_of(document: &Document, events: &[Event], rules: &Rules, time: Timestamp) -> Document {
    let mut past = Document::empty(&document.person_id);
    let mut scratch = Scratch::default();
    for event in events.iter().filter(|event| event.time <= time) {
        past.observe(event, rules.registry(), rules.catalogue(), &mut scratch);
    }
    for (name, one) in document.values().filter(|(_, one)| !one.observed && one.event_time <= time) {
        past.set_attribute(name, one.clone());
    }
    for word in document.consents.iter().filter(|word| word.kind == consent::Kind::Word && word.time <= time) {
        consent::record(&mut past.consents, word.clone());
    }
    let held = |from: Timestamp, until: Option<Timestamp>| from <= time && until.is_none_or(|until| time < until);
    for (name, tag) in document.tags.iter().filter(|(_, tag)| held(tag.added, None)) {
        past.tags.insert(name.clone(), tag.clone());
    }
    for (name, since) in document.rule_tags.iter().filter(|(_, since)| held(**since, None)) {
        past.rule_tags.insert(name.clone(), *since);
    }
    for stay in document.stays().into_iter().filter(|stay| held(stay.since, stay.until)) {
        if !past.rule_tags.contains_key(&stay.tag) {
            let tag = Tag { source: stay.by.clone(), added: stay.since };
            past.tags.entry(stay.tag.clone()).or_insert(tag);
        }
    }
    for (model, score) in document.scores.iter().filter(|(_, score)| score.time <= time) {
        past.scores.insert(model.clone(), score.clone());
    }
    past
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::domain::document::Attribute;
    use crate::domain::origin::Origin;

    fn event(number: usize, millis: i64) -> Event {
        let properties = json!({"attributes": {"city": format!("c{number}")}, "amount": 10});
        Event {
            event_id: format!("e{number}"),
            person_id: "p".to_owned(),
            name: "purchase".to_owned(),
            time: Timestamp::from_millis(millis),
            sequence: 0,
            channel: "web".to_owned(),
            session: String::new(),
            source: String::new(),
            received: Timestamp::from_millis(millis),
            properties: attune_kernel::Personal::new(properties.as_object().cloned().unwrap_or_default()),
            via: None,
            origin: Origin::default(),
            body: attune_kernel::Personal::new(Vec::new()),
        }
    }

    fn taken(events: &[Event], rules: &Rules) -> Document {
        let (mut document, mut scratch) = (Document::empty("p"), Scratch::default());
        for event in events {
            document.observe(event, rules.registry(), rules.catalogue(), &mut scratch);
        }
        document
    }

    proptest! {
        /// Whatever came later, in whatever order all of it came: the past is what somebody knew who stopped listening then.
        #[test]
        fn the_past_knows_nothing_of_what_came_after(
            mut times in proptest::collection::vec(0_i64..1_000_000_000, 0..30),
            at in 0_i64..1_000_000_000,
        ) {
            let rules = Rules::default();
            let events: Vec<Event> = times.drain(..).enumerate().map(|(number, time)| event(number, time)).collect();
            let time = Timestamp::from_millis(at);
            let by_then: Vec<Event> = events.iter().filter(|event| event.time <= time).cloned().collect();
            let (past, known) = (as_of(&taken(&events, &rules), &events, &rules, time), taken(&by_then, &rules));
            prop_assert_eq!(past.traits.values(rules.catalogue(), time), known.traits.values(rules.catalogue(), time));
            let city = |document: &Document| document.attributes.get("city").map(|one| one.value.clone());
            prop_assert_eq!(city(&past), city(&known));
        }
    }

    #[test]
    fn what_was_written_counts_from_when_it_was_true() {
        let (rules, then, later) = (Rules::default(), Timestamp::from_millis(100), Timestamp::from_millis(200));
        let mut document = Document::empty("p");
        let written = |time| Attribute { value: 1.into(), event_time: time, ..Attribute::default() };
        document.set_attribute("early", written(then));
        document.set_attribute("late", written(later));
        document.tags.insert("old".to_owned(), Tag { source: "crm".to_owned(), added: then });
        document.tags.insert("new".to_owned(), Tag { source: "crm".to_owned(), added: later });
        document.rule_tags.insert("ruled".to_owned(), then);
        document.note_tag("gone", "crm", true, then);
        document.note_tag("gone", "crm", false, later);
        let past = as_of(&document, &[], &rules, Timestamp::from_millis(150));
        assert_eq!(past.attributes.keys().collect::<Vec<_>>(), ["early"]);
        assert_eq!(past.tags.keys().collect::<Vec<_>>(), ["gone", "old"]);
        assert_eq!(past.rule_tags.keys().collect::<Vec<_>>(), ["ruled"]);
        assert!(!as_of(&document, &[], &rules, later).tags.contains_key("gone"), "a stay ends before its end");
    }
}
