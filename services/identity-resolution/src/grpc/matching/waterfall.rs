//! How a weight comes about.

use attune_kernel::Problem;
use attune_proto::identity::v1 as pb;

use super::{Active, records_of};
use crate::domain::Person;
use crate::domain::matching::AttributeRecord;
use crate::grpc::Identity;

/// Most records of a person that are compared for an explanation, the latest ones.
const RECORDS: usize = 12;
/// Most waterfalls of an answer.
const WATERFALLS: usize = 3;

impl Active {
    /// How alike two records are, field by field; none when one of them says nothing to the model in use.
    pub(crate) fn waterfall(&self, left: &AttributeRecord, right: &AttributeRecord) -> Option<pb::Waterfall> {
        let found = self.model.explain(&self.form_of(left)?, &self.form_of(right)?);
        let steps = found.steps.into_iter().map(|step| pb::WaterfallStep {
            field: step.field,
            level: step.level,
            weight: step.weight,
            term_frequency_weight: step.term_frequency,
        });
        Some(pb::Waterfall {
            model_version: self.version.clone(),
            prior_weight: found.prior,
            steps: steps.collect(),
            match_weight: found.weight,
            probability: found.probability,
        })
    }
}

impl Identity {
    /// How alike the records of two persons are, the best pair first; of one person's, when both are the same.
    pub(in crate::grpc) async fn waterfalls(
        &self,
        one: &Person,
        other: &Person,
    ) -> Result<Vec<pb::Waterfall>, Problem> {
        let active = self.matching.active();
        let left = self.latest(one).await?;
        let right = if one.id == other.id { Vec::new() } else { self.latest(other).await? };
        let mut found: Vec<pb::Waterfall> = Vec::new();
        for (at, one) in left.iter().enumerate() {
            let others = if right.is_empty() { &left[at + 1..] } else { &right[..] };
            found.extend(others.iter().filter_map(|other| active.waterfall(one, other)));
        }
        found.sort_by(|one, other| other.match_weight.total_cmp(&one.match_weight));
        found.truncate(WATERFALLS);
        Ok(found)
    }

    async fn latest(&self, person: &Person) -> Result<Vec<AttributeRecord>, Problem> {
        let keys = records_of(person);
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut records = self.matching.records.records(&keys).await?;
        records.sort_by_key(|record| (std::cmp::Reverse(record.event_time), record.key));
        records.truncate(RECORDS);
        Ok(records)
    }
}
