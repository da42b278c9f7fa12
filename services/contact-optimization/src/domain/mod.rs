//! Types and rules, without I/O, clock or randomness.
//!
//! * [`scope`]: which contacts a rule is about.
//! * [`contact`]: contacts, reservations and campaigns' life.
//! * [`policy`]: frequencies and capacities, compiled.
//! * [`window`]: how full a sliding window is, and when it has room again.
//! * [`ledger`]: what is remembered of one person's recent contacts.
//! * [`admit`]: the verdicts.
//! * [`book`]: what reserving, recording, releasing and expiring change.
//! * [`optimize`]: the best plan under every limit.

pub mod admit;
pub mod book;
pub mod campaign;
pub mod contact;
pub mod ledger;
pub mod optimize;
pub mod policy;
pub mod scope;
pub mod window;
