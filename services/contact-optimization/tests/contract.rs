//! Admission, contacts, policies and campaigns as callers see them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "tests")]

mod support;

use attune_contact_optimization::Config;
use attune_proto::contact::v1::*;
use attune_proto::identity::v1::person_change::Change;
use attune_proto::identity::v1::{Erasure, Merge, PersonChange};
use prost_types::FieldMask;
use support::{NOW, World, at, embedded, over_both, problem, refused_for, seconds};
use tonic::{Code, Status};

fn frequency(id: &str, limit: i64, window: i64) -> ContactPolicy {
    ContactPolicy {
        contact_policy_id: id.to_owned(),
        enabled: true,
        limit: Some(contact_policy::Limit::Frequency(Frequency { limit, window: seconds(window), per_offer: false })),
        ..ContactPolicy::default()
    }
}

async fn create_policy(world: &World, policy: ContactPolicy) -> Result<ContactPolicy, Status> {
    let request = CreateContactPolicyRequest { contact_policy: Some(policy), request_id: String::new() };
    Ok(world.client.clone().create_contact_policy(request).await?.into_inner().contact_policy.unwrap())
}

fn admission(person: &str, channel: &str, request_id: &str) -> AdmitRequest {
    AdmitRequest {
        request_id: request_id.to_owned(),
        person_id: person.to_owned(),
        candidates: vec![Candidate { channel: channel.to_owned(), ..Candidate::default() }],
        reserve: !request_id.is_empty(),
        ..AdmitRequest::default()
    }
}

async fn admit(world: &World, request: AdmitRequest) -> Vec<Verdict> {
    world.client.clone().admit(request).await.unwrap().into_inner().verdicts
}

fn contact(id: &str, person: &str, second: i64) -> Contact {
    Contact {
        contact_id: id.to_owned(),
        person_id: person.to_owned(),
        channel: "sms".to_owned(),
        time: at(second),
        ..Contact::default()
    }
}

async fn record(world: &World, contacts: Vec<Contact>) -> Result<(i32, i32), Status> {
    let answer = world.client.clone().record_contact(RecordContactRequest { contacts }).await?.into_inner();
    Ok((answer.recorded, answer.duplicates))
}

async fn list(world: &World, person: &str, page_size: i32, token: &str) -> Result<ListContactsResponse, Status> {
    let request = ListContactsRequest { person_id: person.to_owned(), page_size, page_token: token.to_owned() };
    Ok(world.client.clone().list_contacts(request).await?.into_inner())
}

async fn apply(world: &World, offset: i64, change: Change) -> Result<bool, Status> {
    let change = PersonChange { offset, time: at(NOW), change: Some(change) };
    let request = ApplyPersonChangeRequest { change: Some(change) };
    Ok(world.client.clone().apply_person_change(request).await?.into_inner().applied)
}

#[tokio::test]
async fn a_person_is_contacted_at_most_so_often() {
    over_both(|world| async move {
        create_policy(&world, frequency("twice-a-day", 2, 86_400)).await.unwrap();
        let first = admit(&world, admission("p", "sms", "r1")).await;
        assert!(first[0].admitted && !first[0].reservation_id.is_empty());
        assert_eq!(first[0].expire_time, at(NOW + 900));
        assert_eq!(admit(&world, admission("p", "sms", "r1")).await, first, "a retry reserves once");
        let confirmed = Contact { reservation_id: first[0].reservation_id.clone(), ..contact("c1", "p", NOW) };
        assert_eq!(record(&world, vec![confirmed.clone()]).await.unwrap(), (1, 0));
        assert_eq!(record(&world, vec![confirmed]).await.unwrap(), (0, 1));
        assert!(admit(&world, admission("p", "email", "r2")).await[0].admitted);
        let third = admit(&world, admission("p", "push", "")).await;
        assert_eq!(
            third[0].denials,
            [Denial { contact_policy_id: "twice-a-day".to_owned(), limit: 2, used: 2, retry_time: at(NOW + 86_400) }]
        );
        // The second was never confirmed: its place is free again after 15 minutes.
        world.clock.advance(std::time::Duration::from_secs(900));
        assert!(admit(&world, admission("p", "push", "")).await[0].admitted);

        let two = AdmitRequest {
            candidates: vec![Candidate { channel: "a".to_owned(), ..Candidate::default() }; 2],
            ..admission("p", "", "r3")
        };
        let verdicts = admit(&world, two).await;
        assert_eq!((verdicts[0].admitted, verdicts[1].admitted), (true, false));
        let release = ReleaseReservationsRequest {
            person_id: "p".to_owned(),
            reservation_ids: vec![verdicts[0].reservation_id.clone(), "unknown".to_owned()],
        };
        let released = world.client.clone().release_reservations(release).await.unwrap().into_inner();
        assert_eq!(released.released, 1);
        // Asked about another time, windows are those of that time.
        let past = AdmitRequest { time: at(NOW - 10 * 86_400), ..admission("p", "sms", "") };
        assert!(admit(&world, past).await[0].admitted);
    })
    .await;
}

