//! Campaigns: resources whose state moves along one line.

use std::sync::LazyLock;

use attune_expression::{Schema, Type, check_boolean};
use attune_kernel::{Problem, Violation};
use attune_proto::contact::v1::{Campaign, CampaignState, CreateCampaignRequest, UpdateCampaignRequest};

use super::Contacts;
use super::convert::{self, Checks};
use crate::domain::campaign::State;
use crate::error::Error;

attune_service_kit::resource! {
    /// Campaigns.
    pub(super) Campaigns(Campaign) { kind: "campaign", id: campaign_id, check: check }
}

/// How often a change without an etag is tried again when another one came between.
const TRIES: usize = 5;

/// What an audience rule may name, as in the rules of decisions: `attributes` and `traits` by name, `tags` and
/// `segments` as lists, and `now`.
static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let schema = Schema::builder()
        .field("attributes", Type::map(Type::Any))
        .field("traits", Type::map(Type::Any))
        .field("tags", Type::list(Type::String))
        .field("segments", Type::list(Type::String))
        .field("now", Type::Timestamp);
    // The names are constants that a test compiles; an empty schema would refuse every rule.
    schema.build().unwrap_or_default()
});

fn check(campaign: &Campaign) -> Vec<Violation> {
    let mut checks = Checks::default();
    if !campaign.audience.is_empty() {
        checks.0.extend(check_boolean("audience", &campaign.audience, &SCHEMA));
    }
    let mut bounds = [None, None];
    for (bound, (field, given)) in
        bounds.iter_mut().zip([("start_time", campaign.start_time), ("end_time", campaign.end_time)])
    {
        let Some(given) = given else { continue };
        match convert::time(&given, field) {
            Ok(time) if time.is_plausible() => *bound = Some(time),
            _ => checks.0.push(Violation::new(field, "must lie between the years 1900 and 2199")),
        }
    }
    if let [Some(start), Some(end)] = bounds
        && end <= start
    {
        checks.0.push(Violation::new("end_time", "must be after start_time"));
    }
    checks.0
}

fn state(state: i32) -> State {
    match CampaignState::try_from(state).unwrap_or_default() {
        CampaignState::Unspecified | CampaignState::Draft => State::Draft,
        CampaignState::Approved => State::Approved,
        CampaignState::Running => State::Running,
        CampaignState::Paused => State::Paused,
        CampaignState::Ended => State::Ended,
    }
}

fn proto_state(state: State) -> i32 {
    let state = match state {
        State::Draft => CampaignState::Draft,
        State::Approved => CampaignState::Approved,
        State::Running => CampaignState::Running,
        State::Paused => CampaignState::Paused,
        State::Ended => CampaignState::Ended,
    };
    state as i32
}

impl Contacts {
    pub(super) async fn new_campaign(&self, request: CreateCampaignRequest) -> Result<Campaign, Error> {
        let mut campaign = request.campaign.unwrap_or_default();
        let to = state(campaign.state);
        if to != State::Draft {
            return Err(Error::Transition { from: None, to });
        }
        campaign.state = proto_state(to);
        Ok(self.campaigns.create(Some(campaign), &request.request_id, self.now()).await?)
    }

    pub(super) async fn change_campaign(&self, request: UpdateCampaignRequest) -> Result<Campaign, Error> {
        let Some(change) = request.campaign else {
            return Err(Problem::invalid_field("campaign", "must be set").into());
        };
        if CampaignState::try_from(change.state).is_err() {
            return Err(Problem::invalid_field("campaign.state", "is not a state").into());
        }
        let paths = request.update_mask.as_ref().map(|mask| mask.paths.as_slice()).unwrap_or_default();
        let moves = match paths {
            [] => change.state != 0,
            paths => paths.iter().any(|path| path == "state" || path == "*"),
        };
        let any_version = change.etag.is_empty();
        let mut tries = TRIES;
        loop {
            let mut change = change.clone();
            if moves {
                let stored = self.campaigns.get(&change.campaign_id).await?;
                let (from, to) = (state(stored.state), state(change.state));
                if !from.may_become(to) && (change.etag.is_empty() || change.etag == stored.etag) {
                    return Err(Error::Transition { from: Some(from), to });
                }
                change.state = proto_state(to);
                if change.etag.is_empty() {
                    // The transition was judged from this version, so it must still be this one.
                    change.etag = stored.etag;
                }
            }
            match self.campaigns.update(Some(change), request.update_mask.clone(), self.now()).await {
                Err(problem) if problem.reason == "ETAG_MISMATCH" && any_version && tries > 1 => tries -= 1,
                written => return Ok(written?),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_its_names_and_bad_campaigns_are_told_why() {
        let good = "'vip' in segments && attributes.age >= 18 && traits.event_count > 3";
        assert_eq!(check(&Campaign { audience: good.to_owned(), ..Campaign::default() }), Vec::new());
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let bad = Campaign {
            audience: "nonsense(".to_owned(),
            start_time: at(100),
            end_time: at(100),
            ..Campaign::default()
        };
        let fields: Vec<String> = check(&bad).into_iter().map(|one| one.field).collect();
        assert!(fields.contains(&"audience".to_owned()) && fields.contains(&"end_time".to_owned()), "{fields:?}");
        let ancient = Campaign { start_time: at(-62_135_596_800), ..Campaign::default() };
        assert_eq!(check(&ancient)[0].field, "start_time");
    }
}
