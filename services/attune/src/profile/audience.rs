//! `attune profile segment preview`, `compare`, `overlap`, `lookalike`, `split` and `index`.

use attune_client::AudienceClient;
use attune_proto::profile::v1::person_set::Set;
use attune_proto::profile::v1::split_persons_request::By;
use attune_proto::profile::v1::{
    ActivitySplit, CompareSegmentsRequest, Everybody, FindLookalikesRequest, GetAudienceRequest,
    GetSegmentOverlapRequest, PersonSet, PreviewSegmentRequest, QuadrantSplit, SegmentDifference, SplitMethod,
    SplitPersonsRequest,
};
use serde_json::{Value, json};

use super::audience_export;
use crate::connect::connect;
use crate::exit::Failure;
use crate::journey::table::{Table, chosen};
use crate::options::audience::{AudienceCommand, Output, SplitBy};
use crate::options::{Address, TableFormat};
use crate::output;

/// Runs one of the commands.
///
/// # Errors
/// What the server answers.
pub(crate) async fn run(command: AudienceCommand) -> Result<(), Failure> {
    match command {
        AudienceCommand::Preview { expression, sample, output } => preview(expression, sample, &output).await,
        AudienceCommand::Compare { one, other, ignore, top, output } => {
            let request = CompareSegmentsRequest {
                one: Some(who(&one)),
                other: other.as_deref().map(who),
                ignore,
                max_differences: top,
            };
            compare(request, &output).await
        }
        AudienceCommand::Overlap { segments, output } => overlap(segments, &output).await,
        AudienceCommand::Lookalike { seed, candidates, size, share, ignore, seed_number, drivers, output } => {
            let request = FindLookalikesRequest {
                seed: Some(who(&seed)),
                candidates: candidates.as_deref().map(who),
                size: if share.is_some() { 0 } else { size },
                share: share.unwrap_or_default(),
                ignore,
                random_seed: seed_number,
            };
            lookalike(request, drivers, &output).await
        }
        AudienceCommand::Split { column, of, floor, by, shares, potential, tags, output } => {
            let by = match potential {
                Some(potential_column) => By::Quadrants(QuadrantSplit {
                    current_column: column,
                    potential_column,
                    ..QuadrantSplit::default()
                }),
                None => By::Activity(ActivitySplit {
                    column,
                    floor,
                    method: match by {
                        SplitBy::Quantiles => SplitMethod::Quantiles,
                        SplitBy::Mixture => SplitMethod::Mixture,
                    }
                    .into(),
                    medium_from: shares.first().copied().unwrap_or_default(),
                    heavy_from: shares.get(1).copied().unwrap_or_default(),
                }),
            };
            let request = SplitPersonsRequest { persons: of.as_deref().map(who), by: Some(by), tag_prefix: tags };
            split(request, &output).await
        }
        AudienceCommand::Export { who: set, columns, output, address } => {
            audience_export::run(client(&address)?, who(&set), columns, &output).await
        }
        AudienceCommand::Index { output } => index(&output).await,
    }
}

pub(super) fn client(address: &Address) -> Result<AudienceClient, Failure> {
    Ok(attune_client::audience(connect(address)?))
}

/// Which persons are meant: a rule in parentheses, `all`, or the id of a segment.
pub(super) fn who(text: &str) -> PersonSet {
    let set = match text {
        "all" => Set::Everybody(Everybody {}),
        rule if rule.starts_with('(') => Set::Expression(rule.to_owned()),
        id => Set::SegmentId(id.to_owned()),
    };
    PersonSet { set: Some(set) }
}

async fn preview(expression: String, sample_size: i32, options: &Output) -> Result<(), Failure> {
    let request = PreviewSegmentRequest { expression: expression.clone(), sample_size, count_conditions: true };
    let found = client(&options.address)?.preview_segment(request).await?.into_inner();
    let seconds =
        found.duration.and_then(|one| std::time::Duration::try_from(one).ok()).unwrap_or_default().as_secs_f64();
    if chosen(options.format) == TableFormat::Json {
        let conditions: Vec<Value> = found
            .conditions
            .iter()
            .map(|one| json!({"expression": one.expression, "members": one.member_count, "remaining": one.remaining_count}))
            .collect();
        return output::print_json(&json!({
            "expression": expression,
            "members": found.member_count,
            "persons": found.person_count,
            "share": found.share,
            "sample": found.sample_person_ids,
            "conditions": conditions,
            "seconds": seconds,
        }));
    }
    let mut table = Table::new(&["condition", "members", "share", "remaining"]);
    let share = |members: i64| members as f64 / (found.person_count.max(1)) as f64;
    for one in &found.conditions {
        let members = one.member_count;
        table.push(vec![json!(one.expression), json!(members), json!(share(members)), json!(one.remaining_count)]);
    }
    table.push(vec![json!("together"), json!(found.member_count), json!(found.share), json!(found.member_count)]);
    table.print(options.format)?;
    if chosen(options.format) == TableFormat::Table {
        output::print(&format!("of {} persons, counted in {:.1} ms", found.person_count, seconds * 1e3));
        if !found.sample_person_ids.is_empty() {
            output::print(&format!("for example {}", found.sample_person_ids.join(", ")));
        }
    }
    Ok(())
}

