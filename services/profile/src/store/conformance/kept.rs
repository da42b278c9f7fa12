//! For how long events are kept, who may not be written to, and who is to be looked at when.

use std::sync::Arc;
use std::time::Duration;

use attune_aggregate::{Declaration, Operation};
use attune_kernel::Timestamp;

use super::{NOW, append, event, ids};
use crate::domain::batch::Batch;
use crate::domain::catalogue::{self, Catalogue};
use crate::domain::consent::{Consent, Kind};
use crate::domain::event::{Event, Filter};
use crate::domain::rules::Rules;
use crate::domain::schema::Registry;
use crate::domain::segment::Segment;
use crate::store::{Once, Rewrite, Store, Work, body};

pub(super) async fn kinds_are_kept_for_their_time(store: &dyn Store) {
    let mut events: Vec<Event> = (0..7).map(|at| event(&format!("ki{at}"), "kim", "scroll", at, "k")).collect();
    events.push(event("ki7", "kim", "buy", 1, "k"));
    events.iter_mut().for_each(|event| event.session = "s1".to_owned());
    for event in &mut events {
        let mut message = body::message(event.body.expose(), "kim").unwrap();
        message.session_id = "s1".to_owned();
        *event = body::from_message(message, "kim", NOW);
    }
    store.work(append(events)).await.unwrap();
    let session = |id: &str| Filter { session: id.to_owned(), ascending: true, ..Filter::default() };
    assert_eq!(ids(store, "kim", &session("s1")).await.len(), 8);
    assert!(ids(store, "kim", &session("s2")).await.is_empty());
    let before = [("other".to_owned(), NOW), ("scroll".to_owned(), Timestamp::from_millis(4000))].into();
    let (mut removed, mut after): (u64, Option<Vec<u8>>) = (0, None);
    loop {
        let step = store.forget_events(&before, after.as_deref(), 3).await.unwrap();
        removed += step.removed;
        after = step.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(
        (removed, ids(store, "kim", &session("s1")).await),
        (4, ["ki7", "ki4", "ki5", "ki6"].map(str::to_owned).to_vec())
    );
    // What was forgotten is known: a late repeat brings nothing back.
    assert_eq!(store.work(append(vec![event("ki0", "kim", "scroll", 0, "k")])).await.unwrap().fresh, 0);
}

pub(super) async fn addresses_are_suppressed(store: &dyn Store) {
    let word = |purpose: &str, granted, millis| Consent {
        purpose: purpose.to_owned(),
        kind: Kind::Suppression,
        granted,
        time: Timestamp::from_millis(millis),
        ..Consent::default()
    };
    let (one, other) = (vec![1; 32], vec![2; 32]);
    assert!(store.suppressions(&one).await.unwrap().is_empty());
    let rules = vec![
        (one.clone(), word("", false, 1)),
        (other.clone(), word("x", false, 1)),
        (one.clone(), word("y", false, 1)),
    ];
    store.suppress(rules.clone()).await.unwrap();
    store.suppress(rules).await.unwrap();
    assert_eq!(store.suppressions(&one).await.unwrap(), [word("", false, 1), word("y", false, 1)]);
    store.suppress(vec![(one.clone(), word("", true, 2)), (one.clone(), word("y", true, 0))]).await.unwrap();
    assert_eq!(store.suppressions(&one).await.unwrap(), [word("", true, 2), word("y", false, 1)]);
    assert_eq!(store.suppressions(&other).await.unwrap(), [word("x", false, 1)]);
}

pub(super) async fn marks_are_kept(store: &dyn Store) {
    assert_eq!(store.mark("m").await.unwrap(), None);
    store.set_mark("m", "1").await.unwrap();
    store.set_mark("m", "2").await.unwrap();
    assert_eq!(store.mark("m").await.unwrap().as_deref(), Some("2"));
}

pub(super) async fn who_is_due_is_known_by_time(store: &dyn Store) {
    let away = Segment::new("away", "traits.days_since_last_event >= 3").unwrap();
    let rules: Arc<Rules> = Arc::new(vec![away].into());
    let day = Duration::from_secs(86_400);
    let yesterday = NOW.minus(day).as_millis() / 1000;
    let work = |events| Work { rules: Arc::clone(&rules), ..append(events) };
    store.work(work(vec![event("du1", "dua", "view", yesterday + 60, "k")])).await.unwrap();
    store.work(work(vec![event("du2", "dub", "view", yesterday, "k")])).await.unwrap();
    let due = async |after: Duration, limit| store.due(NOW.plus(after), limit).await.unwrap();
    assert!(due(Duration::from_secs(59), 10).await.is_empty());
    assert_eq!(due(Duration::from_secs(60), 10).await, ["dua"]);
    assert_eq!(due(2 * day, 10).await, ["dua", "dub"]);
    assert_eq!(due(2 * day, 1).await, ["dua"]);
    // Who was looked at is looked at again later only.
    let sweep = |persons: &[&str], now| Work {
        persons: persons.iter().map(|person| (*person).to_owned()).collect(),
        decide: Arc::new(|batch: &mut Batch, _| {
            batch.sweep();
            Ok(())
        }),
        fill: true,
        now,
        ..work(Vec::new())
    };
    store.work(sweep(&["dua"], NOW.plus(3 * day))).await.unwrap();
    assert_eq!(store.members("away", None, 10).await.unwrap(), ["dua"]);
    assert_eq!(due(2 * day, 10).await, ["dub"]);
    // A merge takes the due time along, an erasure removes it.
    let merge = Rewrite::Merge { surviving: "dua".to_owned(), merged: "dub".to_owned() };
    store.rewrite(Once::No, merge, Arc::clone(&rules), NOW.plus(3 * day)).await.unwrap();
    assert_eq!(due(9 * day, 10).await, ["dua"]);
    let erase = Rewrite::Erase { persons: vec!["dua".to_owned()] };
    store.rewrite(Once::No, erase, Arc::clone(&rules), NOW).await.unwrap();
    assert!(due(400 * day, 10).await.is_empty());
}

pub(super) async fn traits_that_lack_history_are_filled(store: &dyn Store) {
    let views = |id: &str, at| event(id, "fia", "view", at, "k");
    store.work(append(vec![views("fi1", 10), views("fi2", 20)])).await.unwrap();
    let mut declarations = catalogue::standard().to_vec();
    let views_of = Declaration { events: vec!["view".to_owned()], ..Declaration::new("views", Operation::Count) };
    declarations.push(views_of);
    let known = Arc::new(Catalogue::new(declarations).unwrap());
    let rules = Arc::new(Rules::new(Registry::open(), Arc::clone(&known), Vec::new(), Vec::new()));
    let work =
        |fill, events| Work { persons: vec!["fia".to_owned()], rules: Arc::clone(&rules), fill, ..append(events) };
    // An event that comes before is not lost, and asks for the rest.
    assert_eq!(store.work(work(false, vec![views("fi3", 30)])).await.unwrap().filled, 0);
    assert_eq!(store.due(NOW, 10).await.unwrap(), ["fia"]);
    assert_eq!(store.work(work(true, Vec::new())).await.unwrap().filled, 1);
    let fia = store.documents(&["fia".to_owned()]).await.unwrap().remove(0);
    assert_eq!(fia.traits.at(&known, NOW)["views"], 3);
    assert_eq!(store.work(work(true, vec![views("fi4", 40)])).await.unwrap().filled, 0);
    assert!(store.due(NOW, 10).await.unwrap().is_empty());
}
