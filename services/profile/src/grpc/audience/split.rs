//! Heavy, medium, light and dormant; quadrants of value; and tags that keep persons in them.

use attune_audience::View;
use attune_audience::split::{Activity, ActivitySplit, By, Method, Quadrant, quadrants};
use attune_kernel::{Code, Problem, Violation};
use attune_proto::profile::v1 as proto;
use attune_proto::profile::v1::split_persons_request::By as Asked;

use super::{Audiences, aside, column, count, share};
use crate::domain::audience::high;

/// A split before its tags are made.
struct Found {
    groups: Vec<(&'static str, usize, String)>,
    method: proto::SplitMethod,
    bounds: Vec<f64>,
    components: Vec<proto::MixtureComponent>,
}

impl Audiences {
    /// Splits persons and makes tags of the groups when asked to.
    pub(super) async fn split(
        &self,
        request: proto::SplitPersonsRequest,
    ) -> Result<proto::SplitPersonsResponse, Problem> {
        if !request.tag_prefix.is_empty() && !is_prefix(&request.tag_prefix) {
            let what = "must begin with a letter or digit and hold letters, digits and . _ : - only";
            return Err(Problem::invalid_field("tag_prefix", what));
        }
        let by = request.by.ok_or_else(|| Problem::invalid_field("by", "one of activity, quadrants is required"))?;
        let asked = self.asked(request.persons.into_iter().map(|set| ("persons", set)).collect()).await?;
        let found = aside(move || {
            let set = asked.set(0);
            let numbers = |name: &str| {
                let mut all = vec![f64::NAN; set.len()];
                let mut places = set.iter().enumerate();
                for (row, number) in asked.view.numbers(name, &set) {
                    if let Some((place, _)) = places.find(|(_, member)| *member == row) {
                        all[place] = number;
                    }
                }
                all
            };
            match by {
                Asked::Activity(one) => activity(&asked.view, &one, &numbers(&one.column)),
                Asked::Quadrants(one) => {
                    value(&asked.view, &one, &numbers(&one.current_column), &numbers(&one.potential_column))
                }
            }
        })
        .await?;
        let persons = found.groups.iter().map(|(_, count, _)| count).sum();
        let mut groups = Vec::with_capacity(found.groups.len());
        for (name, members, expression) in found.groups {
            let tag_id = self.tag(&request.tag_prefix, name, &expression).await?;
            groups.push(proto::SplitGroup {
                name: name.to_owned(),
                member_count: count(members),
                share: share(members, persons),
                expression,
                tag_id,
            });
        }
        Ok(proto::SplitPersonsResponse {
            groups,
            method: found.method.into(),
            bounds: found.bounds,
            components: found.components,
            person_count: count(persons),
        })
    }

    /// Makes the tag of a group, or gives the one that is there the new rule.
    async fn tag(&self, prefix: &str, group: &str, expression: &str) -> Result<String, Problem> {
        if prefix.is_empty() {
            return Ok(String::new());
        }
        let id = format!("{prefix}.{group}");
        let tag = proto::TagDefinition {
            tag_id: id.clone(),
            category: "value".to_owned(),
            subcategory: prefix.chars().take(64).collect(),
            display_name: format!("{prefix}: {group}"),
            owner: "split".to_owned(),
            state: proto::TagState::Active.into(),
            basis: proto::TagBasis::Rule.into(),
            expression: expression.to_owned(),
            ..proto::TagDefinition::default()
        };
        let now = self.clock.now();
        match self.tags.create(Some(tag.clone()), "", now).await {
            Err(problem) if problem.code == Code::AlreadyExists => {}
            done => return done.map(|_| id),
        }
        let known = self.tags.get(&id).await?;
        if known.owner != "split" {
            let what = format!("{id} is a tag that no split has made");
            return Err(Problem::invalid(vec![Violation::new("tag_prefix", what)]));
        }
        let mask = prost_types::FieldMask { paths: vec!["expression".to_owned()] };
        self.tags.update(Some(tag), Some(mask), now).await.map(|_| id)
    }
}

fn is_prefix(text: &str) -> bool {
    text.starts_with(|one: char| one.is_ascii_alphanumeric())
        && text.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '.' | '_' | ':' | '-'))
}

/// The rule that a column is high, for a column that rules can read.
fn rule(field: &str, name: &str, more: bool, than: f64) -> Result<String, Problem> {
    high(name, more, than)
        .ok_or_else(|| Problem::invalid_field(field, "must be a column of attributes, traits or scores"))
}

fn activity(view: &View, one: &proto::ActivitySplit, values: &[f64]) -> Result<Found, Problem> {
    const FIELD: &str = "activity.column";
    column(view, FIELD, &one.column)?;
    let or = |share: f64, otherwise: f64| if share > 0.0 { share } else { otherwise };
    let shares = [or(one.medium_from, 0.5), or(one.heavy_from, 0.8)];
    if shares[0] > shares[1] {
        return Err(Problem::invalid_field("activity.heavy_from", "must not be below medium_from"));
    }
    let by = match one.method() {
        proto::SplitMethod::Mixture => By::Mixture,
        proto::SplitMethod::Unspecified | proto::SplitMethod::Quantiles => By::Quantiles(shares),
    };
    let split = ActivitySplit::new(values, one.floor, by);
    let of = |activity| values.iter().filter(|value| split.of(**value) == activity).count();
    let active = rule(FIELD, &one.column, true, one.floor)?;
    let [medium, heavy] =
        [rule(FIELD, &one.column, false, split.bounds[0])?, rule(FIELD, &one.column, false, split.bounds[1])?];
    let groups = vec![
        ("heavy", of(Activity::Heavy), format!("{active} && {heavy}")),
        ("medium", of(Activity::Medium), format!("{active} && {medium} && !{heavy}")),
        ("light", of(Activity::Light), format!("{active} && !{medium} && !{heavy}")),
        ("dormant", of(Activity::Dormant), format!("!{active}")),
    ];
    let (method, components) = match split.method {
        Method::Quantiles => (proto::SplitMethod::Quantiles, Vec::new()),
        Method::Mixture(mixture) => {
            let component = |one: &attune_audience::split::Component| proto::MixtureComponent {
                weight: one.weight,
                mean: one.mean,
                deviation: one.deviation,
            };
            (proto::SplitMethod::Mixture, mixture.components.iter().map(component).collect())
        }
    };
    Ok(Found { groups, method, bounds: split.bounds.to_vec(), components })
}

fn value(view: &View, one: &proto::QuadrantSplit, current: &[f64], potential: &[f64]) -> Result<Found, Problem> {
    const FIELDS: [&str; 2] = ["quadrants.current_column", "quadrants.potential_column"];
    column(view, FIELDS[0], &one.current_column)?;
    column(view, FIELDS[1], &one.potential_column)?;
    let (cuts, found) = quadrants(current, potential, [one.current_cut, one.potential_cut]);
    let of = |quadrant| found.iter().filter(|one| **one == quadrant).count();
    let now = rule(FIELDS[0], &one.current_column, false, cuts[0])?;
    let then = rule(FIELDS[1], &one.potential_column, false, cuts[1])?;
    let groups = vec![
        ("keep", of(Quadrant::Keep), format!("{now} && {then}")),
        ("grow", of(Quadrant::Grow), format!("!{now} && {then}")),
        ("harvest", of(Quadrant::Harvest), format!("{now} && !{then}")),
        ("maintain", of(Quadrant::Maintain), format!("!{now} && !{then}")),
    ];
    Ok(Found { groups, method: proto::SplitMethod::Unspecified, bounds: cuts.to_vec(), components: Vec::new() })
}
