//! What the marketers of a small bank set up before anybody comes.

use attune_integration_tests::values::{object, seconds};
use attune_integration_tests::{Happening, Suite};
use attune_proto::channel::v1 as channel;
use attune_proto::contact::v1 as contact;
use attune_proto::decision::v1 as decision;
use attune_proto::journey::v1 as journey;
use serde_json::json;

/// The slot on the home page.
pub(crate) const HOME: &str = "home-hero";
/// The placement that an abandoned form leads to.
pub(crate) const FOLLOW_UP: &str = "form-follow-up";
/// The outbound channel.
pub(crate) const EMAIL: &str = "email";
/// The file it writes.
pub(crate) const EMAIL_FILE: &str = "email.jsonl";
/// An offer for those who earn enough, which needs a consent.
pub(crate) const FUND: &str = "fund-plan";
/// An offer for those who earn less, which needs one too.
pub(crate) const SAVINGS: &str = "savings";

/// Two offers, two placements, a policy without chance, an e-mail channel.
pub(crate) async fn opens(suite: &Suite) {
    let mut client = suite.clients.decision.clone();
    for (offer_id, eligibility) in [(FUND, "attributes.income >= 50000.0"), (SAVINGS, "attributes.income < 50000.0")] {
        let offer = decision::Offer {
            offer_id: offer_id.to_owned(),
            enabled: true,
            value: 10.0,
            eligibility: eligibility.to_owned(),
            purpose: "marketing".to_owned(),
            ..decision::Offer::default()
        };
        let request = decision::CreateOfferRequest { offer: Some(offer), ..Default::default() };
        client.create_offer(request).await.expect("the offer is created");
        let message = decision::Message {
            message_id: format!("{offer_id}-any"),
            offer_id: offer_id.to_owned(),
            content: Some(object(&json!({"title": format!("About {offer_id}")}))),
            template_id: "offer-mail".to_owned(),
            ..decision::Message::default()
        };
        let request = decision::CreateMessageRequest { message: Some(message), ..Default::default() };
        client.create_message(request).await.expect("the message is created");
    }
    for (placement_id, on) in [(HOME, "web"), (FOLLOW_UP, EMAIL)] {
        let placement = decision::Placement {
            placement_id: placement_id.to_owned(),
            channel: on.to_owned(),
            slots: 1,
            ..decision::Placement::default()
        };
        let request = decision::CreatePlacementRequest { placement: Some(placement), ..Default::default() };
        client.create_placement(request).await.expect("the placement is created");
    }
    let policy = decision::Policy {
        policy_id: "default".to_owned(),
        exploration: decision::Exploration::Greedy.into(),
        learn_from: "ACCEPT".to_owned(),
        ..decision::Policy::default()
    };
    let request = decision::CreatePolicyRequest { policy: Some(policy), ..Default::default() };
    client.create_policy(request).await.expect("the policy is created");
    mails(suite).await;
}

async fn mails(suite: &Suite) {
    let mut client = suite.clients.channel.clone();
    let template = channel::Template {
        template_id: "offer-mail".to_owned(),
        subject: "{{ title }}".to_owned(),
        body: "We thought of you: {{ title }}.".to_owned(),
        required_variables: vec!["title".to_owned()],
        ..channel::Template::default()
    };
    let request = channel::CreateTemplateRequest { template: Some(template), ..Default::default() };
    client.create_template(request).await.expect("the template is created");
    let email = channel::Channel {
        channel_id: EMAIL.to_owned(),
        enabled: true,
        provider: Some(channel::channel::Provider::File(channel::FileProvider { file_name: EMAIL_FILE.to_owned() })),
        guarantee: channel::DeliveryGuarantee::AtMostOnce.into(),
        ..channel::Channel::default()
    };
    let request = channel::CreateChannelRequest { channel: Some(email), ..Default::default() };
    client.create_channel(request).await.expect("the channel is created");
}

/// What the core system knows of a customer, whose consent to advertising it brings along. Answers the person.
pub(crate) async fn knows(suite: &Suite, customer: (&str, &str), income: u32) -> String {
    let record = Happening::of("customer_record").by(customer).with(json!({"attributes": {"income": income}}));
    suite.collect([record]).await;
    suite.worked_through().await;
    let person = suite.person(customer).await;
    suite.consents(&person, true).await;
    person
}

/// A form that is begun and not finished within a second leads to the follow-up.
pub(crate) async fn watches_the_form(suite: &Suite) {
    let source = format!(
        "rules:\n- id: form-abandoned\n  events: form_start\n  wait: {{for: 1s, unless: form_submit}}\n  placement: {FOLLOW_UP}\n"
    );
    let set = journey::TriggerRuleSet {
        trigger_rule_set_id: "forms".to_owned(),
        enabled: true,
        rules: Some(journey::trigger_rule_set::Rules::Source(source)),
        ..journey::TriggerRuleSet::default()
    };
    let request = journey::CreateTriggerRuleSetRequest { trigger_rule_set: Some(set), ..Default::default() };
    suite.clients.journey.clone().create_trigger_rule_set(request).await.expect("the rules are created");
}

/// At most one e-mail a week to anybody.
pub(crate) async fn caps_mails_at_one(suite: &Suite) {
    let policy = contact::ContactPolicy {
        contact_policy_id: "one-mail-a-week".to_owned(),
        enabled: true,
        scope: Some(contact::Scope { channels: vec![EMAIL.to_owned()], ..contact::Scope::default() }),
        limit: Some(contact::contact_policy::Limit::Frequency(contact::Frequency {
            limit: 1,
            window: Some(seconds(7 * 86_400)),
            per_offer: false,
        })),
        ..contact::ContactPolicy::default()
    };
    let request = contact::CreateContactPolicyRequest { contact_policy: Some(policy), ..Default::default() };
    suite.clients.contact.clone().create_contact_policy(request).await.expect("the contact policy is created");
}
