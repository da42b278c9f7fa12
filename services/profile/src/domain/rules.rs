//! What a change of a person is judged by: the schema, the tags and the segments, as a process knows them.

use sha2::{Digest as _, Sha256};

use super::schema::Registry;
use super::segment::Segment;
use super::tag::TagRule;

/// The schema, the tags and the segments.
#[derive(Debug)]
pub struct Rules {
    /// Which attributes there are.
    pub registry: Registry,
    /// The tags that rules and bands put on.
    pub tags: Vec<TagRule>,
    /// The segments.
    pub segments: Vec<Segment>,
}

impl Default for Rules {
    /// No tag or segment, and every attribute is taken as it is.
    fn default() -> Self {
        Vec::new().into()
    }
}

impl From<Vec<Segment>> for Rules {
    /// These segments, and every attribute is taken as it is.
    fn from(segments: Vec<Segment>) -> Self {
        Self { registry: Registry::open(), tags: Vec::new(), segments }
    }
}

impl Rules {
    /// A text that is another one whenever what persons are judged by changes.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let segments = self.segments.iter().flat_map(|one| [one.id(), one.source()]);
        let registry = self.registry.fingerprint();
        let tags = format!("{:?}", self.tags.iter().map(TagRule::mark).collect::<Vec<_>>());
        for part in segments.chain([registry.as_str(), tags.as_str()]) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether time alone may change what is known of somebody.
    #[must_use]
    pub fn may_read_time(&self) -> bool {
        self.registry.expires()
            || self.tags.iter().any(TagRule::may_read_time)
            || self.segments.iter().any(Segment::may_read_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_tells_rules_apart() {
        let one = |id, rule| Segment::new(id, rule).unwrap();
        let base = Rules::from(vec![one("a", "'x' in tags")]).fingerprint();
        assert_eq!(base, Rules::from(vec![one("a", "'x' in tags")]).fingerprint());
        for other in [vec![], vec![one("b", "'x' in tags")], vec![one("a", "'y' in tags")]] {
            assert_ne!(base, Rules::from(other).fingerprint());
        }
        let closed = Rules { registry: Registry::new([], false), ..Rules::from(vec![one("a", "'x' in tags")]) };
        assert_ne!(base, closed.fingerprint());
    }
}
