//! In what two sets of persons differ, how segments overlap, who is like a set.

use std::collections::BTreeSet;

use attune_audience::lookalike::{Options, lookalike};
use attune_audience::{Difference, Finding, NothingToCompare, Overlap, Set, compare_in};
use attune_kernel::{Problem, Violation};
use attune_proto::profile::v1 as proto;

use super::{Audiences, aside, count};
use crate::domain::audience::{SEGMENTS, named};
use crate::error::Error;

/// Differences that are told when nobody says how many.
const DIFFERENCES: usize = 50;
/// Persons who are found when nobody says how many.
const FOUND: usize = 100;
/// The most persons who are found.
const MOST_FOUND: usize = 40_000;
/// Drivers that are told.
const DRIVERS: usize = 50;

impl Audiences {
    /// The traits in which two sets differ.
    pub(super) async fn compare(
        &self,
        request: proto::CompareSegmentsRequest,
    ) -> Result<proto::CompareSegmentsResponse, Problem> {
        let others = request.other.is_some();
        let sets = [("one", request.one), ("other", request.other)];
        let asked = self.asked(sets.into_iter().filter_map(|(field, set)| Some((field, set?))).collect()).await?;
        let most = usize::try_from(request.max_differences).ok().filter(|most| *most > 0).unwrap_or(DIFFERENCES);
        aside(move || {
            let one = asked.set(0);
            let other = if others { asked.set(1) } else { asked.view.everybody().and_not(&one) };
            // Membership of segments is what is compared, not a trait.
            let wanted = |name: &str| name != SEGMENTS && !named(&request.ignore, name);
            let found = compare_in(&asked.view, &one, &other, wanted)
                .map_err(|NothingToCompare| Problem::invalid_field("other", "one of the two has nobody of its own"))?;
            Ok(proto::CompareSegmentsResponse {
                one_count: count(found.sizes[0]),
                other_count: count(found.sizes[1]),
                shared_count: count(found.shared),
                trait_count: i32::try_from(found.differences.len()).unwrap_or(i32::MAX),
                differences: found.differences.iter().take(most).map(difference).collect(),
            })
        })
        .await
    }

    /// How many members each pair of segments has in common.
    pub(super) async fn overlap(
        &self,
        request: proto::GetSegmentOverlapRequest,
    ) -> Result<proto::GetSegmentOverlapResponse, Problem> {
        let view = self.index.view()?;
        let known = self.rules.get().await?;
        let mut seen = BTreeSet::new();
        for (at, id) in request.segment_ids.iter().enumerate() {
            if !seen.insert(id) {
                let field = format!("segment_ids[{at}]");
                return Err(Problem::invalid(vec![Violation::new(field, "stands there twice")]));
            }
            if !known.segments().iter().any(|segment| segment.id() == id) {
                return Err(Error::NoSegment(id.clone()).into());
            }
        }
        drop(known);
        aside(move || {
            let sets: Vec<Set> = request.segment_ids.iter().map(|id| view.holding(SEGMENTS, id)).collect();
            let overlap = Overlap::of(&sets.iter().collect::<Vec<_>>());
            let row = |one: usize| proto::OverlapRow {
                counts: (0..sets.len()).map(|other| overlap.common(one, other).cast_signed()).collect(),
            };
            Ok(proto::GetSegmentOverlapResponse {
                rows: (0..sets.len()).map(row).collect(),
                segment_ids: request.segment_ids,
                person_count: count(view.len()),
            })
        })
        .await
    }

    /// Who is like a set.
    pub(super) async fn lookalikes(
        &self,
        request: proto::FindLookalikesRequest,
    ) -> Result<proto::FindLookalikesResponse, Problem> {
        if request.share > 0.0 && request.size > 0 {
            return Err(Problem::invalid_field("share", "is for requests without a size"));
        }
        let sets = [("seed", request.seed), ("candidates", request.candidates)];
        let asked = self.asked(sets.into_iter().filter_map(|(field, set)| Some((field, set?))).collect()).await?;
        let ignore = request.ignore;
        aside(move || {
            let seed = asked.set(0);
            let candidates = asked.set(1).and_not(&seed);
            let wanted = match usize::try_from(request.size).unwrap_or_default() {
                0 if request.share > 0.0 => part(candidates.len(), request.share),
                0 => FOUND,
                size => size,
            };
            let options = Options {
                ignore: asked
                    .view
                    .column_names()
                    .filter(|name| *name == SEGMENTS || named(&ignore, name))
                    .map(str::to_owned)
                    .collect(),
                seed: request.random_seed.cast_unsigned(),
                ..Options::default()
            };
            let found = lookalike(&asked.view, &seed, &candidates, wanted.min(MOST_FOUND), &options)
                .map_err(|error| Problem::invalid_field("seed", error.to_string()))?;
            let one = |(row, score): &(u32, f64)| {
                Some(proto::Lookalike { person_id: asked.view.person(*row)?.to_owned(), score: *score })
            };
            let driver =
                |(column, weight): &(String, f64)| proto::LookalikeDriver { column: column.clone(), weight: *weight };
            Ok(proto::FindLookalikesResponse {
                lookalikes: found.found.iter().filter_map(one).collect(),
                seed_count: count(seed.len()),
                candidate_count: count(candidates.len()),
                quality: Some(proto::LookalikeQuality {
                    member_count: count(found.quality.members),
                    other_count: count(found.quality.others),
                    auc: found.quality.auc,
                    lift: found.quality.lift,
                }),
                drivers: found.drivers.iter().take(DRIVERS).map(driver).collect(),
            })
        })
        .await
    }
}

/// How many a share is, at least one.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of persons"
)]
fn part(of: usize, share: f64) -> usize {
    ((of as f64 * share).round() as usize).max(1)
}

fn difference(one: &Difference) -> proto::SegmentDifference {
    let mut said = proto::SegmentDifference {
        name: one.name.clone(),
        effect: one.effect,
        test: "chi_square".to_owned(),
        p_value: one.p,
        adjusted_p_value: one.adjusted,
        ..proto::SegmentDifference::default()
    };
    match &one.finding {
        Finding::Number { means, ranks, .. } => {
            "rank".clone_into(&mut said.test);
            said.delta = Some(ranks.delta);
            said.one_mean = means.as_ref().map(|welch| welch.means[0]);
            said.other_mean = means.as_ref().map(|welch| welch.means[1]);
        }
        Finding::Share([one, other]) => (said.one_share, said.other_share) = (Some(*one), Some(*other)),
        Finding::Levels(levels) => {
            let level = |one: &attune_audience::Level| proto::LevelShare {
                level: one.name.clone().unwrap_or_default(),
                one_share: one.shares[0],
                other_share: one.shares[1],
            };
            said.levels = levels.iter().map(level).collect();
        }
    }
    said
}
