//! Collecting events as JSON, for web tags and systems that do not speak gRPC.
//!
//! `POST /v1/collect` takes `{"events": [...]}` and answers 202 once the good events are durable, with the others by index.
//! 400: the body is not such JSON, with line and column; 413: it is too long; 503: the store is away, send it again.
//!
//! `POST /v1/collect?site=ID` takes what the web tag of a configured site sends, from the site's origins only; `GET /a.js` is the
//! tag and `GET /v1/sites/ID` what it is to collect.

mod sites;

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_kernel::{Code, Problem, Violation};
use attune_proto::channel::v1::{CollectEvent, CollectResponse};
use attune_proto::identity::v1::Identifier;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::{get, post};
use serde_json::{Map, Value};

use self::sites::Sites;
use crate::config::Site;
use crate::grpc::{Gateway, item_problem, object, stamp};

/// Deepest nesting of properties: what is deeper does not decode again as a message.
const MAX_DEPTH: usize = 16;

/// What the routes are given.
#[derive(Clone)]
struct Given {
    gateway: Gateway,
    sites: Arc<Sites>,
}

/// The routes; those of the web tag where there are sites.
pub(crate) fn router(gateway: Gateway, max_body_bytes: usize, sites: BTreeMap<String, Site>) -> Router {
    let limit = DefaultBodyLimit::max(max_body_bytes);
    let mut router = Router::new().route("/v1/collect", post(collect)).layer(limit);
    if !sites.is_empty() {
        router = router.route("/a.js", get(tag)).route("/v1/sites/{site}", get(settings));
    }
    router.with_state(Given { gateway, sites: Arc::new(Sites(sites)) })
}

async fn tag(headers: HeaderMap) -> Response {
    sites::tag(&headers)
}

async fn settings(State(given): State<Given>, Path(site): Path<String>) -> Response {
    given.sites.settings(&site)
}

async fn collect(State(given): State<Given>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let site = match given.sites.of(&uri, &headers) {
        Ok(site) => site,
        Err(problem) => return refuse(&problem),
    };
    let mut events = match read(&body) {
        Ok(events) => events,
        Err(problem) => return refuse(&problem),
    };
    if let Some((id, site)) = site {
        for (index, one) in events.iter_mut().enumerate() {
            from_page(index, one, id, site);
        }
    }
    let response = match given.gateway.accept(events).await {
        Ok(answer) => (StatusCode::ACCEPTED, Json(report(answer))).into_response(),
        Err(problem) => refuse(&problem),
    };
    if site.is_some() { sites::readable(response, &headers) } else { response }
}

/// Refuses what a page may not say, and says which site the rest is from.
fn from_page(index: usize, one: &mut Read, id: &str, site: &Site) {
    let Ok(event) = one else { return };
    let mut broken = sites::foreign(site, event);
    if broken.is_empty() {
        if event.source.is_empty() {
            event.source = format!("web:{id}");
        }
        return;
    }
    for violation in &mut broken {
        violation.field = format!("events[{index}].{}", violation.field);
    }
    *one = Err(Box::new((std::mem::take(&mut event.event_id), Problem::invalid(broken))));
}

fn refuse(problem: &Problem) -> Response {
    let status = match problem.code {
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => StatusCode::SERVICE_UNAVAILABLE,
        _ => {
            tracing::error!(reason = problem.reason, detail = %problem.message, "collecting over http failed");
            let text = serde_json::json!({ "reason": "INTERNAL", "message": "internal error" });
            return (StatusCode::INTERNAL_SERVER_ERROR, Json(text)).into_response();
        }
    };
    let text = serde_json::json!({ "reason": problem.reason, "message": problem.message });
    (status, Json(text)).into_response()
}

fn report(answer: CollectResponse) -> Value {
    let rejected: Vec<Value> = answer
        .rejected
        .into_iter()
        .map(|one| {
            let status = one.status.unwrap_or_default();
            let problem = item_problem(&status);
            let fields: Vec<Value> = problem
                .violations
                .into_iter()
                .map(|violation| serde_json::json!({ "field": violation.field, "description": violation.description }))
                .collect();
            serde_json::json!({
                "index": one.index,
                "event_id": one.event_id,
                "reason": problem.reason,
                "message": problem.message,
                "fields": fields,
            })
        })
        .collect();
    serde_json::json!({ "accepted": answer.accepted, "duplicates": answer.duplicates, "rejected": rejected })
}

