//! Persons who are two and belong together.

use attune_kernel::{PersonId, Problem, Timestamp};
use attune_matching::Prepared;
use attune_matching::text::Role;
use attune_proto::identity::v1 as pb;
use attune_service_kit::crud::{PageToken, page_size};

use super::matching::{Active, Examined, records_of};
use super::{Identity, convert};
use crate::domain::matching::relation::{FAMILY, SAME_ADDRESS, Seen, seen_from};
use crate::domain::matching::{End, Household, Likeness, RecordKey, Relation, RelationId};
use crate::domain::{Lookup, Person};
use crate::error::Error;
use crate::store::records::{Batch, Relations, Remembered};

/// The ends by which a person is found: every id of theirs, and their records.
fn ends_of(person: &Person) -> Vec<End> {
    let ids = person.aliases.iter().copied().chain([person.id]).map(End::Person);
    ids.chain(records_of(person).into_iter().map(End::Record)).collect()
}

fn message(seen: Seen) -> pb::Relation {
    let Seen { relation, persons: (from, to) } = seen;
    pb::Relation {
        relation_id: relation.id.text(),
        person_id: from.to_string(),
        other_person_id: to.to_string(),
        kind: relation.kind,
        confidence: relation.confidence,
        source: relation.source,
        evidence: relation.evidence,
        create_time: convert::time(relation.created),
    }
}

impl Identity {
    pub(super) async fn relate(&self, message: pb::CreateRelationRequest) -> Result<pb::Relation, Problem> {
        let from = convert::person_id("person_id", &message.person_id)?;
        let to = convert::person_id("other_person_id", &message.other_person_id)?;
        let (from, to) = (self.living("person_id", from).await?, self.living("other_person_id", to).await?);
        if from == to {
            return Err(Problem::invalid_field("other_person_id", "is the same person as person_id"));
        }
        let request = convert::request_key("create_relation", &message.request_id, &message)
            .map(|request| Remembered { id: request.id, digest: request.digest });
        let ends = (End::Person(from), End::Person(to));
        let relation = Relation {
            id: RelationId::of(ends.0, ends.1, &message.kind, &message.source),
            from: ends.0,
            to: ends.1,
            kind: message.kind,
            confidence: message.confidence,
            source: message.source,
            evidence: message.evidence,
            created: self.clock.now(),
        };
        let id = relation.id;
        let batch = Batch { relations: vec![relation.clone()], request, ..Batch::default() };
        self.matching.records.write(batch).await?;
        // A retry after the relation was taken back answers what it answered then.
        let relation = self.matching.records.relations(&Relations::ById(id)).await?.pop().unwrap_or(relation);
        Ok(self::message(Seen { relation, persons: (from, to) }))
    }

    pub(super) async fn unrelate(&self, message: pb::DeleteRelationRequest) -> Result<(), Problem> {
        let id = RelationId::parse(&message.relation_id)
            .ok_or_else(|| Problem::invalid_field("relation_id", "is not a relation id: 32 hexadecimal digits"))?;
        let missing = || Problem::not_found("relation", &message.relation_id);
        self.matching.records.relations(&Relations::ById(id)).await?.pop().ok_or_else(missing)?;
        self.matching.records.write(Batch { unrelated: vec![id], ..Batch::default() }).await?;
        Ok(())
    }

    pub(super) async fn relations(
        &self,
        message: pb::ListRelationsRequest,
    ) -> Result<pb::ListRelationsResponse, Problem> {
        let person = self.person(convert::person_id("person_id", &message.person_id)?).await?;
        let size = page_size(message.page_size)?;
        let of = format!("relation:{}:{}", message.person_id, message.kind);
        let after = PageToken::decode(&of, &message.page_token)?;
        let mut seen = self.seen(&person).await?;
        seen.retain(|one| message.kind.is_empty() || one.relation.kind == message.kind);
        let start = match &after {
            // What the token names may be gone by now; the order is that of the list.
            Some(token) => seen.partition_point(|one| place(one, person.id) <= token.after),
            None => 0,
        };
        let page: Vec<Seen> = seen.iter().skip(start).take(size).cloned().collect();
        let more = seen.len() > start + page.len();
        let next_page_token = page
            .last()
            .filter(|_| more)
            .map(|last| PageToken::encode(&of, &place(last, person.id)))
            .unwrap_or_default();
        let household_id = self.household(&person).await?.unwrap_or_default();
        let relations = page.into_iter().map(self::message).collect();
        Ok(pb::ListRelationsResponse { relations, next_page_token, household_id })
    }

