//! What a change of one person comes to: traits are written down, tags and segments are judged, and the time is found at
//! which the person is to be looked at again.

use attune_expression::{Evaluation, Value};
use attune_kernel::Timestamp;

use super::document::Document;
use super::judge::{Judge, Touched};
use super::reading::Reading;
use super::rules::Rules;
use super::tag::{Basis, TagMove};

/// A person entered or left a segment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Move {
    /// The segment.
    pub segment_id: String,
    /// The person.
    pub person_id: String,
    /// True on entry.
    pub entered: bool,
    /// When.
    pub time: Timestamp,
}

/// When a person is to be looked at again, and when that was to be before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The person.
    pub person_id: String,
    /// What stood there.
    pub old: Option<Timestamp>,
    /// What is to stand there.
    pub new: Option<Timestamp>,
}

/// Memory that is used again from person to person.
#[derive(Debug, Default)]
pub struct Memory {
    evaluation: Evaluation,
    values: Vec<Option<Value>>,
}

/// How a person is judged.
#[derive(Debug, Clone, Copy)]
pub struct Judging<'a> {
    /// By what.
    pub rules: &'a Rules,
    /// When.
    pub now: Timestamp,
    /// Whether the rules are all there are, so that what none of them speaks of ends. A process that has not yet heard of a
    /// new rule must not end what another one began.
    pub sweep: bool,
}

/// What became of a person.
#[derive(Debug, Default)]
pub struct Settled {
    /// Whether the document is to be written.
    pub write: bool,
    /// Entries into and exits from segments.
    pub moves: Vec<Move>,
    /// Tags that rules and bands put on or took off.
    pub tag_moves: Vec<TagMove>,
    /// Where the time to look again changed.
    pub due: Option<Due>,
}

/// Settles a person who was changed, or who is only looked at and is written if that moves them.
pub fn settle(
    document: &mut Document,
    mut changed: bool,
    mut touched: Touched,
    judging: Judging<'_>,
    memory: &mut Memory,
) -> Settled {
    let Judging { rules, now, .. } = judging;
    let mut settled = Settled::default();
    if document.replay(rules.registry()) | (rules.expires() && document.expire(rules.registry(), now)) {
        (changed, touched.attributes) = (true, true);
    }
    // Nothing was ever said of who is new; and what was to happen by now happens with this change.
    touched.all |= document.is_new() || document.due.is_some_and(|due| due <= now);
    document.traits.open(rules.catalogue());
    document.traits.settle(rules.catalogue(), rules.kept_from(now));
    document.traits.watched(rules.catalogue(), now, rules.watch(), &mut memory.values);
    for (tag, added, by) in tag_changes(document, &touched, judging, memory) {
        if added {
            document.rule_tags.insert(tag.clone(), now);
        } else {
            document.rule_tags.remove(&tag);
        }
        touched.tags = true;
        document.note_tag(&tag, by, added, now);
        settled.tag_moves.push(TagMove { tag, person_id: document.person_id.clone(), added, time: now });
    }
    for (segment_id, entered) in segment_changes(document, &touched, judging, memory) {
        if entered {
            document.segments.insert(segment_id.clone());
        } else {
            document.segments.remove(&segment_id);
        }
        settled.moves.push(Move { segment_id, person_id: document.person_id.clone(), entered, time: now });
    }
    settled.write = changed || settled.moves.len() + settled.tag_moves.len() > 0;
    if settled.write {
        document.revision += 1;
        document.updated = now;
    }
    settled.due = reschedule(document, rules, now);
    settled.write |= settled.due.is_some();
    settled
}

/// Keeps the time at which the person is to be looked at again. One that comes too early costs a look and is kept; traits that
/// lack history are to be filled at once.
fn reschedule(document: &mut Document, rules: &Rules, now: Timestamp) -> Option<Due> {
    let old = document.due;
    let next = if document.traits.lacks(rules.catalogue()) { Some(now) } else { rules.next_change(document, now) };
    let keep = match (old, next) {
        (Some(old), Some(next)) => old > now && old <= next || old == next,
        (Some(old), None) => old > now,
        (None, next) => next.is_none(),
    };
    if keep {
        return None;
    }
    document.due = next;
    Some(Due { person_id: document.person_id.clone(), old, new: next })
}

fn evaluate(
    document: &Document,
    judge: &Judge,
    numbers: &[usize],
    by_rules: bool,
    judging: Judging<'_>,
    memory: &mut Memory,
) {
    let reading = Reading::new(document, judging.rules.catalogue(), &memory.values, judging.now);
    let reading = if by_rules { reading } else { reading.without_rule_tags() };
    judge.evaluate(&reading, numbers, &mut memory.evaluation);
}

/// The tags that rules and bands are to put on (true) or take off, each with what does it, among those that a change may concern.
fn tag_changes(
    document: &Document,
    touched: &Touched,
    judging: Judging<'_>,
    memory: &mut Memory,
) -> Vec<(String, bool, &'static str)> {
    let Judging { rules, now, sweep } = judging;
    let mut out = Vec::new();
    let mut judge = |number: usize, satisfied: bool| {
        let Some(tag) = rules.tags().get(number) else { return };
        let has = document.rule_tags.contains_key(&tag.id);
        if tag.holds(document, satisfied, has, now) != has {
            out.push((tag.id.clone(), !has, tag.by()));
        }
    };
    let (judged, of_tags) = rules.judged_tags();
    let numbers = judged.concerned(touched);
    if !numbers.is_empty() {
        evaluate(document, judged, &numbers, false, judging, memory);
        for number in numbers {
            let satisfied = memory.evaluation.is_satisfied(number);
            of_tags.get(number).into_iter().for_each(|tag| judge(*tag, satisfied));
        }
    }
    if touched.all {
        let bands = rules.tags().iter().enumerate().filter(|(_, tag)| matches!(tag.basis, Basis::Band { .. }));
        bands.for_each(|(number, _)| judge(number, false));
    }
    if sweep {
        let gone = document.rule_tags.keys().filter(|id| !rules.tags().iter().any(|tag| tag.id == **id));
        out.extend(gone.map(|id| (id.clone(), false, "rule")));
    }
    out
}

/// The segments that a person is to enter (true) or leave, among those that a change may concern.
fn segment_changes(
    document: &Document,
    touched: &Touched,
    judging: Judging<'_>,
    memory: &mut Memory,
) -> Vec<(String, bool)> {
    let (mut out, segments) = (Vec::new(), judging.rules.segments());
    let judge = judging.rules.judged_segments();
    let numbers = judge.concerned(touched);
    if !numbers.is_empty() {
        evaluate(document, judge, &numbers, true, judging, memory);
        for number in numbers {
            let (Some(segment), holds) = (segments.get(number), memory.evaluation.is_satisfied(number)) else {
                continue;
            };
            if holds != document.segments.contains(segment.id()) {
                out.push((segment.id().to_owned(), holds));
            }
        }
    }
    if judging.sweep {
        let gone = document.segments.iter().filter(|id| !segments.iter().any(|segment| segment.id() == **id));
        out.extend(gone.map(|id| (id.clone(), false)));
    }
    out
}
