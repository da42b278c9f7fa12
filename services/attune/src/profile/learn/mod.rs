//! `attune profile train|score|ltv`: what is learned from files, and asked of files.
//!
//! | module | what it is |
//! |---|---|
//! | `input` | tables and labels |
//! | `train`, `report`, `plots` | a model, what it is worth, and pictures of it |
//! | `score`, `imported` | probabilities and reasons of rows, and how far they have drifted; models of others |
//! | `ltv` | what customers will be worth |

mod imported;
mod input;
mod ltv;
mod plots;
mod report;
mod score;
mod train;

pub(crate) use ltv::run as ltv;
pub(crate) use score::run as score;
pub(crate) use train::run as train;

use attune_learning::Error;

use crate::exit::Failure;

/// What is wrong is in the file, whose name the message begins with.
fn refused(name: &str, error: &Error) -> Failure {
    Failure::input(format!("{name}: {error}"))
}
