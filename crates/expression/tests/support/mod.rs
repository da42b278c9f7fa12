//! The schema and values that the tests share.

#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test support")]

pub(crate) mod tape;

use attune_expression::{MapSource, Program, Schema, Type, compile};
use serde_json::json;

pub(crate) fn schema() -> Schema {
    Schema::builder()
        .field("now", Type::Timestamp)
        .field("profile.age", Type::Int)
        .field("profile.score", Type::Double)
        .field("profile.name", Type::String)
        .field("profile.vip", Type::Bool)
        .field("profile.joined", Type::Timestamp)
        .field("profile.idle", Type::Duration)
        .field("profile.tags", Type::list(Type::String))
        .field("profile.limits", Type::list(Type::Int))
        .field("profile.attributes.city", Type::String)
        .field("profile.holdings", Type::list(Type::map(Type::Any)))
        .field("context", Type::map(Type::String))
        .field("event", Type::map(Type::Any))
        .field("count", Type::Int)
        .build()
        .unwrap()
}

pub(crate) fn json() -> serde_json::Value {
    json!({
        "now": "2026-11-22T10:30:00Z",
        "profile": {
            "age": 41,
            "score": 0.5,
            "name": "Kim",
            "vip": true,
            "joined": "2024-02-29T23:59:59.5Z",
            "idle": "36h",
            "tags": ["gold", "mobile"],
            "limits": [1, 2, 3],
            "attributes": {},
            "holdings": [{"kind": "card", "balance": 12.5}, {"kind": "loan", "balance": 900}],
        },
        "context": {"channel": "web"},
        "event": {"amount": 120, "currency": "KRW", "note": null},
    })
}

pub(crate) fn source() -> MapSource {
    MapSource::from_json(&schema(), &json())
}

pub(crate) fn program(text: &str, of: Type) -> Program {
    compile(text, &schema(), of).unwrap_or_else(|errors| panic!("{text}: {}", errors[0]))
}
