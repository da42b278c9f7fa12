//! The log in the embedded engine.

mod keys;
mod split;
mod write;

use async_trait::async_trait;
use attune_kernel::{DecisionId, PersonId};
use attune_storage::key::{KeyReader, key};
use attune_storage::{Engine, Reader, Scan, Space, StorageError};

use super::{Answered, Appended, Change, DecisionStore, Histories, Joined, Recorded, SCHEMA, codec};
use crate::domain::model::{Counts, Learned};
use crate::domain::moment::Span;
use crate::domain::record::Decision;
use crate::domain::report::History;
use crate::domain::response::Response;
use keys::Header;

/// The log of one data directory.
#[derive(Debug, Clone)]
pub(super) struct EmbeddedStore {
    engine: Engine,
    space: Space,
}

impl EmbeddedStore {
    pub(super) fn open(engine: &Engine) -> Result<Self, StorageError> {
        // Resources of the service live in a space of their own name.
        Ok(Self { engine: engine.clone(), space: engine.space(&format!("{SCHEMA}.log"))? })
    }

    fn read(&self, reader: &Reader, id: DecisionId) -> Result<Option<Decision>, StorageError> {
        let Some(value) = reader.get(&self.space, keys::decision(id))? else { return Ok(None) };
        let (header, body) = Header::split(&value)?;
        let mut decision = codec::decode(id, body)?;
        decision.person = header.is_person.then(|| PersonId::from_bytes(header.person));
        Ok(Some(decision))
    }

    fn answered(&self, reader: &Reader, id: DecisionId) -> Result<Option<Answered>, StorageError> {
        let Some(decision) = self.read(reader, id)? else { return Ok(None) };
        let mut responses = Vec::new();
        for (key, value) in reader.scan(&self.space, &Scan::prefix(keys::joined(id).build()))? {
            let mut key = KeyReader::new(&key);
            key.str()?;
            key.id()?;
            let moment = keys::moment(&mut key)?;
            let mut value = KeyReader::new(&value);
            let offer = value.str()?;
            let kind = codec::kind(value.u32()?)?;
            responses.push(Joined { offer, kind, value: f64::from_bits(value.u64()?), moment });
        }
        Ok(Some(Answered { decision, responses }))
    }

    /// The smallest person key after `after` that has anything of a sort.
    fn next_person(
        &self,
        reader: &Reader,
        sort: &str,
        after: Option<[u8; 16]>,
    ) -> Result<Option<[u8; 16]>, StorageError> {
        let mut scan = Scan::prefix(key().str(sort).build()).limit(1);
        if let Some(after) = after {
            // Every key of the person continues with an offer, whose bytes are all below this.
            let mut last = key().str(sort).id(after).build();
            last.extend_from_slice(&[0xFF; 8]);
            scan = scan.above(last);
        }
        let first = reader.scan(&self.space, &scan)?.into_iter().next();
        let person = |key: attune_storage::Value| {
            let mut key = KeyReader::new(&key);
            key.str()?;
            key.id()
        };
        first.map(|(key, _)| person(key)).transpose()
    }

    fn history(
        &self,
        reader: &Reader,
        person: [u8; 16],
        span: Span,
        entries: &mut Vec<(String, History)>,
    ) -> Result<(), StorageError> {
        let mut found: std::collections::BTreeMap<String, History> = std::collections::BTreeMap::new();
        for (key, _) in reader.scan(&self.space, &Scan::prefix(keys::receipts(person).build()))? {
            let (offer, moment) = offer_and_moment(&key)?;
            if span.contains(moment.time) {
                found.entry(offer).or_default().receipts.push(moment);
            }
        }
        for (key, value) in reader.scan(&self.space, &Scan::prefix(keys::responses(person).build()))? {
            let (offer, moment) = offer_and_moment(&key)?;
            if span.contains(moment.time) {
                let kind = codec::kind(KeyReader::new(&value).u32()?)?;
                found.entry(offer).or_default().responses.push((moment, kind));
            }
        }
        entries.extend(found);
        Ok(())
    }
}

fn offer_and_moment(key: &[u8]) -> Result<(String, crate::domain::moment::Moment), StorageError> {
    let mut key = KeyReader::new(key);
    key.str()?;
    key.id()?;
    Ok((key.str()?, keys::moment(&mut key)?))
}

#[async_trait]
impl DecisionStore for EmbeddedStore {
    async fn append(&self, decisions: Vec<Decision>) -> Result<Vec<Appended>, StorageError> {
        let space = self.space.clone();
        // Encoded here, so that the writer thread only writes.
        let encoded: Vec<(Decision, Vec<u8>)> = decisions
            .into_iter()
            .map(|decision| {
                let body = codec::encode(&decision);
                (decision, body)
            })
            .collect();
        self.engine.write(move |tx| write::append(tx, &space, &encoded)).await
    }

