//! Reasons, for people.

use attune_kernel::{PersonId, Problem};
use attune_proto::identity::v1 as pb;
use rustc_hash::FxHashMap;

use super::{Identity, convert};
use crate::domain::explain::{all, why_different, why_same};
use crate::domain::interaction::tombstone;
use crate::domain::{Entry, IdentifierKey, Kind, Lookup, Person};

/// Most entries of the audit trail that an explanation reads.
const AUDITED: usize = 1000;

impl Identity {
    /// Why identifiers are one person's.
    pub(super) async fn explain_one(&self, id: PersonId) -> Result<pb::ExplainResponse, Problem> {
        let person = self.person(id).await?;
        let waterfalls = self.waterfalls(&person, &person).await?;
        let evidence = self.evidence(&[&person]).await?;
        let names = self.names(&[&person], &evidence).await?;
        let evidence = evidence.into_iter().map(|one| message(one, &names)).collect();
        Ok(pb::ExplainResponse { same_person: true, evidence, waterfalls, ..Default::default() })
    }

    /// Why two ids are one person's, or two persons'.
    pub(super) async fn explain_two(&self, left: PersonId, right: PersonId) -> Result<pb::ExplainResponse, Problem> {
        let (one, other) = (self.person(left).await?, self.person(right).await?);
        let waterfalls = self.waterfalls(&one, &other).await?;
        let same_person = one.id == other.id;
        let persons: &[&Person] = if same_person { &[&one] } else { &[&one, &other] };
        let evidence = self.evidence(persons).await?;
        let path = if same_person { why_same(&one, left, right) } else { why_different(&self.rules, &one, &other) };
        let mut names = self.names(persons, &evidence).await?;
        names.extend(self.names(persons, &path).await?);
        let messages = |entries: Vec<Entry>| entries.into_iter().map(|one| message(one, &names)).collect();
        Ok(pb::ExplainResponse { same_person, evidence: messages(evidence), path: messages(path), waterfalls })
    }

    async fn evidence(&self, persons: &[&Person]) -> Result<Vec<Entry>, Problem> {
        let ids = persons.iter().flat_map(|person| person.aliases.iter().copied().chain([person.id]));
        let subjects: Vec<[u8; 16]> = ids.map(PersonId::to_bytes).collect();
        let audit = self.store.audit(&subjects, None, AUDITED).await?;
        Ok(all(&self.rules, persons, audit.into_iter().map(|(_, entry)| entry).collect()))
    }

    /// The identifiers of keys: those that others hold by now are looked up, erased ones have no name.
    pub(super) async fn names(
        &self,
        persons: &[&Person],
        entries: &[Entry],
    ) -> Result<FxHashMap<IdentifierKey, pb::Identifier>, Problem> {
        let mut names: FxHashMap<IdentifierKey, pb::Identifier> = FxHashMap::default();
        for held in persons.iter().flat_map(|person| &person.identifiers).filter(convert::is_public) {
            names.insert(held.key, convert::identifier(held));
        }
        let keys = entries.iter().flat_map(|one| &one.identifiers).copied();
        let mut missing: Vec<IdentifierKey> = keys.filter(|key| !names.contains_key(key)).collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            let identifiers = missing.into_iter().map(|key| (key, tombstone(&self.rules, key))).collect();
            let view = self.store.view(&Lookup { identifiers, ..Lookup::default() }).await?;
            for held in view.persons.values().flat_map(|person| &person.identifiers).filter(convert::is_public) {
                names.entry(held.key).or_insert_with(|| convert::identifier(held));
            }
        }
        Ok(names)
    }
}

pub(super) fn message(entry: Entry, names: &FxHashMap<IdentifierKey, pb::Identifier>) -> pb::Evidence {
    let identifiers: Vec<pb::Identifier> = entry.identifiers.iter().filter_map(|key| names.get(key).cloned()).collect();
    let kind = match entry.kind {
        Kind::SeenTogether => pb::EvidenceKind::SeenTogether,
        Kind::Merged => pb::EvidenceKind::Merged,
        Kind::Linked => pb::EvidenceKind::Linked,
        Kind::Unlinked => pb::EvidenceKind::Unlinked,
        Kind::Limited => pb::EvidenceKind::Limited,
        Kind::Matched => pb::EvidenceKind::Matched,
        Kind::Reviewed => pb::EvidenceKind::Reviewed,
        Kind::Split => pb::EvidenceKind::Split,
        Kind::Erased => pb::EvidenceKind::Erased,
    };
    pb::Evidence {
        kind: kind.into(),
        description: sentence(&entry, &identifiers),
        identifiers,
        person_ids: entry.persons.iter().map(ToString::to_string).collect(),
        event_time: convert::time(entry.event_time),
        source: entry.actor,
        match_weight: entry.weight,
    }
}

fn sentence(entry: &Entry, identifiers: &[pb::Identifier]) -> String {
    let mut kinds: Vec<&str> = identifiers.iter().map(|one| one.namespace.as_str()).collect();
    kinds.dedup();
    let kinds = match (kinds.is_empty(), entry.identifiers.is_empty()) {
        (false, _) => kinds.join(", "),
        (true, true) => "evidence".to_owned(),
        (true, false) => "records".to_owned(),
    };
    let person = |at: usize| entry.persons.get(at).map_or_else(|| "another person".to_owned(), ToString::to_string);
    let because = if entry.note.is_empty() { String::new() } else { format!(": {}", entry.note) };
    match entry.kind {
        Kind::SeenTogether if entry.identifiers.len() == 1 => format!("First seen with {kinds}."),
        Kind::SeenTogether => format!("Seen together: {kinds}."),
        Kind::Merged => format!("{} was merged into {} by {kinds}.", person(1), person(0)),
        Kind::Linked => format!("{} joined {} to {}{because}.", entry.actor, person(1), person(0)),
        Kind::Unlinked => format!("{} took {kinds} of {} to {}{because}.", entry.actor, person(0), person(1)),
        Kind::Limited => format!("{kinds} did not link{because}."),
        Kind::Matched if entry.persons.len() < 2 => format!("A record is like one of {}.", person(0)),
        Kind::Matched => format!("The records of {} and {} are alike.", person(0), person(1)),
        Kind::Reviewed => format!("{} decided a review{because}.", entry.actor),
        Kind::Split => format!("{} was split off {}, because what joined them no longer holds.", person(1), person(0)),
        Kind::Erased => format!("{} was erased.", person(0)),
    }
}