    /// The household that a person belongs to.
    pub(super) async fn household(&self, person: &Person) -> Result<Option<String>, Problem> {
        if person.erased.is_some() {
            return Ok(None);
        }
        let mut household = Household::of(person.id, self.matching.config.max_household);
        let mut persons = vec![person.clone()];
        household.take_open();
        loop {
            let ends: Vec<End> = persons.iter().flat_map(ends_of).collect();
            let mut relations = self.matching.records.relations(&Relations::At(ends)).await?;
            relations.retain(Relation::is_household);
            if relations.is_empty() {
                return Ok(household.id());
            }
            let ends: Vec<End> = relations.iter().flat_map(|one| [one.from, one.to]).collect();
            let at = self.ends(&ends).await?;
            let members: Vec<PersonId> = persons.iter().map(|person| person.id).collect();
            for relation in &relations {
                let (Some(from), Some(to)) = (at.get(&relation.from), at.get(&relation.to)) else { continue };
                // What neither of the members asked about is at belongs to somebody who took over an end meanwhile.
                if members.contains(from) || members.contains(to) {
                    household.add(*from);
                    household.add(*to);
                }
            }
            let next = household.take_open();
            if next.is_empty() {
                return Ok(household.id());
            }
            let view = self.store.view(&Lookup { persons: next, ..Lookup::default() }).await?;
            persons = view.persons.into_values().collect();
        }
    }

    async fn seen(&self, person: &Person) -> Result<Vec<Seen>, Problem> {
        let relations = self.matching.records.relations(&Relations::At(ends_of(person))).await?;
        if relations.is_empty() {
            return Ok(Vec::new());
        }
        let ends: Vec<End> = relations.iter().flat_map(|one| [one.from, one.to]).collect();
        let at = self.ends(&ends).await?;
        let mut seen = seen_from(person.id, relations, |end| at.get(end).copied());
        seen.sort_by_key(|one| place(one, person.id));
        Ok(seen)
    }

    async fn living(&self, field: &str, id: PersonId) -> Result<PersonId, Problem> {
        let person = self.person(id).await?;
        if person.erased.is_some() {
            let refused = Problem::from(Error::from(crate::domain::Refusal::PersonErased));
            return Err(refused.with("field", field));
        }
        Ok(person.id)
    }
}

/// The relation of two records that are of one household, with what they share as evidence.
pub(super) fn found_relation(
    active: &Active,
    one: &Examined,
    (other, form): (RecordKey, Option<&Prepared>),
    likeness: &Likeness,
    now: Timestamp,
) -> Relation {
    let (mut shared, mut family) = (Vec::new(), false);
    if let Some(form) = form {
        let steps = active.model.explain(&one.form, form).steps;
        for (step, role) in steps.into_iter().zip(active.model.roles()) {
            if step.weight > 0.0 {
                shared.push(step.field);
                family |= role == Role::FamilyName;
            }
        }
    }
    let kind = if family { FAMILY } else { SAME_ADDRESS };
    let evidence = if shared.is_empty() { String::new() } else { format!("alike: {}", shared.join(", ")) };
    Relation::found(one.record.key, other, kind, likeness.household, evidence, now)
}

/// What the list is ordered by: kind, the other person, direction and source.
fn place(seen: &Seen, person: PersonId) -> String {
    let (from, to) = seen.persons;
    let (other, direction) = if from == person { (to, '0') } else { (from, '1') };
    format!("{}\u{0}{other}{direction}{}", seen.relation.kind, seen.relation.source)
}
