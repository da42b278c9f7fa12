//! What the service knows of deciding, as functions of their arguments.
//!
//! | module | what it holds |
//! |---|---|
//! | [`catalogue`] | offers, messages, placements; compiled for deciding |
//! | [`subject`] | the person and the moment, as the rules see them |
//! | [`decide`] | the way of every offer through one decision |
//! | [`arbitration`] | the choice, and its exact probability |
//! | [`beta`], [`model`] | what is believed of each propensity |
//! | [`moment`] | the order of a log, and spans of it |
//! | [`policy`] | how offers are arbitrated |
//! | [`response`] | answers, and what they teach |
//! | [`record`] | a decision as it is remembered |
//! | [`report`] | each offer's figures |
//! | [`simulate`] | what another policy would have been worth |
//! | [`draw`] | draws that anyone can repeat |

pub mod arbitration;
pub mod beta;
pub mod catalogue;
pub mod decide;
pub mod draw;
pub mod model;
pub mod moment;
pub mod policy;
pub mod record;
pub mod report;
pub mod response;
pub mod simulate;
pub mod subject;

#[cfg(test)]
pub(crate) mod testing;
