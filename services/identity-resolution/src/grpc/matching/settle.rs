//! Which matches hold around the records examined.

use rustc_hash::FxHashMap;

use super::compare::{Compared, Examined, Forms};
use super::{Active, Matching};
use crate::domain::matching::grouping::{group, weight_of};
use crate::domain::matching::plan::ordered;
use crate::domain::matching::{Pair, Picture, Plan, RecordKey, plan};
use crate::error::Error;
use crate::store::records::Reviews;

/// Least weight that an unknown likeness counts as, in bits: so unlike that no cluster takes it in.
const UNKNOWN: f32 = -40.0;

/// What was found out about the surroundings of the records examined.
pub(super) struct Settlement {
    /// Pairs and decisions.
    pub(super) picture: Picture,
    /// What is to be done so that the matches are right.
    pub(super) plan: Plan,
    /// The pairs of the plan: true for those asserted.
    changed: FxHashMap<(RecordKey, RecordKey), bool>,
}

impl Settlement {
    /// A pair in its final state, for storing.
    pub(super) fn pair(&self, one: RecordKey, other: RecordKey) -> Option<Pair> {
        let place = ordered(one, other);
        let pair = self.picture.pair(place)?;
        Some(Pair { linked: self.changed.get(&place).copied().unwrap_or(pair.linked), ..*pair })
    }
}

impl Matching {
    /// Gathers the components that the records at `places` belong to and plans which of their matches hold. Costs no
    /// round trip when none of them is stored and none is alike enough to link.
    pub(super) async fn settle(
        &self,
        active: &Active,
        examined: &[Examined],
        compared: &[Compared],
        forms: &mut Forms,
        places: &[usize],
    ) -> Result<Settlement, Error> {
        let link = active.thresholds.link;
        let mut picture = Picture::default();
        for &at in places {
            let (one, compared) = (&examined[at], &compared[at]);
            let kept = compared.alike.iter().filter(|(_, likeness)| active.thresholds.keeps(likeness));
            let pairs = kept.map(|(other, like)| Pair::new(one.record.key, *other, like.weight, like.probability));
            picture.examine(one.record.key, pairs, compared.stored.is_some());
            forms.insert(one.record.key, one.form.clone());
        }
        let limit = self.config.max_component.saturating_mul(places.len().max(1));
        loop {
            let next = picture.take_open(link, limit);
            if next.is_empty() {
                break;
            }
            let found = self.records.neighbourhood(&next).await?;
            for pair in found.pairs {
                picture.absorb(pair);
            }
            for (key, comparable) in found.records {
                if !forms.contains_key(&key)
                    && let Some(form) = active.form(&comparable)
                {
                    forms.insert(key, form);
                }
            }
        }
        let mut all = Plan::default();
        if !picture.components(link).is_empty() {
            for review in self.records.reviews(&Reviews::OfRecords(picture.reached())).await? {
                picture.constrain(&review);
            }
        }
        for component in picture.components(link) {
            let weight = |left: RecordKey, right: RecordKey| match (forms.get(&left), forms.get(&right)) {
                (Some(left), Some(right)) => narrow(active.likeness(left, right).weight),
                _ => picture.pair(ordered(left, right)).map_or(UNKNOWN, |pair| narrow(pair.weight)),
            };
            let one = plan(&component, &group(&component, link, &weight), link);
            all.assert.extend(one.assert);
            all.retract.extend(one.retract);
        }
        debug_assert!(all.assert.iter().all(|pair| pair.weight + 1e-3 >= weight_of(link)));
        let changed =
            |pairs: &[Pair], to: bool| -> Vec<_> { pairs.iter().map(|pair| ((pair.left, pair.right), to)).collect() };
        let changed = changed(&all.assert, true).into_iter().chain(changed(&all.retract, false)).collect();
        Ok(Settlement { picture, plan: all, changed })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a weight has far fewer digits than a float")]
fn narrow(weight: f64) -> f32 {
    weight as f32
}
