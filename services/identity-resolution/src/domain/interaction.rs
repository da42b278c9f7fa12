//! Raw identifiers made into the candidates of one resolution.

use attune_kernel::{Personal, Timestamp};

use super::limit::{Hit, Limit};
use super::matching::NAMESPACE;
use super::namespace::{Rules, Strength};
use super::normalize::{keyed_hash, normalize};
use super::person::IdentifierKey;
use super::refusal::{Fault, Refusal};

/// An identifier as the source has it.
#[derive(Debug, Clone)]
pub struct Raw {
    /// The namespace.
    pub namespace: String,
    /// The value.
    pub value: Personal<String>,
}

/// A usable identifier of an interaction.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Position in the request.
    pub index: usize,
    /// What it is found by.
    pub key: IdentifierKey,
    /// What its tombstone would be found by.
    pub tombstone: IdentifierKey,
    /// Its namespace.
    pub namespace: String,
    /// Its normalized value.
    pub value: Personal<String>,
    /// Priority of the namespace.
    pub priority: u32,
    /// Whether the namespace is strong.
    pub strong: bool,
}

/// Identifiers seen together.
#[derive(Debug, Clone)]
pub struct Interaction {
    /// The usable identifiers, each once, by priority and key.
    pub candidates: Vec<Candidate>,
    /// The identifiers that are blocked.
    pub blocked: Vec<Hit>,
    /// When they were seen.
    pub event_time: Timestamp,
    /// Whether the source said when; otherwise it is the time of the call.
    pub is_timed: bool,
    /// Who saw them.
    pub source: String,
    /// The time of the call.
    pub now: Timestamp,
    /// Random bits for the id of a person who may have to be created.
    pub entropy: u128,
    /// Whether nothing may change.
    pub read_only: bool,
}

/// Normalizes identifiers: the usable ones, each once, strongest first, and the blocked ones.
///
/// # Errors
/// [`Refusal::Malformed`] with every malformed identifier.
pub fn candidates(rules: &Rules, raw: &[Raw]) -> Result<(Vec<Candidate>, Vec<Hit>), Refusal> {
    let mut faults = Vec::new();
    let mut usable: Vec<Candidate> = Vec::with_capacity(raw.len());
    let mut blocked = Vec::new();
    for (index, one) in raw.iter().enumerate() {
        let policy = rules.namespaces.get(&one.namespace).filter(|_| one.namespace != NAMESPACE);
        let Some(policy) = policy else {
            faults.push(Fault::UnknownNamespace(index));
            continue;
        };
        let value = one.value.expose();
        if value.trim().is_empty() || value.chars().any(char::is_control) {
            faults.push(Fault::BadValue(index));
            continue;
        }
        match normalize(rules, policy, value) {
            Ok(value) => {
                let key = IdentifierKey::of(&one.namespace, &value);
                if usable.iter().all(|other| other.key != key) {
                    usable.push(Candidate {
                        index,
                        key,
                        tombstone: tombstone(rules, key),
                        namespace: one.namespace.clone(),
                        value: Personal::new(value),
                        priority: policy.priority,
                        strong: policy.strength == Strength::Strong,
                    });
                }
            }
            Err(_) => blocked.push(Hit { index, namespace: one.namespace.clone(), limit: Limit::BlockedValue }),
        }
    }
    if !faults.is_empty() {
        return Err(Refusal::Malformed(faults));
    }
    usable.sort_by_key(|candidate| (candidate.priority, candidate.key));
    Ok((usable, blocked))
}

/// What the tombstone of an erased identifier is found by. Keyed, because an e-mail address or a phone number is guessed
/// from an unkeyed hash in no time.
#[must_use]
pub fn tombstone(rules: &Rules, key: IdentifierKey) -> IdentifierKey {
    IdentifierKey::cut(&keyed_hash(&rules.hash_key, &key.0))
}
