//! Records examined again.
//!
//! What arrives in a stream is linked by what was known then; examining every record again under the model in use gives
//! what one bulk run gives. A record that nobody holds any more was erased in the graph while it was written: it goes.

use attune_kernel::Problem;
use attune_proto::identity::v1 as pb;
use attune_service_kit::crud::PageToken;
use rustc_hash::FxHashMap;

use super::compare::{Compared, Examined};
use super::resolving::considered;
use super::{Active, Matching};
use crate::domain::matching::record::{from_hex, hex};
use crate::domain::matching::{AttributeRecord, Pair, RecordKey};
use crate::error::Error;
use crate::grpc::Identity;

/// What a step of reconciling did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reconciled {
    /// Records examined.
    pub(crate) records: usize,
    /// Links made.
    pub(crate) links: usize,
    /// Links taken back.
    pub(crate) unlinks: usize,
    /// Reviews opened.
    pub(crate) reviews: usize,
    /// The record examined last; none when there was no further one.
    pub(crate) last: Option<RecordKey>,
}

/// Records of a call that names no number.
const STEP: usize = 1000;
/// Records examined under one turn, so that interactions get theirs.
const TURN: usize = 100;

impl Identity {
    /// Answers a call: examines records in several turns.
    pub(in crate::grpc) async fn reconcile_step(
        &self,
        message: pb::ReconcileRequest,
    ) -> Result<pb::ReconcileResponse, Problem> {
        let most = usize::try_from(message.max_records).ok().filter(|most| *most > 0).unwrap_or(STEP);
        let mut after = match PageToken::decode("reconcile", &message.page_token)? {
            Some(token) => {
                let bad = || Problem::invalid_field("page_token", "is not a token of this list");
                Some(RecordKey::cut(&from_hex(&token.after).ok_or_else(bad)?))
            }
            None => None,
        };
        let mut all = Reconciled::default();
        while all.records < most {
            let done = self.reconcile_after(after, TURN.min(most - all.records)).await?;
            all.records += done.records;
            all.links += done.links;
            all.unlinks += done.unlinks;
            all.reviews += done.reviews;
            all.last = done.last;
            after = done.last;
            if after.is_none() {
                break;
            }
        }
        let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        Ok(pb::ReconcileResponse {
            records: count(all.records),
            links: count(all.links),
            unlinks: count(all.unlinks),
            reviews: count(all.reviews),
            next_page_token: all.last.map(|key| PageToken::encode("reconcile", &hex(&key.0))).unwrap_or_default(),
        })
    }

    /// Examines the next `limit` records after one.
    pub(crate) async fn reconcile_after(&self, after: Option<RecordKey>, limit: usize) -> Result<Reconciled, Problem> {
        let _turn = self.matching.turn().await;
        let page = self.matching.records.page(after, limit).await?;
        let (count, last) = (page.len(), page.last().map(|record| record.key));
        let keys: Vec<RecordKey> = page.iter().map(|record| record.key).collect();
        let held = self.holders(&keys).await?;
        let (page, orphans): (Vec<AttributeRecord>, Vec<AttributeRecord>) =
            page.into_iter().partition(|record| held.contains_key(&record.key));
        if !orphans.is_empty() {
            let keys: Vec<RecordKey> = orphans.iter().map(|record| record.key).collect();
            self.matching.records.erase(&keys, &[]).await?;
        }
        let mut done = self.examine(page).await?;
        self.metrics.reconciled.add(count as u64, &[]);
        (done.records, done.last) = (count, last.filter(|_| count == limit));
        Ok(done)
    }

    /// Examines stored records.
    async fn examine(&self, page: Vec<AttributeRecord>) -> Result<Reconciled, Error> {
        let now = self.clock.now();
        let active = self.matching.active();
        let mut examined = Vec::with_capacity(page.len());
        for record in page {
            if let Some(form) = active.form_of(&record) {
                examined.extend(active.renewed(Examined { record, form, visible: true }));
            }
        }
        let (compared, mut forms) = self.matching.compare(&active, &examined, &self.metrics).await?;
        let all: Vec<usize> = (0..examined.len()).collect();
        let settled = self.matching.settle(&active, &examined, &compared, &mut forms, &all).await?;
        self.carry_out(&active, &settled.plan, now).await?;
        let changed = self.matching.outdated(&active, &examined, &compared).await?;
        let holders = self.holders(&considered(&examined, &compared, &settled)).await?;
        let (_, reviews) =
            self.write_findings(&active, &examined, &compared, (&settled, &forms), &changed, &holders, now).await?;
        let (links, unlinks) = (settled.plan.assert.len(), settled.plan.retract.len());
        Ok(Reconciled { links, unlinks, reviews, ..Reconciled::default() })
    }
}

impl Matching {
    /// The places of the records of which something else is stored than what was found now.
    async fn outdated(
        &self,
        active: &Active,
        examined: &[Examined],
        compared: &[Compared],
    ) -> Result<Vec<usize>, Error> {
        let keys: Vec<RecordKey> = examined.iter().map(|one| one.record.key).collect();
        let mut stored: FxHashMap<RecordKey, Vec<Pair>> = FxHashMap::default();
        for pair in self.records.neighbourhood(&keys).await?.pairs {
            stored.entry(pair.left).or_default().push(pair);
            stored.entry(pair.right).or_default().push(pair);
        }
        let is_outdated = |place: &usize| {
            let (one, compared) = (&examined[*place], &compared[*place]);
            if compared.stored.as_ref().is_none_or(|stored| stored.model != active.mark) {
                return true;
            }
            let before = stored.get(&one.record.key).map_or(&[][..], Vec::as_slice);
            let now: Vec<_> = compared.alike.iter().filter(|(_, likeness)| active.thresholds.keeps(likeness)).collect();
            let agrees = |(other, likeness): &&(RecordKey, crate::domain::matching::Likeness)| {
                let same = |pair: &&Pair| pair.other(one.record.key) == *other;
                before.iter().find(same).is_some_and(|pair| (pair.weight - likeness.weight).abs() < 1e-9)
            };
            now.len() != before.len() || !now.iter().all(agrees)
        };
        Ok((0..examined.len()).filter(is_outdated).collect())
    }
}
