//! What the bank's marketers would set up: offers, messages, slots, limits, a trigger, a journey, channels.

use attune_client::Clients;
use attune_proto::channel::v1 as channel;
use attune_proto::contact::v1 as contact;
use attune_proto::decision::v1 as decision;
use attune_proto::journey::v1 as journey;
use prost_types::Duration;
use serde_json::json;
use tonic::Code;

use super::traffic::FORM;
use super::world::OFFERS;
use crate::exit::Failure;
use crate::values::to_struct;

/// The slot on the web and app home page.
pub(crate) const SLOT: &str = "home-hero";
/// The placement that an abandoned form leads to.
pub(crate) const FOLLOW_UP: &str = "form-follow-up";
/// The e-mail channel.
pub(crate) const EMAIL: &str = "email";
/// The file that the e-mail channel writes.
pub(crate) const EMAIL_FILE: &str = "email.jsonl";
/// The share of persons in the always-on control group.
pub(crate) const CONTROL_SHARE: f64 = 0.10;

const HOUR: i64 = 3600;
const WEEK: i64 = 7 * 24 * HOUR;

fn seconds(seconds: i64) -> Option<Duration> {
    Some(Duration { seconds, nanos: 0 })
}

/// Creates everything; what exists already from an earlier run is left as it is.
///
/// # Errors
/// What a service answers.
pub(crate) async fn run(clients: &Clients) -> Result<(), Failure> {
    catalogue(clients).await?;
    limits(clients).await?;
    moments(clients).await?;
    channels(clients).await
}

/// A repeated set-up is harmless.
fn existing_is_fine<T>(result: Result<T, tonic::Status>) -> Result<(), Failure> {
    match result {
        Ok(_) => Ok(()),
        Err(status) if status.code() == Code::AlreadyExists => Ok(()),
        Err(status) => Err(status.into()),
    }
}

async fn catalogue(clients: &Clients) -> Result<(), Failure> {
    let mut client = clients.decision.clone();
    for offer in &OFFERS {
        let created = decision::Offer {
            offer_id: offer.id.to_owned(),
            display_name: offer.name.to_owned(),
            issue: offer.issue.to_owned(),
            group: offer.issue.to_owned(),
            kind: decision::OfferKind::Sales.into(),
            enabled: true,
            value: 1.0,
            eligibility: offer.eligibility.to_owned(),
            // Help may be offered to everyone; advertising needs a consent.
            purpose: if offer.issue == "service" { "service" } else { "marketing" }.to_owned(),
            response_window: seconds(WEEK),
            ..decision::Offer::default()
        };
        existing_is_fine(
            client.create_offer(decision::CreateOfferRequest { offer: Some(created), ..Default::default() }).await,
        )?;
        let message = decision::Message {
            message_id: format!("{}-any", offer.id),
            offer_id: offer.id.to_owned(),
            content: Some(to_struct(&json!({"title": offer.name}))),
            template_id: "offer-mail".to_owned(),
            ..decision::Message::default()
        };
        existing_is_fine(
            client
                .create_message(decision::CreateMessageRequest { message: Some(message), ..Default::default() })
                .await,
        )?;
    }
    for (id, name, on) in [(SLOT, "Home page, first slot", "web"), (FOLLOW_UP, "E-mail after a form was left", EMAIL)] {
        let placement = decision::Placement {
            placement_id: id.to_owned(),
            display_name: name.to_owned(),
            channel: on.to_owned(),
            slots: 1,
            ..decision::Placement::default()
        };
        existing_is_fine(
            client
                .create_placement(decision::CreatePlacementRequest { placement: Some(placement), ..Default::default() })
                .await,
        )?;
    }
    let policy = decision::Policy {
        policy_id: "default".to_owned(),
        display_name: "Thompson sampling beside a control group".to_owned(),
        exploration: decision::Exploration::Thompson.into(),
        control_share: CONTROL_SHARE,
        learn_from: "ACCEPT".to_owned(),
        ..decision::Policy::default()
    };
    existing_is_fine(
        client.create_policy(decision::CreatePolicyRequest { policy: Some(policy), ..Default::default() }).await,
    )
}