async fn compare(request: CompareSegmentsRequest, options: &Output) -> Result<(), Failure> {
    let found = client(&options.address)?.compare_segments(request).await?.into_inner();
    let mut table = Table::new(&["trait", "effect", "one", "other", "test", "p", "adjusted_p"]);
    for one in &found.differences {
        let [first, second] = sides(one);
        table.push(vec![
            json!(one.name),
            json!(one.effect),
            first,
            second,
            json!(one.test),
            json!(one.p_value),
            json!(one.adjusted_p_value),
        ]);
    }
    table.print(options.format)?;
    if chosen(options.format) == TableFormat::Table {
        output::print(&format!(
            "{} with {} persons, {} in both left out, {} traits",
            found.one_count, found.other_count, found.shared_count, found.trait_count
        ));
    }
    Ok(())
}

/// What the two look like: means, shares, or the shares of the level that differs most.
fn sides(one: &SegmentDifference) -> [Value; 2] {
    if let (Some(first), Some(second)) = (one.one_mean, one.other_mean) {
        return [json!(first), json!(second)];
    }
    if let (Some(first), Some(second)) = (one.one_share, one.other_share) {
        return [json!(first), json!(second)];
    }
    let by = |level: &&attune_proto::profile::v1::LevelShare| (level.one_share - level.other_share).abs();
    let most = one.levels.iter().max_by(|left, right| by(left).total_cmp(&by(right)));
    most.map_or([Value::Null, Value::Null], |level| {
        let name = if level.level.is_empty() { "rare ones" } else { &level.level };
        [level.one_share, level.other_share].map(|share| json!(format!("{name} {:.1}%", share * 100.0)))
    })
}

async fn overlap(segment_ids: Vec<String>, options: &Output) -> Result<(), Failure> {
    let found =
        client(&options.address)?.get_segment_overlap(GetSegmentOverlapRequest { segment_ids }).await?.into_inner();
    let mut table = Table::new(&["segment", "other", "members", "other_members", "common", "jaccard"]);
    let count = |one: usize, other: usize| {
        found.rows.get(one).and_then(|row| row.counts.get(other)).copied().unwrap_or_default()
    };
    for (one, name) in found.segment_ids.iter().enumerate() {
        for (other, other_name) in found.segment_ids.iter().enumerate().skip(one + 1) {
            let (members, others, common) = (count(one, one), count(other, other), count(one, other));
            let either = (members + others - common).max(1);
            table.push(vec![
                json!(name),
                json!(other_name),
                json!(members),
                json!(others),
                json!(common),
                json!(common as f64 / either as f64),
            ]);
        }
    }
    table.print(options.format)
}

async fn lookalike(request: FindLookalikesRequest, drivers: bool, options: &Output) -> Result<(), Failure> {
    let found = client(&options.address)?.find_lookalikes(request).await?.into_inner();
    let mut table = Table::new(if drivers { &["column", "weight"] } else { &["person_id", "score"] });
    if drivers {
        found.drivers.iter().for_each(|one| table.push(vec![json!(one.column), json!(one.weight)]));
    } else {
        found.lookalikes.iter().for_each(|one| table.push(vec![json!(one.person_id), json!(one.score)]));
    }
    table.print(options.format)?;
    if chosen(options.format) == TableFormat::Table {
        let quality = found.quality.unwrap_or_default();
        output::print(&format!(
            "{} members, {} candidates; on persons held out: auc {:.3}, lift of the first tenth {:.2}",
            found.seed_count, found.candidate_count, quality.auc, quality.lift
        ));
    }
    Ok(())
}

async fn split(request: SplitPersonsRequest, options: &Output) -> Result<(), Failure> {
    let found = client(&options.address)?.split_persons(request).await?.into_inner();
    let mut table = Table::new(&["group", "members", "share", "rule", "tag"]);
    for one in &found.groups {
        table.push(vec![
            json!(one.name),
            json!(one.member_count),
            json!(one.share),
            json!(one.expression),
            json!(one.tag_id),
        ]);
    }
    table.print(options.format)?;
    if chosen(options.format) == TableFormat::Table {
        let by = match found.method() {
            SplitMethod::Mixture => format!(", by a mixture of {}", found.components.len()),
            SplitMethod::Quantiles => ", by quantiles".to_owned(),
            SplitMethod::Unspecified => String::new(),
        };
        output::print(&format!("bounds {:?}{by}", found.bounds));
    }
    Ok(())
}

async fn index(options: &Output) -> Result<(), Failure> {
    let found = client(&options.address)?.get_audience(GetAudienceRequest {}).await?.into_inner();
    if chosen(options.format) != TableFormat::Table {
        let mut table = Table::new(&["column", "kind", "bytes"]);
        found
            .columns
            .iter()
            .for_each(|one| table.push(vec![json!(one.name), json!(one.kind), json!(one.memory_bytes)]));
        return table.print(options.format);
    }
    let seconds =
        found.build_duration.and_then(|one| std::time::Duration::try_from(one).ok()).unwrap_or_default().as_secs_f64();
    let state = if found.ready { "ready".to_owned() } else { format!("not ready ({})", found.reason) };
    output::print(&format!(
        "{state}: {} persons, {} columns, {:.1} MiB, built in {seconds:.1} s",
        found.person_count,
        found.column_count,
        found.memory_bytes as f64 / 1_048_576.0
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_meant_is_a_segment_a_rule_or_all() {
        assert_eq!(who("all").set, Some(Set::Everybody(Everybody {})));
        assert_eq!(who("(true)").set, Some(Set::Expression("(true)".to_owned())));
        assert_eq!(who("gold").set, Some(Set::SegmentId("gold".to_owned())));
    }
}
