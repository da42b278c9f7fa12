//! Five services as one: answers from a small world, remembers calls, fails when told to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use attune_proto::{contact::v1 as contact, decision::v1 as decision, identity::v1 as identity};
use attune_proto::{journey::v1 as journey, profile::v1 as profile};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http_body_util::{BodyExt as _, Full};
use parking_lot::Mutex;
use prost::Message;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Status;
use tonic::service::Routes;

use super::text;

/// What the fake knows and saw.
#[derive(Default)]
pub struct World {
    /// Method and the ids it was about, in order.
    pub calls: Vec<(String, Vec<String>)>,
    /// Methods that fail with UNAVAILABLE, and how often still.
    pub failing: BTreeMap<String, u32>,
    /// Names of events that profile refuses.
    pub poison: Vec<String>,
    /// Events that make AppendEvents refuse the whole request.
    pub venom: Vec<String>,
    pub persons: Vec<identity::PersonChange>,
    pub segments: Vec<profile::SegmentChange>,
    pub triggers: Vec<journey::JourneyChange>,
    pub acked: i64,
    /// Persons who may not be contacted.
    pub silent: Vec<String>,
    /// Offers that a policy holds back.
    pub denied: Vec<String>,
}

#[derive(Clone, Default)]
pub struct Fake(pub Arc<Mutex<World>>);

impl Fake {
    /// Starts it.
    pub async fn start() -> (Self, SocketAddr) {
        let fake = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let here = fake.clone();
        let router = Router::new().fallback(move |request: Request| {
            let fake = here.clone();
            async move { fake.serve(request).await }
        });
        let server = tonic::transport::Server::builder().add_routes(Routes::from(router));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        (fake, address)
    }

    /// The ids that a method was called with, all calls together.
    pub fn ids(&self, method: &str) -> Vec<String> {
        let world = self.0.lock();
        world.calls.iter().filter(|(name, _)| name == method).flat_map(|(_, ids)| ids.clone()).collect()
    }

    /// The ids without repeats, in the order of their first appearance.
    pub fn distinct(&self, method: &str) -> Vec<String> {
        let mut seen = std::collections::HashSet::new();
        self.ids(method).into_iter().filter(|id| seen.insert(id.clone())).collect()
    }

    pub fn fail(&self, method: &str, times: u32) {
        self.0.lock().failing.insert(method.to_owned(), times);
    }

    async fn serve(&self, request: Request) -> Response {
        let path = request.uri().path().to_owned();
        let method = path.trim_start_matches('/').trim_start_matches("attune.").replace(".v1.", ".");
        let method = method.rsplit_once('/').map_or(String::new(), |(service, name)| {
            format!("{}/{name}", service.split('.').next().unwrap_or_default())
        });
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let answer = self.answer(&method, body.get(5..).unwrap_or_default());
        match answer {
            Ok(bytes) => {
                let mut framed = vec![0];
                framed.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
                framed.extend(bytes);
                let mut trailers = http::HeaderMap::new();
                trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
                let body = Full::from(framed).with_trailers(std::future::ready(Some(Ok(trailers))));
                Response::builder().header("content-type", "application/grpc").body(Body::new(body)).unwrap()
            }
            Err(status) => status.into_http(),
        }
    }

    fn answer(&self, method: &str, bytes: &[u8]) -> Result<Vec<u8>, Status> {
        let mut world = self.0.lock();
        if let Some(left) = world.failing.get_mut(method).filter(|left| **left > 0) {
            *left -= 1;
            return Err(Status::unavailable("away"));
        }
        let (ids, answer) = world.answer(method, bytes)?;
        world.calls.push((method.to_owned(), ids));
        Ok(answer)
    }
}

fn read<T: Message + Default>(bytes: &[u8]) -> T {
    T::decode(bytes).unwrap()
}

fn invalid() -> tonic_types::pb::Status {
    tonic_types::pb::Status { code: 3, message: "no".to_owned(), details: Vec::new() }
}

