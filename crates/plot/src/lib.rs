//! Pictures as SVG text: pure functions from figures to a document.
//!
//! | module | picture |
//! |---|---|
//! | [`bars`] | horizontal bars, one or several series, with intervals |
//! | [`lines`] | lines over numbers with intervals, a diagonal or a level to compare with |
//! | [`funnel`] | how many reach each step |
//! | [`sankey`] | bands between the steps of journeys |
//! | [`graph`] | which event follows which, in layers |
//! | [`heat`] | a triangle or table of shares, such as retention by cohort |
//! | [`theme`] | colours, sizes and how figures are written |
//!
//! Every document stands alone: no script, no style sheet, no font of its own. It carries a title and a description for
//! readers of the screen, and what a shape stands for appears as its tooltip. The same figures give the same bytes.
//!
//! Deliberately absent: raster images. A renderer that can draw text adds 28 crates and needs fonts, which a container
//! does not have; every browser and every office program draws SVG.

pub mod bars;
mod canvas;
pub mod funnel;
pub mod graph;
pub mod heat;
mod layers;
pub mod lines;
pub mod sankey;
mod scale;
pub mod theme;

/// Why there is no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlotError {
    /// There is nothing to show.
    #[error("there is no {0} to draw")]
    Empty(&'static str),
    /// More than can be told apart or read.
    #[error("{count} {what} are more than the {limit} that a picture can show")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A figure that has no place on an axis.
    #[error("the {what} of {of:?} is not a finite number")]
    NotFinite {
        /// Which figure.
        what: &'static str,
        /// What it belongs to.
        of: String,
    },
    /// Two parts of the data that contradict one another.
    #[error("{0}")]
    Inconsistent(String),
}

/// Refuses more than a limit, and nothing at all.
fn within(what: &'static str, count: usize, limit: usize) -> Result<(), PlotError> {
    match count {
        0 => Err(PlotError::Empty(what)),
        count if count > limit => Err(PlotError::TooMany { what, count, limit }),
        _ => Ok(()),
    }
}

/// Refuses what is not a finite number.
fn finite(what: &'static str, of: &str, value: f64) -> Result<(), PlotError> {
    if value.is_finite() { Ok(()) } else { Err(PlotError::NotFinite { what, of: of.to_owned() }) }
}
