//! Erasing what was said about a person.
//!
//! The graph forgets first. A crash before the records are gone leaves records that nobody holds, and reconciling, which
//! begins with the process, removes those.

use attune_kernel::{PersonId, Problem};
use tokio::sync::MutexGuard;

use super::records_of;
use crate::domain::matching::RecordKey;
use crate::grpc::Identity;

/// An erasure that has begun: nothing is written about anybody until it is over.
pub(in crate::grpc) struct Erasure<'a> {
    _turn: MutexGuard<'a, ()>,
    records: Vec<RecordKey>,
    persons: Vec<PersonId>,
}

impl Identity {
    /// Notes what a person has, before the graph forgets. With `only` the ids that the person was merged from stay.
    pub(in crate::grpc) async fn begin_erasure(&self, id: PersonId, only: bool) -> Result<Erasure<'_>, Problem> {
        let turn = self.matching.turn().await;
        let person = self.person(id).await?;
        let records = records_of(&person);
        let mut persons = vec![id];
        if !only {
            persons.extend(person.aliases.iter().copied().chain([person.id]));
        }
        Ok(Erasure { _turn: turn, records, persons })
    }

    /// Erases the records that nobody holds any more.
    pub(in crate::grpc) async fn finish_erasure(&self, erasure: Erasure<'_>) -> Result<(), Problem> {
        let held = self.holders(&erasure.records).await?;
        let gone: Vec<RecordKey> = erasure.records.iter().filter(|key| !held.contains_key(key)).copied().collect();
        self.matching.records.erase(&gone, &erasure.persons).await?;
        Ok(())
    }
}