type Read = Result<CollectEvent, Box<(String, Problem)>>;

fn read(body: &[u8]) -> Result<Vec<Read>, Problem> {
    let whole: Value = serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Problem::new(Code::InvalidArgument, "MALFORMED_JSON", format!("the body is not JSON: {place}"))
    })?;
    let Value::Object(mut whole) = whole else {
        return Err(Problem::invalid_field("events", "must be a list in an object"));
    };
    let events = whole.remove("events");
    if let Some(name) = whole.keys().next() {
        return Err(Problem::invalid_field(name.as_str(), "is not a known field"));
    }
    let Some(Value::Array(events)) = events else {
        return Err(Problem::invalid_field("events", "must be a list"));
    };
    Ok(events.into_iter().enumerate().map(|(index, event)| one(index, event)).collect())
}

fn one(index: usize, event: Value) -> Read {
    let Value::Object(mut fields) = event else {
        let problem = Problem::invalid_field(format!("events[{index}]"), "must be an object");
        return Err(Box::new((String::new(), problem)));
    };
    let mut broken = Vec::new();
    let event = {
        let mut text = |name: &str| match fields.remove(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(_) => {
                broken.push(Violation::new(name, "must be a text"));
                String::new()
            }
        };
        CollectEvent {
            event_id: text("event_id"),
            event: text("event"),
            channel: text("channel"),
            session_id: text("session_id"),
            source: text("source"),
            ..CollectEvent::default()
        }
    };
    let event = CollectEvent {
        identifiers: identifiers(fields.remove("identifiers"), &mut broken),
        time: time(fields.remove("time"), &mut broken),
        properties: properties(fields.remove("properties"), &mut broken),
        sequence: match fields.remove("sequence") {
            None | Some(Value::Null) => 0,
            Some(value) => value.as_i64().unwrap_or_else(|| {
                broken.push(Violation::new("sequence", "must be a whole number"));
                0
            }),
        },
        ..event
    };
    broken.extend(fields.keys().map(|name| Violation::new(name.as_str(), "is not a known field")));
    if broken.is_empty() {
        return Ok(event);
    }
    for violation in &mut broken {
        violation.field = format!("events[{index}].{}", violation.field);
    }
    Err(Box::new((event.event_id, Problem::invalid(broken))))
}

fn identifiers(value: Option<Value>, broken: &mut Vec<Violation>) -> Vec<Identifier> {
    let Some(Value::Array(items)) = value else {
        broken.push(Violation::new("identifiers", "must be a list of namespace and value"));
        return Vec::new();
    };
    let mut read = |(index, item): (usize, Value)| {
        let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let identifier = text("namespace").zip(text("value")).map(|(namespace, value)| Identifier { namespace, value });
        if identifier.is_none() {
            broken.push(Violation::new(format!("identifiers[{index}]"), "must have the texts namespace and value"));
        }
        identifier
    };
    items.into_iter().enumerate().filter_map(&mut read).collect()
}

/// RFC 3339, or epoch milliseconds as a number or a text.
fn time(value: Option<Value>, broken: &mut Vec<Violation>) -> Option<prost_types::Timestamp> {
    let text = match value {
        Some(Value::String(text)) => text,
        Some(Value::Number(number)) => number.to_string(),
        _ => {
            broken.push(Violation::new("time", "must be RFC 3339 or epoch milliseconds"));
            return None;
        }
    };
    match attune_kernel::Timestamp::parse(&text) {
        Ok(time) => stamp(time),
        Err(error) => {
            broken.push(Violation::new("time", error.to_string()));
            None
        }
    }
}

fn properties(value: Option<Value>, broken: &mut Vec<Violation>) -> Option<prost_types::Struct> {
    match value {
        None | Some(Value::Null) => None,
        Some(Value::Object(fields)) if fits(&fields) => Some(object(fields)),
        Some(Value::Object(_)) => {
            broken.push(Violation::new("properties", format!("must not be nested deeper than {MAX_DEPTH}")));
            None
        }
        Some(_) => {
            broken.push(Violation::new("properties", "must be an object"));
            None
        }
    }
}

fn fits(fields: &Map<String, Value>) -> bool {
    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
            Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
            _ => 0,
        }
    }
    fields.values().map(depth).max().unwrap_or_default() < MAX_DEPTH
}
