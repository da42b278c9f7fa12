//! What lies in a cart: for each item the last word on it.

use crate::codec::{Reader, put, put_wide};
use crate::dictionary::Dictionary;
use crate::event::Key;

use super::Place;
use super::point::{place, put_place};

/// Items kept, those taken out since the cart was last emptied included: the ones that were touched last.
pub const MAX_ITEMS: usize = 128;

/// The last word on an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    /// The number of its text.
    pub(crate) item: u32,
    pub(crate) place: Place,
    /// How many, in millionths; absent when it was taken out.
    pub(crate) quantity: Option<i64>,
}

/// The last words on items since the cart was emptied.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cart {
    /// By item.
    words: Vec<Word>,
    cleared: Option<Place>,
}

impl Cart {
    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty() && self.cleared.is_none()
    }

    pub(crate) fn words(&self) -> &[Word] {
        &self.words
    }

    pub(crate) fn cleared(&self) -> Option<Place> {
        self.cleared
    }

    pub(crate) fn put(&mut self, key: &Key<'_>, place: Place, quantity: Option<i64>, texts: &mut Dictionary) {
        if self.cleared.is_none_or(|cleared| place > cleared) {
            self.merge(Word { item: texts.intern(key.hash, &key.text), place, quantity });
        }
    }

    fn merge(&mut self, word: Word) {
        match self.words.binary_search_by_key(&word.item, |word| word.item) {
            Ok(at) if self.words[at].place < word.place => self.words[at] = word,
            Ok(_) => {}
            Err(at) => {
                self.words.insert(at, word);
                if self.words.len() > MAX_ITEMS
                    && let Some(oldest) = self.words.iter().map(|word| word.place).min()
                {
                    self.words.retain(|word| word.place != oldest);
                }
            }
        }
    }

    pub(crate) fn clear(&mut self, place: Place) {
        if self.cleared.is_none_or(|cleared| place > cleared) {
            self.cleared = Some(place);
            self.words.retain(|word| word.place > place);
        }
    }

    /// Whether an event is not the last word, so that it can go without a trace.
    pub(crate) fn is_behind(&self, hash: u64, place: Place, texts: &Dictionary) -> bool {
        let at = texts.find(hash).and_then(|item| self.words.binary_search_by_key(&item, |word| word.item).ok());
        at.is_none_or(|at| self.words[at].place != place)
    }

    pub(crate) fn absorb(&mut self, other: &Self, map: &[u32]) {
        if let Some(place) = other.cleared {
            self.clear(place);
        }
        for word in &other.words {
            if self.cleared.is_none_or(|cleared| word.place > cleared) {
                self.merge(Word { item: map.get(word.item as usize).copied().unwrap_or(u32::MAX), ..*word });
            }
        }
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(i64) -> bool) {
        self.words.retain(|word| keep(word.place.0));
        self.cleared = self.cleared.filter(|cleared| keep(cleared.0));
    }

    pub(crate) fn texts(&mut self, visit: &mut impl FnMut(&mut u32)) {
        self.words.iter_mut().for_each(|word| visit(&mut word.item));
    }

    pub(crate) fn sort(&mut self) {
        self.words.sort_unstable_by_key(|word| word.item);
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put(out, (self.words.len() as u64) << 1 | u64::from(self.cleared.is_some()));
        if let Some(cleared) = self.cleared {
            put_place(out, cleared);
        }
        let mut before = 0;
        for word in &self.words {
            put(out, u64::from(word.item - before) << 1 | u64::from(word.quantity.is_some()));
            put_place(out, word.place);
            if let Some(quantity) = word.quantity {
                put_wide(out, i128::from(quantity));
            }
            before = word.item;
        }
    }

    pub(crate) fn forget(&mut self) {
        self.words.clear();
        self.cleared = None;
    }

    /// Reads words in the place of those that are held.
    pub(crate) fn refill(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.forget();
        let head = from.number()?;
        if head & 1 == 1 {
            self.cleared = Some(place(from)?);
        }
        let count = usize::try_from(head >> 1).ok()?;
        if count > from.0.len() / 18 {
            return None;
        }
        let words = &mut self.words;
        words.reserve(count);
        let mut item = 0_u32;
        for index in 0..count {
            let head = from.number()?;
            let step = u32::try_from(head >> 1).ok()?;
            if index > 0 && step == 0 {
                return None;
            }
            item = item.checked_add(step)?;
            let place = place(from)?;
            let quantity = if head & 1 == 1 { Some(i64::try_from(from.wide()?).ok()?) } else { None };
            words.push(Word { item, place, quantity });
        }
        Some(())
    }
}
