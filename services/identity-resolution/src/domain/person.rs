//! A person and what is known of them: identifiers, what was seen together, what was claimed.

use std::fmt;

use attune_kernel::{PersonId, Personal, Timestamp};
use sha2::{Digest as _, Sha256};

use super::claim::Claim;
use super::namespace::Rules;

/// The first 128 bits of SHA-256 over namespace and normalized value: what an identifier is found by. No personal value
/// stands in an index, in the audit trail or in a tombstone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentifierKey(pub [u8; 16]);

impl IdentifierKey {
    /// The key of a normalized value.
    #[must_use]
    pub fn of(namespace: &str, value: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(namespace.as_bytes());
        hash.update([0]);
        hash.update(value.as_bytes());
        Self::cut(&hash.finalize())
    }

    /// The first 16 bytes of a hash.
    #[must_use]
    pub fn cut(hash: &[u8]) -> Self {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(hash) {
            *to = *from;
        }
        Self(bytes)
    }
}

impl fmt::Debug for IdentifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// The strongest other identifier of an interaction: what tells with how many persons an identifier was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Anchor {
    /// Its namespace, a strong one.
    pub namespace: String,
    /// What it is found by.
    pub key: IdentifierKey,
}

/// An identifier as a person holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What it is found by.
    pub key: IdentifierKey,
    /// Its namespace.
    pub namespace: String,
    /// Its normalized value.
    pub value: Personal<String>,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen, coarsely.
    pub last_seen: Timestamp,
    /// The source that brought it first.
    pub source: String,
    /// From when on its holder holds it, by the time of the events.
    pub since: Timestamp,
    /// True once it was seen with more persons than its namespace allows: it links nobody any more.
    pub over: bool,
    /// The anchors it was seen with, while its namespace sets a limit that it does not exceed; at most the limit of each
    /// namespace.
    pub anchors: Vec<Anchor>,
}

/// Two identifiers that were seen together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The identifier with the smaller key.
    pub a: IdentifierKey,
    /// The identifier with the greater key.
    pub b: IdentifierKey,
    /// When they were first seen together.
    pub first: Timestamp,
    /// When they were last seen together.
    pub last: Timestamp,
    /// The source that saw them first.
    pub source: String,
}

impl Edge {
    /// The other end.
    #[must_use]
    pub fn other(&self, key: IdentifierKey) -> IdentifierKey {
        if self.a == key { self.b } else { self.a }
    }
}

/// A person id that was given out, and where it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The id.
    pub id: PersonId,
    /// When it was given out.
    pub created: Timestamp,
    /// The identifier it lives at: the id names whoever holds that.
    pub home: IdentifierKey,
    /// The identifier it was given out for.
    pub birth: IdentifierKey,
}

impl Issued {
    /// What makes one id older than another.
    #[must_use]
    pub const fn age(&self) -> (Timestamp, PersonId) {
        (self.created, self.id)
    }
}

/// When and where in the feed a person was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// When.
    pub time: Timestamp,
    /// The offset of the erasure in the change feed.
    pub offset: u64,
}

/// A surviving person.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// The surviving id.
    pub id: PersonId,
    /// When the person was first seen.
    pub created: Timestamp,
    /// When the person last changed.
    pub updated: Timestamp,
    /// Set when the person was erased; such a person holds nothing for ever.
    pub erased: Option<Erased>,
    /// What the person holds, ordered by namespace and value.
    pub identifiers: Vec<Held>,
    /// Ids merged into this one, ascending.
    pub aliases: Vec<PersonId>,
    /// Every id of the person with its home, the oldest first; empty when erased.
    pub ids: Vec<Issued>,
    /// What was seen together with at least one end here, by keys.
    pub edges: Vec<Edge>,
    /// What was claimed of at least one identifier here.
    pub claims: Vec<Claim>,
}

impl Person {
    /// Whether the person has, or had when they were erased, this id.
    #[must_use]
    pub fn is(&self, id: PersonId) -> bool {
        self.id == id || self.aliases.binary_search(&id).is_ok()
    }

    /// The identifier with this key.
    #[must_use]
    pub fn held(&self, key: IdentifierKey) -> Option<&Held> {
        self.identifiers.iter().find(|held| held.key == key)
    }

    /// How many identifiers of a namespace the person holds.
    #[must_use]
    pub fn count(&self, namespace: &str) -> usize {
        self.identifiers.iter().filter(|held| held.namespace == namespace).count()
    }

    /// Whether a strong identifier names the person.
    #[must_use]
    pub fn is_known(&self, rules: &Rules) -> bool {
        self.identifiers.iter().any(|held| !held.over && rules.is_strong(&held.namespace))
    }

    /// Where the surviving id lives.
    #[must_use]
    pub fn home(&self) -> Option<IdentifierKey> {
        self.ids.first().map(|issued| issued.home)
    }

    /// The edge between two identifiers.
    #[must_use]
    pub fn edge(&self, one: IdentifierKey, other: IdentifierKey) -> Option<&Edge> {
        let pair = if one < other { (one, other) } else { (other, one) };
        self.edges.binary_search_by(|edge| (edge.a, edge.b).cmp(&pair)).ok().map(|at| &self.edges[at])
    }

    /// The keys at the far ends of edges and claims, some of them held here.
    pub fn neighbours(&self) -> impl Iterator<Item = IdentifierKey> + '_ {
        let edges = self.edges.iter().flat_map(|edge| [edge.a, edge.b]);
        edges.chain(self.claims.iter().flat_map(|claim| claim.left.iter().chain(&claim.right).copied()))
    }

    /// When the first of the edges ends that have a time to live.
    #[must_use]
    pub fn expires(&self, rules: &Rules) -> Option<Timestamp> {
        if !rules.expires {
            return None;
        }
        let namespace = |key| self.held(key).map(|held| held.namespace.as_str());
        let of = |edge: &Edge| {
            [edge.a, edge.b].into_iter().filter_map(namespace).filter_map(|one| rules.time_to_live(one)).min()
        };
        self.edges.iter().filter_map(|edge| Some(edge.last.plus(of(edge)?))).min()
    }
}
