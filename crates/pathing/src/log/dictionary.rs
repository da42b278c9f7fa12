//! Texts as numbers.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::build::LogFull;

/// Texts numbered from 0.
#[derive(Debug, Default, Clone)]
pub struct Dictionary {
    texts: Vec<Arc<str>>,
    codes: FxHashMap<Arc<str>, u32>,
}

impl Dictionary {
    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The text of a code.
    #[must_use]
    pub fn text(&self, code: u32) -> Option<&str> {
        self.texts.get(code as usize).map(|text| &**text)
    }

    /// The code of a text.
    #[must_use]
    pub fn code(&self, text: &str) -> Option<u32> {
        self.codes.get(text).copied()
    }

    /// The texts in the order of their codes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }

    /// The code of a text, given one when it is new. `u32::MAX` is never given: columns mark absence with it.
    pub(super) fn intern(&mut self, text: &str) -> Result<u32, LogFull> {
        if let Some(code) = self.codes.get(text) {
            return Ok(*code);
        }
        let code = u32::try_from(self.texts.len()).ok().filter(|code| *code < u32::MAX).ok_or(LogFull)?;
        let shared: Arc<str> = text.into();
        self.texts.push(Arc::clone(&shared));
        self.codes.insert(shared, code);
        Ok(code)
    }

    /// Renumbers in the order of the texts; answers the new code of each old one.
    pub(super) fn sort(&mut self) -> Vec<u32> {
        let mut order: Vec<u32> = (0u32..).take(self.texts.len()).collect();
        order.sort_unstable_by(|a, b| self.texts[*a as usize].cmp(&self.texts[*b as usize]));
        let mut ranks = vec![0; order.len()];
        for (rank, old) in (0u32..).zip(&order) {
            ranks[*old as usize] = rank;
        }
        self.texts = order.iter().map(|old| Arc::clone(&self.texts[*old as usize])).collect();
        for code in self.codes.values_mut() {
            *code = ranks[*code as usize];
        }
        ranks
    }
}
