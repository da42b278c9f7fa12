//! For how long events are kept, and who may not be written to.

use attune_kernel::Timestamp;

use super::{NOW, append, event, ids};
use crate::domain::consent::{Consent, Kind};
use crate::domain::event::{Event, Filter};
use crate::store::{Store, body};

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
