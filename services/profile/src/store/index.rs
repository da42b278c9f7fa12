//! Everybody in memory, for questions about many persons at once.
//!
//! The index is built from the documents and follows every write: of this process as it is committed (whoever writes says so
//! to [`Snapshots`](super::Snapshots)), of other processes by [`Changes`](super::Changes). It is a copy: what it holds can
//! be lost at any moment and is read again from the store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use attune_audience::{Audience, Set, View};
use attune_expression::Value;
use attune_kernel::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::domain::audience;
use crate::domain::catalogue::Catalogue;
use crate::domain::document::Document;
use crate::error::{Error, NotReady};

/// What the index may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Persons; 0 switches it off.
    pub persons: usize,
    /// Columns.
    pub columns: usize,
}

/// The index; clones are the same.
#[derive(Clone)]
pub(crate) struct Index(Arc<Inner>);

struct Inner {
    bounds: Bounds,
    kept: Mutex<Kept>,
    /// Persons whose documents are to be read.
    pending: Mutex<std::collections::BTreeSet<String>>,
    news: Notify,
}

struct Kept {
    audience: Audience,
    state: State,
    began: Instant,
    built: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Building,
    Ready,
    TooLarge,
}

/// How the index is.
pub(crate) struct Standing {
    pub not_ready: Option<NotReady>,
    pub persons: usize,
    pub columns: usize,
    pub memory: usize,
    pub built: Duration,
    /// The memory of each column.
    pub by_column: BTreeMap<String, usize>,
}

impl Index {
    /// One that holds nobody yet.
    pub(crate) fn new(bounds: Bounds) -> Self {
        let kept =
            Kept { audience: Audience::new(), state: State::Building, began: Instant::now(), built: Duration::ZERO };
        Self(Arc::new(Inner { bounds, kept: Mutex::new(kept), pending: Mutex::default(), news: Notify::new() }))
    }

    /// Whether there is to be an index.
    pub(crate) fn is_on(&self) -> bool {
        self.0.bounds.persons > 0
    }

    /// Persons whose documents were written or removed.
    pub(crate) fn heard(&self, persons: &[String]) {
        if self.is_on() && !persons.is_empty() {
            self.0.pending.lock().extend(persons.iter().cloned());
            self.0.news.notify_one();
        }
    }

    /// Waits until somebody is heard of.
    pub(crate) async fn news(&self) {
        self.0.news.notified().await;
    }

    /// Takes up to so many of those heard of.
    pub(crate) fn take(&self, most: usize) -> Vec<String> {
        let mut pending = self.0.pending.lock();
        if pending.len() <= most {
            return std::mem::take(&mut *pending).into_iter().collect();
        }
        let last = pending.iter().nth(most).cloned();
        let rest = last.map(|last| pending.split_off(&last)).unwrap_or_default();
        std::mem::replace(&mut *pending, rest).into_iter().collect()
    }

    /// How many persons it holds.
    pub(crate) fn len(&self) -> usize {
        self.0.kept.lock().audience.len()
    }

    /// Begins anew with nobody.
    pub(crate) fn clear(&self) {
        let mut kept = self.0.kept.lock();
        *kept =
            Kept { audience: Audience::new(), state: State::Building, began: Instant::now(), built: Duration::ZERO };
    }

    /// Everybody is in it: questions are answered.
    pub(crate) fn complete(&self) {
        let mut kept = self.0.kept.lock();
        if kept.state == State::Building {
            kept.state = State::Ready;
            kept.built = kept.began.elapsed();
        }
    }

    /// Whether it was too large for its bounds.
    pub(crate) fn is_too_large(&self) -> bool {
        self.0.kept.lock().state == State::TooLarge
    }

    /// Takes in documents as they were read for these persons, in order. Who stands under another id or has no document is
    /// removed.
    pub(crate) fn apply(&self, asked: &[String], documents: &[Document], catalogue: &Catalogue, now: Timestamp) {
        let rows: Vec<Row<'_>> =
            asked.iter().zip(documents).map(|(asked, one)| Row::of(asked, one, catalogue, now)).collect();
        let mut kept = self.0.kept.lock();
        for row in rows {
            if kept.state != State::TooLarge {
                kept.put(row, self.0.bounds);
            }
        }
    }