impl World {
    fn answer(&mut self, method: &str, bytes: &[u8]) -> Result<(Vec<String>, Vec<u8>), Status> {
        let empty = Vec::new();
        Ok(match method {
            "identity/BatchResolve" => {
                let request: identity::BatchResolveRequest = read(bytes);
                let ids = request.requests.iter().map(|one| one.request_id.clone()).collect();
                let results = request.requests.iter().map(|one| {
                    let response = identity::ResolveResponse {
                        person_id: format!("p-{}", one.identifiers[0].value),
                        ..Default::default()
                    };
                    let result = identity::batch_resolve_result::Result::Response(response);
                    identity::BatchResolveResult { result: Some(result) }
                });
                (ids, identity::BatchResolveResponse { results: results.collect() }.encode_to_vec())
            }
            "identity/ReadChanges" => {
                let request: identity::ReadChangesRequest = read(bytes);
                let changes = self.persons.iter().filter(|one| one.offset > request.after_offset).cloned().collect();
                (empty, identity::ReadChangesResponse { changes, ..Default::default() }.encode_to_vec())
            }
            "profile/AppendEvents" => {
                let request: profile::AppendEventsRequest = read(bytes);
                if request.events.iter().any(|event| self.venom.contains(&event.event)) {
                    return Err(Status::invalid_argument("venom"));
                }
                let refused = |(index, _): (usize, &profile::Event)| profile::RejectedItem {
                    index: i32::try_from(index).unwrap(),
                    status: Some(invalid()),
                };
                let events = request.events.iter().enumerate();
                let rejected = events.filter(|(_, event)| self.poison.contains(&event.event)).map(refused).collect();
                let ids = request.events.iter().map(|event| event.event_id.clone()).collect();
                (ids, profile::AppendEventsResponse { rejected, ..Default::default() }.encode_to_vec())
            }
            "profile/ReadSegmentChanges" => {
                let request: profile::ReadSegmentChangesRequest = read(bytes);
                let changes = self.segments.iter().filter(|one| one.offset > request.after_offset).cloned().collect();
                (empty, profile::ReadSegmentChangesResponse { changes, ..Default::default() }.encode_to_vec())
            }
            "profile/MayContact" => {
                let request: profile::MayContactRequest = read(bytes);
                let allowed = !self.silent.contains(&request.person_id);
                let answer = profile::MayContactResponse {
                    allowed,
                    reason: "CONSENT_WITHDRAWN".to_owned(),
                    ..Default::default()
                };
                (vec![request.person_id], answer.encode_to_vec())
            }
            "profile/UpdateProfile" => {
                let request: profile::UpdateProfileRequest = read(bytes);
                let mut ids = vec![request.request_id];
                ids.extend(request.profile.unwrap().attributes.into_keys());
                (ids, Vec::new())
            }
            "journey/Observe" => {
                let request: journey::ObserveRequest = read(bytes);
                let named = |event: &profile::Event| match event.source.as_str() {
                    "profile" => format!("{}:{}", event.event, event.event_id),
                    _ => event.event_id.clone(),
                };
                (request.events.iter().map(named).collect(), Vec::new())
            }
            "journey/StreamTriggers" => {
                let changes = self.triggers.iter().filter(|one| one.offset > self.acked).cloned().collect();
                (empty, journey::StreamTriggersResponse { changes }.encode_to_vec())
            }
            "journey/AckTriggers" => {
                self.acked = read::<journey::AckTriggersRequest>(bytes).offset;
                (empty, Vec::new())
            }
            "decision/ImportDecisions" => {
                let request: decision::ImportDecisionsRequest = read(bytes);
                (request.decisions.into_iter().map(|one| one.external_id).collect(), Vec::new())
            }
            "decision/BatchRecordResponses" => {
                let request: decision::BatchRecordResponsesRequest = read(bytes);
                let ids = request.responses.iter().map(|one| format!("{}:{}", one.request_id, one.kind)).collect();
                let results = vec![decision::BatchRecordResponsesResult::default(); request.responses.len()];
                (ids, decision::BatchRecordResponsesResponse { results }.encode_to_vec())
            }
            "decision/GetPlacement" => {
                let placement = decision::Placement { channel: "mail".to_owned(), ..Default::default() };
                (empty, decision::GetPlacementResponse { placement: Some(placement) }.encode_to_vec())
            }
            "decision/GetOffer" => {
                (empty, decision::GetOfferResponse { offer: Some(decision::Offer::default()) }.encode_to_vec())
            }
            "decision/GetMessage" => {
                let message = decision::Message { template_id: "hello".to_owned(), ..Default::default() };
                (empty, decision::GetMessageResponse { message: Some(message) }.encode_to_vec())
            }
            "decision/Decide" => {
                let request: decision::DecideRequest = read(bytes);
                let content =
                    prost_types::Struct { fields: std::iter::once(("name".to_owned(), text("ada"))).collect() };
                let offer = decision::OfferedItem {
                    offer_id: "gold".to_owned(),
                    message_id: "gold-mail".to_owned(),
                    content: Some(content),
                    ..Default::default()
                };
                let answer = decision::DecideResponse {
                    decision_id: "d1".to_owned(),
                    person_id: request.subject.unwrap().person_id,
                    offers: vec![offer],
                    ..Default::default()
                };
                (vec![request.request_id], answer.encode_to_vec())
            }
            "contact/RecordContact" => {
                let request: contact::RecordContactRequest = read(bytes);
                let named = |one: &contact::Contact| match one.reservation_id.as_str() {
                    "" => one.contact_id.clone(),
                    reservation => format!("{}:{reservation}", one.contact_id),
                };
                (request.contacts.iter().map(named).collect(), Vec::new())
            }
            "contact/Admit" => {
                let request: contact::AdmitRequest = read(bytes);
                let denied = self.denied.contains(&request.candidates[0].offer_id);
                let denial = contact::Denial { contact_policy_id: "weekly-cap".to_owned(), ..Default::default() };
                let verdict = contact::Verdict {
                    admitted: !denied,
                    reservation_id: if denied { String::new() } else { "r1".to_owned() },
                    denials: if denied { vec![denial] } else { Vec::new() },
                    ..Default::default()
                };
                (vec![request.request_id], contact::AdmitResponse { verdicts: vec![verdict] }.encode_to_vec())
            }
            "contact/ReleaseReservations" => {
                (read::<contact::ReleaseReservationsRequest>(bytes).reservation_ids, Vec::new())
            }
            _ if method.ends_with("/ApplyPersonChange") => {
                let request: profile::ApplyPersonChangeRequest = read(bytes);
                let change = request.change.unwrap();
                let gone = match change.change {
                    Some(identity::person_change::Change::Split(split)) => split.split_alias_person_ids,
                    _ => Vec::new(),
                };
                (vec![[vec![change.offset.to_string()], gone].concat().join(" ")], Vec::new())
            }
            _ => return Err(Status::unimplemented(method.to_owned())),
        })
    }
}
