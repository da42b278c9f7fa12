//! What a change of a person is judged by: the schema, the traits, the tags and the segments, as a process knows them.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use attune_aggregate::Watch;
use attune_expression::Schema;
use attune_kernel::Timestamp;
use sha2::{Digest as _, Sha256};

use super::catalogue::{self, Catalogue};
use super::document::Document;
use super::judge::Judge;
use super::schema::Registry;
use super::segment::{self, Segment};
use super::tag::{Basis, TagRule};

/// The schema, the traits, the tags and the segments, compiled together.
#[derive(Debug)]
pub struct Rules {
    registry: Registry,
    catalogue: Arc<Catalogue>,
    tags: Vec<TagRule>,
    segments: Vec<Segment>,
    /// For each rule of `judged_tags`, the tag it is of.
    of_tags: Vec<usize>,
    judged_tags: Judge,
    judged_segments: Judge,
    watch: Watch,
    schema: Option<Schema>,
    expires: bool,
    reads_scores: bool,
    reads_consents: bool,
    history: Duration,
    fingerprint: String,
}

impl Default for Rules {
    /// No tag or segment, the standard traits, and every attribute is taken as it is.
    fn default() -> Self {
        Vec::new().into()
    }
}

/// The default rules, compiled once.
#[must_use]
pub fn none() -> Arc<Rules> {
    static NONE: LazyLock<Arc<Rules>> = LazyLock::new(Arc::default);
    Arc::clone(&NONE)
}

impl From<Vec<Segment>> for Rules {
    /// These segments, the standard traits, and every attribute is taken as it is.
    fn from(segments: Vec<Segment>) -> Self {
        Self::new(Registry::open(), catalogue::default(), Vec::new(), segments)
    }
}

impl Rules {
    /// Compiles rules. `history` is how far back readings of traits stay exact, see [`kept_for`](Self::kept_for).
    #[must_use]
    pub fn new(registry: Registry, catalogue: Arc<Catalogue>, tags: Vec<TagRule>, segments: Vec<Segment>) -> Self {
        let (mut of_tags, mut programs) = (Vec::new(), Vec::new());
        for (number, tag) in tags.iter().enumerate() {
            if let Basis::Rule(rule) = &tag.basis {
                of_tags.push(number);
                programs.push(rule.program().clone());
            }
        }
        let judged_tags = Judge::new(programs, &catalogue);
        let judged_segments = Judge::new(segments.iter().map(|one| one.program().clone()), &catalogue);
        let read = judged_tags.slots().iter().chain(judged_segments.slots()).copied();
        let bands = tags.iter().any(|one| matches!(one.basis, Basis::Band { .. }));
        Self {
            watch: catalogue.engine().watch(read),
            schema: segment::typed(&registry, &catalogue),
            expires: registry.expires(),
            reads_scores: bands || judged_tags.reads_scores() || judged_segments.reads_scores(),
            reads_consents: judged_tags.reads_consents() || judged_segments.reads_consents(),
            history: Duration::ZERO,
            fingerprint: fingerprint(&registry, &catalogue, &tags, &segments),
            registry,
            catalogue,
            tags,
            segments,
            of_tags,
            judged_tags,
            judged_segments,
        }
    }

    /// The same, with traits that can be read as of times so far back. What only earlier times would read is trimmed.
    #[must_use]
    pub const fn kept_for(mut self, history: Duration) -> Self {
        self.history = history;
        self
    }

    /// Which attributes there are.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The declared traits.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The tags that rules and bands put on.
    #[must_use]
    pub fn tags(&self) -> &[TagRule] {
        &self.tags
    }

    /// The segments.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The rules of tags, and for each of them the number of its tag.
    #[must_use]
    pub fn judged_tags(&self) -> (&Judge, &[usize]) {
        (&self.judged_tags, &self.of_tags)
    }

    /// The rules of segments, numbered as they are.
    #[must_use]
    pub const fn judged_segments(&self) -> &Judge {
        &self.judged_segments
    }

    /// The traits that some rule reads.
    #[must_use]
    pub const fn watch(&self) -> &Watch {
        &self.watch
    }

