//! From scores to probabilities (`post_transform` of ai.onnx.ml).

use crate::Error;
use crate::attributes::Attributes;

/// What is done with scores at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PostTransform {
    None,
    Logistic,
    Softmax,
    SoftmaxZero,
}

impl PostTransform {
    pub(crate) fn read(attributes: &Attributes<'_>) -> Result<Self, Error> {
        Ok(match attributes.text("post_transform", "NONE").as_str() {
            "NONE" | "" => Self::None,
            "LOGISTIC" => Self::Logistic,
            "SOFTMAX" => Self::Softmax,
            "SOFTMAX_ZERO" => Self::SoftmaxZero,
            other => return Err(attributes.wrong(format!("ends with {other}, which is not known"))),
        })
    }

    /// All scores of a row.
    pub(crate) fn apply(self, scores: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Logistic => scores.iter_mut().for_each(|score| *score = logistic(*score)),
            Self::Softmax => softmax(scores, false),
            Self::SoftmaxZero => softmax(scores, true),
        }
    }

    /// The scores of both classes where there is one, of the second. `positive`: it is a probability already.
    pub(crate) fn two(self, score: f32, positive: bool) -> (f32, f32) {
        match self {
            Self::Logistic => (logistic(-score), logistic(score)),
            Self::None if positive => (1.0 - score, score),
            Self::None => (-score, score),
            Self::Softmax | Self::SoftmaxZero => {
                let mut both = [-score, score];
                self.apply(&mut both);
                (both[0], both[1])
            }
        }
    }
}

pub(crate) fn logistic(score: f32) -> f32 {
    1.0 / (1.0 + (-score).exp())
}

/// Shares in proportion to the exponential; `zero`: scores of exactly 0 stay 0.
pub(crate) fn softmax(scores: &mut [f32], zero: bool) {
    let greatest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = if zero && *score == 0.0 { 0.0 } else { (*score - greatest).exp() };
        sum += *score;
    }
    if sum > 0.0 {
        scores.iter_mut().for_each(|score| *score /= sum);
    }
}