    /// Removes who was erased, by the digests of their ids. Looks at everybody: erasures are rare.
    pub(crate) fn erase(&self, digests: &[Vec<u8>]) {
        let erased: std::collections::BTreeSet<&[u8]> = digests.iter().map(Vec::as_slice).collect();
        let view = self.0.kept.lock().audience.view();
        let rows = view.everybody();
        let persons = rows.iter().filter_map(|row| view.person(row));
        let gone: Vec<&str> = persons.filter(|person| erased.contains(super::digest(person).as_slice())).collect();
        let mut kept = self.0.kept.lock();
        for person in gone {
            kept.audience.remove(person);
        }
    }

    /// Everybody as of now.
    ///
    /// # Errors
    /// [`NotReady`].
    pub(crate) fn view(&self) -> Result<View, Error> {
        let kept = self.0.kept.lock();
        self.not_ready(&kept).map_or_else(|| Ok(kept.audience.view()), |why| Err(Error::Audience(why)))
    }

    /// Those who are not in it.
    pub(crate) fn strangers(&self, persons: &[String]) -> Vec<String> {
        let kept = self.0.kept.lock();
        persons.iter().filter(|person| kept.audience.row(person).is_none()).cloned().collect()
    }

    /// The same with the rows of persons; who is not in it has none.
    ///
    /// # Errors
    /// [`NotReady`].
    pub(crate) fn view_with(&self, lists: &[Vec<String>]) -> Result<(View, Vec<Set>), Error> {
        let kept = self.0.kept.lock();
        if let Some(why) = self.not_ready(&kept) {
            return Err(Error::Audience(why));
        }
        let rows = |list: &Vec<String>| list.iter().filter_map(|person| kept.audience.row(person)).collect();
        Ok((kept.audience.view(), lists.iter().map(rows).collect()))
    }

    /// How it is; by column only when it is ready.
    pub(crate) fn standing(&self) -> Standing {
        let (view, mut standing) = {
            let kept = self.0.kept.lock();
            let standing = Standing {
                not_ready: self.not_ready(&kept),
                persons: kept.audience.len(),
                columns: kept.audience.as_view().column_names().count(),
                memory: kept.audience.index_memory(),
                built: kept.built,
                by_column: BTreeMap::new(),
            };
            (kept.audience.view(), standing)
        };
        // Counted without the lock: every page of every column is looked at.
        standing.by_column = view.memory();
        standing.memory += standing.by_column.values().sum::<usize>();
        standing
    }

    fn not_ready(&self, kept: &Kept) -> Option<NotReady> {
        match kept.state {
            _ if !self.is_on() => Some(NotReady::Off),
            State::Building => Some(NotReady::Building { indexed: kept.audience.len() }),
            State::Ready => None,
            State::TooLarge => {
                Some(NotReady::TooLarge { persons: self.0.bounds.persons, columns: self.0.bounds.columns })
            }
        }
    }
}

impl Kept {
    fn put(&mut self, row: Row<'_>, bounds: Bounds) {
        if let Some(gone) = row.gone {
            self.audience.remove(gone);
        }
        let Some(person) = row.person else { return };
        let known = self.audience.row(person).is_some();
        let at = self.audience.admit(person);
        let mut set = Vec::with_capacity(row.values.len());
        for (name, value) in row.values {
            let column = self.audience.column(&name);
            self.audience.set(at, column, Some(value));
            set.push(column);
        }
        if known {
            set.sort_unstable();
            let named: Vec<_> = self.audience.columns().filter(|column| set.binary_search(column).is_err()).collect();
            for column in named {
                self.audience.set(at, column, None);
            }
        }
        if self.audience.len() > bounds.persons || self.audience.as_view().column_names().count() > bounds.columns {
            // Half an index would give wrong counts.
            self.state = State::TooLarge;
            self.audience = Audience::new();
        }
    }
}

/// What becomes of a person.
struct Row<'d> {
    /// The id that is no person any more.
    gone: Option<&'d str>,
    person: Option<&'d str>,
    values: Vec<(String, Value)>,
}

