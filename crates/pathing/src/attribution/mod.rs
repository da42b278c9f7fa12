//! Attribution: how much of what was achieved each channel brought about.
//!
//! The input is a table of paths, each with how often it ended in a conversion, what that was worth, and how often it
//! ended in nothing ([`Paths`]); it can be read off an event log ([`Paths::of_log`]).
//!
//! | model | a conversion is given to |
//! |---|---|
//! | first, last, linear | the first touch; the last; all touches in equal parts |
//! | time decay | all touches, each half as much for every half-life before the conversion |
//! | position | 40 % to the first, 40 % to the last, the rest to those between in equal parts; halves when there are two |
//! | Markov | channels by their removal effect: the share of conversions that would be lost without them |
//! | Shapley | channels by their Shapley value in the game in which a set of channels earns the conversions of the paths that touch no other |

mod log;
mod markov;

use crate::log::{Dictionary, LogFull};

/// Touches on the way to a conversion or to nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct TouchPath {
    /// The channels in order, as codes; never empty.
    pub touches: Vec<u32>,
    /// For each touch, the seconds before the conversion, where the source knows them.
    pub seconds_before: Option<Vec<f64>>,
    /// How often it ended in a conversion.
    pub conversions: f64,
    /// What those were worth together.
    pub value: f64,
    /// How often it ended in nothing.
    pub nulls: f64,
}

/// Paths over named channels.
#[derive(Debug, Clone, Default)]
pub struct Paths {
    channels: Dictionary,
    paths: Vec<TouchPath>,
}

/// How a conversion is shared out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Model {
    /// To the first touch.
    First,
    /// To the last touch.
    Last,
    /// To all touches in equal parts.
    Linear,
    /// To all touches, each half as much for every half-life before the conversion. Where times are not known, a touch
    /// counts half as much for every touch after it.
    TimeDecay {
        /// Seconds in which a touch loses half its weight.
        half_life_seconds: f64,
    },
    /// 40 % to the first, 40 % to the last, the rest to those between.
    Position,
    /// By the removal effect in a Markov chain whose states are the last `order` touches, solved in closed form.
    Markov {
        /// Touches that a state remembers; at least 1.
        order: usize,
    },
    /// By the Shapley value.
    Shapley,
}

/// What a channel is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Credit {
    /// The channel.
    pub channel: String,
    /// Conversions.
    pub conversions: f64,
    /// Value.
    pub value: f64,
}

/// A chain that has too many states to be solved exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the chain has {states} states, and at most {limit} can be solved exactly; choose a lower order")]
pub struct TooManyStates {
    /// How many it has.
    pub states: usize,
    /// How many can be solved.
    pub limit: usize,
}

impl Paths {
    /// Adds a path of channel names; one without a touch is left out.
    ///
    /// # Errors
    /// [`LogFull`].
    pub fn push<'a>(
        &mut self,
        touches: impl IntoIterator<Item = &'a str>,
        conversions: f64,
        value: f64,
        nulls: f64,
    ) -> Result<(), LogFull> {
        let touches = touches.into_iter().map(|name| self.channels.intern(name)).collect::<Result<Vec<_>, _>>()?;
        if !touches.is_empty() {
            self.paths.push(TouchPath { touches, seconds_before: None, conversions, value, nulls });
        }
        Ok(())
    }

    /// The paths.
    #[must_use]
    pub fn paths(&self) -> &[TouchPath] {
        &self.paths
    }

    /// The credit of every channel, in the order of their names.
    ///
    /// # Errors
    /// [`TooManyStates`], for a Markov chain.
    pub fn attribute(&self, model: Model) -> Result<Vec<Credit>, TooManyStates> {
        let shares = match model {
            Model::Markov { order } => markov::attribute(self, order.max(1))?,
            _ => self.shared(|path, weights| weigh(model, path, weights)),
        };
        let mut credits: Vec<Credit> = self
            .channels
            .iter()
            .zip(shares)
            .map(|(channel, (conversions, value))| Credit { channel: channel.to_owned(), conversions, value })
            .collect();
        credits.sort_unstable_by(|a, b| a.channel.cmp(&b.channel));
        Ok(credits)
    }

    /// Shares every path out by weights of its touches.
    fn shared(&self, weigh: impl Fn(&TouchPath, &mut Vec<f64>)) -> Vec<(f64, f64)> {
        let mut shares = vec![(0.0, 0.0); self.channels.len()];
        let mut weights = Vec::new();
        for path in &self.paths {
            weights.clear();
            weigh(path, &mut weights);
            let sum: f64 = weights.iter().sum();
            for (touch, weight) in path.touches.iter().zip(&weights) {
                let (conversions, value) = &mut shares[*touch as usize];
                *conversions += path.conversions * weight / sum;
                *value += path.value * weight / sum;
            }
        }
        shares
    }
}

/// The weight of each touch of a path; not all of them are 0.
fn weigh(model: Model, path: &TouchPath, weights: &mut Vec<f64>) {
    let touches = path.touches.len();
    let last = touches.saturating_sub(1);
    match model {
        Model::First => weights.extend((0..touches).map(|at| f64::from(at == 0))),
        Model::Last => weights.extend((0..touches).map(|at| f64::from(at == last))),
        Model::Linear | Model::Markov { .. } => weights.extend((0..touches).map(|_| 1.0)),
        Model::TimeDecay { half_life_seconds } => match &path.seconds_before {
            // Counted from the last touch, so that the weights of an old path do not all vanish.
            Some(seconds) => {
                let nearest = seconds.last().copied().unwrap_or_default();
                weights.extend(seconds.iter().map(|before| (-(before - nearest) / half_life_seconds).exp2()));
            }
            None => weights.extend((0..touches).map(|at| (-((last - at) as f64)).exp2())),
        },
        Model::Position => weights.extend((0..touches).map(|at| match (touches, at) {
            (1 | 2, _) => 1.0,
            (_, at) if at == 0 || at == last => 0.4,
            _ => 0.2 / (touches - 2) as f64,
        })),
        // A path's conversions are earned by every set that holds all of its channels: a unanimity game, whose Shapley
        // value is an equal part for each of them; values of sums of games are sums of values.
        Model::Shapley => weights
            .extend(path.touches.iter().enumerate().map(|(at, touch)| f64::from(!path.touches[..at].contains(touch)))),
    }
}

#[cfg(test)]
mod tests;
