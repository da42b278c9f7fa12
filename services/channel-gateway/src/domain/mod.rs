//! What the gateway decides, as functions of values: what an event is relayed to, and what happens next to a delivery.
//!
//! No async, no I/O, no clock, no wire types.

pub mod change;
pub mod delivery;
pub mod erasure;
pub mod record;
pub mod relay;
pub mod retry;