impl<'d> Row<'d> {
    fn of(asked: &'d str, document: &'d Document, catalogue: &Catalogue, now: Timestamp) -> Self {
        let person = (!document.is_new()).then_some(document.person_id.as_str());
        let gone = (person != Some(asked)).then_some(asked);
        let mut values = Vec::new();
        if person.is_some() {
            audience::values(document, catalogue, now, |column, value| values.push((column.to_owned(), value)));
        }
        Self { gone, person, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue;
    use crate::domain::document::{Attribute, Tag};

    const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

    fn document(person: &str, age: i64) -> Document {
        let mut document = Document::empty(person);
        document.revision = 1;
        document.set_attribute("age", Attribute { value: age.into(), ..Attribute::default() });
        document
    }

    fn ages(index: &Index) -> Vec<(String, Option<String>)> {
        let view = index.view().unwrap();
        let age = |row| view.value(row, "attributes.age").map(|value| format!("{value:?}"));
        let mut all: Vec<_> =
            view.everybody().iter().map(|row| (view.person(row).unwrap().to_owned(), age(row))).collect();
        all.sort();
        all
    }

    fn apply(index: &Index, documents: &[(&str, Document)]) {
        let (asked, documents): (Vec<String>, Vec<Document>) =
            documents.iter().map(|(asked, one)| ((*asked).to_owned(), one.clone())).unzip();
        index.apply(&asked, &documents, &catalogue::default(), NOW);
    }

    #[test]
    fn persons_come_change_and_go() {
        let index = Index::new(Bounds { persons: 10, columns: 100 });
        apply(&index, &[("a", document("a", 1)), ("b", document("b", 2))]);
        assert!(matches!(index.view(), Err(Error::Audience(NotReady::Building { indexed: 2 }))));
        index.complete();
        let mut tagged = document("a", 3);
        tagged.tags.insert("vip".to_owned(), Tag { source: String::new(), added: NOW });
        apply(&index, &[("a", tagged)]);
        assert_eq!(index.view().unwrap().holding("tags", "vip").len(), 1);
        // A value that is gone is gone from the row, the others stay.
        let mut without = document("a", 4);
        without.set_attribute(
            "age",
            Attribute { value: serde_json::Value::Null, event_time: NOW, ..Attribute::default() },
        );
        apply(&index, &[("a", without)]);
        assert_eq!(ages(&index), [("a".to_owned(), None), ("b".to_owned(), Some("Int(2)".to_owned()))]);
        assert!(index.view().unwrap().holding("tags", "vip").is_empty());
        // Merged away: the store answers the survivor. Erased: it answers nothing.
        apply(&index, &[("a", document("b", 5))]);
        assert_eq!(ages(&index), [("b".to_owned(), Some("Int(5)".to_owned()))]);
        apply(&index, &[("b", Document::empty("b")), ("c", document("c", 6)), ("d", document("d", 7))]);
        index.erase(&[super::super::digest("c"), super::super::digest("nobody")]);
        assert_eq!(ages(&index), [("d".to_owned(), Some("Int(7)".to_owned()))]);
    }

    #[test]
    fn beyond_its_bounds_it_holds_nobody_and_says_so() {
        let index = Index::new(Bounds { persons: 2, columns: 100 });
        apply(&index, &[("a", document("a", 1)), ("b", document("b", 2))]);
        assert!(!index.is_too_large());
        apply(&index, &[("c", document("c", 3))]);
        index.complete();
        assert!(index.is_too_large() && index.standing().persons == 0);
        assert!(matches!(index.view(), Err(Error::Audience(NotReady::TooLarge { persons: 2, .. }))));
        let columns = index_of_columns(3);
        let index = Index::new(Bounds { persons: 2, columns });
        apply(&index, &[("a", wide(3))]);
        assert!(!index.is_too_large());
        apply(&index, &[("a", wide(4))]);
        assert!(index.is_too_large());
    }

    fn wide(attributes: usize) -> Document {
        let mut document = document("a", 1);
        for number in 0..attributes {
            document.set_attribute(&format!("x{number}"), Attribute { value: 1.into(), ..Attribute::default() });
        }
        document
    }

    fn index_of_columns(attributes: usize) -> usize {
        let index = Index::new(Bounds { persons: 2, columns: 1000 });
        apply(&index, &[("a", wide(attributes))]);
        index.standing().columns
    }

    #[test]
    fn who_is_heard_of_is_taken_once_and_in_parts() {
        let index = Index::new(Bounds { persons: 10, columns: 10 });
        index.heard(&["b".to_owned(), "a".to_owned(), "b".to_owned(), "c".to_owned()]);
        assert_eq!((index.take(2), index.take(2), index.take(2)), (ids(&["a", "b"]), ids(&["c"]), ids(&[])));
        let off = Index::new(Bounds { persons: 0, columns: 10 });
        off.heard(&ids(&["a"]));
        assert!(off.take(2).is_empty() && matches!(off.view(), Err(Error::Audience(NotReady::Off))));
    }

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }
}
