//! Reasons, for people.

use attune_kernel::{PersonId, Problem};
use attune_proto::identity::v1 as pb;
use rustc_hash::FxHashMap;

use super::{Identity, convert};
use crate::domain::explain::{in_order, why_different, why_same};
use crate::domain::interaction::tombstone;
use crate::domain::{Evidence, EvidenceKind, IdentifierKey, Lookup, Person};

impl Identity {
    /// Why identifiers are one person's.
    pub(super) async fn explain_one(&self, id: PersonId) -> Result<pb::ExplainResponse, Problem> {
        let person = self.person(id).await?;
        let evidence = in_order(self.store.evidence(person.id).await?);
        self.explained(true, evidence, &[&person]).await
    }

    /// Why two ids are one person's, or two persons'.
    pub(super) async fn explain_two(&self, left: PersonId, right: PersonId) -> Result<pb::ExplainResponse, Problem> {
        let (one, other) = (self.person(left).await?, self.person(right).await?);
        let waterfalls = self.waterfalls(&one, &other).await?;
        let mut evidence = self.store.evidence(one.id).await?;
        let explained = if one.id == other.id {
            self.explained(true, why_same(left, right, evidence), &[&one]).await?
        } else {
            evidence.extend(self.store.evidence(other.id).await?);
            self.explained(false, why_different(&one, &other, evidence), &[&one, &other]).await?
        };
        Ok(pb::ExplainResponse { waterfalls, ..explained })
    }

    async fn explained(
        &self,
        same_person: bool,
        evidence: Vec<Evidence>,
        persons: &[&Person],
    ) -> Result<pb::ExplainResponse, Problem> {
        let mut names: FxHashMap<IdentifierKey, pb::Identifier> = FxHashMap::default();
        for held in persons.iter().flat_map(|person| &person.identifiers) {
            names.insert(held.key, convert::identifier(held));
        }
        // Evidence names identifiers by key; those that others hold by now are looked up, erased ones have no name.
        let keys = evidence.iter().flat_map(|one| &one.identifiers).copied();
        let mut missing: Vec<IdentifierKey> = keys.filter(|key| !names.contains_key(key)).collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            let identifiers = missing.into_iter().map(|key| (key, tombstone(&self.rules, key))).collect();
            let view = self.store.view(&Lookup { identifiers, ..Lookup::default() }).await?;
            for held in view.persons.values().flat_map(|person| &person.identifiers) {
                names.entry(held.key).or_insert_with(|| convert::identifier(held));
            }
        }
        let evidence = evidence.into_iter().map(|one| message(one, &names)).collect();
        Ok(pb::ExplainResponse { same_person, evidence, ..Default::default() })
    }
}

fn message(evidence: Evidence, names: &FxHashMap<IdentifierKey, pb::Identifier>) -> pb::Evidence {
    let identifiers: Vec<pb::Identifier> =
        evidence.identifiers.iter().filter_map(|key| names.get(key).cloned()).collect();
    let kind = match evidence.kind {
        EvidenceKind::SeenTogether => pb::EvidenceKind::SeenTogether,
        EvidenceKind::Merged => pb::EvidenceKind::Merged,
        EvidenceKind::Linked => pb::EvidenceKind::Linked,
        EvidenceKind::Unlinked => pb::EvidenceKind::Unlinked,
        EvidenceKind::Limited => pb::EvidenceKind::Limited,
    };
    pb::Evidence {
        kind: kind.into(),
        description: sentence(&evidence, &identifiers),
        identifiers,
        person_ids: evidence.persons.iter().map(ToString::to_string).collect(),
        event_time: convert::time(evidence.event_time),
        source: evidence.source,
        ..Default::default()
    }
}

fn sentence(evidence: &Evidence, identifiers: &[pb::Identifier]) -> String {
    let mut kinds: Vec<&str> = identifiers.iter().map(|one| one.namespace.as_str()).collect();
    kinds.dedup();
    let kinds = if kinds.is_empty() { "identifiers that are no longer held".to_owned() } else { kinds.join(", ") };
    let person = |at: usize| evidence.persons.get(at).map_or_else(|| "another person".to_owned(), ToString::to_string);
    let because = if evidence.note.is_empty() { String::new() } else { format!(": {}", evidence.note) };
    match evidence.kind {
        EvidenceKind::SeenTogether if evidence.identifiers.len() == 1 => format!("First seen with {kinds}."),
        EvidenceKind::SeenTogether => format!("Seen together: {kinds}."),
        EvidenceKind::Merged => format!("{} was merged into {} by {kinds}.", person(1), person(0)),
        EvidenceKind::Linked => format!("An operator joined {} to {}{because}.", person(1), person(0)),
        EvidenceKind::Unlinked => format!("An operator gave {kinds} of {} to {}{because}.", person(0), person(1)),
        EvidenceKind::Limited => format!("{kinds} did not link{because}."),
    }
}