async fn limits(clients: &Clients) -> Result<(), Failure> {
    let mut client = clients.contact.clone();
    let policies = [
        (
            "email-2-a-week",
            vec![EMAIL.to_owned()],
            contact::Frequency { limit: 2, window: seconds(WEEK), per_offer: false },
        ),
        ("same-offer-5-a-week", Vec::new(), contact::Frequency { limit: 5, window: seconds(WEEK), per_offer: true }),
        ("any-12-a-week", Vec::new(), contact::Frequency { limit: 12, window: seconds(WEEK), per_offer: false }),
    ];
    for (id, channels, frequency) in policies {
        let policy = contact::ContactPolicy {
            contact_policy_id: id.to_owned(),
            enabled: true,
            scope: Some(contact::Scope { channels, ..contact::Scope::default() }),
            limit: Some(contact::contact_policy::Limit::Frequency(frequency)),
            ..contact::ContactPolicy::default()
        };
        existing_is_fine(
            client
                .create_contact_policy(contact::CreateContactPolicyRequest {
                    contact_policy: Some(policy),
                    ..Default::default()
                })
                .await,
        )?;
    }
    Ok(())
}

async fn moments(clients: &Clients) -> Result<(), Failure> {
    let mut client = clients.journey.clone();
    let condition = |event: &str| Some(journey::EventCondition { event: event.to_owned(), predicate: String::new() });
    let rules = format!(
        "rules:\n- id: form-abandoned\n  title: Purchase form left for an hour\n  kind: opportunity\n  events: {}\n  \
         wait: {{for: 1h, unless: {}}}\n  cool_down: 1d\n  placement: {FOLLOW_UP}\n",
        FORM[0],
        FORM[FORM.len() - 1],
    );
    let set = journey::TriggerRuleSet {
        trigger_rule_set_id: "fund-purchase".to_owned(),
        display_name: "Moments of buying a fund plan".to_owned(),
        enabled: true,
        rules: Some(journey::trigger_rule_set::Rules::Source(rules)),
        ..journey::TriggerRuleSet::default()
    };
    let request = journey::CreateTriggerRuleSetRequest { trigger_rule_set: Some(set), ..Default::default() };
    existing_is_fine(client.create_trigger_rule_set(request).await)?;
    let stages = [("visitor", "page_view"), ("interested", FORM[0]), ("buyer", FORM[FORM.len() - 1])];
    let stages =
        stages.iter().map(|(stage, event)| journey::Stage { stage: (*stage).to_owned(), entry: condition(event) });
    let plan = journey::Journey {
        journey_id: "fund-purchase".to_owned(),
        display_name: "Buying a fund plan".to_owned(),
        stages: stages.collect(),
        ..journey::Journey::default()
    };
    existing_is_fine(
        client.create_journey(journey::CreateJourneyRequest { journey: Some(plan), ..Default::default() }).await,
    )
}

async fn channels(clients: &Clients) -> Result<(), Failure> {
    let mut client = clients.channel.clone();
    let template = channel::Template {
        template_id: "offer-mail".to_owned(),
        subject: "{{ title }}".to_owned(),
        body: "We thought of you: {{ title }}.".to_owned(),
        required_variables: vec!["title".to_owned()],
        ..channel::Template::default()
    };
    existing_is_fine(
        client.create_template(channel::CreateTemplateRequest { template: Some(template), ..Default::default() }).await,
    )?;
    let email = channel::Channel {
        channel_id: EMAIL.to_owned(),
        enabled: true,
        provider: Some(channel::channel::Provider::File(channel::FileProvider { file_name: EMAIL_FILE.to_owned() })),
        guarantee: channel::DeliveryGuarantee::AtMostOnce.into(),
        ..channel::Channel::default()
    };
    existing_is_fine(
        client.create_channel(channel::CreateChannelRequest { channel: Some(email), ..Default::default() }).await,
    )
}
