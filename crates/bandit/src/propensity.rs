//! The probability of a yes, from several models that are stacked by what they said lately.
//!
//! Four heads look at the same row: a logistic regression with a full covariance that remembers everything, one that
//! forgets, one over quantile bins with steps of its own for each bin, and one over random features of a kernel. Which of
//! them is right depends on the offer and changes with time, so a small logistic regression over their log-odds, which
//! forgets too, has the last word (stacking, Wolpert 1992; combining forecasts in log-odds, Ranjan and Gneiting 2010).

use serde::{Deserialize, Serialize};

use crate::bayes::Bayes;
use crate::encode::{Encoded, Shape};
use crate::first_order::FirstOrder;
use crate::kernel::Kernel;
use crate::{logit, sigmoid};

/// How a model of a propensity learns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The share of yes that is expected before any answer, in (0, 1).
    pub start: f64,
    /// The variance of a weight before any answer.
    pub variance: f64,
    /// By how much the covariance of the forgetting head grows with an answer.
    pub forgetting: f64,
    /// The first step of the head over bins.
    pub rate: f64,
    /// Random features of the curved head; 0 for none.
    pub features: usize,
    /// The width of their kernel, in roots of the number of columns.
    pub width: f64,
    /// By how much the covariance of the stack grows with an answer.
    pub stack_forgetting: f64,
    /// How much of the recent share of yes is kept with an answer: it is an input of all heads.
    pub memory: f64,
    /// What random features are drawn by.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            start: 0.1,
            variance: 1.0,
            forgetting: 2e-4,
            rate: 0.15,
            features: 100,
            width: 1.0,
            stack_forgetting: 1e-4,
            memory: 0.99,
            seed: 7,
        }
    }
}

/// The variance of an intercept before any answer: nothing is known of it.
const OPEN: f64 = 10.0;
/// The precision of a stack's weights, in units of the prior.
const STACK_VARIANCE: f64 = 0.05;
/// The norm of a row's random features.
const SCALE: f64 = 2.0;
/// The recent share of yes is kept away from 0 and 1 by this much.
const EDGE: f64 = 0.005;

/// A model of one yes-or-no answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Propensity {
    settings: Settings,
    steady: Bayes,
    forgetting: Bayes,
    binned: FirstOrder,
    curved: Option<(Kernel, Bayes)>,
    stack: Bayes,
    recent: f64,
    answers: u64,
    #[serde(skip)]
    dense: Vec<f64>,
    #[serde(skip)]
    bins: Vec<u32>,
    #[serde(skip)]
    features: Vec<f64>,
    #[serde(skip)]
    said: Vec<f64>,
}

impl Propensity {
    /// A model over rows of this shape.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "heads and columns are few")]
    pub fn new(settings: Settings, shape: Shape) -> Self {
        let head = |length: usize, variance: f64, forgetting: f64| {
            let mut prior = vec![variance; length];
            if let Some(first) = prior.first_mut() {
                *first = OPEN;
            }
            let mut weights = vec![0.0; length];
            if let Some(first) = weights.first_mut() {
                *first = logit(settings.start);
            }
            Bayes::new(weights, prior, forgetting)
        };
        // The recent share of yes is an entry more.
        let length = shape.dense + 1;
        let curved = (settings.features > 0).then(|| {
            let width = settings.width * (shape.columns.max(1) as f64).sqrt();
            let kernel = Kernel::new(shape.dense, settings.features, width, SCALE, settings.seed);
            (kernel, head(settings.features + 1, settings.variance, settings.forgetting))
        });
        let heads = 3 + usize::from(curved.is_some());
        let mut weights = vec![1.0 / heads as f64; heads + 1];
        if let Some(first) = weights.first_mut() {
            *first = 0.0;
        }
        Self {
            steady: head(length, settings.variance, 0.0),
            forgetting: head(length, settings.variance, settings.forgetting),
            binned: FirstOrder::new(shape.bins, settings.rate, 1.0),
            curved,
            stack: Bayes::new(weights, vec![STACK_VARIANCE; heads + 1], settings.stack_forgetting),
            recent: settings.start,
            answers: 0,
            settings,
            dense: Vec::new(),
            bins: Vec::new(),
            features: Vec::new(),
            said: Vec::new(),
        }
    }

    /// How many answers it learned from.
    #[must_use]
    pub const fn answers(&self) -> u64 {
        self.answers
    }

    fn read(&mut self, row: &Encoded) {
        let recent = self.recent.clamp(EDGE, 1.0 - EDGE);
        self.dense.clone_from(&row.dense);
        self.dense.push(logit(recent) - logit(self.settings.start));
        self.bins.clone_from(&row.bins);
        self.said.clear();
        self.said.push(1.0);
        self.said.push(logit(self.steady.predict(&self.dense)));
        self.said.push(logit(self.forgetting.predict(&self.dense)));
        self.said.push(logit(sigmoid(self.binned.odds(&self.bins))));
        if let Some((kernel, head)) = &mut self.curved {
            self.features.clear();
            self.features.push(1.0);
            kernel.append(&row.dense, &mut self.features);
            self.said.push(logit(head.predict(&self.features)));
        }
    }

    /// The probability of a yes.
    pub fn predict(&mut self, row: &Encoded) -> f64 {
        self.read(row);
        self.stack.predict(&self.said)
    }

    /// What each head says: steady, forgetting, binned and, if there is one, curved.
    pub fn heads(&mut self, row: &Encoded) -> Vec<f64> {
        self.read(row);
        self.said.iter().skip(1).map(|odds| sigmoid(*odds)).collect()
    }

    /// Learns an answer.
    pub fn learn(&mut self, row: &Encoded, yes: bool) {
        self.read(row);
        self.stack.learn(&self.said, yes);
        self.steady.learn(&self.dense, yes);
        self.forgetting.learn(&self.dense, yes);
        self.binned.learn(&self.bins, yes);
        if let Some((_, head)) = &mut self.curved {
            head.learn(&self.features, yes);
        }
        self.recent += (1.0 - self.settings.memory) * (f64::from(u8::from(yes)) - self.recent);
        self.answers += 1;
    }
}