#[tokio::test]
async fn a_policy_counts_from_the_moment_it_is_written() {
    over_both(|world| async move {
        record(&world, vec![contact("c1", "p", NOW - 10), contact("c2", "p", NOW - 5)]).await.unwrap();
        assert!(admit(&world, admission("p", "sms", "")).await[0].admitted);
        let made = create_policy(&world, frequency("one", 2, 60)).await.unwrap();
        assert!(!admit(&world, admission("p", "sms", "")).await[0].admitted, "the history counts");
        let update = |policy: ContactPolicy, path: &str| UpdateContactPolicyRequest {
            contact_policy: Some(policy),
            update_mask: Some(FieldMask { paths: vec![path.to_owned()] }),
        };
        let off = update(ContactPolicy { enabled: false, ..made.clone() }, "enabled");
        world.client.clone().update_contact_policy(off).await.unwrap();
        assert!(admit(&world, admission("p", "sms", "")).await[0].admitted);
        let stale = world.client.clone().update_contact_policy(update(made, "enabled")).await.unwrap_err();
        assert_eq!(problem(&stale).1, "ETAG_MISMATCH");
        let scoped = ContactPolicy {
            scope: Some(Scope { channels: vec!["sms".to_owned()], ..Scope::default() }),
            ..frequency("sms", 0, 60)
        };
        create_policy(&world, scoped).await.unwrap();
        assert!(!admit(&world, admission("p", "sms", "")).await[0].admitted);
        assert!(admit(&world, admission("p", "push", "")).await[0].admitted);
        let delete = DeleteContactPolicyRequest { contact_policy_id: "sms".to_owned(), etag: String::new() };
        world.client.clone().delete_contact_policy(delete).await.unwrap();
        assert!(admit(&world, admission("p", "sms", "")).await[0].admitted);
        let page = ListContactPoliciesRequest { page_size: 10, page_token: String::new() };
        let listed = world.client.clone().list_contact_policies(page).await.unwrap().into_inner();
        assert_eq!(listed.contact_policies.len(), 1);
        let get = GetContactPolicyRequest { contact_policy_id: "sms".to_owned() };
        let gone = world.client.clone().get_contact_policy(get).await.unwrap_err();
        assert_eq!((gone.code(), problem(&gone).1.as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    })
    .await;
}

#[tokio::test]
async fn contacts_are_listed_in_pages_and_follow_their_person() {
    over_both(|world| async move {
        let batch = (0..7).map(|number| contact(&format!("c{number}"), "a", NOW + number)).collect();
        assert_eq!(record(&world, batch).await.unwrap(), (7, 0));
        record(&world, vec![contact("other", "b", NOW + 3)]).await.unwrap();
        let merge = Merge { surviving_person_id: "b".to_owned(), merged_person_id: "a".to_owned() };
        assert!(apply(&world, 1, Change::Merge(merge.clone())).await.unwrap());
        assert!(!apply(&world, 1, Change::Merge(merge)).await.unwrap());
        let (mut ids, mut token) = (Vec::new(), String::new());
        loop {
            let page = list(&world, "a", 3, &token).await.unwrap();
            ids.extend(page.contacts.into_iter().map(|contact| contact.contact_id));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(ids, ["c6", "c5", "c4", "other", "c3", "c2", "c1", "c0"]);
        let token = list(&world, "a", 3, "").await.unwrap().next_page_token;
        refused_for(list(&world, "c", 3, &token).await, "page_token");
        let erasure = Erasure { person_id: "b".to_owned(), alias_person_ids: vec!["a".to_owned()] };
        assert!(apply(&world, 2, Change::Erasure(erasure)).await.unwrap());
        for person in ["a", "b"] {
            assert!(list(&world, person, 0, "").await.unwrap().contacts.is_empty());
        }
    })
    .await;
}

#[tokio::test]
async fn campaigns_move_along_their_line() {
    over_both(|world| async move {
        let campaign = |state: CampaignState| Campaign {
            campaign_id: "spring".to_owned(),
            audience: "'vip' in segments".to_owned(),
            budget: 1000.0,
            state: state.into(),
            ..Campaign::default()
        };
        let create = |state| CreateCampaignRequest { campaign: Some(campaign(state)), request_id: "q".to_owned() };
        let running = world.client.clone().create_campaign(create(CampaignState::Running)).await.unwrap_err();
        assert_eq!(problem(&running).1, "INVALID_STATE_TRANSITION");
        let made = world.client.clone().create_campaign(create(CampaignState::Unspecified)).await.unwrap().into_inner();
        assert_eq!(made.campaign.as_ref().unwrap().state(), CampaignState::Draft);
        let again = world.client.clone().create_campaign(create(CampaignState::Draft)).await.unwrap().into_inner();
        assert_eq!(again, made);

        let go = |to: CampaignState, etag: &str| {
            let request = UpdateCampaignRequest {
                campaign: Some(Campaign { etag: etag.to_owned(), ..campaign(to) }),
                update_mask: Some(FieldMask { paths: vec!["state".to_owned()] }),
            };
            let mut client = world.client.clone();
            async move { Ok::<_, Status>(client.update_campaign(request).await?.into_inner().campaign.unwrap()) }
        };
        use CampaignState::{Approved, Draft, Ended, Paused, Running};
        for (to, allowed) in [
            (Running, false),
            (Ended, false),
            (Approved, true),
            (Draft, false),
            (Paused, false),
            (Running, true),
            (Running, true),
            (Ended, false),
            (Paused, true),
            (Running, true),
            (Paused, true),
            (Approved, false),
            (Ended, true),
            (Running, false),
        ] {
            match go(to, "").await {
                Ok(campaign) => assert!(allowed && campaign.state() == to, "{to:?}"),
                Err(status) => {
                    assert!(!allowed, "{to:?}: {status:?}");
                    let (code, reason, _) = problem(&status);
                    assert_eq!((code, reason.as_str()), (Code::FailedPrecondition, "INVALID_STATE_TRANSITION"));
                }
            }
        }
        assert_eq!(problem(&go(Ended, "1").await.unwrap_err()).1, "ETAG_MISMATCH");
        // Other fields can change without a word about the state.
        let rename = UpdateCampaignRequest {
            campaign: Some(Campaign {
                campaign_id: "spring".to_owned(),
                owner: "ana".to_owned(),
                ..Campaign::default()
            }),
            update_mask: None,
        };
        let renamed = world.client.clone().update_campaign(rename).await.unwrap().into_inner().campaign.unwrap();
        assert_eq!((renamed.owner.as_str(), renamed.state(), renamed.budget), ("ana", Ended, 1000.0));
        let delete = DeleteCampaignRequest { campaign_id: "spring".to_owned(), etag: renamed.etag };
        world.client.clone().delete_campaign(delete).await.unwrap();
        let get = GetCampaignRequest { campaign_id: "spring".to_owned() };
        assert_eq!(problem(&world.client.clone().get_campaign(get).await.unwrap_err()).1, "RESOURCE_NOT_FOUND");
        let page = ListCampaignsRequest::default();
        assert!(world.client.clone().list_campaigns(page).await.unwrap().into_inner().campaigns.is_empty());
    })
    .await;
}

#[tokio::test]
async fn bad_input_names_its_field_and_writes_nothing() {
    over_both(|world| async move {
        let mut client = world.client.clone();
        refused_for(client.admit(admission("", "sms", "")).await, "person_id");
        refused_for(client.admit(admission("p", "", "")).await, "candidates[0].channel");
        refused_for(client.admit(AdmitRequest { reserve: true, ..admission("p", "sms", "") }).await, "request_id");
        refused_for(
            client.admit(AdmitRequest { candidates: Vec::new(), ..admission("p", "x", "") }).await,
            "candidates",
        );
        for second in [-62_135_596_800, 253_402_300_799] {
            refused_for(client.admit(AdmitRequest { time: at(second), ..admission("p", "x", "") }).await, "time");
            let bad = record(&world, vec![contact("good", "p", NOW), contact("bad", "p", second)]).await;
            refused_for(bad, "contacts[1].time");
        }
        let year = Some(prost_types::Duration { seconds: 366 * 86_400, nanos: 0 });
        refused_for(
            client.admit(AdmitRequest { reservation_ttl: year, ..admission("p", "x", "r") }).await,
            "reservation_ttl",
        );
        let nul = vec![contact("good", "p", NOW), Contact { offer_id: "a\0b".to_owned(), ..contact("c", "p", NOW) }];
        refused_for(record(&world, nul).await, "contacts[1].offer_id");
        refused_for(record(&world, vec![Contact { time: None, ..contact("c", "p", NOW) }]).await, "contacts[0].time");
        refused_for(record(&world, Vec::new()).await, "contacts");
        let many = (0..5001).map(|number| contact(&number.to_string(), "p", NOW)).collect();
        refused_for(record(&world, many).await, "contacts");
        assert!(list(&world, "p", 0, "").await.unwrap().contacts.is_empty(), "nothing half-written");
        refused_for(list(&world, "p", -1, "").await, "page_size");
        refused_for(list(&world, "p", 1, "made up").await, "page_token");

        refused_for(create_policy(&world, frequency("", 1, 60)).await, "contact_policy.contact_policy_id");
        refused_for(create_policy(&world, frequency("x", -1, 60)).await, "contact_policy.frequency.limit");
        refused_for(create_policy(&world, frequency("x", 1, 0)).await, "contact_policy.frequency.window");
        let nothing = ContactPolicy { limit: None, ..frequency("x", 1, 60) };
        refused_for(create_policy(&world, nothing).await, "contact_policy.limit");
        let audience = |text: &str| CreateCampaignRequest {
            campaign: Some(Campaign { campaign_id: "c".to_owned(), audience: text.to_owned(), ..Campaign::default() }),
            request_id: String::new(),
        };
        refused_for(client.create_campaign(audience("segments in (")).await, "campaign.audience");
        refused_for(client.create_campaign(audience("unknown == 1")).await, "campaign.audience");
        refused_for(client.create_campaign(audience("1 + 1")).await, "campaign.audience");
        let ancient = Campaign { campaign_id: "c".to_owned(), start_time: at(-62_135_596_800), ..Campaign::default() };
        let ancient = CreateCampaignRequest { campaign: Some(ancient), request_id: String::new() };
        refused_for(client.create_campaign(ancient).await, "campaign.start_time");

        let merge = |a: &str, b: &str| {
            Change::Merge(Merge { surviving_person_id: a.to_owned(), merged_person_id: b.to_owned() })
        };
        refused_for(apply(&world, 0, merge("a", "b")).await, "change.offset");
        refused_for(apply(&world, 1, merge("", "b")).await, "change.merge.surviving_person_id");
        let empty = ApplyPersonChangeRequest { change: Some(PersonChange { offset: 1, ..PersonChange::default() }) };
        refused_for(client.apply_person_change(empty).await, "change.change");
        assert!(apply(&world, 1, merge("a", "b")).await.unwrap(), "a refused change claims no offset");
        let reused = AdmitRequest { person_id: "p".to_owned(), ..admission("p", "sms", "r") };
        client.admit(reused.clone()).await.unwrap();
        let other = AdmitRequest { time: at(NOW), ..reused };
        assert_eq!(problem(&client.admit(other).await.unwrap_err()).1, "REQUEST_ID_REUSED");
    })
    .await;
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let directory = tempfile::tempdir().unwrap();
    {
        let world = embedded(directory.path(), Config::default()).await;
        create_policy(&world, frequency("one", 2, 86_400)).await.unwrap();
        record(&world, vec![contact("c", "p", NOW)]).await.unwrap();
        assert!(admit(&world, admission("p", "sms", "r")).await[0].admitted);
    }
    let world = embedded(directory.path(), Config::default()).await;
    let verdict = &admit(&world, admission("p", "sms", "")).await[0];
    assert_eq!((verdict.admitted, verdict.denials[0].used), (false, 2));
    assert!(admit(&world, admission("p", "sms", "r")).await[0].admitted, "the retry is still a retry");
    assert_eq!(record(&world, vec![contact("c", "p", NOW)]).await.unwrap(), (0, 1));
}
