//! Candidates from the store, scored in one pass.

use attune_matching::Prepared;
use rustc_hash::FxHashMap;

use super::{Active, Matching};
use crate::domain::matching::{AttributeRecord, Likeness, RecordKey};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::store::records::{Comparable, Wanted};

/// How many records are scored before others get their turn.
const BREATH: usize = 32;

/// A record to be compared with what is known.
pub(in crate::grpc) struct Examined {
    /// The record as it is to be stored.
    pub(in crate::grpc) record: AttributeRecord,
    /// Its form under the model in use.
    pub(in crate::grpc) form: Prepared,
    /// Whether it is seen as a candidate by records of the same chunk: false for one that is only looked up.
    pub(in crate::grpc) visible: bool,
}

/// What a record was compared with.
#[derive(Default)]
pub(super) struct Compared {
    /// Candidates that are somewhat alike, best first.
    pub(super) alike: Vec<(RecordKey, Likeness)>,
    /// What is stored under the key of the record.
    pub(super) stored: Option<Comparable>,
}

/// Forms by record.
pub(super) type Forms = FxHashMap<RecordKey, Prepared>;

/// Least probability, of a match or of a household, at which a candidate is remembered.
const LEAST: f64 = 0.01;

impl Matching {
    /// Compares records with the candidates that share a block: those in the store, in one round trip, and those of this
    /// very chunk.
    ///
    /// Answers also the forms of the candidates that are somewhat alike.
    pub(super) async fn compare(
        &self,
        active: &Active,
        examined: &[Examined],
        metrics: &Metrics,
    ) -> Result<(Vec<Compared>, Forms), Error> {
        let wanted: Vec<Wanted> =
            examined.iter().map(|one| Wanted { key: one.record.key, blocks: one.record.blocks.clone() }).collect();
        let found = self.records.candidates(&wanted, self.config.max_block).await?;
        // Of two versions in one chunk the later one counts; the earlier one is compared as if it were alone.
        let mut members: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
        let mut latest: FxHashMap<RecordKey, usize> = FxHashMap::default();
        for (at, one) in examined.iter().enumerate().filter(|(_, one)| one.visible) {
            latest.insert(one.record.key, at);
            for block in &one.record.blocks {
                members.entry(*block).or_default().push(at);
            }
        }
        let mut forms: FxHashMap<RecordKey, Option<Prepared>> = FxHashMap::default();
        let mut kept = Forms::default();
        let mut compared = Vec::with_capacity(examined.len());
        for (at, (one, stored)) in examined.iter().zip(&found.of).enumerate() {
            if at % BREATH == BREATH - 1 {
                tokio::task::yield_now().await;
            }
            let mut alike = Vec::new();
            let mut take = |key: RecordKey, form: &Prepared| {
                let likeness = active.likeness(&one.form, form);
                if likeness.probability.max(likeness.household) >= LEAST {
                    alike.push((key, likeness));
                    kept.entry(key).or_insert_with(|| form.clone());
                }
            };
            for key in stored.iter().filter(|key| !latest.contains_key(key)) {
                let form = forms
                    .entry(*key)
                    .or_insert_with(|| found.records.get(key).and_then(|comparable| active.form(comparable)));
                if let Some(form) = form {
                    take(*key, form);
                }
            }
            let near = one.record.blocks.iter().filter_map(|block| members.get(block));
            let near = near.filter(|members| members.len() <= self.config.max_block);
            let mut near: Vec<usize> = near.flatten().copied().collect();
            near.sort_unstable();
            near.dedup();
            for other in near {
                let other_key = examined[other].record.key;
                if other_key != one.record.key && latest.get(&other_key) == Some(&other) {
                    take(other_key, &examined[other].form);
                }
            }
            alike
                .sort_by(|(key, one), (other_key, other)| other.weight.total_cmp(&one.weight).then(key.cmp(other_key)));
            compared.push(Compared { alike, stored: found.records.get(&one.record.key).cloned() });
        }
        let scored = found.of.iter().map(Vec::len).sum::<usize>() as u64;
        metrics.candidates.add(scored, &[]);
        metrics.oversized_blocks.add(found.oversized, &[]);
        Ok((compared, kept))
    }
}
