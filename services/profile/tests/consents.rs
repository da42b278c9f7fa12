//! The contract from outside: double opt-in, quiet preferences, suppressions and scores.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test fails by panicking and documents itself"
)]

mod support;

use attune_kernel::Timestamp;
use attune_proto::profile::v1::*;
use support::*;

async fn may(suite: &mut Suite, person: &str, address_hash: &str) -> MayContactResponse {
    let request = MayContactRequest {
        person_id: person.to_owned(),
        purpose: "marketing".to_owned(),
        channel: "email".to_owned(),
        address_hash: address_hash.to_owned(),
        ..MayContactRequest::default()
    };
    suite.client.may_contact(request).await.unwrap().into_inner()
}

fn yes(double_opt_in: bool) -> SetConsentRequest {
    let consent = Consent {
        purpose: "marketing".to_owned(),
        granted: true,
        legal_basis: "consent".to_owned(),
        ..Consent::default()
    };
    SetConsentRequest { person_id: "p".to_owned(), consent: Some(consent), double_opt_in }
}

#[tokio::test]
async fn a_consent_waits_for_its_token_and_takes_it_once() {
    for mut suite in suites().await {
        let waits = suite.client.set_consent(yes(true)).await.unwrap().into_inner();
        assert!(waits.consents.is_empty() && waits.confirm_token.len() == 32);
        let answer = may(&mut suite, "p", "").await;
        assert_eq!((answer.allowed, answer.reason.as_str()), (false, "CONSENT_PENDING"));
        assert!(answer.consent.unwrap().proof.is_empty() && !answer.remedy.is_empty());
        let confirm = |token: &str| ConfirmConsentRequest {
            person_id: "p".to_owned(),
            token: token.to_owned(),
            ..Default::default()
        };
        let status = suite.client.confirm_consent(confirm("wrong")).await.unwrap_err();
        assert_eq!(reason(&status), "CONFIRM_TOKEN_UNKNOWN");
        let given = suite.client.confirm_consent(confirm(&waits.confirm_token)).await.unwrap().into_inner().consents;
        assert!(given[0].granted && given[0].legal_basis == "consent" && given[0].proof.starts_with("double-opt-in:"));
        assert!(may(&mut suite, "p", "").await.allowed);
        let status = suite.client.confirm_consent(confirm(&waits.confirm_token)).await.unwrap_err();
        assert_eq!(reason(&status), "CONFIRM_TOKEN_UNKNOWN");
        suite.stop().await;
    }
}

#[tokio::test]
async fn quiet_hours_say_when_they_end() {
    for mut suite in suites().await {
        suite.client.set_consent(yes(false)).await.unwrap();
        // The clock stands at 22:13 UTC, which is 07:13 in Seoul.
        let quiet = QuietPreference {
            time_zone: "Asia/Seoul".to_owned(),
            from_minute: 0,
            until_minute: 480,
            ..Default::default()
        };
        let set = |quiet: QuietPreference| SetQuietPreferenceRequest {
            person_id: "p".to_owned(),
            quiet_preference: Some(quiet),
        };
        suite.client.set_quiet_preference(set(quiet.clone())).await.unwrap();
        let answer = may(&mut suite, "p", "").await;
        assert_eq!((answer.allowed, answer.reason.as_str()), (false, "QUIET_HOURS"));
        assert_eq!(
            answer.allowed_from.unwrap().seconds,
            Timestamp::parse("2023-11-14T23:00:00Z").unwrap().as_millis() / 1000
        );
        assert_eq!(suite.profile("p").await.quiet_preference.unwrap().time_zone, "Asia/Seoul");
        let bad = QuietPreference { time_zone: "Nowhere".to_owned(), weekdays: vec![8], ..quiet };
        let status = suite.client.set_quiet_preference(set(bad)).await.unwrap_err();
        assert_eq!(fields(&status), ["quiet_preference.time_zone", "quiet_preference.weekdays[0]"]);
        suite.stop().await;
    }
}

