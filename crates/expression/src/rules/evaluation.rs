//! What one evaluation of a rule set found out.

use super::atom::Truth;

/// The satisfied rules, and the predicates computed on the way, which explanations use again.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    satisfied: Vec<u64>,
    held: Vec<u64>,
    /// Predicates that are false or failed.
    failed: Vec<u64>,
    /// Those of `failed` that have no truth.
    errors: Vec<u64>,
    computed: usize,
}

fn bit(words: &[u64], index: usize) -> bool {
    words.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
}

fn set(words: &mut [u64], index: usize) {
    if let Some(word) = words.get_mut(index / 64) {
        *word |= 1 << (index % 64);
    }
}

impl Evaluation {
    /// Whether a rule is satisfied.
    #[must_use]
    pub fn is_satisfied(&self, rule: usize) -> bool {
        bit(&self.satisfied, rule)
    }

    /// The numbers of the satisfied rules, ascending.
    pub fn satisfied(&self) -> impl Iterator<Item = usize> {
        self.satisfied.iter().enumerate().flat_map(|(word, bits)| {
            let mut bits = *bits;
            std::iter::from_fn(move || {
                let next = (bits != 0).then(|| word * 64 + bits.trailing_zeros() as usize);
                bits &= bits.wrapping_sub(1);
                next
            })
        })
    }

    /// The satisfied rules as a bitmap: rule `n` is bit `n % 64` of word `n / 64`.
    #[must_use]
    pub fn bitmap(&self) -> &[u64] {
        &self.satisfied
    }

    /// How many distinct predicates have been computed.
    #[must_use]
    pub fn computed(&self) -> usize {
        self.computed
    }

    pub(super) fn reset(&mut self, rules: usize, atoms: usize) {
        for (words, bits) in [
            (&mut self.satisfied, rules),
            (&mut self.held, atoms),
            (&mut self.failed, atoms),
            (&mut self.errors, atoms),
        ] {
            words.clear();
            words.resize(bits.div_ceil(64), 0);
        }
        self.computed = 0;
    }

    pub(super) fn satisfy(&mut self, rule: usize) {
        set(&mut self.satisfied, rule);
    }

    #[inline]
    pub(super) fn held(&self, word: u32) -> u64 {
        self.held.get(word as usize).copied().unwrap_or_default()
    }

    #[inline]
    pub(super) fn failed(&self, word: u32) -> u64 {
        self.failed.get(word as usize).copied().unwrap_or_default()
    }

    pub(super) fn known(&self, atom: u32) -> Option<Truth> {
        let atom = atom as usize;
        match (bit(&self.held, atom), bit(&self.failed, atom)) {
            (true, _) => Some(Truth::True),
            (_, true) if bit(&self.errors, atom) => Some(Truth::Error),
            (_, true) => Some(Truth::False),
            _ => None,
        }
    }

    pub(super) fn learn(&mut self, atom: u32, truth: Truth) {
        self.computed += 1;
        let atom = atom as usize;
        match truth {
            Truth::True => set(&mut self.held, atom),
            Truth::False => set(&mut self.failed, atom),
            Truth::Error => {
                set(&mut self.failed, atom);
                set(&mut self.errors, atom);
            }
        }
    }
}
