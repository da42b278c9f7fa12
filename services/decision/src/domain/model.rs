//! What is learned: how often each offer was answered on each channel, and the posterior that follows.
//!
//! The prior of an offer on a channel is hierarchical. At the top stands the marketer's starting propensity `m0`, worth
//! `e0` responses. What the *other* channels taught, `positives` of `trials`, moves the mean to
//! `m = (m0 e0 + positives) / (e0 + trials)`; it counts on this channel for `e0 + min(trials, transfer)` responses, so
//! that another channel can start this one but not outvote it. What this channel taught is then added:
//! `Beta(m e + positives here, (1 - m) e + trials here - positives here)`.

use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;

use super::beta::{self, PARTS};

/// Answers to an offer on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// How often it was seen, each decision once.
    pub trials: u64,
    /// How often the answer was positive, each decision once. Never more than `trials`.
    pub positives: u64,
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        Self { trials: self.trials + other.trials, positives: self.positives + other.positives }
    }
}

/// The counts of one offer on one channel after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    /// The offer.
    pub offer: String,
    /// The channel.
    pub channel: String,
    /// Its counts now.
    pub counts: Counts,
}

/// What is expected of an offer before anything is learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// The expected propensity, strictly between 0 and 1.
    pub mean: f64,
    /// How many responses the expectation is worth, more than 0.
    pub evidence: f64,
}

impl Prior {
    /// The nearest prior that a beta distribution can express.
    #[must_use]
    pub fn clamped(mean: f64, evidence: f64) -> Self {
        Self { mean: mean.clamp(1e-6, 1.0 - 1e-6), evidence: evidence.clamp(1e-3, 1e9) }
    }
}

/// What is believed of a propensity: a beta distribution, with the quantiles that stand for it.
#[derive(Debug)]
pub struct Posterior {
    alpha: f64,
    beta: f64,
    atoms: OnceLock<[f64; PARTS]>,
}

impl Posterior {
    /// `Beta(alpha, beta)`; both more than 0.
    #[must_use]
    pub const fn new(alpha: f64, beta: f64) -> Self {
        Self { alpha, beta, atoms: OnceLock::new() }
    }

    /// The first parameter.
    #[must_use]
    pub const fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The second parameter.
    #[must_use]
    pub const fn beta(&self) -> f64 {
        self.beta
    }

    /// The mean.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }

    /// Equiprobable values that stand for the distribution, ascending; computed at the first call.
    pub fn atoms(&self) -> &[f64; PARTS] {
        self.atoms.get_or_init(|| beta::midpoints(self.alpha, self.beta))
    }
}

/// One offer's posteriors.
#[derive(Debug)]
struct OfferModel {
    counts: FxHashMap<String, Counts>,
    posteriors: FxHashMap<String, Arc<Posterior>>,
    /// For a channel on which the offer was not seen yet.
    elsewhere: Arc<Posterior>,
}

/// The model at one version: immutable, shared by the decisions that read it.
#[derive(Debug, Clone, Default)]
pub struct Model {
    version: u64,
    transfer: f64,
    default_prior: Option<Prior>,
    priors: Arc<FxHashMap<String, Prior>>,
    offers: Arc<FxHashMap<String, Arc<OfferModel>>>,
}

impl Model {
    /// The model of these counts.
    ///
    /// `priors` holds the offers whose marketer expects something, `default_prior` is for the others, `transfer` is how
    /// many responses on other channels count at most.
    #[must_use]
    pub fn new(
        version: u64,
        counts: Vec<Learned>,
        priors: Arc<FxHashMap<String, Prior>>,
        default_prior: Prior,
        transfer: f64,
    ) -> Self {
        let mut by_offer: FxHashMap<String, FxHashMap<String, Counts>> = FxHashMap::default();
        for learned in counts {
            by_offer.entry(learned.offer).or_default().insert(learned.channel, learned.counts);
        }
        for offer in priors.keys() {
            by_offer.entry(offer.clone()).or_default();
        }
        let mut shared = Interned::default();
        let mut model = Self { version, transfer, default_prior: Some(default_prior), priors, offers: Arc::default() };
        let offers = by_offer.into_iter().map(|(offer, counts)| {
            let built = Arc::new(model.offer(&offer, counts, &mut shared));
            (offer, built)
        });
        model.offers = Arc::new(offers.collect());
        model
    }

    /// The version: rises with everything learned.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The model after `learned`; offers that it does not name keep their computed quantiles.
    #[must_use]
    pub fn apply(&self, version: u64, learned: Vec<Learned>) -> Self {
        let mut next = self.clone();
        next.version = version;
        let mut by_offer: FxHashMap<String, FxHashMap<String, Counts>> = FxHashMap::default();
        for learned in learned {
            let known = || self.offers.get(&learned.offer).map(|offer| offer.counts.clone()).unwrap_or_default();
            by_offer.entry(learned.offer.clone()).or_insert_with(known).insert(learned.channel, learned.counts);
        }
        let offers = Arc::make_mut(&mut next.offers);
        for (offer, counts) in by_offer {
            let built = self.offer(&offer, counts, &mut Interned::default());
            offers.insert(offer, Arc::new(built));
        }
        next
    }

