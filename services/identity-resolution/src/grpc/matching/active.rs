//! The model in use.

use attune_kernel::Timestamp;
use attune_matching::{Model, Prepared};
use attune_storage::StorageError;

use super::Examined;
use crate::config::MatchingConfig;
use crate::domain::IdentifierKey;
use crate::domain::matching::{AttributeRecord, Attributes, Likeness, Thresholds};
use crate::store::records::{Comparable, Published};

/// A model with what follows from it.
pub(crate) struct Active {
    /// The model.
    pub(crate) model: Model,
    /// The text that it was read from: what is published again has the same version.
    pub(crate) json: String,
    /// Its version.
    pub(crate) version: String,
    /// Number of its publication; 0 for the default model.
    pub(crate) number: u64,
    /// When it was published.
    pub(crate) time: Option<Timestamp>,
    /// Who published it.
    pub(crate) actor: String,
    /// Where a pair begins to link, to be reviewed, to be a household.
    pub(crate) thresholds: Thresholds,
    /// What marks the forms and blocks that the model made.
    pub(crate) mark: u64,
}

impl Active {
    /// The model of a service that nobody has trained.
    pub(crate) fn default_model(config: &MatchingConfig) -> Self {
        let model = Model::default_model();
        let json = model.to_json();
        // Numbers may lose a last digit on their way through text, so even this one is read from its text.
        Self::new(Model::from_json(&json).unwrap_or(model), json, config)
    }

    /// A model that was published.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when it cannot be read.
    pub(crate) fn published(published: Published, config: &MatchingConfig) -> Result<Self, StorageError> {
        let model = Model::from_json(&published.json)
            .map_err(|error| StorageError::Corrupt(format!("matching model: {error}")))?;
        let (number, time, actor) = (published.number, Some(published.time), published.actor);
        Ok(Self { number, time, actor, ..Self::new(model, published.json, config) })
    }

    fn new(model: Model, json: String, config: &MatchingConfig) -> Self {
        let version = model.version();
        let link = if config.link_threshold > 0.0 { config.link_threshold } else { model.threshold() };
        let (review, household) = (config.review_threshold, config.household_threshold);
        let [mark, _] = halves(IdentifierKey::of("matching model", &version));
        let thresholds = Thresholds { link, review, household };
        Self { model, json, version, number: 0, time: None, actor: "default".to_owned(), thresholds, mark }
    }

    /// Attributes in comparable form; none when they say nothing that the model knows.
    pub(crate) fn prepare(&self, attributes: &Attributes) -> Option<Prepared> {
        let said: Vec<(&str, &str)> =
            attributes.iter().map(|(name, value)| (name.as_str(), value.expose().as_str())).collect();
        let prepared = self.model.prepare(&said);
        (!prepared.is_empty()).then_some(prepared)
    }

    /// What candidates of a form are found by. Marked, so that forms of two models never meet.
    pub(crate) fn blocks(&self, form: &Prepared) -> Vec<u64> {
        let mut blocks: Vec<u64> = self.model.blocking_keys(form).into_iter().map(|key| key ^ self.mark).collect();
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    }

    /// A record prepared by this model; none when it says nothing to it. Another model may have been put into use since
    /// the record was prepared.
    pub(super) fn renewed(&self, mut one: Examined) -> Option<Examined> {
        if one.record.model != self.mark {
            one.form = self.prepare(&one.record.attributes)?;
            (one.record.model, one.record.prepared) = (self.mark, one.form.encode());
            one.record.blocks = self.blocks(&one.form);
        }
        Some(one)
    }

    /// A stored form; none when another model made it.
    pub(crate) fn form(&self, comparable: &Comparable) -> Option<Prepared> {
        (comparable.model == self.mark).then(|| Prepared::decode(&comparable.prepared).ok()).flatten()
    }

    /// The form of a record, whichever model prepared it.
    pub(crate) fn form_of(&self, record: &AttributeRecord) -> Option<Prepared> {
        let stored = || Prepared::decode(&record.prepared).ok();
        if record.model == self.mark { stored() } else { self.prepare(&record.attributes) }
    }

    /// How alike two forms are.
    pub(crate) fn likeness(&self, one: &Prepared, other: &Prepared) -> Likeness {
        let score = self.model.score(one, other);
        Likeness { weight: score.weight, probability: score.probability, household: score.household }
    }
}

fn halves(key: IdentifierKey) -> [u64; 2] {
    let number = u128::from_be_bytes(key.0);
    let low = |number: u128| u64::try_from(number & u128::from(u64::MAX)).unwrap_or(0);
    [low(number >> 64), low(number)]
}
