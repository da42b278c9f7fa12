//! How good predictions are.
//!
//! | module | what it is |
//! |---|---|
//! | [`auc`] | how well they rank, with an interval |
//! | [`figures`] | accuracy, losses, calibration, capture and lift, by month |
//! | [`drift`] | how far two samples are apart |

pub mod auc;
pub mod drift;
pub mod figures;

pub use auc::{Auc, auc};
pub use figures::{Figures, figures};
