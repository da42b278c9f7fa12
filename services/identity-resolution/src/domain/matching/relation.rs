//! Persons who are two and belong together.

use std::collections::BTreeMap;

use attune_kernel::{PersonId, Timestamp};
use sha2::{Digest as _, Sha256};

use super::record::{RecordKey, from_hex, hex};

/// Two persons of one household who share a family name.
pub const FAMILY: &str = "family";
/// Two persons of one household.
pub const SAME_ADDRESS: &str = "same_address";
/// The source of relations that matching finds.
pub const MATCHING: &str = "matching";

/// One end of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// A person by the id that was named, which may have been merged since.
    Person(PersonId),
    /// Whoever a record belongs to.
    Record(RecordKey),
}

impl End {
    /// The end as 17 bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 17] {
        let mut bytes = [0; 17];
        let (tag, id) = match self {
            Self::Person(id) => (1, id.to_bytes()),
            Self::Record(key) => (2, key.0),
        };
        bytes[0] = tag;
        bytes[1..].copy_from_slice(&id);
        bytes
    }

    /// The inverse of [`to_bytes`](Self::to_bytes).
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, id) = bytes.split_first()?;
        let id: [u8; 16] = id.try_into().ok()?;
        match tag {
            1 => Some(Self::Person(PersonId::from_bytes(id))),
            2 => Some(Self::Record(RecordKey::cut(&id))),
            _ => None,
        }
    }
}

/// The id of a relation: a hash of its ends, kind and source, so that declaring it again replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelationId(pub [u8; 16]);

impl RelationId {
    /// The relation from one end to another.
    #[must_use]
    pub fn of(from: End, to: End, kind: &str, source: &str) -> Self {
        let mut hash = Sha256::new_with_prefix(b"relation");
        hash.update(from.to_bytes());
        hash.update(to.to_bytes());
        for part in [kind, source] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(RecordKey::cut(&hash.finalize()).0)
    }

    /// The id of its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }

    /// The id as text.
    #[must_use]
    pub fn text(self) -> String {
        hex(&self.0)
    }
}

/// A relation as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// Its id.
    pub id: RelationId,
    /// From whom it goes.
    pub from: End,
    /// To whom.
    pub to: End,
    /// Its kind.
    pub kind: String,
    /// How sure it is, from 0 to 1.
    pub confidence: f64,
    /// Who declared it, or [`MATCHING`].
    pub source: String,
    /// What supports it.
    pub evidence: String,
    /// When it was found or declared.
    pub created: Timestamp,
}

impl Relation {
    /// A relation that matching found between two records.
    #[must_use]
    pub fn found(
        one: RecordKey,
        other: RecordKey,
        kind: &str,
        confidence: f64,
        evidence: String,
        now: Timestamp,
    ) -> Self {
        let (left, right) = super::plan::ordered(one, other);
        let (from, to) = (End::Record(left), End::Record(right));
        let id = RelationId::of(from, to, kind, MATCHING);
        let (kind, source) = (kind.to_owned(), MATCHING.to_owned());
        Self { id, from, to, kind, confidence, source, evidence, created: now }
    }

    /// Whether it says that two live together.
    #[must_use]
    pub fn is_household(&self) -> bool {
        self.source == MATCHING || self.kind == SAME_ADDRESS
    }
}

/// A relation as it looks from a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The relation.
    pub relation: Relation,
    /// The person from whom it goes, and to whom.
    pub persons: (PersonId, PersonId),
}

/// The relations of a person by kind and other person; those between the same two that are alike in kind, direction and
/// source count once, by the surest. `holder` says who is at an end now; what nobody is at, or both ends of which are one
/// person by now, is left out.
#[must_use]
pub fn seen_from(person: PersonId, relations: Vec<Relation>, holder: impl Fn(&End) -> Option<PersonId>) -> Vec<Seen> {
    let mut best: BTreeMap<(String, PersonId, bool, String), Seen> = BTreeMap::new();
    for relation in relations {
        let (Some(from), Some(to)) = (holder(&relation.from), holder(&relation.to)) else { continue };
        if from == to || (from != person && to != person) {
            continue;
        }
        // What matching finds has no direction: it goes from whoever is asked about.
        let found = relation.source == MATCHING;
        let outward = found || from == person;
        let other = if from == person { to } else { from };
        let persons = if outward { (person, other) } else { (other, person) };
        let place = (relation.kind.clone(), other, !outward, relation.source.clone());
        let seen = Seen { relation, persons };
        let better = |kept: &Seen| {
            let order = seen.relation.confidence.total_cmp(&kept.relation.confidence);
            order.then(kept.relation.id.cmp(&seen.relation.id)).is_gt()
        };
        if best.get(&place).is_none_or(better) {
            best.insert(place, seen);
        }
    }
    best.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(of: u128) -> PersonId {
        PersonId::from_parts(Timestamp::from_micros(0), of)
    }

    #[test]
    fn ends_round_trip() {
        for end in [End::Person(person(7)), End::Record(RecordKey::cut(&[9; 16]))] {
            assert_eq!(End::from_bytes(&end.to_bytes()), Some(end));
        }
        assert_eq!(End::from_bytes(&[3; 17]), None);
        assert_eq!(End::from_bytes(&[1; 16]), None);
    }

    #[test]
    fn a_person_has_each_relation_once_and_none_to_themselves() {
        let record = |of: u8| RecordKey::cut(&[of; 16]);
        let now = Timestamp::from_micros(1);
        let found = |one, other, confidence| {
            Relation::found(record(one), record(other), FAMILY, confidence, String::new(), now)
        };
        let declared = Relation {
            from: End::Person(person(2)),
            to: End::Person(person(1)),
            kind: "employer".to_owned(),
            source: "crm".to_owned(),
            ..found(8, 9, 1.0)
        };
        // Records 1 and 2 are person 1's, 3 is person 2's, 4 was erased.
        let holder = |end: &End| match end {
            End::Person(id) => Some(*id),
            End::Record(key) => [None, Some(1), Some(1), Some(2), None][usize::from(key.0[0])].map(person),
        };
        let all = vec![found(1, 3, 0.8), found(2, 3, 0.9), found(1, 2, 1.0), found(1, 4, 1.0), declared.clone()];
        let seen = seen_from(person(1), all.clone(), holder);
        let short: Vec<_> = seen.iter().map(|one| (one.relation.kind.as_str(), one.persons)).collect();
        assert_eq!(short, [("employer", (person(2), person(1))), (FAMILY, (person(1), person(2)))]);
        assert!((seen[1].relation.confidence - 0.9).abs() < 1e-12);
        let back = seen_from(person(2), all, holder);
        assert_eq!(back[1].persons, (person(2), person(1)));
        assert!(!declared.is_household() && seen[1].relation.is_household());
    }
}