    /// What a rule that is written now may name, with types.
    #[must_use]
    pub const fn schema(&self) -> Option<&Schema> {
        self.schema.as_ref()
    }

    /// Whether values of attributes are kept for a bounded time.
    #[must_use]
    pub const fn expires(&self) -> bool {
        self.expires
    }

    /// From when on traits are to be readable at `now`.
    #[must_use]
    pub fn kept_from(&self, now: Timestamp) -> Timestamp {
        now.minus(self.history)
    }

    /// A text that is another one whenever what persons are judged by changes.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whether a rule names the current time: nobody can foresee when it moves whom, so everybody is looked at now and then.
    #[must_use]
    pub fn reads_now(&self) -> bool {
        self.judged_tags.reads_now() || self.judged_segments.reads_now()
    }

    /// How many of the times at which tags begin or end for everybody have passed.
    #[must_use]
    pub fn passed(&self, now: Timestamp) -> usize {
        self.tags.iter().flat_map(|one| [one.from, one.until]).flatten().filter(|time| *time <= now).count()
    }

    /// When time alone is next to change what is known of a person: a trait that some rule reads, the end of a score or of a
    /// consent, or of the time for which a value is kept. None when no such time is known.
    #[must_use]
    pub fn next_change(&self, document: &Document, now: Timestamp) -> Option<Timestamp> {
        let traits = document.traits.next_change(&self.catalogue, now, &self.watch);
        let scores = document.scores.values().filter(|_| self.reads_scores).filter_map(|one| one.until);
        let consents = document.consents.iter().filter(|_| self.reads_consents).filter_map(|one| one.until);
        let values = self.expires.then(|| document.next_over(&self.registry, now)).flatten();
        let times = traits.into_iter().chain(scores).chain(consents).chain(values);
        times.filter(|time| *time > now).min()
    }
}

fn fingerprint(registry: &Registry, catalogue: &Catalogue, tags: &[TagRule], segments: &[Segment]) -> String {
    let mut hash = Sha256::new();
    let segments = segments.iter().flat_map(|one| [one.id(), one.source()]);
    let registry = registry.fingerprint();
    let tags = format!("{:?}", tags.iter().map(TagRule::mark).collect::<Vec<_>>());
    for part in segments.chain([registry.as_str(), tags.as_str(), catalogue.fingerprint()]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::score::Score;

    fn one(id: &str, rule: &str) -> Segment {
        Segment::new(id, rule).unwrap()
    }

    #[test]
    fn a_fingerprint_tells_rules_apart() {
        let rules = Rules::from(vec![one("a", "'x' in tags")]);
        let base = rules.fingerprint();
        assert_eq!(base, Rules::from(vec![one("a", "'x' in tags")]).fingerprint());
        for other in [vec![], vec![one("b", "'x' in tags")], vec![one("a", "'y' in tags")]] {
            assert_ne!(base, Rules::from(other).fingerprint());
        }
        let closed = |registry, catalogue| Rules::new(registry, catalogue, Vec::new(), vec![one("a", "'x' in tags")]);
        assert_ne!(base, closed(Registry::new([], false), catalogue::default()).fingerprint());
        let bank = Catalogue::new(catalogue::shipped("bank").unwrap()).unwrap();
        assert_ne!(base, closed(Registry::open(), Arc::new(bank)).fingerprint());
    }

    #[test]
    fn the_next_change_is_that_of_what_rules_read() {
        let at = Timestamp::from_millis;
        let mut document = Document::empty("p");
        let score = Score { value: 1.0, until: Some(at(50)), ..Score::default() };
        document.record_score("p", "churn", score).unwrap();
        let none = Rules::from(vec![one("a", "'x' in tags")]);
        assert_eq!(none.next_change(&document, at(10)), None);
        let scored = Rules::from(vec![one("a", "scores.churn > 0.5")]);
        assert_eq!(scored.next_change(&document, at(10)), Some(at(50)));
        assert_eq!(scored.next_change(&document, at(50)), None);
        assert!(
            Rules::from(vec![one("a", "now > timestamp('2026-01-01T00:00:00Z')")]).reads_now() && !scored.reads_now()
        );
    }
}
