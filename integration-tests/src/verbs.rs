//! What channels and operators do with a suite, in one line each.

use attune_proto::channel::v1::{CollectRequest, CollectResponse, GetPipelineRequest, GetPipelineResponse};
use attune_proto::contact::v1::{Contact, ListContactsRequest};
use attune_proto::decision::v1::{DecideRequest, DecideResponse, ExplainRequest, ExplainResponse, Subject};
use attune_proto::identity::v1::ResolveRequest;
use attune_proto::profile::v1::{Consent, Event, GetProfileRequest, ListTimelineRequest, Profile, SetConsentRequest};
use serde_json::Value;

use crate::events::{Happening, identifier};
use crate::patience::eventually;
use crate::suite::{Suite, lines};

impl Suite {
    /// Collects events, all of which must be taken.
    pub async fn collect(&self, events: impl IntoIterator<Item = Happening>) -> CollectResponse {
        let events = events.into_iter().map(Into::into).collect();
        let answer = self.clients.channel.clone().collect(CollectRequest { events }).await;
        let answer = answer.expect("the events are accepted").into_inner();
        assert_eq!(answer.rejected, [], "no event is rejected");
        answer
    }

    /// The queues.
    pub async fn pipeline(&self) -> GetPipelineResponse {
        self.clients.channel.clone().get_pipeline(GetPipelineRequest {}).await.expect("the pipeline").into_inner()
    }

    /// Waits until no accepted event is left to work through.
    pub async fn worked_through(&self) -> GetPipelineResponse {
        eventually("every accepted event is worked through", || async {
            let pipeline = self.pipeline().await;
            (pipeline.inbox_pending == 0).then_some(pipeline)
        })
        .await
    }

    /// Waits until the identity feed was relayed to its end.
    pub async fn changes_relayed(&self) {
        let mut identity = self.clients.identity.clone();
        let request = attune_proto::identity::v1::ReadChangesRequest { max_changes: 1000, ..Default::default() };
        let last = identity.read_changes(request).await.expect("the feed").into_inner().next_offset;
        eventually("every change of persons is relayed", || async {
            let cursors = self.pipeline().await.cursors;
            (cursors.get("identity").copied().unwrap_or_default() >= last).then_some(())
        })
        .await;
    }

    /// The person that an identifier belongs to.
    pub async fn person(&self, who: (&str, &str)) -> String {
        self.find(who).await.unwrap_or_else(|| panic!("{} is nobody's", who.0))
    }

    /// The person that an identifier belongs to, when anybody.
    pub async fn find(&self, who: (&str, &str)) -> Option<String> {
        let request =
            ResolveRequest { identifiers: vec![identifier(who)], read_only: true, ..ResolveRequest::default() };
        match self.clients.identity.clone().resolve(request).await {
            Ok(answer) => Some(answer.into_inner().person_id),
            Err(status) if status.code() == tonic::Code::NotFound => None,
            Err(status) => panic!("resolving failed: {status:?}"),
        }
    }

    /// All that is known of a person.
    pub async fn profile(&self, person_id: &str) -> Profile {
        let request = GetProfileRequest { person_id: person_id.to_owned() };
        let answer = self.clients.profile.clone().get_profile(request).await.expect("the profile");
        answer.into_inner().profile.expect("a profile")
    }

    /// A person's whole timeline, oldest first, read page by page.
    pub async fn timeline(&self, person_id: &str) -> Vec<Event> {
        let (mut events, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListTimelineRequest {
                person_id: person_id.to_owned(),
                page_size: 100,
                page_token,
                ascending: true,
                ..ListTimelineRequest::default()
            };
            let page = self.clients.profile.clone().list_timeline(request).await.expect("a page").into_inner();
            events.extend(page.events);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return events;
            }
        }
    }

    /// The person allows advertising on every channel.
    pub async fn consents(&self, person_id: &str, granted: bool) {
        let consent = Consent { purpose: "marketing".to_owned(), granted, ..Consent::default() };
        let request = SetConsentRequest {
            person_id: person_id.to_owned(),
            consent: Some(consent),
            ..SetConsentRequest::default()
        };
        self.clients.profile.clone().set_consent(request).await.expect("the consent is recorded");
    }

    /// Asks what to show to somebody, with the reasons.
    pub async fn decide(&self, who: (&str, &str), placement: &str) -> DecideResponse {
        let subject = Subject { identifiers: vec![identifier(who)], ..Subject::default() };
        let request = DecideRequest {
            subject: Some(subject),
            placement: placement.to_owned(),
            explain: true,
            ..DecideRequest::default()
        };
        self.clients.decision.clone().decide(request).await.expect("a decision").into_inner()
    }

    /// A decision with the responses that were joined to it.
    pub async fn explain(&self, decision_id: &str) -> ExplainResponse {
        let request = ExplainRequest { decision_id: decision_id.to_owned() };
        self.clients.decision.clone().explain(request).await.expect("an explanation").into_inner()
    }

    /// The contacts of a person.
    pub async fn contacts(&self, person_id: &str) -> Vec<Contact> {
        let request = ListContactsRequest { person_id: person_id.to_owned(), ..ListContactsRequest::default() };
        self.clients.contact.clone().list_contacts(request).await.expect("the contacts").into_inner().contacts
    }

    /// The messages in the file of a channel that belong to a person.
    #[must_use]
    pub fn messages(&self, file: &str, person_id: &str) -> Vec<Value> {
        let all = lines(&self.outbox().join(file));
        all.into_iter().filter(|line| line["person_id"] == person_id).collect()
    }
}
