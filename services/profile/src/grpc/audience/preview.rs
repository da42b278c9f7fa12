//! How many satisfy a rule, before there is a segment.

use std::time::Instant;

use attune_audience::{Set, View};
use attune_kernel::Problem;
use attune_proto::profile::v1 as proto;

use super::persons::Rule;
use super::{Audiences, aside, count, share};
use crate::grpc::convert;

impl Audiences {
    /// Counts who satisfies a rule.
    pub(super) async fn preview(
        &self,
        request: proto::PreviewSegmentRequest,
    ) -> Result<proto::PreviewSegmentResponse, Problem> {
        let rule = Rule::new("expression", &request.expression)?;
        let (view, now) = (self.index.view()?, self.clock.now());
        aside(move || {
            let began = Instant::now();
            let found = rule.select(&view, now);
            let duration = began.elapsed();
            let (members, persons) = (found.len(), view.len());
            let conditions = if request.count_conditions { conditions(&rule, &view, now)? } else { Vec::new() };
            let wanted = usize::try_from(request.sample_size).unwrap_or_default();
            Ok(proto::PreviewSegmentResponse {
                member_count: count(members),
                person_count: count(persons),
                share: share(members, persons),
                sample_person_ids: sample(&view, &found, wanted),
                conditions,
                time: Some(convert::stamp(now)),
                duration: prost_types::Duration::try_from(duration).ok(),
            })
        })
        .await
    }
}

/// Each condition by itself and with those before it.
fn conditions(rule: &Rule, view: &View, now: attune_kernel::Timestamp) -> Result<Vec<proto::ConditionCount>, Problem> {
    let mut remaining = view.everybody();
    let mut counts = Vec::new();
    for (text, program) in rule.program.conditions() {
        let found = Rule::of(program)?.select(view, now);
        remaining = remaining.and(&found);
        counts.push(proto::ConditionCount {
            expression: text.to_owned(),
            member_count: count(found.len()),
            remaining_count: count(remaining.len()),
        });
    }
    Ok(counts)
}

/// Some of a set, evenly over it.
fn sample(view: &View, set: &Set, wanted: usize) -> Vec<String> {
    let members = set.len();
    let wanted = wanted.min(members);
    let mut next = 0;
    let mut ids = Vec::with_capacity(wanted);
    for (place, row) in set.iter().enumerate() {
        if next == wanted {
            break;
        }
        if place == next * members / wanted {
            ids.extend(view.person(row).map(str::to_owned));
            next += 1;
        }
    }
    ids
}