#[tokio::test]
async fn suppressions_hold_for_persons_and_addresses_and_survive_an_erasure() {
    for mut suite in suites().await {
        suite.client.set_consent(yes(false)).await.unwrap();
        let hash = "ab".repeat(32);
        let one = |person: &str, address: &str, lifted| Suppression {
            person_id: person.to_owned(),
            address_hash: address.to_owned(),
            source: "robinson".to_owned(),
            lifted,
            ..Suppression::default()
        };
        let request = ImportSuppressionsRequest {
            suppressions: vec![
                one("q", "", false),
                one("", &hash, false),
                one("", "xyz", false),
                one("q", &hash, false),
            ],
        };
        let done = suite.client.import_suppressions(request).await.unwrap().into_inner();
        assert_eq!((done.imported, done.rejected.iter().map(|one| one.index).collect::<Vec<_>>()), (2, vec![2, 3]));
        assert_eq!(may(&mut suite, "q", "").await.reason, "SUPPRESSED");
        assert_eq!(may(&mut suite, "p", &hash).await.reason, "ADDRESS_SUPPRESSED");
        assert!(may(&mut suite, "p", &"cd".repeat(32)).await.allowed);
        // Consents as decision reads them hold no suppression.
        assert!(suite.profile("q").await.consents.is_empty());
        let erase = ErasePersonRequest { person_id: "p".to_owned(), ..Default::default() };
        suite.client.erase_person(erase).await.unwrap();
        suite.client.set_consent(yes(false)).await.unwrap();
        assert_eq!(may(&mut suite, "p", &hash).await.reason, "ADDRESS_SUPPRESSED");
        suite.clock.advance(std::time::Duration::from_secs(1));
        let lift = ImportSuppressionsRequest { suppressions: vec![one("", &hash, true)] };
        suite.client.import_suppressions(lift).await.unwrap();
        assert!(may(&mut suite, "p", &hash).await.allowed);
        suite.stop().await;
    }
}

#[tokio::test]
async fn scores_are_read_in_profiles_and_segments_while_they_are_valid() {
    for mut suite in suites().await {
        suite.create_segment("leaving", "scores.churn > 0.7").await.unwrap();
        let reason = ScoreReason { name: "traits.events_30d".to_owned(), contribution: -0.4 };
        let score = |person: &str, value, version: &str| Score {
            person_id: person.to_owned(),
            model_id: "churn".to_owned(),
            value,
            model_version: version.to_owned(),
            reasons: vec![reason.clone()],
            ..Score::default()
        };
        let over = Score { expire_time: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }), ..score("r", 0.9, "1") };
        let scores =
            vec![score("p", 0.9, "1"), score("q", 0.2, "1"), score("", 0.2, "1"), score("q", f64::NAN, "1"), over];
        let done = suite.client.write_scores(WriteScoresRequest { scores }).await.unwrap().into_inner();
        assert_eq!((done.written, done.rejected.iter().map(|one| one.index).collect::<Vec<_>>()), (3, vec![2, 3]));
        suite.members_become("leaving", &["p"]).await;
        let profile = suite.profile("p").await;
        assert_eq!((profile.scores.len(), profile.scores[0].value, profile.scores[0].reasons.len()), (1, 0.9, 1));
        assert!(suite.profile("r").await.scores.is_empty());
        // A repeat changes nothing, a later one does.
        let again = WriteScoresRequest { scores: vec![score("p", 0.9, "1")] };
        assert_eq!(suite.client.write_scores(again).await.unwrap().into_inner().written, 0);
        suite.clock.advance(std::time::Duration::from_secs(1));
        let later = WriteScoresRequest { scores: vec![score("p", 0.1, "2")] };
        assert_eq!(suite.client.write_scores(later).await.unwrap().into_inner().written, 1);
        suite.members_become("leaving", &[]).await;
        suite.stop().await;
    }
}
