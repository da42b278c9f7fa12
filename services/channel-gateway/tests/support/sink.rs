//! An HTTP endpoint that takes messages.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use parking_lot::Mutex;
use tokio::net::TcpListener;

/// What the endpoint has.
#[derive(Default)]
pub struct Seen {
    /// How often a message was taken, by key. An endpoint that honours keys takes each once.
    pub taken: BTreeMap<String, u32>,
    /// How often one was posted.
    pub posts: u32,
    /// Statuses to answer first; a message is not taken then.
    pub answers: Vec<StatusCode>,
    /// Whether it takes a message and then breaks off without an answer.
    pub breaks: u32,
    /// The headers of the last post.
    pub headers: HeaderMap,
    /// The last body.
    pub body: String,
}

/// The endpoint; `honours` says whether a repeat under a key is known.
#[derive(Clone)]
pub struct Sink {
    pub seen: Arc<Mutex<Seen>>,
    honours: bool,
}

impl Sink {
    pub async fn start(honours: bool) -> (Self, SocketAddr) {
        let sink = Self { seen: Arc::default(), honours };
        let routes = Router::new().route("/hook", post(take)).route("/has/{key}", get(has)).with_state(sink.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (sink, address)
    }
}

async fn take(State(sink): State<Sink>, headers: HeaderMap, body: String) -> StatusCode {
    let is_broken = {
        let mut seen = sink.seen.lock();
        seen.posts += 1;
        seen.headers = headers.clone();
        seen.body = body;
        if let Some(answer) = seen.answers.pop() {
            return answer;
        }
        let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
        let count = seen.taken.entry(key).or_default();
        *count = if sink.honours { 1 } else { *count + 1 };
        let is_broken = seen.breaks > 0;
        seen.breaks = seen.breaks.saturating_sub(1);
        is_broken
    };
    if is_broken {
        // Longer than any caller of these tests waits.
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    }
    StatusCode::ACCEPTED
}

async fn has(State(sink): State<Sink>, Path(key): Path<String>) -> StatusCode {
    if sink.seen.lock().taken.contains_key(&key) { StatusCode::OK } else { StatusCode::NOT_FOUND }
}