    async fn by_request(&self, request_id: &str) -> Result<Option<Decision>, StorageError> {
        let reader = self.engine.reader();
        match reader.get(&self.space, keys::request(request_id))? {
            Some(id) => self.read(&reader, DecisionId::from_bytes(keys::id_of(&id)?)),
            None => Ok(None),
        }
    }

    async fn decision(&self, id: DecisionId) -> Result<Option<Answered>, StorageError> {
        self.answered(&self.engine.reader(), id)
    }

    async fn of_person(
        &self,
        person: PersonId,
        after: Option<DecisionId>,
        limit: usize,
    ) -> Result<Vec<Answered>, StorageError> {
        let reader = self.engine.reader();
        let Some(person) = keys::today(person, |key| reader.get(&self.space, key))? else { return Ok(Vec::new()) };
        let mut ids = std::collections::BTreeSet::new();
        for place in write::places(person, person) {
            for (key, _) in reader.scan(&self.space, &Scan::prefix(place.from.clone()))? {
                if let write::Item::Decision(id) = place.item(&key)? {
                    ids.insert(id);
                }
            }
        }
        let later = ids.into_iter().filter(|id| after.is_none_or(|after| *id > after));
        let found = later.take(limit).map(|id| self.answered(&reader, id));
        found.filter_map(Result::transpose).collect()
    }

    async fn record(&self, responses: Vec<Response>) -> Result<Recorded, StorageError> {
        let space = self.space.clone();
        self.engine.write(move |tx| write::record(tx, &space, &responses)).await
    }

    async fn model(&self) -> Result<(u64, Vec<Learned>), StorageError> {
        let reader = self.engine.reader();
        let version = version_of(reader.get(&self.space, keys::version())?.as_deref())?;
        let mut learned = Vec::new();
        for (key, value) in reader.scan(&self.space, &Scan::prefix(key().str("m").build()))? {
            let mut key = KeyReader::new(&key);
            key.str()?;
            let (offer, channel) = (key.str()?, key.str()?);
            let mut value = KeyReader::new(&value);
            let counts = Counts { trials: value.u64()?, positives: value.u64()? };
            learned.push(Learned { offer, channel, counts });
        }
        Ok((version, learned))
    }

    async fn model_version(&self) -> Result<u64, StorageError> {
        version_of(self.engine.reader().get(&self.space, keys::version())?.as_deref())
    }

    async fn newest(
        &self,
        span: Span,
        before: Option<(i64, DecisionId)>,
        limit: usize,
    ) -> Result<Vec<Answered>, StorageError> {
        let reader = self.engine.reader();
        let mut scan = Scan::prefix(key().str("t").build())
            .at_least(keys::time(span.start.as_micros()).build())
            .below(keys::time(span.end.as_micros()).build())
            .reverse()
            .limit(limit);
        if let Some((time, id)) = before {
            scan = scan.below(keys::time(time).id(id.to_bytes()).build());
        }
        let mut found = Vec::new();
        for (key, _) in reader.scan(&self.space, &scan)? {
            let mut key = KeyReader::new(&key);
            key.str()?;
            key.i64()?;
            found.extend(self.answered(&reader, DecisionId::from_bytes(key.id()?))?);
        }
        Ok(found)
    }

    async fn histories(&self, span: Span, after: Option<[u8; 16]>, persons: usize) -> Result<Histories, StorageError> {
        let reader = self.engine.reader();
        let mut entries = Vec::new();
        let mut at = after;
        for _ in 0..persons {
            let next = [self.next_person(&reader, "o", at)?, self.next_person(&reader, "r", at)?];
            let Some(person) = next.into_iter().flatten().min() else {
                return Ok(Histories { entries, next: None });
            };
            self.history(&reader, person, span, &mut entries)?;
            at = Some(person);
        }
        Ok(Histories { entries, next: at })
    }

    async fn current_person(&self, person: PersonId) -> Result<Option<PersonId>, StorageError> {
        let reader = self.engine.reader();
        let today = keys::today(person, |key| reader.get(&self.space, key))?;
        Ok(today.map(PersonId::from_bytes))
    }

    async fn apply(&self, change: Change) -> Result<bool, StorageError> {
        let space = self.space.clone();
        self.engine.write(move |tx| write::apply(tx, &space, &change)).await
    }
}

fn version_of(value: Option<&[u8]>) -> Result<u64, StorageError> {
    value.map_or(Ok(0), |value| KeyReader::new(value).u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn passes_the_conformance_suite() {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::open(directory.path()).unwrap();
        let store = EmbeddedStore::open(&engine).unwrap();
        super::super::conformance::run(&store).await;
    }
}