    /// The counts it was built from, in no particular order.
    #[must_use]
    pub fn counts(&self) -> Vec<Learned> {
        let all = self.offers.iter().flat_map(|(offer, model)| {
            let learned = |(channel, counts): (&String, &Counts)| Learned {
                offer: offer.clone(),
                channel: channel.clone(),
                counts: *counts,
            };
            model.counts.iter().map(learned)
        });
        all.collect()
    }

    /// What is believed of an offer on a channel.
    #[must_use]
    pub fn posterior(&self, offer: &str, channel: &str) -> Arc<Posterior> {
        match self.offers.get(offer) {
            Some(model) => model.posteriors.get(channel).unwrap_or(&model.elsewhere).clone(),
            None => Arc::new(posterior(self.prior(offer), Counts::default(), Counts::default(), self.transfer)),
        }
    }

    fn prior(&self, offer: &str) -> Prior {
        let uninformed = Prior { mean: 0.5, evidence: 2.0 };
        self.priors.get(offer).copied().or(self.default_prior).unwrap_or(uninformed)
    }

    fn offer(&self, offer: &str, counts: FxHashMap<String, Counts>, shared: &mut Interned) -> OfferModel {
        let prior = self.prior(offer);
        let all = counts.values().fold(Counts::default(), |sum, counts| sum.plus(*counts));
        let posteriors = counts.iter().map(|(channel, here)| {
            let others = Counts { trials: all.trials - here.trials, positives: all.positives - here.positives };
            (channel.clone(), shared.get(posterior(prior, others, *here, self.transfer)))
        });
        let posteriors = posteriors.collect();
        let elsewhere = shared.get(posterior(prior, all, Counts::default(), self.transfer));
        OfferModel { counts, posteriors, elsewhere }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn posterior(prior: Prior, others: Counts, here: Counts, transfer: f64) -> Posterior {
    let (trials, positives) = (others.trials as f64, others.positives as f64);
    let mean = (prior.mean * prior.evidence + positives) / (prior.evidence + trials);
    let evidence = prior.evidence + trials.min(transfer);
    let failures = here.trials.saturating_sub(here.positives) as f64;
    Posterior::new(mean * evidence + here.positives as f64, (1.0 - mean) * evidence + failures)
}

/// Equal posteriors share their quantiles: a thousand offers that nobody saw cost one computation.
#[derive(Default)]
struct Interned(FxHashMap<(u64, u64), Arc<Posterior>>);

impl Interned {
    fn get(&mut self, posterior: Posterior) -> Arc<Posterior> {
        let key = (posterior.alpha.to_bits(), posterior.beta.to_bits());
        self.0.entry(key).or_insert_with(|| Arc::new(posterior)).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(offer: &str, channel: &str, trials: u64, positives: u64) -> Learned {
        Learned { offer: offer.into(), channel: channel.into(), counts: Counts { trials, positives } }
    }

    fn model(counts: Vec<Learned>) -> Model {
        let priors = FxHashMap::from_iter([("bold".to_owned(), Prior::clamped(0.5, 10.0))]);
        Model::new(3, counts, Arc::new(priors), Prior::clamped(0.1, 10.0), 20.0)
    }

    #[test]
    fn a_single_channel_is_plain_beta_bernoulli() {
        let posterior = model(vec![learned("a", "web", 30, 4)]).posterior("a", "web");
        assert!((posterior.alpha() - 5.0).abs() < 1e-12 && (posterior.beta() - 35.0).abs() < 1e-12);
        let unseen = model(Vec::new()).posterior("a", "web");
        assert!((unseen.mean() - 0.1).abs() < 1e-12);
        assert!((model(Vec::new()).posterior("bold", "web").mean() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn another_channel_starts_this_one_but_does_not_outvote_it() {
        let model = model(vec![learned("a", "web", 10_000, 9000), learned("a", "app", 200, 0)]);
        let fresh = model.posterior("a", "mail");
        assert!(fresh.mean() > 0.85 && fresh.alpha() + fresh.beta() < 31.0);
        assert!(model.posterior("a", "app").mean() < 0.13);
    }

    #[test]
    fn applying_equals_building_anew() {
        let first = model(vec![learned("a", "web", 10, 1), learned("b", "web", 5, 5)]);
        let changed =
            first.apply(4, vec![learned("a", "app", 3, 3), learned("a", "web", 11, 1), learned("c", "web", 1, 0)]);
        let anew = model(vec![
            learned("a", "app", 3, 3),
            learned("a", "web", 11, 1),
            learned("b", "web", 5, 5),
            learned("c", "web", 1, 0),
        ]);
        for (offer, channel) in [("a", "web"), ("a", "app"), ("b", "web"), ("c", "web"), ("a", "mail"), ("bold", "x")] {
            let (left, right) = (changed.posterior(offer, channel), anew.posterior(offer, channel));
            assert_eq!((left.alpha(), left.beta()), (right.alpha(), right.beta()), "{offer} {channel}");
        }
        assert_eq!(changed.version(), 4);
        let sorted = |model: &Model| {
            let mut counts = model.counts();
            counts.sort_by(|a, b| (&a.offer, &a.channel).cmp(&(&b.offer, &b.channel)));
            counts
        };
        assert_eq!(sorted(&changed), sorted(&anew));
    }
}
